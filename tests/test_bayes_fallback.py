"""Models whose passes cannot share anything, or not simply: the same numbers as of plain passes."""
# ruff: noqa: D101, D102, D106

import copy
import warnings

import numpy as np
import pytest
import torch
from mc_models import in_full, unknown_layers
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from dropoutlib.bayes import mc_samples, sampling
from dropoutlib.bayes.passes import plain
from dropoutlib.bayes.streams import ReuseError


class Model(nn.Module):
    """A linear layer and dropout; what happens with them, a subclass says."""

    def __init__(self, inplace=False):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.drop = nn.Dropout(0.5, inplace)
        self.register_buffer("state", torch.ones(3))


class ChangesInput(Model):
    def forward(self, x):
        x.mul_(2)
        return self.drop(self.linear(x))


class ChangesInputLater(Model):
    def forward(self, x):
        x += self.drop(x)
        return x


class ChangesViewOfInputLater(Model):
    def forward(self, x):
        first = x[0]
        y = self.drop(self.linear(x))
        first.add_(1)
        return x + y


class ChangesSharedLater(Model):
    def forward(self, x):
        h = self.linear(x)
        y = self.drop(h.clone())
        h.add_(1)
        return h * y


class WritesItem(Model):
    def forward(self, x):
        y = self.drop(self.linear(x))
        y[:, 0] = x[:, 0]
        return y


class WritesNoiseIntoShared(Model):
    def forward(self, x):
        h = torch.zeros(len(x), 3)
        h[:, :2] = self.drop(x)[:, :2]
        return h


class Data(Model):
    def forward(self, x):
        h = self.linear(x)
        h.data.add_(1)
        return self.drop(h)


class SharedInPlace(Model):
    """Dropout in place, whose input is used again."""

    def __init__(self):
        super().__init__(inplace=True)

    def forward(self, x):
        h = self.linear(x)
        y = self.drop(h)
        return y + h


class SharedInPlaceReturned(SharedInPlace):
    def forward(self, x):
        h = self.linear(x)
        self.drop(h)
        return h


class ViewInPlace(SharedInPlace):
    def forward(self, x):
        h = self.linear(x)
        self.drop(h[:, :2])
        return h


class TwiceInPlace(SharedInPlace):
    def forward(self, x):
        return self.drop(self.linear(self.drop(torch.relu_(self.linear(x)))))


class EarlyReturn(Model):
    def forward(self, x):
        h = self.linear(x)
        if h.sum() > 1e9:
            return h
        return self.drop(h)


class LoopUntil(Model):
    """Draws until enough is there: the number of draws is random."""

    def forward(self, x):
        y = self.drop(torch.ones_like(x))
        while y.sum() < 8:
            y = y + self.drop(torch.ones_like(x))
        return y


class BranchOnNoise(Model):
    def forward(self, x):
        y = self.drop(x)
        return self.linear(y) if y[0, 0] > 0 else self.drop(y) - 1


class ShapeByNoise(Model):
    def forward(self, x):
        y = self.drop(torch.ones_like(x))
        return y[y > 0].sum() + x


class NumpyInside(Model):
    def forward(self, x):
        y = self.drop(self.linear(x))
        return torch.from_numpy(np.sort(y.detach().numpy(), axis=1))


class ItemBefore(Model):
    def forward(self, x):
        return self.drop(self.linear(x)) * x.max().item()


class Cached(Model):
    """Computes a table in its first pass only."""

    table = None

    def forward(self, x):
        if self.table is None:
            self.table = torch.sin(torch.arange(3.0))
        return self.drop(self.linear(x + self.table))


class CachedLater(Model):
    table = None

    def forward(self, x):
        y = self.drop(self.linear(x))
        if self.table is None:
            self.table = torch.sin(torch.arange(3.0))
        return y + self.table


class Hooked(Model):
    def forward(self, x):
        seen = []
        handle = self.linear.register_forward_hook(lambda *args: seen.append(args[2].sum()))
        y = self.drop(self.linear(x))
        handle.remove()
        return y + seen[0]


