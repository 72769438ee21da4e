"""Exact ensembles against closed forms, against `verify` and against sums written out."""

import doctest
import math
import re
import time
from fractions import Fraction

import numpy as np
import pytest

import dropcheck
from book.ensemble import (
    OneHiddenLayer,
    ambiguity,
    arithmetic_mean,
    averages,
    geometric_mean,
    iterate_masks,
    iterate_subset_sums,
    relu_gap,
    scaling,
    sigmoid_gap_bound,
    subnetworks,
    subset_sums,
    variance,
    weight_scaled,
)
from dropoutlib.masks import enumerate_masks, mask_weights

MEANS = [arithmetic_mean, variance, geometric_mean]
PS = pytest.mark.parametrize("p", [0.0, 0.1, 0.3, Fraction(1, 3), 0.5, 1.0])


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.fixture
def make_net(rng):
    def make(n, hidden=7, outputs=3, **options):
        shapes = (n,), (hidden, n), (hidden,), (outputs, hidden), (outputs,)
        return OneHiddenLayer(*map(rng.standard_normal, shapes), **options)

    return make


@PS
@pytest.mark.parametrize("n", [0, 1, 5, 14])
def test_moments_of_a_linear_function(n, p, rng):
    """Mean q sum x and variance p q sum x^2, in one chunk and in several."""
    x, q = rng.standard_normal((2, n)), 1 - p
    mean = arithmetic_mean(lambda masks: masks @ x.T, n, p)
    spread = variance(lambda masks: masks @ x.T, n, p)
    np.testing.assert_allclose(mean, float(q) * x.sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(spread, float(p * q) * (x**2).sum(axis=1), atol=1e-12)


@PS
def test_arithmetic_mean_is_that_of_the_checks(p, rng):
    tensor = rng.standard_normal((13, 2, 4))

    def f(masks):
        return np.tanh(np.tensordot(masks, tensor, 1))

    value, rounding = dropcheck.expectation(f, 13, float(p))
    assert (np.abs(arithmetic_mean(f, 13, p) - value) <= rounding + 1e-14).all()


@PS
@pytest.mark.parametrize("n", [1, 9])
def test_sums_written_out(n, p, make_net):
    net = make_net(n, head=softmax)
    values, weights = net(enumerate_masks(n)), mask_weights(enumerate_masks(n), p).astype(float)
    mean = weights @ values
    product = np.prod(values ** weights[:, None], axis=0)
    np.testing.assert_allclose(arithmetic_mean(net, n, p), mean, atol=1e-13)
    np.testing.assert_allclose(variance(net, n, p), weights @ (values - mean) ** 2, atol=1e-13)
    np.testing.assert_allclose(geometric_mean(net, n, p), product, atol=1e-13)
    normal = geometric_mean(net, n, p, normalize=True)
    np.testing.assert_allclose(normal, product / product.sum(), atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"activation": np.tanh}, {"head": softmax}])
@pytest.mark.parametrize("n", [0, 1, 3, 12, 13, 15])
def test_halves_give_every_subnetwork_in_order(n, options, make_net):
    net = make_net(n, **options)
    values = np.vstack([part.copy() for part in net.over_all_masks(4)])
    np.testing.assert_allclose(values, net(enumerate_masks(n)), atol=1e-12)


@pytest.mark.parametrize("mean", MEANS)
def test_halves_give_the_moments_of_any_function(mean, make_net):
    net = make_net(14, head=softmax)
    plain = mean(lambda masks: net(masks), 14, 0.3)
    np.testing.assert_allclose(mean(net, 14, 0.3), plain, atol=1e-13)


def test_a_million_subnetworks(make_net):
    """The mean and the variance of the preactivations are known; the ReLU's are compared."""
    linear = make_net(20, hidden=64, activation=lambda hidden: hidden)
    matrix = linear.terms @ linear.V.T
    center = linear.b @ linear.V.T + linear.c
    np.testing.assert_allclose(arithmetic_mean(linear, 20, 0.3), 0.7 * matrix.sum(0) + center)
    np.testing.assert_allclose(variance(linear, 20, 0.3), 0.21 * (matrix**2).sum(0))


