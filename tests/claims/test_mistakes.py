"""The claim of the chapter Mistakes in circulation that no other chapter makes."""

from fractions import Fraction

import numpy as np
import pytest

import dropcheck
from dropoutlib import layers
from dropoutlib.masks import enumerate_masks, mask_weights


@pytest.mark.claim(
    "thm-average-std",
    method="identity",
    rejects=("it spreads like one pass", "dropout leaves the spread alone"),
)
def test_variance_of_an_average_by_identity(claim, rng):
    """X is one of three numbers with equal probability; all masks of three passes."""
    masks = enumerate_masks(3).astype(int)

    def moments(v):
        x, p = v[:3], v[3]
        averages = np.multiply.outer(x, masks.sum(axis=1) / (3 * (1 - p)))
        weights = mask_weights(masks, p) / 3
        mean = (averages @ weights).sum()
        return np.array([mean, (averages**2 @ weights).sum() - mean**2])

    @claim
    def check(share):
        def stated(v):
            x, p = v[:3], v[3]
            mean, square = x.sum() / 3, (x**2).sum() / 3
            return np.array([mean, square - mean**2 + share * p / (1 - p) * square])

        return dropcheck.identity(moments, stated, 4, rng=rng)

    check.holds(Fraction(1, 3))
    check.rejects("it spreads like one pass", 1)
    check.rejects("dropout leaves the spread alone", 0)


@pytest.mark.claim(
    "thm-average-std",
    method="monte-carlo",
    rejects=("it spreads like one pass", "dropout leaves the spread alone"),
)
def test_spread_of_an_average_in_the_layer(claim, rng):
    """For X = 1 or -1 the variance is 1 + p / (q T), and p is not q."""
    p, draws = 0.3, 200_000
    x = rng.choice([-1.0, 1.0], size=draws)
    layer = layers.Dropout(p, rng=rng)
    one = layer.forward(x)
    four = np.mean([layer.forward(x) for _ in range(4)], axis=0)
    low, high = -1 / (1 - p), 1 / (1 - p)
    single, quarter = 1 + p / (1 - p), 1 + p / (1 - p) / 4

    @claim
    def check(samples, variance, *, wrong=None):
        return dropcheck.variance_test(samples, variance, low, high, wrong=wrong)

    for samples, right, name, wrong in (
        (one, single, "dropout leaves the spread alone", 1.0),
        (four, quarter, "dropout leaves the spread alone", 1.0),
        (four, quarter, "it spreads like one pass", single),
    ):
        check.holds(samples, right, wrong=wrong)
        check.rejects(name, samples, wrong)
