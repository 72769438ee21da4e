"""Which layers are active in `mc_samples`: every kind of dropout, wherever it is, and no other."""
# ruff: noqa: D102

import warnings
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mc_models import Attention, Path, in_full, plain_loop, unknown_layers
from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._python_dispatch import TorchDispatchMode

import dropcheck
from dropoutlib import nn as ours
from dropoutlib.bayes import mc_samples

SHAPES = {
    "Dropout1d": (2, 4, 3),
    "Dropout2d": (2, 4, 3, 3),
    "Dropout3d": (2, 4, 3, 3, 3),
    "DropBlock2d": (2, 2, 8, 8),
    "VariationalDropout": (2, 5, 4),
    "FeatureAlphaDropout": (2, 4, 3),
}


def layers():
    for kind in _DropoutNd.__subclasses__():
        if kind.__module__ == "torch.nn.modules.dropout":
            yield f"torch-{kind.__name__}", lambda kind=kind: kind(0.4), kind.__name__
    for name in ours.__all__:
        kind = getattr(ours, name)
        if not (isinstance(kind, type) and issubclass(kind, _DropoutNd)):
            continue
        if name == "DropConnectLinear":
            yield name, lambda: ours.DropConnectLinear(4, 3, 0.4), name
        elif name == "DropBlock2d":
            yield name, lambda: ours.DropBlock2d(0.4, 3), name
        else:
            yield name, lambda kind=kind: kind(0.4), name
    yield "timm", lambda: Path(0.4), "DropPath"


LAYERS = {key: (build, name) for key, build, name in layers()}


@pytest.fixture(params=LAYERS)
def layer(request, seed, rng):
    """A dropout layer and an input of two rows for it."""
    build, name = LAYERS[request.param]
    torch.manual_seed(seed)
    x = torch.from_numpy(rng.uniform(0.5, 1.5, SHAPES.get(name, (2, 4))))
    return build().double(), x


def test_all_kinds_were_found():
    assert {"torch-Dropout1d", "torch-AlphaDropout", "DropPath", "ConcreteDropout"} <= {*LAYERS}
    assert len(LAYERS) >= 18


def test_root_that_is_a_dropout_layer_is_active(layer):
    module, x = layer
    samples = mc_samples(module.eval(), x, 40)
    assert (samples.std(dim=0) > 0).any()
    assert not module.training


def test_same_numbers_in_full(layer, seed, monkeypatch):
    module, x = layer
    model = nn.Sequential(nn.Hardtanh(-9, 9), module, nn.ReLU())
    together = mc_samples(model, x, 12, rng=seed)
    bounded = mc_samples(model, x, 12, rng=seed, max_bytes=1 << 20)
    in_full(monkeypatch)
    plain = mc_samples(model, x, 12, rng=seed)
    torch.testing.assert_close(together, plain)
    torch.testing.assert_close(bounded, plain)


def test_moments_are_those_of_the_layer(layer, rng, seed):
    """Squashed to [0, 1], against as many draws of the layer's own."""
    module, x = layer
    total = 4000
    torch.manual_seed(seed)
    loop = plain_loop(module, x, total, [module])
    mine = mc_samples(module, x, total, rng=rng)
    loop, mine = (torch.sigmoid(samples.detach() - 1).numpy() for samples in (loop, mine))
    slack = np.sqrt(np.log(2 * loop[0].size / 1e-8) / (2 * total))
    assert np.abs(loop.mean(axis=0) - mine.mean(axis=0)).max() <= 2 * slack
    squares = [(s[::2] - s[1::2]) ** 2 for s in (loop, mine)]
    assert np.abs(squares[0].mean(axis=0) - squares[1].mean(axis=0)).max() <= 3 * slack


def test_function_draws_are_one_network(layer, seed):
    module, x = layer
    samples = mc_samples(module, x, 9, rng=seed, shared_mask=True)
    for row in range(len(x)):
        alone = mc_samples(module, x[row : row + 1], 9, rng=seed)
        torch.testing.assert_close(alone[:, 0], samples[:, row])


