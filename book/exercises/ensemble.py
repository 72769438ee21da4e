"""Answers to the exercises of the chapter Ensemble."""

import math
from fractions import Fraction

import numpy as np

from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, equal, exercise, same


@exercise(
    "ex-ensemble-typical", "a function of n, p: the number of masks that hold 99 % of probability"
)
def typical(answer):
    """Compare with all masks of up to nine units, sorted by their probability."""

    def one(n, p):
        weights = sorted(mask_weights(enumerate_masks(n), p), reverse=True)
        held, needed = Fraction(0), 0
        while held < Fraction(99, 100):
            held, needed = held + weights[needed], needed + 1
        return equal(answer(n, p), needed)

    rates = (Fraction(1, 2), Fraction(1, 5), Fraction(1, 20), Fraction(4, 5))
    return all_of(one(n, p) for n in (1, 4, 9) for p in rates)


@exercise("ex-ensemble-unweighted", "a function of p: the factor for one unit, and for a product")
def unweighted(answer):
    """Compare with the quotients of means over all masks of two units."""
    masks = enumerate_masks(2).astype(object)
    functions = (masks[:, 0] * 3 + masks[:, 1] * 5, masks[:, 0] * masks[:, 1])

    def quotients(v):
        weights = mask_weights(masks.astype(bool), v[0])
        return np.array([sum(f) / Fraction(4) / (weights @ f) for f in functions])

    return same(quotients, lambda v: np.array(answer(v[0])), 1)


@exercise(
    "ex-ensemble-steep", "a number: the smallest |w| beyond which the quoted form is violated"
)
def steep(answer):
    """Bisect for the slope 1/8 of the sigmoid."""
    low, high = 0.0, 20.0
    for _ in range(80):
        w = (low + high) / 2
        s = 1 / (1 + math.exp(-w / 2))
        low, high = (w, high) if s * (1 - s) > 1 / 8 else (low, w)
    return equal(answer, low, 1e-3)


@exercise("ex-ensemble-passes", "two numbers of passes: always, and for a mean below 0.05")
def passes(answer):
    """Take the most spread out law of each mean: zeros and ones."""
    worst = [max(m * (1 - m) for m in np.linspace(0, most, 10_001)) for most in (1.0, 0.05)]
    return equal(answer, [math.ceil(variance / 0.01**2 - 1e-9) for variance in worst])
