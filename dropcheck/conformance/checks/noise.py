"""Gaussian dropout: the law of the noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..registry import Finding, check, fault, holds

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []

DRAWS = 1 << 19


def _normal(x: np.ndarray) -> np.ndarray:
    """Distribution function of N(0, 1), interpolated to within 1e-7."""
    grid = np.linspace(-9, 9, 60_001)
    return np.interp(x, grid, [0.5 * math.erfc(-z / math.sqrt(2)) for z in grid])


def _distance(draws: np.ndarray, sd: float) -> float:
    """Largest difference between their distribution function and that of N(1, sd^2)."""
    stated = _normal((np.sort(draws) - 1) / sd)
    steps = np.arange(len(draws) + 1) / len(draws)
    return float(max(np.max(steps[1:] - stated), np.max(stated - steps[:-1])))


@check("rate", kinds=("gaussian",), random=True)
def normal_noise(subject: Subject) -> Finding:
    """The factor is normal with mean 1 and variance p / (1 - p).

    Proves: by the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart, for any number of
    draws, that the distribution is within the stated distance, at p, 0.1 and 0.8.
    Misses: tails that hold less than that distance. The wrong form is the variance p.
    """
    ps = (subject.p, 0.1, 0.8)
    limit = math.sqrt(math.log(2 * len(ps) / subject.alarm) / (2 * DRAWS))
    worst = 0.0
    power = 1.0
    for p in ps:
        draws = subject.train(np.ones((DRAWS // 512, 512), "float32"), p).ravel().astype(float)
        sd, other = math.sqrt(p / (1 - p)), math.sqrt(p)
        found = _distance(draws, sd)
        grid = np.linspace(-6, 6, 2001)
        apart = float(np.max(np.abs(_normal(grid) - _normal(grid * sd / other))))
        power = min(power, 1 - 2 * math.exp(-2 * DRAWS * max(apart - limit - 1e-6, 0) ** 2))
        if not found <= limit + 1e-6:
            return fault(
                f"at p = {p:g}, the distribution of {DRAWS} factors is {found:.4f} from that of "
                f"N(1, {sd**2:.4g}), limit {limit:.4f}; their mean is {draws.mean():.4f}, their "
                f"variance {draws.var():.4f}",
                subject.alarm,
            )
        worst = max(worst, found)
    seen = f"distance at most {worst:.4f}, limit {limit:.4f}, at three p"
    return holds(seen, subject.alarm, max(power, 0.0))
