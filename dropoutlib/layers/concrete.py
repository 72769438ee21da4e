"""Dropout with a learned probability, through a relaxed mask."""

import math

import numpy as np

from ..masks import check_probability
from .base import Layer

__all__ = ["ConcreteDropout"]


class ConcreteDropout(Layer):
    """Inverted dropout whose p is learned by gradient descent: x (1 - z) / (1 - p) in training.

    The drop indicator is relaxed to z = sigmoid((logit p + logit U) / t) with U uniform, which
    is differentiable in p. Its mean is not exactly p, and its variance is smaller than that of
    a Bernoulli mask; both gaps vanish with the temperature t.

    Parameters
    ----------
    p : float
        Initial probability, strictly between 0 and 1.
    temperature : float
        Temperature t of the relaxation, positive.
    rng : numpy.random.Generator or int, optional
        Source of the noise, or a seed.

    Attributes
    ----------
    logit : float
        The parameter that is learned; p is its sigmoid.
    logit_grad : float
        Gradient with respect to it that the last `backward` found.

    Raises
    ------
    ValueError
        As for `Layer`, at p = 0 and 1, or if the temperature is not positive.

    References
    ----------
    Gal, Hron and Kendall (2017).
    """

    def __init__(self, p=0.5, temperature=0.1, *, rng=None):
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got temperature={temperature!r}")
        super().__init__(p, rng=rng)
        self.temperature = temperature
        self.logit_grad = None

    @Layer.p.setter
    def p(self, value):
        """Probability of dropping, the sigmoid of `logit`."""
        if not 0 < check_probability(value) < 1:
            raise ValueError(f"a learned p must lie strictly between 0 and 1, got p={value!r}")
        Layer.p.fset(self, value)

    @property
    def logit(self):
        """Logit of p."""
        return math.log(self.p / (1 - self.p))

    @logit.setter
    def logit(self, value):
        small = math.exp(-abs(value))
        self.p = (1 if value > 0 else small) / (1 + small)

    def forward(self, x):
        """Apply the layer; see `Layer.forward`."""
        x = np.asarray(x)
        if not self.training:
            self._last = x, None, None
            return x
        if x.dtype.kind != "f":
            raise TypeError(
                f"{self!r} scales its input, which must be floating point, got {x.dtype}"
            )
        u = np.maximum(self.rng.uniform(size=x.shape), np.finfo(float).tiny)  # u = 0 has no logit
        logit_z = (self.logit + np.log(u) - np.log1p(-u)) / self.temperature
        kept = (1 - np.tanh(logit_z / 2)) / 2  # sigmoid(-logit_z), which cannot overflow
        self._last = x, kept, self.p
        return (x * (kept / (1 - self.p))).astype(x.dtype)

    def backward(self, grad):
        """Return the gradient of the input, and keep that of `logit`."""
        x, kept, p = self._last_pass()
        grad = self._gradient(grad, x.shape)
        if kept is None:
            self.logit_grad = 0.0
            return grad
        # d/dlogit of kept/q: z = 1 - kept moves by z (1 - z)/t, and 1/q by p/q.
        slope = kept * (p - (1 - kept) / self.temperature) / (1 - p)
        self.logit_grad = float(np.sum(grad * x * slope))
        return (grad * (kept / (1 - p))).astype(grad.dtype)

    def regulariser(self, weight, n_inputs, *, weight_scale, entropy_scale):
        """Penalty s_w ||W||^2 / q - s_H K H(p) and its derivative with respect to `logit`.

        Parameters
        ----------
        weight : array_like
            Weights W behind the layer.
        n_inputs : int
            Number K of units that the layer masks.
        weight_scale, entropy_scale : float
            Factors s_w and s_H; l^2/N and 2/N for squared loss of precision 1.

        Returns
        -------
        value, derivative : float
        """
        p, q = self.p, 1 - self.p
        size = float(np.sum(np.square(weight)))
        entropy = -p * math.log(p) - q * math.log(q)
        value = weight_scale * size / q - entropy_scale * n_inputs * entropy
        # dp/dlogit = p q; d(1/q)/dp = 1/q^2; dH/dp = -logit.
        derivative = weight_scale * size * p / q + entropy_scale * n_inputs * p * q * self.logit
        return value, derivative
