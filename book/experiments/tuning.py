"""Give every arm the same tuning budget on validation rows, and judge what each then chooses.

A candidate is one setting of all that an arm may tune, and every arm tries equally many. Each
measure is tuned by itself: what errs least on the validation rows is judged by its errors on the
test rows, what has the lowest log loss there by its log loss. The loss after one temperature is
judged beside it, with the temperature fitted on validation rows in every arm, because a network
that is sure of its errors is mended by one number.
"""

import numpy as np

from .networks import stream
from .training import fit, outputs

__all__ = [
    "AGAIN",
    "LEVELS",
    "MEASURES",
    "at_moments",
    "candidates",
    "choose",
    "concise",
    "ends",
    "measure",
    "on_mnist",
    "permute",
    "rounded",
    "temperature",
    "weight_seeds",
]

MEASURES = ("error", "nll", "scaled")
AGAIN = 500_000  # added to a seed, other weights, orders and masks for the same rows
LEVELS = {
    "lr": [0.001, 0.002, 0.004, 0.008, 0.016, 0.032],
    "dropout": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
}
SHARPEST = 20.0  # no logits are multiplied or divided by more than this


def on_mnist(levels):
    """Return how a study of small networks on MNIST is run, as keywords of `registry.experiment`.

    Parameters
    ----------
    levels : dict of list
        The levels of each axis, ``lr`` among them. Without dropout the pilot chose its highest
        learning rate for some seeds: those of the full study are twice the pilot's.

    Returns
    -------
    dict
    """
    return {
        "seeds": range(10),
        "pilot": {"levels": levels | {"lr": [rate / 2 for rate in levels["lr"]]}},
        "pilot_seeds": range(1000, 1004),
        "settings": {
            "data": "mnist",
            "sizes": [1000, 500, 2500],
            "pool": 2,
            "width": 128,
            "epochs": 40,
            "moments": 8,
            "batch_size": 50,
            "levels": levels,
        },
        "small": {
            "data": "mnist_5k",
            "sizes": [100, 50, 100],
            "width": 16,
            "epochs": 12,
            "moments": 2,
        },
        "small_seeds": range(2),
        "batch": 10,
        "tolerance": 0.25,
    }


def weight_seeds(seeds, arm):
    """Seeds of weights, orders and masks: those of the rows, but others for "none again"."""
    return [seed + AGAIN * (arm == "none again") for seed in seeds]


def permute(labels, seeds, rows):
    """Shuffle in place, of labels (S, N), the first `rows` of each seed: they teach nothing."""
    for seed, own in zip(seeds, labels, strict=True):
        own[:rows] = stream(seed, "permuted").permutation(own[:rows])


def ends(total, moments):
    """Numbers of the epochs or steps, of `total`, behind which a network is judged, as a set."""
    return {round(total * (k + 1) / moments) for k in range(moments)}


def candidates(levels):
    """Spread candidates evenly: each takes one level of every axis, each level once.

    The i-th of n candidates takes of the first, second and third axis the levels that i, 3 i and
    2 i name modulo n + 1, a prime, so that no two axes rise together. An arm with one axis tries
    all its levels, an arm with three no more and no fewer.

    Parameters
    ----------
    levels : dict of list
        The n levels of each axis, at most three axes.

    Returns
    -------
    list of dict
        The n candidates.

    Raises
    ------
    ValueError
        For axes of different lengths, more than three, or if n + 1 is no prime above 3.
    """
    (count, *others) = {len(axis) for axis in levels.values()}
    prime = count + 1
    if others or len(levels) > 3 or prime < 5 or any(prime % k == 0 for k in range(2, prime)):
        raise ValueError(
            f"at most three axes of n levels each, with n + 1 a prime above 3, got {levels}"
        )
    return [
        {
            name: axis[i * step % prime - 1]
            for (name, axis), step in zip(levels.items(), (1, 3, 2), strict=False)
        }
        for i in range(1, prime)
    ]