def test_variance_does_not_cancel():
    """A mean 1e8 times the deviation: E f^2 - (E f)^2, near 1e16, can only be an even number."""
    x = np.arange(1.0, 15.0) / 30
    spread = variance(lambda masks: masks @ x + 1e8, 14, 0.3)
    exact = 0.21 * (x**2).sum()
    assert spread == pytest.approx(exact, rel=1e-6)
    second = arithmetic_mean(lambda masks: (masks @ x + 1e8) ** 2, 14, 0.3)
    naive = second - arithmetic_mean(lambda masks: masks @ x + 1e8, 14, 0.3) ** 2
    assert exact == pytest.approx(0.21 * 1015 / 900)
    assert abs(naive - exact) > 0.2


@PS
def test_weight_scaling_of_softmax_regression(p):
    """The normalised geometric mean is the scaled network, and the arithmetic mean is not."""
    fixed = np.random.default_rng(0)  # a saturated softmax would hide the second half
    W, b, x = 0.3 * fixed.standard_normal((4, 9)), fixed.standard_normal(4), 2 + fixed.random(9)

    def network(masks):
        return softmax((masks * x) @ W.T + b)

    scaled = softmax(W @ (float(1 - p) * x) + b)
    mean = geometric_mean(network, 9, p, normalize=True)
    np.testing.assert_allclose(mean, scaled, atol=1e-13)
    if 0 < p < 1:
        assert np.abs(arithmetic_mean(network, 9, p) - scaled).max() > 1e-4


def test_weights_are_not_uniform(rng):
    """The form to reject at p other than 1/2: every subnetwork counts the same."""
    x = 1 + rng.random(6)
    uniform = (enumerate_masks(6) @ x).mean()
    assert arithmetic_mean(lambda masks: masks @ x, 6, 0.5) == pytest.approx(uniform)
    assert abs(arithmetic_mean(lambda masks: masks @ x, 6, 0.2) - uniform) > 1


def test_zeros_in_a_geometric_mean():
    def kept(masks):
        return np.stack([masks[:, 0], np.ones(len(masks))], axis=1)

    assert geometric_mean(kept, 2, 0.5).tolist() == [0, 1]
    assert geometric_mean(kept, 2, 0.5, normalize=True).tolist() == [0, 1]
    assert geometric_mean(kept, 2, 0.0).tolist() == [1, 1]  # no mask that occurs gives 0
    with pytest.raises(ValueError, match="every class is 0"):
        geometric_mean(lambda masks: kept(masks)[:, :1], 2, 0.5, normalize=True)
    with pytest.raises(ValueError, match="at least 0"):
        geometric_mean(lambda masks: -kept(masks), 2, 0.5)


def test_rows_of_a_geometric_mean_are_normalised_each_by_itself(rng):
    table = rng.uniform(0.1, 1, size=(8, 2, 3))  # masks, rows, classes
    places = np.array([4, 2, 1])
    found = geometric_mean(lambda masks: table[masks @ places], 3, 0.5, normalize=True)
    logs = np.log(table).mean(axis=0)
    np.testing.assert_allclose(found, np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True))


def test_geometric_mean_does_not_underflow():
    def tiny(masks):
        return np.broadcast_to(np.exp([-700.0, -701.0]), (len(masks), 2))

    expected = softmax(np.array([0.0, -1.0]))
    np.testing.assert_allclose(geometric_mean(tiny, 3, 0.5, normalize=True), expected)


def test_large_values_come_in_small_chunks():
    """Values of 2 MB are looked at 16 at a time, not 4096."""
    seen = []

    def f(masks):
        seen.append(len(masks))
        return np.broadcast_to(masks.sum(axis=1)[:, None], (len(masks), 1 << 18))

    mean = arithmetic_mean(f, 6, 0.5)
    assert max(seen) == 16
    assert (mean == 3).all()


