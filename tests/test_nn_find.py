"""What drops in a model: found by class, or in the code of the forward pass, and named."""
# ruff: noqa: D101, D102

import collections
import doctest
import functools
import operator
import random
import types
import weakref
from unittest import mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import dropout as renamed

from dropoutlib import nn as ours
from dropoutlib import schedules
from dropoutlib._modules import shadow
from dropoutlib.bayes import mc_samples
from dropoutlib.nn import calls, find, finding, modules, replace
from dropoutlib.nn.finding import modes


class Fused(nn.Module):
    """Reads p of a dropout layer that it never calls, as transformers' attention does."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.attn_drop, self.drop = nn.Dropout(0.5), nn.Dropout(0.1)

    def forward(self, z):
        q, k, v = self.qkv(z).chunk(3, -1)
        p = self.attn_drop.p if self.training else 0.0
        return self.drop(self.out(F.scaled_dot_product_attention(q, k, v, dropout_p=p)))


class Either(Fused):
    """Has both ways, as timm's attention does."""

    fused = True

    def forward(self, z):
        q, k, v = self.qkv(z).chunk(3, -1)
        if self.fused:
            h = F.scaled_dot_product_attention(
                q, k, v, dropout_p=self.attn_drop.p if self.training else 0.0
            )
        else:
            h = self.attn_drop((q @ k.mT).softmax(-1)) @ v
        return self.drop(self.out(h))


def attend(module, q, k, v, dropout=0.0):
    """Attention as transformers calls it, by a function that is looked up."""
    return F.dropout((q @ k.mT).softmax(-1), dropout, module.training) @ v


class LookedUp(nn.Module):
    """Its probability is a number of its own or of a configuration."""

    def __init__(self, **config):
        super().__init__()
        self.config = types.SimpleNamespace(**config)
        self.attention_dropout = 0.2
        self.qkv = nn.Linear(8, 24)

    def forward(self, z):
        attention_interface = {"eager": attend}["eager"]
        q, k, v = self.qkv(z).chunk(3, -1)
        p = 0.0 if not self.training else self.attention_dropout
        h = attention_interface(self, q, k, v, dropout=p)
        return F.dropout(h, p=self.config.hidden_dropout, training=self.training)


def drop_path(x, rate, training):
    """Stochastic depth as a function that draws."""
    if rate == 0.0 or not training:
        return x
    return x * x.new_empty(len(x), *(1 for _ in x.shape[1:])).bernoulli_(1 - rate) / (1 - rate)


class Depth(nn.Module):
    """A layer of the kind of timm's ``DropPath``, whose name does not tell."""

    def __init__(self, drop_prob=0.3):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        return drop_path(x, self.drop_prob, self.training)


def windows(x, attention_dropout, dropout, training):
    """Attention that drops weights and what it gives, at two rates, as torchvision's does."""
    weights = F.dropout((x @ x.mT).softmax(-1), attention_dropout, training)
    return F.dropout(weights @ x, dropout, training)


