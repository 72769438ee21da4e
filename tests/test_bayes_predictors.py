"""What the predictors make of samples that are known, and of a network whose moments are."""

import doctest
import math

import numpy as np
import pytest
import torch
from torch import nn

from dropoutlib import bayes
from dropoutlib.bayes import predictors
from dropoutlib.bayes.closed_form import analytic
from dropoutlib.bayes.predictors import MCDropoutModel, MCDropoutPredictor

T, N, C = 20, 5, 4


@pytest.fixture
def fixed(rng, monkeypatch):
    """Make `mc_samples` return given samples, and list the calls."""

    def fix(*shape):
        samples, calls = torch.from_numpy(3 * rng.standard_normal(shape)), []

        def fake(*args, **options):
            calls.append((args, options))
            return samples

        monkeypatch.setattr(predictors, "mc_samples", fake)
        return samples, calls

    return fix


@pytest.fixture
def net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, C)).double()


def test_mean_and_deviation_of_the_output(fixed):
    samples, _ = fixed(T, N, 2)
    mean, std = MCDropoutPredictor(nn.Identity()).predict_with_uncertainty(torch.ones(N, 1))
    np.testing.assert_allclose(mean, samples.numpy().mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(std, samples.numpy().std(axis=0), atol=1e-14)
    epistemic = bayes.decompose_variance(samples, tau=1.0).epistemic
    np.testing.assert_allclose(std**2, epistemic, atol=1e-13)
    # The variance over all masks is estimated without bias by the square times T/(T - 1).
    np.testing.assert_allclose(std**2 * T / (T - 1), samples.var(dim=0), atol=1e-13)


@pytest.mark.parametrize("shape", [(T, N, C), (T, N, C, 2, 3)])
def test_probabilities_are_averaged_and_not_logits(shape, fixed):
    samples, _ = fixed(*shape)
    powers = np.exp(samples.numpy())
    probs = powers / powers.sum(axis=2, keepdims=True)
    model = MCDropoutModel(nn.Identity())
    mean, var = model.predict_with_uncertainty(torch.ones(N, 1))
    np.testing.assert_allclose(mean, probs.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(var, probs.var(axis=0), atol=1e-14)
    assert (mean - samples.mean(dim=0).softmax(dim=1)).abs().max() > 1e-3


def test_entropy_is_the_predictive_entropy(fixed):
    fixed(T, N, C)
    model = MCDropoutModel(nn.Identity())
    mean, entropy = model.entropy_uncertainty(torch.ones(N, 1))
    probs = model.samples(torch.ones(N, 1))
    np.testing.assert_allclose(mean, probs.mean(dim=0), atol=1e-14)
    np.testing.assert_allclose(entropy, bayes.predictive_entropy(probs), atol=1e-14)
    assert (entropy <= math.log(C)).all()


def test_dense_predictions_have_an_entropy_for_each_place(fixed):
    fixed(T, N, C, 2, 3)
    mean, entropy = MCDropoutModel(nn.Identity()).entropy_uncertainty(torch.ones(N, 1))
    assert mean.shape == (N, C, 2, 3)
    assert entropy.shape == (N, 2, 3)


def test_single_sample_has_no_spread(fixed):
    fixed(1, N, C)
    _, std = MCDropoutPredictor(nn.Identity(), 1).predict_with_uncertainty(torch.ones(N, 1))
    _, var = MCDropoutModel(nn.Identity()).predict_with_uncertainty(torch.ones(N, 1), 1)
    assert (std == 0).all()
    assert (var == 0).all()


def test_arguments_reach_the_sampler(fixed, net):
    _, calls = fixed(T, N, C)
    x = torch.ones(N, 3)
    MCDropoutPredictor(net).predict_with_uncertainty(x)
    MCDropoutPredictor(net, n_samples=7, rng=1).predict_with_uncertainty(x)
    MCDropoutModel(net).predict_with_uncertainty(x)
    MCDropoutModel(net).entropy_uncertainty(x, n_samples=9, shared_mask=True)
    MCDropoutModel(net).entropy_uncertainty(x)
    MCDropoutModel(net).samples(x)
    assert calls == [
        ((net, x), {"n_samples": 100}),
        ((net, x), {"n_samples": 7, "rng": 1}),
        ((net, x, 50), {}),
        ((net, x, 9), {"shared_mask": True}),
        ((net, x, 50), {}),
        ((net, x, 50), {}),
    ]


def test_outputs_without_classes_are_refused(fixed):
    fixed(T, N)
    with pytest.raises(ValueError, match=r"shape \(N, C\).* got outputs of shape \(5,\)"):
        MCDropoutModel(nn.Identity()).predict_with_uncertainty(torch.ones(N, 1))


def test_one_logit_is_no_distribution():
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1))
    with pytest.raises(ValueError, match=r"at least two classes.*sigmoid is two: output=lambda"):
        MCDropoutModel(net).entropy_uncertainty(torch.ones(N, 3))
    both = {"output": lambda z: torch.cat([0 * z, z], dim=1)}
    found = MCDropoutModel(net).predict(torch.ones(N, 3), 9, **both)
    torch.testing.assert_close(found.mean.sum(1), torch.ones(N))


