"""Draw, enumerate, weigh and pack dropout masks: the only package that draws them.

A mask is a boolean array; True keeps a unit, False drops it.
`p` is always the probability of *dropping*, ``q = 1 - p`` that of keeping.
"""

from .checks import check_probability, check_rng
from .enumeration import enumerate_masks, iterate_masks, mask_weights
from .packed import PackedMask
from .sampler import fill_mask, sample_mask

__all__ = [
    "PackedMask",
    "check_probability",
    "check_rng",
    "enumerate_masks",
    "fill_mask",
    "iterate_masks",
    "mask_weights",
    "sample_mask",
]
