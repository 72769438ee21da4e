"""NumPy layers: one pass, one mask, and the edge cases where implementations differ."""

import copy
import pickle

import numpy as np
import pytest
from test_masks import BAD_P

import dropcheck
from dropoutlib import kernels, layers
from dropoutlib.layers import Dropout, StandardDropout

BOTH = pytest.mark.parametrize("layer", [Dropout, StandardDropout])


@BOTH
@pytest.mark.parametrize(("p", "error"), BAD_P)
def test_bad_probability_is_refused_at_construction_and_later(layer, p, error):
    with pytest.raises(error, match="got p="):
        layer(p)
    made = layer(0.3)
    with pytest.raises(error, match="got p="):
        made.p = p
    assert made.p == 0.3


@BOTH
@pytest.mark.parametrize("rng", [np.random, 0.5, "seed"])
def test_bad_generator_is_refused(layer, rng):
    with pytest.raises(TypeError, match="rng must be"):
        layer(0.5, rng=rng)


def test_every_output_is_zero_or_scaled(rng):
    x = rng.standard_normal((30, 40))
    y = Dropout(0.3, rng=rng).forward(x)
    kept = y != 0
    assert 0 < kept.sum() < x.size
    assert np.array_equal(y[kept], (x * (1 / 0.7))[kept])


@BOTH
def test_backward_uses_the_mask_of_forward(layer, rng):
    x, grad = rng.standard_normal((2, 30, 40))
    made = layer(0.4, rng=rng)
    y = made.forward(x)
    report = dropcheck.gradient(
        lambda z: np.sum(z * np.where(y != 0, y / x, 0) * grad), made.backward(grad), x
    )
    assert report
    fresh = np.where(layer(0.4, rng=rng).forward(x) != 0, grad, 0)
    assert not dropcheck.gradient(lambda z: np.sum(z * (y / x) * grad), fresh, x)


@BOTH
def test_backward_keeps_to_the_pass_whatever_the_mode_is_now(layer, rng):
    x = rng.standard_normal((5, 6))
    made = layer(0.5, rng=rng)
    trained = made.backward(np.ones_like(x)) if made.forward(x) is not None else None
    assert np.array_equal(made.eval().backward(np.ones_like(x)), trained)


@BOTH
def test_train_and_eval_return_the_layer_and_switch(layer, rng):
    made, x = layer(0.5, rng=rng), np.ones((50, 50))
    assert made.training
    assert made.eval() is made
    assert not made.training
    still = made.forward(x)
    assert np.array_equal(still, made.forward(x))
    assert made.train() is made
    assert (made.forward(x) == 0).any()  # p was not lost on the way
    assert not made.train(False).training
    with pytest.raises(TypeError, match="mode=1"):
        made.train(1)


def test_identity_returns_the_input_itself():
    for x in (np.ones((2, 3)), np.arange(3), np.array([True, False])):
        assert Dropout(0.5).eval().forward(x) is x
        assert Dropout(0.0).forward(x) is x
        assert StandardDropout(0.0).forward(x) is x
        assert Dropout(0.0).eval().forward(x) is x


@BOTH
@pytest.mark.parametrize("x", [np.ones((2, 3)), np.arange(6)])
def test_everything_dropped_is_zero_in_value_and_gradient(layer, x):
    made = layer(1.0)
    assert not made.forward(x).any()
    assert not made.backward(np.ones(x.shape)).any()
    assert made.forward(x).dtype == x.dtype


@BOTH
@pytest.mark.parametrize("dtype", [int, bool, complex])
def test_other_than_floating_point_is_refused(layer, dtype):
    made = layer(0.5, rng=0)
    with pytest.raises(TypeError, match=r"p=0\.5.*must be floating point, got"):
        made.forward(np.ones(3, dtype=dtype))
    with pytest.raises(RuntimeError, match="needs a forward"):
        made.backward(np.ones(3))  # nothing was remembered of the pass that failed


