"""Variants: the right mask shape, the right moments, and a backward pass that fits the forward."""

import copy
import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import dropcheck
from dropoutlib import layers
from dropoutlib.layers import (
    AlphaDropout,
    ConcreteDropout,
    DropBlock2d,
    DropConnect,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    FeatureAlphaDropout,
    GaussianDropout,
    VariationalDropout,
    alpha_affine,
    block_seed_rate,
    dropblock_rate,
)

# name: (a layer at p = 0.4, a shape it takes, the shape of its mask)
VARIANTS = {
    "gaussian": (GaussianDropout(0.4), (4, 5), (4, 5)),
    "alpha": (AlphaDropout(0.4), (4, 5), (4, 5)),
    "feature alpha": (FeatureAlphaDropout(0.4), (4, 5, 3), (4, 5, 1)),
    "1d": (Dropout1d(0.4), (4, 5, 3), (4, 5, 1)),
    "1d, no batch": (Dropout1d(0.4), (5, 3), (5, 1)),
    "2d": (Dropout2d(0.4), (4, 5, 3, 2), (4, 5, 1, 1)),
    "3d": (Dropout3d(0.4), (4, 5, 3, 2, 2), (4, 5, 1, 1, 1)),
    "3d, no batch": (Dropout3d(0.4), (5, 3, 2, 2), (5, 1, 1, 1)),
    "variational": (VariationalDropout(0.4), (4, 6, 5), (4, 1, 5)),
    "path": (DropPath(0.4), (4, 5, 3), (4, 1, 1)),
    "path, batch": (DropPath(0.4, mode="batch"), (4, 5, 3), (1, 1, 1)),
    "path, unscaled": (DropPath(0.4, scale_by_keep=False), (4, 5, 3), (4, 1, 1)),
    "block": (DropBlock2d(0.4, 2), (4, 3, 5, 4), (4, 3, 5, 4)),
}
EACH = pytest.mark.parametrize("name", VARIANTS)


@pytest.fixture
def variant(name, rng):
    layer, shape, mask_shape = VARIANTS[name]
    layer = copy.deepcopy(layer)
    layer.rng = rng
    return layer, rng.standard_normal(shape), mask_shape


@EACH
def test_mask_has_one_entry_a_group(variant):
    layer, x, mask_shape = variant
    layer.forward(x)
    assert layer._last[1].shape == mask_shape


@EACH
def test_backward_is_the_derivative_of_forward(variant, rng):
    """The pass is affine in x: central differences on the very same noise are exact but rounded."""
    layer, x, _ = variant
    weights = rng.standard_normal(x.shape)
    state = copy.deepcopy(layer.rng)

    def output(z):
        layer.rng = copy.deepcopy(state)
        return np.sum(weights * layer.forward(z))

    output(x)
    gradient = layer.backward(weights)
    assert dropcheck.gradient(output, gradient, x, method="central")
    assert not dropcheck.gradient(output, gradient + 0.01 * weights, x, method="central")


@EACH
def test_evaluation_and_p_zero_return_the_input(variant):
    layer, x, _ = variant
    assert layer.eval().forward(x) is x
    layer.p = 0.0
    assert layer.train().forward(x) is x


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "gaussian"])
def test_everything_dropped_is_zero_in_value_and_gradient(variant):
    layer, x, _ = variant
    layer.p = 1.0
    assert not layer.forward(x).any()
    assert not layer.backward(np.ones_like(x)).any()


@EACH
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_dtype_is_kept(variant, dtype):
    layer, x, _ = variant
    assert layer.forward(x.astype(dtype)).dtype == dtype


