"""Masks in one bit a unit, for what has to wait between a forward and a backward pass."""

import numpy as np

__all__ = ["PackedMask"]


class PackedMask:
    """A mask that takes one bit a unit; `unpack` gives back the very mask (``thm-mask-memory``).

    Parameters
    ----------
    mask : ndarray of bool, any shape

    Attributes
    ----------
    shape : tuple of int
        Shape of the mask.
    nbytes : int
        Bytes held, an eighth of the number of units, rounded up.

    Raises
    ------
    TypeError
        If `mask` is not an array of booleans.

    Examples
    --------
    >>> mask = np.ones((10, 10), dtype=bool)
    >>> packed = PackedMask(mask)
    >>> packed.nbytes, np.array_equal(packed.unpack(), mask)
    (13, True)
    """

    def __init__(self, mask):
        if getattr(mask, "dtype", None) != np.bool_:
            raise TypeError(f"PackedMask takes an array of booleans, got {mask!r}")
        self.shape = mask.shape
        self._bits = np.packbits(mask)

    @property
    def nbytes(self):
        """Bytes held."""
        return self._bits.nbytes

    def unpack(self):
        """Return the mask as an ndarray of bool."""
        units = int(np.prod(self.shape))
        return np.unpackbits(self._bits, count=units).view(bool).reshape(self.shape)
