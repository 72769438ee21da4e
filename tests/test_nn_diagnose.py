"""The doctor of models: each check finds a planted fault, and sound models have none."""
# ruff: noqa: D101, D102

import doctest
import subprocess
import sys
import textwrap

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from dropoutlib import nn as ours
from dropoutlib.nn import diagnose, diagnosing

pytestmark = [
    pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning"),
    pytest.mark.filterwarnings("ignore:dropout option adds dropout after all but:UserWarning"),
]


@pytest.fixture
def x(seed):
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(seed))


def checks(model, *args, **kwargs):
    return [finding.check for finding in diagnose(model, *args, **kwargs)]


class Attention(nn.Module):
    """Attention whose p is a number; `always` is what many forget."""

    def __init__(self, always):
        super().__init__()
        self.always, self.inner = always, nn.Linear(8, 8)

    def forward(self, x):
        h = self.inner(x)
        p = 0.1 if self.always or self.training else 0.0
        return self.inner(F.scaled_dot_product_attention(h, h, h, dropout_p=p))


class AttentionAlone(nn.Module):
    """Nothing but attention, whose memory grows with the square of the rows."""

    def forward(self, x):
        return F.scaled_dot_product_attention(x, x, x, dropout_p=0.1 * self.training)


class Recomputed(nn.Module):
    def __init__(self, drop, preserve=True, reentrant=False):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(8, 64), drop, nn.Linear(64, 2)
        self.how = {"preserve_rng_state": preserve, "use_reentrant": reentrant}

    def forward(self, x):
        return self.last(checkpoint(self.drop, self.first(x), **self.how))


class OwnDropout(nn.Module):
    """A layer of another library, whose factor and probability may be wrong."""

    def __init__(self, p, factor=1.0, kept=None):
        super().__init__()
        self.p, self.factor, self.kept = p, factor, 1 - p if kept is None else kept

    def forward(self, x):
        if not self.training:
            return x
        return x * torch.bernoulli(torch.full_like(x, self.kept)) * self.factor


class BatchDropout(OwnDropout):
    """Keeps or drops the whole batch."""

    def forward(self, x):
        return x * torch.bernoulli(torch.tensor(self.kept)) * self.factor if self.training else x


class Unregistered(nn.Module):
    """A layer that neither train() nor eval() reaches."""

    def __init__(self):
        super().__init__()
        self.inner, self.hidden = nn.Linear(8, 2), [nn.Dropout(0.5)]

    def forward(self, x):
        return self.inner(self.hidden[0](x))


class Frozen(nn.Sequential):
    """Keeps its layers in evaluation mode, whatever train() says."""

    def train(self, mode=True):
        return super().train(False)


