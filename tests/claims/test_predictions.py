"""The claims of the chapter Predictions: each from the stored results, its wrong forms rejected."""

import numpy as np
import pytest

from experiments import results, statistics
from experiments.studies import co2, equalisation


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


# The linear network.


@pytest.mark.claim(
    "emp-equalisation", method="paired-experiment", rejects=("the arms swapped", "p = 0 does too")
)
def test_dropout_equalises_the_products(claim):
    found, shown = results.load("R8"), findings(equalisation, "R8")
    none, dropout = (found.values(arm, "dispersion") for arm in ("none", "dropout"))
    claim.holds(shown["dispersion, none less dropout"])
    claim.holds(shown["dropout, dispersion"])
    claim.rejects("the arms swapped", statistics.greater(dropout, none, 0.07))
    claim.rejects("p = 0 does too", statistics.within(none, -0.03, 0.03))


@pytest.mark.claim(
    "emp-soft-threshold",
    method="paired-experiment",
    rejects=("least squares", "a multiple of least squares", "p = 0 does too"),
)
def test_dropout_thresholds_the_singular_values(claim):
    found, shown = results.load("R8"), findings(equalisation, "R8")
    claim.holds(shown["dropout, distance from the closed form"])
    claim.holds(shown["dropout, ridge less closed form"])
    claim.holds(shown["none, distance from least squares"])
    for name, wrong in (("least squares", "plain"), ("a multiple of least squares", "ridge")):
        claim.rejects(name, statistics.within(found.values("dropout", wrong), -0.04, 0.04))
    claim.rejects("p = 0 does too", statistics.within(found.values("none", "soft"), -0.04, 0.04))


def test_soft_threshold_minimises_its_objective(rng):
    """No singular values near those of the closed form, with M's vectors or not, are better."""
    M, p, width = rng.standard_normal((4, 6)), 0.5, 8

    def objective(A):
        return np.sum((M - A) ** 2) + p / (1 - p) / width * np.linalg.norm(A, "nuc") ** 2

    best = equalisation.soft_thresholded(M, p, width)
    for _ in range(200):
        step = rng.standard_normal(M.shape) * 10.0 ** rng.uniform(-4, 0)
        assert objective(best + step) > objective(best)
    assert np.linalg.matrix_rank(equalisation.soft_thresholded(M, 0.9, width)) < 4


def test_without_dropout_the_arms_agree():
    settings = results.load("R8", "small").settings | {"epochs": 1, "p": 0.0}
    one, other = (equalisation.equalisation((0,), arm, **settings) for arm in equalisation.ARMS)
    assert one == other


# All of the chapter.


def test_all_findings_hold_together():
    """Holm's correction over everything that the chapter asserts."""
    studies = {"R8": equalisation, "R10": co2}
    shown = [f for id, study in studies.items() for f in findings(study, id).values()]
    adjusted, asserted = statistics.holm(shown)
    assert asserted.all(), adjusted
