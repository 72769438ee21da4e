"""Sets of sequences as experiments use them: folds for seeds, and what baselines look at."""

import functools

import numpy as np

from book import data

from .images import PILOT
from .networks import stream

__all__ = ["folds", "sequences", "standardised", "summaries", "warping"]


@functools.cache
def sequences(name):
    """Sequences of a set, with a last channel that is 1 at each step that is there.

    Parameters
    ----------
    name : str
        A set of sequences in `book.data`, or ``"digits"``, whose images are read from top to
        bottom, a row of pixels a step.

    Returns
    -------
    x : ndarray, shape (N, T, d + 1)
        float32, zero behind the end of a sequence.
    y : ndarray of int, shape (N,)
    """
    found = data.load(name)
    steps = found.features
    if steps.ndim == 2:
        steps = steps.reshape(len(steps), 8, 8)
    there = ~np.isnan(steps[:, :, :1])
    x = np.concatenate([np.where(there, steps, 0.0), there], axis=2)
    return x.astype(np.float32), found.targets


def folds(name, seeds, sizes):
    """Row numbers of training, validation and test for each seed; no two share a test row.

    The rows are shuffled once and their test blocks dealt out, seed by seed, as in
    cross-validation; training and validation rows are drawn from all others, so that seeds share
    many of them. The pilot's seeds, 1000, 1001, …, deal out another order of the same rows.

    Parameters
    ----------
    name : str
        A set that `sequences` knows.
    seeds : sequence of int
        The S seeds, all of the full version or all of the pilot.
    sizes : sequence of int
        Number of training, validation and test rows.

    Returns
    -------
    list of ndarray
        Of shapes (S, size).

    Raises
    ------
    ValueError
        If a seed finds no test rows of its own, or too few others.
    """
    total = len(sequences(name)[1])
    train, validation, test = sizes
    found = []
    for seed in seeds:
        first, start = (PILOT, PILOT) if seed >= PILOT else (0, 0)
        order = stream(start, f"folds of {name}").permutation(total)
        cut = slice((seed - first) * test, (seed - first + 1) * test)
        others = np.delete(order, cut)
        if min(sizes) < 1 or cut.stop > total or train + validation > len(others):
            raise ValueError(f"{name} has {total} rows, too few for {sizes} with seed {seed}")
        drawn = stream(seed, "training rows").permutation(others)
        found.append((drawn[:train], drawn[train : train + validation], order[cut]))
    return [np.stack(part) for part in zip(*found, strict=True)]


def standardised(x, rows):
    """Give each channel mean 0 and variance 1 over the steps of the training rows of each seed.

    Parameters
    ----------
    x : ndarray, shape (N, T, d + 1)
        As `sequences` returns them.
    rows : ndarray of int, shape (S, M)
        Training rows.

    Returns
    -------
    ndarray, shape (S, N, T, d + 1)
        float32, zero behind the ends.
    """
    found = []
    for own in rows:
        steps = x[own][x[own][:, :, -1] == 1][:, :-1]
        spread = np.maximum(steps.std(axis=0), 1e-6)  # pixels in a corner are always empty
        scaled = (x[:, :, :-1] - steps.mean(axis=0)) / spread * x[:, :, -1:]
        found.append(np.concatenate([scaled, x[:, :, -1:]], axis=2))
    return np.stack(found).astype(np.float32)


def summaries(x):
    """Mean, standard deviation, first and last value of each channel, and the length.

    Parameters
    ----------
    x : ndarray, shape (..., T, d + 1)
        As `standardised` returns them.

    Returns
    -------
    ndarray, shape (..., 4 d + 1)
    """
    values, there = x[..., :-1], x[..., -1:]
    length = there.sum(axis=-2)
    mean = values.sum(axis=-2) / length
    square = ((values - mean[..., None, :]) ** 2 * there).sum(axis=-2) / length
    ends = (length[..., None] - 1).astype(int)
    last = np.take_along_axis(values, ends, axis=-2)[..., 0, :]
    share = length / x.shape[-2]
    return np.concatenate([mean, np.sqrt(square), values[..., 0, :], last, share], axis=-1)


def warping(x):
    """Distances of dynamic time warping between all pairs of sequences (Sakoe and Chiba 1978).

    The least sum of squared distances along a path that pairs the steps of two sequences, both
    in order, first with first and last with last; and the root of it.

    Parameters
    ----------
    x : ndarray, shape (N, T, d + 1)
        As `sequences` returns them.

    Returns
    -------
    ndarray, shape (N, N)
    """
    values, ends = x[:, :, :-1].astype(float), x[:, :, -1].sum(axis=1).astype(int) - 1
    squares = (values**2).sum(axis=2)
    steps, everyone = x.shape[1], np.arange(len(x))
    found = np.empty((len(x), len(x)))
    for row, (own, end) in enumerate(zip(values, ends, strict=True)):
        cost = squares[row][:, None] + squares[:, None, :] - 2 * (own @ values.transpose(0, 2, 1))
        cost = cost.transpose(1, 2, 0).clip(min=0)
        for i in range(end + 1):
            for j in range(steps):
                before = [cost[a, b] for a, b in _ahead(i, j)]
                if before:
                    cost[i, j] += np.minimum.reduce(before)
        found[row] = np.sqrt(cost[end, ends, everyone])
    return found


def _ahead(i, j):
    """Places of a path just ahead of (i, j)."""
    return [(a, b) for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if a >= 0 and b >= 0]
