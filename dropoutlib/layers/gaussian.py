"""Dropout with Gaussian noise in place of a mask."""

import math

import numpy as np

from ..masks import check_probability
from .base import Layer

__all__ = ["GaussianDropout"]


class GaussianDropout(Layer):
    """Gaussian dropout: x * e with e ~ N(1, p/q) in training, x at inference.

    Mean and variance of the noise are those of inverted dropout; its third and fourth moments
    are not (``thm-gaussian-match``). Parameters and errors as for `Layer`, but p must be
    below 1, where the variance is infinite, and `packed` has no effect. Source: Srivastava
    et al. (2014), section 10.

    Raises
    ------
    ValueError
        As for `Layer`, and at p = 1.

    Examples
    --------
    >>> import numpy as np
    >>> GaussianDropout(0.5, rng=0).eval().forward(np.ones(3))
    array([1., 1., 1.])
    """

    @Layer.p.setter
    def p(self, value):
        """Probability of dropping in the Bernoulli layer of equal variance."""
        if check_probability(value) == 1:
            raise ValueError("GaussianDropout(p=1) would have infinite variance p/(1 - p)")
        Layer.p.fset(self, value)

    def _noise(self, x):
        if self._is_identity():
            return None, 1.0
        noise = self.rng.normal(1.0, math.sqrt(self.p / (1 - self.p)), size=x.shape)
        return np.asarray(noise, dtype=x.dtype), 1.0

    def _kept(self, noise):
        return noise  # as wide as the input: there is no mask to pack
