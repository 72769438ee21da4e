"""Tuning: an equal budget for every arm, temperatures, and a choice that no test row enters."""

import numpy as np
import pytest
import torch
from scipy import optimize

from book.experiments import dealing, images, recurrent, registry, tuning
from book.experiments.studies import (
    fine_tuning,
    normalised,
    recurrent_dropout,
    remedies,
    uncertainty,
)

KNOWN = registry.experiments()
STUDIES = {
    "Q1": remedies.remedies,
    "Q2": normalised.normalised,
    **dict.fromkeys(("Q3", "Q8"), recurrent_dropout.recurrent_dropout),
    "F1": fine_tuning.fine_tuning,
    "U1": uncertainty.uncertainty,
}


def settings(id, **changed):
    return KNOWN[id].versions["small"].settings | changed


def run(id, arm, seeds=(0, 1), **changed):
    return STUDIES[id](seeds, arm, **settings(id, **changed))


# Rows.


def test_no_seed_shares_a_row_with_another_or_between_its_parts():
    found = images.blocks("mnist_5k", (0, 1, 2, 1000, 1001), (300, 100, 400))
    assert [x.shape[:2] for x, _ in found] == [(5, 300), (5, 100), (5, 400)]
    rows = np.concatenate([x for x, _ in found], axis=1).reshape(5 * 800, -1)
    assert len({row.tobytes() for row in rows}) == len(rows)
    again = images.blocks("mnist_5k", (1,), (300, 100, 400))
    for (x, y), (own, labels) in zip(found, again, strict=True):
        np.testing.assert_array_equal(x[1], own[0])
        np.testing.assert_array_equal(y[1], labels[0])


@pytest.mark.parametrize(
    ("seed", "sizes"), [(0, (5001,)), (5, (900,)), (1005, (900,)), (0, (9, 0))]
)
def test_a_seed_without_rows_of_its_own_is_refused(seed, sizes):
    with pytest.raises(ValueError, match="5000 rows, too few"):
        images.blocks("mnist_5k", (seed,), sizes)


@pytest.mark.parametrize(
    ("id", "rows"),
    [
        *((id, 70000) for id in ("F1", "Q1", "Q2", "Q6", "Q7", "Q9", "Q10", "T2", "U1")),
        ("U2", 45730),
    ],
)
def test_full_and_pilot_seeds_of_a_study_have_room_for_their_own_rows(id, rows):
    full, pilot = (KNOWN[id].versions[name] for name in ("full", "pilot"))
    first = 10 if id == "Q9" else 0  # a lost run of it had the seeds in front of these
    assert full.seeds == tuple(range(first, first + len(full.seeds)))
    assert pilot.seeds == tuple(range(dealing.PILOT, dealing.PILOT + len(pilot.seeds)))
    blocks = first + len(full.seeds) + len(pilot.seeds)
    own = full.settings.get("block", sum(full.settings["sizes"]))
    own += full.settings.get("source", {"rows": 0})["rows"]  # of what is fine-tuned
    assert blocks * own <= rows


# The budget.


def test_each_arm_tries_each_level_of_each_axis_once():
    levels = [1, 2, 3, 4, 5, 6]
    for axes in ("a", "ab", "abc"):
        tried = tuning.candidates(dict.fromkeys(axes, levels))
        assert len(tried) == 6
        for axis in axes:
            assert sorted(each[axis] for each in tried) == levels
    two = [(each["b"], each["c"]) for each in tried]
    assert len(set(two)) == 6
    for one, other in ("ab", "ac", "bc"):
        ranks = np.corrcoef([each[one] for each in tried], [each[other] for each in tried])[0, 1]
        assert abs(ranks) < 0.5


@pytest.mark.parametrize(
    "levels", [{"a": [1, 2, 3]}, {"a": [1] * 6, "b": [1] * 4}, dict.fromkeys("abcd", [1] * 6)]
)
def test_an_uneven_budget_is_refused(levels):
    with pytest.raises(ValueError, match="at most three axes"):
        tuning.candidates(levels)


