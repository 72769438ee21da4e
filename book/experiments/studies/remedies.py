"""Dropout and what else is done against overfitting, alone and together, all equally tuned."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ..images import blocks, joined
from ..networks import mlp, stream
from ..registry import experiment
from ..structures import SeedShift
from ..tuning import (
    AGAIN,
    LEVELS,
    at_moments,
    candidates,
    choose,
    measure,
    on_mnist,
    permute,
    weight_seeds,
)

CLASSES = 10
REMEDIES = ("weight decay", "label smoothing", "mixup", "shifts", "ensemble")
BASELINES = {
    "logistic regression": lambda c: LogisticRegression(C=c, max_iter=300),
    "nearest neighbours": lambda k: KNeighborsClassifier(k),
}
GUESS = {"most frequent class": lambda _: DummyClassifier()}  # for studies with permuted labels
# What each arm tunes beside the learning rate.
ARMS = {
    "none": (),
    "none again": (),
    "dropout": ("dropout",),
    **{remedy: (remedy,) for remedy in REMEDIES},
    **{f"dropout + {remedy}": ("dropout", remedy) for remedy in REMEDIES},
    "dropout, labels permuted": ("dropout",),
    **dict.fromkeys(BASELINES, ()),
}
TRIED = LEVELS | {
    "weight decay": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
    "label smoothing": [0.02, 0.05, 0.1, 0.15, 0.2, 0.3],
    "mixup": [0.1, 0.2, 0.4, 0.8, 1.6, 3.2],
    "shifts": [1, 1, 1, 1, 2, 2],
    "ensemble": [2, 2, 3, 3, 4, 5],
    "logistic regression": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
    "nearest neighbours": [1, 2, 3, 4, 5, 7],
}


@experiment(
    "Q1",
    title="Dropout beside other remedies, alone and together, equally tuned, on MNIST",
    arms=ARMS,
    **on_mnist(TRIED),
)
def remedies(seeds, arm, *, data, sizes, pool, levels, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`.
    data : str
        Set of images.
    sizes : list of int
        Rows for training, validation and test; no seed shares any with another.
    pool : int
        Side of the squares of pixels that are averaged.
    levels : dict
        The levels of each axis that an arm may tune.
    width, epochs, moments, batch_size
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives.
    """
    parts = blocks(data, seeds, sizes, pool)
    x, y = joined(parts)
    rows, labels = parts[0]
    if arm.endswith("permuted"):
        permute(labels, seeds, sizes[0])
    own = weight_seeds(seeds, arm)
    axes = (arm,) if arm in BASELINES else ("lr", *ARMS[arm])
    tried = []
    for given in candidates({axis: levels[axis] for axis in axes}):
        if arm in BASELINES:
            logits = fitted(BASELINES[arm](given[arm]), rows, labels, x)
        else:
            logits = trained(own, rows, labels, x, given, **settings)
        tried.append(measure(logits, y, sizes))
    return choose(tried)


def fitted(model, rows, labels, x, classes=CLASSES):
    """Fit a model of scikit-learn for each seed; return its log probabilities, (1, S, N, C).

    Vote shares of neighbours can be zero, and a class may be missing: each gets a millionth more.
    """
    found = []
    for own, wanted, judged in zip(rows, labels, x, strict=True):
        p = np.full((len(judged), classes), 1e-6)
        model.fit(own, wanted)
        p[:, model.classes_] += model.predict_proba(judged)
        found.append(p / p.sum(axis=1, keepdims=True))
    return np.log(found)[None]


def trained(seeds, rows, labels, x, given, *, epochs, **settings):
    """Train d-n-n-10 with Adam and a rate that falls to zero; return log probabilities.

    Members of an ensemble share the epochs of one network, and nobody has what the division
    leaves; their probabilities are averaged.

    Parameters
    ----------
    seeds : sequence of int
    rows, labels : ndarray, shapes (S, M, d) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, d)
        Rows to judge.
    given : dict
        The candidate: ``lr``, and a strength of each remedy that is used.
    epochs : int
        Of all members together.
    **settings
        ``width``, the units of both hidden layers, and what `tuning.at_moments` takes.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    members = given.get("ensemble", 1)
    total = sum(
        _member(
            [seed + member * 10 * AGAIN for seed in seeds],
            rows,
            labels,
            x,
            given,
            epochs=epochs // members,
            **settings,
        )
        for member in range(members)
    )
    return np.log(np.maximum(total / members, 1e-30))


def _member(seeds, rows, labels, x, given, *, width, **settings):
    """Probabilities of one network for each seed at each moment."""
    pixels = x.shape[2]
    net = mlp((pixels, width, width, CLASSES), seeds, p_hidden=given.get("dropout", 0.0))
    if "shifts" in given:
        streams = [stream(seed, "shifts") for seed in seeds]
        net.insert(0, SeedShift(given["shifts"], math.isqrt(pixels), streams))
    on_batch = None
    if "label smoothing" in given:
        on_batch = functools.partial(smooth, given["label smoothing"])
    if "mixup" in given:
        streams = [stream(seed, "mixup") for seed in seeds]
        on_batch = functools.partial(mix, given["mixup"], streams)
    logits = at_moments(net, rows, labels, x, seeds, given, on_batch=on_batch, **settings)
    return torch.from_numpy(logits).softmax(dim=-1).numpy()


def smooth(share, inputs, targets, classes=CLASSES):
    """Divide a share of each label among all classes (Szegedy et al. 2016)."""
    return inputs, (1 - share) * F.one_hot(targets, classes) + share / classes


def mix(alpha, rngs, inputs, targets):
    """Mix each row with one of its batch, at a rate that the seed draws for the batch.

    The rate is of law Beta(alpha, alpha) (Zhang et al. 2018).
    """
    rate = np.array([rng.beta(alpha, alpha) for rng in rngs], dtype=np.float32)
    rate = torch.from_numpy(rate)[:, None, None]
    soft = F.one_hot(targets, CLASSES).to(inputs.dtype)
    # The order of the rows is random already: reversed it is a random partner.
    return tuple(rate * each + (1 - rate) * each.flip(1) for each in (inputs, soft))
