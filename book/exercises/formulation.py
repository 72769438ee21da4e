"""Answers to the exercises of the chapter Formulation."""

from fractions import Fraction

import numpy as np

from dropcheck import enumeration
from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, equal, exercise, fractions, same


@exercise("ex-formulation-skewness", "a function of p: the third central moment of m/q")
def skewness(answer):
    """Compare with the average over both masks of one unit."""
    masks = enumerate_masks(1)

    def moment(v):
        p = v[0]
        return mask_weights(masks, p) @ (masks[:, 0] / (1 - p) - 1) ** 3

    return same(moment, lambda v: answer(v[0]), 1)


@exercise("ex-formulation-covariance", "a function of W, x, p: the covariance matrix of W x~")
def covariance(answer):
    """Compare with the covariance over all masks of three inputs, for two outputs."""
    masks = enumerate_masks(3)

    def parts(v):
        return v[:6].reshape(2, 3), v[6:9], v[9]

    def by_masks(v):
        W, x, p = parts(v)
        outputs, weights = (masks * x / (1 - p)) @ W.T, mask_weights(masks, p)
        centred = outputs - weights @ outputs
        return (weights[:, None] * centred).T @ centred

    return same(by_masks, lambda v: answer(*parts(v)), 10)


@exercise(
    "ex-formulation-silent",
    "a function of n, B, p: the probability asked for; or the number of units",
)
def silent(answer):
    """Compare with the share of all masks of B rows that leave one of them empty."""
    if isinstance(answer, int):
        p, batch = Fraction(1, 2), 256
        fits = [n for n in (answer - 1, answer) if 1 - (1 - p**n) ** batch < Fraction(1, 10**6)]
        return equal(len(fits), 1)

    def any_silent(n, rows):
        masks = enumerate_masks(n * rows)
        lost = ~masks.reshape(len(masks), rows, n).any(axis=2).all(axis=1)
        return lambda v: mask_weights(masks, v[0]) @ lost

    shapes = ((1, 1), (2, 1), (1, 3), (2, 3), (3, 2))
    return all_of(
        same(any_silent(n, rows), lambda v, n=n, rows=rows: answer(n, rows, v[0]), 1)
        for n, rows in shapes
    )


@exercise(
    "ex-formulation-recipe",
    "a dict with p, rate, penalty, momentum and scale, the factor of the weights",
)
def recipe(answer):
    """Train both conventions on one mask with these numbers; the weights must stay in step."""
    p, rate, penalty, momentum, scale = (
        Fraction(str(answer[name])) for name in ("p", "rate", "penalty", "momentum", "scale")
    )
    keep = Fraction(4, 5)
    paper = {"rate": Fraction(1, 10), "penalty": Fraction(1, 1000), "momentum": Fraction(9, 10)}
    start = np.array([Fraction(3), Fraction(-2)])
    theirs = _descend(start, keep, 1, **paper)
    ours = _descend(scale * start, keep, 1 / (1 - p), rate, penalty, momentum)
    # At inference they multiply by q, and we by nothing.
    return equal([ours - keep * theirs, [1 - p - keep] * 2], np.zeros((2, 2)), 1e-15)


def _descend(w, keep, factor, rate, penalty, momentum):
    """Weights after four steps on a square loss, with masks that repeat, and input factor m f."""
    x, target, velocity = np.array([Fraction(2), Fraction(1)]), Fraction(5), 0
    for mask in ([1, 1], [1, 0], [0, 1], [1, 1]):
        noisy = x * mask * factor
        gradient = (w @ noisy - target) * noisy + penalty * w
        velocity = momentum * velocity + gradient
        w = w - rate * velocity
    return w


@exercise(
    "ex-formulation-shared-mask", "a function of v, W, x, p: the mean of v . (m * W (m * x)) / q^2"
)
def shared_mask(answer):
    """Compare with the average over all masks of two units."""
    masks = enumerate_masks(2).astype(object)

    def parts(v):
        return v[:2], v[2:6].reshape(2, 2), v[6:8], v[8]

    def mean(point):
        v, W, x, p = parts(point)
        outputs = np.array([v @ (m * (W @ (m * x))) / (1 - p) ** 2 for m in masks])
        return mask_weights(masks.astype(bool), p) @ outputs

    return same(mean, lambda point: answer(*parts(point)), 9)


@exercise(
    "ex-formulation-relu-gap",
    "a function of w, x, b, p: E f(x~) - f(x), for w x > 0 and b < 0 < w x + b",
)
def relu_gap(answer):
    """Compare with both masks of one unit, at random points that meet the conditions."""

    def one():
        w, x, share, p = fractions(4)
        b = -share * w * x

        def gap(masks):
            kept = masks[:, 0] * (w * x / (1 - p)) + b
            return np.maximum(kept, 0) - (w * x + b)

        return enumeration(gap, answer(w, x, b, p), 1, p)

    return all_of(one() for _ in range(20))


@exercise(
    "ex-formulation-bits",
    "two numbers: the mean of bits for a long expansion of p, and for p = 1/2",
)
def bits(answer):
    """Compare with the mean of the geometric law, summed, and with one coin."""
    mean = sum(k * Fraction(1, 2**k) for k in range(1, 200))
    return equal(answer, [float(mean), 1.0], 1e-12)
