"""The predictive log-likelihood against SciPy's densities, far targets, and shapes refused."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from dropoutlib.bayes import predictive_log_likelihood

T, N, D = 6, 9, 3


@pytest.mark.parametrize("shape", [(N,), (N, D)])
def test_it_is_the_log_density_of_the_mixture(rng, shape):
    samples, y, tau = rng.standard_normal((T, *shape)), rng.standard_normal(shape), 2.5
    logs = norm.logpdf(y, samples, tau**-0.5).reshape(T, N, -1).sum(axis=2)
    expected = logsumexp(logs, axis=0) - np.log(T)
    np.testing.assert_allclose(predictive_log_likelihood(samples, y, tau), expected, atol=1e-12)


def test_copies_of_a_draw_change_nothing(rng):
    samples, y = rng.standard_normal((1, N)), rng.standard_normal(N)
    one = predictive_log_likelihood(samples, y, 1.0)
    many = predictive_log_likelihood(np.repeat(samples, 20, axis=0), y, 1.0)
    np.testing.assert_allclose(many, one, atol=1e-13)


def test_far_targets_do_not_underflow():
    values = predictive_log_likelihood([[0.0], [1.0]], [1e4], 1.0)
    assert values == pytest.approx(norm.logpdf(1e4, 1.0) - np.log(2))


def test_squares_out_of_range_are_a_density_of_zero():
    found = predictive_log_likelihood([[1e200, 0.0], [1e200, 1e200]], [0.0, 0.0], 1.0)
    assert found[0] == -np.inf
    assert found[1] == pytest.approx(-np.log(2 * np.pi) / 2 - np.log(2))


def test_tensors_are_as_good_as_arrays(rng):
    samples, y = rng.standard_normal((T, N, D)), rng.standard_normal((N, D))
    tensors = torch.from_numpy(samples).requires_grad_(), torch.from_numpy(y)
    assert np.array_equal(
        predictive_log_likelihood(*tensors, 1.0), predictive_log_likelihood(samples, y, 1.0)
    )


@pytest.mark.parametrize(
    ("samples", "y", "tau", "message"),
    [
        (np.ones((T, N)), np.ones((N, 1)), 1.0, r"shapes \(6, 9\) and \(9, 1\)"),
        (np.ones((T, N, 1)), np.ones(N), 1.0, r"shapes \(6, 9, 1\) and \(9,\)"),
        (np.ones(T), np.ones(()), 1.0, "shape"),
        (np.ones((0, N)), np.ones(N), 1.0, "shape"),
        (np.full((T, N), np.nan), np.ones(N), 1.0, "finite"),
        (np.ones((T, N)), np.ones(N), 0.0, "tau=0.0"),
        (np.ones((T, N)), np.ones(N), np.nan, "tau=nan"),
    ],
)
def test_bad_input_is_refused(samples, y, tau, message):
    with pytest.raises(ValueError, match=message):
        predictive_log_likelihood(samples, y, tau)