@EACH
def test_input_is_left_alone_and_integers_are_refused(variant):
    layer, x, _ = variant
    before = x.copy()
    layer.forward(x)
    assert np.array_equal(x, before)
    with pytest.raises(TypeError, match="must be floating point"):
        layer.forward(np.ones(x.shape, dtype=int))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dropout1d(), (2,)),
        (Dropout2d(), (2, 3)),
        (Dropout2d(), (2, 3, 4)),  # (C, H, W), or (N, C, L) as in PyTorch?
        (Dropout3d(), (2, 3, 4)),
        (VariationalDropout(), (2, 3)),
        (FeatureAlphaDropout(), (2,)),
        (DropPath(0.5), ()),
        (DropBlock2d(), (2, 3, 4)),
    ],
)
def test_wrong_number_of_axes_is_refused(layer, shape):
    with pytest.raises(ValueError, match=r"takes.*got shape"):
        layer.forward(np.ones(shape))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dropout1d(), (2, 3)),
        (Dropout2d(), (2, 3, 4, 5)),
        (Dropout3d(), (2, 3, 4, 5)),
        (VariationalDropout(), (2, 3, 4)),
        (FeatureAlphaDropout(), (2, 3)),
        (DropPath(0.5), (2,)),
        (DropBlock2d(0.5, 1), (2, 3, 4, 5)),
    ],
)
def test_the_least_number_of_axes_is_taken(layer, shape):
    assert layer.forward(np.ones(shape)).shape == shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianDropout(1), "infinite variance"),
        (lambda: alpha_affine(1), "has no limit"),
        (lambda: DropPath(mode="rows"), "either 'batch' or 'row', but got rows"),
        (lambda: block_seed_rate(0.1, 8, 7, 9), "block_size=8 does not fit"),
        (lambda: DropBlock2d(0.1, 8).forward(np.ones((1, 1, 7, 9))), "block_size=8 does not fit"),
        (lambda: ConcreteDropout(0.0), "strictly between 0 and 1"),
        (lambda: ConcreteDropout(0.5, 0), "temperature=0"),
        (lambda: DropConnect(np.ones(3)), r"shape \(out, in\)"),
        (lambda: DropConnect(np.ones((2, 3)), np.ones(3)), r"bias must have shape \(2,\)"),
        (lambda: DropConnect(np.ones((2, 3))).forward(np.ones((1, 2))), r"takes \(N, 3\)"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_refused_p_changes_nothing():
    for layer in (GaussianDropout(0.3), ConcreteDropout(0.3)):
        with pytest.raises(ValueError, match="p=1"):
            layer.p = 1.0
        assert layer.p == 0.3


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p, rng):
    """By enumeration of the one mask entry, over x of mean 0 and variance 1."""
    a, b = alpha_affine(p)
    dropped = a * -1.7580993408473766 + b
    mean = (1 - p) * b + p * dropped
    second = (1 - p) * (a**2 + b**2) + p * dropped**2
    assert abs(mean) < 1e-14
    assert abs(second - 1) < 1e-14
    y = AlphaDropout(p, rng=rng).forward(np.zeros(1000))
    assert set(np.unique(y).round(12)) == {round(b, 12), round(dropped, 12)}


def test_dropconnect_weights_stay_and_gradients_fit(rng):
    W, c = rng.standard_normal((3, 4)), rng.standard_normal(3)
    x, grad = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    layer = DropConnect(W.copy(), c, 0.5, rng=rng)
    state = copy.deepcopy(rng)

    def output(weight, bias, z):
        twin = DropConnect(weight, bias, 0.5, rng=copy.deepcopy(state))
        return np.sum(grad * twin.forward(z))

    layer.forward(x)
    back = layer.backward(grad)
    assert dropcheck.gradient(lambda z: output(W, c, z), back, x, method="central")
    assert dropcheck.gradient(lambda w: output(w, c, x), layer.weight_grad, W, method="central")
    assert dropcheck.gradient(lambda b: output(W, b, x), layer.bias_grad, c, method="central")
    assert np.array_equal(layer.weight, W)
    assert np.array_equal(layer.eval().forward(x), x @ W.T + c)
    layer.backward(grad)
    assert np.array_equal(layer.weight_grad, grad.T @ x)
    layer.train().p = 1.0
    assert np.array_equal(layer.forward(x), np.tile(c, (5, 1)))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropblock_rate_is_that_of_the_layer(p, rng):
    maps = DropBlock2d(p, 3, rng=rng)._noise(np.ones((20_000, 1, 6, 5)))[0]
    dropped = 1 - maps.mean(axis=(1, 2, 3))
    rate = dropblock_rate(p, 3, 6, 5)
    assert dropcheck.mean_test(dropped, rate, 0, 1)
    assert rate < p
    assert dropblock_rate(p, 1, 6, 5) == pytest.approx(p, rel=1e-14)


def test_dropblock_keeps_the_sum_of_the_mask_over_all_maps_together(rng):
    y = DropBlock2d(0.3, 3, rng=rng).forward(np.ones((2, 3, 8, 8)))
    assert y.sum() == pytest.approx(y.size, rel=1e-12)
    assert len(np.unique(y)) == 2  # one factor for all, and zero
    assert not np.allclose(y.sum(axis=(2, 3)), 64)


def test_dropblock_that_keeps_nothing_is_zero_both_ways(rng):
    """Where n/|m| has no value; of a map of one block each draw keeps all or nothing."""
    layer, x = DropBlock2d(0.5, 3, rng=rng), np.ones((1, 1, 3, 3))
    passes = [(layer.forward(x), layer.backward(2 * x)) for _ in range(60)]
    nothing = [(y, grad) for y, grad in passes if not y.any()]
    assert 0 < len(nothing) < len(passes)
    assert not any(grad.any() for _, grad in nothing)


