"""Torch modules: NumPy's layers on the same mask, and at home wherever torch's own are."""

import copy
import io
import itertools

import numpy as np
import pytest
import torch
from test_masks import BAD_P
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.checkpoint import checkpoint

import dropcheck
from dropoutlib import layers, nn
from dropoutlib.layers import units
from dropoutlib.nn import functional

BOTH = pytest.mark.parametrize("module", [nn.Dropout, nn.StandardDropout])
FUNCTIONS = pytest.mark.parametrize("function", [functional.dropout, functional.standard_dropout])


@BOTH
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(20, 30), (200, 300)])
def test_numpy_layer_agrees_on_the_same_mask(module, training, shape, rng, seed, monkeypatch):
    """Output and gradient, to the last bit; the larger input has a backward pass of its own."""
    torch.manual_seed(seed)
    x = rng.standard_normal(shape)
    leaf = torch.from_numpy(x).requires_grad_()
    y = module(0.3).train(training)(leaf)
    y.backward(torch.ones_like(y))
    monkeypatch.setattr(units, "sample_mask", lambda *_, **__: y.detach().numpy() != 0)
    layer = getattr(layers, module.__name__)(0.3).train(training)
    assert np.array_equal(layer.forward(x), y.detach().numpy())
    assert np.array_equal(layer.backward(np.ones_like(x)), leaf.grad.numpy())


@BOTH
@pytest.mark.parametrize(("p", "error"), [*BAD_P, (torch.tensor(0.5), ValueError)])
def test_bad_probability_is_refused_as_torch_does(module, p, error):
    text = "dropout probability has to be between 0 and 1, but got"
    with pytest.raises(error, match=text):
        module(p)
    changed = module(0.5)
    changed.p = p
    with pytest.raises(error, match=text):
        changed(torch.ones(3))


@pytest.mark.parametrize("p", [0.1, 0.9])
def test_rate_and_scale(p, seed):
    torch.manual_seed(seed)
    y = nn.Dropout(p)(torch.ones(1_000_000))
    dropped = int((y == 0).sum())
    assert dropcheck.rate_test(dropped, 1_000_000, p, wrong=1 - p)
    assert torch.equal(y[y != 0].unique(), torch.ones(1) * (1 / (1 - p)))


def test_it_is_found_as_torchs_own_and_looks_like_it():
    assert isinstance(nn.Dropout(), torch.nn.Dropout)
    assert isinstance(nn.StandardDropout(), _DropoutNd)
    assert repr(nn.Dropout(0.3)) == repr(torch.nn.Dropout(0.3)) == "Dropout(p=0.3, inplace=False)"
    assert not nn.Dropout().state_dict()


def test_identity_returns_the_same_tensor():
    for x in (torch.ones(3), torch.arange(3), torch.ones(2, dtype=torch.complex64)):
        assert nn.Dropout(0.5).eval()(x) is x
        assert nn.Dropout(0.0)(x) is x
    empty = torch.empty(0, 3)
    assert nn.Dropout(0.5)(empty) is empty


@BOTH
def test_everything_dropped_has_zero_gradient(module):
    x = torch.randn(3, 4, requires_grad=True)
    y = module(1.0)(x)
    y.sum().backward()
    assert not y.any()
    assert not x.grad.any()


@BOTH
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_other_than_floating_point_is_refused(module, dtype):
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        module(0.5)(torch.ones(3, dtype=dtype))


@BOTH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtype_is_kept_and_the_mask_does_not_depend_on_it(module, dtype, seed):
    torch.manual_seed(seed)
    y = module(0.3)(torch.ones(50, 50, dtype=dtype))
    torch.manual_seed(seed)
    reference = module(0.3)(torch.ones(50, 50, dtype=torch.float64))
    assert y.dtype == dtype
    assert torch.equal(y != 0, reference != 0)


@BOTH
@pytest.mark.parametrize("axes", list(itertools.permutations(range(4))))
def test_every_dense_layout_is_kept(module, axes):
    x = torch.randn(2, 3, 4, 5).permute(axes)
    assert module(0.5)(x).stride() == x.stride()
    sliced = x[..., 1:]
    assert module(0.5)(sliced).shape == sliced.shape


