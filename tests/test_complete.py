"""Dropout with plenty of data: which rows are dealt out, what is tuned, and what is stored."""

import numpy as np
import pytest

from book.experiments import (
    dealing,
    evidence,
    images,
    registration,
    registry,
    results,
    tuning,
)
from book.experiments.studies import complete

KNOWN = registry.experiments()
STUDIES = [*complete.TRIED]
FULL = {id: KNOWN[id].versions["full"].settings for id in STUDIES}


def run(arm, seed=0, **changed):
    return complete.complete(seed, arm, **KNOWN["Q4"].versions["small"].settings | changed)


def rows(parts):
    return [{row.tobytes() for row in x} for x, _ in parts]


# Rows.


def test_seeds_are_tested_on_rows_of_their_own_and_learn_from_nearly_all_others():
    sizes = (3000, 800, 600)
    dealt = [rows(images.dealt("mnist_5k", seed, sizes)) for seed in range(7)]
    assert [tuple(map(len, parts)) for parts in dealt] == [sizes] * 7
    for train, validation, test in dealt:
        assert len(train | validation | test) == sum(sizes)
        assert validation == dealt[0][1]
    assert len(set.union(*(test for *_, test in dealt))) == 7 * 600
    # 4200 rows stand in front, of which all but the test rows could be learnt from.
    everything = rows(images.dealt("mnist_5k", 0, (3600, 800, 600)))
    assert len(set.union(*everything)) == 5000


def test_the_pilot_chooses_by_no_test_row_of_the_full_version():
    _, validation, test = rows(images.dealt("mnist_5k", dealing.PILOT, (3000, 400, 400)))
    assert not validation & test
    for seed in range(7):
        _, held, judged = rows(images.dealt("mnist_5k", seed, (3000, 800, 600)))
        assert validation | test == held
        assert not judged & (validation | test)
    for id, full in FULL.items():
        assert sum(KNOWN[id].versions["pilot"].settings["sizes"][1:]) <= full["sizes"][1]


@pytest.mark.parametrize(
    ("seed", "sizes"),
    [(7, (3000, 800, 600)), (0, (3601, 800, 600)), (1000, (4500, 300, 300)), (0, (9, 0, 9))],
)
def test_too_few_rows_are_refused(seed, sizes):
    with pytest.raises(ValueError, match="5000 rows, too few"):
        images.dealt("mnist_5k", seed, sizes)


# The budget.


@pytest.mark.parametrize(("id", "count"), [("Q4", 4), ("Q5", 16)])
def test_every_arm_tries_equally_many_candidates_and_the_networks_the_same_steps(id, count):
    tried = complete.TRIED[id].values()
    assert {len(given) for given in tried} == {count}
    steps = {tuple((each["lr"], each["weight decay"]) for each in given) for given in tried}
    assert len(steps) == 1


@pytest.mark.parametrize("id", STUDIES)
def test_the_full_version_uses_what_the_pilot_chose(id):
    """By the loss after a temperature on the pilot's validation rows; the control as its twin."""
    pilot = results.load(id, "pilot")
    for arm in complete.ARMS:
        own = arm.removesuffix(" again")
        number, _ = pilot.values(own, "chosen_scaled")[0]
        assert FULL[id]["tried"][arm] == [complete.TRIED[id][own][number]]


# What is trained.


def test_dropout_of_nothing_is_none():
    step = {"lr": 0.004, "weight decay": 0.03}
    none = run("none", tried={"none": [step]})["nll_last"]
    found = {
        p: run("dropout", tried={"dropout": [step | {"dropout": p}]})["nll_last"]
        for p in (0.0, 0.4)
    }
    assert found[0.0] == pytest.approx(none, rel=1e-4)
    assert abs(found[0.4] - none) > 1e-3


def test_the_control_has_other_streams_and_a_longer_decay_other_weights():
    one, other = (run(arm)["nll_last"] for arm in ("none", "none again"))
    assert one != other
    steps = [{"lr": 0.004, "weight decay": decay} for decay in (0.0, 3.0)]
    plain, shrunk = (run("none", tried={"none": [step]})["train_nll"] for step in steps)
    assert shrunk > plain


def test_logistic_regression_is_linear_and_learns():
    x = np.random.default_rng(0).normal(size=(1, 400, 3)).astype(np.float32)
    labels = (x[..., 0] > 0).astype(np.int64)
    settings = {"epochs": 10, "moments": 1, "batch_size": 20, "width": 4}
    given = {"lr": 0.1, "weight decay": 0.0}
    points = np.array([[[0, 0, 0], [1, 0, 0], [2, 0, 0]]], dtype=np.float32)
    logits = complete.linear([0], x, labels, points, given, **settings)[0, 0]
    np.testing.assert_allclose(logits[1] - logits[0], logits[2] - logits[1], rtol=1e-4)
    assert logits[2, 1] - logits[2, 0] > 3


# What is stored, and what the chapter Evidence says of it.


def test_nothing_is_decided_and_errors_leave_no_room_for_the_paper_s_gain():
    rows = {
        (row.contrast.question, row.contrast.better[1]): row for row in registration.judge("Q4")
    }
    assert {row.word for row in rows.values()} == {"undecided"}
    dropout, control = (rows[question, "error_best"] for question in ("dropout", "again"))
    assert abs(dropout.estimate) < abs(control.estimate)
    smallest = evidence.TABLE_2["standard"] - max(evidence.TABLE_2["dropout"])
    assert dropout.interval[1] < smallest
    loss, scaled = (rows["dropout", f"{measure}_best"] for measure in ("nll", "scaled"))
    assert loss.interval[0] > 0 > scaled.estimate
    # That a gain as large as the paper's would have been seen as one: the same spread around it.
    assert smallest - (dropout.interval[1] - dropout.estimate) > 0