@pytest.mark.parametrize("mean", MEANS)
def test_what_takes_too_long_is_refused_with_an_estimate(mean, make_net):
    message = r"2\^60 = 1.2e\+18 subnetworks: about .* seconds, .* max_seconds=60, and .* bytes"
    for f in (make_net(60, head=softmax), lambda masks: masks[:, 0]):
        with pytest.raises(ValueError, match=message):
            mean(f, 60, 0.3)


def test_the_estimate_is_no_more_than_all_masks_at_the_pace_of_the_first(make_net):
    start = time.perf_counter()
    with pytest.raises(ValueError, match="about") as refused:
        arithmetic_mean(make_net(60), 60, 0.3)
    seconds = float(re.search("about (.*?) seconds", str(refused.value))[1])
    assert seconds <= 1.05 * (time.perf_counter() - start) * 2.0**60  # two digits are told


def test_patience_is_a_choice(make_net):
    net = make_net(15)
    with pytest.raises(ValueError, match="max_seconds=1e-09"):
        arithmetic_mean(net, 15, 0.3, max_seconds=1e-9)
    assert np.array_equal(
        arithmetic_mean(net, 15, 0.3, max_seconds=math.inf), arithmetic_mean(net, 15, 0.3)
    )


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize(
    ("f", "n", "p", "error", "message"),
    [
        (len, 3, 1.5, ValueError, "p=1.5"),
        (len, -1, 0.5, ValueError, "n=-1"),
        (len, 2.0, 0.5, TypeError, "n=2.0"),
        (lambda masks: 1.0, 3, 0.5, ValueError, "one value for each of 1 masks"),
        (lambda masks: np.ones(1), 3, 0.5, ValueError, "one value for each of 8 masks"),
        (lambda masks: np.full(len(masks), np.nan), 3, 0.5, ValueError, "finite"),
    ],
)
def test_bad_input_is_refused(mean, f, n, p, error, message):
    with pytest.raises(error, match=message):
        mean(f, n, p)


def test_net_s_shapes_are_checked(make_net):
    with pytest.raises(ValueError, match=r"the net has 4 inputs, got n=5"):
        arithmetic_mean(make_net(4), 5, 0.5)
    with pytest.raises(ValueError, match=r"must have the shapes .* \(2, 4\)"):
        OneHiddenLayer(np.ones(3), np.ones((2, 4)), np.ones(2), np.ones((1, 2)), np.ones(1))


@pytest.mark.parametrize("shape", [(0,), (1,), (5,), (6, 3), (4, 2, 3)])
@pytest.mark.parametrize("chunk", [1, 2, 3, 12])
def test_subset_sums_in_the_order_of_masks(shape, chunk, rng):
    terms = rng.integers(-99, 99, size=shape)
    start = rng.integers(-99, 99, size=shape[1:])
    expected = np.tensordot(enumerate_masks(shape[0]), terms, 1) + start
    assert np.array_equal(subset_sums(terms, start), expected)
    parts = [part.copy() for part in iterate_subset_sums(terms, start, chunk)]
    assert np.array_equal(np.concatenate(parts), expected)
    assert max(map(len, parts)) <= 2**chunk


def test_subset_sums_keep_exact_numbers():
    assert subset_sums([True, True]).tolist() == [0, 1, 1, 2]
    assert subset_sums([1, 2], 0.5).tolist() == [0.5, 1.5, 2.5, 3.5]
    thirds = np.array([Fraction(1, 3), Fraction(2, 3)])
    assert subset_sums(thirds, Fraction(1)).tolist() == [1, Fraction(4, 3), Fraction(5, 3), 2]
    assert subset_sums(np.float32([0.5])).dtype == np.float32


def test_subset_sums_refuse_bad_input():
    with pytest.raises(ValueError, match="an array of rows, got a number, terms=array"):
        subset_sums(3.0)
    with pytest.raises(ValueError, match="chunk=0"):
        next(iterate_subset_sums([1, 2], chunk=0))


