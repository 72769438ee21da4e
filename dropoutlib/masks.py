"""Draw, enumerate, weigh and pack dropout masks: the only room that draws them.

A mask is a boolean array; True keeps a unit, False drops it.
`p` is always the probability of *dropping*, ``q = 1 - p`` that of keeping.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import Probability, array_of, check_count, check_probability, check_rng, is_fraction

__all__ = [
    "PackedMask",
    "check_probability",
    "check_rng",
    "enumerate_masks",
    "fill_mask",
    "mask_weights",
    "sample_mask",
]

# Units per block: their random bytes and their mask stay in the cache of one core.
BLOCK = 1 << 18
# The others, above all MT19937, have raw words of 32 bits.
RAW_IS_64_BITS = (np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)
MAX_ENUMERATED_BYTES = 1 << 30


def sample_mask(
    shape: int | tuple[int, ...], p: Probability, *, rng: np.random.Generator | int
) -> NDArray[np.bool_]:
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

    A mask of more than 2^18 units takes its bits from SFC64, the quickest generator of NumPy,
    seeded with 256 bits from `rng`.

    Examples
    --------
    >>> sample_mask(5, 0.0, rng=0)
    array([ True,  True,  True,  True,  True])
    >>> sample_mask((2, 3), 0.5, rng=0).shape
    (2, 3)
    """
    if rng is None:  # a mask that nobody can draw again is not asked for by accident
        raise TypeError("rng must be a numpy.random.Generator or an integer seed, got rng=None")
    return fill_mask(np.empty(shape, dtype=bool), p, rng)


