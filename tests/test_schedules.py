"""Schedules: their values, and the layers they are set on."""

import doctest
import math

import pytest
import torch

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
    assert sum(1 - p for p in paper) == pytest.approx(layers.expected_depth(54, 0.5), rel=1e-14)
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
        (lambda: schedules.early(0.5, 0), ValueError, "steps=0"),
        (lambda: schedules.late(0.5, 1.5), TypeError, "steps=1.5"),
        (lambda: schedules.linear_depth(0.5, 0), ValueError, "depth=0"),
        (lambda: schedules.linear_depth(0.5, True), TypeError, "depth=True"),
        (lambda: set_probabilities(torch.nn.ReLU(), 0.5), ValueError, "no dropout layer"),
        (lambda: set_probabilities([], []), ValueError, "no dropout layer"),
        (lambda: set_probabilities(nn.Dropout(), [0.1, 0.2]), ValueError, "2 probabilities .* 1 "),
        (lambda: Scheduler(nn.Dropout(), lambda step: float("nan")), ValueError, "p=nan"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_examples_in_the_docstrings():
    result = doctest.testmod(schedules)
    assert result.attempted
    assert not result.failed
