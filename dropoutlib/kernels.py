"""Loops over memory: the product of an array, a mask and a scale, which most layers compute."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["empty_aligned", "multiply_blocks", "scaled_product"]

# Entries per block: what was multiplied by the mask is still in a cache when it is scaled.
BLOCK = 1 << 18
CACHE_LINE = 64


def scaled_product(x: NDArray, mask: NDArray | None, scale: float) -> NDArray:
    """Return x * mask * scale, dense, of the dtype and in the order of strides of `x`.

    The shape of `mask` broadcasts to that of `x`; None stands for all ones. It is `x` itself if
    nothing is to be multiplied; a dropped infinity becomes NaN. TypeError if `x` is not floating
    point and there is more to multiply than a boolean mask.
    """
    if mask is None and scale == 1:
        return x
    only_mask = mask is not None and mask.dtype.kind == "b" and scale == 1
    if x.dtype.kind not in "fc" and not only_mask:
        raise TypeError(f"what is scaled must be floating point, got {x.dtype}")
    out = _empty_like(x)
    if mask is None:
        _scale(x, scale, out)
    elif mask.size < x.size and scale != 1:
        # The same factor for many entries is scaled once.
        wide = _wide(x.dtype)
        factor = np.multiply(mask, wide.type(scale), dtype=wide)
        np.multiply(x, factor, out=out, casting="same_kind")
    elif x.flags.c_contiguous and mask.flags.c_contiguous and mask.size == x.size:
        multiply_blocks(x.reshape(-1), mask.reshape(-1), scale, out.reshape(-1))
    else:
        np.multiply(x, mask, out=out)
        _scale(out, scale, out)
    return out


def empty_aligned(size: int, dtype: DTypeLike) -> NDArray:
    """A flat array of `size` entries, not set, that begins with a line of the cache.

    Vectors would be written across two lines otherwise, which takes longer.
    """
    dtype = np.dtype(dtype)
    memory = np.empty(size * dtype.itemsize + CACHE_LINE, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + size * dtype.itemsize].view(dtype)


def multiply_blocks(x: NDArray, mask: NDArray, scale: float, out: NDArray) -> None:
    """Write x * mask * scale to `out`, all flat and of one size, block by block; `out` is not x."""
    for start in range(0, x.size, BLOCK):
        block = slice(start, start + BLOCK)
        part, factor = out[block], mask[block]
        if factor.dtype.kind == "b":
            part[...] = factor  # numbers, all at once; a product makes few at a time
            factor = part
        np.multiply(x[block], factor, out=part)
        _scale(part, scale, part)


def _empty_like(x):
    """An array like `x`, not set; on a line of the cache where the product takes a while."""
    if x.size > BLOCK and x.flags.c_contiguous:
        return empty_aligned(x.size, x.dtype).reshape(x.shape)
    return np.empty_like(x)


def _scale(x, scale, out):
    """Write x * scale to `out`, which with the scale 1 is `x` itself."""
    if scale != 1:
        wide = _wide(out.dtype)
        np.multiply(x, wide.type(scale), out=out, dtype=wide, casting="same_kind")


def _wide(dtype):
    """At least single precision: in half, 1/q may be infinite, and infinity times 0 is not 0."""
    return np.promote_types(dtype, np.float32) if dtype.kind == "f" else dtype
