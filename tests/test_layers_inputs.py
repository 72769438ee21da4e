"""What people pass to NumPy layers: integers, half precision, masks, odd strides, the ends."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from test_layers_variants import VARIANTS

from book.ensemble import arithmetic_mean, subset_sums
from book.gradients import expected_gradient, gradient_covariance, linear_backward
from dropoutlib import kernels, layers
from dropoutlib.layers import (
    AlphaDropout,
    ConcreteDropout,
    DropConnect,
    Dropout,
    Dropout1d,
    DropPath,
    GaussianDropout,
    StandardDropout,
    dropblock_rate,
)
from dropoutlib.masks import mask_weights, sample_mask

EVERY = {
    **{name: (layer, shape) for name, (layer, shape, _) in VARIANTS.items()},
    "dropout": (Dropout(0.4), (4, 5)),
    "dropout, packed": (Dropout(0.4, packed=True), (4, 5)),
    "standard": (StandardDropout(0.4), (4, 5)),
    "concrete": (ConcreteDropout(0.4), (4, 5)),
    "connect": (DropConnect(np.ones((5, 5)), np.ones(5), 0.4), (4, 5)),
}
NEXT_TO_0, NEXT_TO_1 = np.nextafter(0, 1), np.nextafter(1, 0)
LARGEST = 65504  # of half precision


@pytest.fixture(params=EVERY)
def made(request, rng):
    layer, shape = EVERY[request.param]
    layer = copy.deepcopy(layer)
    layer.rng = rng
    return layer, rng.standard_normal(shape)


@pytest.mark.parametrize("dtype", [int, np.int8, bool])
def test_integer_gradients_are_right_or_refused_in_words(made, dtype):
    layer, x = made
    ones = np.ones(layer.forward(x).shape)
    expected = layer.backward(ones)
    if isinstance(layer, DropConnect):  # multiplies weights, and widens what is short
        assert np.array_equal(layer.backward(ones.astype(dtype)), expected)
    elif layer._last[-1] != 1 or isinstance(layer, GaussianDropout):
        with pytest.raises(TypeError, match="gradient, which must be floating point"):
            layer.backward(ones.astype(dtype))
    else:  # a mask of ones and zeros alone
        assert np.array_equal(layer.backward(ones.astype(dtype)), expected)


def test_what_rests_on_masked_entries_is_refused(made):
    layer, x = made
    masked = np.ma.masked_less(x, 0)
    with pytest.raises(TypeError, match=r"\.filled\(0\)"):
        layer.forward(masked)
    layer.forward(x)
    with pytest.raises(TypeError, match="masked"):
        layer.backward(masked)


def test_any_order_of_memory_gives_the_same_numbers(made):
    layer, x = made
    state = copy.deepcopy(layer.rng)
    outputs = []
    wide = np.repeat(x, 2, axis=-1)
    for same in (
        x,
        np.asfortranarray(x),
        wide[..., ::2],
        x[::-1][::-1],
        x.astype(">f8"),
        x.tolist(),
    ):
        layer.rng = copy.deepcopy(state)
        y = layer.forward(same)
        grad = np.asfortranarray(np.ones(y.shape))
        outputs.append((np.array(y), layer.backward(grad)))
    for output in outputs[1:]:
        for found, expected in zip(output, outputs[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_a_matrix_becomes_an_array(rng):
    x = np.ones((4, 6)).view(np.matrix)
    y = Dropout(0.5, rng=3).forward(x)
    assert type(y) is np.ndarray
    assert np.array_equal(y, Dropout(0.5, rng=3).forward(np.ones((4, 6))))


def test_no_rows_give_no_rows(made):
    layer, x = made
    rows = x[:0]
    y = layer.forward(rows)
    assert y.shape == rows.shape
    assert layer.backward(np.ones_like(y)).shape == rows.shape


def test_copies_and_pickles_draw_on_from_the_same_state(made):
    layer, x = made
    layer.forward(x)
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    expected = layer.forward(x)
    for twin in twins:
        with pytest.raises(RuntimeError, match="needs a forward"):
            twin.backward(x)
        assert np.array_equal(twin.forward(x), expected)


@pytest.mark.parametrize("p", [NEXT_TO_0, NEXT_TO_1])
def test_the_neighbours_of_0_and_1_drop_nothing_and_all(p, rng):
    x = rng.standard_normal((100, 100))
    for layer in (Dropout(p, rng=rng), StandardDropout(p, rng=rng), DropPath(p, rng=rng)):
        y = layer.forward(x)
        assert np.array_equal(y, x if p < 0.5 else 0 * x)
        assert np.array_equal(layer.backward(x), y)


@pytest.mark.parametrize("kind", [Dropout, DropPath, Dropout1d, GaussianDropout])
def test_zero_stays_zero_where_the_scale_is_beyond_half_precision(kind):
    """1/q is infinite there; infinity times zero would be NaN."""
    x = np.zeros((50, 50, 2), dtype=np.float16)
    layer = kind(1 - 1e-6, rng=0)
    y = layer.forward(x)
    assert y.dtype == np.float16
    assert not y.any()
    assert not layer.backward(x).any()


def test_products_beyond_half_precision_are_right_where_the_result_is_not():
    x = np.full((2000, 2), 1e-3, dtype=np.float16)
    layer = DropPath(1 - 1e-5, rng=0)
    layer.rng = np.random.default_rng(next(s for s in range(99) if _keeps(s)))
    y = layer.forward(x)
    assert set(np.unique(y)) == {0, np.float16(np.float32(np.float16(1e-3)) * np.float32(1e5))}


def _keeps(seed):
    return sample_mask((2000, 1), 1 - 1e-5, rng=seed).any()


def test_alpha_dropout_in_half_precision_is_that_of_double():
    x = np.full(4000, LARGEST / 8, dtype=np.float16)
    with np.errstate(over="ignore"):
        low = AlphaDropout(0.99, rng=1).forward(x)
        high = AlphaDropout(0.99, rng=1).forward(x.astype(float)).astype(np.float16)
    assert np.array_equal(low, high)


def test_dropconnect_in_half_precision_is_its_bias_where_all_weights_drop():
    layer = DropConnect(np.ones((2, 3), np.float16), np.ones(2, np.float16), NEXT_TO_1, rng=0)
    assert np.array_equal(layer.forward(np.ones((4, 3), np.float16)), np.ones((4, 2)))
    assert not layer.backward(np.ones((4, 2), np.float16)).any()


def test_dropconnect_of_short_integers_does_not_wrap_around():
    layer = DropConnect(np.full((1, 2), 100, np.int8), None, 1e-9, rng=0)
    assert layer.forward(np.full((1, 2), 100, np.int8)).tolist() == [[pytest.approx(20000)]]
    assert layer.backward(np.full((1, 1), 100, np.int8)).tolist() == [[pytest.approx(10000)] * 2]
    assert layer.weight_grad.tolist() == [[pytest.approx(10000)] * 2]


def test_infinity_and_nan_pass_where_they_are_kept():
    x = np.array([np.inf, -np.inf, np.nan] * 100)
    layer = Dropout(0.5, rng=0)
    with np.errstate(invalid="ignore"):
        y = layer.forward(x)
    kept = layer._last[1]
    assert np.array_equal(y[kept], x[kept], equal_nan=True)
    assert np.isnan(y[~kept]).all()


@pytest.mark.parametrize("training", [True, False])
def test_sparse_arrays_are_refused(training):
    sparse = pytest.importorskip("scipy.sparse")
    layer = Dropout(0.5, rng=0)
    layer.training = training
    with pytest.raises(TypeError, match=r"sparse one \(csr_array\); pass x.toarray\(\)"):
        layer.forward(sparse.csr_array(np.eye(3)))


def test_fractions_are_refused_by_layers_and_exact_in_closed_forms():
    with pytest.raises(TypeError, match="floating point, got object"):
        Dropout(0.5, rng=0).forward(np.array([Fraction(1, 3)]))
    third = Fraction(1, 3)
    assert mask_weights([[True, False]], third).tolist() == [Fraction(2, 9)]
    assert mask_weights([[1, 0]], np.float16(0.1)).dtype == float  # and no longer of p's dtype
    assert mask_weights([[True]], 1).dtype == float


def test_short_integers_do_not_wrap_around():
    W, x = np.array([[100]], np.int8), np.array([100], np.int8)
    assert expected_gradient(W, x[None], [[0]], 0.5).tolist() == [[2e6]]
    assert gradient_covariance(W, x, [0], 0.5).shape == (1, 1, 1, 1)
    huge = 1 << 40
    exact = expected_gradient([[huge]], [[huge]], [[0]], Fraction(1, 2))
    assert exact.tolist() == [[2 * huge**3]]
    grad, _ = linear_backward([[huge]], [huge], [True], [huge], Fraction(1, 2))
    assert grad.tolist() == [[2 * huge**2]]
    assert subset_sums(np.array([100, 100], np.int8)).tolist() == [0, 100, 100, 200]
    assert subset_sums(np.array([200, 200], np.uint8), start=-1).tolist() == [-1, 199, 199, 399]
    assert [type(number) for number in subset_sums([Fraction(1, 3)])] == [int, Fraction]


def test_rates_too_small_to_be_seen_beside_one():
    assert dropblock_rate(1e-20, 3, 6, 6) == pytest.approx(
        dropblock_rate(1e-6, 3, 6, 6) * 1e-14, rel=1e-4
    )
    assert dropblock_rate(1.0, 3, 6, 6) == 1.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: DropConnect(np.ones((2, 3), complex)),
            TypeError,
            "real numbers, got a weight",
        ),
        (lambda: DropConnect(np.ones((2, 3)), [1j, 0]), TypeError, "real numbers, got a bias"),
        (lambda: ConcreteDropout(0.5, np.inf), ValueError, "temperature=inf"),
        (lambda: arithmetic_mean(lambda m: m @ [1j], 1, 0.5), ValueError, "real numbers"),
        (lambda: kernels.scaled_product(np.ones(3, int), None, 2.0), TypeError, "floating point"),
    ],
)
def test_what_gave_a_number_without_a_meaning_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_seeded_layer_draws_new_masks_and_two_of_one_seed_draw_alike():
    x = np.ones(1000)
    one, other = Dropout(0.5, rng=7), Dropout(0.5, rng=7)
    drawn = [one.forward(x) for _ in range(3)]
    assert all(np.array_equal(y, other.forward(x)) for y in drawn)
    assert not np.array_equal(drawn[0], drawn[1])
    assert isinstance(one.rng, np.random.Generator)
    assert "two layers of one seed draw alike" in " ".join(layers.Layer.__doc__.split())