@BOTH
def test_inplace_changes_the_input_and_says_so_to_autograd(module):
    x = torch.ones(100)
    version = x._version
    y = module(0.5, inplace=True)(x)
    assert y.data_ptr() == x.data_ptr()
    assert x._version > version
    assert (x == 0).any()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        module(0.5, inplace=True)(torch.ones(3, requires_grad=True))


@BOTH
def test_gradients_of_first_and_second_order(module):
    x = torch.randn(6, dtype=torch.float64, requires_grad=True)

    def once(z):
        generator = torch.Generator().manual_seed(1)
        return module(0.5, generator=generator)(z) ** 3

    assert torch.autograd.gradcheck(once, x)
    assert torch.autograd.gradgradcheck(once, x)


@BOTH
def test_at_most_one_byte_a_unit_is_saved(module):
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module(0.5)(torch.randn(100, 100, requires_grad=True))
    assert sum(tensor.nbytes for tensor in saved) == 100 * 100


def test_what_is_saved_changes_no_mask(seed):
    """Of less than 8 KiB torch keeps the noise itself, in four bytes a unit: it is quicker."""
    for size, nbytes in ((256, 4 * 256), (2047, 4 * 2047), (2048, 2048), (5000, 5000)):
        x = torch.ones(size, requires_grad=True)
        masks, saved = [], []
        with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda tensor: tensor):
            for context in (torch.enable_grad, torch.no_grad):
                torch.manual_seed(seed)
                with context():
                    masks.append(nn.Dropout(0.3)(x).detach())
        assert torch.equal(*masks)
        assert sum(tensor.nbytes for tensor in saved) == nbytes


@BOTH
def test_manual_seed_fork_and_generator_rule_the_mask(module):
    x, made = torch.ones(1000), module(0.5)
    torch.manual_seed(3)
    first, second = made(x), made(x)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    with torch.random.fork_rng():
        made(x)
    assert torch.equal(made(x), first)
    own = module(0.5, generator=torch.Generator().manual_seed(4))
    state = torch.get_rng_state()
    drawn = own(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(module(0.5, generator=torch.Generator().manual_seed(4))(x), drawn)


@BOTH
def test_checkpointing_draws_the_mask_again(module, seed):
    weight = torch.randn(20, 20)
    net = torch.nn.Sequential(module(0.5), torch.nn.Linear(20, 20), module(0.5))

    def gradient(run):
        torch.manual_seed(seed)
        leaf = weight.clone().requires_grad_()
        run(leaf).sum().backward()
        return leaf.grad

    plain = gradient(net)
    assert torch.equal(gradient(lambda leaf: checkpoint(net, leaf, use_reentrant=False)), plain)


@FUNCTIONS
def test_vmap_in_every_mode_of_randomness(function):
    x = torch.ones(4, 64)

    def draw(row):
        return function(row, 0.5)

    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(draw, randomness="error")(x)
    same = torch.vmap(draw, randomness="same")(x)
    assert torch.equal(same, same[:1].expand(4, 64))
    different = torch.vmap(draw, randomness="different")(x)
    assert len(different.unique(dim=0)) == 4


@BOTH
def test_copies_and_pickles(module):
    made = module(0.25, inplace=True).eval()
    stored = io.BytesIO()
    torch.save(made, stored)
    stored.seek(0)
    for twin in (copy.deepcopy(made), torch.load(stored, weights_only=False)):
        assert (twin.p, twin.inplace, twin.training) == (0.25, True, False)


@BOTH
def test_mode_is_of_the_parent_and_p_survives(module):
    net = torch.nn.Sequential(torch.nn.Identity(), module(0.5))
    x = torch.ones(1000)
    assert torch.equal(net.eval()(x), net(x))
    assert (net.train()(x) == 0).any()


def test_functions_are_on_by_default_and_off_on_request():
    x = torch.ones(1000)
    assert (functional.dropout(x) == 0).any()
    assert functional.dropout(x, training=False) is x
    assert torch.equal(functional.standard_dropout(x, 0.25, training=False), 0.75 * x)


def test_scalars():
    assert nn.Dropout(0.5)(torch.tensor(1.0)).shape == ()


def test_public_names_are_complete_and_sorted():
    for module in (nn, functional):
        assert module.__all__ == sorted(module.__all__, key=lambda name: (name.islower(), name))
        assert all(getattr(module, name) for name in module.__all__)
