"""Answers to the exercises of the chapter Gradients."""

from fractions import Fraction

import numpy as np

from book import gradients
from dropcheck import expectation
from dropoutlib.layers import Dropout
from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, entropy_of_masks, equal, exercise, fractions, random_rates, same


@exercise("ex-gradients-two-masks", "a function of W, x, y, p: the mean of the update")
def two_masks(answer):
    """Compare with the average over all pairs of masks, for two outputs and two inputs."""
    masks = enumerate_masks(2)

    def parts(v):
        return v[:4].reshape(2, 2), v[4:6], v[6:8], v[8]

    def mean(v):
        W, x, y, p = parts(v)
        noisy, weights = masks * x / (1 - p), mask_weights(masks, p)
        errors = noisy @ W.T - y
        return sum(
            weights[k] * weights[h] * np.outer(errors[k], noisy[h])
            for k, h in np.ndindex(len(masks), len(masks))
        )

    return same(mean, lambda v: answer(*parts(v)), 9)


@exercise("ex-gradients-stationary", "the two weights, as Fractions or numbers")
def stationary(answer):
    """Put them into the library's expected gradient, which must vanish."""
    X, y = np.array([[1, 2], [2, 1], [3, 3]]), np.array([1, 0, 2])
    w = np.array([[Fraction(weight) for weight in answer]])
    gradient = gradients.expected_gradient(w, X, y[:, None], Fraction(1, 5))
    return equal(gradient, np.zeros((1, 2)), 1e-3)


@exercise("ex-gradients-shared", "a function of N: the variance with one mask, by that with N")
def shared(answer):
    """Compare with all masks of N copies of a row of two units."""
    x, p = np.array([2, 1]), Fraction(1, 3)

    def variance(f, units):
        mean = expectation(f, units, p)[0]
        return expectation(lambda masks: (f(masks) - mean) ** 2, units, p)[0]

    def one(rows):
        def gradient(masks):
            noisy = masks.reshape(-1, rows, 2) * x / (1 - p)
            return ((noisy @ np.array([1, -2]) - 1)[..., None] * noisy).sum(axis=1) / rows

        together = variance(lambda masks: gradient(np.tile(masks, rows)), 2)
        return equal(answer(rows), float(together[0] / variance(gradient, 2 * rows)[0]), 1e-12)

    return all_of(one(rows) for rows in (1, 2, 3, 5))


@exercise("ex-gradients-gaussian", "a function of w, x, y, p: both variances, the mask's first")
def gaussian(answer):
    """Compare with both masks, and with quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()

    def one():
        w, x, y, p = random_rates(4)
        p = 0.9 * p
        laws = (
            (np.array([0.0, 1 / (1 - p)]), np.array([p, 1 - p])),
            (1 + np.sqrt(p / (1 - p)) * nodes, weights),
        )
        found = []
        for noise, chances in laws:
            gradient = (w * x * noise - y) * x * noise
            found.append(chances @ (gradient - chances @ gradient) ** 2)
        return equal(np.divide(answer(w, x, y, p), found), [1.0, 1.0], 1e-9)

    return all_of(one() for _ in range(10))


@exercise("ex-gradients-signal", "a function of n: the p of the largest ratio")
def signal(answer):
    """Ask the library whether a neighbour is better."""

    def ratio(n, p):
        W, x = np.full((1, n), 0.7), np.ones((1, n))
        row = W, x, x @ W.T, p
        mean = gradients.expected_gradient(*row)
        return np.linalg.norm(mean) / np.sqrt(gradients.gradient_variance(*row).sum())

    def one(n):
        p = float(answer(n))
        return equal(max((p - 0.002, p, p + 0.002), key=lambda near: ratio(n, near)), p)

    return all_of(one(n) for n in (2, 5, 10, 40))


@exercise("ex-gradients-no-mask", "a function of the output, the arriving gradient and p")
def no_mask(answer):
    """Compare with the two backward passes, one after the other."""
    generator = np.random.default_rng()
    h, upstream = generator.standard_normal((2, 20, 30))
    p = 0.1 + 0.8 * random_rates(1)[0]
    layer = Dropout(p, rng=generator)
    output = layer.forward(np.maximum(h, 0))
    return equal(answer(output, upstream, p), layer.backward(upstream) * (h > 0), 1e-12)


@exercise("ex-gradients-entropy", "a function of p: the bits that a unit needs on average")
def entropy(answer):
    """Compare with the entropy summed over all masks of eight units."""

    def one(p):
        return equal(answer(p), entropy_of_masks(8, p) / 8 / np.log(2), 1e-9)

    return all_of(one(float(p)) for p in fractions(10))
