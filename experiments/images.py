"""Sets of images as experiments use them: a subset for each seed, and rows to judge by."""

import functools

import numpy as np

from dropoutlib import data

from .networks import stream

__all__ = ["split", "splits"]


@functools.cache
def _rows(name):
    """Grey values from 0 to 1, classes, and the number of rows of the official test set."""
    found = data.load(name)
    grey = found.features.astype(np.float32)
    return grey / grey.max(), found.targets, found.test_rows


def split(name, held_out, seed, rows=None):
    """Training rows and rows to judge by.

    Parameters
    ----------
    name : str
        Of a set of images in `dropoutlib.data`.
    held_out : int or None
        Number of training rows to hold out and to judge by, or None for the official test set.
    seed : int
        Draws what is held out, and the subset.
    rows : int, optional
        Number of training rows to draw of what is left; by default all.

    Returns
    -------
    x, y, x_test, y_test : ndarray
        Grey values from 0 to 1, a row an image, and classes.

    Raises
    ------
    ValueError
        If there are not as many rows.
    """
    x, y, test_rows = _rows(name)
    end = len(y) - test_rows
    if held_out is None:
        train, judged = np.arange(end), np.arange(end, len(y))
    else:
        order = stream(seed, "held out").permutation(end)
        train, judged = order[held_out:], order[:held_out]
    if rows is not None:
        if not 0 < rows <= len(train):
            raise ValueError(f"rows={rows} of {name}, which has {len(train)} to train with")
        train = train[stream(seed, "subset").permutation(len(train))[:rows]]
    return x[train], y[train], x[judged], y[judged]


def splits(name, held_out, seeds, rows):
    """Splits of several seeds with the seeds as first axis; the test set, shared, has none.

    Returns
    -------
    x, y, x_test, y_test : ndarray
        Of shapes (S, rows, d), (S, rows), (S, N, d) or (N, d), and (S, N).
    """
    x, y, x_test, y_test = zip(*(split(name, held_out, s, rows) for s in seeds), strict=True)
    judged = x_test[0] if held_out is None else np.stack(x_test)
    return np.stack(x), np.stack(y), judged, np.stack(y_test)
