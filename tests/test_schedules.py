"""Schedules: their values, and the layers they are set on."""

import doctest
import functools
import math
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from book import variants
from dropoutlib import layers, nn, schedules
from dropoutlib.schedules import Scheduler, set_probabilities


def test_curriculum_rises_from_zero_to_its_limit():
    schedule = schedules.curriculum(0.4, 0.1)
    assert schedule(0) == 0
    # The published form is for the probability of keeping, of limit 0.6.
    for step in (1, 10, 100):
        assert schedule(step) == pytest.approx(1 - (0.4 * math.exp(-0.1 * step) + 0.6), rel=1e-13)
    assert schedule(10**6) == 0.4


def test_constant_early_and_late_sum_up():
    whole, first, last = (
        schedules.constant(0.3),
        schedules.early(0.3, 5),
        schedules.late(0.3, 5),
    )
    for step in range(10):
        assert first(step) + last(step) == whole(step)
    decay = schedules.early(0.3, 5, decay=True)
    assert [decay(step) for step in (0, 5, 6)] == [0.3, 0, 0]


def test_depth_of_the_paper_and_of_timm():
    paper = schedules.linear_depth(0.5, 54)
    assert sum(1 - p for p in paper) == pytest.approx(variants.expected_depth(54, 0.5), rel=1e-14)
    assert paper[0] > 0
    timm = schedules.linear_depth(0.5, 54, first_zero=True)
    assert torch.tensor(timm).allclose(torch.linspace(0, 0.5, 54))
    assert schedules.linear_depth(0.5, 1) == [0.5]
    assert schedules.linear_depth(0.5, 1, first_zero=True) == [0.0]


def test_all_dropout_modules_of_a_network_follow():
    shared = nn.Dropout2d()
    net = torch.nn.Sequential(
        torch.nn.Dropout(), torch.nn.Sequential(shared, shared), nn.DropPath(), nn.ConcreteDropout()
    )
    set_probabilities(net, [0.1, 0.2, 0.3])
    assert [net[0].p, shared.p, net[2].p] == [0.1, 0.2, 0.3]
    assert net[3].p == 0.5
    set_probabilities([net[0], layers.Dropout()], 0.7)
    assert net[0].p == 0.7


def test_a_checkpoint_is_taken_up_again():
    first, second = nn.Dropout(), nn.Dropout()
    made = Scheduler(first, schedules.curriculum(0.5, 0.1))
    for _ in range(7):
        made.step()
    twin = Scheduler(second, schedules.curriculum(0.5, 0.1))
    twin.load_state_dict(made.state_dict())
    assert second.p == first.p > 0
    assert twin.steps == 7


def test_depth_and_time_together():
    branches = [nn.DropPath() for _ in range(4)]
    depth = schedules.linear_depth(0.4, 4)
    time = schedules.early(1.0, 2)
    made = Scheduler(branches, lambda step: [p * time(step) for p in depth])
    assert [branch.p for branch in branches] == depth
    made.step()
    made.step()
    assert [branch.p for branch in branches] == [0] * 4


def test_a_refusal_changes_nothing():
    pair = [layers.Dropout(0.2), layers.GaussianDropout(0.3)]
    with pytest.raises(ValueError, match="infinite variance"):
        set_probabilities(pair, 1.0)
    assert [layer.p for layer in pair] == [0.2, 0.3]
    made = Scheduler(pair, lambda step: 0.9 + 0.2 * step)
    with pytest.raises(ValueError, match=r"p=1\.1"):
        made.step()
    assert made.steps == 0
    assert pair[0].p == 0.9


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: schedules.constant(1.5), ValueError, "p=1.5"),
        (lambda: schedules.curriculum(0.5, 0), ValueError, "gamma=0"),
        (lambda: schedules.curriculum(0.5, math.inf), ValueError, "gamma=inf"),
        (lambda: schedules.early(0.5, 0), ValueError, "steps=0"),
        (lambda: schedules.late(0.5, 1.5), TypeError, "steps=1.5"),
        (lambda: schedules.linear_depth(0.5, 0), ValueError, "depth=0"),
        (lambda: schedules.linear_depth(0.5, True), TypeError, "depth=True"),
        (lambda: set_probabilities(torch.nn.ReLU(), 0.5), ValueError, "no dropout layer"),
        (lambda: set_probabilities([], []), ValueError, "no dropout layer"),
        (lambda: set_probabilities("abc", 0.5), TypeError, "target must be .* got 'abc'"),
        (lambda: set_probabilities(3, 0.5), TypeError, "target must be .* got 3"),
        (lambda: set_probabilities(nn.Dropout(), [0.1, 0.2]), ValueError, "2 probabilities .* 1 "),
        (lambda: Scheduler(nn.Dropout(), lambda step: float("nan")), ValueError, "p=nan"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


class Attention(torch.nn.Module):
    """Passes its own number to a function, as transformers do."""

    def __init__(self, config=None):
        super().__init__()
        self.config = config
        self.drop = torch.nn.Dropout(0.2)
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, x):
        """Both kinds of dropout."""
        return F.dropout(self.drop(x), self.config["p"].rate, self.training)


class Own(Attention):
    """Its number is an attribute."""

    attention_dropout = 0.4

    def forward(self, x):
        """Attention in place of which there is dropout."""
        p = self.attention_dropout if self.training else 0.0
        return F.dropout(self.drop(x), p)


