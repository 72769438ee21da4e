"""In torch's place: its signatures, its exported graphs, its fused kernels, its odd tensors."""

import copy
import functools
import inspect
import itertools
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_nn_citizen import MODULES
from torch.utils.data import DataLoader, Dataset, get_worker_info

import dropcheck
from dropoutlib import nn
from dropoutlib.nn import _masking, functional

SHARED = [name for name in functional.__all__ if hasattr(F, name)]
LARGE = 4 * _masking.SMALLEST


@pytest.fixture(autouse=True)
def seeded(seed):
    torch.manual_seed(seed)


@pytest.mark.parametrize("name", SHARED)
def test_signature_is_torchs_with_a_generator(name):
    ours, theirs = (inspect.signature(getattr(where, name)) for where in (functional, F))
    *given, generator = ours.parameters.values()
    assert [(each.name, each.default, each.kind) for each in given] == [
        (each.name, each.default, each.kind) for each in theirs.parameters.values()
    ]
    assert (generator.name, generator.default) == ("generator", None)
    assert generator.kind is inspect.Parameter.KEYWORD_ONLY


def test_there_are_as_many_as_torch_has():
    assert {"alpha_dropout", "dropout", "dropout1d", "feature_alpha_dropout"} <= set(SHARED)
    own = {name for name in dir(F) if "dropout" in name and not name.startswith("_")}
    assert own - {"Dropout"} == set(SHARED)


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout", "drop_path"])
def test_what_is_off_by_default_there_is_off_here(name):
    x = torch.randn(4, 5)
    assert getattr(functional, name)(x, 0.5) is x


# Training graphs of torch.export.


def exported(module, x, *, training=True, **options):
    """The graph of the module in a mode, which is given an intermediate result."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = module

        def forward(self, x):
            return self.drop(x * 1)

    return torch.export.export(Net().train(training), (x,), **options).module()


def switch_dropout(graph, training):
    """What torchao's rewriting of exported models does to them, and nothing else."""
    ops = torch.ops.aten.dropout.default, torch.ops.aten.dropout_.default
    nodes = [node for node in graph.graph.nodes if node.target in ops]
    for node in nodes:
        node.args = (*node.args[:2], training)
    graph.recompile()
    return len(nodes)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_an_exported_training_graph_can_be_switched_to_evaluation(name, strict):
    make, shape = MODULES[name]
    module, x = make(0.5), torch.randn(40, *shape[1:])
    graph = exported(module, x, strict=strict)
    assert not torch.equal(graph(x), graph(x))
    assert switch_dropout(graph, False)
    assert torch.allclose(graph(x), module.eval()(x), rtol=1e-6, atol=1e-6)
    switch_dropout(graph, True)
    assert not torch.equal(graph(x), graph(x))


@pytest.mark.parametrize(
    "module",
    [
        nn.Dropout(0.3, inplace=True),
        nn.StandardDropout(0.3, inplace=True),
        nn.AlphaDropout(0.3, inplace=True),
        nn.DropPath(0.3, scale_by_keep=False),
        nn.DropPath(0.3, mode="batch"),
    ],
    ids=repr,
)
def test_other_options_can_be_switched_too(module):
    x = torch.randn(40, 5)
    graph = exported(module, x, strict=False)
    assert switch_dropout(graph, False)
    assert torch.allclose(graph(x), module.eval()(x.clone()), rtol=1e-6)


@pytest.mark.parametrize("name", ["dropout", "standard", "variational", "path", "gaussian"])
def test_an_exported_graph_has_the_law_of_the_layer(name):
    make, _ = MODULES[name]
    x = torch.ones((100_000, 1, 1) if name == "variational" else (100_000, 1))
    noise = exported(make(0.2), x, strict=False)(x).double()
    zeros = int((noise == 0).sum())
    if name == "gaussian":
        assert abs(((noise - 1) ** 2).mean() - 0.25) < 5 * 0.25 * (2 / 100_000) ** 0.5
    else:
        units = noise.numel()
        assert dropcheck.rate_test(zeros, units, 0.2, wrong=0.22)
        kept = 1 if name == "standard" else 1 / 0.8
        assert torch.allclose(noise[noise != 0], torch.tensor(kept, dtype=torch.float64))