def test_object_used_twice_is_active_in_both_places():
    drop = nn.Dropout(0.5)
    model = nn.Sequential(drop, nn.Flatten(), drop)
    samples = mc_samples(model, torch.ones(1, 1), 4000, rng=0)
    assert set(samples.unique().tolist()) == {0.0, 4.0}
    assert dropcheck.mean_test((samples == 4).double().numpy(), 0.25, 0, 1, wrong=0.5)


def test_places_of_one_object_are_independent():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return torch.stack([self.drop(x), self.drop(x)], dim=-1)

    kept = mc_samples(Twice(), torch.ones(1, 1), 8000, rng=0).flatten(1).double().numpy() / 2
    assert dropcheck.mean_test(kept[:, 0] * kept[:, 1], 0.25, 0, 1, wrong=0.5)


@pytest.mark.parametrize("function", [F.dropout, ours.functional.dropout])
def test_functions_drop_by_default(function):
    class Own(nn.Module):
        def forward(self, x):
            return function(x) if self.training else x

    model = Own()
    samples = mc_samples(model, torch.ones(1, 1), 4000, rng=0, also=[model])
    assert set(samples.unique().tolist()) == {0.0, 2.0}
    assert dropcheck.mean_test((samples == 2).double().numpy(), 0.5, 0, 1, wrong=0.6)


class Recurrent(nn.Module):
    """The last output of a recurrent network."""

    def __init__(self, kind, **options):
        super().__init__()
        self.cells = kind(3, 4, num_layers=3, dropout=0.4, **options)

    def forward(self, x):
        return self.cells(x)[0]


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize(
    "options",
    [{"batch_first": True}, {"batch_first": True, "bidirectional": True}, {"bias": False}],
)
def test_recurrent_layers(kind, options, seed, rng, monkeypatch):
    """The mean is a plain loop's, and the samples those of full passes, one row or more."""
    torch.manual_seed(seed)
    model = Recurrent(kind, **options).double().eval()
    x = torch.randn(2, 5, 3, dtype=torch.double)
    total = 1000
    mine = mc_samples(model, x, total, rng=rng).numpy()
    loop = plain_loop(model, x, total, [model.cells]).numpy()  # each output is in (-1, 1)
    slack = 2 * np.sqrt(np.log(2 * loop[0].size / 1e-8) / (2 * total))
    assert np.abs(loop.mean(axis=0) - mine.mean(axis=0)).max() <= 2 * slack
    assert (mine.std(axis=0)[:, -1] > 1e-4).all()
    together = mc_samples(model, x, 7, rng=seed)
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), together)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("rows_first", [True, False])
def test_recurrent_layer_behind_dropout(kind, rows_first, seed, monkeypatch):
    """Its rows are those of all passes, run at once, and its state may be given or noisy."""
    runs = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.cells = kind(3, 4, batch_first=rows_first)

        def forward(self, x, h):
            runs.append(self)
            h, x = self.drop(h.transpose(0, 1)), x if rows_first else x.transpose(0, 1)
            state = (h, torch.ones_like(h)) if kind is nn.LSTM else h
            return self.cells(self.drop(x), state)[0].mean(1 if rows_first else 0)

    model, inputs = Net().double(), (torch.randn(2, 5, 3).double(), torch.ones(2, 1, 4).double())
    together = mc_samples(model, inputs, 7, rng=seed)
    assert len(runs) == 2  # the first pass, and all the others
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, inputs, 7, rng=seed), together)


