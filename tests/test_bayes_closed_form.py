"""The closed form against the exact ensemble, and the models that it is not for."""

import doctest

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dropoutlib import ensemble
from dropoutlib import nn as ours
from dropoutlib.bayes import closed_form as module
from dropoutlib.bayes.closed_form import analytic

FEATURES, OUTPUTS = 6, 3


@pytest.fixture
def make_model(seed):
    def make(dropout):
        torch.manual_seed(seed)
        body = nn.Linear(4, FEATURES), nn.BatchNorm1d(FEATURES), nn.ReLU()
        return nn.Sequential(*body, dropout, nn.Linear(FEATURES, OUTPUTS)).double()

    return make


@pytest.fixture
def x(rng):
    return torch.from_numpy(rng.standard_normal((5, 4)))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("layer", "scaled"), [(nn.Dropout, True), (ours.Dropout, True), (ours.StandardDropout, False)]
)
def test_moments_are_those_of_all_subnetworks(layer, scaled, p, make_model, x):
    model = make_model(layer(p)).eval()
    features = model[:3](x).detach().numpy()
    W, b = (part.detach().numpy() for part in (model[4].weight, model[4].bias))
    scale = 1 / (1 - p) if scaled and p < 1 else 1.0

    def subnetworks(masks):
        return (masks[:, None] * features * scale) @ W.T + b

    mean, var = analytic(model, x)
    np.testing.assert_allclose(mean, ensemble.expectation(subnetworks, FEATURES, p), atol=1e-12)
    np.testing.assert_allclose(var, ensemble.variance(subnetworks, FEATURES, p), atol=1e-12)
    assert not mean.requires_grad
    assert not var.requires_grad


def test_gaussian_noise_has_the_same_moments(make_model, x):
    for left, right in zip(
        analytic(make_model(ours.GaussianDropout(0.3)), x),
        analytic(make_model(nn.Dropout(0.3)), x),
        strict=True,
    ):
        assert torch.equal(left, right)


def test_nothing_is_changed(make_model, x):
    """Modes however mixed, hooks, running statistics and the random state."""
    model = make_model(nn.Dropout(0.3)).train()
    model[0].eval()
    modes = [part.training for part in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    analytic(model, x)
    with pytest.raises(RuntimeError):
        analytic(model, x[:, :2])
    assert [part.training for part in model.modules()] == modes
    assert not any(part._forward_hooks for part in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_in_place_dropout_does_not_spoil_the_features(make_model, x):
    plain, inplace = (make_model(ours.StandardDropout(0.3, inplace=k)) for k in (False, True))
    for left, right in zip(analytic(plain, x), analytic(inplace, x), strict=True):
        assert torch.equal(left, right)
    alone = nn.Sequential(ours.StandardDropout(0.3, inplace=True), nn.Linear(4, 2)).double()
    before = x.clone()
    analytic(alone, x)
    assert torch.equal(x, before)


def test_layers_without_effect_do_not_count(make_model, x):
    model = nn.Sequential(nn.Dropout(0.0), make_model(nn.Dropout(0.3)))
    for left, right in zip(analytic(model, x), analytic(model[1], x), strict=True):
        assert torch.equal(left, right)


class Residual(nn.Module):
    """The features reach the output past the dropout as well."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(4, 4)

    def forward(self, x):
        """Head and dropout, on different paths."""
        dropped = self.dropout(x)
        return {
            "sum": lambda: self.head(dropped) + x,
            "before": lambda: self.head(x),
            "after": lambda: self.head(dropped + x),
            "functional": lambda: self.head(self.dropout(F.dropout(x, 0.1))),
        }[self.path]()


@pytest.mark.parametrize("path", ["sum", "before", "after"])
def test_features_that_go_past_the_dropout_are_seen(path, x):
    with pytest.raises(ValueError, match="is not followed by"):
        analytic(Residual(path).double(), x)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(4, 4), "no dropout layer that drops"),
        (nn.Sequential(nn.Dropout(0.0), nn.Linear(4, 4)), "no dropout layer that drops"),
        (nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 4), nn.ReLU()), "is not followed by"),
        (nn.Sequential(nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 4)), "is not followed by"),
        (nn.Sequential(nn.Dropout(), nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 4)), "more than"),
        (nn.Sequential(nn.AlphaDropout(0.5), nn.Linear(4, 4)), "moments of AlphaDropout"),
        (nn.Sequential(ours.DropPath(0.5), nn.Linear(4, 4)), "moments of DropPath"),
        (Residual("functional"), "as a function"),
    ],
)
def test_other_models_are_refused(model, message, x):
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match=message):
        analytic(model.double(), x)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_no_model_is_refused(x):
    with pytest.raises(TypeError, match="got function"):
        analytic(lambda x: x, x)


def test_examples():
    assert doctest.testmod(module).failed == 0


def test_package_gives_the_function_each_time():
    from dropoutlib import bayes

    assert bayes.analytic is bayes.analytic is analytic
