"""Dropout of units that live and die together: channels, sequences, branches, blocks.

All but the blocks are inverted dropout with a mask that is repeated along some axes: mean and
variance of a unit stay those of `Dropout`, but the units of a group are correlated.
"""

import numpy as np

from .._checks import Rng, check_choice, check_count, check_probability
from ..masks import sample_mask
from .base import Layer


class _ChannelDropout(Layer):
    """Drop whole channels: mask of shape (N, C, 1, ...), or (C, 1, ...) without a batch."""

    _spatial: int  # number of axes behind the channels
    _leading: tuple[int, ...] = (2, 1)  # of axes up to the channels, with and without a batch

    def _mask_shape(self, shape):
        leading = len(shape) - self._spatial
        if leading not in self._leading:
            axes = ", ".join("DHW"[-self._spatial :] if self._spatial > 1 else "L")
            wanted = [f"({'N, ' * (k == 2)}C, {axes})" for k in self._leading]
            self._refuse(shape, " or ".join(wanted))
        return shape[:leading] + (1,) * self._spatial


class Dropout1d(_ChannelDropout):
    """Drop whole channels of sequences: x of shape (N, C, L) or (C, L).

    Parameters and errors as for `Layer`, and ValueError for another number of axes.
    """

    _spatial = 1


class Dropout2d(_ChannelDropout):
    """Spatial dropout, whole channels of images: x of shape (N, C, H, W).

    Three axes are refused, since PyTorch reads them as (N, C, L) and not as an image without a
    batch; `Dropout1d` takes those. It is not `Dropout` for images: the mean over a map keeps its
    full variance, where `Dropout` averages most of it away (``thm-spatial-variance``). Parameters
    and errors as for `Layer`, and ValueError for other axes. Source: Tompson et al. (2015).
    """

    _spatial = 2
    _leading = (2,)


class Dropout3d(_ChannelDropout):
    """Drop whole channels of volumes: x of shape (N, C, D, H, W) or (C, D, H, W).

    Parameters and errors as for `Layer`, and ValueError for another number of axes.
    """

    _spatial = 3


class VariationalDropout(Layer):
    """One mask a sequence: x of shape (N, T, F), mask of shape (N, 1, F).

    Parameters and errors as for `Layer`, and ValueError for another number of axes. Source:
    Gal and Ghahramani (2016, recurrent networks).
    """

    def _mask_shape(self, shape):
        if len(shape) != 3:
            self._refuse(shape, "(N, T, F)")
        return (shape[0], 1, shape[2])


class DropPath(Layer):
    """Drop a residual branch for a whole sample (stochastic depth).

    Behind a branch f it gives x + f(x) m / q, whose mean is x + f(x) (``thm-droppath``). What is
    not named here is as for `Layer`; ValueError for another mode or an input without axes.

    Parameters
    ----------
    drop_prob : float
        The probability `p` of `Layer`.
    scale_by_keep : bool
        Whether to divide by q. Without it the mean is x + q f(x).
    mode : {"row", "batch"}
        One draw for each sample, as in timm and torchvision, or one for the batch, as in
        Huang et al. (2016), section 3.
    """

    def __init__(
        self,
        drop_prob: float = 0.0,
        scale_by_keep: bool = True,
        mode: str = "row",
        *,
        rng: Rng = None,
    ) -> None:
        check_choice("mode", mode, "batch", "row")
        super().__init__(drop_prob, rng=rng)
        self.scale_by_keep = scale_by_keep
        self.mode = mode

    def __repr__(self) -> str:
        return f"DropPath(drop_prob={self.p:.3f}, mode={self.mode})"

    def _mask_shape(self, shape):
        if not shape:
            self._refuse(shape, "a batch of samples")
        rows = shape[0] if self.mode == "row" else 1
        return (rows,) + (1,) * (len(shape) - 1)

    def _noise(self, x):
        mask, scale = super()._noise(x)
        return mask, scale if self.scale_by_keep else 1.0


class DropBlock2d(Layer):
    """Drop square blocks of each channel and rescale what is left: x of shape (N, C, H, W).

    Seeds of blocks are drawn with the probability `block_seed_rate`; the mask is divided by the
    fraction that it kept of this very input, so the sum of the mask is preserved and not just
    its mean. An input of which nothing is kept becomes zero, as all do at p = 1. What is not named
    here is as for `Layer`; ValueError for another number of axes or if a block does not fit.
    Source: Ghiasi, Lin and Le (2018).

    Parameters
    ----------
    p : float
        Intended probability of dropping a unit; the exact one is `dropblock_rate`.
    block_size : int
        Side of a block.
    """

    def __init__(
        self, p: float = 0.5, block_size: int = 7, *, rng: Rng = None, packed: bool = False
    ) -> None:
        super().__init__(p, rng=rng, packed=packed)
        self.block_size = block_size

    def __repr__(self) -> str:
        return f"DropBlock2d(p={self.p}, block_size={self.block_size})"

    def _noise(self, x):
        if x.ndim != 4:
            self._refuse(x.shape, "(N, C, H, W)")
        if self._is_identity():
            return None, 1.0
        *maps, height, width = x.shape
        b = self.block_size
        gamma = block_seed_rate(self.p, b, height, width)
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


def block_seed_rate(p: float, block_size: int, height: int, width: int) -> float:
    """Probability gamma that a block starts at a position where it fits.

    gamma = p / b^2 * (H W) / ((H - b + 1)(W - b + 1)) for blocks of side b on maps of H x W, and 1
    at p = 1: b^2 units would drop for each of the seeds, if blocks did not overlap (Ghiasi et al.
    2018). ValueError or TypeError if `p` is not a probability, a block does not fit, or its side
    is not an integer of at least 1.
    """
    return seed_rate(check_probability(p), block_size, height, width)


def seed_rate(p, block_size, height, width):
    """The same for a `p` that has been checked, or that a compiler of torch keeps as a symbol."""
    check_count("block_size", block_size, 1)
    if block_size > min(height, width):
        raise ValueError(
            f"a block of side block_size={block_size} does not fit a map of {height} x {width}"
        )
    if p == 1:
        return 1.0
    places = (height - block_size + 1) * (width - block_size + 1)
    return min(1.0, p * height * width / (block_size**2 * places))


def dropblock_rate(p: float, block_size: int, height: int, width: int) -> float:
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
    if gamma == 1:
        return 1.0
    return float(np.mean(-np.expm1(covering * np.log1p(-gamma))))  # also where 1 - gamma is 1


def _seeds_over(side, block_size):
    """How many of the places where a block may start reach each position of one axis."""
    position, last = np.arange(side), side - block_size
    return np.minimum(position, last) - np.maximum(position - block_size + 1, 0) + 1
