"""Which rows of a set each seed gets, whatever the rows are: images, tables or sequences."""

import numpy as np

from .networks import stream

__all__ = ["PILOT", "folds", "own_rows"]

PILOT = 1000  # the first seed of the pilots


def own_rows(name, rows, seeds, sizes):
    """Number the rows of each seed: seeds 0, 1, … from the front, the pilot's from the back.

    Parameters
    ----------
    name : str
        Of the set, for the message.
    rows : int
        How many there are.
    seeds, sizes
        The S seeds, and the number of rows in each part.

    Returns
    -------
    ndarray of int, shape (S, total of the sizes)

    Raises
    ------
    ValueError
        If the set has too few rows for a seed to have its own.
    """
    total = sum(sizes)
    first = np.array([s * total if s < PILOT else rows - (s - PILOT + 1) * total for s in seeds])
    if min(sizes) < 1 or first.min() < 0 or first.max() + total > rows:
        raise ValueError(
            f"{name} has {rows} rows, too few for blocks of {tuple(sizes)} for seeds {seeds}"
        )
    return first[:, None] + np.arange(total)


def folds(name, rows, seeds, sizes):
    """Number training, validation and test rows of each seed; no two seeds share a test row.

    The rows are shuffled once and their test blocks dealt out, seed by seed, as in
    cross-validation; training and validation rows are drawn from all others, so that seeds share
    many of them. The pilot's seeds, 1000, 1001, …, deal out another order of the same rows.

    Parameters
    ----------
    name : str
        Of the set, for its order.
    rows : int
        How many there are.
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
    train, validation, test = sizes
    found = []
    for seed in seeds:
        start = PILOT if seed >= PILOT else 0
        order = stream(start, f"folds of {name}").permutation(rows)
        cut = slice((seed - start) * test, (seed - start + 1) * test)
        others = np.delete(order, cut)
        if min(sizes) < 1 or cut.stop > rows or train + validation > len(others):
            raise ValueError(f"{name} has {rows} rows, too few for {sizes} with seed {seed}")
        drawn = stream(seed, "training rows").permutation(others)
        found.append((drawn[:train], drawn[train : train + validation], order[cut]))
    return [np.stack(part) for part in zip(*found, strict=True)]
