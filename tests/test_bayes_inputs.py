"""Models and inputs of all kinds: samples have the law of a loop, or a sentence says why not."""
# ruff: noqa: D101, D102

import collections
import copy
import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dropoutlib.bayes import MCDropoutModel, decompose_variance, mc_samples, sampling, silence
from dropoutlib.nn import diagnose

X = torch.linspace(-1, 2, 12).reshape(4, 3)


def block():
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))


def switched(model):
    """The model with its dropout layers in training mode."""
    model.eval()
    for module in model.modules():
        module.training = isinstance(module, (nn.modules.dropout._DropoutNd, nn.LSTM, Noise))
    return model


def check_law(model, *args, total=300, **kwargs):
    """Means and squared differences of samples are those of a loop to six standard errors."""
    mine = mc_samples(model, *args, n_samples=total, rng=0, **kwargs)
    with torch.no_grad():
        loop = torch.stack([model(*args, **kwargs) for _ in range(total)])
    assert mine.shape == loop.shape
    assert mine.dtype == loop.dtype
    mine, loop = (torch.sigmoid(samples).double() for samples in (mine, loop))
    assert (loop.std(0) > 1e-6).any()
    squares = [(samples[::2] - samples[1::2]) ** 2 for samples in (mine, loop)]
    for one, other in ((mine, loop), squares):
        error = ((one.var(0) + other.var(0)) / len(one)).sqrt() + 1e-6
        assert ((one.mean(0) - other.mean(0)).abs() <= 6 * error).all()


