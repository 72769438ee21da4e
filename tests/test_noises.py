"""Kinds and schedules of noise, equally tuned: each against its definition, and the budget."""

import numpy as np
import pytest

from book.experiments import registry, tuning
from book.experiments.studies import noises

FULL, SMALL = (registry.experiments()["Q6"].versions[name].settings for name in ("full", "small"))
NETWORKS = [arm for arm in noises.ARMS if arm not in noises.BASELINES]


def run(arm, **changed):
    (row,) = noises.noises((0,), arm, **(SMALL | changed))
    return row


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.random((1, 60, 16), dtype=np.float32), np.arange(60)[None] % 10


def trained(rows, arm, **given):
    x, y = rows
    step = {"width": 8, "epochs": 4, "moments": 2, "batch_size": 20}
    return noises.trained([3], arm, x, y, x, {"lr": 0.01} | given, **step)


@pytest.mark.parametrize("arm", noises.ARMS)
def test_every_arm_tries_as_many_candidates(arm):
    axes = noises.axes_of(arm)
    tried = tuning.candidates({axis: FULL["levels"][axis] for axis in axes})
    assert len(tried) == 6
    assert ("lr" in axes) == (arm in NETWORKS)


@pytest.mark.parametrize("arm", [arm for arm in NETWORKS if noises.ARMS[arm] and "perm" not in arm])
def test_noise_of_no_strength_is_none(arm, rows):
    nothing = {"dropout": 0.0, "inputs": 0.0}
    none = trained(rows, "none")
    np.testing.assert_array_equal(trained(rows, arm, **nothing), none)
    given = dict.fromkeys(noises.ARMS[arm], 0.4)
    assert np.abs(trained(rows, arm, **given) - none)[-1].max() > 1e-3


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
