"""Kinds, places and schedules of noise beside dropout of hidden units, all equally tuned."""

import numpy as np

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
from .dropconnect import connect
from .remedies import CLASSES, GUESS, fitted
from .stochastic_depth import residual

SCHEDULES = {"early": "early", "late": "late", "rising": "curriculum"}
BASELINES = remedies.BASELINES | GUESS
FEW = ", few rows"
# What each arm tunes beside the learning rate: those of Q6, and those of Q7.
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
WAYS = {
    "none": (),
    "none again": (),
    "dropout": ("dropout",),
    "dropconnect": ("dropout",),
    "inputs too": ("dropout", "inputs"),
    "residual": (),
    "stochastic depth": ("dropout",),
    **dict.fromkeys(remedies.BASELINES, ()),
}
WAYS |= {
    f"{arm}{FEW}": WAYS[arm]
    for arm in ("none", "none again", "dropout", "inputs too", *remedies.BASELINES)
}
TRIED = LEVELS | {
    "inputs": [0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
    "logistic regression": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    "nearest neighbours": [1, 2, 3, 4, 5, 7],
    "most frequent class": [0, 0, 0, 0, 0, 0],
}
RUNS = on_mnist(TRIED)
RUNS |= {"seeds": range(12), "pilot": {}, "batch": 12}
RUNS["settings"] |= {"sizes": [600, 400, 2000], "moments": 4}
# Without dropout many seeds chose the lowest learning rate of Q6: those of Q7 are half of them.
LOWER = RUNS["settings"] | {
    "levels": TRIED | {"lr": [rate / 2 for rate in TRIED["lr"]]},
    "few": 100,
    "blocks": 8,
}


@experiment(
    "Q7",
    title="DropConnect, stochastic depth and few rows beside dropout, equally tuned",
    arms=WAYS,
    **RUNS | {"settings": LOWER, "small": RUNS["small"] | {"few": 50, "blocks": 2}},
)
@experiment(
    "Q6",
    title="Gaussian noise, dropped inputs and three schedules beside dropout, equally tuned",
    arms=ARMS,
    **RUNS,
)
def noises(seeds, arm, **settings):
    """Tune an arm and judge it as `tuned` does, and keep what is `tuning.concise`."""
    return concise(tuned(seeds, arm, **settings))


def tuned(seeds, arm, *, data, sizes, pool, levels, few=None, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS` or `WAYS`. With ``"labels permuted"`` those of validation rows are shuffled
        as well.
    data, sizes, pool, levels
        As for `remedies.remedies`.
    few : int, optional
        Training rows of the arms with `FEW`, the first of those that the others have; they are
        trained for as many steps.
    width, blocks, epochs, moments, batch_size
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives.
    """
    x, y = joined(blocks(data, seeds, sizes, pool))
    if arm.endswith("permuted"):
        permute(y, seeds, sizes[0] + sizes[1])
    kind = arm.removesuffix(FEW)
    if kind != arm:
        settings["epochs"] = settings["epochs"] * sizes[0] // few
        x, y = (np.delete(each, np.s_[few : sizes[0]], axis=1) for each in (x, y))
        sizes = [few, *sizes[1:]]
    learnt = x[:, : sizes[0]], y[:, : sizes[0]]
    tried = []
    for given in candidates({axis: levels[axis] for axis in axes_of(kind)}):
        if kind in BASELINES:
            logits = fitted(BASELINES[kind](given[kind]), *learnt, x)
        else:
            logits = trained(weight_seeds(seeds, kind), kind, *learnt, x, given, **settings)
        tried.append(measure(logits, y, sizes))
    return choose(tried)


def axes_of(arm):
    """Return the names of what an arm tunes."""
    return (arm,) if arm in BASELINES else ("lr", *(ARMS | WAYS)[arm])


def trained(seeds, arm, rows, labels, x, given, *, width, blocks=None, **settings):
    """Train d-n-n-10 or residual networks with Adam; return logits at each moment.

    The learning rate falls to zero.

    Parameters
    ----------
    seeds : sequence of int
    arm : str
        One of `ARMS` or `WAYS`, without `FEW`, that is no baseline: ``"gaussian"`` has factors
        N(1, p/q) instead of masks, one of `SCHEDULES` moves p from step to step, and
        ``"dropconnect"`` drops weights behind hidden units instead of these. ``"residual"`` and
        ``"stochastic depth"``, which drops branches, are residual networks.
    rows, labels : ndarray, shapes (S, M, d) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, d)
        Rows to judge.
    given : dict
        The candidate: ``lr``, and the probabilities ``dropout`` and ``inputs``.
    width : int
        Units of both hidden layers, or of each residual block.
    blocks : int, optional
        Number of these.
    **settings
        What `tuning.at_moments` takes.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    p = given.get("dropout", 0.0)
    if arm in ("residual", "stochastic depth"):
        net = residual(x.shape[2], width, blocks, p, seeds)
    else:
        sizes = x.shape[2], width, width, CLASSES
        units = 0.0 if arm == "dropconnect" else p
        chances = {"p_hidden": units, "p_input": given.get("inputs", 0.0)}
        net = mlp(sizes, seeds, gaussian=arm == "gaussian", **chances)
        if arm == "dropconnect":
            connect(net, p, seeds)
    on_step = None
    if arm in SCHEDULES:
        steps = settings["epochs"] * (rows.shape[1] // settings["batch_size"])
        _, *hidden = (layer for layer in net if isinstance(layer, SeedDropout))
        on_step = follow(schedule(SCHEDULES[arm], p, steps), hidden)
    return at_moments(net, rows, labels, x, seeds, given, on_step=on_step, **settings)
