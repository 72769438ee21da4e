"""Draw masks: exactly, and about as fast as memory takes them."""

import numpy as np

from .._threads import STRIPE, for_each_stripe
from .checks import check_probability, check_rng

__all__ = ["fill_mask", "sample_mask"]

# Units per block: their random bytes and their mask stay in the cache of one core.
BLOCK = 1 << 18
# The others, above all MT19937, have raw words of 32 bits.
RAW_IS_64_BITS = (np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)


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
    Statement ``thm-sampler-exact`` of the book. A random binary fraction U is compared
    with the binary expansion of `p`, eight digits at a time, and only where all digits so
    far were equal are there any more of them. A float64 has a finite expansion, so the
    comparison ends and P(U < p) is `p` itself, neither rounded to 8, 24 or 32 bits nor
    to 53. At p = 1/2 the first digit decides, and a unit takes one bit. The lazy comparison
    is that of Knuth and Yao (1976).

    A mask of more than 2^20 units is drawn in stripes of that size. Each has a stream of its
    own, SFC64 seeded with 256 bits from `rng`, so that two threads draw the same mask as one.

    Examples
    --------
    >>> sample_mask(5, 0.0, rng=0)
    array([ True,  True,  True,  True,  True])
    >>> sample_mask((2, 3), 0.5, rng=0).shape
    (2, 3)
    """
    if rng is None:  # a mask that nobody can draw again is not asked for by accident
        raise TypeError("rng must be a numpy.random.Generator or an integer seed, got rng=None")
    p, rng = check_probability(p), check_rng(rng)
    return fill_mask(np.empty(shape, dtype=bool), p, rng)


def fill_mask(out, p, rng):
    """Draw the mask of `sample_mask` into an array that exists.

    Parameters
    ----------
    out : ndarray of bool, C-contiguous
        Every entry is overwritten.
    p : float
        Drop probability in [0, 1].
    rng : numpy.random.Generator
        Source of the random bits.

    Returns
    -------
    ndarray of bool
        `out` itself.

    Raises
    ------
    ValueError, TypeError
        As for `sample_mask`, or if `out` is not a C-contiguous array of booleans.
    """
    p, rng = check_probability(p), check_rng(rng)
    if out.dtype != np.bool_ or not out.flags.c_contiguous:
        raise ValueError(f"out must be a C-contiguous array of booleans, got {out.dtype}")
    if p in (0.0, 1.0):
        out.fill(p == 0.0)
        return out
    flat = out.reshape(-1)
    if flat.size <= STRIPE:
        _fill_stripe(flat, p, rng)
        return out
    # A stream for each stripe, so that it does not matter when, or by which thread, it is drawn.
    seeds = rng.integers(0, 1 << 64, size=(-(-flat.size // STRIPE), 4), dtype=np.uint64)

    def fill(k, stripe):
        _fill_stripe(flat[stripe], p, np.random.Generator(np.random.SFC64(seeds[k])))

    for_each_stripe(fill, flat.size)
    return out


def _fill_stripe(keep, p, rng):
    """Fill one stripe, block by block."""
    for start in range(0, keep.size, BLOCK):
        block = keep[start : start + BLOCK]
        if block.size % 8 == 0:
            _fill(block, p, rng)
        else:
            padded = np.empty(-(-block.size // 8) * 8, dtype=bool)
            _fill(padded, p, rng)
            block[:] = padded[: block.size]


def _fill(keep, p, rng):
    """Decide which units to keep; `keep` is flat, and its size a multiple of eight."""
    if p == 0.5:
        bits = _random_bytes(-(-keep.size // 64), rng)
        keep[:] = np.unpackbits(bits, count=keep.size, bitorder="little")
        return
    scaled = 256.0 * p  # exact: only the exponent changes
    first = int(scaled)
    rest = scaled - first  # exact: what the first byte of p leaves over
    digits = _random_bytes(keep.size // 8, rng)
    np.greater_equal(digits, first, out=keep)
    if rest == 0.0:
        return
    # A tie, one unit in 256, is decided by its next digits. Ties take the place of the
    # digits, and are sought and decided by words of eight units: there are fewer.
    tied = np.equal(digits, first, out=digits.view(bool)).view(np.uint64)
    (where,) = (tied != 0).nonzero()
    if where.size:
        later = np.empty(8 * where.size, dtype=bool)
        _fill(later, rest, rng)
        keep.view(np.uint64)[where] ^= tied[where] & ~later.view(np.uint64)


def _random_bytes(words, rng):
    """The bytes of some random 64-bit words, in one order on every machine."""
    if isinstance(rng.bit_generator, RAW_IS_64_BITS):
        drawn = rng.bit_generator.random_raw(words)
    else:
        drawn = rng.integers(0, 1 << 64, size=words, dtype=np.uint64)
    return drawn.astype("<u8", copy=False).view(np.uint8)
