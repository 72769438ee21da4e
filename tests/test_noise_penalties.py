"""Moments, penalties and factors: values against independent computations, ends, refusals."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

from book import ensemble, noise

BAD_P = [
    (-0.1, ValueError),
    (1, ValueError),
    (1.5, ValueError),
    (True, ValueError),
    ("0.5", TypeError),
]
X, Y = np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 1.0]]), np.array([1.0, 0.0, -0.5])
ONE = np.ones((1, 2))


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(noise.__path__)])
def test_examples(name):
    module = importlib.import_module(f"book.noise.{name}")
    assert doctest.testmod(module).failed == 0


def test_public_names_are_there_and_sorted():
    assert noise.__all__ == sorted(noise.__all__)
    assert all(getattr(noise, name) for name in noise.__all__)


@pytest.mark.parametrize(("p", "error"), BAD_P)
@pytest.mark.parametrize(
    "call",
    [
        lambda p: noise.noise_variance(p),
        lambda p: noise.noise_moments(p),
        lambda p: noise.second_order_penalty([1.0], [1.0], p),
        lambda p: noise.linear_penalty(ONE, X, p),
        lambda p: noise.dropout_ridge(X, Y, p),
        lambda p: noise.glm_penalty([1.0, 2.0], X, p, "poisson"),
        lambda p: noise.exact_glm_penalty([1.0, 2.0], X, p, "poisson"),
        lambda p: noise.path_norm_penalty(X, X, p),
    ],
)
def test_bad_probability_is_refused(call, p, error):
    with pytest.raises(error, match=r"p must lie in|below 1"):
        call(p)


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.99])
def test_moments_are_those_of_the_two_values(p):
    values, weights = np.array([0, 1 / (1 - p)]), np.array([p, 1 - p])
    mean, variance, skewness, kurtosis = noise.noise_moments(p)
    centred = (values - mean) / np.sqrt(variance)
    np.testing.assert_allclose(weights @ values, mean, rtol=1e-14)
    np.testing.assert_allclose(weights @ centred**2, 1, rtol=1e-12)
    np.testing.assert_allclose(weights @ centred**3, skewness, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(weights @ centred**4 - 3, kurtosis, rtol=1e-10)


def test_no_noise_at_p_0():
    mean, variance, skewness, kurtosis = noise.noise_moments(0)
    assert (mean, variance) == (1, 0)
    assert np.isnan(skewness)
    assert np.isnan(kurtosis)
    assert noise.linear_penalty(ONE, X, 0.0) == 0
    assert noise.path_norm_penalty(X, X, 0) == 0
    assert noise.exact_glm_penalty([1.0, -2.0], X, 0, "logistic") == 0
    assert noise.glm_penalty([1.0, -2.0], X, 0, "logistic") == 0


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_penalties_are_those_of_all_masks(p, rng):
    W = rng.standard_normal((2, 2))
    penalty = 0.0
    for x in X:
        spread = ensemble.variance(lambda masks, x=x: (masks * x / (1 - p)) @ W.T, 2, p)
        penalty += spread.sum()
    np.testing.assert_allclose(noise.linear_penalty(W, X, p), penalty, rtol=1e-12)
    h, curvature = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    expected = p / (1 - p) / 2 * np.einsum("si,si,si->s", h, h, curvature)
    np.testing.assert_allclose(noise.second_order_penalty(h, curvature, p), expected, rtol=1e-12)


def test_ridge_solves_its_normal_equations(rng):
    X, y, p = rng.standard_normal((8, 5)), rng.standard_normal(8), 0.3
    gram = X.T @ X
    expected = np.linalg.solve(gram + 0.3 / 0.7 * np.diag(np.diag(gram)), X.T @ y)
    np.testing.assert_allclose(noise.dropout_ridge(X, y, p), expected, rtol=1e-10)
    least_squares = np.linalg.lstsq(X, y, rcond=None)[0]
    np.testing.assert_allclose(noise.dropout_ridge(X, y, 0), least_squares, rtol=1e-10)


def test_ridge_at_the_edges(rng):
    X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
    X[:, 1] = 0
    weights = noise.dropout_ridge(X, y, 0.4)
    assert weights[1] == 0
    np.testing.assert_allclose(
        weights[[0, 2]], noise.dropout_ridge(X[:, [0, 2]], y, 0.4), rtol=1e-10
    )
    twice = np.column_stack([X[:, 0], 10 * X[:, 0]])  # p -> 0 picks the solution it says it picks
    np.testing.assert_allclose(
        noise.dropout_ridge(twice, y, 0), noise.dropout_ridge(twice, y, 1e-6), rtol=1e-5
    )


def test_correlations_are_what_ridge_shrinks(rng):
    """With Gram matrix G and q: w = q (G with its off-diagonal entries times q)^-1 X'y."""
    X, y, q = rng.standard_normal((9, 4)), rng.standard_normal(9), 0.6
    gram = X.T @ X
    shrunk = q * gram + (1 - q) * np.diag(np.diag(gram))
    expected = q * np.linalg.solve(shrunk, X.T @ y)
    np.testing.assert_allclose(noise.dropout_ridge(X, y, 1 - q), expected, rtol=1e-10)