@PS
def test_weight_scaling_is_exact_for_a_linear_function(p, rng):
    tensor = rng.standard_normal((7, 2, 3))

    def f(masks):
        return np.tensordot(masks, tensor, 1)

    scaled = weight_scaled(f, 7, p).astype(float)
    np.testing.assert_allclose(scaled, arithmetic_mean(f, 7, p), atol=1e-13)


def test_weight_scaling_of_a_net(make_net):
    net = make_net(6, head=softmax)
    hidden = np.maximum(0.7 * net.terms.sum(axis=0) + net.b, 0)
    np.testing.assert_allclose(
        weight_scaled(net, 6, 0.3), softmax(net.V @ hidden + net.c), rtol=1e-13
    )


def test_weight_scaling_is_exact_in_fractions():
    x = np.array([Fraction(1, 3), Fraction(5)])
    assert weight_scaled(lambda masks: masks @ x, 2, Fraction(1, 4)) == Fraction(4)


@PS
def test_parts_of_the_ambiguity(p, make_net):
    """Against sums written out; two outputs and a target for each."""
    net, target = make_net(8, outputs=2), np.array([0.3, -1.0])
    values, weights = net(enumerate_masks(8)), mask_weights(enumerate_masks(8), p).astype(float)
    mean = weights @ values
    parts = ambiguity(net, target, 8, p)
    np.testing.assert_allclose(parts.ensemble_error, (mean - target) ** 2, atol=1e-12)
    np.testing.assert_allclose(parts.member_error, weights @ (values - target) ** 2, atol=1e-12)
    np.testing.assert_allclose(parts.diversity, weights @ (values - mean) ** 2, atol=1e-12)
    assert (parts.diversity >= 0).all()


@PS
def test_gap_of_each_relu(p, make_net):
    net = make_net(9, hidden=6)
    x, W = np.ones(9), net.terms.T
    z = enumerate_masks(9) @ W.T + net.b
    weights = mask_weights(enumerate_masks(9), p).astype(float)
    expected = weights @ np.maximum(z, 0) - np.maximum(weights @ z, 0)
    gap = relu_gap(x, W, net.b, p)
    np.testing.assert_allclose(gap, expected, atol=1e-13)
    assert (gap >= 0).all()
    if p in (0, 1):
        np.testing.assert_allclose(gap, 0, atol=1e-15)


def test_constant_of_the_sigmoid_gap():
    """Half the largest second derivative, on a fine grid."""
    s = 1 / (1 + np.exp(-np.linspace(-10, 10, 2_000_001)))
    largest = np.abs(s * (1 - s) * (1 - 2 * s)).max() / 2
    np.testing.assert_allclose(sigmoid_gap_bound([0, 1, 4]), [0, largest, 4 * largest], rtol=1e-10)


def test_scaling_refuses_bad_input(make_net):
    with pytest.raises(ValueError, match=r"p=-0\.1"):
        weight_scaled(len, 3, -0.1)
    with pytest.raises(ValueError, match="one value a mask"):
        weight_scaled(lambda masks: 1.0, 3, 0.5)
    with pytest.raises(ValueError, match="variance"):
        sigmoid_gap_bound([1.0, -1e-9])
    with pytest.raises(ValueError, match="variance"):
        sigmoid_gap_bound(np.nan)
    with pytest.raises(ValueError, match=r"\(2,\), or be a number, got shape \(3,\)"):
        ambiguity(make_net(3, outputs=2), np.ones(3), 3, 0.5)
    with pytest.raises(ValueError, match="must have the shapes"):
        relu_gap(np.ones(3), np.ones((2, 4)), np.ones(2), 0.5)


@pytest.mark.parametrize("n", [0, 1, 3, 6, 7])
def test_chunks_are_the_enumeration_cut_up(n):
    chunks = list(iterate_masks(n, chunk=3))
    assert np.array_equal(np.vstack(chunks), enumerate_masks(n))
    assert {len(masks) for masks in chunks} == {2 ** min(n, 3)}


def test_chunks_of_more_units_than_fit_in_memory():
    assert next(iterate_masks(200)).shape == (4096, 200)


@pytest.mark.parametrize("module", [averages, scaling, subnetworks])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