def test_a_prediction_has_named_fields(fixed, net):
    logits, _ = fixed(T, N, C)
    found = MCDropoutModel(net).predict(torch.ones(N, 3))
    probs = logits.softmax(2)
    torch.testing.assert_close(found.samples, probs)
    torch.testing.assert_close(found.mean, probs.mean(0))
    torch.testing.assert_close(found.std**2, found.var)
    for name in ("expected_entropy", "mutual_information", "variation_ratio"):
        torch.testing.assert_close(getattr(found, name), getattr(bayes, name)(probs))
    torch.testing.assert_close(found.entropy, bayes.predictive_entropy(probs))
    torch.testing.assert_close(
        MCDropoutPredictor(net).predict(torch.ones(N, 3)).mean, logits.mean(0)
    )


def test_half_precision_and_integers_neither_overflow_nor_vanish():
    large = torch.tensor([[300.0], [-300.0]], dtype=torch.float16)
    assert bayes.Prediction(large).var.item() == 90000
    small = torch.tensor([[1e-4], [3e-4]], dtype=torch.float16)
    assert bayes.Prediction(small).var.item() == pytest.approx(1e-8, rel=1e-2)
    assert bayes.Prediction(torch.tensor([[1], [2]])).mean.item() == 1.5
    with pytest.raises(TypeError, match="output=lambda"):
        bayes.Prediction({"logits": large})


def test_model_is_its_base_model(net):
    model = MCDropoutModel(net)
    x = torch.ones(N, 3, dtype=torch.double)
    assert torch.equal(model.eval()(x), net(x))
    assert set(model.state_dict()) == {f"base_model.{name}" for name in net.state_dict()}


@pytest.mark.parametrize("training", [True, False])
def test_prediction_has_the_moments_of_the_closed_form(training, net, rng):
    """The mean to 8 deviations, which by Hoeffding's bound 1e-10 of all seeds exceed.

    The relative deviation of a variance is below sqrt(2/T) = 0.02, as no kurtosis exceeds 3.
    """
    x = torch.from_numpy(rng.standard_normal((N, 3)))
    predictor = MCDropoutPredictor(net.train(training), 4000, rng=rng)
    mean, std = predictor.predict_with_uncertainty(x)
    exact_mean, exact_var = analytic(net, x)
    assert ((mean - exact_mean).abs() <= 8 * (exact_var / 4000).sqrt() + 1e-12).all()
    assert ((std**2 - exact_var).abs() <= 0.3 * exact_var + 1e-12).all()
    assert net.training == training


def test_examples():
    assert doctest.testmod(predictors).failed == 0
