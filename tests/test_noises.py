"""Kinds, places and schedules of noise, equally tuned: each by its definition, and the budget."""

import numpy as np
import pytest
import torch

from book.experiments import networks, registry, report, results, tuning
from book.experiments.studies import dropconnect, noises
from dropoutlib.masks import sample_mask

KNOWN = registry.experiments()
ARMS = noises.ARMS | noises.WAYS
KINDS = {arm.removesuffix(noises.FEW): None for arm in ARMS}
NETWORKS = [arm for arm in KINDS if arm not in noises.BASELINES]
PLAIN = {"stochastic depth": "residual"}  # without noise the others are "none"


def run(arm, id="Q6", **changed):
    (row,) = noises.noises((0,), arm, **(KNOWN[id].versions["small"].settings | changed))
    return row


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.random((1, 60, 16), dtype=np.float32), np.arange(60)[None] % 10


def trained(rows, arm, **given):
    x, y = rows
    step = {"width": 8, "epochs": 4, "moments": 2, "batch_size": 20, "blocks": 3}
    return noises.trained([3], arm, x, y, x, {"lr": 0.01} | given, **step)


@pytest.mark.parametrize("id", ["Q6", "Q7"])
@pytest.mark.parametrize("arm", KINDS)
def test_every_arm_tries_as_many_candidates(arm, id):
    axes = noises.axes_of(arm)
    levels = KNOWN[id].versions["full"].settings["levels"]
    assert len(tuning.candidates({axis: levels[axis] for axis in axes})) == 6
    assert ("lr" in axes) == (arm in NETWORKS)


@pytest.mark.parametrize("arm", [arm for arm in NETWORKS if ARMS[arm] and "perm" not in arm])
def test_noise_of_no_strength_is_none(arm, rows):
    nothing = {"dropout": 0.0, "inputs": 0.0}
    none = trained(rows, PLAIN.get(arm, "none"))
    np.testing.assert_array_equal(trained(rows, arm, **nothing), none)
    given = dict.fromkeys(ARMS[arm], 0.4)
    assert np.abs(trained(rows, arm, **given) - none)[-1].max() > 1e-3


def test_each_row_has_weights_of_its_own_dropped_and_evaluation_has_all():
    seeds, p = [5, 6], 0.3
    net = networks.mlp((4, 3, 3, 2), seeds)
    first, *behind = (layer for layer in net if isinstance(layer, networks.SeedLinear))
    dropconnect.connect(net, p, seeds)
    dropping = [layer for layer in net if isinstance(layer, dropconnect.SeedDropConnect)]
    assert [layer.linear for layer in dropping] == behind
    assert first in net
    rngs = [networks.stream(seed, "masks") for seed in seeds]
    for layer, x in zip(dropping, torch.rand(2, 2, 7, 3), strict=True):
        W, b = layer.linear.weight, layer.linear.bias
        wanted = []
        for s, rng in enumerate(rngs):
            keep = torch.from_numpy(sample_mask((7, *W[s].shape), p, rng=rng))
            of_rows = [row @ (W[s] * own / (1 - p)) for row, own in zip(x[s], keep, strict=True)]
            wanted.append(torch.stack(of_rows) + b[s])
        torch.testing.assert_close(layer.train()(x), torch.stack(wanted))
        torch.testing.assert_close(layer.eval()(x), x @ W + b)


def test_few_rows_are_the_first_and_have_as_many_steps(monkeypatch):
    """Of the other training rows neither training nor the choice sees anything."""
    given = KNOWN["Q7"].versions["small"].settings
    few, (end, *_) = given["few"], given["sizes"]
    steps, wanted = {}, {arm: run(arm, "Q7") for arm in ("none", "none, few rows")}

    def count(net, rows, *others, epochs, batch_size, **settings):
        steps[rows.shape[1]] = epochs * (rows.shape[1] // batch_size)
        settings |= {"epochs": epochs, "batch_size": batch_size}
        return tuning.at_moments(net, rows, *others, **settings)

    def spoilt(*asked):
        (x, y), *others = blocks(*asked)
        x[:, few:] = 0
        return [(x, y), *others]

    blocks = noises.blocks
    monkeypatch.setattr(noises, "at_moments", count)
    monkeypatch.setattr(noises, "blocks", spoilt)
    assert run("none, few rows", "Q7") == wanted["none, few rows"]
    assert run("none", "Q7") != wanted["none"]
    assert steps == {few: steps[end], end: steps[end]}


def test_early_is_dropout_until_half_of_the_steps_and_late_is_none(rows):
    none, dropout, early, late, rising = (
        trained(rows, arm, dropout=0.4 * (arm != "none"))
        for arm in ("none", "dropout", "early", "late", "rising")
    )
    np.testing.assert_array_equal(early[0], dropout[0])
    np.testing.assert_array_equal(late[0], none[0])
    for one, other in ((early, dropout), (late, none), (rising, dropout), (rising, none)):
        assert np.abs(one[1] - other[1]).max() > 1e-3


def test_inputs_are_dropped_beside_hidden_units(rows):
    given = {"dropout": 0.4, "inputs": 0.3}
    both, hidden = (trained(rows, "inputs too", **given | {"inputs": p}) for p in (0.3, 0.0))
    np.testing.assert_array_equal(hidden, trained(rows, "dropout", dropout=0.4))
    assert np.abs(both - hidden).max() > 1e-3


def test_permuted_labels_teach_nothing_and_others_do():
    """Test rows keep their labels: a network that learned the classes would show it."""
    permuted, dropout = (run(arm)["error_last"] for arm in ("dropout, labels permuted", "dropout"))
    assert permuted > 0.75 > dropout


def test_what_is_stored_is_what_was_chosen():
    row = dict.fromkeys(("train_error", "train_nll", "sweep_nll", "chosen_error"), 0.123456789)
    row |= {f"{name}_{when}": 2 / 3 for name in tuning.MEASURES for when in ("best", "last")}
    (kept,) = tuning.concise([row | {"chosen_nll": [1, 2]}])
    assert kept["chosen_nll"] == [1, 2]
    assert kept["nll_best"] == 0.66667
    assert "sweep_nll" not in kept
    assert len(kept) == 9


def test_choices_are_printed_as_they_are_stored(capsys):
    """Of the i-th candidate the learning rate is the i-th, and p the third, sixth, second, ..."""
    found = results.load("Q7", "small")
    report.chosen(found, {"dropout": noises.axes_of("dropout")})
    printed = [line.split()[1:] for line in capsys.readouterr().out.splitlines()]
    numbers = [k for k, _ in found.values("dropout", "chosen_nll")]
    levels = found.settings["levels"]
    for line, axis, order in zip(
        printed, ("lr", "dropout"), ([0, 1, 2, 3, 4, 5], [2, 5, 1, 4, 0, 3]), strict=True
    ):
        given = sorted(levels[axis][order[k]] for k in numbers)
        assert line[0] == axis
        assert line[1::2] == [f"{value:g}:" for value in dict.fromkeys(given)]
        assert line[2::2] == [str(given.count(value)) for value in dict.fromkeys(given)]