class Checkpointed(Model):
    def forward(self, x):
        from torch.utils.checkpoint import checkpoint

        return self.drop(checkpoint(lambda h: self.drop(self.linear(h)), x, use_reentrant=False))


class Masked(Model):
    """Noise of its own, a mask filled in place whose return value is not used."""

    class Drop(nn.Module):
        def forward(self, x):
            mask = torch.empty_like(x)
            mask.bernoulli_(0.5)
            return x * mask

    def __init__(self):
        super().__init__()
        self.own = self.Drop()
        del self.drop  # which would not be called

    def forward(self, x):
        return self.own(self.linear(x))


class Random(Model):
    """All of torch's ways to draw that dropout layers use."""

    class Drop(nn.Module):
        def forward(self, x):
            y = x * (torch.rand(x.shape) < 0.5) * (torch.rand_like(x) < 0.9)
            y = (
                y
                + torch.randn(x.shape)
                + torch.randn_like(x)
                + torch.bernoulli(torch.full((3,), 0.5))
            )
            y = y * torch.bernoulli(x, 0.5) + torch.empty(3).uniform_(-1, 2)
            return y + x.new_empty(x.shape).normal_(3, 2) + torch.empty(3).bernoulli_(torch.rand(3))

    def __init__(self):
        super().__init__()
        self.own = self.Drop()
        del self.drop  # which would not be called

    def forward(self, x):
        return self.own(self.linear(x))


class ChangesNoise(Masked):
    """Changes its noise in place, and draws what is not under control."""

    class Drop(nn.Module):
        def forward(self, x):
            noise = torch.rand(3, dtype=torch.float64).add_(1)
            return x * noise.float() + 0 * torch.multinomial(torch.ones(3), 1)


class Derivative(Model):
    """Derivatives within the model, as forces are of an energy; noise comes behind them."""

    def energy(self, x):
        return torch.tanh(self.linear(x)).square().sum()

    def forward(self, x):
        return self.drop(torch.func.grad(self.energy)(x))


class NoisyDerivative(Derivative):
    def energy(self, x):
        return self.drop(torch.tanh(self.linear(x))).square().sum()

    def forward(self, x):
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            return torch.autograd.grad(self.energy(x), x)[0]


MODELS = [
    *(ChangesInput, ChangesInputLater, ChangesViewOfInputLater, ChangesSharedLater, WritesItem),
    *(WritesNoiseIntoShared, Data, SharedInPlace, SharedInPlaceReturned, ViewInPlace),
    *(TwiceInPlace, EarlyReturn, LoopUntil, BranchOnNoise, ShapeByNoise, NumpyInside),
    *(ItemBefore, Cached, CachedLater, Hooked, Checkpointed, Masked, Random, ChangesNoise),
    *(Derivative, NoisyDerivative),
]
# Models whose prediction of a row depends on the other rows, or on its place.
MIXING = {LoopUntil, BranchOnNoise, ShapeByNoise, ItemBefore, Hooked, ChangesViewOfInputLater}
ROWWISE = [kind for kind in MODELS if kind not in MIXING]


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def model(request, seed):
    torch.manual_seed(seed)
    return request.param()


@pytest.fixture
def x(rng):
    return torch.from_numpy(rng.uniform(0.5, 1.5, (2, 3))).float()


@pytest.mark.parametrize("max_bytes", [None, 1 << 20])
def test_same_numbers_as_of_plain_passes(max_bytes, model, x, seed, monkeypatch):
    before = x.clone()
    samples = mc_samples(model, x, 12, rng=seed, max_bytes=max_bytes)
    assert torch.equal(x, before)
    assert (samples.std(dim=0) > 0).any()
    in_full(monkeypatch)
    torch.testing.assert_close(samples, mc_samples(model, x, 12, rng=seed))


def test_plain_passes_are_plain(model, x, monkeypatch):
    """Each is one call of the model on the inputs as given."""
    in_full(monkeypatch)
    given = []
    model.register_forward_pre_hook(lambda module, args: given.append(args[0].clone()))
    mc_samples(model, x, 5)
    assert len(given) == 5
    assert all(torch.equal(one, x) for one in given)