class Shared(Attention):
    """Its number is that of all modules with one configuration."""

    def forward(self, x):
        """Dropout of the input only."""
        return F.dropout(x, p=self.config.dropout, training=self.training)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True),
        lambda: torch.nn.Transformer(8, 2, 1, 1, 16, dropout=0.1, batch_first=True),
        lambda: torch.nn.ModuleList([torch.nn.LSTM(3, 8, 2, dropout=0.5), torch.nn.Dropout(0.5)]),
        lambda: torch.nn.GRU(3, 8, 3, dropout=0.5),
        Own,
    ],
)
def test_every_dropout_follows(make):
    model = make()
    for p in (0.3, 0.0):
        set_probabilities(model, p)
        assert {found.p for found in nn.find(model)} == {p}
    if isinstance(model, (torch.nn.TransformerEncoderLayer, Own)):
        x = torch.randn(2, 5, 8 if isinstance(model, torch.nn.TransformerEncoderLayer) else 3)
        assert torch.equal(model.train()(x), model(x))  # nothing drops


class Literal(Attention):
    """Its probability is written in the code."""

    def forward(self, x):
        """Dropout of a fixed probability."""
        return F.dropout(self.drop(x), 0.1, self.training)


def test_what_does_not_follow_is_named():
    model = torch.nn.Sequential(torch.nn.Dropout(0.3), Literal())
    with pytest.raises(ValueError, match=r"not reach all dropout: 1 \(Literal\).*schedules.py:\d+"):
        set_probabilities(model, 0.5)
    assert model[0].p == 0.3
    chosen = [found for found in nn.find(model) if found.attribute]
    set_probabilities(chosen, [0.5, 0.6])
    assert (model[0].p, model[1].drop.p) == (0.5, 0.6)


class Total(Literal):
    """Its code drops all."""

    def forward(self, x):
        """Dropout of probability 1, the other end of what no schedule reaches."""
        return F.dropout(self.drop(x), 1.0, self.training)


def test_what_drops_all_does_not_follow_either():
    with pytest.raises(ValueError, match=r"not reach all dropout: the model itself \(Total\)"):
        set_probabilities(Total(), 0.5)


class Silent(Literal):
    """Its code drops nothing."""

    off = staticmethod(functools.partial(F.dropout, p=0.0))

    def forward(self, x):
        """Dropout of probability 0, which no schedule needs to reach."""
        return self.off(F.dropout(self.drop(x), 0.0, self.training))


def test_what_drops_nothing_need_not_follow():
    model = torch.nn.Sequential(torch.nn.Dropout(0.3), Silent())
    assert 0.0 in [found.p for found in nn.find(model)]
    set_probabilities(model, 0.5)
    assert (model[0].p, model[1].drop.p) == (0.5, 0.5)


def test_one_number_of_many_modules_is_one():
    class Config:
        dropout = 0.1

    model = torch.nn.Sequential(Shared(Config), Shared(Config))
    # Each has a layer that its forward pass does not call, and all share one number.
    set_probabilities(model, [0.2, 0.3, 0.4])
    assert Config.dropout == 0.2
    assert [part.drop.p for part in model] == [0.3, 0.4]


SCHEDULES = [
    schedules.constant(0.5),
    schedules.curriculum(0.5, 0.1),
    schedules.early(0.5, 9),
    schedules.early(0.5, 9, decay=True),
    schedules.late(0.5, 9),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_scheduler_goes_on_after_pickling(schedule):
    for layer in (nn.Dropout(), layers.Dropout(), torch.nn.LSTM(2, 2, 2)):
        made = Scheduler([layer], schedule)
        made.step()
        twin = pickle.loads(pickle.dumps(made))
        for _ in range(9):
            made.step()
            twin.step()
        assert twin.steps == made.steps == 10
        name = "dropout" if hasattr(layer, "dropout") else "p"
        assert getattr(twin.target[0], name) == getattr(layer, name) == schedule(10)


def test_layers_may_come_from_an_iterator():
    branches = [nn.DropPath(), layers.DropPath()]
    made = Scheduler(iter(branches), schedules.late(0.5, 1))
    made.step()
    assert [branch.p for branch in branches] == [0.5, 0.5]


@pytest.mark.parametrize("p", [np.linspace(0, 0.5, 2), (0.0, np.float32(0.5)), range(0, 2)])
def test_numbers_may_come_in_any_list(p):
    pair = [nn.Dropout(), layers.Dropout()]
    set_probabilities(pair, p)
    assert [layer.p for layer in pair] == [0, p[1]]
    assert all(type(layer.p) is float for layer in pair)


@pytest.mark.parametrize(
    "p",
    [
        *(torch.tensor(0.3), torch.tensor([0.3]), torch.nn.Parameter(torch.tensor(0.3))),
        *(np.array(0.3), np.array([[0.3]]), "0.3", b"1", None, {"p": 0.3}, True, [None], 1j),
    ],
)
@pytest.mark.parametrize("layer", [nn.Dropout, torch.nn.Dropout, layers.Dropout])
def test_what_is_no_probability_is_refused_in_words(p, layer):
    layer = layer(0.25)
    with pytest.raises((TypeError, ValueError), match=r"\bp[ =]"):
        set_probabilities(layer, p)
    assert layer.p == 0.25


def test_examples_in_the_docstrings():
    result = doctest.testmod(schedules)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("step", [-1, 0, 10**9, float("nan")])
def test_a_constant_asks_for_no_step(step):
    assert schedules.constant(0.3)(step) == 0.3