def test_recurrent_layer_with_dropped_weights(seed, monkeypatch):
    """Masks on the weights from state to state: passes cannot run as more rows, but one by one."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.cells = nn.Dropout(0.5), nn.LSTM(3, 4, batch_first=True)

        def forward(self, x):
            names = dict(self.cells.named_parameters())
            names["weight_hh_l0"] = self.drop(names["weight_hh_l0"])
            state = torch.ones(1, len(x), 4, dtype=x.dtype)
            flags = (True, 1, 0.0, False, False, True)  # biases, layers, no dropout, batch first
            return torch.lstm(x, (state, state), list(names.values()), *flags)[0]

    torch.manual_seed(seed)
    model, x = Net().double(), torch.randn(2, 5, 3, dtype=torch.double)
    samples = mc_samples(model, x, 7, rng=seed)
    assert (samples.std(dim=0) > 0).all()
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), samples)


class Steps(nn.Module):
    """A recurrent cell, called step by step; dropout of its inputs, or of its weights."""

    runs: ClassVar[list[int]] = []  # numbers of rows in the passes of all such models

    def __init__(self, kind, on_weights=False, **options):
        super().__init__()
        self.cell, self.drop, self.on_weights = kind(3, 4, **options), nn.Dropout(0.5), on_weights

    def forward(self, x):
        self.runs.append(len(x))
        hidden = x.new_ones(len(x), 4)
        state = (hidden, hidden) if isinstance(self.cell, nn.LSTMCell) else hidden
        weights = dict(self.cell.named_parameters())
        if self.on_weights:
            weights["weight_hh"] = self.drop(weights["weight_hh"])
        for step in x.unbind(1):
            step = step if self.on_weights else self.drop(step)
            state = torch.func.functional_call(self.cell, weights, (step, state))
        return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((nn.LSTMCell, {}), (nn.GRUCell, {}), (nn.RNNCell, {}), (nn.LSTMCell, {"bias": False})),
        (nn.RNNCell, {"nonlinearity": "relu"}),
    ],
)
def test_recurrent_cells(kind, options, seed, monkeypatch):
    """The steps of all passes but the first are those of one with more rows."""
    torch.manual_seed(seed)
    model, x = Steps(kind, **options).double(), torch.randn(2, 5, 3).double()
    model.runs.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as of operations that torch runs one by one
        together = mc_samples(model, x, 7, rng=seed)
    assert len(model.runs) == 2
    assert (together.std(dim=0) > 0).any()
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), together)


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
def test_recurrent_cells_with_dropped_weights(kind, seed, monkeypatch):
    torch.manual_seed(seed)
    model, x = Steps(kind, on_weights=True).double(), torch.randn(2, 5, 3).double()
    samples = mc_samples(model, x, 7, rng=seed)
    assert (samples.std(dim=0) > 0).all()
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), samples)


def test_recurrent_cells_by_name(seed, monkeypatch):
    """As functions of torch, whose arguments have names; biases may be left out."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.cell = nn.Dropout(0.5), nn.GRUCell(3, 4)

        def forward(self, x):
            weights = {"w_ih": self.cell.weight_ih, "w_hh": self.cell.weight_hh}
            return torch.gru_cell(input=self.drop(x), hx=x.new_ones(len(x), 4), **weights)

    torch.manual_seed(seed)
    model, x = Net().double(), torch.randn(2, 3).double()
    together = mc_samples(model, x, 7, rng=seed)
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), together)


def test_recurrent_layers_by_name(seed):
    """In a form that no handler takes, the noise is torch's own, and follows the seed."""

    class Net(Recurrent):
        def forward(self, x):
            c, h = self.cells, x.new_zeros(3, len(x), 4)
            given = {"input": x, "hx": h, "params": list(c.parameters()), "has_biases": True}
            options = {"num_layers": 3, "dropout": c.dropout, "train": c.training}
            return torch.gru(**given, **options, bidirectional=False, batch_first=True)[0]

    torch.manual_seed(seed)
    model, x = Net(nn.GRU).double(), torch.randn(2, 5, 3, dtype=torch.double)
    samples = mc_samples(model, x, 7, rng=seed, also=Net)
    assert (samples.std(dim=0) > 0).all()
    assert torch.equal(mc_samples(model, x, 7, rng=seed, also=Net), samples)


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_packed_sequences(p, seed, monkeypatch, recwarn):
    """Behind dropout, too, of which torch would say that a rule for packing them is missing."""

    class Packed(Recurrent):
        def forward(self, x):
            x = self.drop(x)
            packed = nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True)
            return nn.utils.rnn.pad_packed_sequence(self.cells(packed)[0], batch_first=True)[0]

    model, x = Packed(nn.LSTM).double(), torch.randn(2, 5, 3, dtype=torch.double)
    model.drop = nn.Dropout(p)
    together = mc_samples(model, x, 7, rng=seed)
    assert not recwarn.list
    assert (together[:, 1, 3:] == 0).all()
    assert (together[:, 1, 2].std(dim=0) > 0).all()
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), together)


