"""The claims of the chapter Predictions: each from the stored results, its wrong forms rejected."""

import pytest

from experiments import results, statistics
from experiments.studies import co2


def findings(study, id):
    return study.findings(results.load(id))


# CO2.


@pytest.mark.claim(
    "emp-co2", method="paired-experiment", rejects=("tanh grows like ReLU", "ReLU saturates")
)
def test_relu_spread_grows_and_tanh_saturates(claim):
    found, shown = results.load("R10"), findings(co2, "R10")
    claim.holds(shown["ReLU, growth to four half widths"])
    claim.holds(shown["ReLU, growth from four to eight"])
    claim.holds(shown["tanh, growth from four to eight"])
    claim.holds(shown["ReLU less tanh, growth to four"])
    claim.rejects("tanh grows like ReLU", statistics.greater(found.values("tanh", "growth"), 1, 4))
    claim.rejects("ReLU saturates", statistics.within(found.values("relu", "doubling"), 0.9, 1.1))


@pytest.mark.claim(
    "emp-co2-untrained", method="paired-experiment", rejects=("no growth without training",)
)
def test_growth_needs_no_training(claim):
    found = results.load("R10").values("relu untrained", "growth")
    claim.holds(findings(co2, "R10")["untrained ReLU, growth to four"])
    claim.rejects("no growth without training", statistics.within(found, 0.5, 2))


@pytest.mark.claim(
    "emp-co2-error", method="paired-experiment", rejects=("ReLU's spread is too small alike",)
)
def test_tanh_does_not_cover_its_error(claim):
    found = results.load("R10")
    claim.holds(findings(co2, "R10")["tanh, later error by its sd"])
    ratio = found.values("relu", "later_rmse") / found.values("relu", "later_sd")
    claim.rejects("ReLU's spread is too small alike", statistics.greater(ratio, 1, 2.5))


def test_without_dropout_there_is_no_spread():
    settings = results.load("R10", "small").settings | {"epochs": 1, "p": 0.0}
    with pytest.raises(ValueError, match="drop"):
        co2.co2((0,), "relu", **settings)


# All of the chapter.


def test_all_findings_hold_together():
    """Holm's correction over everything that the chapter asserts."""
    studies = {"R10": co2}
    shown = [f for id, study in studies.items() for f in findings(study, id).values()]
    adjusted, asserted = statistics.holm(shown)
    assert asserted.all(), adjusted
