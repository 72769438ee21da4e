"""Draw, enumerate and weigh dropout masks: the only module that draws them.

A mask is a boolean array; True keeps a unit, False drops it.
`p` is always the probability of *dropping*, ``q = 1 - p`` that of keeping.
"""

import math
import numbers

import numpy as np

__all__ = [
    "check_probability",
    "check_rng",
    "enumerate_masks",
    "iterate_masks",
    "mask_weights",
    "sample_mask",
]

MAX_ENUMERATED_BYTES = 1 << 30
# Units per block: their random bytes and their mask stay in the cache of one core.
BLOCK = 1 << 16


def check_probability(p, message="drop probability p must lie in [0, 1], got p={p!r}"):
    """Return the drop probability `p` as a float, or say what is wrong with it.

    Parameters
    ----------
    p : real number
        A Python or NumPy scalar in [0, 1]; a `fractions.Fraction` is accepted.
    message : str
        Text of the error, with ``{p}`` where the value belongs.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean (True is more likely a misplaced
        flag than "drop everything") or an array.
    TypeError
        If `p` is not a number at all.
    """
    is_array = hasattr(p, "__array__") and not isinstance(p, numbers.Real)
    if isinstance(p, (bool, np.bool_)) or is_array:
        raise ValueError(message.format(p=p) + f" of type {type(p).__name__}, not a real number")
    if not isinstance(p, numbers.Real):
        raise TypeError(message.format(p=p) + f" of type {type(p).__name__}, not a real number")
    if not 0 <= p <= 1:  # this form rejects NaN, `p < 0 or p > 1` would not
        raise ValueError(message.format(p=p))
    return float(p)


def check_rng(rng):
    """Return a `numpy.random.Generator`: `rng` itself, or a new one from an integer seed or None.

    Raises
    ------
    TypeError
        If `rng` is anything else, above all the module `numpy.random` or a legacy
        `RandomState`, whose state is shared.
    ValueError
        If the seed is negative.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, numbers.Integral) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"rng must be a Generator or a seed >= 0, got rng={rng!r}")
        return np.random.default_rng(int(rng))
    raise TypeError(f"rng must be a numpy.random.Generator or an integer seed, got rng={rng!r}")


def sample_mask(shape, p, *, rng):
    """Draw a mask whose entries are independent and False with probability exactly `p`.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask.
    p : float
        Drop probability in [0, 1].
    rng : numpy.random.Generator or int
        Source of the random bits, or a seed for a new one. A generator advances;
        no global state is read or changed.

    Returns
    -------
    ndarray of bool, shape `shape`
        True where the unit is kept.

    Raises
    ------
    ValueError, TypeError
        For a `p` outside [0, 1], a negative dimension, or an `rng` that is neither
        a generator nor a seed.

    Notes
    -----
    Statement ``thm-sampler-exact`` of the book. A random binary fraction U, made of a
    byte and, only where that byte ties with the first byte of `p`, of further 64-bit
    words, is compared with the binary expansion of `p`. A float64 has a finite
    expansion, so the comparison ends and P(U < p) is `p` itself, neither rounded to
    8, 24 or 32 bits nor to 53. The lazy comparison is that of Knuth and Yao (1976).

    Examples
    --------
    >>> sample_mask(5, 0.0, rng=0)
    array([ True,  True,  True,  True,  True])
    >>> sample_mask((2, 3), 0.5, rng=0).shape
    (2, 3)
    """
    p = check_probability(p)
    if rng is None:  # a mask that nobody can draw again is not asked for by accident
        raise TypeError("rng must be a numpy.random.Generator or an integer seed, got rng=None")
    rng = check_rng(rng)
    keep = np.empty(shape, dtype=bool)
    if p in (0.0, 1.0):
        keep.fill(p == 0.0)
        return keep
    flat = keep.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        _fill(flat[start : start + BLOCK], p, rng)
    return keep


def _fill(keep, p, rng):
    """Write one block of keep decisions into the flat boolean view `keep`."""
    scaled = 256.0 * p  # exact: only the exponent changes
    first = int(scaled)
    rest = scaled - first  # exact: what the first byte of p leaves over
    words = rng.integers(0, 1 << 64, size=-(-keep.size // 8), dtype=np.uint64)
    # '<u8' fixes the order of the bytes, so that a seed means one mask on every machine.
    bits = words.astype("<u8", copy=False).view(np.uint8)[: keep.size]
    np.greater_equal(bits, first, out=keep)
    if rest == 0.0:
        return
    tied = np.flatnonzero(bits == first)
    keep[tied] = False
    while rest > 0.0 and tied.size:  # each round leaves a tie with probability 2**-64
        scaled = math.ldexp(rest, 64)
        word = int(scaled)
        rest = scaled - word
        draws = rng.integers(0, 1 << 64, size=tied.size, dtype=np.uint64)
        keep[tied[draws > word]] = True
        tied = tied[draws == word]
    keep[tied] = True  # U and p agree in every digit of p: U >= p


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
