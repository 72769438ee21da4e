"""Answers to the exercises of the chapter Implementation."""

import math
from fractions import Fraction

import numpy as np

from .registry import all_of, equal, exercise, random_rates, same


@exercise("ex-implementation-words", "two numbers of bytes a unit: to base 256, and to base 65536")
def words(answer):
    """Sum the expected number of draws, digit by digit."""
    sums = [
        size * sum(Fraction(1, base**k) for k in range(40)) for size, base in ((1, 256), (2, 65536))
    ]
    return equal(answer, [float(total) for total in sums], 1e-6)


@exercise("ex-implementation-together", "a function of u, b: the covariance of the indicators")
def together(answer):
    """Sum over what two first digits can be: below, tied, above."""

    def covariance(v):
        first, base, u = v  # digits below `first` drop, a tie drops with probability u
        below, tie = first / base, 1 / base
        both = below**2 + 2 * below * tie * u + tie**2 * u
        return both - (below + tie * u) ** 2

    return same(covariance, lambda v: answer(v[2], v[1]), 3)


@exercise("ex-implementation-double", "a function of a double p: whether the event is exact")
def double(answer):
    """Count the multiples of 2^-53 below p, for doubles in (0, 1)."""
    generator = np.random.default_rng()
    scales = 2.0 ** -generator.integers(0, 4, 400).astype(float)
    doubles = (scales * generator.uniform(0.5, 1, 400)).tolist()
    exact = [Fraction(math.ceil(Fraction(p) * 2**53), 2**53) == Fraction(p) for p in doubles]
    return equal(sum(bool(answer(p)) != truth for p, truth in zip(doubles, exact, strict=True)), 0)


@exercise("ex-implementation-schedule", "a function of p, steps that returns a schedule")
def schedule(answer):
    """Compare with half a cosine at every step, and beyond the last."""

    def one(steps):
        (p,) = random_rates(1)
        rule = answer(p, steps)
        time = np.minimum(np.arange(steps + 4) / steps, 1)
        return equal(
            [rule(step) for step in range(steps + 4)], p * (1 - np.cos(np.pi * time)) / 2, 1e-9
        )

    return all_of(one(steps) for steps in (1, 4, 10))


@exercise("ex-implementation-passes", "a number of passes")
def passes(answer):
    """Put it into the standard error of a mean."""
    return equal(1 / math.sqrt(answer), 0.05, 1e-4)
