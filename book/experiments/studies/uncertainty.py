"""What the uncertainty of Monte Carlo dropout is worth beside a temperature and an ensemble."""

import functools

import numpy as np
from scipy import ndimage
from scipy.special import softmax

from ..images import blocks, pooled
from ..networks import stream
from ..predictive import draws, log_mean, of_seed, snapshots
from ..registry import experiment
from ..scores import classified, missed
from ..tuning import LEVELS, candidates, choose, measure, weight_seeds

KNOWN = 8  # classes; the digits 8 and 9 are never trained on
# What each arm tunes beside the learning rate.
ARMS = {
    "none": (),
    "none again": (),
    "dropout": ("dropout",),
    "MC dropout": ("dropout",),
    "ensemble": ("ensemble",),
}
TRIED = LEVELS | {"ensemble": [2, 2, 3, 3, 4, 5]}
#: How test images are changed: kind, and degrees, pixels, or standard deviation of grey.
SHIFTS = [
    ["turned", 20],
    ["turned", 40],
    ["moved", 1],
    ["moved", 2],
    ["noise", 0.2],
    ["noise", 0.4],
]
#: Those of the pilot, in which images moved by 4 pixels were beyond all arms.
PILOT_SHIFTS = [*SHIFTS[:2], ["moved", 2], ["moved", 4], *SHIFTS[4:]]


@experiment(
    "U1",
    title="MC dropout, a temperature and an ensemble: uncertainty in distribution and under shift",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1004),
    pilot={"shifts": PILOT_SHIFTS},
    settings={
        "data": ["mnist", "fashion_mnist"],
        "block": 5000,
        "sizes": [1000, 500, 2400],
        "unknown": 900,
        "shifts": SHIFTS,
        "pool": 2,
        "width": 128,
        "passes": 20,
        "epochs": 30,
        "moments": 4,
        "batch_size": 50,
        "levels": TRIED,
    },
    small={
        "data": ["mnist_5k"],
        "block": 400,
        "sizes": [100, 60, 100],
        "unknown": 40,
        "shifts": [["turned", 40], ["moved", 2], ["noise", 0.4]],
        "width": 16,
        "passes": 5,
        "epochs": 12,
        "moments": 2,
    },
    small_seeds=range(2),
    batch=10,
    tolerance=0.25,
)
def uncertainty(
    seeds, arm, *, data, block, sizes, unknown, shifts, pool, width, passes, levels, **training
):
    """Tune an arm for each seed on its validation rows; judge it on test rows, also changed ones.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`.
    data : list of str
        A set of digits and, unless it is left out, one of images that are none.
    block : int
        Rows of the digits for each seed; no seed shares any with another.
    sizes : list of int
        Training, validation and test rows, all of digits 0 to 7.
    unknown : int
        Rows of digits 8 and 9.
    shifts : list of [str, float]
        As `changed` takes them.
    pool : int
        Side of the squares of pixels that are averaged, after images have been changed.
    width, passes : int
        Units of both hidden layers; masks of the arm "MC dropout".
    levels : dict
        The levels of each axis that an arm may tune.
    **training
        As for `predictive.snapshots`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives and, of the networks that it chose by ``nll`` and by
        ``scaled``, what `judged` gives.
    """
    rows = _rows(
        tuple(data), tuple(seeds), block, tuple(sizes), unknown, pool, tuple(map(tuple, shifts))
    )
    (x, y), changes, strangers = rows
    own, end = weight_seeds(seeds, arm), sizes[0]
    net = (x.shape[2], width, width, KNOWN)
    masks = passes if arm == "MC dropout" else 0
    tried, weights, logits, rates = [], [], [], []
    for given in candidates({axis: levels[axis] for axis in ("lr", *ARMS[arm])}):
        rates.append(given.get("dropout", 0.0))
        weights.append(snapshots(net, own, x[:, :end], y[:, :end], given, **training))
        moments = [draws(net, own, each, x, rates[-1], masks) for each in weights[-1]]
        logits.append(np.stack([log_mean(each) for each in moments]))
        tried.append(measure(logits[-1], y, sizes))
    found = choose(tried)
    for s, row in enumerate(found):
        for name in ("nll", "scaled"):
            candidate, moment = row[f"chosen_{name}"]
            members = of_seed(weights[candidate][moment], s)
            predict = functools.partial(
                draws, net, own[s : s + 1], members, p=rates[candidate], passes=masks
            )
            row |= judged(
                logits[candidate][moment, s, -sizes[2] :],
                [predict(each[s : s + 1])[:, 0] for each in changes],
                {place: predict(each[s : s + 1])[:, 0] for place, each in strangers.items()},
                y[s, -sizes[2] :],
                tried[candidate]["temperature"][moment, s] if name == "scaled" else 1.0,
                "scaled_" if name == "scaled" else "",
            )
    return found