@pytest.mark.parametrize("id", [id for id in STUDIES if id != "Q8"])  # it stores no sweeps
def test_every_arm_of_a_study_has_the_same_budget(id):
    levels = KNOWN[id].versions["full"].settings["levels"]
    assert {len(axis) for axis in levels.values()} == {6}
    for arm in KNOWN[id].arms:
        for row in run(id, arm, seeds=(0,)):
            assert {len(row[f"sweep_{name}"]) for name in tuning.MEASURES} == {6}


# Measures.


def test_temperature_is_that_of_a_general_minimiser(rng):
    logits, labels = rng.normal(size=(2, 3, 50, 4)) * 3, rng.integers(0, 4, (2, 3, 50))
    logits[np.arange(2)[:, None, None], np.arange(3)[:, None], np.arange(50), labels] += 2

    def loss(log_t, own, wanted):
        scaled = own / np.exp(log_t)
        return (np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(50), wanted]).mean()

    found = tuning.temperature(logits, labels)
    for place in np.ndindex(2, 3):
        best = optimize.minimize_scalar(
            loss, bounds=(-3, 3), args=(logits[place], labels[place]), method="bounded"
        )
        assert found[place] == pytest.approx(np.exp(best.x), rel=1e-3)
    np.testing.assert_allclose(tuning.temperature(2 * logits, labels), 2 * found, rtol=1e-5)
    sure = np.log(np.eye(4)[labels] + 1e-9)
    np.testing.assert_allclose(tuning.temperature(sure, labels), 1 / tuning.SHARPEST, rtol=1e-5)


def test_measures_are_those_of_each_part_and_the_temperature_sees_no_test_row(rng):
    logits, labels = rng.normal(size=(2, 3, 60, 4)), rng.integers(0, 4, (3, 60))
    sizes = (30, 10, 20)
    found = tuning.measure(logits, labels, sizes)
    rows = np.arange(20)
    part, own = logits[1, 2, 40:], labels[2, 40:]
    assert found["error"][2, 1, 2] == (part.argmax(axis=1) != own).mean()
    for name, t in (("nll", 1.0), ("scaled", found["temperature"][1, 2])):
        scaled = part / t
        loss = (np.logaddexp.reduce(scaled, axis=1) - scaled[rows, own]).mean()
        assert found[name][2, 1, 2] == pytest.approx(loss)
    changed = logits.copy()
    changed[:, :, 40:] *= 7
    again = tuning.measure(changed, labels, sizes)
    np.testing.assert_array_equal(again["temperature"], found["temperature"])
    np.testing.assert_array_equal(again["scaled"][:2], found["scaled"][:2])


def table(validated, tested):
    """What `measure` gives, for one seed; the training rows have ten times the test's."""
    both = np.stack([10 * np.array(tested), validated, tested])[:, :, None].astype(float)
    names = dict.fromkeys(tuning.MEASURES, both)
    return names | {"temperature": np.array(tested, dtype=float)[:, None]}


def test_choice_is_made_on_validation_rows_and_told_on_test_rows():
    (row,) = tuning.choose([table([3, 1], [1, 5]), table([0, 2], [7, 2])])
    assert (row["nll_best"], row["chosen_nll"], row["sweep_nll"]) == (7, [1, 0], [1, 0])
    assert (row["nll_last"], row["train_nll"], row["temperature"]) == (5, 50, 5)


def test_other_test_rows_change_no_choice():
    tried = [table([3, 1], [1, 5]), table([0, 2], [7, 2])]
    other = [table([3, 1], [9, 9]), table([0, 2], [0, 0])]
    for name in tuning.MEASURES:
        key = f"chosen_{name}"
        assert tuning.choose(tried)[0][key] == tuning.choose(other)[0][key]


# The remedies, each against its definition.