def test_what_is_told_of_training_and_of_the_choice():
    found = results.load("Q4")
    assert not found.values("none", "train_error").any()
    assert found.values("dropout", "train_error").min() > 0
    for when in ("best", "last"):
        linear = found.values("logistic regression", f"error_{when}")
        assert linear.min() > 4 * found.values("none", f"error_{when}").max()
    (none,), (dropout,) = (FULL["Q4"]["tried"][arm] for arm in ("none", "dropout"))
    levels = complete.LEVELS["Q4"]
    assert none["lr"] == max(levels["lr"])
    assert dropout["dropout"] == min(levels["dropout"])
    assert dropout["weight decay"] == max(levels["weight decay"])


@pytest.mark.parametrize("version", ["full", "small", "pilot"])
@pytest.mark.parametrize("id", STUDIES)
def test_stored_results_are_small_and_of_the_three_measures(id, version):
    found = results.load(id, version)
    assert results.path_of(id, version).stat().st_size < 20_000
    for record in found.records:
        for measure in tuning.MEASURES:
            assert 0 <= record["metrics"][f"{measure}_best"] < 3
        sweeps = [name for name in record["metrics"] if name.startswith("sweep")]
        assert bool(sweeps) == (version == "pilot" and record["arm"] != "none again")
        moment = record["metrics"]["chosen_scaled"][1]
        if version != "pilot":  # one candidate, whose last moment is the best by this measure
            assert moment == found.settings["moments"] - 1
            assert record["metrics"]["scaled_best"] == record["metrics"]["scaled_last"]


@pytest.mark.parametrize("id", STUDIES)
def test_intervals_count_the_rows_that_seeds_share(id):
    train, validation, test = FULL[id]["sizes"]
    for contrast in registration.contrasts(id):
        assert contrast.overlap == test / (train + validation)


def test_margins_are_a_quarter_of_what_the_paper_and_r1_gained():
    """The pilot's pair of arms only bounds them; these are the effects that the claim is about."""
    margins = registration.read("Q4")["margins"]
    paper = evidence.TABLE_2
    assert margins["error"] <= (paper["standard"] - max(paper["dropout"])) / 4
    first = results.load("R1", "pilot")
    gained = (first.values("none", "nll") - first.values("hidden", "nll")).item()
    assert margins["scaled"] < margins["nll"] <= gained / 4


def test_margins_on_garments_are_the_same_shares_as_on_digits():
    """Of what the network without dropout had in the pilot, at its best moment, or less."""
    digits, garments = (registration.read(id)["margins"] for id in STUDIES)
    of_digits, of_garments = (results.load(id, "pilot") for id in STUDIES)
    for measure, margin in garments.items():
        share = digits[measure] / of_digits.values("none", f"{measure}_best").item()
        assert share / 2 < margin / of_garments.values("none", f"{measure}_best").item() <= share


def test_on_garments_losses_are_equivalent_and_errors_undecided():
    judged = registration.judge("Q5")
    words = {(row.contrast.question, row.contrast.better[1]): row.word for row in judged}
    for question, when in (("dropout", "best"), ("dropout", "last"), ("again", "best")):
        assert words[question, f"error_{when}"] == "undecided"
        for measure in ("nll", "scaled"):
            assert words[question, f"{measure}_{when}"] == "equivalent"
    assert words["stopping instead", "nll_best"] == "equivalent"
    assert words["temperature instead", "scaled_best"] == "undecided"
    for row in judged:
        if row.contrast.question == "temperature instead":
            assert row.interval[0] > 0
        share = {"error": np.inf, "nll": 1 / 3, "scaled": 2 / 3}[row.contrast.measure]
        if row.contrast.question == "dropout":
            assert max(map(abs, row.interval)) < share * row.contrast.margin
            assert row.estimate < 0
    of_digits, of_garments = (registration.read(id)["margins"] for id in STUDIES)
    assert (of_garments["nll"], of_garments["scaled"]) == (0.02, 0.01)
    assert all(of_garments[name] == 4 * of_digits[name] for name in ("nll", "scaled"))
    # What the larger margin does: the same interval is wider than that of MNIST allows.
    (digits, garments), (near, _) = zip(
        *(
            (row.interval, row.contrast.margin)
            for id in STUDIES
            for row in registration.judge(id)
            if (row.contrast.question, row.contrast.better[1]) == ("dropout", "scaled_best")
        ),
        strict=True,
    )
    assert np.ptp(garments) == pytest.approx(np.ptp(digits), rel=0.1)
    assert min(garments) < -near
    found = results.load("Q5")
    assert min(found.values(arm, "train_error").min() for arm in ("none", "dropout")) > 0.04


def test_no_choice_on_garments_lies_at_an_end_of_what_was_tried():
    for arm, (given,) in FULL["Q5"]["tried"].items():
        for axis in complete.ARMS[arm]:
            levels = complete.LEVELS["Q5"][axis]
            assert min(levels) < given[axis] < max(levels)
