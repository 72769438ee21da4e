"""Sets of images as experiments use them: a subset for each seed, and rows to judge by.

Sets with an official test set are judged by it (`split`, `splits`). The small sets, which have
none, are cut in the same way for every seed (`parts`), and large ones into rows that no other
seed sees at all (`blocks`), or, where nearly all rows are learnt from, into test rows that no other
seed is tested on (`dealt`). Each draws from streams of its own.
"""

import functools
import math

import numpy as np

from book import data

from .dealing import PILOT, own_rows
from .networks import stream

__all__ = ["blocks", "dealt", "joined", "parts", "pooled", "split", "splits"]


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
        Of a set of images in `book.data`.
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


@functools.cache
def _shuffled(name):
    """Grey values and classes, in an order that is the same for every seed."""
    x, y, _ = _rows(name)
    order = stream(0, f"test rows of {name}").permutation(len(y))
    return x[order], y[order]


def parts(name, rows, seeds, judged_by):
    """Draw training rows for each seed, and give the rows that judge them.

    Two fifths of a set are its test rows, the same for every seed. A fifth is held out when
    settings and margins are chosen, and is open to training otherwise.

    Parameters
    ----------
    name : str
        A set of images of `book.data`.
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
    x, y = _shuffled(name)
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


def pooled(images, pool):
    """Replace each square of `pool` by `pool` pixels by its mean.

    Parameters
    ----------
    images : ndarray, shape (..., d * d)
        Square images, a row an image.
    pool : int
        A divisor of d.

    Returns
    -------
    ndarray, shape (..., (d / pool) ** 2)
    """
    side = math.isqrt(images.shape[-1]) // pool
    squares = images.reshape(-1, side, pool, side, pool)
    return squares.mean(axis=(2, 4)).reshape(*images.shape[:-1], -1)


@functools.cache
def _pooled(name, pool):
    """As `_shuffled`, the images `pooled`."""
    x, y = _shuffled(name)
    return pooled(x, pool), y


def blocks(name, seeds, sizes, pool=1):
    """Give each seed rows of its own for every part: training, validation, test, or more.

    The set is shuffled once and cut into blocks. The seeds 0, 1, … take them from the front and
    the pilot's, 1000, 1001, …, from the back, so that seeds are independent draws from the set.

    Parameters
    ----------
    name : str
        A set of images of `book.data`; the set's own division into training and test is ignored.
    seeds : sequence of int
        The S seeds.
    sizes : sequence of int
        Number of rows in each part.
    pool : int
        Side of the squares of pixels that are averaged, a divisor of the images' side.

    Returns
    -------
    list of (x, y)
        For each part its images, (S, rows, d), and classes, (S, rows).

    Raises
    ------
    ValueError
        If the set has too few rows for a seed to have its own.
    """
    x, y = _pooled(name, pool)
    rows = own_rows(name, len(y), seeds, sizes)
    cuts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return [(x[cut], y[cut]) for cut in cuts]


def joined(parts):
    """Return the images of all parts that `blocks` gives, and their classes, part behind part."""
    return [np.concatenate(part, axis=1) for part in zip(*parts, strict=True)]


def dealt(name, seed, sizes, pool=1):
    """Deal out test rows, no row to two seeds, and give each seed most of the others to learn from.

    The set is shuffled once. Its last rows are the validation rows of every seed; of those in
    front the seeds 0, 1, … are tested on one block each and learn from all other blocks. The
    pilot's seeds, 1000, 1001, …, learn from the rows in front and are tested on the last ones, so
    that a pilot whose validation and test rows are no more than the validation rows of the full
    version chooses by no row that the latter is tested on.

    Parameters
    ----------
    name : str
        A set of images of `book.data`; the set's own division into training and test is ignored.
    seed : int
    sizes : sequence of int
        Number of training, validation and test rows.
    pool : int
        Side of the squares of pixels that are averaged, a divisor of the images' side.

    Returns
    -------
    list of (x, y)
        For each part its images, (rows, d), and classes, (rows,).

    Raises
    ------
    ValueError
        If the set has too few rows.
    """
    x, y = _pooled(name, pool)
    train, validation, test = sizes
    rows = np.arange(len(y))
    if seed < PILOT:
        front, held = np.split(rows, [len(y) - validation])
        judged = front[seed * test : (seed + 1) * test]
        front = np.delete(front, judged)
    else:
        front, held, judged = np.split(rows, [len(y) - validation - test, len(y) - test])
    if min(sizes) < 1 or len(judged) < test or len(front) < train or len(held) < validation:
        raise ValueError(f"{name} has {len(y)} rows, too few for {tuple(sizes)} with seed {seed}")
    return [(x[part], y[part]) for part in (front[:train], held, judged)]
