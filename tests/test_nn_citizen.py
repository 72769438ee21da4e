"""All modules where torch's own are used: fx, compile, vmap, checkpoints, copies and pickles."""

import copy
import io

import pytest
import torch
from torch import fx
from torch.utils.checkpoint import checkpoint

from dropoutlib import nn
from dropoutlib.nn import functional

# name: (how to make the module, a shape that it takes)
MODULES = {
    "dropout": (nn.Dropout, (6, 8)),
    "standard": (nn.StandardDropout, (6, 8)),
    "gaussian": (nn.GaussianDropout, (6, 8)),
    "1d": (nn.Dropout1d, (6, 8, 3)),
    "2d": (nn.Dropout2d, (6, 8, 3, 3)),
    "3d": (nn.Dropout3d, (6, 8, 3, 2, 2)),
    "alpha": (nn.AlphaDropout, (6, 8)),
    "feature alpha": (nn.FeatureAlphaDropout, (6, 8, 3)),
    "path": (nn.DropPath, (40, 3)),
    "variational": (nn.VariationalDropout, (6, 5, 8)),
    "block": (lambda *args, **options: nn.DropBlock2d(*args, 2, **options), (6, 4, 5, 5)),
    "concrete": (nn.ConcreteDropout, (6, 8)),
    "connect": (lambda *args, **options: nn.DropConnectLinear(8, 4, *args, **options), (6, 8)),
}
EACH = pytest.mark.parametrize("name", MODULES)
PARAMETERS = {"concrete": {"logit"}, "connect": {"weight", "bias"}}


@pytest.fixture
def module(name):
    return MODULES[name][0](0.5)


@pytest.fixture
def x(name, seed):
    torch.manual_seed(seed)
    return torch.randn(MODULES[name][1])


@EACH
@pytest.mark.parametrize("training", [True, False])
def test_one_node_in_a_graph(module, x, training, seed):
    module.train(training)
    traced = fx.symbolic_trace(module)
    calls = [node for node in traced.graph.nodes if node.op == "call_function"]
    assert len(calls) == 1
    assert calls[0].target in {getattr(functional, name) for name in functional.__all__}
    torch.manual_seed(seed)
    expected = module(x)
    torch.manual_seed(seed)
    assert torch.equal(traced(x), expected)


def test_functions_are_one_node_however_imported():
    from dropoutlib.nn.functional import dropout2d

    def network(x):
        return dropout2d(functional.dropout(input=x, p=0.2), 0.3)

    targets = [node.target for node in fx.symbolic_trace(network).graph.nodes]
    assert targets[1:3] == [functional.dropout, functional.dropout2d]


@EACH
def test_tensor_subclasses_see_the_call(module, x):
    seen = []

    class Watching(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            seen.append(func)
            return super().__torch_function__(func, types, args, kwargs)

    y = module(x.as_subclass(Watching))
    assert isinstance(y, Watching)
    assert seen[0] in {getattr(functional, name) for name in functional.__all__}


@EACH
def test_vmap_in_every_mode_of_randomness(module, name, seed):
    torch.manual_seed(seed)
    x = torch.ones(5, *MODULES[name][1])
    with pytest.raises(RuntimeError, match="randomness"):
        torch.vmap(module, randomness="error")(x)
    same = torch.vmap(module, randomness="same")(x)
    assert torch.equal(same, same[:1].expand(same.shape))
    different = torch.vmap(module, randomness="different")(x)
    assert len(different.flatten(1).unique(dim=0)) == 5


@EACH
def test_vmap_draws_for_inputs_that_are_not_batched(module, x):
    drawn = torch.vmap(lambda _: module(x), randomness="different")(torch.ones(5))
    assert len(drawn.flatten(1).unique(dim=0)) == 5


@EACH
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_draws_the_mask_again(module, x, reentrant, seed):
    def gradient(run):
        torch.manual_seed(seed)
        leaf = x.clone().requires_grad_()
        run(leaf).square().sum().backward()
        return leaf.grad

    def run(leaf):
        return checkpoint(module, leaf, use_reentrant=reentrant)

    assert torch.equal(gradient(run), gradient(module))


@EACH
def test_generator_rules_and_leaves_the_global_state(name, x):
    make = MODULES[name][0]
    torch.manual_seed(0)
    made = make(0.5, generator=torch.Generator().manual_seed(4))
    torch.manual_seed(0)
    twin = make(0.5, generator=torch.Generator().manual_seed(4))
    state = torch.get_rng_state()
    first = made(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(twin(x), first)
    assert not torch.equal(made(x), first)


@EACH
@pytest.mark.parametrize("how", ["copy", "pickle"])
def test_copies_go_on_drawing_the_same_masks(name, x, how):
    made = MODULES[name][0](0.25, generator=torch.Generator().manual_seed(4))
    made(x)
    if how == "copy":
        twin = copy.deepcopy(made)
    else:
        stored = io.BytesIO()
        torch.save(made, stored)
        stored.seek(0)
        twin = torch.load(stored, weights_only=False)
    assert repr(twin) == repr(made)
    assert torch.equal(twin(x), made(x))


@EACH
def test_state_holds_parameters_only(module, name, x):
    module(x)
    assert set(module.state_dict()) == PARAMETERS.get(name, set())
    assert not list(module.buffers())


@EACH
def test_mode_is_of_the_parent(module, x):
    net = torch.nn.Sequential(module)
    assert torch.equal(net.eval()(x), net(x))
    assert not torch.equal(net.train()(x), net(x))
    assert module.p == 0.5


@EACH
def test_gradients_of_first_and_second_order(module, x):
    module.double()
    x = x[:2, :8].double().requires_grad_()

    def once(z):
        module.generator = torch.Generator().manual_seed(1)
        return module(z) ** 3

    assert torch.autograd.gradcheck(once, x)
    assert torch.autograd.gradgradcheck(once, x)


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
@pytest.mark.parametrize("name", ["dropout", "standard", "gaussian", "alpha", "concrete"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("generator", [None, torch.Generator()])
def test_derivatives_of_a_scalar_keep_its_dtype(name, training, generator):
    # By torch.func.jvp, which gives float64 where a scalar is multiplied by a number.
    module = MODULES[name][0](0.5, generator=generator).train(training)
    x = torch.randn(())
    _, tangent = torch.func.jvp(torch.func.grad(lambda z: module(z) * z), (x,), (x,))
    assert tangent.dtype is x.dtype
