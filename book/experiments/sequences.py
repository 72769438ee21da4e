"""Sets of sequences as experiments use them, and what baselines look at."""

import functools

import numpy as np

from book import data

__all__ = ["sequences", "standardised", "summaries", "warping"]


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
