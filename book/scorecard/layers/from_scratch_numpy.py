"""Inverted dropout as in the notes of CS231n, in words of our own: p is that of keeping."""

import numpy as np

__all__ = ["Inverted"]


class Inverted:
    """The mask is a comparison with p, divided by p."""

    def __init__(self, p):
        self.p = p

    def forward(self, x, training=True):
        """Drop in training."""
        if not training:
            return x
        with np.errstate(all="ignore"):
            self.mask = (np.random.rand(*x.shape) < self.p) / np.float64(self.p)  # noqa: NPY002
            return x * self.mask

    def backward(self, grad):
        """Return the gradient through the same mask."""
        return grad * self.mask
