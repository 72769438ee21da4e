"""Entropies against SciPy, the law of total variance, and the edges: zeros, one draw, shapes."""

import doctest

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from dropoutlib.bayes import (
    decompose_variance,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    uncertainty,
    variation_ratio,
)

MEASURES = [predictive_entropy, expected_entropy, mutual_information, variation_ratio]
T, N, C = 7, 50, 4


@pytest.fixture
def probs(rng):
    """Sharp and flat distributions, a third of the entries exactly 0."""
    draws = rng.dirichlet(np.ones(C), size=(T, N)) * (rng.random((T, N, C)) < 2 / 3)
    draws[..., 0] += draws.sum(axis=-1) == 0
    return draws / draws.sum(axis=-1, keepdims=True)


def test_entropies_are_those_of_scipy(probs):
    total = entropy(probs.mean(axis=0), axis=-1)
    within = entropy(probs, axis=-1).mean(axis=0)
    np.testing.assert_allclose(predictive_entropy(probs), total, atol=1e-14)
    np.testing.assert_allclose(expected_entropy(probs), within, atol=1e-14)
    np.testing.assert_allclose(mutual_information(probs), total - within, atol=1e-14)


def test_mutual_information_is_the_mean_divergence_from_the_mean(probs):
    mean = probs.mean(axis=0)
    divergence = entropy(probs, np.broadcast_to(mean, probs.shape), axis=-1).mean(axis=0)
    np.testing.assert_allclose(mutual_information(probs), divergence, atol=1e-14)


def test_uncertainty_of_one_draw_is_all_aleatoric(probs):
    assert (mutual_information(probs[:1]) == 0).all()
    assert (mutual_information(probs[:1].astype(np.float32)) == 0).all()
    assert (variation_ratio(probs[:1]) == 0).all()
    assert (decompose_variance(probs[:1], tau=1).epistemic == 0).all()


def test_mutual_information_is_never_negative(rng):
    """Draws that all but agree, where the difference of the entropies is rounding only."""
    base = rng.dirichlet(np.ones(C), size=2000)
    draws = np.stack([base] * 3)
    raw = predictive_entropy(draws) - expected_entropy(draws)
    assert (raw < 0).any()  # the case does occur
    assert (mutual_information(draws) >= 0).all()
    assert mutual_information(draws).max() < 1e-14


def test_certain_predictions_have_zero_entropy_without_a_sign():
    certain = np.zeros((3, 2, C))
    certain[..., 1] = 1
    for measure in MEASURES:
        values = measure(certain)
        assert (values == 0).all()
        assert not np.signbit(values).any()


def test_disagreement_without_doubt_is_all_epistemic():
    votes = np.eye(C)[[0, 1, 2, 3]][:, None]
    assert mutual_information(votes) == pytest.approx([np.log(C)], abs=1e-15)
    assert expected_entropy(votes) == [0]
    assert variation_ratio(votes) == [1 - 1 / C]


def test_variation_ratio_counts_votes(probs):
    votes = probs.argmax(axis=2)
    expected = [1 - np.bincount(votes[:, i]).max() / T for i in range(N)]
    np.testing.assert_allclose(variation_ratio(probs), expected, atol=1e-15)


def test_first_axis_is_the_draws():
    """Two draws of one input that disagree, against two inputs drawn once: T is not N."""
    draws = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert mutual_information(draws) == pytest.approx([np.log(2)])
    assert (mutual_information(draws.transpose(1, 0, 2)) == [0, 0]).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_places_of_dense_predictions_are_as_inputs(measure, probs):
    """Classes are on axis 2, whatever follows."""
    dense = probs.reshape(T, 10, 5, C).transpose(0, 1, 3, 2)
    np.testing.assert_allclose(measure(dense), measure(probs).reshape(10, 5), atol=1e-14)
    assert type(measure(dense)) is np.ndarray


@pytest.mark.parametrize("measure", MEASURES)
def test_tensors_are_as_good_as_arrays(measure, probs):
    """And give tensors."""
    tensor = torch.from_numpy(probs).requires_grad_()
    assert measure(tensor).dtype is torch.float64
    assert np.array_equal(measure(tensor), measure(probs))
    half = tensor.to(torch.bfloat16)
    assert np.array_equal(measure(half), measure(half.detach().double().numpy()))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((N, C), 1 / C), r"shape \(T, N, C, \.\.\.\)"),
        (np.zeros((0, N, C)), r"shape \(T, N, C, \.\.\.\)"),
        (np.zeros((T, N, 0)), r"shape \(T, N, C, \.\.\.\)"),
        (np.ones((T, N, 1)), "one probability is no distribution"),
        (np.full((T, N, C), 1.5), "sum that is off by 5"),
        (np.full((T, N, 3), [1.5, -0.5, 0.0]), "value of -0.5"),
        (np.full((T, N, C), np.nan), "finite"),
    ],
)
def test_what_is_not_a_probability_is_refused(measure, bad, message):
    with pytest.raises(ValueError, match=message):
        measure(bad)


