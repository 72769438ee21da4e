"""Large tensors of the CPU, whose masks NumPy draws: the same behaviour as small ones."""

import functools
import itertools

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import dropcheck
from dropoutlib import nn
from dropoutlib.nn import _masking as sampler
from dropoutlib.nn import functional

# Off by default, as in torch.
alpha_dropout = functools.partial(functional.alpha_dropout, training=True)
SIZE = 4 * sampler.SMALLEST
ELEMENTWISE = pytest.mark.parametrize(
    "function", [functional.dropout, functional.standard_dropout, alpha_dropout]
)


@pytest.fixture(autouse=True)
def seeded(seed):
    torch.manual_seed(seed)


@pytest.fixture
def drawn(monkeypatch):
    """Sizes of the masks that NumPy has drawn."""
    sizes, plain = [], sampler.sample_mask

    def counting(shape, p, *, rng):
        sizes.append(shape)
        return plain(shape, p, rng=rng)

    monkeypatch.setattr(sampler, "sample_mask", counting)
    return sizes


@ELEMENTWISE
def test_numpy_draws_for_large_tensors_only(function, drawn):
    function(torch.ones(SIZE))
    function(torch.ones(sampler.SMALLEST - 1))
    assert drawn == [SIZE]


@pytest.mark.parametrize("p", [0.1, 1 / 3, 1 / 512, 0.9])
def test_rate_and_scale(p):
    y = nn.Dropout(p)(torch.ones(10_000_000))
    assert dropcheck.rate_test(
        int((y == 0).sum()), y.numel(), p, wrong=round(256 * p) / 256 or 1 / 256
    )
    assert torch.equal(y[y != 0].unique(), torch.ones(1) * (1 / (1 - p)))


@pytest.mark.parametrize("p", [1e-10, 1 - 1e-10])
def test_extreme_rates(p):
    """Off by one unit in 32 768 with probability 1e-5 or less: twice that is a fault."""
    y = nn.Dropout(p)(torch.ones(sampler.SMALLEST))
    assert int((y == 0).sum()) in (0, 1) if p < 0.5 else int((y != 0).sum()) in (0, 1)


@ELEMENTWISE
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_mask_does_not_depend_on_dtype_or_grad(function, dtype, seed):
    reference = function(torch.ones(SIZE, dtype=torch.float64))
    for grad in (True, False):
        torch.manual_seed(seed)
        y = function(torch.ones(SIZE, dtype=dtype, requires_grad=grad))
        assert y.dtype == dtype
        assert torch.equal(y == y.min(), reference == reference.min())