class Added(nn.Module):
    """Adds to what was dropped, in place."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        h = self.drop(x)
        h += x
        return h


class Spare(nn.Module):
    """One layer of two is called."""

    def __init__(self):
        super().__init__()
        self.drop, self.spare, self.last = nn.Dropout(0.3), nn.Dropout(0.3), nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.drop(x))


class Functional(nn.Module):
    """Drops its output by a function."""

    def forward(self, x):
        return F.dropout(x.relu(), 0.2, self.training)[:, :3]


class Hidden(nn.Module):
    """Gives a hidden layer or a loss beside its output."""

    def __init__(self, *last, loss=False):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(8, 3), nn.Dropout(0.2))
        self.last, self.loss = nn.Sequential(*last), loss

    def forward(self, x):
        hidden = self.first(x)
        last = self.last(hidden)
        return {"hidden": hidden, "output": last.square().mean() if self.loss else last}


class Policy(nn.Module):
    """Gives actions, which it draws in evaluation, too."""

    def __init__(self, law):
        super().__init__()
        self.body, self.law = chain(nn.Dropout(0.1)), law

    def forward(self, x):
        return self.law(self.body(x)).sample()


def seeded(number):
    return ours.Dropout(0.5, generator=torch.Generator().manual_seed(number))


def chain(*layers):
    return nn.Sequential(nn.Linear(8, 64), *layers, nn.Linear(64, 3))


SOUND = {
    "no dropout": lambda: nn.Linear(8, 2),
    "elements": lambda: chain(nn.ReLU(), nn.Dropout(0.5)),
    "ours": lambda: chain(ours.Dropout(0.3), nn.ReLU(), ours.GaussianDropout(0.3)),
    "alpha": lambda: chain(nn.SELU(), nn.AlphaDropout(0.2)),
    "paths": lambda: chain(ours.DropPath(0.2)),
    "connections": lambda: ours.DropConnectLinear(8, 2, p=0.4),
    "learned rate": lambda: chain(ours.ConcreteDropout()),
    "other library": lambda: chain(OwnDropout(0.2, 1.25)),
    "other library, a batch at a time": lambda: chain(
        *(BatchDropout(0.5, 2.0) for _ in range(8))  # a share of 256 calls may be near by chance
    ),
    "other generators": lambda: chain(seeded(1), nn.ReLU(), seeded(2)),
    "attention": lambda: Attention(False),
    "attention without parameters": AttentionAlone,
    "encoder": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
    "decoder": lambda: nn.TransformerDecoderLayer(8, 2, 16, batch_first=True),
    "LSTM": lambda: nn.LSTM(8, 4, 2, dropout=0.2),
    "GRU of one layer": lambda: nn.GRU(8, 4),
    "recomputed": lambda: Recomputed(nn.Dropout(0.5)),
    "recomputed at once": lambda: Recomputed(nn.Dropout(0.5), reentrant=True),
    "recomputed, ours": lambda: Recomputed(ours.Dropout(0.5)),
    "normalised": lambda: chain(nn.BatchNorm1d(64), nn.Dropout(0.1)),
    "added in place": lambda: Added(),
    "spare layer": lambda: Spare(),
    "p = 0 and p = 1": lambda: chain(nn.Dropout(0.0), nn.Dropout(1.0)),
    "random activation": lambda: chain(nn.RReLU()),
    "hidden layer given, too": lambda: Hidden(nn.Linear(3, 2)),
    "actions": lambda: Policy(lambda scores: torch.distributions.Categorical(logits=scores)),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_have_no_findings(name, x):
    model = SOUND[name]()
    args = (x[None], x[None]) if name == "decoder" else (x[None] if name == "encoder" else x,)
    assert not diagnose(model, *args)


FAULTS = {
    "attention after eval()": ("evaluation", lambda: Attention(True)),
    "a layer that eval() does not reach": ("evaluation", Unregistered),
    "LSTM of one layer": ("silent", lambda: nn.LSTM(8, 4, 1, dropout=0.2)),
    "a layer that train() does not reach": ("silent", lambda: Frozen(*chain(nn.Dropout(0.3)))),
    "no random state": ("recomputation", lambda: Recomputed(nn.Dropout(0.5), preserve=False)),
    "no random state, at once": (
        "recomputation",
        lambda: Recomputed(nn.Dropout(0.5), preserve=False, reentrant=True),
    ),
    "its own generator": ("recomputation", lambda: Recomputed(seeded(3))),
    "output": ("output", lambda: nn.Sequential(nn.Linear(8, 3), nn.Dropout(0.2))),
    "output by a function": ("output", Functional),
    "output of another library": (
        "output",
        lambda: nn.Sequential(nn.Linear(8, 3), OwnDropout(0.5, 2.0)),
    ),
    "output with its loss": ("output", lambda: Hidden(loss=True)),
    "one seed twice": ("generators", lambda: chain(seeded(1), nn.ReLU(), seeded(1))),
    "no factor": ("scale", lambda: chain(OwnDropout(0.2))),
    "keeps with p": ("scale", lambda: chain(OwnDropout(0.3, 1 / 0.3, kept=0.3))),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_found(name, x):
    check, make = FAULTS[name]
    assert checks(make(), x) == [check]


def test_a_backward_pass_that_fails_names_what_works_in_place(x):
    """As the attention of TNT in timm: the backward pass of a softmax needs what it gave."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Softmax(-1), nn.Dropout(0.2, inplace=True))
    with pytest.raises(RuntimeError, match="inplace operation") as found:
        diagnose(model, x)
    (note,) = found.value.__notes__
    assert "backward pass" in note
    assert note.endswith("in place work 2")


def test_silent_where_nothing_is_called(x):
    model = Spare()
    model.drop = nn.Identity()
    (finding,) = diagnose(model, x)
    assert str(finding) == "silent: spare has p=0.3, but is not called"


def test_findings_name_module_place_and_statement(x):
    model = nn.Sequential(Attention(True))
    (finding,) = diagnose(model, x)
    assert finding.name == "0"
    assert finding.statement == "thm-attention-eval"
    assert __file__ in finding.text
    report = str(diagnose(model, x))
    assert report.startswith("1 found by 6 checks: evaluation, silent")
    assert "(see thm-attention-eval in the book)" in report


