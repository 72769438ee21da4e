"""The divergence against quadrature in full dimension, its overlap at the ends, its bound."""

import doctest

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from book.bayesian import gal_kl, kl_overlap, kl_overlap_bound, prior


def divergence(M, sigma, length_scale, p):
    """KL of the mixture from the prior by quadrature in one or two dimensions."""
    prior = stats.multivariate_normal(np.zeros(len(M)), np.eye(len(M)) / length_scale**2)
    kept = stats.multivariate_normal(M, sigma**2 * np.eye(len(M)))
    dropped = stats.multivariate_normal(np.zeros(len(M)), sigma**2 * np.eye(len(M)))

    def integrand(*w):
        logs = [np.log(1 - p) + kept.logpdf(w), np.log(p) + dropped.logpdf(w)]
        log_density = np.logaddexp(*logs)
        return np.exp(log_density) * (log_density - prior.logpdf(w))

    ranges = [(min(m, 0) - 9 * sigma, max(m, 0) + 9 * sigma) for m in M]
    return integrate.nquad(integrand, ranges, opts={"epsabs": 1e-9, "epsrel": 1e-9})[0]


@pytest.mark.parametrize(
    ("M", "sigma", "length_scale", "p"),
    [
        ([1.0], 0.5, 1.0, 0.3),
        ([0.2], 0.5, 3.0, 0.9),
        ([-2.0], 0.7, 0.5, 0.5),
        ([0.4, -0.7], 0.6, 1.3, 0.2),
    ],
)
def test_divergence_plus_overlap_is_exact(M, sigma, length_scale, p):
    exact = gal_kl(M, sigma, length_scale, p) + kl_overlap(M, sigma, p)
    assert exact == pytest.approx(divergence(M, sigma, length_scale, p), abs=1e-7)


@pytest.mark.parametrize("p", [1e-6, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("r", [1e-3, 0.3, 1.0, 4.0, 15.0])
def test_overlap_is_that_of_quadrature(r, p):
    with mpmath.workdps(30):
        p_exact = mpmath.mpf(p)

        def integrand(w):
            kept, dropped = (1 - p_exact) * mpmath.npdf(w - r), p_exact * mpmath.npdf(w)
            total = kept + dropped
            return -kept * mpmath.log(kept / total) - dropped * mpmath.log(dropped / total)

        expected = mpmath.quad(integrand, mpmath.linspace(-14, r + 14, 61))
    assert kl_overlap([r], 1.0, p) == pytest.approx(float(expected), rel=1e-11)


def test_columns_add_up_and_only_their_length_over_sigma_counts(rng):
    M = rng.standard_normal((3, 4))
    for function in (lambda M: gal_kl(M, 0.4, 1.2, 0.3), lambda M: kl_overlap(M, 0.4, 0.3)):
        assert function(M) == pytest.approx(sum(function(column) for column in M.T))
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    assert kl_overlap(rotation @ M, 0.4, 0.3) == pytest.approx(kl_overlap(M, 0.4, 0.3))
    assert kl_overlap(5 * M, 2.0, 0.3) == pytest.approx(kl_overlap(M, 0.4, 0.3))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_certain_mask_leaves_one_gaussian(p):
    mean, sigma, length_scale = 1.5, 0.3, 2.0
    gaussian = (
        -np.log(length_scale * sigma) + length_scale**2 / 2 * (sigma**2 + (1 - p) * mean**2) - 1 / 2
    )
    assert gal_kl([mean], sigma, length_scale, p) == pytest.approx(gaussian)
    assert kl_overlap([mean], sigma, p) == kl_overlap_bound([mean], sigma, p) == 0


def test_overlap_at_the_ends():
    entropy = -0.3 * np.log(0.3) - 0.7 * np.log(0.7)
    assert kl_overlap([0.0], 1.0, 0.3) == pytest.approx(entropy)
    assert kl_overlap([1e-9], 1.0, 0.3) == pytest.approx(entropy)
    assert kl_overlap([1e3], 1.0, 0.3) == 0  # below the smallest double
    with np.errstate(all="raise", under="ignore"):  # no logarithm of zero far out
        assert kl_overlap([3.0], 1.0, 0.3) > 0
    assert kl_overlap([1.0], 1.0, 1e-300) == pytest.approx(0, abs=1e-290)
    assert kl_overlap([60.0], 1.0, 0.5) == pytest.approx(
        kl_overlap_bound([60.0], 1.0, 0.5), rel=1e-2
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[[1.0]]], 1.0, 1.0, 0.5), r"shape \(1, 1, 1\)"),
        (([], 1.0, 1.0, 0.5), r"shape \(0,\)"),
        (([np.nan], 1.0, 1.0, 0.5), "finite"),
        (([1.0], 0.0, 1.0, 0.5), "sigma=0.0"),
        (([1.0], 1.0, -1.0, 0.5), "length_scale=-1.0"),
        (([1.0], 1.0, 1.0, 1.5), "p=1.5"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        gal_kl(*arguments)


def test_examples():
    assert doctest.testmod(prior).failed == 0
