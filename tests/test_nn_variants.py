"""Torch variants: the mask of the NumPy layer, its numbers, and torch's errors and warnings."""

import copy
import inspect
import itertools
import math
import warnings

import numpy as np
import pytest
import torch
from test_masks import BAD_P
from torch.nn.modules.dropout import _DropoutNd

import dropcheck
from dropoutlib import layers, nn
from dropoutlib.layers import alpha, base, units
from dropoutlib.nn import functional

# module: (shape of the input, shape of the mask)
SHAPES = {
    nn.Dropout1d: ((4, 5, 3), (4, 5, 1)),
    nn.Dropout2d: ((4, 5, 3, 2), (4, 5, 1, 1)),
    nn.Dropout3d: ((4, 5, 3, 2, 2), (4, 5, 1, 1, 1)),
    nn.AlphaDropout: ((4, 5, 3, 2), (4, 5, 3, 2)),
    nn.FeatureAlphaDropout: ((4, 5, 3, 2), (4, 5, 1, 1)),
    nn.DropPath: ((4, 5, 3, 2), (4, 1, 1, 1)),
}
VARIANTS = pytest.mark.parametrize("module", SHAPES)
NOISY = pytest.mark.parametrize("module", [*SHAPES, nn.GaussianDropout])
INPLACE = pytest.mark.parametrize(
    "module", [*(module for module in SHAPES if module is not nn.DropPath), nn.GaussianDropout]
)
# function: a shape it takes; the layers with parameters have tests of their own
FUNCTIONS = {
    functional.alpha_dropout: (40, 40),
    functional.drop_block2d: (10, 10, 8, 8),
    functional.drop_path: (40, 40),
    functional.dropout: (40, 40),
    functional.dropout1d: (40, 40, 1),
    functional.dropout2d: (40, 40, 1, 1),
    functional.dropout3d: (40, 40, 1, 1, 1),
    functional.feature_alpha_dropout: (40, 40),
    functional.gaussian_dropout: (40, 40),
    functional.standard_dropout: (40, 40),
    functional.variational_dropout: (40, 40, 1),
}


def camel(name):
    return "".join(part[0].upper() + part[1:] for part in name.split("_"))


def defaults(call):
    given = inspect.signature(call).parameters.values()
    return {each.name: each.default for each in given if each.default is not each.empty}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_defaults_are_those_of_the_module_and_of_the_layer(function):
    own, name = defaults(function), camel(function.__name__)
    rate = own["drop_prob" if function is functional.drop_path else "p"]
    assert function(torch.ones(FUNCTIONS[function]), training=True).isfinite().all()
    off = {functional.alpha_dropout, functional.feature_alpha_dropout, functional.drop_path}
    assert own["training"] is (function not in off)  # as in torch and torchvision
    for house in (nn, layers):
        theirs = defaults(getattr(house, name))
        assert getattr(house, name)().p == rate in (0.0, 0.5)
        shared = {"p", "drop_prob", "block_size", "batch_first", "mode"} & set(own) & set(theirs)
        assert {key: own[key] for key in shared} == {key: theirs[key] for key in shared}
        assert shared


def draw(module, x, p=0.3, **options):
    return module(p, **options)(x)


def shape_of(module):
    return SHAPES.get(module, SHAPES[nn.AlphaDropout])[0]


def is_dropped(y, module):
    """Where a module that was given ones has dropped."""
    if "Alpha" in module.__name__:
        return y != y.max()
    return y == 0


@VARIANTS
@pytest.mark.parametrize("p", [0.3, 1.0])
def test_numpy_layer_agrees_on_the_same_mask(module, p, rng, seed, monkeypatch):
    """Output and gradient, to the last bit."""
    shape, mask_shape = SHAPES[module]
    torch.manual_seed(seed)
    dropped = is_dropped(draw(module, torch.ones(shape, dtype=torch.float64), p), module)
    mask = ~dropped.numpy()[tuple(slice(size) for size in mask_shape)]
    if p == 1:
        mask[:] = False
    assert np.array_equal(np.broadcast_to(mask, shape), ~dropped.numpy() & (p < 1))
    torch.manual_seed(seed)
    x = rng.standard_normal(shape)
    leaf = torch.from_numpy(x).requires_grad_()
    y = draw(module, leaf, p)
    y.backward(torch.ones_like(y))
    for where in (base, units):
        monkeypatch.setattr(where, "sample_mask", lambda *_, **__: mask)
    layer = getattr(layers, module.__name__)(p)
    assert np.array_equal(layer.forward(x), y.detach().numpy())
    assert np.array_equal(layer.backward(np.ones_like(x)), leaf.grad.numpy())