@pytest.mark.parametrize(
    "kind", [kind for kind in MODELS if kind not in MIXING], ids=lambda kind: kind.__name__
)
def test_function_draws_are_one_network(kind, x, seed):
    torch.manual_seed(seed)
    model = kind()
    samples = mc_samples(model, x, 8, rng=seed, shared_mask=True)
    for row in range(2):
        alone = mc_samples(model, x[row : row + 1], 8, rng=seed)
        torch.testing.assert_close(alone[:, 0], samples[:, row])


def test_noise_from_elsewhere_follows_the_seed_and_differs(seed):
    """A function that is not replaced, such as multinomial, makes every pass a plain one."""

    class Elsewhere(Model):
        def forward(self, x):
            return self.drop(x) + torch.multinomial(torch.ones(100), 3)

    model, x, state = Elsewhere(), torch.ones(2, 3), torch.get_rng_state()
    samples = mc_samples(model, x, 9, rng=seed)
    assert torch.equal(samples, mc_samples(model, x, 9, rng=seed))
    assert len(samples[:, 0].unique(dim=0)) == 9
    assert torch.equal(torch.get_rng_state(), state)


def test_state_that_each_pass_changes_is_not_shared(x):
    class Counting(Model):
        def forward(self, x):
            self.state.add_(1)
            return self.drop(x) * 0 + self.state

    samples = mc_samples(Counting(), x, 6)
    assert torch.equal(samples[1:, 0, 0] - samples[:-1, 0, 0], torch.ones(5))


class Carried(Model):
    """A pass adds 1 to what the one before it left, in a place of this kind."""

    def __init__(self, place):
        super().__init__()
        self.place, self.kept, self.number = place, {"sum": torch.zeros(2, 3), "number": 0}, 0
        self.log, self.scalar = [], np.int64(0)
        self.attribute = torch.zeros(2, 3)

    def forward(self, x):
        noise = self.drop(x) * 0
        if self.place == "dictionary":
            total = self.kept["sum"] = self.kept["sum"] + noise + 1
        elif self.place == "attribute":
            total = self.attribute = self.attribute + noise + 1
        elif self.place == "before the noise":
            self.attribute = self.attribute + 1
            total = self.attribute + noise
        else:
            self.number += self.place == "number"
            self.kept["number"] += self.place == "number in a dictionary"
            self.log += [None] * (self.place == "length of a list")
            self.scalar += np.int64(self.place == "number of NumPy")
            passes = self.number + self.kept["number"] + len(self.log) + self.scalar
            total = noise + (1.0 if passes < 4 else 4.0)
        return total


@pytest.mark.parametrize("max_bytes", [None, 5000])
@pytest.mark.parametrize(
    "place",
    [
        *("dictionary", "attribute", "before the noise", "number"),
        *("number in a dictionary", "length of a list", "number of NumPy"),
    ],
)
def test_passes_go_on_from_what_the_last_one_left_as_in_a_loop(place, max_bytes):
    x = torch.ones(2, 3)
    samples = mc_samples(Carried(place), x, 6, max_bytes=max_bytes)
    with torch.no_grad():
        loop = [model(x) for model in [Carried(place).train()] for _ in range(6)]
    assert torch.equal(samples, torch.stack(loop))


@pytest.mark.parametrize("place", ["list", "dictionary"])
def test_a_model_may_have_what_holds_itself(place, x):
    model = Model()
    model.forward = lambda x: model.drop(model.linear(x))
    model.own = [] if place == "list" else {}
    model.own.append(model.own) if place == "list" else model.own.update(own=model.own)
    samples = mc_samples(model, x, 5, rng=0)
    assert len(samples.unique(dim=0)) > 1


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_a_part_of_a_sequence_may_be_scripted():
    part = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)))
    model = nn.Sequential(part, nn.Dropout(0.2), nn.Softmax(dim=1))
    assert mc_samples(model, torch.ones(2, 3), 4, rng=0).shape == (4, 2, 3)


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
def test_all_of_a_model_may_be_scripted():
    model = torch.jit.script(nn.Sequential(nn.Linear(3, 9), nn.Dropout(0.5)).eval())
    samples = mc_samples(model, torch.ones(2, 3), 4, rng=0)
    assert samples.shape == (4, 2, 9)
    assert 0 < (samples == 0).sum() < samples.numel()
    assert not any(module.training for module in model.modules())


