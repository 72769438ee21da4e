"""Answers to the exercises of the chapter Practice."""

import numpy as np

from .registry import all_of, equal, exercise, random_rates, same


@exercise("ex-practice-relu", "a function of p: the ratio of the variances")
def relu(answer):
    """Compare with moments of a rectified normal variable by quadrature."""
    z = (np.arange(400_000) + 0.5) * 1e-4 - 20
    density = np.exp(-(z**2) / 2) * 1e-4 / np.sqrt(2 * np.pi)
    x = np.maximum(z, 0)
    mean, square = density @ x, density @ x**2

    def one():
        p = 0.9 * random_rates(1)[0]
        return equal(answer(p), (square - mean**2) / (square / (1 - p) - mean**2), 1e-6)

    return all_of(one() for _ in range(5))


@exercise("ex-practice-half", "a function of p, v: the square of c")
def half(answer):
    """Put it into the ratio, for a unit of two values and both masks."""

    def ratio(v):
        p, variance = v
        square = answer(p, variance)
        return variance / ((variance + square) / (1 - p) - square)

    return same(lambda v: (1 - v[0]) / 2, ratio, 2)
