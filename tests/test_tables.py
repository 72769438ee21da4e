"""Regressions of small tables: rows, budget, and arms that must come out alike."""

import numpy as np
import pytest

from book.experiments import registry, tuning
from book.experiments.studies import tables

KNOWN = registry.experiments()
FULL, SMALL = (KNOWN["U3"].versions[name].settings for name in ("full", "small"))
FIRST = tables.SETS[0]


def run(kind, name=FIRST, **changed):
    (row,) = tables.tables((0,), f"{name}: {kind}", **(SMALL | changed))
    return row


def test_every_kind_tries_as_many_candidates():
    for axes in tables.KINDS.values():
        assert len(tuning.candidates({axis: FULL["levels"][axis] for axis in axes})) == 6


@pytest.mark.parametrize("kind", ["dropout", "weight decay"])
def test_a_remedy_of_no_strength_is_none(kind):
    none = run("none")
    nothing = {"levels": SMALL["levels"] | {kind: [0.0] * 6}}
    assert run(kind, **nothing)["nll_best"] == pytest.approx(none["nll_best"], rel=1e-5)
    assert run(kind)["nll_best"] != pytest.approx(none["nll_best"], rel=1e-5)


def test_masks_are_of_the_network_with_the_fixed_rate():
    """Both arms train alike; the mixture alone has a spread."""
    one, masks = run("p=0.2"), run("p=0.2, masks")
    assert one["p"] == masks["p"] == tables.FIXED
    assert one["spread"] == 0 < masks["spread"]
    assert run("none")["p"] == 0


def test_permuted_targets_teach_nothing_and_others_do():
    permuted, mean = run(tables.PERMUTED)["rmse_best"], run("mean")["rmse_best"]
    assert permuted > 0.95 * mean
    assert run("trees")["rmse_best"] < 0.8 * mean


def test_seeds_of_every_set_find_rows():
    for version in ("full", "pilot"):
        study = KNOWN["U3"].versions[version]
        for name in tables.SETS:
            found = tables.sets.load(name)
            sizes = study.settings["sizes"]
            parts = tables.folds(name, len(found.targets), study.seeds, sizes)
            assert len(np.unique(parts[2])) == len(study.seeds) * sizes[2]