class Lazy(nn.Dropout):
    """It makes a generator when it is called first, whose first two numbers are alike here."""

    rng = None

    def forward(self, x):
        self.rng = self.rng or np.random.default_rng(1)
        return super().forward(x) + 9 * (self.rng.random() < 0.3)


def test_a_generator_that_the_first_pass_makes_is_not_asked_once_for_all_passes(x):
    skipped = mc_samples(Lazy(), x, 400).amax(dim=(1, 2)) > 8
    assert 0.2 < skipped.double().mean() < 0.4  # each 4 deviations from 0.3


SHARED = np.random.default_rng(0)  # as many scripts have one


def coin():
    return float(SHARED.random() < 0.5)


@pytest.mark.parametrize("place", ["forward", "method", "function"])
def test_noise_of_a_generator_that_is_a_global_variable_is_not_shared(place):
    class Scaled(Model):
        def forward(self, x):
            if place == "forward":
                return self.drop(x) * float(SHARED.random() < 0.5)
            return self.drop(x) * (coin() if place == "function" else self.own())

        def own(self):
            return float(SHARED.random() < 0.5)

    SHARED.bit_generator.state = np.random.default_rng(1).bit_generator.state  # two alike, first
    samples = mc_samples(Scaled(), torch.ones(2, 9), 200, rng=0)
    kept = (samples != 0).any(-1).any(-1).double().mean()
    assert 0.3 < kept < 0.7


@pytest.mark.parametrize(
    ("way", "before", "behind"),
    [
        ("known layers", 1, 1),
        ("in chunks", 1, 2),
        ("in place", 1, 2),
        ("a mask for all rows", 2, 3),
    ],
)
def test_deterministic_part_is_computed_once(way, before, behind, x, monkeypatch):
    """Of 100 samples; and what is behind the dropout, in few operations for all of them.

    A mask for all rows takes one pass more, that of a single row.
    """
    products = []

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if "mm" in func.__name__:
                products.append(tuple(args[-1].shape))
            return func(*args, **(kwargs or {}))

    if way != "known layers":
        unknown_layers(monkeypatch)
    dropout = nn.Dropout(0.5, inplace=way == "in place")
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), dropout, nn.Linear(5, 2))
    with Counting():
        mc_samples(model, x, 100, shared_mask=way == "a mask for all rows")
    assert products.count((3, 5)) == before
    assert products.count((5, 2)) == behind


class Keeps(Model):
    """What comes before the dropout is kept in the model, and used behind it from there."""

    def __init__(self, what):
        super().__init__()
        self.kept, self.last = None, None
        self.what = what
        if what == "weight":
            with warnings.catch_warnings():  # there is a newer form, and models that have this one
                warnings.simplefilter("ignore", FutureWarning)
                nn.utils.weight_norm(self.linear)

    def forward(self, x):
        if self.what == "weight":
            return self.linear(self.drop(x))
        if self.what == "last result":
            self.last = self.kept
        self.kept = torch.tanh(self.linear(x))
        dropped = self.drop(self.kept)
        return dropped * (self.kept if self.last is None else self.last)


@pytest.mark.parametrize("what", ["weight", "result"])
def test_what_a_pass_keeps_of_the_beginning_is_shared_all_the_same(what, x, monkeypatch):
    model, full = Keeps(what), sampling.Sampler._in_full
    passes = []

    def noted(*args, **kwargs):
        passes.append("in full")
        return full(*args, **kwargs)

    monkeypatch.setattr(sampling.Sampler, "_in_full", noted)
    samples = mc_samples(model, x, 20, rng=0)
    assert not passes
    mc_samples(Keeps("last result"), x, 20, rng=0)
    assert passes  # of which each takes what the one before it has kept
    in_full(monkeypatch)
    assert torch.allclose(samples, mc_samples(model, x, 20, rng=0))


