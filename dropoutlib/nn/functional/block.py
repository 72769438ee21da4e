"""Dropout of square blocks of a feature map."""

import torch
import torch.nn.functional as F

from ...layers.structured import seed_rate
from .common import check_floating, check_p, keep_mask, masked, overridable, wide_dtype

__all__ = ["drop_block2d"]


@overridable
def drop_block2d(input, p=0.5, block_size=7, training=True, inplace=False, *, generator=None):
    """Drop square blocks of each channel and rescale what is left.

    Seeds of blocks are drawn with the probability `dropoutlib.layers.block_seed_rate`; the mask
    is divided by the fraction that it kept of this very input. Less than p is dropped, since
    blocks overlap: exactly `dropoutlib.layers.dropblock_rate` (``approx-dropblock``).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W)
        Feature maps.
    p : float
        Intended probability of dropping a unit, in [0, 1].
    block_size : int
        Side of a block.
    training, inplace, generator
        As for `dropout`.

    Returns
    -------
    Tensor
        As for `dropout`; zeros where nothing is kept.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`, or a block that does not fit.
    RuntimeError
        If `input` has not four axes, or is not floating point and 0 < p < 1.

    References
    ----------
    Ghiasi, Lin and Le (2018).
    """
    p = check_p(p)
    if input.dim() != 4:
        raise RuntimeError(f"drop_block2d takes (N, C, H, W), got shape {tuple(input.shape)}")
    if not training or p == 0 or input.numel() == 0:
        return input
    gamma = seed_rate(p, block_size, *input.shape[2:])
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    check_floating(input, "drop_block2d(p={})", p)
    keep = _blocks(input, gamma, block_size, generator)
    kept = keep.sum(dtype=wide_dtype(input.device))
    # A Python number over a tensor would be its reciprocal times the number, rounded twice.
    scale = (torch.full_like(kept, keep.numel()) / kept.clamp(min=1)).to(input.dtype)
    return masked(input, keep, scale, inplace)


def _blocks(input, gamma, block_size, generator):
    """Draw the mask: False in every block that starts at a seed."""
    places = (*input.shape[:2], *(side - block_size + 1 for side in input.shape[2:]))
    seeds = ~keep_mask(input, places, gamma, generator)
    padded = F.pad(seeds.float(), [block_size - 1] * 4)
    return F.max_pool2d(padded, block_size, stride=1) == 0