def judged(inside, changes, strangers, labels, temperature, prefix):
    """Measures of one network that was chosen, or of the mean over its masks or its members.

    Parameters
    ----------
    inside : ndarray, shape (N, C)
        Log probabilities of the test rows.
    changes : list of ndarray, shape (K, N, C)
        Outputs of K passes or members for the same rows, changed in each way.
    strangers : dict of ndarray, shape (K, M, C)
        Outputs for rows of no known class.
    labels : ndarray of int, shape (N,)
    temperature : float
        By which log probabilities are divided.
    prefix : str
        Of the names; the log loss with a prefix is called ``scaled``, as elsewhere.

    Returns
    -------
    dict
        With the suffix ``_best``: ``brier``, ``ece`` and ``aurc`` of `scores.classified`; with
        ``shift_`` in front all five of its measures, means over the ways of changing, and in
        lists ``shifts_`` each way's; and for each kind of strangers by how many of all pairs a
        known row has the higher entropy.
    """

    def named(name):
        return "scaled" if prefix and name == "nll" else f"{prefix}{name}"

    def entropy(logs):
        probs = softmax(logs / temperature, axis=1)
        return -(probs * np.log(np.maximum(probs, 1e-30))).sum(axis=1)

    upright = classified(inside / temperature, labels)
    found = {f"{named(name)}_best": upright[name] for name in ("brier", "ece", "aurc")}
    away = [classified(log_mean(each) / temperature, labels) for each in changes]
    for name in upright:
        each = [shift[name] for shift in away]
        found[f"shift_{named(name)}_best"] = float(np.mean(each))
        found[f"shifts_{named(name)}"] = [round(value, 5) for value in each]
    for place, each in strangers.items():
        found[f"{prefix}{place}_best"] = missed(entropy(inside), entropy(log_mean(each)))
    return found


def changed(images, kind, strength, rngs):
    """Turn, move or disturb square images, with a generator for each seed.

    Parameters
    ----------
    images : ndarray, shape (S, N, d, d)
        Grey values from 0 to 1.
    kind : {"turned", "moved", "noise"}
        "moved" shifts along both axes, in a direction that each image draws.
    strength : float
        Degrees; pixels along each axis; standard deviation of the Gaussian noise on grey values,
        which are cut to 0 and 1 afterwards.
    rngs : list of numpy.random.Generator

    Returns
    -------
    ndarray
        Like `images`.

    Raises
    ------
    ValueError
        For another kind.
    """
    if kind == "turned":
        return ndimage.rotate(images, strength, axes=(2, 3), reshape=False, order=1)
    if kind == "noise":
        noise = np.stack([rng.standard_normal(images.shape[1:], dtype=np.float32) for rng in rngs])
        return np.clip(images + strength * noise, 0, 1)
    if kind != "moved":
        raise ValueError(f"kind must be 'turned', 'moved' or 'noise', got {kind!r}")
    moved = np.zeros_like(images)
    signs = np.stack([rng.choice([-1, 1], (images.shape[1], 2)) for rng in rngs])
    for down in (-1, 1):
        for right in (-1, 1):
            which = (signs == (down, right)).all(axis=2)
            rolled = np.roll(images[which], (down * strength, right * strength), axis=(1, 2))
            rows, columns = (
                slice(0, strength) if side > 0 else slice(-strength, None) for side in (down, right)
            )
            rolled[:, rows] = 0
            rolled[:, :, columns] = 0
            moved[which] = rolled
    return moved


@functools.lru_cache(maxsize=1)
def _rows(data, seeds, block, sizes, unknown, pool, shifts):
    """Rows of known digits with classes, test rows changed in each way, and strangers."""
    ((images, classes),) = blocks(data[0], seeds, (block,))
    side = int(images.shape[2] ** 0.5)
    familiar = [np.flatnonzero(own < KNOWN)[: sum(sizes)] for own in classes]
    others = [np.flatnonzero(own >= KNOWN)[:unknown] for own in classes]
    if min(map(len, familiar)) < sum(sizes) or min(map(len, others)) < unknown:
        raise ValueError(f"blocks of {block} rows of {data[0]} hold too few of {sizes}, {unknown}")

    def pick(which):
        return np.stack([own[rows] for own, rows in zip(images, which, strict=True)])

    x = pick(familiar)
    y = np.stack([own[rows] for own, rows in zip(classes, familiar, strict=True)])
    test = x[:, -sizes[2] :].reshape(len(seeds), sizes[2], side, side)
    changes = []
    for kind, strength in shifts:
        rngs = [stream(seed, f"{kind} {strength}") for seed in seeds]
        flat = changed(test, kind, strength, rngs).reshape(*test.shape[:2], -1)
        changes.append(pooled(flat, pool))
    strangers = {"digits": pooled(pick(others), pool)}
    for name in data[1:]:
        ((far, _),) = blocks(name, seeds, (sizes[2],))
        strangers["fashion"] = pooled(far, pool)
    return (pooled(x, pool), y), changes, strangers
