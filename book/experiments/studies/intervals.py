"""What masks add to one fitted noise in regression: proper scores and coverage of intervals."""

import functools

import numpy as np

from book import data as sets

from ..dealing import own_rows
from ..networks import stream
from ..predictive import draws, snapshots
from ..registry import experiment
from ..scores import mixture_log_loss, regressed
from ..tuning import LEVELS, candidates, weight_seeds
from .uncertainty import ARMS, TRIED

NOISE = np.geomspace(0.1, 2, 121)  # to choose from, in standard deviations of the target
RATES = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4]

# Seeds, the small version and how runs are made up, of studies of regressions.
RUNS = {
    "seeds": range(10),
    "pilot_seeds": range(1000, 1004),
    "small": {"sizes": [100, 60, 100], "width": 16, "passes": 5, "epochs": 12, "moments": 2},
    "small_seeds": range(2),
    "batch": 10,
    "tolerance": 0.25,
}


@experiment(
    "U2",
    title="MC dropout, fitted noise and an ensemble: scores and intervals of a regression",
    arms=ARMS,
    settings={
        "data": "protein",
        "sizes": [600, 300, 2000],
        "width": 64,
        "passes": 20,
        "epochs": 60,
        "moments": 6,
        "batch_size": 50,
        "levels": LEVELS | {"dropout": RATES, "ensemble": TRIED["ensemble"]},
    },
    **RUNS,
)
def intervals(seeds, arm, *, data, sizes, width, passes, levels, **training):
    """Tune an arm for each seed by its log loss on validation rows, and judge it on test rows.

    A prediction is a mixture of Gaussians around the output, or around those of all passes or
    members, whose common standard deviation is fitted on the validation rows in every arm.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`.
    data : str
        A set for regression.
    sizes : list of int
        Rows for training, validation and test; no seed shares any with another.
    width, passes : int
        Units of both hidden layers; masks of the arm "MC dropout".
    levels : dict
        The levels of each axis that an arm may tune.
    **training
        As for `predictive.snapshots`.

    Returns
    -------
    list of dict
        On test rows, in standard deviations of the training targets, ``rmse_best``, ``nll_best``
        and ``crps_best`` of the candidate and the moment with the lowest ``nll`` on validation
        rows, and ``coverage`` of its interval of 90 %; which was ``chosen``, its ``noise`` and
        the standard deviation of its centers, ``spread``; ``nll_last`` and ``train_nll`` of the
        best candidate at the last moment, on test and on training rows; and ``sweep_nll``, the
        lowest of each candidate on validation rows.
    """
    x, y = _rows(data, tuple(seeds), tuple(sizes))
    tried = candidates({axis: levels[axis] for axis in ("lr", *ARMS[arm])})
    masks = passes if arm == "MC dropout" else 0
    centers = centers_of(weight_seeds(seeds, arm), x, y, tried, sizes, width, masks, **training)
    return chosen(centers, y, sizes)


def centers_of(seeds, x, y, tried, sizes, width, passes=0, **training):
    """Outputs of every candidate at every moment, of one pass or of several with masks.

    Parameters
    ----------
    seeds : sequence of int
    x, y : ndarray, shapes (S, N, d) and (S, N)
        Rows for training, validation and test, `sizes` of them.
    tried : list of dict
        Candidates, as `predictive.snapshots` takes them.
    width, passes : int
        Units of both hidden layers; masks, or 0 for one pass without.
    **training
        As for `predictive.snapshots`.

    Returns
    -------
    list of ndarray, shape (T, K, S, N)
        For each candidate at T moments, of K passes or members.
    """
    net, end, found = (x.shape[2], width, width, 1), sizes[0], []
    for given in tried:
        kept = snapshots(net, seeds, x[:, :end], y[:, :end], given, **training)
        p = given.get("dropout", 0.0)
        centers = [draws(net, seeds, each, x, p, passes) for each in kept]
        found.append(np.stack(centers)[..., 0].astype(float))
    return found


def chosen(centers, y, sizes):
    """Choose for each seed among candidates, of the form that `centers_of` gives, and judge."""
    cuts = np.cumsum(sizes)[:-1]
    return [
        _judged([each[:, :, s] for each in centers], y[s].astype(float), cuts)
        for s in range(len(y))
    ]


def fitted_noise(centers, targets):
    """Of `NOISE` the standard deviation with the lowest log loss, and that loss."""
    losses = [mixture_log_loss(centers, targets, noise) for noise in NOISE]
    best = int(np.argmin(losses))
    return NOISE[best], losses[best]


def _judged(tried, targets, cuts):
    """Choose for one seed among candidates, each of shape (T, K, N), and judge what is chosen."""
    learnt, validated, tested = np.split(targets, cuts)
    parts = [np.split(centers, cuts, axis=2) for centers in tried]
    found = [[fitted_noise(each, validated) for each in part[1]] for part in parts]
    losses = np.array([[loss for _, loss in row] for row in found])
    candidate, moment = divmod(int(losses.argmin()), losses.shape[1])
    noise, centers = found[candidate][moment][0], parts[candidate][2][moment]
    row = regressed(centers, tested, noise)
    last = int(losses[:, -1].argmin())
    final = found[last][-1][0]
    return {
        **{f"{name}_best": row[name] for name in ("rmse", "nll", "crps")},
        "coverage": row["coverage"],
        "chosen": [candidate, moment],
        "noise": float(noise),
        "spread": float(centers.std(axis=0).mean()),
        "nll_last": mixture_log_loss(parts[last][2][-1], tested, final),
        "train_nll": mixture_log_loss(parts[last][0][-1], learnt, final),
        "sweep_nll": [round(float(low), 4) for low in losses.min(axis=1)],
    }


@functools.cache
def _shuffled(name):
    """Features and targets, in an order that is the same for every seed."""
    found = sets.load(name)
    order = stream(0, f"test rows of {name}").permutation(len(found.targets))
    return found.features[order], found.targets[order]


@functools.lru_cache(maxsize=1)
def _rows(name, seeds, sizes):
    """All rows of each seed, standardised by its training rows."""
    x, y = _shuffled(name)
    return standardised(x, y, own_rows(name, len(y), seeds, sizes), sizes[0])


def standardised(x, y, which, train):
    """Take the rows of each seed, every column with mean 0 and variance 1 of its training rows.

    Parameters
    ----------
    x, y : ndarray, shapes (N, d) and (N,)
    which : ndarray of int, shape (S, M)
        Rows of each seed, the first `train` of them to train with.
    train : int

    Returns
    -------
    ndarray, shapes (S, M, d) and (S, M)
    """
    table = np.concatenate([x, y[:, None]], axis=1)[which]
    learnt = table[:, :train]
    spread = np.maximum(learnt.std(axis=1, keepdims=True), 1e-9)
    scaled = ((table - learnt.mean(axis=1, keepdims=True)) / spread).astype(np.float32)
    return scaled[..., :-1], scaled[..., -1]
