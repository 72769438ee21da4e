"""All masks of n units, and the probability of each."""

import numbers

import numpy as np

from .checks import check_probability

__all__ = ["enumerate_masks", "iterate_masks", "mask_weights"]

MAX_ENUMERATED_BYTES = 1 << 30


def enumerate_masks(n):
    """All 2^n masks of `n` units, in the order of the binary numbers they spell.

    Parameters
    ----------
    n : int
        Number of units, at least 0.

    Returns
    -------
    ndarray of bool, shape (2**n, n)
        Row k holds the binary digits of k, unit 0 the least significant.

    Raises
    ------
    ValueError
        If `n` is negative, or the masks would take more than 1 GiB (n > 25).

    Examples
    --------
    >>> enumerate_masks(2).astype(int)
    array([[0, 0],
           [1, 0],
           [0, 1],
           [1, 1]])
    """
    if isinstance(n, bool) or not isinstance(n, numbers.Integral):
        raise TypeError(f"the number of units n must be an integer, got n={n!r}")
    n = int(n)
    if n < 0:
        raise ValueError(f"the number of units n must be at least 0, got n={n}")
    if n and n << n > MAX_ENUMERATED_BYTES:
        raise ValueError(
            f"enumerate_masks(n={n}) would take 2^{n} x {n} bytes, more than "
            f"{MAX_ENUMERATED_BYTES >> 30} GiB; draw masks with sample_mask instead"
        )
    codes = np.arange(1 << n, dtype=np.uint32)
    return (codes[:, None] >> np.arange(n, dtype=np.uint32) & 1).astype(bool)


def iterate_masks(n, chunk=12):
    """The masks of `enumerate_masks`, in its order, at most 2^chunk at a time.

    Parameters
    ----------
    n : int
        Number of units; no limit, as only one chunk is in memory.
    chunk : int
        Binary logarithm of the largest number of masks in a chunk, at least 1.

    Yields
    ------
    ndarray of bool, shape (2**min(n, chunk), n)

    Examples
    --------
    >>> [len(masks) for masks in iterate_masks(4, chunk=3)]
    [8, 8]
    """
    low = min(n, chunk)
    lower = enumerate_masks(low)
    if low == n:
        yield lower
        return
    for block in iterate_masks(n - low, chunk):
        for upper in block:
            yield np.hstack([lower, np.broadcast_to(upper, (len(lower), n - low))])


def mask_weights(masks, p):
    """Probability ``P(m) = p^(n-|m|) q^|m|`` of each mask.

    Parameters
    ----------
    masks : array_like of bool, shape (..., n)
        Masks along the last axis, True for a kept unit.
    p : float or fractions.Fraction
        Drop probability. With a Fraction the weights are exact Fractions.

    Returns
    -------
    ndarray, shape (...)
        float64, or dtype object holding Fractions. Over all masks they sum to 1.

    Raises
    ------
    ValueError, TypeError
        For a `p` outside [0, 1], or `masks` that are neither boolean nor 0 and 1.

    Notes
    -----
    Statement ``thm-mask-weights`` of the book. The weights are uniform only at p = 1/2.

    Examples
    --------
    >>> mask_weights(enumerate_masks(2), 0.25)
    array([0.0625, 0.1875, 0.1875, 0.5625])
    """
    check_probability(p)
    masks = np.asarray(masks)
    if masks.ndim == 0:
        raise ValueError(f"masks must have at least one axis, got shape {masks.shape}")
    if masks.dtype != bool and not np.isin(masks, (0, 1)).all():
        raise ValueError("masks must hold only True and False (or 1 and 0)")
    n = masks.shape[-1]
    kept = np.count_nonzero(masks, axis=-1)
    # One power per possible count, so that equal masks have equal weights, Fractions included.
    by_count = np.array([p ** (n - k) * (1 - p) ** k for k in range(n + 1)])
    return by_count[kept]