def test_variances_add_up_to_that_of_the_mixture(rng):
    means = 1 + rng.standard_normal((T, N, 3))
    variances = rng.random((T, N, 3))
    aleatoric, epistemic, total = decompose_variance(means, variances)
    second_moment = (variances + means**2).mean(axis=0)
    np.testing.assert_allclose(total, second_moment - means.mean(axis=0) ** 2, atol=1e-12)
    np.testing.assert_allclose(aleatoric + epistemic, total, atol=1e-12)
    np.testing.assert_allclose(aleatoric, variances.mean(axis=0), atol=1e-12)


def test_known_precision_is_constant_noise(rng):
    means = rng.standard_normal((T, N))
    by_tau = decompose_variance(torch.from_numpy(means), tau=4.0)
    by_variance = decompose_variance(means, np.full((T, N), 0.25))
    for left, right in zip(by_tau, by_variance, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-15)


def test_deviations_do_not_add_up(rng):
    """The form to reject: mean of the deviations, and deviation of the means."""
    means, deviations = rng.standard_normal((T, N)), rng.random((T, N))
    total = decompose_variance(means, deviations**2).total
    wrong = deviations.mean(axis=0) ** 2 + means.std(axis=0) ** 2
    assert np.abs(total - wrong).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either"),
        ({"variances": np.ones((T, N)), "tau": 1.0}, "either"),
        ({"tau": 0.0}, "positive"),
        ({"tau": np.nan}, "positive"),
        ({"tau": np.inf}, "positive and finite"),
        ({"variances": np.ones((T, 1))}, "shape of means"),
        ({"variances": -np.ones((T, N))}, "negative"),
        ({"variances": np.full((T, N), np.inf)}, "finite"),
    ],
)
def test_wrong_noise_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        decompose_variance(np.ones((T, N)), **arguments)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_complex_numbers_are_refused_and_keep_their_imaginary_parts(kind):
    numbers = kind([1 + 1j, 2 - 1j])
    with pytest.raises(TypeError, match="means must be real"):
        decompose_variance(numbers, tau=1.0)
    with pytest.raises(TypeError, match="variances must be real"):
        decompose_variance([1.0, 2.0], numbers)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested", "ignore:Sparse CSR")
@pytest.mark.parametrize(
    ("make", "help"),
    [
        (torch.Tensor.to_sparse, r"sparse_coo: pass probs\.to_dense\(\)"),
        (torch.Tensor.to_sparse_csr, r"sparse_csr: pass probs\.to_dense\(\)"),
        (lambda one: torch.nested.nested_tensor([one, one]), "nested one: pass its parts"),
        (
            lambda one: torch.nested.nested_tensor([one, one], layout=torch.jagged),
            "nested one: pass its parts",
        ),
    ],
)
def test_tensors_that_are_no_dense_arrays_are_refused_in_words(make, help):
    probs = make(torch.full((3, 2), 0.5))
    with pytest.raises(TypeError, match="probs must be .*" + help):
        predictive_entropy(probs)


def test_members_may_be_sure_of_their_noise():
    means = np.array([[0.0, 1.0], [2.0, 1.0]])
    split = decompose_variance(means, np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert split.total.tolist() == [1.5, 0.0]


@pytest.mark.parametrize("tau", [np.array([1.0, 2.0]), torch.tensor(2.0), "2", True])
def test_a_precision_that_is_no_number_is_refused_in_words(tau):
    with pytest.raises(TypeError, match="the precision tau must be one number"):
        decompose_variance(np.ones((T, N)), tau=tau)


def test_a_split_of_tensors_is_of_tensors():
    split = decompose_variance(torch.ones(T, N, dtype=torch.float16), torch.ones(T, N))
    assert all(part.dtype is torch.float64 and part.shape == (N,) for part in split)


@pytest.mark.parametrize("means", [1.0, np.ones((0, 3))])
def test_a_split_needs_a_draw(means):
    with pytest.raises(ValueError, match="at least one draw"):
        decompose_variance(means, tau=1.0)


def test_examples():
    assert doctest.testmod(uncertainty).failed == 0