def fill_mask(
    out: NDArray[np.bool_], p: Probability, rng: np.random.Generator | int
) -> NDArray[np.bool_]:
    """Draw the mask of `sample_mask` into `out`, an array that exists, and return `out`.

    Errors as for `sample_mask`, and ValueError if `out` is no C-contiguous array of booleans.
    """
    p, rng = check_probability(p), check_rng(rng)
    if getattr(out, "dtype", None) != np.bool_ or not out.flags.c_contiguous:
        raise ValueError(f"out must be a C-contiguous array of booleans, got {out!r:.60}")
    if p in (0.0, 1.0):
        out.fill(p == 0.0)
        return out
    flat = out.reshape(-1)
    if flat.size > BLOCK:
        seed = rng.integers(0, 1 << 64, size=4, dtype=np.uint64)
        rng = np.random.Generator(np.random.SFC64(seed))
    # Random words hold eight units: the last block is drawn beside `out` if it ends within one.
    whole = flat.size - (flat.size % BLOCK if flat.size % 8 else 0)
    if whole:
        _fill(flat[:whole], p, rng)
    if whole < flat.size:
        padded = np.empty(-(-(flat.size - whole) // 8) * 8, dtype=bool)
        _fill(padded, p, rng)
        flat[whole:] = padded[: flat.size - whole]
    return out


def _fill(keep, p, rng):
    """Decide which units to keep; `keep` is flat, and its size a multiple of eight."""
    scaled = 256.0 * p  # exact: a power of two times a double below 1
    first = int(scaled)
    rest = scaled - first  # exact: what the first byte of p leaves over
    places, ties = [], []
    for start in range(0, keep.size, BLOCK):
        block = keep[start : start + BLOCK]
        if p == 0.5:
            bits = _random_bytes(-(-block.size // 64), rng)
            block[:] = np.unpackbits(bits, count=block.size, bitorder="little")
            continue
        digits = _random_bytes(block.size // 8, rng)
        np.greater_equal(digits, first, out=block)
        if rest:
            # A tie, one unit in 256, is decided by its next digits. Ties take the place
            # of the digits, and are sought and decided by words of eight units.
            tied = np.equal(digits, first, out=digits.view(bool)).view(np.uint64)
            (where,) = (tied != 0).nonzero()
            if where.size:
                places.append(where + start // 8)
                ties.append(tied[where])
    if places:
        where, tied = np.concatenate(places), np.concatenate(ties)
        later = np.empty(8 * where.size, dtype=bool)
        _fill(later, rest, rng)
        keep.view(np.uint64)[where] ^= tied & ~later.view(np.uint64)


def _random_bytes(words, rng):
    """The bytes of some random 64-bit words, in one order on every machine."""
    if isinstance(rng.bit_generator, RAW_IS_64_BITS):
        drawn = rng.bit_generator.random_raw(words)
    else:
        drawn = rng.integers(0, 1 << 64, size=words, dtype=np.uint64)
    return drawn.astype("<u8", copy=False).view(np.uint8)


def enumerate_masks(n: int) -> NDArray[np.bool_]:
    """All 2^n masks of `n` units, in the order of the binary numbers they spell.

    Returns
    -------
    ndarray of bool, shape (2**n, n)
        Row k holds the binary digits of k, unit 0 the least significant.

    Raises
    ------
    ValueError, TypeError
        If `n` is negative or no integer, or the masks would take more than 1 GiB (n > 25).

    Examples
    --------
    >>> enumerate_masks(2).astype(int)
    array([[0, 0],
           [1, 0],
           [0, 1],
           [1, 1]])
    """
    n = check_count("n", n, 0)
    if n and n << n > MAX_ENUMERATED_BYTES:
        raise ValueError(
            f"enumerate_masks(n={n}) would take 2^{n} x {n} bytes, more than "
            f"{MAX_ENUMERATED_BYTES >> 30} GiB; draw masks with sample_mask instead"
        )
    codes = np.arange(1 << n, dtype=np.uint32)
    return (codes[:, None] >> np.arange(n, dtype=np.uint32) & 1).astype(bool)


def mask_weights(masks: ArrayLike, p: Probability) -> NDArray:
    """Probability ``P(m) = p^(n-|m|) q^|m|`` of each mask.

    Statement ``thm-mask-weights`` of the book. The weights are uniform only at p = 1/2.

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

    Examples
    --------
    >>> mask_weights(enumerate_masks(2), 0.25)
    array([0.0625, 0.1875, 0.1875, 0.5625])
    """
    check_probability(p)
    p = p if is_fraction(p) else float(p)
    masks = array_of("masks", masks)
    if masks.ndim == 0:
        raise ValueError(f"masks must have at least one axis, got shape {masks.shape}")
    if masks.dtype != bool and not np.isin(masks, (0, 1)).all():
        raise ValueError("masks must hold only True and False (or 1 and 0)")
    n = masks.shape[-1]
    kept = np.count_nonzero(masks, axis=-1)
    # One power per possible count, so that equal masks have equal weights, Fractions included.
    by_count = np.array([p ** (n - k) * (1 - p) ** k for k in range(n + 1)])
    return by_count[kept]


class PackedMask:
    """A mask that takes one bit a unit; `unpack` gives back the very mask (``thm-mask-memory``).

    `mask` is an ndarray of bool, or a TypeError; its shape is kept as the attribute `shape`.

    Examples
    --------
    >>> mask = np.ones((10, 10), dtype=bool)
    >>> packed = PackedMask(mask)
    >>> packed.nbytes, np.array_equal(packed.unpack(), mask)
    (13, True)
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        if getattr(mask, "dtype", None) != np.bool_:
            raise TypeError(f"PackedMask takes an array of booleans, got {mask!r}")
        self.shape = mask.shape
        self._bits = np.packbits(mask)

    @property
    def nbytes(self) -> int:
        """Bytes held, an eighth of the number of units, rounded up."""
        return self._bits.nbytes

    def unpack(self) -> NDArray[np.bool_]:
        """Return the mask as an ndarray of bool."""
        units = int(np.prod(self.shape))
        return np.unpackbits(self._bits, count=units).view(bool).reshape(self.shape)