@ELEMENTWISE
@pytest.mark.parametrize("axes", list(itertools.permutations(range(4))))
def test_every_dense_layout_is_kept(function, axes, seed):
    x = torch.randn(8, 16, 32, 33).permute(axes)
    assert function(x).stride() == x.stride()
    sliced = x[..., 1:]
    torch.manual_seed(seed)
    y = function(sliced)
    torch.manual_seed(seed)
    assert torch.equal(y, function(sliced.clone()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gradient_is_the_mask_times_the_scale(dtype):
    x = torch.ones(SIZE, dtype=dtype, requires_grad=True)
    y = functional.dropout(x, 0.3)
    (gradient,) = torch.autograd.grad(y.sum(), x)  # of stride zero
    assert torch.equal(gradient, y)
    again = torch.autograd.grad(functional.dropout(x, 0.3).dot(torch.ones(SIZE, dtype=dtype)), x)
    assert not torch.equal(again[0], y)


def test_second_order_and_batches_of_gradients():
    x = torch.randn(SIZE, dtype=torch.float64, requires_grad=True)
    y = functional.dropout(x, 0.3)
    slope = (y.detach() != 0).double() / 0.7
    (first,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.allclose(second, 6 * x.detach() * slope**3, rtol=1e-13, atol=0)
    z = functional.dropout(x, 0.3)
    batch = torch.randn(3, SIZE, dtype=torch.float64)
    (rows,) = torch.autograd.grad(z, x, batch, is_grads_batched=True)
    assert torch.allclose(rows, batch * ((z.detach() != 0).double() / 0.7), rtol=1e-13, atol=0)


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_forward_mode():
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.ones(SIZE), torch.full((SIZE,), 3.0))
        y, tangent = forward_ad.unpack_dual(functional.dropout(x, 0.3))
    assert torch.equal(tangent, 3 * y)


@ELEMENTWISE
def test_one_byte_a_unit_is_saved(function):
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        function(torch.randn(SIZE, requires_grad=True))
    assert sum(tensor.nbytes for tensor in saved) == SIZE


@ELEMENTWISE
def test_torchs_generators_rule_the_mask(function, seed, drawn):
    x = torch.ones(SIZE)
    with torch.random.fork_rng():
        first = function(x)
    assert torch.equal(function(x), first)
    assert not torch.equal(function(x), first)
    state = torch.get_rng_state()
    pair = [function(x, generator=torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(*pair)
    assert torch.equal(torch.get_rng_state(), state)
    assert drawn == [SIZE] * 5


@ELEMENTWISE
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_draws_the_mask_again(function, reentrant, seed):
    x = torch.randn(SIZE)

    def gradient(run):
        torch.manual_seed(seed)
        leaf = x.clone().requires_grad_()
        run(leaf).square().sum().backward()
        return leaf.grad

    def run(leaf):
        return checkpoint(function, leaf, use_reentrant=reentrant)

    assert torch.equal(gradient(run), gradient(function))


class Watches(TorchFunctionMode):
    """Sees each function of torch, and changes nothing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


WATCHING = [lambda: FlopCounterMode(display=False), Watches, lambda: torch.device("cpu")]


SHAPES = {  # each with a large mask
    **dict.fromkeys(("dropout", "standard_dropout", "alpha_dropout", "gaussian_dropout"), (-1,)),
    **dict.fromkeys(("dropout2d", "feature_alpha_dropout", "drop_block2d"), (4, -1, 1, 1)),
    **{"dropout1d": (4, -1, 1), "dropout3d": (4, -1, 1, 1, 1), "drop_path": (-1, 1)},
    **{"variational_dropout": (4, 1, -1), "dropconnect_linear": (256, -1)},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("watching", WATCHING)
@pytest.mark.parametrize("name", SHAPES)
def test_a_pass_that_is_watched_draws_as_one_that_is_not(name, watching, dtype, seed):
    """Or a checkpoint whose pass alone is watched would give the gradient of another mask."""
    given = [torch.ones(SIZE, dtype=dtype).view(SHAPES[name])]
    named = {"drop_path": {"drop_prob": 0.5}, "drop_block2d": {"block_size": 1}}.get(name, {})
    if name == "dropconnect_linear":
        given = [given[0][:1], *given]

    def output():
        torch.manual_seed(seed)
        return getattr(functional, name)(*given, training=True, **named)

    with watching():
        watched = output()
    assert torch.equal(watched, output())
    assert len(watched.unique()) > 1


@pytest.mark.parametrize("watching", WATCHING)
@pytest.mark.parametrize("module", [nn.Dropout, nn.Dropout1d, nn.Dropout2d])
def test_a_checkpoint_whose_pass_alone_is_watched(module, watching):
    """What it keeps for backward is then of the same dtype, too, or torch refuses to go on."""
    x = torch.ones(64, SIZE // 256, *[2] * (module is not nn.Dropout), 2, requires_grad=True)
    x = x.flatten(2).detach().requires_grad_() if module is nn.Dropout1d else x
    with watching():
        y = checkpoint(module(0.5), x, use_reentrant=False)
    y.sum().backward()
    assert torch.equal(x.grad, y)


@ELEMENTWISE
def test_inplace_draws_the_same(function, seed):
    x = torch.randn(SIZE)
    torch.manual_seed(seed)
    expected = function(x, 0.3)
    torch.manual_seed(seed)
    assert function(x, 0.3, inplace=True) is x
    assert torch.equal(x, expected)


@ELEMENTWISE
@pytest.mark.parametrize("axes", [(0, 1), (1, 0)])
def test_what_comes_next_may_change_the_output_in_place(function, axes, seed):
    def gradient(inplace):
        torch.manual_seed(seed)
        x = torch.linspace(-1, 1, SIZE).view(-1, 16).permute(axes).requires_grad_()
        y = function(x)
        y = y.mul_(2) if inplace else y * 2
        y = functional.dropout(y, 0.3, inplace=inplace)
        y = y.relu_() if inplace else y.relu()
        return torch.autograd.grad(y.sum(), x)[0]

    assert torch.equal(gradient(True), gradient(False))


@ELEMENTWISE
def test_vmap_and_tracers_see_torchs_draws(function, drawn):
    x = torch.ones(3, SIZE)
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(function, randomness="error")(x)
    same = torch.vmap(function, randomness="same")(x)
    assert torch.equal(same, same[:1].expand(same.shape))
    different = torch.vmap(function, randomness="different")(x)
    assert len(different.unique(dim=0)) == 3
    for early in (False, True):  # pre_dispatch, which keeps its mode in another place
        traced = make_fx(lambda z: function(z), pre_dispatch=early)(x)
        assert not torch.equal(traced(x), traced(x))
    compiled = torch.compile(function, fullgraph=True, backend="eager")
    assert not torch.equal(compiled(x), compiled(x))
    torch.compiler.reset()
    assert not drawn


def test_global_state_of_numpy_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    functional.dropout(torch.ones(SIZE))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_no_mask_comes_twice_in_many_calls():
    """Each call has a seed of its own; with seeds of 31 bits about nine pairs would be equal."""
    like = torch.empty(64)
    drawn = [sampler.sample(like, like.shape, 0.5, None).numpy() for _ in range(200_000)]
    assert len(np.unique(np.packbits(drawn, axis=1), axis=0)) == 200_000


def test_bits_are_not_shared_between_neighbours_or_calls():
    """Pairs at each lag, and of two calls, differ at the rate 2 p q."""
    mask, other = (functional.dropout(torch.ones(1 << 20), 0.3) == 0 for _ in range(2))
    assert dropcheck.rate_test(int((mask != other).sum()), 1 << 20, 0.42, wrong=0.4)
    for lag in (1, 2, 4, 8, 16, 32, 64):
        first, second = mask.view(-1, 2, lag).unbind(1)
        assert dropcheck.rate_test(int((first != second).sum()), 1 << 19, 0.42, wrong=0.4)
