"""Theory that no single chapter's tests hold: each statement holds, and wrong forms are rejected."""

from fractions import Fraction

import numpy as np
import pytest

import dropcheck
from dropoutlib.masks import enumerate_masks, mask_weights


def fractions(rng, *shape):
    """Random fractions of both signs, none of them zero."""
    numbers = rng.integers(1, 100, size=shape) * rng.choice([-1, 1], size=shape)
    return np.array([Fraction(int(k), 10) for k in numbers.flat], dtype=object).reshape(shape)


# Inference as the mean: the interactions of a function.


def interactions(g, x):
    """Each set S of units, as a row of zeros and ones, with the interaction h_S at x."""
    subsets = enumerate_masks(len(x)).astype(int)
    for S in subsets:
        parts = [(-1) ** int((S - T).sum()) * g(T * x) for T in subsets if (T <= S).all()]
        yield S, sum(parts)


def mean_over_masks(g, x, p):
    masks = enumerate_masks(len(x)).astype(int)
    return sum(w * g(m * x / (1 - p)) for w, m in zip(mask_weights(masks, p), masks, strict=True))


def relu(z):
    return np.maximum(z, Fraction(0))


@pytest.mark.claim(
    "thm-eval-is-mean",
    method="enumeration",
    rejects=("every interaction once", "q for every interaction", "taken at x, not at x / q"),
)
def test_the_mean_is_a_sum_of_interactions(claim, rng):
    """For functions that are neither polynomial nor homogeneous, in exact arithmetic."""
    W, b, x = fractions(rng, 4, 3), fractions(rng, 4), fractions(rng, 3)
    p = Fraction(int(rng.integers(1, 10)), 10)
    q = 1 - p

    def g(x):
        return 1 + relu(W @ x + b).sum() ** 2 + x[0] / (1 + x[1] ** 2)

    def check(weight, scale):
        stated = sum(weight(int(S.sum())) * h for S, h in interactions(g, x / scale))
        found = dropcheck.expectation(
            lambda masks: np.array([g(m.astype(int) * x / q) for m in masks]), 3, p
        )[0]
        assert found == mean_over_masks(g, x, p)
        return dropcheck.Report(passed=found == stated, method="enumeration", rounding=0.0)

    claim.holds(check(lambda size: q**size, q))
    claim.rejects("every interaction once", check(lambda size: 1, q))
    claim.rejects("q for every interaction", check(lambda size: q if size else 1, q))
    claim.rejects("taken at x, not at x / q", check(lambda size: q**size, 1))


@pytest.mark.claim(
    "thm-eval-is-mean",
    method="enumeration",
    rejects=("multi-affine functions only", "interactions of degree one"),
)
def test_equality_needs_homogeneous_interactions(claim, rng):
    """Equality at all of many x and p, against the degrees of the interactions at the same."""
    points = [fractions(rng, 3) for _ in range(6)]
    rates = [Fraction(k, 7) for k in (1, 3, 5)]
    W = fractions(rng, 2, 3)
    examples = {
        "multi-affine": lambda x: 3 + x[0] - 2 * x[1] * x[2],
        "one ReLU a unit": lambda x: relu(W[0] * x).sum(),
        "products of kinks": lambda x: abs(x[0]) * relu(x[1]) + relu(-x[2]),
        "a ratio": lambda x: x[0] ** 2 * x[1] / (abs(x[0]) + abs(x[1]) or Fraction(1)),
        "ratio of degree two": lambda x: (
            x[0] ** 2 * x[1] ** 2 / (x[0] ** 2 + x[1] ** 2 or Fraction(1))
        ),
        "a square": lambda x: x[0] ** 2,
        "ReLU of a sum": lambda x: relu(x[0] + x[1] - 2 * x[2]),
    }

    def equal(g):
        return all(mean_over_masks(g, x, p) == g(x) for x in points for p in rates)

    def homogeneous(g, degree=None):
        for x in points:
            for c in (Fraction(1, 3), Fraction(5, 2)):
                for (S, h), (_, scaled) in zip(
                    interactions(g, x), interactions(g, c * x), strict=True
                ):
                    if scaled != c ** (int(S.sum()) if degree is None else degree) * h:
                        return False
        return True

    def multi_affine(g):
        steps = np.eye(3, dtype=int)
        second = [g(x + 2 * e) - 2 * g(x + e) + g(x) for x in points for e in steps]
        return not any(second)

    def check(criterion):
        passed = all(equal(g) == criterion(g) for g in examples.values())
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    claim.holds(check(homogeneous))
    claim.rejects("multi-affine functions only", check(multi_affine))
    claim.rejects("interactions of degree one", check(lambda g: homogeneous(g, degree=1)))


@pytest.mark.claim(
    "thm-eval-is-mean",
    method="enumeration",
    rejects=("no gap", "q^|S| for the factor", "twice the gap"),
)
def test_the_gap_of_a_network_without_biases(claim, rng):
    """A ReLU network of two hidden layers without biases, on masked inputs."""
    # A unit with weights of both signs has interactions, whatever the other weights are.
    first, second = fractions(rng, 4, 3), fractions(rng, 2, 4)
    first[0] = [Fraction(1), Fraction(1), Fraction(-1)]
    second = abs(second)
    x, p = np.array([Fraction(2), Fraction(1), Fraction(2)]), Fraction(2, 7)
    q = 1 - p

    def network(x):
        return relu(second @ relu(first @ x)).sum()

    def check(factor):
        stated = network(x) + sum(
            factor(int(S.sum())) * h for S, h in interactions(network, x) if S.sum() >= 2
        )
        found = mean_over_masks(network, x, p)
        return dropcheck.Report(passed=found == stated, method="enumeration", rounding=0.0)

    claim.holds(check(lambda size: q ** (size - 1) - 1))
    claim.rejects("no gap", check(lambda size: 0))
    claim.rejects("q^|S| for the factor", check(lambda size: q**size - 1))
    claim.rejects("twice the gap", check(lambda size: 2 * (q ** (size - 1) - 1)))


# The two conventions under a bound on the norm of each row.


@pytest.mark.claim(
    "thm-conventions-agree",
    method="exact-float",
    rejects=("c_inv = c_std", "c_inv = c_std / q"),
)
def test_max_norm_translates_by_q(claim, rng):
    """Twenty projected steps on one mask each; at q = 1/2 all factors commute with rounding."""
    x, start = rng.standard_normal((20, 6)), rng.standard_normal((3, 6))
    masks, targets = rng.random((20, 6)) < 0.5, 5 * rng.standard_normal((20, 3))
    q, rate, limit = 0.5, 0.125, 1.0

    def path(W, scale, rate, limit):
        steps = []
        for row, mask, target in zip(x, masks, targets, strict=True):
            masked = row * mask * scale
            W = W - rate * np.outer(W @ masked - target, masked)
            norms = np.sqrt((W**2).sum(axis=1, keepdims=True))
            W = np.where(norms > limit, W * (limit / norms), W)
            steps.append(W)
        return np.array(steps)

    standard = path(start, 1.0, rate, limit)
    assert (np.abs((standard**2).sum(axis=2) - limit**2) < 1e-12).any()  # the bound was met

    def check(factor):
        inverted = path(q * start, 1 / q, q**2 * rate, factor * limit)
        same = np.array_equal(inverted, q * standard)
        return dropcheck.Report(passed=same, method="exact-float", rounding=0.0)

    claim.holds(check(q))
    claim.rejects("c_inv = c_std", check(1.0))
    claim.rejects("c_inv = c_std / q", check(1 / q))
