"""Rates by rows and width, and masks a step: what each arm trains, and that costs are equal."""

import numpy as np
import pytest

from book.experiments import registry, tuning
from book.experiments.studies import how_much, noises

STUDY = registry.experiments()["Q10"]
SMALL = STUDY.versions["small"].settings
RATED = {arm: p for arm, (_, p, _) in how_much.ARMS.items() if p is not None}


def asked(monkeypatch, arm):
    """What an arm trains: for each candidate the rate, and the width, steps, masks and rows."""
    seen = []

    def train(seeds, kind, rows, labels, x, given, *, width, **settings):
        steps = settings["epochs"] * (rows.shape[1] // settings["batch_size"])
        seen.append((given.get("dropout"), width, steps, settings.get("masks", 1), rows.shape[1]))
        return np.zeros((settings["moments"], *x.shape[:2], 10))

    monkeypatch.setattr(noises, "trained", train)
    how_much.how_much((0,), arm, **SMALL)
    rates, *others = zip(*seen, strict=True)
    (same,) = set(zip(*others, strict=True))
    return rates, *same


@pytest.mark.parametrize("arm", RATED)
def test_an_arm_of_one_rate_has_it_in_all_six_candidates(arm, monkeypatch):
    rates, width, steps, masks, rows = asked(monkeypatch, arm)
    assert rates == (RATED[arm],) * 6
    few = arm.endswith("few rows")
    assert rows == (SMALL["few"] if few else SMALL["sizes"][0])
    factor = 0.25 if arm.endswith("narrow") else 2.5 if arm.endswith("wide") else 1
    assert width == factor * SMALL["width"]
    assert (steps, masks) == (SMALL["epochs"] * SMALL["sizes"][0] // SMALL["batch_size"], 1)


def test_arms_that_are_set_beside_each_other_have_as_many_passes(monkeypatch):
    """In steps times masks; each has the batch's rows in every step."""
    cost = {}
    for arm in [arm for arm in how_much.ARMS if "mask" in arm]:
        rates, _, steps, masks, _ = asked(monkeypatch, arm)
        assert sorted(rates) == SMALL["levels"]["dropout"]
        cost[arm] = steps * masks
    assert cost["one mask"] == cost["four masks, a quarter of the steps"]
    assert cost["four masks"] == cost["one mask, four times the steps"] == 4 * cost["one mask"]


def test_without_dropping_an_arm_is_none_and_masks_change_nothing():
    x, y = np.random.default_rng(0).random((1, 60, 16), dtype=np.float32), np.arange(60)[None] % 10
    step = {"width": 8, "epochs": 4, "moments": 2, "batch_size": 20}

    def trained(arm, p, masks=1):
        given = {"lr": 0.01, "dropout": p}
        return noises.trained([3], arm, x, y, x, given, masks=masks, **step)

    none = trained("none", 0.0)
    np.testing.assert_array_equal(trained("dropout", 0.0), none)
    np.testing.assert_allclose(trained("dropout", 0.0, masks=4), none, atol=1e-4)
    assert np.abs(trained("dropout", 0.5, masks=4) - trained("dropout", 0.5)).max() > 1e-3


def test_what_is_kept_beside_says_how_low_the_validation_loss_came():
    (row,) = how_much.how_much((0,), "p=0.5", **SMALL)
    levels = SMALL["levels"] | {"dropout": [0.5] * 6}
    settings = {name: value for name, value in SMALL.items() if name != "levels"}
    (whole,) = noises.tuned((0,), "dropout", levels=levels, **settings)
    assert row == tuning.concise([whole])[0] | {"validated": min(whole["sweep_nll"])}