@pytest.mark.parametrize("weights", [True, False])
def test_attention_module(weights, seed, rng, monkeypatch):
    """Whether the weights are asked for or not, dropout is on, and the mean is torch's."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attend = nn.MultiheadAttention(4, 2, dropout=0.4, batch_first=True)

        def forward(self, x):
            return torch.tanh(self.attend(x, x, x, need_weights=weights)[0])

    torch.manual_seed(seed)
    model = Net().double().eval()
    x = 3 * torch.randn(2, 3, 4, dtype=torch.double)
    total = 1000
    mine = mc_samples(model, x, total, rng=rng).numpy()
    loop = plain_loop(model, x, total, [model.attend]).numpy()
    slack = 2 * np.sqrt(np.log(2 * loop[0].size / 1e-8) / (2 * total))
    assert np.abs(loop.mean(axis=0) - mine.mean(axis=0)).max() <= 2 * slack
    assert (mine.std(axis=0) > 1e-4).all()
    shared = mc_samples(model, x, 5, rng=seed, shared_mask=True)
    for row in range(2):
        alone = mc_samples(model, x[row : row + 1], 5, rng=seed)
        torch.testing.assert_close(alone[:, 0], shared[:, row])
    together = mc_samples(model, x, 7, rng=seed)
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), together)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_function(causal, seed, rng):
    """Without its mask the function is torch's; with it, the mean is."""
    torch.manual_seed(seed)
    model = Attention(0.3, causal)
    x = torch.randn(2, 4, 3, dtype=torch.double)
    samples = mc_samples(model, x, 3000, rng=rng, also=[model]).numpy()
    exact = model.eval()(x).numpy()
    limit = x.abs().max().item() / 0.7
    assert dropcheck.mean_test(samples, exact, -limit, limit)
    assert (samples.std(axis=0) > 0).all()


