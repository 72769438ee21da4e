"""Closed-form gradients against sums over all masks, layers against differences, bytes counted."""

import doctest
from fractions import Fraction

import numpy as np
import pytest
import torch

import dropcheck
from book import gradients
from book.gradients import (
    autograd_bytes,
    expected_gradient,
    gradient_covariance,
    gradient_variance,
    layer_bytes,
    linear_backward,
)
from dropoutlib import layers, nn
from dropoutlib.masks import enumerate_masks, mask_weights

PS = pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.9, 1.0])


@pytest.fixture
def row(rng):
    """Weights of shape (2, 4), an input, a target."""
    return rng.standard_normal((2, 4)), rng.standard_normal(4), rng.standard_normal(2)


def over_masks(W, x, y, p):
    """The gradient on each mask, from the definition, and the probability of each."""
    masks = enumerate_masks(len(x))
    noisy = masks * x / (1 - p) if p < 1 else masks * 0.0
    delta = noisy @ W.T - y
    return delta[:, :, None] * noisy[:, None, :], mask_weights(masks, p)


@PS
def test_moments_of_one_row_are_those_over_all_masks(row, p):
    W, x, y = row
    each, weights = over_masks(W, x, y, p)
    mean = np.tensordot(weights, each, 1)
    covariance = np.einsum("m,mij,mlk->ijlk", weights, each - mean, each - mean)
    np.testing.assert_allclose(expected_gradient(W, x[None], y[None], p), mean, atol=1e-9)
    np.testing.assert_allclose(gradient_covariance(W, x, y, p), covariance, rtol=1e-9, atol=1e-9)
    variance = np.einsum("ijij->ij", covariance)
    np.testing.assert_allclose(gradient_variance(W, x[None], y[None], p), variance, rtol=1e-9)


@PS
def test_moments_of_a_batch(rng, p):
    """Means of rows average, variances of independent rows add up over N^2."""
    W, X, Y = rng.standard_normal((2, 3)), rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    rows = [(W, x[None], y[None], p) for x, y in zip(X, Y, strict=True)]
    mean = np.mean([expected_gradient(*one) for one in rows], axis=0)
    variance = np.sum([gradient_variance(*one) for one in rows], axis=0) / 25
    np.testing.assert_allclose(expected_gradient(W, X, Y, p), mean, atol=1e-12)
    np.testing.assert_allclose(gradient_variance(W, X, Y, p), variance, atol=1e-12)


def test_fractions_stay_exact():
    W, x, y = np.array([[Fraction(1, 3), Fraction(2)]]), np.array([3, 4], object), np.array([1])
    p = Fraction(1, 7)
    each, weights = over_masks(W, x, y.astype(object), p)
    assert (np.tensordot(weights, each, 1) == expected_gradient(W, x[None], y[None], p)).all()
    assert all(
        isinstance(entry, Fraction) for entry in gradient_variance(W, x[None], y[None], p)[0]
    )


@PS
def test_backward_is_that_of_torch(rng, p):
    """Rows of any number of axes, on one mask."""
    W, x, delta = rng.standard_normal((2, 4)), rng.standard_normal((3, 5, 4)), rng.random((3, 5, 2))
    mask = rng.random(x.shape) < 1 - p
    leaves = [torch.from_numpy(part.copy()).requires_grad_() for part in (W, x)]
    factor = torch.from_numpy(mask / (1 - p) if p < 1 else mask * 0.0)
    ((leaves[1] * factor) @ leaves[0].T * torch.from_numpy(delta)).sum().backward()
    for ours, leaf in zip(linear_backward(W, x, mask, delta, p), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_gradient([1.0], [[1.0]], [[1.0]], 0.5), r"W must have shape \(out, in\)"),
        (lambda: expected_gradient([[1.0]], [1.0], [[1.0]], 0.5), r"\(N, 1\) and \(N, 1\)"),
        (lambda: expected_gradient([[1.0]], np.ones((0, 1)), np.ones((0, 1)), 0.5), "N at least 1"),
        (lambda: gradient_variance([[1.0]], [[1.0, 2.0]], [[1.0]], 0.5), r"got \(1, 2\)"),
        (lambda: gradient_covariance([[1.0]], [1.0], [1.0, 2.0], 0.5), r"and \(1, 2\)"),
        (lambda: expected_gradient([[1.0]], [[1.0]], [[1.0]], 1.5), "got p=1.5"),
        (lambda: linear_backward([[1.0]], [1.0], [True, True], [1.0], 0.5), "must have the shapes"),
        (lambda: linear_backward([[1.0]], [1.0], [True], [1.0], float("nan")), "got p=nan"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("call", [lambda: layer_bytes("Dropout"), lambda: autograd_bytes(3)])
def test_wrong_types_are_refused(call):
    with pytest.raises(TypeError, match="takes a"):
        call()


def test_same_noise_repeats_and_goes_on_after_it(rng):
    """Every call draws what the layer would have drawn next."""
    layer, x = layers.Dropout(0.5, rng=rng), np.ones(200)
    forward = dropcheck.same_noise(layer)
    first = forward(x)
    assert np.array_equal(forward(x), first)
    assert np.array_equal(forward(2 * x), 2 * first)
    assert not np.array_equal(layer.forward(x), first)


def test_check_backward_notices_a_small_error(rng):
    layer, x, grad = layers.GaussianDropout(0.3, rng=rng), rng.random(20), rng.random(20)
    assert dropcheck.check_backward(layer, x, grad)
    assert not dropcheck.check_backward(
        layer, x, grad, backward=lambda grad: 1.001 * layer.backward(grad)
    )


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_bytes_of_layers(rng, p):
    x = rng.random((5, 13))
    layer, packed = layers.Dropout(p, rng=rng), layers.Dropout(p, rng=rng, packed=True)
    with pytest.raises(RuntimeError, match="needs a forward"):
        layer_bytes(layer)
    for one in (layer, packed):
        one.forward(x)
    assert (layer_bytes(layer), layer_bytes(packed)) == ((65, 9) if p else (0, 0))
    assert layer_bytes(layer) or layer.eval().forward(x) is x


def test_bytes_of_autograd(seed):
    torch.manual_seed(seed)
    x = torch.randn(60, 40, requires_grad=True)  # beyond 8 KiB, of which dropout keeps bytes
    assert autograd_bytes(lambda: nn.Dropout(0.5)(x)) == 2400
    assert autograd_bytes(lambda: nn.Dropout(0.5).eval()(x)) == 0
    assert autograd_bytes(lambda: x * x) == autograd_bytes(lambda: (x * x, x * x)) == 9600
    assert autograd_bytes(lambda: x * x, ignore=[x]) == 0
    with torch.no_grad():
        assert autograd_bytes(lambda: nn.Dropout(0.5)(x)) == 0


def test_examples():
    done = doctest.testmod(gradients)
    assert done.attempted
    assert not done.failed


def test_every_public_name_is_there():
    assert sorted(gradients.__all__) == gradients.__all__
    assert all(hasattr(gradients, name) for name in gradients.__all__)