def at_moments(net, rows, labels, x, seeds, given, *, epochs, moments, batch_size, **hooks):
    """Train with Adam and a rate that falls to zero; return the outputs at each moment.

    Parameters
    ----------
    net : torch.nn.Module
        As `training.fit` takes it.
    rows, labels : ndarray, shapes (S, M, ...) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, ...)
        Rows to judge.
    seeds : sequence of int
    given : dict
        The candidate, of which ``lr`` and ``weight decay``, decoupled, are taken.
    epochs, batch_size : int
    moments : int
        At how many moments, evenly spread, the networks are judged.
    **hooks
        ``on_batch`` and ``on_step``, as `training.fit` takes them.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    at, found = ends(epochs, moments), []

    def note(epoch, net):
        if epoch + 1 in at:
            found.append(outputs(net, x))

    fit(
        net,
        rows,
        labels,
        seeds,
        epochs=epochs,
        batch_size=batch_size,
        lr=given["lr"],
        optimizer="adamw",
        weight_decay=given.get("weight decay", 0.0),
        on_epoch=note,
        **hooks,
    )
    return np.stack(found)


def temperature(logits, labels):
    """Temperature with the lowest mean log loss, by bisection; it lies between 1/20 and 20.

    The loss is convex in the factor 1/T on the logits, whose derivative is the mean over the rows
    of the expected logit minus that of the label.

    Parameters
    ----------
    logits : ndarray, shape (..., N, C)
    labels : ndarray of int, shape (..., N)

    Returns
    -------
    ndarray, shape (...)
    """
    logits = logits - logits.max(axis=-1, keepdims=True)
    own = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0].mean(axis=-1)
    low = np.full(own.shape, -np.log(SHARPEST))
    high = -low
    for _ in range(30):
        middle = (low + high) / 2
        weights = np.exp(np.exp(middle)[..., None, None] * logits)
        expected = (weights * logits).sum(axis=-1) / weights.sum(axis=-1)
        rises = expected.mean(axis=-1) > own
        low, high = np.where(rises, low, middle), np.where(rises, middle, high)
    return np.exp(-(low + high) / 2)


def measure(logits, labels, sizes):
    """Judge outputs on training, validation and test rows by each of `MEASURES`.

    Parameters
    ----------
    logits : ndarray, shape (T, S, N, C)
        Outputs at T moments of training of S seeds.
    labels : ndarray of int, shape (S, N)
    sizes : sequence of int
        How many of the N rows are training, validation and test rows, in this order.

    Returns
    -------
    dict
        For each measure an array of shape (3, T, S), and ``temperature``, of shape (T, S), which
        is fitted on the validation rows.
    """
    labels = np.broadcast_to(labels, logits.shape[:-1])
    cuts = np.cumsum(sizes)[:-1]
    fitted = temperature(*(np.split(each, cuts, axis=2)[1] for each in (logits, labels)))
    rows = {
        "error": (logits.argmax(axis=-1) != labels).astype(float),
        "nll": _log_loss(logits, labels),
        "scaled": _log_loss(logits / fitted[..., None, None], labels),
    }
    found = {
        name: np.stack([part.mean(axis=-1) for part in np.split(each, cuts, axis=-1)])
        for name, each in rows.items()
    }
    return found | {"temperature": fitted}


def _log_loss(logits, labels):
    own = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    return np.logaddexp.reduce(logits, axis=-1) - own


def choose(tried):
    """Let each seed choose its candidate on validation rows, and say what that gives on test rows.

    Parameters
    ----------
    tried : list of dict
        For each candidate what `measure` gives.

    Returns
    -------
    list of dict
        For each seed and each measure: ``MEASURE_best``, on test rows, of the candidate and the
        moment that are best on validation rows, and ``chosen_MEASURE``, which these are;
        ``MEASURE_last``, of the candidate that is best there at the last moment, and
        ``train_MEASURE``, the same on training rows; ``sweep_MEASURE``, the best of each
        candidate on validation rows. Of equal errors the one of lower loss is chosen. And
        ``temperature``, of what ``scaled_last`` is of.
    """
    tables = {name: np.stack([each[name] for each in tried], axis=1) for name in MEASURES}
    temperatures = np.stack([each["temperature"] for each in tried])
    moments, seeds = temperatures.shape[1:]
    found = []
    for s in range(seeds):
        row = {}
        for name in MEASURES:
            trained, validated, tested = tables[name][..., s]
            score = validated + 1e-9 * tables["scaled"][1, ..., s] * (name == "error")
            best = divmod(int(score.argmin()), moments)
            last = int(score[:, -1].argmin())
            row[f"{name}_best"] = float(tested[best])
            row[f"{name}_last"] = float(tested[last, -1])
            row[f"train_{name}"] = float(trained[last, -1])
            row[f"chosen_{name}"] = list(best)
            row[f"sweep_{name}"] = [round(float(low), 4) for low in validated.min(axis=1)]
        row["temperature"] = float(temperatures[last, -1, s])
        found.append(row)
    return found


def rounded(rows, digits=5):
    """Round all that `choose` gives, for each seed, so that results are small files."""
    return [{name: np.round(value, digits).tolist() for name, value in row.items()} for row in rows]


def concise(rows, digits=5):
    """Leave of what `choose` gives, for each seed, what a table needs, and round it.

    Kept are the measures, best and last, the losses of training, and what was chosen by log loss.
    """
    kept = [f"{name}_{when}" for name in MEASURES for when in ("best", "last")]
    return [
        {name: round(row[name], digits) for name in (*kept, "train_error", "train_nll")}
        | {"chosen_nll": row["chosen_nll"]}
        for row in rows
    ]