def test_attention_function_with_masks_is_torchs():
    """Queries that see nothing, masks of both kinds, a scale and grouped heads: p near 0."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(2, 4, 5, 3, generator=generator, dtype=torch.double)
    k, v = torch.randn(2, 2, 2, 5, 3, generator=generator, dtype=torch.double)
    seen = torch.rand(5, 5, generator=generator) < 0.5
    seen[2] = False
    for mask in (seen, torch.randn(5, 5, generator=generator, dtype=torch.double), None):
        for scale in (None, 0.7):
            options = {"attn_mask": mask, "scale": scale, "enable_gqa": True}
            exact = F.scaled_dot_product_attention(q, k, v, **options)
            model = Query(options)
            samples = mc_samples(model, (q, k, v), 2, also=[model])
            torch.testing.assert_close(samples, exact.expand(2, *exact.shape))


class Query(nn.Module):
    """Attention that drops hardly ever, so that it can be compared with none at all."""

    def __init__(self, options):
        super().__init__()
        self.options = options
        self.drop = nn.Dropout(1e-300)

    def forward(self, q, k, v):
        p = self.drop.p
        return F.scaled_dot_product_attention(q, k, v, dropout_p=p, **self.options)


ATTENTION = {
    "all noisy": lambda f, x, h: f(h, h + 1, 2 * h),
    "query": lambda f, x, h: f(h, x, x),
    "values": lambda f, x, h: f(x, x, h),
    "one key for all rows": lambda f, x, h: f(h, x[:1], x[:1]),
    "causal": lambda f, x, h: f(h, h, h, is_causal=True, scale=0.3),
    "mask": lambda f, x, h: f(h, h, h, x[0, 0] @ x[0, 0].mT > -1e9),
    "mask of each row": lambda f, x, h: f(h, h, h, x @ x.mT),
    "noisy mask": lambda f, x, h: f(x, x, x, (h @ h.mT)[:, :1]),
    "grouped heads": lambda f, x, h: f(h, h[:, :1], h[:, :1], enable_gqa=True),
}
HEADS = {"mask", "mask of each row", "noisy mask", "grouped heads"}


@pytest.mark.parametrize("case", ATTENTION)
@pytest.mark.parametrize("axes", [2, 3, 4, 5])
def test_attention_without_dropout_runs_once_for_many_passes(axes, case, seed, monkeypatch):
    """Behind dropout, where vmap would call the kernel in a loop, and warn that it does."""
    if axes < 4 and case in HEADS:
        pytest.skip("the case names rows or heads")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.4)

        def forward(self, x):
            return ATTENTION[case](F.scaled_dot_product_attention, x, self.drop(x))

    kernels = []

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if "attention" in func.__name__:
                kernels.append(func)
            return func(*args, **(kwargs or {}))

    x = torch.randn((2, 2, 2, 5, 3)[-axes:], generator=torch.Generator().manual_seed(seed))
    with warnings.catch_warnings(action="error"), Counting():
        samples = mc_samples(Net(), x, 50, rng=seed)
    assert samples.shape == (50, *x.shape)
    if axes == 4 and case not in ("one key for all rows", "grouped heads"):  # which have no kernel
        assert len(kernels) == 2  # of the first pass, and of all the others
    in_full(monkeypatch)
    torch.testing.assert_close(samples, mc_samples(Net(), x, 50, rng=seed))


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("size", [1, (1, None), (2, 3)])
@pytest.mark.parametrize("axes", [3, 4])
def test_pooling_of_maps_does_not_loop(axes, size, last, seed, monkeypatch):
    """It would to size 1 of channels that are last in memory, as behind a ConvNeXt's LayerNorm."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.pool = nn.Dropout(0.4), nn.AdaptiveAvgPool2d(size)

        def forward(self, x):
            h = self.drop(x)
            return self.pool(h.movedim(-1, -3) if last else h)

    x = torch.randn((2, 3, 5, 4)[-axes:], generator=torch.Generator().manual_seed(seed))
    with warnings.catch_warnings(record=True, action="always") as seen:  # no error, or vmap ends
        samples = mc_samples(Net(), x, 50, rng=seed)
    assert not seen
    in_full(monkeypatch)
    torch.testing.assert_close(samples, mc_samples(Net(), x, 50, rng=seed))


@pytest.mark.parametrize("weights", [True, False])
def test_attention_module_without_dropout(weights, seed, monkeypatch):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.4)
            self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x):
            x = self.drop(x)
            return self.attend(x, x, x, need_weights=weights)[0]

    torch.manual_seed(seed)
    model, x = Net(), torch.randn(2, 3, 4)
    with warnings.catch_warnings(action="error"):
        samples = mc_samples(model, x, 20, rng=seed)
    in_full(monkeypatch)
    torch.testing.assert_close(samples, mc_samples(model, x, 20, rng=seed))


def test_encoder_does_not_take_the_path_without_dropout(rng, seed):
    """In evaluation torch would run the layer in one piece, which has no dropout."""
    torch.manual_seed(seed)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5, batch_first=True).eval()
    for module in (layer.dropout, layer.dropout1, layer.dropout2):
        module.p = 0.0  # what is left is the attention's
    samples = mc_samples(layer, torch.randn(2, 3, 4), 30, rng=rng)
    assert (samples.std(dim=0) > 0).all()
    padding = torch.zeros(2, 3, dtype=torch.bool)
    padding[1, 2] = True
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=True).eval()

    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, x):
            return self.encoder(x, src_key_padding_mask=padding)

    samples = mc_samples(Padded(), torch.randn(2, 3, 4), 30, rng=rng)
    assert (samples[:, 0].std(dim=0) > 0).all()