@pytest.mark.parametrize(
    ("module", "shape", "mask_shape"),
    [
        (nn.Dropout1d, (200, 3), (200, 1)),
        (nn.Dropout3d, (200, 3, 2, 2), (200, 1, 1, 1)),
        (nn.FeatureAlphaDropout, (20, 30), (20, 30)),
    ],
)
def test_without_a_batch_or_without_a_map(module, shape, mask_shape, seed):
    torch.manual_seed(seed)
    dropped = is_dropped(draw(module, torch.ones(shape), 0.5), module)
    assert torch.equal(dropped, dropped[tuple(map(slice, mask_shape))].expand(shape))
    assert dropped.any()
    assert not dropped.all()


def test_spatial_dropout_of_three_axes_warns_and_drops_rows(seed):
    torch.manual_seed(seed)
    with pytest.warns(UserWarning, match="assuming that channel-wise 1D dropout") as caught:
        y = draw(nn.Dropout2d, torch.ones(20, 30, 4), 0.5)
    assert torch.equal(y, y[:, :, :1].expand(20, 30, 4))
    assert len(y[:, :, 0].unique()) == 2
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("module", "axes", "mask_axes"),
    [(nn.Dropout2d, 2, 2), (nn.Dropout2d, 5, 2), (nn.Dropout3d, 3, 1), (nn.Dropout3d, 6, 1)],
)
def test_unusual_number_of_axes_warns(module, axes, mask_axes, seed):
    torch.manual_seed(seed)
    name = module.__name__.lower()
    x = torch.ones((30,) + (2,) * (axes - 1))
    with pytest.warns(UserWarning, match=f"{name}: Received a {axes}-D input to {name}, which is"):
        y = draw(module, x, 0.5)
    mask_shape = x.shape[:mask_axes] + (1,) * (axes - mask_axes)
    assert torch.equal(y, y[tuple(map(slice, mask_shape))].expand(x.shape))


def test_warnings_point_at_the_caller():
    with pytest.warns(UserWarning, match="dropout2d") as caught:
        functional.dropout2d(torch.ones(2, 3))
    assert caught[0].filename == __file__


@pytest.mark.parametrize("axes", [1, 4])
@pytest.mark.parametrize("training", [True, False])
def test_sequences_have_two_or_three_axes(axes, training):
    text = f"dropout1d: Expected 2D or 3D input, but received a {axes}D input"
    with pytest.raises(RuntimeError, match=text):
        nn.Dropout1d(0.5).train(training)(torch.ones((2,) * axes))


