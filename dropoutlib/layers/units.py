"""Dropout of single units: both conventions, and noise that is no mask but has its moments."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Rng, array_of, check_positive, check_probability
from ..masks import sample_mask
from .base import Layer


class Dropout(Layer):
    """Inverted dropout: x * m / q in training, x at inference.

    Parameters and errors as for `Layer`. Definition ``def-inverted`` of the book;
    mean and variance of the output are ``thm-unbiased`` and ``thm-variance``. At p = 1
    the output and its gradient are zero. Source: Srivastava et al. (2014), section 10,
    with q for their p.

    Examples
    --------
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
    """

    def _is_identity(self):
        return self.p == 0

    def _noise(self, x):
        if not self.training:
            return None, 1 - self.p
        if self.p == 0:
            return None, 1.0
        return sample_mask(x.shape, self.p, rng=self.rng), 1.0


class GaussianDropout(Layer):
    """Gaussian dropout: x * e with e ~ N(1, p/q) in training, x at inference.

    Mean and variance of the noise are those of inverted dropout; its third and fourth moments
    are not (``thm-gaussian-match``). Parameters and errors as for `Layer`, and ValueError at p = 1,
    where the variance is infinite; `packed` has no effect. Source: Srivastava et al. (2014),
    section 10.
    """

    def _checked_p(self, value):
        if check_probability(value) == 1:
            raise ValueError("GaussianDropout(p=1) would have infinite variance p/(1 - p)")
        return float(value)

    def _noise(self, x):
        if self._is_identity():
            return None, 1.0
        noise = self.rng.normal(1.0, math.sqrt(self.p / (1 - self.p)), size=x.shape)
        # In half precision a large factor would be infinite.
        return np.asarray(noise, dtype=np.promote_types(x.dtype, np.float32)), 1.0


class ConcreteDropout(Layer):
    """Inverted dropout whose p is learned by gradient descent: x (1 - z) / (1 - p) in training.

    The drop indicator is relaxed to z = sigmoid((logit p + logit U) / t) with U uniform, which
    is differentiable in p. Its mean is not exactly p, and its variance is smaller than that of
    a Bernoulli mask; both gaps vanish with the temperature t. Source: Gal, Hron and Kendall (2017).

    Parameters
    ----------
    p, temperature : float
        Initial probability, strictly between 0 and 1, and temperature t, positive; or a ValueError.
    rng : numpy.random.Generator or int, optional
        As for `Layer`, also other errors.

    Attributes
    ----------
    logit, logit_grad : float
        The parameter that is learned, whose sigmoid is p, and the gradient with respect to it that
        the last `backward` found.
    """

    def __init__(self, p: float = 0.5, temperature: float = 0.1, *, rng: Rng = None) -> None:
        check_positive(temperature=temperature)
        super().__init__(p, rng=rng)
        self.temperature = temperature
        self.logit_grad: float | None = None

    @property
    def p(self) -> float:
        """Probability of dropping, the sigmoid of `logit`; rounded it may be 0 or 1."""
        return sigmoid(self.logit)

    @p.setter
    def p(self, value: float) -> None:
        if not 0 < check_probability(value) < 1:
            raise ValueError(f"a learned p must lie strictly between 0 and 1, got p={value!r}")
        self.logit = math.log(value) - math.log1p(-value)

    def forward(self, x: ArrayLike) -> NDArray:
        """Apply the layer; see `Layer.forward`."""
        x = array_of("x", x)
        if not self.training:
            self._last = x, None, None, None
            return x
        self._check_floating("input", x)
        u = np.maximum(self.rng.uniform(size=x.shape), np.finfo(float).tiny)  # u = 0 has no logit
        logit_z = (self.logit + np.log(u) - np.log1p(-u)) / self.temperature
        kept = (1 - np.tanh(logit_z / 2)) / 2  # sigmoid(-logit_z), which cannot overflow
        noise = kept / max(sigmoid(-self.logit), np.finfo(float).tiny)
        self._last = x, kept, noise, self.p
        return (x * noise).astype(x.dtype)

    def backward(self, grad: ArrayLike) -> NDArray:
        """Return the gradient of the input, and keep that of `logit`; see `Layer.backward`."""
        x, kept, noise, p = self._last_pass()
        grad = self._gradient(grad, x.shape)
        if kept is None:
            self.logit_grad = 0.0
            return grad
        self._check_floating("gradient", grad)
        # d/dlogit of kept/q: z = 1 - kept moves by z (1 - z)/t, and 1/q by p/q.
        slope = noise * (p - (1 - kept) / self.temperature)
        self.logit_grad = float(np.sum(grad * x * slope))
        return (grad * noise).astype(grad.dtype)

    def regulariser(
        self, weight: ArrayLike, n_inputs: int, *, weight_scale: float, entropy_scale: float
    ) -> tuple[float, float]:
        """Penalty s_w ||W||^2 / q - s_H K H(p) and its derivative with respect to `logit`.

        Parameters
        ----------
        weight : array_like
            Weights W behind the layer.
        n_inputs : int
            Number K of units that the layer masks.
        weight_scale, entropy_scale : float
            Factors s_w and s_H; l^2/N and 2/N for squared loss of precision 1.
        """
        p, q = sigmoid(self.logit), sigmoid(-self.logit)
        size = weight_scale * float(np.sum(np.square(array_of("weight", weight).astype(float))))
        with np.errstate(over="ignore"):  # the penalty is then infinite, unless all weights are 0
            odds = np.exp(self.logit)  # p / q, and one more is 1 / q
        # -log q is log(1 + e^logit), and -log p is log(1 + e^-logit).
        entropy = p * np.logaddexp(0, -self.logit) + q * np.logaddexp(0, self.logit)
        weights = size * odds if size else 0.0
        value = size + weights - entropy_scale * n_inputs * entropy
        # dp/dlogit = p q; d(1/q)/dlogit = p/q; dH/dp = -logit.
        derivative = weights + entropy_scale * n_inputs * p * q * self.logit
        return float(value), float(derivative)


def sigmoid(logit):
    """The probability of this logit, as precise where it is near 0."""
    small = math.exp(-abs(logit))
    return (1 if logit > 0 else small) / (1 + small)
