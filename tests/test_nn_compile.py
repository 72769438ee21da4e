"""torch.compile captures every module in one graph, and the masks stay random."""

import shutil

import pytest
import torch
from test_nn_citizen import MODULES

from dropoutlib import nn, verify


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("name", MODULES)
def test_one_graph_forward_and_backward(name, seed):
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
    assert torch.equal(module(torch.randn(shape)), y)
    module.eval()
    assert torch.equal(compiled(x), module(x))


@pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="compiling needs a C++ compiler"
)
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")
def test_neighbours_are_independent_in_a_generated_kernel(seed):
    """Pairs at lags 1 to 8 along both axes differ at the rate 2 p q, also within one vector."""
    torch.manual_seed(seed)
    dropped = torch.compile(nn.Dropout(0.3), fullgraph=True)(torch.ones(1024, 1024)) == 0
    assert verify.rate_test(int(dropped.sum()), dropped.numel(), 0.3, wrong=0.31)
    for mask in (dropped, dropped.T):
        for lag in (1, 2, 4, 8):
            # Blocks of `lag` rows, each with its successor: no unit is in two pairs.
            first, second = mask.unflatten(0, (-1, 2, lag)).unbind(1)
            unequal = int((first != second).sum())
            assert verify.rate_test(unequal, first.numel(), 0.42, wrong=0.40)
