"""All masks of n units and their weights, in a form of their own: nothing from what is checked."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

__all__ = ["generator", "mask_blocks", "weights_by_count"]


def mask_blocks(n: int, bits: int = 12) -> Iterator[np.ndarray]:
    """Yield the 2^n masks as boolean arrays of shape (2^min(n, bits), n), unit 0 fastest."""
    n = int(n)
    size = 1 << min(n, bits)
    for start in range(0, 1 << n, size):
        codes = np.arange(start, start + size, dtype=np.int64)
        yield (codes[:, None] >> np.arange(n) & 1).astype(bool)


def weights_by_count(n: int, p: float | Fraction) -> np.ndarray:
    """Probability p^(n-k) (1-p)^k of one mask that keeps k of n units, for k = 0..n.

    With a Fraction the weights are exact.

    Raises
    ------
    ValueError
        If p is not a number in [0, 1].
    """
    if isinstance(p, bool) or not isinstance(p, numbers.Real) or not 0 <= p <= 1:
        raise ValueError(f"drop probability p must lie in [0, 1], got p={p!r}")
    n = int(n)  # NumPy's integers would make powers of Fractions overflow
    return np.array([p ** (n - k) * (1 - p) ** k for k in range(n + 1)])


def generator(rng: np.random.Generator | int) -> np.random.Generator:
    """Return a `numpy.random.Generator`: `rng` itself, or a new one from an integer seed.

    Raises
    ------
    TypeError
        If `rng` is anything else.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, numbers.Integral) and not isinstance(rng, bool):
        return np.random.default_rng(int(rng))
    raise TypeError(f"rng must be a numpy.random.Generator or an integer seed, got rng={rng!r}")
