"""Answers to the exercises of the chapter Noise."""

import numpy as np

from book import noise
from dropcheck import expectation
from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, equal, exercise, random_rates


@exercise("ex-noise-copies", "a function of k, p: the sum of the weights, divided by b / a")
def copies(answer):
    """Solve the regression of the library with k copies of a column."""
    column, target = np.array([1.0, 2.0, -1.0]), np.array([1.0, 1.0, 0.0])

    def one(k):
        (p,) = random_rates(1)
        total = noise.dropout_ridge(np.tile(column[:, None], k), target, p).sum()
        return equal(answer(k, p), total * (column @ column) / (column @ target), 1e-9)

    return all_of(one(k) for k in (1, 2, 5, 20))


@exercise("ex-noise-constant", "a function of p: the fitted intercept, divided by the mean of y")
def constant(answer):
    """Solve the regression of the library with a column of ones."""
    X = np.array([[1.0, -1.0], [1.0, 2.0], [1.0, -1.0]])
    y = np.array([1.0, 4.0, 2.0])

    def one():
        (p,) = random_rates(1)
        return equal(answer(p), noise.dropout_ridge(X, y, p)[0] / y.mean(), 1e-9)

    return all_of(one() for _ in range(10))


@exercise("ex-noise-poisson", "a function of z, p: the exact penalty of a sample")
def poisson(answer):
    """Compare with the mean over all masks of four weights."""

    def one():
        z = np.random.default_rng().uniform(-1, 1, 4)
        p = 0.7 * random_rates(1)[0]

        def excess(masks):
            return np.exp(masks @ z / (1 - p)) - np.exp(z.sum())

        return equal(answer(z, p), float(expectation(excess, 4, p)[0]), 1e-7)

    return all_of(one() for _ in range(10))


@exercise("ex-noise-plateau", "a function of k, p: the limit with k equal weights")
def plateau(answer):
    """Compare with the library's exact penalty, far out."""

    def one(k):
        p = 0.1 + 0.8 * random_rates(1)[0]
        far = noise.exact_glm_penalty(np.full(k, 80.0), np.ones((1, k)), p, "logistic")
        return equal(answer(k, p), far, 1e-9)

    return all_of(one(k) for k in (1, 2, 3))


@exercise("ex-noise-threshold", "a function of alpha, falling, and lambda: the threshold t")
def threshold(answer):
    """Put it into the conditions of a minimum, which only one number fulfils."""

    def one():
        generator = np.random.default_rng()
        alpha = np.sort(generator.uniform(0, 3, 5))[::-1]
        strength = 2 * generator.random()
        tau = float(answer(alpha, strength))
        return equal(tau, strength * np.maximum(alpha - tau, 0).sum(), 1e-9)

    return all_of(one() for _ in range(20))


@exercise("ex-noise-per-sample", "the 2 x 2 covariance matrix of one step's noise at p = 1/2")
def per_sample(answer):
    """Compare with all pairs of masks."""
    X, y, p = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([1.0, 0.0]), 0.5
    kept = enumerate_masks(4).reshape(-1, 2, 2) / (1 - p)
    residual = y - (kept * X) @ noise.dropout_ridge(X, y, p)
    xi = (kept * X * residual[..., None]).sum(axis=1)
    weights = mask_weights(enumerate_masks(4), p)
    centred = xi - weights @ xi
    return equal(answer, (weights[:, None] * centred).T @ centred, 1e-3)
