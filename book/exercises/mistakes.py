"""Answers to the exercises of the chapter Mistakes in circulation."""

import math
from fractions import Fraction

import numpy as np

from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, equal, exercise, same


@exercise("ex-mistakes-realised", "a function of n, p: the mean of an output for inputs of 1")
def realised(answer):
    """Compare with all masks of up to five units."""

    def exact(n):
        masks = enumerate_masks(n)
        shares = [Fraction(n * int(m[0]), int(m.sum())) if m.any() else Fraction(0) for m in masks]
        return lambda v: mask_weights(masks, v[0]) @ np.array(shares, dtype=object)

    return all_of(same(exact(n), lambda v, n=n: answer(n, v[0]), 1) for n in (1, 2, 3, 5))


@exercise("ex-mistakes-below", "a number: the sum of w_j^2 times the mean of x_j^2")
def below(answer):
    """Multiply by the variance of the noise at p = 0.3."""
    return equal(0.3 / 0.7 * answer, 0.5, 1e-3)


@exercise("ex-mistakes-passes", "a number: the first T")
def passes(answer):
    """Try this number of passes and the one before."""
    ratios = [math.sqrt(1 + 1 / T) for T in (answer, answer - 1)]
    return equal([ratio < 1.01 for ratio in ratios], [True, False])