@pytest.mark.parametrize("training", [True, "self"])
@pytest.mark.parametrize("first", [True, False])
def test_functional_dropout_that_no_module_switches_is_reported(training, first):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.child = nn.Identity()

        def forward(self, x):
            return F.dropout(x, 0.5, training=self.training if training == "self" else True)

    parts = [Functional(), nn.Dropout(0.5)]
    model = nn.Sequential(*(parts if first else reversed(parts)))
    wanted = r"dropout\(p=0.5, training=.*Functional.forward .*cannot be switched.*also="
    with pytest.raises(ValueError, match=wanted):
        mc_samples(model, torch.ones(2, 3), 5)
    for also in ([parts[0]], [Functional], parts[0], Functional):
        samples = mc_samples(model, torch.ones(1, 1), 500, also=also, rng=0)
        assert set(samples.unique().tolist()) == {0.0, 4.0}
    assert parts[0].training


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.alpha_dropout(x, 0.5, training=True),
        lambda x: F.dropout1d(x, 0.5),
        lambda x: torch.dropout(x, 0.5, True),
        lambda x: ours.functional.dropout(x, 0.5),
        lambda x: ours.functional.drop_path(x, 0.5),
        lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5),
    ],
)
def test_every_function_is_reported(call):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.child = nn.Identity()

        def forward(self, x):
            return call(x)

    with pytest.raises(ValueError, match="cannot be switched"):
        mc_samples(nn.Sequential(nn.Dropout(0.5), Functional()), torch.ones(2, 3, 4), 5)


def test_dropout_of_no_module_of_the_model_is_called_so():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = [nn.Dropout(0.5)]

        def forward(self, x):
            return self.parts[0](x)

    model = nn.Sequential(nn.Dropout(0.5), Listed())
    with pytest.raises(ValueError, match=r"this Dropout is none of the model's .*ModuleList"):
        mc_samples(model, torch.ones(2, 3), 5)
    with pytest.raises(ValueError, match="called outside of all modules"):
        mc_samples(
            nn.Dropout(0.5), torch.ones(2, 3), 5, output=lambda y: F.dropout(y, 0.3, training=True)
        )


def test_standard_dropout_that_is_off_scales():
    class Off(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return ours.functional.standard_dropout(self.drop(x), 0.25, training=False)

    samples = mc_samples(Off(), torch.ones(1, 3), 20, rng=0, also=[Off])
    assert set(samples.unique().tolist()) == {0.0, 1.5}


def test_functional_dropout_of_nothing_is_not_reported():
    class Functional(nn.Module):
        def forward(self, x):
            return F.dropout(x, 0.0)

    mc_samples(nn.Sequential(nn.Dropout(0.5), Functional()), torch.ones(2, 3), 5)


def test_what_is_no_dropout_layer_stays_in_evaluation():
    class Block(nn.Module):  # bears a name with "drop", but has children
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x):
            assert not self.training
            assert not self.norm.training
            assert self.drop.training
            return self.drop(self.norm(x))

    DropBlock = type("DropBlock", (Block,), {})
    mc_samples(DropBlock().train(), torch.ones(2, 3), 5)


@pytest.mark.parametrize("way", ["known layers", "any", "in full"])
@pytest.mark.parametrize("build", [nn.Dropout, ours.Dropout, nn.Dropout2d, ours.DropPath])
def test_kept_units_are_right_where_the_scale_is_beyond_half_precision(way, build, monkeypatch):
    p, x = 1 - 1e-5, torch.full((50_000, 2, 1, 1), 0.125).half()
    if way == "any":
        unknown_layers(monkeypatch)
    elif way == "in full":
        in_full(monkeypatch)
    samples = mc_samples(nn.Sequential(build(p)), x, 20, rng=0)
    wanted = torch.tensor(0.125 / (1 - p)).half()
    assert set(samples.unique().tolist()) == {0.0, wanted.item()}