@pytest.mark.parametrize(
    ("module", "shape"),
    [(nn.Dropout2d, (3,)), (nn.Dropout3d, ()), (nn.FeatureAlphaDropout, (3,))],
)
def test_features_need_axes(module, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(RuntimeError, match="Feature dropout requires at least 2 dimensions"):
            draw(module, torch.ones(shape), 0.5)
    with pytest.raises(RuntimeError, match="without axes"):
        draw(nn.DropPath, torch.ones(()), 0.5)


@NOISY
@pytest.mark.parametrize(("p", "error"), [*BAD_P, (torch.tensor(0.5), ValueError)])
def test_bad_probability_is_refused_as_torch_does(module, p, error):
    text = "drop(out)? probability has to be between 0 and 1, but got"
    with pytest.raises(error, match=text):
        module(p)
    changed = module(0.5)
    changed.p = p
    with pytest.raises(error, match=text):
        changed(torch.ones(shape_of(module)))


def test_other_errors():
    with pytest.raises(ValueError, match="either 'batch' or 'row', but got rows"):
        nn.DropPath(mode="rows")
    with pytest.raises(ValueError, match="infinite variance"):
        nn.GaussianDropout(1.0)
    changed = nn.GaussianDropout()
    changed.p = 1.0
    with pytest.raises(ValueError, match="infinite variance"):
        changed(torch.ones(3))


@NOISY
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_other_than_floating_point_is_refused(module, dtype):
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        draw(module, torch.ones(shape_of(module), dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_evaluation_that_scales_refuses_the_same(dtype):
    with pytest.raises(RuntimeError, match=r"training=False\) scales its input"):
        nn.StandardDropout(0.3).eval()(torch.ones(3, dtype=dtype))


def test_they_are_found_as_torchs_own_and_look_like_them():
    for module in (*SHAPES, nn.GaussianDropout):
        assert isinstance(module(), _DropoutNd)
        own = getattr(torch.nn, module.__name__, None)
        if own is not None:
            assert isinstance(module(), own)
            assert repr(module(0.3, True)) == repr(own(0.3, True))
    assert repr(nn.GaussianDropout(0.3)) == "GaussianDropout(p=0.3, inplace=False)"
    assert repr(nn.DropPath(0.123456)) == "DropPath(drop_prob=0.123, mode=row)"


@NOISY
def test_identity_returns_the_same_tensor(module):
    for x in (torch.ones(shape_of(module)), torch.ones(shape_of(module), dtype=torch.int64)):
        assert module(0.5).eval()(x) is x
        assert module(0.0)(x) is x
    empty = torch.empty(0, *shape_of(module)[1:])
    assert module(0.5)(empty) is empty


@VARIANTS
@pytest.mark.parametrize("inplace", [True, False])
def test_everything_dropped_is_zero_with_zero_gradient(module, inplace):
    leaf = torch.randn(shape_of(module), requires_grad=True)
    y = draw(module, leaf * 1, 1.0, **({} if module is nn.DropPath else {"inplace": inplace}))
    y.sum().backward()
    assert not y.any()
    assert torch.equal(leaf.grad, torch.zeros_like(leaf))


@NOISY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtype_is_kept_and_the_mask_does_not_depend_on_it(module, dtype, seed):
    torch.manual_seed(seed)
    y = draw(module, torch.ones(shape_of(module), dtype=dtype))
    assert y.dtype == dtype
    if module is not nn.GaussianDropout:
        torch.manual_seed(seed)
        reference = draw(module, torch.ones(shape_of(module), dtype=torch.float64))
        assert torch.equal(is_dropped(y, module), is_dropped(reference, module))


@NOISY
@pytest.mark.parametrize("axes", list(itertools.permutations(range(4))))
def test_every_dense_layout_is_kept(module, axes):
    x = torch.randn(2, 3, 4, 5).permute(axes)
    if module in (nn.Dropout1d, nn.Dropout3d):
        x = x[:, :, 0] if module is nn.Dropout1d else x[..., None]
    if module is nn.Dropout1d:
        x = x.contiguous().permute(np.argsort(axes[:3]).tolist())
    assert draw(module, x).stride() == x.stride()
    sliced = x[..., 1:, :]
    assert draw(module, sliced).shape == sliced.shape


@INPLACE
def test_inplace_changes_the_input_and_says_so_to_autograd(module):
    x = torch.ones(shape_of(module))
    version = x._version
    y = draw(module, x, 0.9, inplace=True)
    assert y.data_ptr() == x.data_ptr()
    assert x._version > version
    assert not torch.equal(x, torch.ones_like(x))
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        draw(module, torch.ones(shape_of(module), requires_grad=True), inplace=True)


@INPLACE
def test_inplace_gives_the_same_numbers(module, seed):
    x = torch.randn(shape_of(module))
    torch.manual_seed(seed)
    expected = draw(module, x)
    torch.manual_seed(seed)
    assert torch.equal(draw(module, x.clone(), inplace=True), expected)


@NOISY
def test_gradients_of_first_and_second_order(module):
    x = torch.randn([min(size, 2) for size in shape_of(module)], dtype=torch.float64)
    x.requires_grad_()

    def once(z):
        return draw(module, z, 0.5, generator=torch.Generator().manual_seed(1)) ** 3

    assert torch.autograd.gradcheck(once, x)
    assert torch.autograd.gradgradcheck(once, x)


@VARIANTS
def test_what_is_saved_is_at_most_a_byte_a_unit(module):
    shape = shape_of(module)
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        draw(module, torch.randn(shape, requires_grad=True))
    assert 0 < sum(tensor.nbytes for tensor in saved) <= math.prod(shape)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_drop_on_request_and_are_off_on_request(function, seed):
    torch.manual_seed(seed)
    x = torch.ones(FUNCTIONS[function])
    assert not torch.equal(function(x, 0.5, training=True), x)
    if function is not functional.standard_dropout:
        assert function(x, 0.5, training=False) is x


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p, seed):
    """On a million normals, within the normal law of the mean and of the mean square."""
    torch.manual_seed(seed)
    y = nn.AlphaDropout(p)(torch.randn(1_000_000, dtype=torch.float64))
    a, b = alpha.alpha_affine(p)
    dropped = a * alpha.DROPPED + b
    # E y^4 over the mask, with E x^2 = 1 and E x^4 = 3.
    fourth = (1 - p) * (3 * a**4 + 6 * a**2 * b**2 + b**4) + p * dropped**4
    limit = 5  # standard errors; beyond with probability 6e-7
    assert abs(y.mean()) < limit / 1000
    assert abs((y**2).mean() - 1) < limit * math.sqrt(fourth - 1) / 1000


@pytest.mark.parametrize("p", [0.1, 0.9])
def test_rates(p, seed):
    torch.manual_seed(seed)
    for module, shape in ((nn.Dropout1d, (1000, 500, 2)), (nn.DropPath, (500_000, 2))):
        y = draw(module, torch.ones(shape), p)
        groups = y.flatten(0, -2)[:, 0]
        dropped = int((groups == 0).sum())
        assert dropcheck.rate_test(dropped, 500_000, p, wrong=1 - p)
        assert torch.equal(groups[groups != 0].unique(), torch.ones(1) * (1 / (1 - p)))


def test_gaussian_noise_has_the_moments_of_the_mask(seed):
    torch.manual_seed(seed)
    noise = nn.GaussianDropout(0.3)(torch.ones(1_000_000, dtype=torch.float64))
    variance, limit = 0.3 / 0.7, 5
    assert abs(noise.mean() - 1) < limit * math.sqrt(variance) / 1000
    assert abs(((noise - 1) ** 2).mean() - variance) < limit * math.sqrt(2) * variance / 1000


def test_gaussian_noise_agrees_with_numpy_on_the_same_draws(rng, monkeypatch):
    """Output and gradient; NumPy adds the mean in its generator, which may round otherwise."""
    x = rng.standard_normal((6, 7))
    layer = layers.GaussianDropout(0.3, rng=copy.deepcopy(rng))
    drawn = torch.from_numpy(rng.standard_normal(x.shape))  # what the layer will draw
    monkeypatch.setattr(torch, "randn", lambda *_, **__: drawn)
    leaf = torch.from_numpy(x).requires_grad_()
    y = nn.GaussianDropout(0.3)(leaf)
    y.backward(torch.ones_like(y))
    assert np.allclose(layer.forward(x), y.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert np.allclose(layer.backward(np.ones_like(x)), leaf.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_one_draw_a_sample_or_a_batch(seed):
    torch.manual_seed(seed)
    x = torch.ones(2000, 3)
    assert len(nn.DropPath(0.5)(x)[:, 0].unique()) == 2
    assert len(nn.DropPath(0.5, mode="batch")(x).unique()) == 1
    assert nn.DropPath(0.5, scale_by_keep=False)(x).unique().tolist() == [0, 1]


def test_two_names_of_the_path_probability():
    path = nn.DropPath(0.25)
    path.drop_prob = 0.5
    assert path.p == path.drop_prob == 0.5


def test_dropped_weights_are_zero_where_the_kept_ones_overflow_in_half_precision():
    weight, p = torch.full((2, 512), 10.0).half(), 0.9999  # 10 / (1 - p) is beyond 65504
    x = torch.full((3, 512), 0.01).half()
    torch.manual_seed(0)
    assert not functional.dropconnect_linear(x, weight, None, p).isnan().any()
