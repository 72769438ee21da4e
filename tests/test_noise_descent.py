"""Descent with dropout: its moments against all runs, their limit, and refusals."""

import numpy as np
import pytest

from book import ensemble, noise

X, Y = np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 1.0]]), np.array([1.0, 0.0, -0.5])


def test_descent_without_dropout_is_gradient_descent():
    weights = np.zeros(2)
    for _ in range(7):
        weights = weights + 0.05 * X.T @ (Y - X @ weights)
    np.testing.assert_allclose(
        noise.dropout_descent(X, Y, 0.0, 0.05, 7, chains=2, rng=0), [weights] * 2, rtol=1e-12
    )
    mean, covariance = noise.iterate_moments(X, Y, 0.0, 0.05, 7)
    np.testing.assert_allclose(mean, weights, rtol=1e-12)
    np.testing.assert_allclose(covariance, 0, atol=1e-14)


def test_moments_of_three_steps_are_those_of_all_runs():
    """Every run of three steps is one mask of 3 x 2 units."""
    p, eta, start = 0.3, 0.05, np.array([0.5, -1.0])

    def runs(masks):
        weights = np.tile(start, (len(masks), 1))
        for kept in np.moveaxis(masks.reshape(-1, 3, 2) / (1 - p), 1, 0):
            weights = weights + eta * kept * ((Y - (kept * weights) @ X.T) @ X)
        return weights

    mean, covariance = noise.iterate_moments(X, Y, p, eta, 3, start=start)
    np.testing.assert_allclose(mean, ensemble.arithmetic_mean(runs, 6, p), rtol=1e-12)
    np.testing.assert_allclose(np.diag(covariance), ensemble.variance(runs, 6, p), rtol=1e-10)
    between = ensemble.arithmetic_mean(lambda masks: runs(masks).prod(axis=1), 6, p) - mean.prod()
    np.testing.assert_allclose(covariance[0, 1], between, rtol=1e-10)


def test_stationary_moments_are_the_limit(rng):
    X, y, p = rng.standard_normal((10, 4)), rng.standard_normal(10), 0.4
    eta = 0.5 * 0.6**2 / np.linalg.norm(X.T @ X, 2)
    late = noise.iterate_moments(X, y, p, eta, 3000)
    limit = noise.stationary_moments(X, y, p, eta)
    np.testing.assert_allclose(late.mean, limit.mean, atol=1e-10)
    np.testing.assert_allclose(late.covariance, limit.covariance, atol=1e-10)
    assert np.linalg.eigvalsh(limit.covariance).min() > 0


def test_same_seed_same_chains():
    one, other = (noise.dropout_descent(X, Y, 0.5, 0.02, 5, chains=3, rng=4) for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_the_limit_of_the_step_size_is_the_theorem_s(p):
    limit = 2 * (1 - p) ** 2 / np.linalg.eigvalsh(X.T @ X)[-1]
    assert noise.stationary_moments(X, Y, p, 0.99 * limit)
    for eta in (0.0, 1.01 * limit, np.nan):
        with pytest.raises(ValueError, match="the step size must lie below"):
            noise.stationary_moments(X, Y, p, eta)


@pytest.mark.parametrize(("p", "error"), [(-0.1, ValueError), (1, ValueError), ("0.5", TypeError)])
@pytest.mark.parametrize(
    "call",
    [
        lambda p: noise.dropout_descent(X, Y, p, 0.1, 1, rng=0),
        lambda p: noise.iterate_moments(X, Y, p, 0.1, 1),
        lambda p: noise.stationary_moments(X, Y, p, 0.01),
    ],
)
def test_bad_probability_is_refused(call, p, error):
    with pytest.raises(error, match=r"p must lie in|below 1"):
        call(p)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: noise.dropout_descent(X, Y, 0.5, 0.1, 1, rng="0"), TypeError, "rng must be"),
        (lambda: noise.dropout_descent(X, Y, 0.5, np.nan, 1, rng=0), ValueError, "eta=nan"),
        (lambda: noise.dropout_descent(X, Y, 0.5, 0.1, 1.5, rng=0), TypeError, "steps=1.5"),
        (lambda: noise.dropout_descent(X, Y, 0.5, 0.1, 1, chains=0, rng=0), ValueError, "chains=0"),
        (lambda: noise.iterate_moments(X, Y, 0.5, 0.1, -1), ValueError, "steps=-1"),
        (lambda: noise.iterate_moments(X, Y, 0.5, 0.1, 1, start=[1.0]), ValueError, "start must"),
        (
            lambda: noise.iterate_moments(np.ones((2, 11)), [1, 2], 0.5, 0.1, 1),
            ValueError,
            "at most 10 inputs, got 11",
        ),
        (lambda: noise.stationary_moments(X, Y, 0.5, 0.5), ValueError, "got eta=0.5"),
        (lambda: noise.stationary_moments(X, Y, 0.5, 0.0), ValueError, "got eta=0.0"),
        (lambda: noise.stationary_moments(X, Y, 0, 0.01), ValueError, "needs p > 0"),
        (lambda: noise.stationary_moments(X * [1, 0], Y, 0.5, 0.01), ValueError, "always 0"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
