"""Sums over all subsets of the rows of an array, one addition for each sum."""

import numpy as np

__all__ = ["iterate_subset_sums", "subset_sums"]


def subset_sums(terms, start=None):
    """``start`` plus the sum of each subset of the rows of `terms`.

    Doubles a table: the sums with row k are those without it, plus row k.

    Parameters
    ----------
    terms : array_like, shape (n, ...)
        The n rows; of any dtype that can be added, object arrays of Fractions included.
    start : array_like, optional
        What the empty subset sums to, of the shape of one row or broadcast to it; by default 0.

    Returns
    -------
    ndarray, shape (2**n, ...)
        In the order of `enumerate_masks`: row k holds the sum over the subset that the binary
        digits of k spell, the first row of `terms` the least significant.

    Raises
    ------
    ValueError
        If `terms` has no axis.

    Notes
    -----
    Theorem ``thm-enumeration-cost``: ``2^n - 1`` additions for each column of `terms`.

    Examples
    --------
    >>> subset_sums([1, 10, 100]).tolist()
    [0, 1, 10, 11, 100, 101, 110, 111]
    """
    terms = _rows(terms, "subset_sums")
    if start is None:
        start = np.zeros(terms.shape[1:], terms.dtype)
    start = np.asarray(start)
    table = np.empty((1 << len(terms), *terms.shape[1:]), np.result_type(terms, start))
    table[0] = start
    for k, row in enumerate(terms):
        np.add(table[: 1 << k], row, out=table[1 << k : 2 << k])
    return table


def iterate_subset_sums(terms, start=None, chunk=12):
    """The sums of `subset_sums`, in its order, at most 2^chunk at a time.

    Splits the rows in two halves, the first of at most `chunk` rows: every sum is one of the
    first half plus one of the second (Horowitz and Sahni 1974), so that two short tables take
    the place of the long one.

    Parameters
    ----------
    terms, start
        As for `subset_sums`.
    chunk : int
        Binary logarithm of the largest number of sums in memory, at least 1.

    Yields
    ------
    ndarray, shape (2**min(n, chunk), ...)
        Valid until the next one is asked for, which overwrites it.

    Raises
    ------
    ValueError
        If `terms` has no axis or `chunk` is less than 1.

    Notes
    -----
    Theorem ``thm-enumeration-cost``: for n <= 2 chunk rows ``2^n + 2^l + 2^(n-l) - 2``
    additions for each column, with l = min(n, chunk) < n.

    Examples
    --------
    >>> [sums.tolist() for sums in iterate_subset_sums([1, 10, 100], chunk=2)]
    [[0, 1, 10, 11], [100, 101, 110, 111]]
    """
    terms = _rows(terms, "iterate_subset_sums")
    if chunk < 1:
        raise ValueError(f"iterate_subset_sums needs chunk >= 1, got chunk={chunk!r}")
    lower = subset_sums(terms[:chunk], start)
    if len(terms) <= chunk:
        yield lower
        return
    work = np.empty_like(lower)
    for block in iterate_subset_sums(terms[chunk:], chunk=chunk):
        for upper in block:
            yield np.add(lower, upper, out=work)


def _rows(terms, name):
    terms = np.asarray(terms)
    if terms.ndim == 0:
        raise ValueError(f"{name} needs an array of rows, got a number, terms={terms!r}")
    return terms.astype(int) if terms.dtype == bool else terms
