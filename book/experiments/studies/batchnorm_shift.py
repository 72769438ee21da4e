"""Dropout before and after batch normalisation, and the shift of variance between them."""

import itertools

from torch import nn

from ..images import parts
from ..networks import SeedDropout, SeedLinear, stream
from ..registry import experiment
from ..structures import SeedBatchNorm, retake_statistics
from ..training import classification_metrics, fit, outputs

ARMS = ("none", "before", "after")


def network(sizes, seeds, arm, p):
    """Linear, ReLU, then dropout and batch normalisation in the order of the arm."""
    weights = [stream(seed, "weights") for seed in seeds]
    masks = [stream(seed, "masks") for seed in seeds]
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        dropout = SeedDropout(0.0 if arm == "none" else p, masks)
        norm = SeedBatchNorm(len(seeds), fan_out)
        pair = [norm, dropout] if arm == "after" else [dropout, norm]
        layers += [SeedLinear(fan_in, fan_out, weights), nn.ReLU(), *pair]
    return nn.Sequential(*layers, SeedLinear(sizes[-2], sizes[-1], weights))


@experiment(
    "R12",
    title="Batch normalisation: half of the units dropped before it, after it, or none",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1004),
    settings={
        "data": "mnist_5k",
        "judged_by": "test",
        "rows": 600,
        "width": 128,
        "p": 0.5,
        "epochs": 50,
        "batch_size": 50,
        "lr": 0.001,
    },
    pilot={"judged_by": "held out"},
    small={"rows": 300, "width": 64, "epochs": 10},
    small_seeds=range(2),
    batch=10,
    tolerance=0.25,
)
def batchnorm_shift(seeds, arm, *, data, judged_by, rows, width, p, epochs, batch_size, lr):
    """Train d-n-n-10, and compare the variance that the first normalisation sees.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "before", "after"}
        Where dropout stands.
    data, judged_by, rows
        As for `images.parts`.
    width : int
        Units of both hidden layers.
    p : float
        Probability of dropping.
    epochs, batch_size, lr
        As for `training.fit`, with Adam.

    Returns
    -------
    list of dict
        ``error`` and ``nll`` of the judging rows, ``train_nll`` of the training rows, all in
        evaluation mode; ``error_mended`` after the running statistics were taken anew without
        dropout. For the first layer: ``ratio``, the variance of its units on the training rows
        in evaluation, summed, over that stored in training; ``ratio_judged``, the same with
        the variance on the judging rows; and ``formula``, what ``thm-bn-variance-shift`` says
        from the means and variances in evaluation alone.
    """
    x, y, x_judge, y_judge = parts(data, rows, seeds, judged_by)
    net = network((x.shape[2], width, width, 10), seeds, arm, p)
    step = {"optimizer": "adam", "lr": lr}
    fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, **step)
    judged, trained = outputs(net, x_judge), outputs(net, x)
    shifts = _shifts(net, x, x_judge, seeds)
    retake_statistics(net, x)
    mended = outputs(net, x_judge)
    found = []
    for s in range(len(seeds)):
        metrics = classification_metrics(judged[s], y_judge)
        del metrics["wrong"]
        metrics["train_nll"] = classification_metrics(trained[s], y[s])["nll"]
        metrics["error_mended"] = classification_metrics(mended[s], y_judge)["error"]
        found.append(metrics | shifts[s])
    return found


def _shifts(net, x, x_judge, seeds):
    """For each seed the ratio of the variances at the first normalisation, and the formula's."""
    position = next(i for i, layer in enumerate(net) if isinstance(layer, SeedBatchNorm))
    norm, q = net[position], 1.0
    if isinstance(net[position - 1], SeedDropout):
        q = 1 - net[position - 1].p
    hidden = net[:position]  # dropout is inactive in evaluation
    on_training, on_judging = outputs(hidden, x), outputs(hidden, x_judge)
    found = []
    for s in range(len(seeds)):
        c, v = on_training[s].mean(axis=0), on_training[s].var(axis=0)
        stored = norm.variance[s, 0].sum().item()
        found.append(
            {
                "ratio": float(v.sum() / stored),
                "ratio_judged": float(on_judging[s].var(axis=0).sum() / stored),
                "formula": float(v.sum() / ((v + c**2) / q - c**2).sum()),
            }
        )
    return found
