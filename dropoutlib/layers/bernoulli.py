"""Dropout of single units, in both conventions."""

from ..masks import sample_mask
from .base import Layer

__all__ = ["Dropout", "StandardDropout"]


class Dropout(Layer):
    """Inverted dropout: x * m / q in training, x at inference.

    Parameters and errors as for `Layer`. Definition ``def-inverted`` of the book;
    mean and variance of the output are ``thm-unbiased`` and ``thm-variance``. At p = 1
    the output and its gradient are zero. Source: Srivastava et al. (2014), section 10,
    with q for their p.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dropout(0.5, rng=4)
    >>> y = layer.forward(np.ones(100))
    >>> np.unique(y)
    array([0., 2.])
    >>> np.array_equal(layer.backward(np.ones(100)), y)
    True
    """

    def _noise(self, x):
        if not self.training or self.p == 0:
            return None, 1.0
        mask = sample_mask(x.shape, self.p, rng=self.rng)
        return mask, 1 / (1 - self.p) if self.p < 1 else 1.0


class StandardDropout(Layer):
    """Standard dropout: x * m in training, q x at inference.

    Parameters and errors as for `Layer`. Definition ``def-standard`` of the book, which
    also says when the two conventions train alike (``thm-conventions-agree``). Source:
    Srivastava et al. (2014), section 4, with q for their p.

    Examples
    --------
    >>> import numpy as np
    >>> StandardDropout(0.5, rng=4).eval().forward(np.ones(4))
    array([0.5, 0.5, 0.5, 0.5])
    """

    def _is_identity(self):
        return self.p == 0

    def _noise(self, x):
        if not self.training:
            return None, 1 - self.p
        if self.p == 0:
            return None, 1.0
        return sample_mask(x.shape, self.p, rng=self.rng), 1.0