class Windows(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_dropout, self.dropout = 0.2, 0.1

    def forward(self, x):
        return windows(
            x,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            training=self.training,
        )


class Placed(Windows):
    def forward(self, x):
        return windows(x, self.attention_dropout, self.dropout, self.training)


@pytest.mark.parametrize("cls", [Windows, Placed])
def test_a_function_that_is_given_two_probabilities_has_both(cls):
    model = cls()
    found = {one.attribute: one.p for one in find(model)}
    assert found == {"attention_dropout": 0.2, "dropout": 0.1}
    schedules.set_probabilities(model, 0.0)
    x = torch.ones(2, 3, 4)
    assert torch.equal(model.train()(x), model.eval()(x))


class Flags(Windows):
    """Calls whose flags and masks are called like a probability, and are none."""

    def __init__(self):
        super().__init__()
        self.use_dropout, self.drop_batchwise, self.deterministic = True, True, False
        self.drop_mask, self.layer = torch.ones(()), nn.Identity()

    def forward(self, x):
        x = self.helper(x, apply_dropout=not self.deterministic)
        x = keyword(x, use_dropout=self.use_dropout, apply_dropout=self.training)
        return windows(x, self.drop_batchwise and self.dropout, self.dropout, self.training)

    def helper(self, x, apply_dropout):
        return masks(x, self.drop_mask, self.attention_dropout, self.drop_batchwise, self.training)


def keyword(x, use_dropout, apply_dropout):
    return x


def masks(x, mask, p, batchwise, training):
    return F.dropout(x * mask, p, training)


def test_flags_and_masks_are_no_probabilities():
    model = Flags()
    assert {one.attribute: one.p for one in find(model)} == {
        "attention_dropout": 0.2,
        "dropout": 0.1,
    }
    schedules.set_probabilities(model, 0.3)
    assert model.drop_batchwise is True
    assert model.attention_dropout == model.dropout == 0.3


def test_layers_whose_p_is_read_are_named_and_stay_off():
    model = nn.Sequential(Fused(), Either())
    found = {one.name: one for one in find(model)}
    assert [one.reach for one in found.values()] == ["read", "call", "either", "call"]
    for layer in (0, 1):
        one = found[f"{layer}.attn_drop"]
        assert (one.p, one.attribute, one.owner) == (0.5, "p", model[layer])
        assert "test_nn_find.py:" in one.place
    on, off, _ = modes(model)
    assert on == {model[0].drop, model[1].drop, model[1].attn_drop}
    assert off == [found["0.attn_drop"], found["1.attn_drop"]]
    assert modes(model, [Fused]).off == []
    assert modes(model, [model[1]]).off == off[:1]
    model[0].attn_drop.p = 0.0
    assert modes(model).off == off[1:]


scripts = pytest.mark.filterwarnings("ignore:.torch.jit")

KNOWN = {
    "element": (nn.Dropout(0.1), ours.Dropout(0.1), ours.StandardDropout(0.1)),
    "channel": (nn.Dropout1d(0.1), nn.Dropout3d(0.1), ours.Dropout2d(0.1)),
    "alpha": (nn.AlphaDropout(0.1), ours.AlphaDropout(0.1)),
    "feature alpha": (nn.FeatureAlphaDropout(0.1),),
    "gaussian": (ours.GaussianDropout(0.1),),
    "path": (ours.DropPath(0.1), Depth(0.1)),
    "block": (ours.DropBlock2d(0.1),),
    "sequence": (ours.VariationalDropout(0.1),),
    "connect": (ours.DropConnectLinear(2, 2, 0.1),),
    "attention": (nn.MultiheadAttention(4, 2, dropout=0.1),),
    "recurrent": (nn.LSTM(2, 2, 2, dropout=0.1), nn.GRU(2, 2, 3, dropout=0.1)),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_layers_are_known_by_their_class_or_their_code(kind):
    for layer in KNOWN[kind]:
        (one,) = find(nn.Sequential(nn.Linear(2, 2), layer))
        assert (one.name, one.kind, one.p, one.reach, one.owner) == ("1", kind, 0.1, "call", layer)
        assert not one.guessed
        holder, name = one.holder()
        setattr(holder, name, 0.25)
        assert find(layer)[0].p == 0.25


def test_the_pieces_of_a_transformer_layer_and_what_drops_nothing():
    names = [one.name for one in find(nn.TransformerDecoderLayer(8, 2, 16, 0.1))]
    pieces = ["self_attn", "multihead_attn", "dropout", "dropout1", "dropout2", "dropout3"]
    assert sorted(names) == sorted(pieces)
    assert find(nn.Sequential(nn.LSTM(2, 2, 1), nn.BatchNorm1d(2), nn.RReLU())) == []


def test_numbers_that_are_handed_to_functions():
    model = LookedUp(hidden_dropout=0.4)
    attention, hidden = find(model)
    assert (attention.kind, attention.p, attention.attribute) == (
        "attention",
        0.2,
        "attention_dropout",
    )
    assert (hidden.kind, hidden.p, hidden.attribute) == ("functional", 0.4, "config.hidden_dropout")
    assert {attention.reach, hidden.reach} == {"function"}
    assert hidden.holder() == (model.config, "hidden_dropout")
    assert "LookedUp in " in str(hidden)


class Twice(nn.Module):
    """Drops by two numbers in its code, and twice by one of its own."""

    def __init__(self):
        super().__init__()
        self.inner, self.p = nn.Linear(3, 3), 0.3

    def forward(self, x):
        x = F.dropout(x, 0.1, self.training) + F.dropout(x, 0.2, self.training)
        return F.dropout(x, self.p, self.training) * F.dropout(x, self.p, self.training)


def test_numbers_in_the_code_are_told_apart_and_one_of_the_module_is_one():
    found = find(Twice())
    assert sorted((one.p, one.attribute) for one in found if one.attribute) == [(0.3, "p")]
    assert len([one for one in found if one.attribute is None]) == 2


def test_what_a_function_drops_by_default():
    assert calls.probability("dropout", (), {}) == 0.5
    assert calls.probability("scaled_dot_product_attention", (), {}) == 0.0
    assert calls.probability("dropout", ("x", 0.2), {}) == 0.2
    assert calls.probability("dropout", ("x",), {"p": 0.3}) == 0.3
    assert calls.probability("scaled_dot_product_attention", (*"qkv", None, 0.2), {}) == 0.2


class Base(nn.Module):
    """Holds a parameter, so that its mode may decide more than dropout."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.rate = 0.3
        self.function = functools.partial(F.dropout, p=0.3)
        self.forwarded = lambda x: x

    def helper(self, x):
        return F.dropout2d(x, self.rate, self.training)


def undocumented(function):
    """A decorator that hides what it wraps."""

    def wrapper(*args):
        return function(*args)

    return wrapper


def inner(x):
    return F.dropout(x, 0.3)


def outer(x, p):
    return inner(x) if p else x


class Literal(Base):
    def forward(self, x):
        return F.dropout(x, 0.3, self.training)


class Renamed(Base):
    def forward(self, x):
        return renamed(x, p=0.3 if self.training else 0.0)


class Local(Base):
    def forward(self, x):
        drop = torch.nn.functional.dropout
        rate = self.rate
        return drop(x, rate, self.training)


class Imported(Base):
    def forward(self, x):
        from torch.nn import functional

        return functional.alpha_dropout(x, self.rate, self.training)


class Method(Base):
    def forward(self, x):
        return self.helper(x)


class Super(Method):
    def forward(self, x):
        return super().forward(x) + 1


class Decorated(Base):
    @undocumented
    def forward(self, x):
        return torch.dropout(x, 0.3, self.training)


class Held(Base):
    def forward(self, x):
        return self.function(x)


class Deep(Base):
    def forward(self, x):
        return outer(x, self.rate)


class Ours(Base):
    def forward(self, x):
        return ours.functional.gaussian_dropout(x, self.rate, self.training)


class Compiled(Base):
    @torch.compile(backend="eager")
    def forward(self, x):
        return torch.nn.functional.dropout(x, self.rate, self.training)


class Chained(Base):
    def forward(self, x):
        rate: float = self.rate
        return F.dropout(x, rate, self.training).relu().abs()


HIDDEN = (
    Chained,
    Literal,
    Renamed,
    Local,
    Imported,
    Method,
    Super,
    Decorated,
    Held,
    Deep,
    Ours,
    Compiled,
)


@pytest.mark.parametrize("kind", HIDDEN)
def test_functions_are_found_however_they_are_called(kind):
    model = nn.Sequential(kind())
    (one,) = find(model)
    assert (one.name, one.p, one.reach, one.owner) == ("0", 0.3, "function", model[0])
    assert not one.guessed
    assert modes(model)[:2] == (set(), [one])
    assert modes(model, [kind])[:2] == ({model[0]}, [])


@scripts
def test_functions_in_code_without_a_source_in_graphs_and_in_scripts():
    names = {"F": F, "nn": nn, "Base": Base}
    exec(  # as at a prompt, where there is no file to read
        "class Typed(Base):\n"
        "    def forward(self, x):\n        return F.dropout(x, self.rate, self.training)",
        names,
    )
    (one,) = find(names["Typed"]())
    assert (one.p, one.reach) == (None, "function")
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3))
    program = torch.export.export(model, (torch.ones(2, 2),)).module()
    assert [(one.p, one.attribute) for one in find(program)] == [(0.3, None)]
    (one,) = find(torch.fx.symbolic_trace(Literal()))
    assert (one.p, one.attribute, one.reach) == (0.3, None, "function")
    (one,) = find(torch.jit.script(model))
    assert (one.name, one.kind, one.p, one.attribute) == ("1", "element", 0.3, None)
    (one,) = find(torch.jit.trace(Literal(), torch.ones(3), check_trace=False))
    assert (one.reach, one.p) == ("function", None)
    with pytest.raises(ValueError, match="no attribute to set p by"):
        one.holder()


def test_compiled_models_are_looked_into():
    model = torch.compile(nn.Sequential(nn.Dropout(0.3), Literal()), backend="eager")
    assert [one.name for one in find(model)] == ["_orig_mod.0", "_orig_mod.1"]


class Noise(nn.Module):
    """Draws by itself."""

    def __init__(self, *children, scale=0.1):
        super().__init__()
        self.inner = nn.Sequential(*children)
        self.scale = scale

    def forward(self, x):
        x = self.inner(x)
        return x + torch.randn_like(x) if self.training else x


class Jitter(nn.Module):
    """A layer that draws in its own code, at the end of a chain of calls."""

    def __init__(self, rate=0.3):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        return x * x.new_empty(x.shape).bernoulli_(1 - self.rate) if self.training else x


class Annotated(nn.Module):
    """Hands a layer to a function, which calls it, as the Annotated Transformer does."""

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.3)

    def forward(self, x):
        return attention_of(x, x, x, mask=None, dropout=self.dropout)


def attention_of(query, key, value, mask=None, dropout=None):
    """Attention with a layer of the caller's."""
    weights = (query @ key.mT).softmax(-1)
    return dropout(weights) @ value if dropout is not None else weights @ value


def test_layers_that_draw_and_layers_that_are_handed_on():
    (one,) = find(Jitter())
    assert (one.p, one.attribute, one.reach, one.guessed) == (0.3, "rate", "call", False)
    (one,) = find(Annotated())
    assert (one.name, one.p, one.reach) == ("dropout", 0.3, "call")


class DropLast(nn.Module):
    """Drops by name only."""

    def forward(self, x):
        return x[:-1]


class Quiet(nn.Module):
    """Reads its mode and a rate, and draws nothing."""

    drop_rate = 0.5

    def forward(self, x):
        return x * self.drop_rate if self.training else x


def test_what_is_a_guess_says_so():
    (one,) = find(Noise(nn.Linear(2, 2)))
    assert one.guessed
    assert one.kind == "unknown"
    assert "(a guess)" in str(one)
    (one,) = find(DropLast())
    assert one.guessed
    assert one.p is None
    assert find(Quiet()) == []


def test_hooks_are_read():
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda module, args, out: F.dropout(out, 0.3, module.training))
    (one,) = find(model)
    assert (one.name, one.reach, one.owner) == ("0", "function", model[0])


def test_a_rate_that_is_not_set_can_be():
    model = Depth(None)
    (one,) = find(model)
    assert (one.p, one.attribute) == (None, "drop_prob")
    schedules.set_probabilities(model, 0.25)
    assert model.drop_prob == 0.25


outside = nn.Sequential(nn.Linear(2, 2))


class Around(nn.Module):
    """Calls methods of modules that are not its own, of the names of functions."""

    def forward(self, x):
        return outside.dropout(x) if self.training else outside(x)


def _draws(x):
    return torch.rand_like(x)


def _calls_what_draws(x):
    return _draws(x)


def _calls_what_calls(x):
    return _calls_what_draws(x)


def _three_calls_away(x):
    return _calls_what_calls(x)


def test_draws_are_seen_three_calls_away():
    assert calls.drops(_three_calls_away)


def test_objects_with_any_names_are_no_functions():
    assert find(Around()) == []
    model = nn.Sequential(nn.Linear(2, 2))
    model.forward = mock.MagicMock()
    assert find(model) == []
    assert len(shadow(model)) == 2


def test_attributes_that_raise_do_no_harm():
    class Touchy(Literal):
        @property
        def rate(self):
            raise RuntimeError("not now")

        @rate.setter
        def rate(self, value):
            """Ignored."""

    (one,) = find(Touchy())
    assert one.p == 0.3
    assert find(nn.Sequential()) == []
    with pytest.raises(TypeError, match="got function"):
        find(attend)


# -- replace ------------------------------------------------------------------------------------
def test_layers_are_replaced_in_place_and_back():
    hooked = nn.Dropout(0.2, inplace=True).eval()
    calls = []
    hooked.register_forward_hook(lambda *_: calls.append(1))
    model = nn.Sequential(hooked, nn.ModuleDict({"a": nn.AlphaDropout(0.3)}), nn.Dropout2d())
    before = [*model.named_modules()]
    assert replace(model) is model
    kinds = [ours.Dropout, ours.AlphaDropout, ours.Dropout2d]
    assert [type(one.module) for one in find(model)] == kinds
    assert [*model.named_modules()] == before
    assert (hooked.p, hooked.inplace, hooked.training, hooked.generator) == (0.2, True, False, None)
    hooked(torch.ones(2))
    assert calls == [1]
    replace(replace(model), back=True)
    assert [type(module) for module in (hooked, model[2])] == [nn.Dropout, nn.Dropout2d]
    assert vars(hooked).keys() == vars(nn.Dropout()).keys()


def test_replaced_layers_draw_what_ours_draw(seed):
    x = torch.ones(7, 9)
    layer = nn.Dropout(0.3)
    replace(layer)
    torch.manual_seed(seed)
    given = layer(x)
    torch.manual_seed(seed)
    assert torch.equal(given, ours.Dropout(0.3)(x))


class Strange(nn.Dropout):
    """A subclass may do anything."""


def test_what_is_not_replaced_is_reported():
    patched = nn.Dropout(0.4)
    patched.forward = lambda x: x
    model = nn.Sequential(
        nn.MultiheadAttention(4, 2, dropout=0.1),
        nn.LSTM(2, 2, 2, dropout=0.2),
        Strange(0.3),
        patched,
        nn.LSTM(2, 2, 2),
        ours.GaussianDropout(),
        Literal(),
    )
    with pytest.warns(UserWarning, match="5 that drop stay as they are: 0 .*; 1 .*; 2 .*; 3 .*; 6"):
        kinds = [type(module) for module in replace(model)]
    assert kinds == [type(module) for module in model]
    own = nn.Sequential(ours.Dropout(generator=torch.Generator()), ours.Dropout(), nn.Dropout())
    with pytest.warns(UserWarning, match="1 that drop stay as they are: 0 "):
        kinds = [type(module) for module in replace(own, back=True)]
    assert kinds == [ours.Dropout, nn.Dropout, nn.Dropout]
    with pytest.raises(TypeError):
        replace(3)


def test_no_more_than_five_that_stay_are_named():
    model = nn.Sequential(*(Strange(0.3) for _ in range(6)))
    with pytest.warns(UserWarning, match=r"6 that drop stay as they are: 0 .*; 4 [^;]*; \.\.\.$"):
        replace(model)
    with pytest.warns(UserWarning, match=r"5 that drop stay as they are: 0 .*; 4 [^;]*$"):
        replace(model[:5])


# -- shadow -------------------------------------------------------------------------------------
class Tangled(nn.Module):
    """Leads to its own modules by all ways that a twin has to follow."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.register_buffer("count", torch.zeros(()))
        self.listed = [self.drop, {"again": (self.drop,)}]
        self.listed.append(self.listed)
        self.closed = lambda x: self.drop(x)
        self.bound = self.drop.forward
        self.part = functools.partial(Tangled.step, self)
        vars(self)["itself"] = self
        self.counts = collections.Counter(a=1)
        self.named = collections.defaultdict(list, drop=[self.drop])
        self.weak = weakref.ref(self.drop)
        self.flags = torch.ones(2, dtype=torch.bool)  # whose truth is ambiguous
        self.register_forward_pre_hook(self.hook)

    def hook(self, module, args):
        assert module is self

    def step(self, x):
        self.count += 1
        return self.drop(x)

    def forward(self, x):
        return self.part(self.closed(x)) + self.bound(x)


def test_a_twin_leads_to_its_own_modules_and_shares_parameters():
    model = Tangled().eval()
    twin = shadow(model)[model].train()
    assert twin.drop is not model.drop
    assert twin.listed[0] is twin.drop is twin.listed[1]["again"][0]
    assert twin.itself is twin
    assert twin.weak() is twin.drop
    x = torch.ones(50)
    assert not torch.equal(twin(x), model(x))
    assert (twin.count, model.count) == (1, 1)
    twin.listed.append(1)
    twin.counts["b"] += 1
    assert (len(model.listed), len(model.counts), len(twin.counts)) == (3, 1, 2)
    assert twin.named["drop"] == [twin.drop]
    assert twin.named["other"] == []
    assert not any(module.training for module in model.modules())


def test_a_twin_may_have_parameters_and_generators_of_its_own():
    model = nn.Sequential(nn.LSTM(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    model[2].weight = model[1].weight
    model.held = {"weight": model[1].weight, "sources": [torch.Generator().manual_seed(1)]}
    model[1].weight.grad = torch.ones(3, 3)
    model[1].weight.mark = "sharded"
    model[1].weight.register_post_accumulate_grad_hook(lambda _: pytest.fail("run"))
    assert shadow(model)[model][1].weight is model[1].weight
    twin = shadow(model, share=False)[model]
    assert not set(twin.parameters()) & set(model.parameters())
    assert twin[2].weight is twin[1].weight is twin.held["weight"]
    assert torch.equal(twin[1].weight, model[1].weight)
    assert (twin[1].weight.grad, twin[1].weight.mark) == (None, "sharded")
    twin[1].weight.sum().backward()
    assert torch.equal(model[1].weight.grad, torch.ones(3, 3))
    assert all(map(operator.is_, twin[0]._flat_weights, twin[0].parameters()))
    torch.rand(1, generator=twin.held["sources"][0])
    assert torch.equal(
        torch.rand(1, generator=model.held["sources"][0]),
        torch.rand(1, generator=torch.Generator().manual_seed(1)),
    )


def test_an_optimizer_of_a_twin_is_that_of_its_parameters():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model.optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(torch.ones(1, 3)).sum().backward()
    model.optimizer.step()
    assert shadow(model)[model].optimizer is model.optimizer
    twin = shadow(model, share=False)[model]
    own = twin.optimizer.param_groups[0]["params"]
    assert all(map(operator.is_, own, twin.parameters()))
    before = [twin[0].bias.clone(), model[0].bias.clone()]
    twin(torch.ones(1, 3)).sum().backward()
    twin.optimizer.step()
    assert not torch.equal(twin[0].bias, before[0])
    assert torch.equal(model[0].bias, before[1])
    buffers = [each.optimizer.state[each[0].bias]["momentum_buffer"] for each in (twin, model)]
    assert not torch.equal(*buffers)


@pytest.mark.parametrize("how", ["module", "in place", "forward", "class"])
def test_a_twin_is_not_compiled(how):
    model = Compiled() if how == "class" else nn.Sequential(nn.Dropout(0.5))
    if how == "module":
        model = torch.compile(model, backend="eager")
    elif how == "in place":
        model.compile(backend="eager")
    elif how == "forward":
        model.forward = torch.compile(model.forward, backend="eager")
    model.eval()
    x = torch.ones(40)
    assert torch.equal(model(x), x)
    twin = shadow(model)[model].train()
    seen = []
    next(iter(twin.modules())).register_forward_hook(lambda *_: seen.append(1))
    assert not torch.equal(twin(x), x)
    assert torch.equal(model(x), x)
    assert seen == [1]


@scripts
def test_twins_of_scripted_shared_and_parametrized_modules():
    shared = nn.Linear(3, 3)
    scripted = torch.jit.script(nn.Sequential(nn.Dropout(0.5)))
    weighted = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    model = nn.Sequential(shared, scripted, shared, weighted, nn.LSTM(3, 3)).eval()
    twins = shadow(model)
    twin = twins[model]
    assert twin[0] is twin[2]
    assert set(twins.values()) == set(twin.modules())
    x = torch.ones(4, 3)
    assert torch.equal(twin(x)[0], model(x)[0])
    twin.train()
    assert not any(module.training for module in model.modules())
    with pytest.raises(ValueError, match="parameters without a shape"):
        shadow(nn.LazyLinear(3))


@pytest.mark.parametrize("module", [finding, modules])
def test_examples_in_the_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


class Held(nn.Module):
    def __init__(self):
        super().__init__()
        self.noise = lambda z: z * torch.rand_like(z)

    def forward(self, z):
        return self.noise(z) if self.training else z


def test_noise_of_a_function_that_a_layer_holds():
    (found,) = find(nn.Sequential(nn.Linear(2, 2), Held()))
    assert (found.name, found.reach, found.guessed) == ("1", "call", False)


class Skips(nn.Module):
    """Layers that are left out by chance, each with a probability of its own, as Python draws."""

    def __init__(self, *rates):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in rates)
        self.layer_dropouts = rates

    def forward(self, x):
        for layer, rate in zip(self.layers, self.layer_dropouts, strict=True):
            if not (self.training and rate > 0 and random.random() < rate):
                x = layer(x)
        return x


def test_layers_left_out_by_chance_as_python_or_numpy_draw():
    (found,) = find(Skips(0.0, 0.3))
    assert (found.p, found.attribute, found.guessed) == (0.3, None, True)
    with pytest.raises(ValueError, match="does not reach all dropout: the model itself"):
        schedules.set_probabilities(Skips(0.3), 0.1)
    schedules.set_probabilities(nn.Sequential(Skips(0.0), nn.Dropout()), 0.1)  # it never drops

    by_name = Skips(0.0)  # in two places, of which the second alone is on
    by_name.layer_dropouts, by_name.rank_dropout = {"a": 0.0}, {"a": 0.3}
    assert [one.p for one in find(by_name)] == [0.3]
    by_name.rank_dropout = {"a": 0.0}
    assert [one.p for one in find(by_name)] == [0.0]

    class Uniform(Skips):
        def forward(self, x):
            return x if self.training and np.random.uniform() < 0.5 else super().forward(x)  # noqa: NPY002

    assert find(Uniform())
    with pytest.warns(UserWarning, match=r"0 \(Skips\).*\(a guess\): also=\[Skips\]$"):
        mc_samples(nn.Sequential(Skips(0.3), nn.Dropout()), torch.randn(3, 2), 3)


RNG, SETTINGS = np.random.default_rng(0), types.SimpleNamespace(uniform=True)


def as_set(x):
    with torch.random.fork_rng():
        return 2 * x if SETTINGS.uniform else x


def by_python(x):
    return x * random.random()


def by_numpy(x):
    return x * np.random.uniform()  # noqa: NPY002


def by_generator(x):
    return x * RNG.uniform()


@pytest.mark.parametrize("function", [as_set, by_python, by_numpy, by_generator])
def test_what_is_named_as_a_draw_draws_where_python_or_numpy_is_mentioned(function, monkeypatch):
    """Not a setting, nor a module of torch: a layer that draws nothing stays off."""
    names = {name: globals()[name] for name in function.__code__.co_names if name in globals()}
    names.pop("random" if function is as_set else "", None)  # there it is torch's
    monkeypatch.setitem(globals(), "by_rate", types.FunctionType(function.__code__, names))

    class Layer(nn.Module):
        def forward(self, x):
            return by_rate(x) if self.training else x

    assert bool(find(Layer())) == (function is not as_set)


def by_rate(x, rate):
    return F.dropout(x, rate(x))


class Rated(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.drop_rate = nn.Linear(2, 2), lambda x: 0.3

    def forward(self, x):
        return by_rate(self.layer(x), self.drop_rate)


def test_a_function_that_gives_a_rate_is_no_attribute_to_set_one_by():
    (found,) = find(Rated())
    assert (found.p, found.attribute) == (None, None)
    with pytest.raises(ValueError, match="does not reach all dropout"):
        schedules.set_probabilities(Rated(), 0.1)