def test_concrete_gradients_fit(rng):
    x, grad = rng.standard_normal((2, 6, 7))
    state = copy.deepcopy(rng)

    def output(logit, z):
        layer = ConcreteDropout(0.5, 0.5, rng=copy.deepcopy(state))
        layer.logit = float(logit)
        return np.sum(grad * layer.forward(z))

    layer = ConcreteDropout(0.5, 0.5, rng=copy.deepcopy(state))
    layer.logit = 0.3
    layer.forward(x)
    back = layer.backward(grad)
    assert dropcheck.gradient(lambda z: output(0.3, z), back, x, method="central")
    at = np.array(0.3)
    assert dropcheck.gradient(
        lambda t: output(t, x), np.array(layer.logit_grad), at, method="central"
    )

    def penalty(logit):
        twin = ConcreteDropout(0.5)
        twin.logit = float(logit)
        return twin.regulariser(x, 7, weight_scale=0.1, entropy_scale=0.2)

    slope = np.array(penalty(0.3)[1])
    assert dropcheck.gradient(lambda t: penalty(t)[0], slope, at, method="central")


def test_concrete_begins_at_one_half_by_default():
    assert ConcreteDropout().p == pytest.approx(0.5)


@pytest.mark.parametrize("logit", [-800.0, -40.0, 40.0, 800.0])
def test_a_learned_probability_may_go_to_its_ends(logit, rng):
    """There p rounds to 0 or 1; descent goes on from it, and back."""
    layer = ConcreteDropout(rng=rng)
    layer.logit = logit
    x = np.ones(1000)
    assert np.allclose(layer.forward(x), logit < 0)
    assert np.isfinite(layer.backward(x)).all()
    assert np.isfinite(layer.logit_grad)
    assert layer.logit == logit
    assert layer.p == pytest.approx(float(logit > 0), abs=1e-17)
    if logit < 100:  # beyond 700 the penalty of weights is infinite, as 1/q is
        value, slope = layer.regulariser(x, 7, weight_scale=1e-20, entropy_scale=0.2)
        assert value == pytest.approx(1e-17 * (1 + np.exp(logit)), abs=1e-15)
        assert np.isfinite(slope)


def test_weights_of_zero_have_no_penalty_where_the_odds_are_infinite():
    layer = ConcreteDropout()
    layer.logit = 800.0
    assert layer.regulariser([0.0], 7, weight_scale=1.0, entropy_scale=0.2) == (0.0, 0.0)


@pytest.mark.parametrize("p", [1e-300, 1e-9, 1 - 1e-9, 1 - 2**-53])
def test_a_learned_probability_is_what_it_was_set_to(p):
    layer = ConcreteDropout(p)
    assert layer.p == pytest.approx(p, rel=1e-12)
    assert 1 - layer.p == pytest.approx(1 - p, abs=2**-53)
    layer.p = layer.p
    assert 0 < layer.p < 1


def test_concrete_evaluation_is_the_identity(rng):
    x = rng.standard_normal(3)
    layer = ConcreteDropout(0.3, rng=rng).eval()
    assert layer.forward(x) is x
    grad = np.ones(3)
    assert layer.backward(grad) is grad
    assert layer.logit_grad == 0


def test_one_draw_a_sample_or_a_batch(rng):
    x = np.ones((2000, 3))
    assert len(np.unique(DropPath(0.5, rng=rng).forward(x)[:, 0])) == 2
    assert len(np.unique(DropPath(0.5, mode="batch", rng=rng).forward(x))) == 1
    unscaled = DropPath(0.5, scale_by_keep=False, rng=rng).forward(x)
    assert set(np.unique(unscaled)) == {0.0, 1.0}


def test_representations():
    assert repr(DropPath(0.123456)) == "DropPath(drop_prob=0.123, mode=row)"
    assert repr(DropBlock2d(0.1, 5)) == "DropBlock2d(p=0.1, block_size=5)"
    assert repr(DropConnect(np.ones((2, 3)))) == "DropConnect(in=3, out=2, p=0.5)"
    assert repr(Dropout2d(0.2)) == "Dropout2d(p=0.2)"
    assert repr(Dropout(0.2)) == "Dropout(p=0.2)"


def test_examples_in_the_docstrings():
    for module in pkgutil.iter_modules(layers.__path__, "dropoutlib.layers."):
        assert doctest.testmod(importlib.import_module(module.name)).failed == 0