@pytest.mark.parametrize("training", [True, False])
def test_an_exported_dropout_is_torchs_operation_on_or_off(training):
    x = torch.ones(100)
    for inplace, op in ((False, torch.ops.aten.dropout), (True, torch.ops.aten.dropout_)):
        graph = exported(nn.Dropout(0.3, inplace), x, training=training, strict=False)
        (found,) = (node for node in graph.graph.nodes if node.target is op.default)
        assert found.args[1:] == (0.3, training)
        switch_dropout(graph, not training)
        assert torch.equal(graph(x), x) == training


# Kernels of torch that leave out layers.


def encoder(make, name="dropout", **options):
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.5, batch_first=True, **options)
    for each in ("dropout1", "dropout2", name):
        setattr(layer, each, make())
    return layer.eval()


@pytest.mark.parametrize("options", [{}, {"norm_first": True}, {"activation": "gelu"}])
@pytest.mark.parametrize("make", [nn.StandardDropout, nn.Dropout, nn.GaussianDropout])
@pytest.mark.parametrize("copied", [False, True])
def test_evaluation_is_the_same_with_and_without_gradient(make, options, copied):
    layer, x = encoder(make, **options), torch.randn(2, 5, 16)
    if copied:
        layer = copy.deepcopy(layer)
    with torch.no_grad():
        fast = layer(x)
    assert torch.allclose(fast, layer(x), atol=1e-5)


def test_evaluation_is_the_same_in_a_stack_that_nests_what_is_padded():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        stack = torch.nn.TransformerEncoder(encoder(nn.StandardDropout), 2).eval()
        x, padding = torch.randn(2, 5, 16), torch.zeros(2, 5, dtype=torch.bool)
        padding[0, 3:] = True
        with torch.no_grad():
            fast = stack(x, src_key_padding_mask=padding)
        slow = stack(x, src_key_padding_mask=padding)
    assert torch.allclose(fast[~padding], slow[~padding], atol=1e-5)


@pytest.mark.parametrize("inference", ["mean", "gaussian"])
def test_masked_weights_draw_in_a_transformer_too(inference):
    layer, x = encoder(torch.nn.Dropout), torch.randn(2, 5, 16)
    layer.linear1 = nn.DropConnectLinear(16, 32, inference=inference).eval()
    with torch.no_grad():
        assert torch.equal(layer(x), layer(x)) == (inference == "mean")


def test_the_fused_kernel_stays_where_evaluation_is_the_identity(monkeypatch):
    seen, fused = [], torch._transformer_encoder_layer_fwd
    monkeypatch.setattr(
        torch, "_transformer_encoder_layer_fwd", lambda *args: seen.append(1) or fused(*args)
    )
    with torch.no_grad():
        encoder(nn.Dropout)(torch.randn(2, 5, 16))
        assert seen
        encoder(nn.StandardDropout)(torch.randn(2, 5, 16))
    assert seen == [1]


