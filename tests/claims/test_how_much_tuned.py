"""What the registered study Q10 found, which the chapters Practice and Evidence tell."""

import numpy as np
from registered import check_registered, claims_of

from book.experiments import registration, results, tuning
from book.experiments.studies import how_much

FOUND = results.load("Q10")
BEST = ("error_best", "nll_best", "scaled_best")
REGISTERED = {
    "emp-wide-tuned": (
        *(
            ("Q10", question, metric, word)
            for question, word in (
                ("wider", "supported"),
                ("half", "supported"),
                ("as many kept", "contradicted"),
                ("wider, more", "supported"),
            )
            for metric in BEST
        ),
        ("Q10", "quarter", "scaled_best", "supported"),
        ("Q10", "wide", "scaled_best", "supported"),
    ),
    "emp-small-data-tuned": (("Q10", "few rows", "scaled_best", "contradicted"),),
}


@claims_of(REGISTERED)
def test_what_was_registered(claim, label):
    check_registered(claim, REGISTERED[label])


def test_nothing_else_is_decided_but_the_last_moment_of_wide_layers():
    told = {row[1:] for rows in REGISTERED.values() for row in rows}
    told |= {("wider", "error_last", "supported")}
    decided = {
        (row.contrast.question, row.contrast.better[1], row.word)
        for row in registration.judge("Q10")
        if row.word != "undecided"
    }
    assert decided == told


def test_a_higher_rate_with_fewer_rows_has_one_interval_above_zero():
    above = [
        row.contrast.better[1]
        for row in registration.judge("Q10")
        if row.contrast.question == "fewer, more" and row.interval[0] > 0
    ]
    assert above == ["error_best"]


def test_with_few_rows_two_undecided_intervals_lie_below_zero():
    below = [
        row.contrast.better[1]
        for row in registration.judge("Q10")
        if row.contrast.question == "few rows" and row.word == "undecided" and row.interval[1] < 0
    ]
    assert below == ["error_best", "nll_last"]


def test_which_rates_validation_rows_choose():
    counts = {}
    for group in how_much.GROUPS:
        names = [f"p={p:g}{group}" for p in how_much.RATES]
        lowest = np.argmin([FOUND.values(name, "validated") for name in names], axis=0)
        counts[group] = np.bincount(lowest, minlength=len(names)).tolist()
    assert counts[""][1] + counts[""][2] == 10
    assert counts[how_much.FEW][1] + counts[how_much.FEW][2] == 9
    assert counts[", wide"][2] == 9
    assert counts[", narrow"][0] == 6


def test_which_arms_chose_an_end_of_the_learning_rates_most_often():
    """Learning rates are in the order of the candidates, so that a number names one."""
    ends = {0: set(), 5: set()}
    for arm in set(how_much.ARMS) - set(how_much.BESIDE):
        chosen = [number for number, _ in FOUND.values(arm, "chosen_nll")]
        for end, arms in ends.items():
            if chosen.count(end) >= 5:
                arms.add(arm)
    few = how_much.FEW
    lowest = {f"p=0{few}", f"p=0 again{few}", f"p=0.25{few}", "p=0.9, narrow", "p=0, wide"}
    assert ends == {0: lowest, 5: set()}


def test_which_arm_of_masks_chose_an_end_of_the_rates_most_often():
    levels = {axis: FOUND.settings["levels"][axis] for axis in ("lr", "dropout")}
    tried, ends = tuning.candidates(levels), set()
    for arm in how_much.ARMS:
        if "mask" in arm:
            rates = [tried[number]["dropout"] for number, _ in FOUND.values(arm, "chosen_nll")]
            if (often := max(set(rates), key=rates.count)) in (
                min(levels["dropout"]),
                max(levels["dropout"]),
            ):
                ends.add((arm, often))
    assert ends == {("one mask, four times the steps", max(levels["dropout"]))}
