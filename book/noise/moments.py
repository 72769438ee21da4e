"""Moments of the factor m / q that dropout multiplies an activation with."""

import math
from typing import NamedTuple

from dropoutlib._checks import Probability, check_probability

__all__ = ["NoiseMoments", "noise_moments", "noise_variance"]


class NoiseMoments(NamedTuple):
    """Mean, variance, skewness and excess kurtosis of the noise; all without a unit."""

    mean: float
    variance: float
    skewness: float
    excess_kurtosis: float


def noise_variance(p: Probability) -> float:
    """Variance p / q of the noise m / q of inverted dropout.

    Parameters
    ----------
    p : float
        Drop probability in [0, 1).

    Raises
    ------
    ValueError, TypeError
        If `p` is not such a number. At p = 1 nothing is kept that could be scaled.

    Examples
    --------
    >>> noise_variance(0.5)
    1.0
    """
    p = check_probability(p)
    if p == 1:
        raise ValueError("the noise m / q needs a drop probability p below 1, got p=1")
    return p / (1 - p)


def noise_moments(p: Probability) -> NoiseMoments:
    """First four moments of the noise m / q (``thm-noise-moments``).

    With q = 1 - p::

        mean 1,   variance p / q,   skewness (2 p - 1) / sqrt(p q),
        excess kurtosis (1 - 6 p q) / (p q).

    At p = 0 the noise is constant, and its skewness and kurtosis are NaN. Parameter and errors as
    for `noise_variance`.

    Examples
    --------
    >>> noise_moments(0.5)
    NoiseMoments(mean=1.0, variance=1.0, skewness=0.0, excess_kurtosis=-2.0)
    """
    variance = noise_variance(p)
    p = float(p)
    spread = p * (1 - p)
    if spread == 0:
        return NoiseMoments(1.0, variance, math.nan, math.nan)
    skewness, kurtosis = (2 * p - 1) / math.sqrt(spread), (1 - 6 * spread) / spread
    return NoiseMoments(1.0, variance, skewness, kurtosis)
