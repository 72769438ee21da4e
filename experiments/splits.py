"""Rows to train with and rows to judge by, for the experiments on small sets of images."""

import functools

import numpy as np

from dropoutlib import data

from .networks import stream

__all__ = ["split"]


@functools.cache
def _images(name):
    """Grey values from 0 to 1 and classes, in an order that is the same for every seed."""
    found = data.load(name)
    order = stream(0, f"test rows of {name}").permutation(len(found.targets))
    x = found.features.astype(np.float32)[order]
    return x / x.max(), found.targets[order]


def split(name, rows, seeds, judged_by):
    """Draw training rows for each seed, and give the rows that judge them.

    Two fifths of a set are its test rows, the same for every seed. A fifth is held out when
    settings and margins are chosen, and is open to training otherwise.

    Parameters
    ----------
    name : str
        A set of images of `dropoutlib.data`.
    rows : int
        Number of training rows of each seed.
    seeds : sequence of int
        The S seeds.
    judged_by : {"test", "held out"}
        Which rows are returned as the last two.

    Returns
    -------
    x, y : ndarray, shapes (S, rows, d) and (S, rows)
    x_judge, y_judge : ndarray, shapes (T, d) and (T,)

    Raises
    ------
    ValueError
        If there are not so many rows, or for another `judged_by`.
    """
    x, y = _images(name)
    test, held_out = 2 * len(y) // 5, 3 * len(y) // 5
    first, judge = {
        "test": (test, slice(0, test)),
        "held out": (held_out, slice(test, held_out)),
    }.get(judged_by, (None, None))
    if first is None:
        raise ValueError(f"judged_by must be 'test' or 'held out', got {judged_by!r}")
    if not 0 < rows <= len(y) - first:
        raise ValueError(f"{name} has {len(y) - first} rows to train with, got rows={rows}")
    pick = [
        first + stream(seed, "training rows").permutation(len(y) - first)[:rows] for seed in seeds
    ]
    return x[np.stack(pick)], y[np.stack(pick)], x[judge], y[judge]
