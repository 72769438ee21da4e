"""The product of an array, a mask and a scale, which is all that most dropout layers compute."""

import numpy as np

from ._threads import for_each_stripe

__all__ = ["empty_aligned", "multiply_blocks", "scaled_product"]

# Entries per block: what was multiplied by the mask is still in the cache when it is scaled.
BLOCK = 1 << 16
CACHE_LINE = 64


def scaled_product(x, mask, scale):
    """Return x * mask * scale, dense, of the dtype and in the order of strides of `x`.

    Parameters
    ----------
    x : ndarray
    mask : ndarray or None
        Of a shape that broadcasts to that of `x`; None for all ones.
    scale : float

    Returns
    -------
    ndarray
        `x` itself if nothing is to be multiplied. A dropped infinity becomes NaN.
    """
    if mask is None and scale == 1:
        return x
    out = _empty_like(x)
    if mask is None:
        _scale(x, scale, out)
    elif mask.size < x.size:  # the same factor for many entries is scaled once
        factor = np.empty(mask.shape, dtype=x.dtype)
        _scale(mask, scale, factor)
        np.multiply(x, factor, out=out)
    elif x.flags.c_contiguous and mask.flags.c_contiguous:
        flat = [array.reshape(-1) for array in (x, mask, out)]

        def multiply(_, stripe):
            part, keep, result = (array[stripe] for array in flat)
            multiply_blocks(part, keep, scale, result)

        for_each_stripe(multiply, x.size)
    else:
        np.multiply(x, mask, out=out)
        _scale(out, scale, out)
    return out


def empty_aligned(size, dtype):
    """A flat array of `size` entries, not set, that begins with a line of the cache.

    Vectors would be written across two lines otherwise, which takes longer.
    """
    dtype = np.dtype(dtype)
    memory = np.empty(size * dtype.itemsize + CACHE_LINE, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + size * dtype.itemsize].view(dtype)


def multiply_blocks(x, mask, scale, out):
    """Write x * mask * scale to `out`, all flat and of one size, block by block."""
    for start in range(0, x.size, BLOCK):
        block = slice(start, start + BLOCK)
        part = np.multiply(x[block], mask[block], out=out[block])
        _scale(part, scale, part)


def _empty_like(x):
    """An array like `x`, not set; on a line of the cache where the product takes a while."""
    if x.size > BLOCK and x.flags.c_contiguous:
        return empty_aligned(x.size, x.dtype).reshape(x.shape)
    return np.empty_like(x)


def _scale(x, scale, out):
    """Write x * scale to `out`."""
    if scale == 1:
        if out is not x:
            np.copyto(out, x)
        return
    # In half precision 1/q may be infinite, and infinity times 0 is not 0.
    dtype = np.promote_types(out.dtype, np.float32) if out.dtype.kind == "f" else out.dtype
    np.multiply(x, dtype.type(scale), out=out, dtype=dtype, casting="same_kind")
