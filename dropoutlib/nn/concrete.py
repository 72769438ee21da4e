"""Dropout with a learned probability, through a relaxed mask."""

import math

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from . import functional
from .functional.common import check_p

__all__ = ["ConcreteDropout"]


class ConcreteDropout(_DropoutNd):
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
    generator : torch.Generator, optional
        Source of the noise; by default PyTorch's global generator.

    Attributes
    ----------
    logit : Parameter, shape ()
        What is learned, and all that ``state_dict`` holds.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`, also 0 and 1, or if the temperature is not positive.

    References
    ----------
    Gal, Hron and Kendall (2017).
    """

    def __init__(self, p=0.5, temperature=0.1, *, generator=None):
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got temperature={temperature!r}")
        super().__init__(_check_open(p))
        self.temperature = temperature
        self.generator = generator

    @property
    def p(self):
        """Probability of dropping as a float, the sigmoid of `logit`."""
        return torch.sigmoid(self.logit.detach()).item()

    @p.setter
    def p(self, value):
        value = _check_open(value)
        logit = math.log(value) - math.log1p(-value)
        if "logit" in self._parameters:
            nn.init.constant_(self.logit, logit)
        else:
            self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, input):
        """Apply the module in its mode; see `functional.concrete_dropout`."""
        return functional.concrete_dropout(
            input, self.logit, self.temperature, self.training, generator=self.generator
        )

    def regulariser(self, weight, n_inputs, *, weight_scale, entropy_scale):
        """Penalty s_w ||W||^2 / q - s_H K H(p) that belongs into the loss.

        Parameters
        ----------
        weight : Tensor
            Weights W behind the module.
        n_inputs : int
            Number K of units that the module masks.
        weight_scale, entropy_scale : float
            Factors s_w and s_H; l^2/N and 2/N for squared loss of precision 1.

        Returns
        -------
        Tensor, shape ()
        """
        p, q = torch.sigmoid(self.logit), torch.sigmoid(-self.logit)
        log_p, log_q = (nn.functional.logsigmoid(sign * self.logit) for sign in (1, -1))
        entropy = -p * log_p - q * log_q
        return weight_scale * weight.square().sum() / q - entropy_scale * n_inputs * entropy

    def extra_repr(self):
        """Text between the parentheses of the representation."""
        return f"p={self.p:.3f}, temperature={self.temperature}"


def _check_open(p):
    p = check_p(p)
    if not 0 < p < 1:
        raise ValueError(f"a learned p must lie strictly between 0 and 1, got p={p!r}")
    return p