class Noise(nn.Module):
    """Noise by a function of its own behind dropout."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.drop = nn.Dropout(0.2)
        self.generator = torch.Generator()
        self.numpy = np.random.default_rng(0)
        self.buffer = torch.empty(4, 3)

    def forward(self, x):
        return self.function(self, self.drop(x))


TORCH = {
    "out": lambda m, x: x * torch.rand(4, 3, out=m.buffer),
    "bernoulli, out": lambda m, x: x * torch.bernoulli(torch.full((4, 3), 0.3), out=m.buffer),
    "generator": lambda m, x: x * torch.rand(4, 3, generator=m.generator),
    "randint, generator": lambda m, x: x * torch.randint(0, 2, (4, 3), generator=m.generator),
    "complex": lambda m, x: (x * torch.randn(4, 3, dtype=torch.complex64)).imag,
    "complex in place": lambda m, x: (x * torch.empty(4, 3, dtype=torch.cfloat).normal_()).real,
    "by name": lambda m, x: x * torch.rand(size=(4, 3)) * torch.rand_like(input=x),
    "uniform_, one by name": lambda m, x: x * torch.empty(4, 3).uniform_(0, to=2),
    "uniform_, other by name": lambda m, x: x * torch.empty(4, 3).uniform_(to=2),
    "normal_ without spread": lambda m, x: x * torch.rand(4, 3) + torch.empty(4, 3).normal_(2, 0),
    "normal_, both by name": lambda m, x: x * torch.empty(4, 3).normal_(std=2, mean=1),
    "bernoulli of integers": lambda m, x: x * torch.zeros(4, 3, dtype=int).bernoulli_(0.3),
    "changed in place": lambda m, x: x * torch.rand(4, 3, dtype=torch.float64).add_(1).float(),
    "randint": lambda m, x: x * torch.randint(0, 3, (4, 3)),
    "randperm": lambda m, x: x[:, torch.randperm(3)],
    "normal": lambda m, x: torch.normal(x, 1.0),
    "multinomial": lambda m, x: x + torch.multinomial(torch.ones(9), 3),
    "exponential_": lambda m, x: x * torch.empty(4, 3).exponential_(),
    "geometric_": lambda m, x: x * x.new_empty(4, 3).geometric_(0.5),
    "gumbel": lambda m, x: F.gumbel_softmax(x),
    "rrelu": lambda m, x: F.rrelu(x, training=True),
    "distribution": lambda m, x: torch.distributions.Normal(x, 1.0).rsample(),
    "feature_dropout": lambda m, x: torch.feature_dropout(x, 0.5, True),
}
PYTHON = {
    "random": lambda m, x: x * random.random(),
    "numpy": lambda m, x: x * np.random.rand(),  # noqa: NPY002
    "own generator": lambda m, x: x * m.numpy.random(),
    "array": lambda m, x: x * torch.from_numpy(m.numpy.random((4, 3))).float(),
    "tensor": lambda m, x: x * torch.tensor(m.numpy.random((4, 3))).float(),
    "branch": lambda m, x: x if random.random() < 0.5 else -x,
    "branch, own generator": lambda m, x: x if m.numpy.random() < 0.5 else -x,
    "dropped": lambda m, x: m.drop(x * random.random()),
}


@pytest.mark.parametrize("kind", [*TORCH, *PYTHON])
def test_noise_of_ones_own_has_the_law_of_a_loop(kind, seed):
    torch.manual_seed(seed)
    random.seed(seed)
    model, state = switched(Noise({**TORCH, **PYTHON}[kind])), torch.get_rng_state()
    mc_samples(model, X, 3)
    assert torch.equal(torch.get_rng_state(), state)
    check_law(model, X)


def test_noise_that_a_model_changes_is_the_same_for_the_next_row():
    def draw(model, x):
        return x * torch.rand(1, 3, dtype=torch.float64).add_(1) * (2 if random.random() < 2 else 1)

    samples = mc_samples(switched(Noise(draw)), torch.ones(4, 3).double(), 5, shared_mask=True)
    assert torch.equal(samples, samples[:, :1].expand_as(samples))


@pytest.mark.parametrize("kind", TORCH)
def test_noise_of_torch_follows_the_seed(kind):
    model = switched(Noise(TORCH[kind]))
    first, again = (mc_samples(model, X, 5, rng=3) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, mc_samples(model, X, 5, rng=4))


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: torch.bernoulli(x + 1),
        lambda x: torch.bernoulli(x * torch.nan),
        lambda x: torch.empty(4, 3).bernoulli_(x - 1),
        lambda x: torch.empty(4, 3).bernoulli_(1.5),
        lambda x: torch.empty(4, 3).uniform_(1, 0),
        lambda x: torch.empty(4, 3).normal_(0, -1),
        lambda x: torch.empty(4, 3).normal_(std=torch.nan),
    ],
)
def test_noise_that_torch_refuses_is_refused(draw):
    model, x = Noise(lambda m, x: draw(x)), torch.full((4, 3), 0.5)
    with pytest.raises(RuntimeError):
        model(x)
    with pytest.raises(ValueError, match=r"cannot draw|\[0, 1\]"):
        mc_samples(model, x, 5, rng=0)


def test_probabilities_of_later_passes_are_checked_too():
    """Behind dropout with p = 1/2 an entry is 0 or 1.2: the first pass keeps none."""

    def drawn(m, x):
        return torch.bernoulli(m.other(x)) if m.other.training else x

    model = Noise(drawn)
    model.drop, model.other = nn.Identity(), nn.Dropout(0.5)
    x = torch.tensor([[0.6, 0.6]])
    seed = next(s for s in range(99) if not mc_samples(model.other, x, 1, rng=s).any())
    assert not mc_samples(model, x, 1, rng=seed, also=[model]).any()
    with pytest.raises(ValueError, match="outside"):
        mc_samples(model, x, 20, rng=seed, also=[model])


def test_noise_that_takes_no_generator_is_refused():
    model = Noise(lambda m, x: torch.native_dropout(x, 0.5, True)[0])
    with pytest.raises(ValueError, match=r"native_dropout.* takes no other.* torch\.rand"):
        mc_samples(model, X, 5)


class Vmapped(nn.Module):
    """Calls vmap itself, as models of many members do."""

    def __init__(self, randomness, inplace):
        super().__init__()
        self.drop, self.randomness = nn.Dropout(0.5, inplace), randomness
        self.linear, self.last = nn.Linear(3, 3), nn.Dropout(0.3)

    def forward(self, x):
        def member(scale):
            return self.drop(self.linear(x.T.contiguous().T) * scale)

        scales = torch.tensor([1.0, 2.0])
        many = torch.func.vmap(member, randomness=self.randomness)(scales)
        return self.last(many.movedim(0, 1))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("randomness", ["same", "different"])
def test_vmap_of_the_model_draws_as_it_says(randomness, inplace, seed):
    torch.manual_seed(seed)
    model = switched(Vmapped(randomness, inplace))
    check_law(model, X)
    samples = mc_samples(model, X, 50, rng=0)
    assert torch.equal(samples, mc_samples(model, X, 50, rng=0))
    model.last.p = 0.0
    dropped = mc_samples(model, X, 50, rng=0) == 0
    assert torch.equal(dropped[:, :, 0], dropped[:, :, 1]) is (randomness == "same")


def test_vmap_of_the_model_without_noise_is_run_with_others(monkeypatch):
    model = Vmapped("error", False).eval()
    model.drop = nn.Identity()
    monkeypatch.setattr(sampling.Sampler, "_in_full", None)
    assert (mc_samples(model, X, 5).std(0) > 0).any()


class Graph(nn.Module):
    """Messages along the edges of a graph, given as a sparse matrix or as pairs of nodes."""

    def __init__(self):
        super().__init__()
        self.linear, self.drop = nn.Linear(3, 2), nn.Dropout(0.5)

    def forward(self, x, edges):
        h = self.linear(self.drop(x))
        if edges.dtype == torch.int64:
            return torch.zeros_like(h).index_add(0, edges[1], h[edges[0]])
        return torch.sparse.mm(edges, h)


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr", "to_sparse_csc", "pairs"])
@pytest.mark.parametrize("by_name", [True, False])
def test_graphs_whose_edges_have_no_rows(layout, by_name, seed):
    torch.manual_seed(seed)
    model, dense = switched(Graph()), torch.rand(4, 4)
    edges = dense.nonzero().T if layout == "pairs" else getattr(dense, layout)()
    check_law(model, X, **{"edges": edges}) if by_name else check_law(model, X, edges)
    in_tuple = mc_samples(model, (X, edges), 5, rng=0)
    torch.testing.assert_close(in_tuple, mc_samples(model, X, edges, n_samples=5, rng=0))


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.head = nn.LSTM(3, 4, 2, dropout=0.5), nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.cells(x)[1][0][-1])


def test_packed_sequence_is_one_argument(seed):
    torch.manual_seed(seed)
    x = nn.utils.rnn.pack_sequence([torch.randn(5, 3), torch.randn(2, 3)])
    check_law(switched(Packed()), x)
    with pytest.raises(ValueError, match=r"PackedSequence.*pad_packed_sequence"):
        mc_samples(Packed(), x, 5, shared_mask=True)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (lambda: torch.nested.nested_tensor([X, X[:2]]), TypeError, "nested.*to_padded_tensor"),
        (
            lambda: torch.nested.nested_tensor([X, X[:2]], layout=torch.jagged),
            TypeError,
            "nested.*to_padded_tensor",
        ),
        (lambda: X.to("meta"), ValueError, "meta"),
        (lambda: np.ones((4, 3)), TypeError, "got ndarray"),
        (lambda: torch.ones(2, 3, dtype=int), RuntimeError, "dtype|Long"),
    ],
)
def test_what_cannot_be_sampled_is_refused_in_words(x, error, text):
    with pytest.raises(error, match=text):
        mc_samples(block(), x(), 5)


def test_integers_are_inputs_where_the_model_takes_them():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.drop = nn.Embedding(9, 4), nn.Dropout(0.5)

        def forward(self, x):
            return self.drop(self.table(x))

    check_law(switched(Tokens()), torch.arange(8).reshape(4, 2))


class Dictionary(nn.Module):
    """Takes keywords and gives a dictionary, as models of transformers do."""

    def __init__(self):
        super().__init__()
        self.mean, self.noise = block(), nn.Linear(3, 2)

    def forward(self, *, x=None, given, scale=1.0):
        return {"mean": self.mean(given) * scale, "var": self.noise(given).exp(), "loss": None}


class Pair(Dictionary):
    def forward(self, x):
        return self.mean(x), self.noise(x).exp()


def test_keywords_and_outputs_of_many_parts():
    model = Dictionary()
    samples = mc_samples(model, given=X, scale=2.0, n_samples=6, rng=0)
    assert {key: getattr(value, "shape", None) for key, value in samples.items()} == {
        "mean": (6, 4, 2),
        "var": (6, 4, 2),
        "loss": None,
    }
    assert (samples["var"][0] == samples["var"]).all()
    assert (samples["mean"].std(0) > 0).any()
    picked = mc_samples(model, given=X, scale=2.0, n_samples=6, rng=0, output=lambda o: o["mean"])
    assert torch.equal(picked, samples["mean"])
    with pytest.raises(TypeError, match="output=lambda"):
        mc_samples(model, given=X, n_samples=3, output=lambda o: object())


def test_mean_and_variance_go_into_the_split():
    means, variances = mc_samples(Pair(), X, 50, rng=0)
    split = decompose_variance(means, variances)
    torch.testing.assert_close(split.aleatoric, variances[0].double())
    torch.testing.assert_close(split.epistemic, means.double().var(0, correction=0))


def test_a_call_without_the_number_of_samples_says_so():
    for call, shown in (
        (lambda: mc_samples(block(), X), r"Sequential, Tensor"),
        (lambda: mc_samples(block(), X, X), r"Sequential, Tensor, Tensor"),
        (lambda: mc_samples(block(), {"x": X}), r"Sequential, dict"),
        (lambda: mc_samples(Dictionary(), given=X), r"Dictionary, given"),
    ):
        with pytest.raises(TypeError, match=rf"mc_samples\({shown}\) .* add n_samples=100"):
            call()


@pytest.mark.parametrize("ask", [mc_samples, diagnose])
def test_a_dictionary_by_position_is_told_to_be_unpacked_where_the_model_fails(ask):
    more = {"n_samples": 3} if ask is mc_samples else {}
    with pytest.raises(TypeError) as found:
        ask(Dictionary(), {"given": X}, **more)
    (note,) = found.value.__notes__
    assert "**inputs" in note

    class Takes(nn.Sequential):  # which is no error
        def forward(self, batch):
            return super().forward(batch["given"])

    ask(Takes(nn.Linear(3, 2), nn.Dropout(), nn.Linear(2, 2)), {"given": X}, **more)

    with pytest.raises(RuntimeError, match="shapes") as other:  # no dictionary, no hint
        ask(block(), X[:, :1], **more)
    assert not hasattr(other.value, "__notes__")

    if ask is mc_samples:
        with pytest.raises(TypeError, match=r"got UserDict; .* \*\*inputs"):
            ask(Dictionary(), collections.UserDict(given=X), n_samples=3)


class Reads(nn.Module):
    """Attention that reads p of a layer which it never calls, as those of timm do."""

    def __init__(self):
        super().__init__()
        self.attn_drop, self.drop = nn.Dropout(0.5), nn.Dropout(0.1)

    def forward(self, x):
        p = self.attn_drop.p if self.training else 0.0
        return self.drop(F.scaled_dot_product_attention(x, x, x, dropout_p=p))


def test_no_dropout_is_left_out_in_silence(seed):
    x = torch.randn(2, 5, 8)
    with pytest.warns(UserWarning, match=r"attn_drop .*also=\[Reads\]"):
        mc_samples(Reads(), x, 5)
    model = Reads().train()
    torch.manual_seed(seed)
    with torch.no_grad():
        loop = torch.stack([model(x) for _ in range(1500)])
    mine = mc_samples(model, x, 1500, rng=0, also=[Reads])
    torch.testing.assert_close(mine.var(0).mean(), loop.var(0).mean(), rtol=0.1, atol=0)


class Branch(nn.Module):
    """A branch that is taken in training alone, as auxiliary heads are, or never."""

    def __init__(self, branch=None):
        super().__init__()
        self.used = block()
        self.branch = nn.Dropout(0.3) if branch is None else branch

    def forward(self, x):
        h = self.used(x)
        return self.branch(h) if self.training else h


class Spare(Branch):
    """A branch that no mode takes, as the stochastic depth of a block without a residual."""

    def forward(self, x):
        return self.used(x)


def test_a_layer_that_a_mode_keeps_from_being_called_is_named():
    with pytest.warns(UserWarning, match=r"branch \(Dropout\).*p=0.3.*also=\[Branch\]"):
        mc_samples(Branch(), X, 5)
    # The mode that decides is not that of what holds the layer, which is not called.
    with pytest.warns(UserWarning, match=r"branch.1 \(Dropout\).*also=\[Branch\]"):
        mc_samples(Branch(nn.Sequential(nn.Identity(), nn.Dropout(0.3))), X, 5)
    with pytest.warns(UserWarning, match=r"0.branch \(Dropout\).*also=\[Branch\]"):
        mc_samples(nn.Sequential(Branch(), nn.Identity()), X, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mc_samples(Branch(nn.Sequential(nn.Identity(), nn.Dropout(0.3))), X, 5, also=[Branch])


def test_of_branches_within_branches_the_mode_that_decides_is_named():
    """Not that of a branch which is not called either: it would change nothing."""

    class Outer(Branch):
        pass

    class Inner(Branch):
        pass

    layer = nn.TransformerEncoderLayer(3, 1, 4, dropout=0.3, batch_first=True)
    for inner in (Inner(), layer, torch.compile(Inner(), backend="eager")):
        for also in ((), type(inner)):
            with pytest.warns(UserWarning, match=r"\(Dropout\).*also=\[Outer\]") as seen:
                mc_samples(Outer(inner), X, 5, also=also)
            assert len(seen) == 1


def test_a_mode_that_is_given_as_an_argument_is_that_of_who_gives_it():
    class Given(Branch):
        def forward(self, x, training):
            h = self.used(x)
            return self.branch(h) if training else h

    class Gives(nn.Module):
        def __init__(self):
            super().__init__()
            self.given = Given()

        def forward(self, x):
            return self.given(x, self.training)

    with pytest.warns(UserWarning, match=r"given.branch \(Dropout\).*also=\[Gives\]"):
        mc_samples(Gives(), X, 5)


def test_what_drops_by_a_number_is_named_where_it_holds_other_modules():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.attention_dropout = nn.Linear(3, 3), 0.3

        def forward(self, x):
            p, h = self.attention_dropout if self.training else 0.0, self.linear(x)[None]
            return F.scaled_dot_product_attention(h, h, h, dropout_p=p)[0]

    with pytest.warns(UserWarning, match=r"not called; 0 \(Attends\).*also=\[Attends\]"):
        mc_samples(nn.Sequential(Attends(), nn.Dropout(0.5)), X, 5)


@pytest.mark.parametrize("form", [nn.Dropout, lambda p: nn.ModuleList([nn.Dropout(p)])])
def test_a_spare_layer_is_not_named_as_it_is_not_called_in_training_either(form):
    model, train = Spare(form(0.3)), Spare(form(0.3)).train()
    called = []
    train.branch.register_forward_hook(lambda *args: called.append(args))
    train(X)
    assert not called
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mc_samples(model, X, 5)
        mc_samples(nn.Sequential(model, nn.Dropout(0.2)), X, 5)
    assert not any(module._forward_pre_hooks for module in model.modules())


class Chooses(nn.Module):
    """Attention by a function of torch, or by hand: one of two ways to drop weights is idle."""

    def __init__(self, fused):
        super().__init__()
        self.drop, self.dropout, self.fused = nn.Dropout(0.3), 0.3, fused

    def forward(self, x):
        if self.fused:
            p = self.dropout if self.training else 0.0
            return F.scaled_dot_product_attention(x, x, x, dropout_p=p)
        return self.drop((x @ x.mT).softmax(-1)) @ x


def test_a_function_of_a_branch_for_other_settings_is_not_named(recwarn):
    model, x = nn.Sequential(Chooses(False), nn.Dropout(0.1)).eval(), torch.randn(2, 5, 8)
    state = torch.get_rng_state()
    assert mc_samples(model, x, 5).std(dim=0).min() > 0
    assert not recwarn.list
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module.training for module in model.modules())
    with pytest.warns(UserWarning, match=r"not called; 0 \(Chooses\), attention[^;]*$"):
        mc_samples(nn.Sequential(Chooses(True), nn.Dropout(0.1)), x, 5)


def test_no_copy_of_a_large_model_is_made_to_ask_it(monkeypatch):
    """Its code has to tell, which cannot tell one branch from another."""
    monkeypatch.setattr(silence, "COPY_BYTES", 35)
    model, x = nn.Sequential(Chooses(False), nn.Linear(2, 3), nn.Dropout(0.1)), torch.randn(3, 2)
    with pytest.warns(UserWarning, match=r"not called; 0 \(Chooses\), attention"):
        mc_samples(model, x, 5)
    monkeypatch.setattr(silence, "COPY_BYTES", 36)  # two by three weights, and three biases
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mc_samples(model, x, 5)


def drop_path_by_python(x, drop_prob):
    return x * (random.random() >= drop_prob)


def drop_path_by_order(x, drop_prob):
    return x * (torch.randperm(10)[0] >= 10 * drop_prob)


drop_path = drop_path_by_python


@pytest.mark.parametrize("drop", [drop_path_by_python, drop_path_by_order])
def test_a_function_whose_noise_is_not_seen_is_named(drop, monkeypatch):
    class Block(nn.Linear):
        drop_prob = 0.3

        def forward(self, x):
            return drop_path(super().forward(x), self.drop_prob) if self.training else x

    monkeypatch.setitem(globals(), "drop_path", drop)
    with pytest.warns(UserWarning, match=r"not called; 0 \(Block\), path .*also=\[Block\]$"):
        mc_samples(nn.Sequential(Block(3, 3), nn.Dropout(0.1)), X, 5)


class CodeBook(nn.Linear):
    """It follows the data in training, in a parameter, with noise from a generator of its own."""

    def __init__(self):
        super().__init__(3, 3)
        self.drop, self.rng = nn.Dropout(0.3), np.random.default_rng(0)

    def forward(self, x):
        if self.training:
            self.weight.data.mul_(0.9).add_(self.rng.random())
            return self.drop(super().forward(x))
        return super().forward(x)


def test_the_pass_that_tells_what_is_left_out_trains_nothing():
    model = nn.Sequential(CodeBook(), nn.Dropout(0.1)).eval()
    weight, state = model[0].weight.clone(), model[0].rng.bit_generator.state
    with pytest.warns(UserWarning, match=r"drop .* p=0.3: also=\[CodeBook\]$"):
        mc_samples(model, X, 5)
    assert torch.equal(model[0].weight, weight)
    assert model[0].rng.bit_generator.state == state


def drops_outside(module, x):
    return module.drop(x) if module.training else x


class Linear(nn.Linear):
    """A layer whose mode is read by a function, as where adapters are added."""

    def __init__(self):
        super().__init__(3, 3)
        self.drop = nn.Dropout(0.3)

    def forward(self, x):
        return drops_outside(self, super().forward(x))


def test_a_layer_that_a_function_keeps_from_being_called_is_named():
    """By which class, in full where torch has one of that name; alone it is no error in silence."""
    advice = rf"\(Dropout\), element dropout with p=0.3: also=\[{__name__}.Linear\]$"
    with pytest.warns(UserWarning, match=advice):
        mc_samples(nn.Sequential(Linear(), nn.Dropout(0.1)), X, 5)
    with pytest.raises(ValueError, match=f"does not come to it; drop {advice}"):
        mc_samples(Linear(), X, 5)
    assert mc_samples(Linear(), X, 5, also=Linear).std(dim=0).max() > 0


def test_of_modules_around_a_layer_that_is_named_which_reads_its_mode():
    class Part(nn.Linear):
        def __init__(self):
            super().__init__(3, 3)
            self.drop = nn.Dropout(0.3)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = Part()

        def forward(self, x):
            x = self.part(x)
            return self.part.drop(x) if self.training else x

    with pytest.warns(UserWarning, match=r"element dropout with p=0.3: also=\[Whole\]$"):
        mc_samples(nn.Sequential(Whole(), nn.Dropout(0.1)), X, 5)


def test_functional_dropout_that_was_on_is_not_named_beside_a_layer_that_was_not_called():
    class Functional(nn.Module):
        def forward(self, x):
            return F.dropout(x, 0.5, self.training)

    model = Branch()
    model.used = Functional()
    with pytest.warns(UserWarning, match=r"not called; branch \(Dropout\)[^;]*$"):
        assert mc_samples(model, X, 20, also=[Functional]).std(dim=0).max() > 0


def test_a_batch_that_drops_once_more_than_a_row_does_is_run_row_by_row():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return self.drop(self.drop(x)) if len(x) > 1 else self.drop(x)

    ones = torch.ones(3, 4)
    samples = mc_samples(Twice(), ones, 50, shared_mask=True, rng=0)
    assert samples.unique().tolist() == [0.0, 2.0]  # and no 4, which two masks would give


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("weights", [True, False])
def test_attention_in_half_precision_overflows_no_earlier_than_torchs(dtype, weights):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.MultiheadAttention(128, 1, dropout=0.1, batch_first=True, dtype=dtype)

        def forward(self, x):
            return self.a(x, x, x, need_weights=weights)[0]

    model, x = Net().train(), torch.randn(2, 4, 128).to(dtype) * (200 if not weights else 20)
    assert model(x).isfinite().all()
    samples = mc_samples(model, x, 5, rng=0)
    assert samples.dtype is dtype
    assert samples.isfinite().all()


@pytest.mark.parametrize("inner", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("way", ["known layers", "any", "bounded", "in full"])
def test_one_dtype_whatever_the_route_also_under_autocast(way, inner):
    """The dtype is that of the model's own passes."""
    parts = [nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2)]
    parts += [] if way == "known layers" else [nn.Softmax(1)]
    parts += [nn.RReLU()] if way == "in full" else []
    model, x = nn.Sequential(*parts).to(inner), X.to(inner)
    bound = {"max_bytes": 1 << 20} if way == "bounded" else {}
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled), torch.no_grad():
            also = [nn.RReLU] if way == "in full" else []
            found = mc_samples(model, x, 5, also=also, **bound)
            assert found.dtype is model.train()(x).dtype


