"""The doctor of models on calls and layers of many makes: all is left as it was, nothing breaks."""
# ruff: noqa: D101, D102, NPY002

import dataclasses
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dropoutlib.nn import diagnose


def checks(model, /, *args, **kwargs):
    return [finding.check for finding in diagnose(model, *args, **kwargs)]


def chain(*layers):
    return nn.Sequential(nn.Linear(8, 16), *(layers or (nn.Dropout(0.5),)), nn.Linear(16, 2))


class Calls(nn.Module):
    """A model whose pass is a function of a chain of layers, the mode and the input."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.chain = function, chain(*layers)
        self.mean = nn.Parameter(torch.zeros(8), requires_grad=False)

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


class Own(nn.Module):
    """A layer of another library, from which a function of input and mask is returned."""

    def __init__(self, function, rows=None):
        super().__init__()
        self.p, self.function, self.rows = 0.2, function, rows

    def forward(self, x):
        shape = (self.rows, *x.shape[1:]) if self.rows else x.shape
        return (
            self.function(x, torch.rand(shape, device=x.device) >= self.p) if self.training else x
        )


@dataclasses.dataclass(eq=False)
class Holder:
    logits: torch.Tensor


@pytest.fixture
def x(seed):
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_checks_do_not_hang_on_the_mode_of_the_caller(context, x):
    model = nn.Sequential(nn.Linear(8, 3), nn.Dropout(0.2))
    with context():
        assert checks(model, x) == checks(model, x * 1) == ["output"]


def test_draws_after_an_error_that_is_caught_are_of_the_module_that_draws(x):
    class Fails(nn.Module):
        def forward(self, x):
            raise RuntimeError("no kernel of this shape")

    class FallsBack(nn.Module):
        def __init__(self):
            super().__init__()
            self.fused = Fails()

        def forward(self, x):
            try:
                return self.fused(x)
            except RuntimeError:
                return F.dropout(x, 0.5)

    found = diagnose(chain(FallsBack()), x)
    assert [(one.check, one.name) for one in found] == [("evaluation", "1")]


def test_a_pass_in_inference_mode_is_examined(x):
    @torch.inference_mode()
    def infer(self, x):
        return self.chain(x)

    assert checks(Calls(infer), x) == []


def test_arguments_may_be_named_as_ours(x):
    assert checks(Calls(lambda self, model: self.chain(model)), model=x) == []


def test_no_gradient_reaches_the_example(x):
    leaf = x.clone().requires_grad_()
    inner = leaf.exp()
    loss = inner.sum()
    with torch.no_grad():
        assert checks(chain(), leaf) == checks(chain(), inner) == []
    assert leaf.grad is None
    loss.backward()
    assert torch.equal(leaf.grad, leaf.detach().exp())


def test_a_pass_that_writes_to_parameters_and_gradients_leaves_them(x):
    def step(self, x):
        self.mean.add_(x.mean(0))
        self.mean.data += 1
        loss = self.chain(x).sum()
        if self.training:
            loss.backward()
        return loss.detach()

    model = Calls(step)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    assert checks(model, x) == []
    assert not model.mean.any()
    assert all(parameter.grad.eq(1).all() for parameter in model.parameters())


def test_a_pass_that_raises_leaves_parameters_gradients_and_random_states(x):
    def fail(self, x):
        self.mean.add_(random.random() + np.random.rand())
        if self.training:
            self.chain(x).sum().backward()
            raise RuntimeError("mine")
        return self.chain(x)

    model = Calls(fail, nn.BatchNorm1d(16), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1:3]
    with pytest.raises(RuntimeError, match="mine"):
        diagnose(model, x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert all(map(np.array_equal, states[2], np.random.get_state()[1:3]))


def test_data_classes_are_read_and_not_written_to(x):
    def double(self, held):
        held.logits.mul_(2)
        return Holder(F.dropout(self.chain(held.logits), 0.2, self.training))

    given = Holder(x.clone())
    assert checks(Calls(double), given) == ["output"]
    assert torch.equal(given.logits, x)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors(layout, x):
    rows = torch.nested.nested_tensor([x[:2], x], layout=layout)
    assert checks(chain(), rows) == []
    assert checks(nn.Sequential(nn.Linear(8, 3), nn.Dropout(0.2)), rows) == ["output"]


def test_models_whose_output_is_a_gradient(x):
    def forces(self, x):
        x.requires_grad_()
        return torch.autograd.grad(self.chain(x).sum(), x, create_graph=True)[0]

    assert checks(Calls(forces), x) == []


@pytest.mark.filterwarnings("error")
def test_complex_outputs(x):
    assert checks(Calls(lambda self, x: self.chain(x) * 1j), x) == []


def test_sparse_outputs(x):
    assert checks(Calls(lambda self, x: self.chain(x).to_sparse()), x) == []


def test_without_numbers_nothing_is_found():
    assert checks(chain(), torch.zeros(0, 8)) == []
    layer = Own(lambda x, keep: x * keep)
    assert checks(chain(layer).to("meta"), torch.zeros(6, 8, device="meta")) == []


OTHER = {
    "for one number of rows": Own(lambda x, keep: x * keep / 0.8, rows=6),
    "gives the mask, too": Own(lambda x, keep: (x * keep / 0.8, keep)),
    "keeps some rows": Own(lambda x, keep: x[keep[:, 0]]),
}


@pytest.mark.parametrize("name", OTHER)
def test_layers_that_take_no_ones_are_not_judged_by_them(name, x):
    def first(self, x):
        y = self.chain[1](self.chain[0](x))
        return self.chain[-1](y[0] if isinstance(y, tuple) else y)

    assert checks(Calls(first, OTHER[name]), x) == []


def test_words_are_replaced_and_not_scaled():
    layer = Own(lambda x, keep: torch.where(keep, x, 0))
    model = nn.Sequential(layer, nn.Embedding(10, 8), nn.Linear(8, 2))
    assert checks(model, torch.randint(1, 10, (6, 4))) == []
    assert checks(nn.Sequential(layer, nn.Linear(8, 2)), torch.rand(6, 8)) == ["scale"]