@pytest.mark.parametrize("compiled", ["wrapped", "in place", "part"])
def test_compiled_models_run_as_python(compiled, x, seed):
    """Their calls are seen, although the compiler would hide them; nothing is compiled."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    wanted = mc_samples(model, x, 7, rng=seed)

    def refuse(graph, inputs):
        raise AssertionError("compiled")

    if compiled == "wrapped":
        model = torch.compile(model, backend=refuse)
    elif compiled == "in place":
        model.compile(backend=refuse)
    else:
        model[1] = torch.compile(model[1], backend=refuse)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), wanted)


def test_traced_graph(x, seed):
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    wanted = mc_samples(model, x, 7, rng=seed)
    graph = torch.fx.symbolic_trace(model)
    torch.testing.assert_close(mc_samples(graph, x, 7, rng=seed), wanted)


def test_strides_of_the_input_are_kept(x):
    """A view behind the dropout that the layer's own output would allow."""

    class Viewed(Model):
        def forward(self, x):
            x = x.reshape(1, *x.shape).permute(2, 0, 1)
            return self.drop(x).permute(1, 2, 0).view(2, 3)

    assert mc_samples(Viewed(), x, 3, max_bytes=1 << 20).shape == (3, 2, 3)
    assert mc_samples(Viewed(), x, 3).shape == (3, 2, 3)


def test_inference_mode_and_its_tensors(x, seed):
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    wanted = mc_samples(model, x, 5, rng=seed)
    with torch.inference_mode():
        torch.testing.assert_close(mc_samples(model, x.clone(), 5, rng=seed), wanted)
        inside = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
        inside.load_state_dict(model.state_dict())
        given = x * 1
    samples = mc_samples(inside, given, 5, rng=seed)
    torch.testing.assert_close(samples, wanted)


def test_errors_of_the_model_are_its_own(x):
    class Wrong(Model):
        def forward(self, x):
            return self.drop(x) @ torch.ones(7)

    for max_bytes in (None, 1 << 20):
        with pytest.raises(RuntimeError, match=r"size mismatch|shapes"):
            mc_samples(Wrong(), x, 5, max_bytes=max_bytes)


def test_passes_that_diverge_are_run_in_full(x, monkeypatch):
    unknown_layers(monkeypatch)

    def repeated(*args):
        raise ReuseError("on purpose")

    monkeypatch.setattr(sampling.Sampler, "_endings", repeated)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    assert mc_samples(model, x, 5, max_bytes=1 << 20).shape == (5, 2, 4)


def test_what_a_model_keeps_of_a_pass_is_shared_once_it_is_there(x, seed, monkeypatch):
    """As biases of attention that LeViT computes once after eval(); each eval() forgets them."""

    class Keeps(Model):
        kept = None

        def forward(self, x):
            h = self.drop(self.linear(x))
            if self.kept is None:
                self.kept = 2 * self.linear.weight
            return h @ self.kept

    full, run = [], sampling.Sampler._in_full
    monkeypatch.setattr(
        sampling.Sampler, "_in_full", lambda *args, **named: full.append(0) or run(*args, **named)
    )
    model = Keeps().eval()
    cold = mc_samples(model, x, 5, rng=seed)
    assert full
    assert model.kept is None
    with torch.no_grad():
        model(x)
    full.clear()
    torch.testing.assert_close(mc_samples(model, x, 5, rng=seed), cold)
    assert not full


NESTED = [
    ([1, [2]], [[1, 2]], [[1], 2], [1, 2], (1, [2])),
    ({"a": 1}, {"a": 2}, {"b": 1}, ["a", 1], {}),
    (1.0, np.float64(2), "1", None, float, [1.0]),
    ([[], [1]], [[1], []], [1, [], []]),
]


@pytest.mark.parametrize("different", NESTED)
def test_what_passes_are_told_apart_by_is_one_list(different):
    """Each container that is kept is one more for the garbage collector to go through."""
    flat = [plain(value) for value in different]
    assert not [part for one in flat for part in one if isinstance(part, (list, tuple, dict))]
    assert [flat.count(one) for one in flat] == [1] * len(flat)
    assert flat == [plain(copy.deepcopy(value)) for value in different]
