"""Kinds and schedules of noise beside dropout of hidden units, all equally tuned."""

from ..images import blocks, joined
from ..networks import SeedDropout, mlp
from ..registry import experiment
from ..tuning import (
    LEVELS,
    at_moments,
    candidates,
    choose,
    concise,
    measure,
    on_mnist,
    permute,
    weight_seeds,
)
from . import remedies
from .advice_mlp import follow, schedule
from .remedies import CLASSES, GUESS, fitted

SCHEDULES = {"early": "early", "late": "late", "rising": "curriculum"}
BASELINES = remedies.BASELINES | GUESS
# What each arm tunes beside the learning rate.
ARMS = {
    "none": (),
    "none again": (),
    "dropout": ("dropout",),
    "gaussian": ("dropout",),
    "inputs too": ("dropout", "inputs"),
    **dict.fromkeys(SCHEDULES, ("dropout",)),
    "dropout, labels permuted": ("dropout",),
    **dict.fromkeys(BASELINES, ()),
}
TRIED = LEVELS | {
    "inputs": [0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
    "logistic regression": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    "nearest neighbours": [1, 2, 3, 4, 5, 7],
    "most frequent class": [0, 0, 0, 0, 0, 0],
}
RUNS = on_mnist(TRIED)


@experiment(
    "Q6",
    title="Gaussian noise, dropped inputs and three schedules beside dropout, equally tuned",
    arms=ARMS,
    **RUNS
    | {
        "seeds": range(12),
        "pilot": {},
        "settings": RUNS["settings"] | {"sizes": [600, 400, 2000], "moments": 4},
        "batch": 12,
    },
)
def noises(seeds, arm, *, data, sizes, pool, levels, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. With ``"labels permuted"`` those of validation rows are shuffled as well.
    data, sizes, pool, levels
        As for `remedies.remedies`.
    width, epochs, moments, batch_size
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives, made `tuning.concise`.
    """
    x, y = joined(blocks(data, seeds, sizes, pool))
    end = sizes[0]
    if arm.endswith("permuted"):
        permute(y, seeds, end + sizes[1])
    learnt = x[:, :end], y[:, :end]
    tried = []
    for given in candidates({axis: levels[axis] for axis in axes_of(arm)}):
        if arm in BASELINES:
            logits = fitted(BASELINES[arm](given[arm]), *learnt, x)
        else:
            logits = trained(weight_seeds(seeds, arm), arm, *learnt, x, given, **settings)
        tried.append(measure(logits, y, sizes))
    return concise(choose(tried))


def axes_of(arm):
    """Return the names of what an arm tunes."""
    return (arm,) if arm in BASELINES else ("lr", *ARMS[arm])


def trained(seeds, arm, rows, labels, x, given, *, width, **settings):
    """Train d-n-n-10 with Adam and a rate that falls to zero; return logits at each moment.

    Parameters
    ----------
    seeds : sequence of int
    arm : str
        One of `ARMS` that is no baseline: ``"gaussian"`` has factors N(1, p/q) instead of masks,
        and one of `SCHEDULES` moves p from step to step.
    rows, labels : ndarray, shapes (S, M, d) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, d)
        Rows to judge.
    given : dict
        The candidate: ``lr``, and the probabilities ``dropout`` and ``inputs``.
    width : int
        Units of both hidden layers.
    **settings
        What `tuning.at_moments` takes.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    p = given.get("dropout", 0.0)
    sizes = x.shape[2], width, width, CLASSES
    chances = {"p_hidden": p, "p_input": given.get("inputs", 0.0)}
    net = mlp(sizes, seeds, gaussian=arm == "gaussian", **chances)
    on_step = None
    if arm in SCHEDULES:
        steps = settings["epochs"] * (rows.shape[1] // settings["batch_size"])
        _, *hidden = (layer for layer in net if isinstance(layer, SeedDropout))
        on_step = follow(schedule(SCHEDULES[arm], p, steps), hidden)
    return at_moments(net, rows, labels, x, seeds, given, on_step=on_step, **settings)
