"""The exact posterior against the normal equations and a Gaussian process, and its edges."""

import doctest

import numpy as np
import pytest

from book.bayesian import linear_posterior, posterior


@pytest.mark.parametrize("shape", [(20, 4), (3, 6), (4, 4)])
def test_posterior_solves_the_normal_equations(rng, shape):
    X, y, tau, scale = rng.standard_normal(shape), rng.standard_normal(shape[0]), 2.0, 0.7
    mean, cov = linear_posterior(X, y, tau, scale)
    precision = scale**2 * np.eye(shape[1]) + tau * X.T @ X
    np.testing.assert_allclose(precision @ cov, np.eye(shape[1]), atol=1e-10)
    np.testing.assert_allclose(precision @ mean, tau * X.T @ y, atol=1e-10)


def test_predictions_are_those_of_the_gaussian_process(rng):
    """In function space: kernel x . x' / l^2 and noise 1/tau."""
    X, y, new = rng.standard_normal((5, 3)), rng.standard_normal(5), rng.standard_normal((4, 3))
    tau, scale = 3.0, 0.5
    mean, variance = linear_posterior(X, y, tau, scale).predict(new)
    gram = X @ X.T / scale**2 + np.eye(5) / tau
    cross = new @ X.T / scale**2
    np.testing.assert_allclose(mean, cross @ np.linalg.solve(gram, y), atol=1e-10)
    spread = np.sum(new**2, axis=1) / scale**2
    spread -= np.einsum("ij,ji->i", cross, np.linalg.solve(gram, cross.T))
    np.testing.assert_allclose(variance, spread, atol=1e-10)


def test_without_data_the_posterior_is_the_prior():
    mean, cov = linear_posterior(np.zeros((0, 2)), np.zeros(0), 1.0, 2.0)
    assert (mean == 0).all()
    np.testing.assert_allclose(cov, np.eye(2) / 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(3), np.ones(3), 1, 1), r"X must have 2 axes, got shape \(3,\)"),
        ((np.ones((3, 2)), np.ones(2), 1, 1), r"shapes \(3, 2\) and \(2,\)"),
        ((np.full((3, 2), np.inf), np.ones(3), 1, 1), "finite"),
        ((np.ones((3, 2)), np.ones(3), 0, 1), "tau=0"),
        ((np.ones((3, 2)), np.ones(3), 1, -2), "length_scale=-2"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        linear_posterior(*arguments)


def test_examples():
    assert doctest.testmod(posterior).failed == 0
