"""Train and evaluate the networks of several seeds together."""

import numpy as np
import torch
import torch.nn.functional as F

from .networks import clip_norms, stream

__all__ = ["classification_metrics", "error_and_nll", "fit", "outputs", "regression_metrics"]


def fit(
    net,
    features,
    targets,
    seeds,
    *,
    epochs,
    batch_size,
    lr,
    momentum=0.9,
    weight_decay=0.0,
    max_norm=None,
    optimizer="sgd",
    decay=True,
    masks=1,
    on_epoch=None,
    on_step=None,
    on_batch=None,
):
    """Train `net` in place by minibatches, and return it in evaluation mode.

    The order of the rows is drawn for each seed and
    does not depend on the arm. Integer targets mean cross-entropy, others half squared error.

    Parameters
    ----------
    net : torch.nn.Module
        Takes (S, B, in) to (S, B, out), such as `networks.mlp`.
    features, targets : ndarray
        Shared by all seeds, (N, in) and (N,) or (N, out); or for each seed, with S in front.
    seeds : sequence of int
        The S seeds.
    epochs, batch_size : int
        The last, incomplete batch of an epoch is left out.
    lr : float
        First learning rate.
    momentum, weight_decay : float
        Of the optimizer; `momentum` of SGD only.
    max_norm : float, optional
        Limit of `networks.clip_norms`, applied after each step.
    optimizer : {"sgd", "adam", "adamw"}
        Kind of the step; "adamw" takes the weight decay apart from the gradient.
    decay : bool
        Whether the learning rate falls linearly to zero; otherwise it is constant.
    masks : int
        Masks drawn for each row of a batch, over which its loss is averaged.
    on_epoch : callable, optional
        Called as ``on_epoch(epoch, net)`` after each epoch, in evaluation mode, for curves; if
        it returns True the training ends.
    on_step : callable, optional
        Called without arguments after each step, such as `dropoutlib.schedules.Scheduler.step`.
    on_batch : callable, optional
        From the inputs and targets of a batch to those that are trained with; targets may become
        probabilities of the classes, (S, B, C), as label smoothing makes.

    Returns
    -------
    torch.nn.Module
        `net`.

    Raises
    ------
    ValueError
        If the batch is larger than the data, or for an unknown optimizer.
    """
    seeds = list(seeds)
    shared = features.ndim == 2
    x, y = torch.as_tensor(features), torch.as_tensor(targets)
    rows = x.shape[0 if shared else 1]
    if not 0 < batch_size <= rows:
        raise ValueError(f"batch_size={batch_size} does not fit {rows} rows")
    steps = rows // batch_size
    step_rule = _optimizer(optimizer, net, lr, momentum, weight_decay)
    orders = [stream(seed, "order") for seed in seeds]
    which = torch.arange(len(seeds))[:, None]
    net.train()
    for epoch in range(epochs):
        order = torch.from_numpy(np.stack([rng.permutation(rows) for rng in orders]))
        for step in range(steps):
            done = (epoch * steps + step) / (epochs * steps)
            step_rule.param_groups[0]["lr"] = lr * (1 - done) if decay else lr
            batch = order[:, step * batch_size : (step + 1) * batch_size]
            pick = batch if shared else (which, batch)
            step_rule.zero_grad()
            inputs, wanted = x[pick], y[pick]
            if masks > 1:
                inputs, wanted = (each.repeat_interleave(masks, 1) for each in (inputs, wanted))
            if on_batch is not None:
                inputs, wanted = on_batch(inputs, wanted)
            _loss(net(inputs), wanted, soft=y.dtype == torch.int64).backward()
            step_rule.step()
            if max_norm is not None:
                clip_norms(net, max_norm)
            if on_step is not None:
                on_step()
        if on_epoch is not None:
            net.eval()
            if on_epoch(epoch, net):
                break
            net.train()
    return net.eval()


def _optimizer(name, net, lr, momentum, weight_decay):
    if name == "sgd":
        more = {"momentum": momentum, "weight_decay": weight_decay}
        return torch.optim.SGD(net.parameters(), lr=lr, fused=True, **more)
    if name == "adam":
        return torch.optim.Adam(net.parameters(), lr=lr, fused=True, weight_decay=weight_decay)
    if name == "adamw":
        return torch.optim.AdamW(net.parameters(), lr=lr, fused=True, weight_decay=weight_decay)
    raise ValueError(f"optimizer must be 'sgd', 'adam' or 'adamw', got {name!r}")


def _loss(output, targets, soft=False):
    """Sum over the seeds of the mean loss of a batch, so that each seed has its own gradient.

    With `soft`, targets that are not integers are probabilities of the classes.
    """
    if targets.dtype == torch.int64 or soft:
        targets = targets.flatten(0, 1)
        each = F.cross_entropy(output.flatten(0, 1), targets, reduction="sum")
    else:
        each = 0.5 * (output - targets.reshape(output.shape)).square().sum()
    return each / output.shape[1]


@torch.no_grad()
def outputs(net, features, *, batch_size=2000):
    """Outputs of every seed in evaluation mode, or with fresh masks if `net` is in training mode.

    Parameters
    ----------
    net : torch.nn.Module
        Takes (S, B, in) to (S, B, out).
    features : ndarray, shape (N, in) or (S, N, in)
        Rows; those without seeds are given to every seed.
    batch_size : int
        Rows at a time.

    Returns
    -------
    ndarray, shape (S, N, out)
    """
    seeds = next(net.parameters()).shape[0]
    x = torch.as_tensor(features)
    x = x.expand(seeds, *x.shape) if x.dim() == 2 else x
    return torch.cat([net(part) for part in x.split(batch_size, dim=1)], dim=1).numpy()


def classification_metrics(logits, labels):
    """Error rate, mean negative log-likelihood and the wrong rows of one seed.

    Parameters
    ----------
    logits : ndarray, shape (N, C)
    labels : ndarray of int, shape (N,)

    Returns
    -------
    dict
        ``error``, ``nll`` in nats, and ``wrong``, the sorted indices of the errors, from which
        arms can be compared row by row.
    """
    logits = np.asarray(logits, dtype=np.float64)
    log_sum = np.logaddexp.reduce(logits, axis=1)
    wrong = np.flatnonzero(logits.argmax(axis=1) != labels)
    nll = log_sum - logits[np.arange(len(labels)), labels]
    return {"error": len(wrong) / len(labels), "nll": float(nll.mean()), "wrong": wrong.tolist()}


def error_and_nll(net, features, labels):
    """Error rate and mean negative log-likelihood of each seed, without the wrong rows.

    Parameters
    ----------
    net : torch.nn.Module
        In evaluation mode.
    features, labels : ndarray
        Shared by all seeds, (N, in) and (N,), or for each seed, with S in front.

    Returns
    -------
    list of dict
        ``error`` and ``nll`` of each seed.
    """
    judged = outputs(net, features)
    own = np.broadcast_to(labels, judged.shape[:2])
    metrics = [classification_metrics(*pair) for pair in zip(judged, own, strict=True)]
    return [{"error": found["error"], "nll": found["nll"]} for found in metrics]


def regression_metrics(prediction, targets):
    """Root mean squared error of one seed.

    Parameters
    ----------
    prediction, targets : ndarray, shape (N,) or (N, 1)

    Returns
    -------
    dict
        ``rmse``, in the units of the targets.
    """
    difference = np.ravel(prediction).astype(np.float64) - np.ravel(targets)
    return {"rmse": float(np.sqrt(np.mean(difference**2)))}