# What is no plain dense tensor.


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    "wrong",
    [
        torch.nn.utils.rnn.pack_sequence([torch.ones(3)]),
        np.ones(3),
        [1.0],
        None,
        (torch.ones(3),),
        torch.Size([3]),
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_what_is_no_tensor_is_refused_in_words(name, training, wrong):
    with pytest.raises(TypeError, match=r"takes a torch\.Tensor"):
        MODULES[name][0](0.5).train(training)(wrong)


def test_keywords_are_checked_like_positions():
    with pytest.raises(TypeError, match=r"dropout\(input=ndarray\) takes"):
        functional.dropout(input=np.ones(3))
    with pytest.raises(TypeError, match=r"drop_path\(x=ndarray\) takes"):
        functional.drop_path(drop_prob=0.5, x=np.ones(3))
    for call in (functional.dropout, functools.partial(functional.dropout, p=0.5)):
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            call()


@pytest.mark.parametrize("rows", [3, 300])
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_nested_tensors(layout, rows):
    parts = [torch.ones(rows, 200), torch.ones(rows // 2 + 1, 200)]
    x = torch.nested.nested_tensor(parts, layout=layout, requires_grad=True)
    y = nn.Dropout(0.3)(x)
    assert y.is_nested
    assert y.layout is layout
    for part, output in zip(parts, y.unbind(), strict=True):
        assert output.shape == part.shape
        assert torch.isin(output.detach(), torch.tensor([0, 1 / 0.7])).all()
    (gradient,) = torch.autograd.grad(sum(each.sum() for each in y.unbind()), x)
    assert all(map(torch.equal, gradient.unbind(), y.unbind()))
    assert nn.Dropout(0.3).eval()(x) is x


ODD = {
    "nested": lambda: torch.nested.nested_tensor([torch.ones(3, 4), torch.ones(2, 4)]),
    "jagged": lambda: torch.nested.nested_tensor(
        [torch.ones(3), torch.ones(2)], layout=torch.jagged
    ),
    "sparse_coo": lambda: torch.eye(300).to_sparse(),
    "sparse_csr": lambda: torch.eye(300).to_sparse_csr(),
}
SIMPLE = ("dropout", "standard_dropout", "gaussian_dropout", "alpha_dropout", "drop_path")


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_no_mask_fits_is_refused_in_words(kind, name):
    x = ODD[kind]()
    options = {"generator": torch.Generator()} if name == "dropout" else {}
    wanted = f"{name} of a {'nested' if 'sparse' not in kind else kind} tensor"
    with pytest.raises(NotImplementedError, match=wanted):
        getattr(functional, name)(x, 0.5, training=True, **options)
    if name != "standard_dropout":
        assert getattr(functional, name)(x, 0.5, training=False) is x


@pytest.mark.parametrize("name", MODULES)
def test_meta_tensors_have_their_shape(name):
    make, shape = MODULES[name]
    module = make(0.5).to("meta")
    assert module(torch.ones(shape, device="meta")).shape == make(0.5)(torch.ones(shape)).shape
    assert repr(module)


def test_masks_that_only_look_like_their_input():
    """Two steps of sequences and their one mask have the same strides."""
    layer = nn.VariationalDropout(0.3, batch_first=False)
    y = layer(torch.ones(2, 200, 400))
    assert torch.equal(y[0], y[1])
    assert len(y.unique()) == 2


# TorchScript.


def call_in_script(x: torch.Tensor, training: bool) -> torch.Tensor:
    return functional.dropout(x, 0.5, training)


def call_alpha_in_script(x: torch.Tensor, training: bool) -> torch.Tensor:
    return functional.alpha_dropout(x, 0.5, training)


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_scripted_functions():
    x = torch.ones(1000)
    for script in (torch.jit.script(call_in_script), torch.jit.script(call_alpha_in_script)):
        assert not torch.equal(script(x, True), script(x, True))
        assert torch.equal(script(x, False), x)
    for name in SHARED:
        torch.jit.script(getattr(functional, name))


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
@pytest.mark.parametrize("name", ["standard", "gaussian", "path", "block", "concrete", "connect"])
def test_what_torchscript_cannot_have_is_refused_in_words(name):
    with pytest.raises(NotImplementedError, match="TorchScript cannot compile"):
        torch.jit.script(torch.nn.Sequential(MODULES[name][0](0.5)))
    with pytest.raises(NotImplementedError, match="generator of its own"):
        torch.jit.script(nn.Dropout(0.5, generator=torch.Generator()))


class Doubled(nn.Dropout):
    """A layer with a forward pass of its own."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Twice the input."""
        return 2 * input


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_torchscript_takes_a_layer_with_another_pass():
    script = torch.jit.script(torch.nn.Sequential(Doubled(0.5)))
    assert torch.equal(script(torch.ones(3)), torch.full((3,), 2.0))


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_a_layer_in_a_module_that_is_written_as_a_script():
    class Scripted(torch.jit.ScriptModule):
        """Which asks no layer what is to be compiled."""

        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        @torch.jit.script_method
        def forward(self, x):
            return self.drop(x)

    script, x = Scripted(), torch.ones(100)
    assert not torch.equal(script(x), x)
    assert torch.equal(script.eval()(x), x)


# Numbers at the ends of their range.


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("p", [1e-300, 0.3, 1 - 1e-5, 1 - 1e-10, 1 - 2**-53])
@pytest.mark.parametrize(("size", "grad"), [(8, False), (1000, False), (1000, True), (LARGE, True)])
@pytest.mark.parametrize("name", ["dropout", "standard", "alpha", "path", "variational", "1d"])
def test_half_precision_is_finite(name, size, grad, p, dtype):
    shape = {"variational": (1, size, 1), "1d": (size, 1, 1)}.get(name, (size, 1))
    y = MODULES[name][0](p)(torch.full(shape, 1e-6, dtype=dtype, requires_grad=grad))
    assert y.isfinite().all()


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_half_precision_of_nested_tensors_is_torchs_where_1_over_q_is_infinite(layout):
    parts = [torch.zeros(3, 2).half(), torch.zeros(2, 2).half()]
    assert nn.Dropout(0.99999)(torch.nested.nested_tensor(parts, layout=layout)).is_nested


def test_half_precision_draws_alike_with_gradient_and_without(seed):
    """Also where 1/q is infinite in half precision, as a checkpoint needs it."""
    drawn = []
    for grad in (False, True):
        torch.manual_seed(seed)
        x = torch.full((30_000,), 1e-4, dtype=torch.float16, requires_grad=grad)
        drawn.append(nn.Dropout(1 - 1e-5 - 5e-6)(x).detach())
    assert torch.equal(*drawn)


@pytest.mark.parametrize("p", [0.1, 0.3, 1 / 3])
@pytest.mark.parametrize("name", ["dropout", "path", "variational", "2d"])
def test_half_precision_rounds_once(name, p):
    """As if x / q were computed exactly and then rounded."""
    shape = {"variational": (8, 5, 8), "2d": (8, 8, 5, 5)}.get(name, (64, 512))
    x = torch.randn(shape).half()
    y = MODULES[name][0](p)(x)
    exact = (x.double() / (1 - p)).half()
    kept = y != 0
    assert ((y - exact)[kept].abs() <= exact[kept].abs() * 2**-10).all()
    assert (y == exact)[kept].double().mean() > 0.99


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("name", ["dropout", "variational", "1d"])
@pytest.mark.parametrize("size", [8, LARGE])
def test_kept_units_are_right_where_the_scale_is_beyond_half_precision(size, name, inplace):
    """So are gradients: 1/q of what is kept, infinite if rounded, but 0 and no NaN elsewhere."""
    p, shape = 1 - 1e-5, {"variational": (8, 1, size), "1d": (8, size, 1)}.get(name, (8, size))
    layer = MODULES[name][0](p)
    layer.inplace = inplace
    seeds = (torch.manual_seed(seed) for seed in itertools.count())
    while not (y := layer((x := torch.full(shape, 0.125).half().requires_grad_()) * 1)).any():
        next(seeds)
    kept = y != 0
    y.backward(torch.where(kept, 0.25, 1.0).half())
    assert torch.equal(y, kept * torch.tensor(0.125 / (1 - p)).half())
    assert torch.equal(x.grad, kept * torch.tensor(0.25 / (1 - p)).half())


def test_gradients_of_few_blocks_and_weights_are_finite_in_half_precision():
    """Kept are .9 of 90000 units, and 4.8 of 480000 weights: those beside them get 0, not NaN."""
    draws = (torch.manual_seed(seed) for seed in itertools.count())
    x = torch.full((1, 1, 300, 300), 0.125).half().requires_grad_()
    while not (y := functional.drop_block2d(x, 1 - 1e-5, 1)).any():
        next(draws)
    kept = y != 0
    y.backward(torch.where(kept, 0.125, 1.0).half())
    assert torch.equal(x.grad, y)

    layer = nn.DropConnectLinear(4, 4, 1 - 1e-5, bias=False).half()
    torch.nn.init.constant_(layer.weight, 0.125)
    x = torch.full((30_000, 4), 0.5).half().requires_grad_()
    while not (y := layer(x)).any():
        next(draws)
    y.backward(torch.where(y != 0, 2**-4, 1.0).half())
    assert (y.max() - 0.0625e5).abs() < 10
    assert x.grad.isfinite().all()
    assert (x.grad.amax(1) > 0).sum() == (y != 0).any(1).sum()
    assert layer.weight.grad.isfinite().all()


def test_moments_of_masked_weights_do_not_overflow():
    """The squares of 300 are beyond half precision, the variance 18 is not."""
    made = nn.DropConnectLinear(2, 1, bias=False, inference="gaussian").half().eval()
    torch.nn.init.constant_(made.weight, 0.01)
    x = torch.full((1, 2), 300.0).half()
    assert made.moments(x)[1].item() == pytest.approx(18, rel=0.01)
    assert made(x.expand(1000, 2)).isfinite().all()
    with torch.autocast("cpu", dtype=torch.float16):
        assert made.float().moments(x.float())[1].item() == pytest.approx(18, rel=0.01)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_masked_weights_have_autocasts_dtype(p):
    made, plain = nn.DropConnectLinear(3, 2, p), torch.nn.Linear(3, 2)
    x = torch.ones(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert made(x).dtype == made.eval()(x).dtype == plain(x).dtype


def test_a_relaxed_mask_in_half_precision():
    x = torch.full((LARGE,), 1e-3).half()
    assert nn.ConcreteDropout(1 - 1e-5)(x).isfinite().all()


def imaginary_part(x):
    """It shares its memory with a number of which it is the conjugate's part."""
    return torch.complex(x, x).conj().imag


@pytest.mark.parametrize("view", [torch._neg_view, imaginary_part])
def test_a_view_with_the_other_sign_keeps_it(view):
    x = view(torch.randn(LARGE))
    assert x.is_neg()
    y = functional.dropout(x, 0.5)
    assert torch.equal(y[y != 0], 2 * x.resolve_neg()[y != 0])


# Generators of layers in several processes.


class Noisy(Dataset):
    """Rows of ones behind a layer, as with augmentation by dropout."""

    def __init__(self):
        self.transform = nn.Dropout(0.5, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.transform(torch.ones(64))


def reseed_worker(_):
    nn.reseed(get_worker_info().dataset.transform)


@pytest.mark.parametrize("way_out", [None, reseed_worker])
def test_workers_draw_the_same_masks_unless_they_are_reseeded(way_out):
    rows = torch.cat(list(DataLoader(Noisy(), num_workers=2, worker_init_fn=way_out)))
    assert len(rows.unique(dim=0)) == (4 if way_out else 2)


def test_reseeding_gives_each_generator_a_seed_of_its_own():
    shared = torch.Generator()
    net = torch.nn.Sequential(
        nn.Dropout(0.5, generator=torch.Generator()),
        nn.Dropout(0.5, generator=shared),
        torch.nn.Sequential(nn.DropPath(0.5, generator=shared), nn.Dropout(0.5)),
    )
    state = torch.get_rng_state()

    def states(seed):
        nn.reseed(net, seed)
        return net[0].generator.initial_seed(), shared.initial_seed()

    first = states(1)
    assert first[0] != first[1]
    assert states(1) == first
    assert not set(states(2)) & set(first)  # not one worker's second for another's first
    assert torch.equal(torch.get_rng_state(), state)
    nn.reseed(torch.nn.Linear(2, 2))