class TwoCalls(nn.Module):
    """One call of dropout that does not know the mode, and behind it one that does."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        x = F.dropout(x, 0.2)
        p = 0.1 if self.training else 0.0
        return self.last(F.scaled_dot_product_attention(x, x, x, dropout_p=p))


def test_all_calls_of_a_module_are_named_where_it_is_not_known_which_drew(x):
    (finding,) = diagnose(TwoCalls(), x)
    assert "functional dropout with p=0.2" in finding.text
    assert "; or the model itself (TwoCalls), attention dropout" in finding.text


def test_what_may_be_a_sample_is_said_to_be_right_where_it_is_one(x):
    (finding,) = diagnose(Policy(lambda mean: torch.distributions.Normal(mean, 1.0)), x)
    assert finding.check == "evaluation"
    assert "by aten.normal." in finding.text
    assert finding.text.endswith("draw only if self.training, unless the model is to give samples")
    assert finding.statement == ""


@pytest.mark.parametrize("name", ["normalised", "other generators", "recomputed at once"])
def test_nothing_is_changed(name, x):
    model = SOUND[name]()
    model(x).sum().backward()
    model[0].eval() if isinstance(model, nn.Sequential) else model.drop.eval()
    modes = [module.training for module in model.modules()]
    values = [value.clone() for value in model.state_dict().values()]
    gradients = [(each.grad, each.grad.clone()) for each in model.parameters()]
    own = [m.generator for m in model.modules() if getattr(m, "generator", None)]
    states = [torch.get_rng_state(), *(generator.get_state() for generator in own)]
    given = x.clone()
    diagnose(model, x)
    assert modes == [module.training for module in model.modules()]
    assert all(map(torch.equal, values, model.state_dict().values()))
    for each, (gradient, value) in zip(model.parameters(), gradients, strict=True):
        assert each.grad is gradient
        assert torch.equal(gradient, value)
    after = [torch.get_rng_state(), *(generator.get_state() for generator in own)]
    assert all(map(torch.equal, states, after))
    assert torch.equal(given, x)
    assert not any(module._forward_hooks for module in model.modules())


def test_optimizers_behind_gradients_are_not_run(x):
    model = Recomputed(nn.Dropout(0.5), preserve=False)
    stepped = []
    model.last.bias.register_post_accumulate_grad_hook(stepped.append)
    assert [finding.check for finding in diagnose(model, x)] == ["recomputation"]
    assert not stepped


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
@pytest.mark.parametrize("where", ["forward hook", "backward hook", "attribute"])
def test_optimizers_that_step_in_the_call_step_for_the_twin(where, x):
    model = chain(nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(x).sum().backward()
    optimizer.step()
    if where == "backward hook":
        model[0].register_full_backward_hook(lambda *_: optimizer.step())
    elif where == "forward hook":
        model.register_forward_hook(lambda *_: optimizer.step())
    else:
        model.optimizer = optimizer
        model.register_forward_hook(lambda module, *_: module.optimizer.step())
    kept = [*model.parameters(), *(state["momentum_buffer"] for state in optimizer.state.values())]
    before = [value.detach().clone() for value in kept]
    assert not diagnose(model, x)
    assert all(map(torch.equal, before, kept))


def test_bad_input(x):
    with pytest.raises(TypeError, match=r"torch\.nn\.Module, got function"):
        diagnose(F.dropout, x)
    with pytest.raises(ValueError, match="init_process_group"):
        diagnose(nn.Linear(8, 2), x, ranks=True)


@pytest.mark.skipif(sys.platform != "linux", reason="two processes meet in a file, by gloo")
@pytest.mark.parametrize("alike", [True, False])
def test_ranks_of_one_seed_are_found(alike, tmp_path):
    code = f"""
        import sys, torch
        from torch import distributed, nn
        from dropoutlib.nn import diagnose
        rank = int(sys.argv[1])
        distributed.init_process_group(
            "gloo", init_method="file://{tmp_path}/meet", rank=rank, world_size=2
        )
        torch.manual_seed(0 if {alike} else rank)
        found = diagnose(nn.Linear(2, 2), torch.ones(3, 2), ranks=True)
        print([finding.check for finding in found])
        distributed.destroy_process_group()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    pipes = {"stdout": subprocess.PIPE, "text": True}
    ranks = [subprocess.Popen([*command, str(rank)], **pipes) for rank in range(2)]
    said = [rank.communicate(timeout=120)[0].strip() for rank in ranks]
    assert said == [str(["ranks"] if alike else [])] * 2


def test_examples():
    assert doctest.testmod(diagnosing).failed == 0