@pytest.mark.parametrize("heads", ["function", "module"])
def test_attention_under_autocast_has_the_dtype_of_torchs(heads):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.module = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)

        def forward(self, x):
            if heads == "module":
                return self.module(x, x, x, need_weights=False)[0]
            return F.scaled_dot_product_attention(x, x, self.drop(x), dropout_p=0.5)

    model, x = Net().train(), torch.randn(2, 5, 8)
    with warnings.catch_warnings(), torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        warnings.simplefilter("ignore")
        assert mc_samples(model, x, 5, also=[Net]).dtype is model(x).dtype


def test_hooks_weights_and_parametrizations(seed):
    torch.manual_seed(seed)
    tied = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Linear(3, 3))
    tied[2].weight = tied[0].weight
    hooked = block()
    hooked[1].register_forward_hook(lambda module, args, output: output * 2)
    hooked[2].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    normed = nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
        nn.Dropout(0.5),
        nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)),
    )
    hostile = block()
    hostile.lock, hostile.generator = threading.Lock(), (i for i in range(3))
    for model in (tied, hooked, normed, hostile, nn.DataParallel(block())):
        check_law(switched(model), X)


def test_compiled_functions_within_a_pass_are_seen(seed):
    class Compiled(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.drop = nn.Linear(3, 8), nn.Dropout(0.5)

        def forward(self, x):
            return torch.compile(lambda y: self.drop(self.linear(y)), backend="eager")(x)

    torch.manual_seed(seed)
    check_law(switched(Compiled()), X, total=100)


def test_parameters_without_a_shape_are_refused():
    with pytest.raises(ValueError, match="run the model once"):
        mc_samples(nn.Sequential(nn.LazyLinear(3), nn.Dropout(0.5)), X, 5)


class Remembers(nn.Module):
    """Changes itself in each pass."""

    def __init__(self):
        super().__init__()
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(3)
        self.count, self.log, self.tensor = 0, [], torch.zeros(1)

    def forward(self, x):
        self.count += 1
        self.log.append(self.count)
        self.tensor += 1
        return self.drop(self.norm(x)) * 0 + self.tensor


def test_what_passes_change_in_the_model_is_as_before():
    model = Remembers().train()
    before = copy.deepcopy(model.state_dict())
    samples = mc_samples(model, X, 5, also=[model.norm])
    assert samples[:, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert (model.count, model.log, model.tensor.item()) == (0, [], 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("total", [200])
def test_other_threads_predict_as_if_nothing_were_sampled(total):
    check_threads(total)


def flags_of_modes():
    """What torch notes of modes that are on, for all threads together."""
    noted = vars(torch.utils._python_dispatch)
    return {name: value for name, value in noted.items() if name.startswith("_is_in_")}


def check_threads(total):
    """Plain predictions of threads between samples are those of before, every one of them."""
    layers = nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2)
    model = nn.Sequential(*layers, nn.Softmax(1), nn.Dropout(0.2)).eval()
    with torch.no_grad():
        plain = model(X)
    wanted = mc_samples(model, X, 20, rng=0, also=[nn.BatchNorm1d])
    state = {name: value.clone() for name, value in model.state_dict().items()}
    stop, faults, random_state = threading.Event(), [], torch.get_rng_state()
    of_the_process = flags_of_modes()

    def sample(_):
        while not stop.is_set():
            found = mc_samples(model, X, 20, rng=0, also=[nn.BatchNorm1d])
            if not torch.allclose(found, wanted, atol=1e-6):
                faults.append("samples")
            MCDropoutModel(model).entropy_uncertainty(X, 5)

    def predict(_):
        for _ in range(total // 4):
            with torch.no_grad():
                if not torch.equal(model(X), plain) or model.training or model[3].training:
                    faults.append("prediction")

    with ThreadPoolExecutor(8) as pool:
        sampling = [pool.submit(sample, i) for i in range(4)]
        try:
            list(pool.map(predict, range(4)))
        finally:
            stop.set()
        [future.result() for future in sampling]
    assert not faults
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert flags_of_modes() == of_the_process  # or torch may compile nothing any more
    assert not any(module._forward_hooks or module.training for module in model.modules())


def test_attention_without_dropout_is_no_noise():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return F.scaled_dot_product_attention(x, x, self.drop(x))

    x = torch.randn(2, 4, 5, 8)
    assert (mc_samples(Net(), x, 5).std(0) > 0).any()


@pytest.mark.parametrize("also", [["norm"], [block()]])
def test_what_shall_be_on_too_is_a_part_of_the_model(also):
    with pytest.raises(ValueError, match=r"also=.* is no module of Sequential"):
        mc_samples(block(), X, 5, also=also)