def test_smoothing_and_mixing_make_probabilities():
    targets = torch.tensor([[0, 3, 9]])
    x, soft = remedies.smooth(0.2, "inputs", targets)
    assert x == "inputs"
    torch.testing.assert_close(soft.sum(dim=-1), torch.ones(1, 3))
    assert soft[0, 1, 3].item() == pytest.approx(0.82)
    inputs = torch.arange(6.0).reshape(1, 3, 2)
    rate = np.random.default_rng(5).beta(0.4, 0.4)
    mixed, soft = remedies.mix(0.4, [np.random.default_rng(5)], inputs, targets)
    torch.testing.assert_close(mixed[0, 0], rate * inputs[0, 0] + (1 - rate) * inputs[0, 2])
    assert soft[0, 0, [0, 9]].tolist() == pytest.approx([rate, 1 - rate])


def test_an_ensemble_is_the_mean_probability_in_the_time_of_one():
    x = np.random.default_rng(0).random((1, 40, 16), dtype=np.float32)
    y = np.arange(40)[None] % 10
    common = {"width": 8, "moments": 2, "batch_size": 20}
    given = {"lr": 0.01, "ensemble": 2}
    both = np.exp(remedies.trained([3], x, y, x, given, epochs=8, **common))
    members = [
        remedies._member([3 + m * 10 * remedies.AGAIN], x, y, x, given, epochs=4, **common)
        for m in range(2)
    ]
    np.testing.assert_allclose(both, sum(members) / 2, rtol=1e-6)
    assert np.abs(members[0] - members[1]).max() > 1e-3


# Controls that other numbers could fail.


def levels(id, axis, strength):
    given = settings(id)["levels"]
    changed = given | {axis: [strength] * len(given[axis])}
    # An arm pairs strengths with learning rates; with one strength the order does not matter.
    return {"levels": changed}


@pytest.mark.parametrize(
    ("id", "arm", "axis", "nothing", "something"),
    [
        ("Q1", "dropout", "dropout", 0.0, 0.3),
        ("Q1", "weight decay", "weight decay", 0.0, 3.0),
        ("Q1", "label smoothing", "label smoothing", 0.0, 0.3),
        ("Q1", "shifts", "shifts", 0, 2),
        ("Q1", "ensemble", "ensemble", 1, 2),
        ("Q2", "before", "dropout", 0.0, 0.3),
        ("Q2", "between", "dropout", 0.0, 0.3),
        ("Q2", "after", "dropout", 0.0, 0.3),
        *((id, kind, kind, 0.0, 0.3) for id in ("Q3", "Q8") for kind in recurrent.KINDS),
        ("U1", "dropout", "dropout", 0.0, 0.3),
        ("U1", "MC dropout", "dropout", 0.0, 0.3),
        ("U1", "ensemble", "ensemble", 1, 3),
        ("Q3", "weight decay", "weight decay", 0.0, 3.0),
        ("Q3", "label smoothing", "label smoothing", 0.0, 0.3),
        ("Q8", "label smoothing", "label smoothing", 0.0, 0.3),
    ],
)
def test_a_remedy_of_no_strength_is_none(id, arm, axis, nothing, something):
    none = run(id, "none")[0]["nll_last"]
    assert run(id, arm, **levels(id, axis, nothing))[0]["nll_last"] == pytest.approx(none, rel=1e-5)
    assert abs(run(id, arm, **levels(id, axis, something))[0]["nll_last"] - none) > 1e-3


@pytest.mark.parametrize("id", STUDIES)
def test_other_streams_give_other_networks_on_the_same_rows(id):
    one, other = (run(id, arm)[0]["nll_last"] for arm in ("none", "none again"))
    assert one != other


def test_dropout_stands_where_the_arm_says():
    kinds = {
        place: "".join(
            {"SeedLinear": "l", "SeedBatchNorm": "n", "ReLU": "r", "SeedDropout": "d"}[
                type(layer).__name__
            ]
            for layer in normalised.network((4, 3, 3, 2), [0], place, 0.5)
        )
        for place in (*normalised.PLACES, None)
    }
    assert kinds == {
        "before": "ldnrldnrl",
        "between": "lnrdlnrdl",
        "after": "lnrlnrdl",
        None: "lnrlnrl",
    }