@BOTH
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_the_mask_does_not_depend_on_it(layer, dtype):
    y = layer(0.3, rng=7).forward(np.ones((20, 20), dtype=dtype))
    assert y.dtype == dtype
    assert np.array_equal(y != 0, layer(0.3, rng=7).forward(np.ones((20, 20))) != 0)
    assert layer(0.3).eval().forward(np.ones(3, dtype=dtype)).dtype == dtype


@BOTH
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_order_of_strides_is_kept_and_the_input_unchanged(layer, axes, rng):
    x = rng.standard_normal((4, 5, 6)).transpose(axes)
    before = x.copy()
    y = layer(0.5, rng=rng).forward(x)
    assert y.strides == x.strides
    assert np.array_equal(x, before)
    sliced = x[::2, :, 1:]
    assert layer(0.5, rng=rng).forward(sliced).shape == sliced.shape


@BOTH
@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_empty_and_scalar_inputs(layer, shape):
    made = layer(0.5, rng=0)
    assert made.forward(np.ones(shape)).shape == shape
    assert made.backward(np.ones(shape)).shape == shape


@BOTH
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", [kernels.BLOCK, kernels.BLOCK + 1, (3, kernels.BLOCK)])
def test_large_outputs_begin_with_a_line_of_the_cache(layer, size, dtype, rng):
    x = rng.standard_normal(size).astype(dtype)
    made = layer(0.3, rng=4)
    y, mask = made.forward(x), made._last[1]
    assert y.dtype == x.dtype
    assert y.flags.c_contiguous
    assert y.flags.writeable
    if x.size > kernels.BLOCK:
        assert y.ctypes.data % 64 == 0  # bytes of a cache line
    wide = np.promote_types(dtype, "float32").type
    assert np.array_equal(y, ((x * mask).astype(wide) * wide(made._last[2])).astype(dtype))


def test_tiny_probability_leaves_the_values():
    x = np.linspace(1, 2, 1000, dtype=np.float32)
    assert np.array_equal(Dropout(1e-10, rng=0).forward(x), x)


def test_dropped_infinity_becomes_nan_as_in_pytorch():
    with np.errstate(invalid="ignore"):
        y = Dropout(0.5, rng=0).forward(np.full(100, np.inf))
    assert np.isnan(y).any()
    assert np.isinf(y).any()


@BOTH
def test_backward_refuses_a_wrong_shape_or_no_pass(layer):
    made = layer(0.5, rng=0)
    with pytest.raises(RuntimeError, match=r"p=0\.5.*needs a forward"):
        made.backward(np.ones(3))
    made.forward(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"needs the shape \(2, 3\).*got \(3,\)"):
        made.backward(np.ones(3))


def test_masks_differ_by_call_and_repeat_by_seed():
    x = np.ones((64, 64))
    one, other = Dropout(0.5, rng=3), Dropout(0.5, rng=3)
    first = one.forward(x)
    assert np.array_equal(first, other.forward(x))
    assert not np.array_equal(first, one.forward(x))
    assert not np.array_equal(Dropout(0.5).forward(x), Dropout(0.5).forward(x))


@BOTH
def test_copies_go_their_own_way_from_the_same_state(layer):
    made = layer(0.5, rng=1)
    made.forward(np.ones(10))
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert repr(twin) == repr(made) == f"{layer.__name__}(p=0.5)"
        expected = copy.deepcopy(made).forward(np.ones(100))
        assert np.array_equal(twin.forward(np.ones(100)), expected)


def test_one_byte_a_unit_is_kept_for_backward():
    made = Dropout(0.5, rng=0)
    made.forward(np.ones((100, 100), dtype=np.float32))
    _, mask, _ = made._last
    assert mask.nbytes == 100 * 100


def test_public_names_are_complete_and_sorted():
    assert layers.__all__ == sorted(layers.__all__)
    assert all(getattr(layers, name) for name in layers.__all__)