@pytest.mark.parametrize("family", list(noise.FAMILIES))
def test_curvature_is_the_second_derivative(family):
    A, curvature = noise.FAMILIES[family]
    z, step = np.linspace(-3, 3, 13), 1e-4
    numerical = (A(z + step) - 2 * A(z) + A(z - step)) / step**2
    np.testing.assert_allclose(curvature(z), numerical, rtol=1e-5)


def test_logistic_penalty_far_out_is_finite():
    assert noise.glm_penalty([1e4], [[1.0]], 0.5, "logistic") == 0
    np.testing.assert_allclose(
        noise.exact_glm_penalty([1e4], [[1.0]], 0.5, "logistic"), np.log(2) / 2, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("shape", "rank", "width"),
    [
        ((3, 3), 3, 3),
        ((4, 2), 2, 5),
        ((2, 6), 1, 4),
        ((3, 3), 0, 2),
        ((1, 1), 1, 1),
        ((5, 4), 2, 64),
    ],
)
def test_equal_factors(shape, rank, width, rng):
    M = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    U, V = noise.equalized_factorization(M, width)
    assert (U.shape, V.shape) == ((shape[0], width), (shape[1], width))
    nuclear = np.linalg.svd(M, compute_uv=False).sum()
    np.testing.assert_allclose(U @ V.T, M, atol=1e-12 * (1 + nuclear))
    for factor in (U, V):
        np.testing.assert_allclose(
            (factor**2).sum(axis=0), nuclear / width, atol=1e-12 * (1 + nuclear)
        )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: noise.second_order_penalty([1.0], [1.0, 2.0], 0.5), ValueError, "one shape"),
        (lambda: noise.linear_penalty([1.0], X, 0.5), ValueError, "W must have 2 axes"),
        (lambda: noise.linear_penalty(np.ones((1, 3)), X, 0.5), ValueError, "as many columns"),
        (lambda: noise.linear_penalty(ONE, X * np.nan, 0.5), ValueError, "X must be finite"),
        (lambda: noise.dropout_ridge(X, Y[:2], 0.5), ValueError, "as many rows"),
        (lambda: noise.glm_penalty([1.0], X, 0.5, "logistic"), ValueError, "one column for each"),
        (lambda: noise.glm_penalty([1.0, 2.0], X, 0.5, "probit"), ValueError, "family='probit'"),
        (lambda: noise.path_norm_penalty(X, ONE[:, :1], 0.5), ValueError, "as many columns"),
        (lambda: noise.equalized_factorization(np.eye(3), 2), ValueError, "rank 3 .* width r=2"),
        (lambda: noise.equalized_factorization(np.eye(3), 0), ValueError, "width r=0"),
        (lambda: noise.equalized_factorization(np.eye(3), 3.0), TypeError, "integer, got r=3.0"),
        (lambda: noise.equalized_factorization(np.eye(3), True), TypeError, "integer"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
