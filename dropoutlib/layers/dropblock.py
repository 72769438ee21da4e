"""Dropout of square blocks of a feature map."""

import numbers

import numpy as np

from ..masks import check_probability, sample_mask
from .base import Layer

__all__ = ["DropBlock2d", "block_seed_rate", "dropblock_rate", "seed_rate"]


def block_seed_rate(p, block_size, height, width):
    """Probability gamma that a block starts at a position where it fits.

    gamma = p / b^2 * (H W) / ((H - b + 1)(W - b + 1)), Ghiasi et al. (2018): b^2
    units drop for each of the seeds, if blocks did not overlap.

    Parameters
    ----------
    p : float
        Intended probability of dropping a unit, in [0, 1].
    block_size : int
        Side b of a block, from 1 to the smaller side of the map.
    height, width : int
        Sides H and W of the feature map.

    Returns
    -------
    float
        At most 1, and 1 at p = 1, where all is meant to drop.

    Raises
    ------
    ValueError
        If `p` is not a probability or a block does not fit.
    TypeError
        If `block_size` is not an integer.
    """
    return seed_rate(check_probability(p), block_size, height, width)


def seed_rate(p, block_size, height, width):
    """The same for a `p` that has been checked, or that a compiler of torch keeps as a symbol."""
    if isinstance(block_size, bool) or not isinstance(block_size, numbers.Integral):
        raise TypeError(f"block_size must be an integer, got block_size={block_size!r}")
    if not 1 <= block_size <= min(height, width):
        raise ValueError(
            f"a block of side block_size={block_size} does not fit a map of {height} x {width}"
        )
    if p == 1:
        return 1.0
    places = (height - block_size + 1) * (width - block_size + 1)
    return min(1.0, p * height * width / (block_size**2 * places))


def dropblock_rate(p, block_size, height, width):
    """Exact mean probability that DropBlock drops a unit: less than `p`, since blocks overlap.

    A unit survives if none of the n_i n_j seeds whose blocks cover it was drawn, so it drops
    with probability 1 - (1 - gamma)^(n_i n_j) (``approx-dropblock``). Parameters and errors as
    for `block_seed_rate`.

    Examples
    --------
    >>> print(f"{dropblock_rate(0.25, 7, 14, 14):.3f}")
    0.210
    """
    gamma = block_seed_rate(p, block_size, height, width)
    covering = np.outer(_seeds_over(height, block_size), _seeds_over(width, block_size))
    return float(np.mean(1 - (1 - gamma) ** covering))


def _seeds_over(side, block_size):
    """How many of the places where a block may start reach each position of one axis."""
    position, last = np.arange(side), side - block_size
    return np.minimum(position, last) - np.maximum(position - block_size + 1, 0) + 1


class DropBlock2d(Layer):
    """Drop square blocks of each channel and rescale what is left: x of shape (N, C, H, W).

    Seeds of blocks are drawn with the probability `block_seed_rate`; the mask is divided by the
    fraction that it kept of this very input, so the sum of the mask is preserved and not just
    its mean. An input of which nothing is kept becomes zero, as all do at p = 1.

    Parameters
    ----------
    p : float
        Intended probability of dropping a unit; the exact one is `dropblock_rate`.
    block_size : int
        Side of a block.
    rng, packed
        As for `Layer`.

    Raises
    ------
    ValueError
        As for `Layer`; for another number of axes; or if a block does not fit.

    References
    ----------
    Ghiasi, Lin and Le (2018).
    """

    def __init__(self, p=0.5, block_size=7, *, rng=None, packed=False):
        super().__init__(p, rng=rng, packed=packed)
        self.block_size = block_size

    def __repr__(self):
        return f"DropBlock2d(p={self.p}, block_size={self.block_size})"

    def _noise(self, x):
        if x.ndim != 4:
            raise ValueError(f"{self!r} takes (N, C, H, W), got shape {x.shape}")
        if self._is_identity():
            return None, 1.0
        *maps, height, width = x.shape
        gamma = block_seed_rate(self.p, self.block_size, height, width)
        b = self.block_size
        places = (*maps, height - b + 1, width - b + 1)
        free = sample_mask(places, gamma, rng=self.rng)
        mask = _around(_around(free, b, axis=2), b, axis=3)
        kept = np.count_nonzero(mask)
        return mask, mask.size / kept if kept else 1.0


def _around(free, b, axis):
    """Drop, along one axis, the `b` positions that each dropped seed covers."""
    seeds = np.moveaxis(free, axis, -1)
    covered = np.ones((*seeds.shape[:-1], seeds.shape[-1] + b - 1), dtype=bool)
    for shift in range(b):
        covered[..., shift : shift + seeds.shape[-1]] &= seeds
    return np.ascontiguousarray(np.moveaxis(covered, -1, axis))
