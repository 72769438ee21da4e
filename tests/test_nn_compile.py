"""torch.compile captures every module in one graph, and the masks stay random."""

import functools
import shutil

import pytest
import torch
from test_nn_citizen import MODULES

import dropcheck
from dropoutlib import nn
from dropoutlib.nn import _masking, functional, parametric, variants


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.fixture
def eager(monkeypatch):
    """A pass that is not compiled, which draws in the way that a compiled one does.

    PyTorch 2.6 cannot tell compilation from export, so that a compiled pass draws as one that is
    to be exported: the same law, of other masks.
    """

    def call(module, x):
        with monkeypatch.context() as patch:
            if not hasattr(torch.compiler, "is_exporting"):
                for room in (_masking, functional, parametric, variants):
                    patch.setattr(room, "is_exporting", lambda: True)
                patch.setattr(torch.compiler, "is_compiling", lambda: True)
            return module(x)

    return call


@pytest.mark.parametrize("name", MODULES)
def test_one_graph_forward_and_backward(name, eager, seed):
    """Traced by the compiler's front end and by autograd, run by torch's own kernels."""
    make, shape = MODULES[name]
    module = make(0.5)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.manual_seed(seed)
    x = torch.randn(shape, requires_grad=True)
    y = compiled(x)
    assert not torch.equal(y, compiled(x))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.shape == x.shape
    torch.manual_seed(seed)
    assert torch.equal(eager(module, torch.randn(shape)), y)
    module.eval()
    assert torch.equal(compiled(x), module(x))


@pytest.mark.parametrize("name", MODULES)
def test_one_graph_for_batches_of_all_sizes_and_changing_probabilities(name, eager, seed):
    """Sizes, and a p that a schedule changes, become symbols when they change."""
    make, shape = MODULES[name]
    module = make(0.5)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for p, rows in ((0.5, 6), (0.4, 5), (0.3, 4), (0.2, 7)):
        module.p = p
        x = torch.ones((rows, *shape[1:]))
        drawn = []
        for run in (compiled, functools.partial(eager, module)):
            torch.manual_seed(seed)
            drawn.append(run(x))
        assert torch.allclose(*drawn, rtol=1e-6, atol=1e-7)
    dynamic = torch.compile(make(0.5), fullgraph=True, backend="aot_eager", dynamic=True)
    assert dynamic(torch.ones(shape)).shape == make(0.5)(torch.ones(shape)).shape


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
@pytest.mark.parametrize("name", ["dropout", "1d", "2d", "3d", "alpha", "feature alpha"])
def test_torchscript_takes_torchs_own_layer(name, seed):
    make, shape = MODULES[name]
    x = torch.ones(shape)
    script = torch.jit.script(torch.nn.Sequential(make(0.5)))
    assert not torch.equal(script(x), script(x))
    assert torch.equal(script.eval()(x), x)
    evaluating = torch.jit.script(torch.nn.Sequential(make(0.5).eval()))
    assert torch.equal(evaluating(x), x)


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_torchscript_takes_torchs_function_in_whose_place_ours_stands(monkeypatch):
    monkeypatch.setattr(torch.nn.functional, "dropout", functional.dropout)
    x = torch.ones(40)
    assert not torch.equal(torch.jit.script(functional.dropout)(x, 0.5, True), x)


@pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiling needs a C++ compiler"
)
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method")
@pytest.mark.filterwarnings("ignore:Skipping serialization of:UserWarning")  # of PyTorch 2.6
def test_neighbours_are_independent_in_a_generated_kernel(seed):
    """Pairs at lags 1 to 8 along both axes differ at the rate 2 p q, also within one vector."""
    torch.manual_seed(seed)
    dropped = torch.compile(nn.Dropout(0.3), fullgraph=True)(torch.ones(1024, 1024)) == 0
    assert dropcheck.rate_test(int(dropped.sum()), dropped.numel(), 0.3, wrong=0.31)
    for mask in (dropped, dropped.T):
        for lag in (1, 2, 4, 8):
            # Blocks of `lag` rows, each with its successor: no unit is in two pairs.
            first, second = mask.unflatten(0, (-1, 2, lag)).unbind(1)
            unequal = int((first != second).sum())
            assert dropcheck.rate_test(unequal, first.numel(), 0.42, wrong=0.40)
