"""What the registered study Q9 found, which the chapter on sequences tells."""

from registered import check_registered, claims_of
from scipy import stats

from book.experiments import registration, results, tuning
from book.experiments.studies import residual_convolutions as study

FOUND, PILOT = results.load("Q9"), results.load("Q9", "pilot")
LOST = {
    "one rate": ("error_best", "nll_best", "scaled_best"),
    "growing rate": ("error_best", "nll_best"),
    "blocks": ("nll_best",),
}
REGISTERED = {
    "emp-residual-convolutions": tuple(
        ("Q9", question, metric, "contradicted")
        for question, metrics in LOST.items()
        for metric in metrics
    ),
}


def means(metric):
    return {arm: FOUND.values(arm, metric).mean() for arm in study.ARMS}


@claims_of(REGISTERED)
def test_what_was_registered(claim, label):
    check_registered(claim, REGISTERED[label])


def judged():
    return {
        (row.contrast.question, row.contrast.better[1]): row for row in registration.judge("Q9")
    }


def test_nothing_else_is_decided():
    named = {(question, metric) for question, metrics in LOST.items() for metric in metrics}
    for asked, row in judged().items():
        assert row.word == ("contradicted" if asked in named else "undecided"), asked


def test_units_and_channels_leave_room_for_a_gain_of_less_than_half_a_point():
    rows = judged()
    for kind in ("units", "channels"):
        row = rows[kind, "error_best"]
        assert -0.007 < row.estimate < -0.005
        assert 0.001 < row.interval[1] < 0.004  # which is less than .005
    for measure in ("nll_best", "scaled_best"):
        assert rows["units", measure].estimate > 0 > rows["channels", measure].estimate
    assert rows["blocks", "scaled_best"].estimate > 0


def test_after_a_temperature_a_growing_rate_costs_nearly_as_much_as_one_rate():
    one, growing = (judged()[kind, "scaled_best"].estimate for kind in study.PATHS)
    assert one < growing < 0.9 * one < 0


def test_intervals_that_leave_zero_out_are_those_that_the_figure_s_text_names():
    below = {asked for asked, row in judged().items() if row.interval[1] < 0}
    lost = {(kind, f"{m}_best") for kind in study.PATHS for m in tuning.MEASURES}
    assert below == lost | {("blocks", "nll_best"), ("blocks instead", "nll_best")}
    assert not [asked for asked, row in judged().items() if row.interval[0] > 0]


def test_dropped_branches_leave_training_rows_unfitted():
    found = means("train_error")
    assert all(found[arm] > 0.1 for arm in study.PATHS)
    assert found["none"] < 0.03


def test_the_last_moment_is_the_best_of_networks_with_true_labels():
    last = FOUND.settings["moments"] - 1
    for arm in ("none", "none again", *study.DROPPED):
        for measure in tuning.MEASURES:
            assert {moment for _, moment in FOUND.values(arm, f"chosen_{measure}")} == {last}


def test_logistic_regression_errs_less_than_dropped_branches_alone():
    found = means("error_best")
    for arm in ("none", *study.DROPPED):
        assert (found[arm] > found["logistic regression"]) == (arm in study.PATHS)


def test_permuted_labels_are_not_shown_to_err_less_than_chance():
    """A one-sided t test over seeds at 1 %, as it was registered."""
    gain = FOUND.values("most frequent class", "error_best")
    gain = gain - FOUND.values(study.PERMUTED, "error_best")
    assert stats.ttest_1samp(gain, 0.0, alternative="greater").pvalue > 0.01
    assert gain.mean() < 0


def test_choices_lay_at_the_ends_that_the_text_names():
    given = {arm: tried[0] for arm, tried in FOUND.settings["tried"].items()}
    levels = study.LEVELS
    for arm in ("blocks", *study.PATHS):
        assert given[arm]["lr"] == min(levels["lr"])
        assert given[arm]["weight decay"] == max(levels["weight decay"])
        assert min(levels["p"]) < given[arm]["p"] < max(levels["p"])
    for arm in ("units", "channels"):
        assert given[arm]["p"] == min(levels["p"])
        assert min(levels["lr"]) < given[arm]["lr"] < max(levels["lr"])
    assert min(levels["lr"]) < given["none"]["lr"] < max(levels["lr"])


def test_on_the_pilot_s_rows_the_setting_of_blocks_and_branches_costs_none_too():
    arms = ("none", "blocks", *study.PATHS)
    sweep = {(arm, m): PILOT.values(arm, f"sweep_{m}")[0] for arm in arms for m in tuning.MEASURES}
    own, chosen, other = study.CHOSEN["none"], 0, 2
    assert {study.CHOSEN[arm] for arm in arms[1:]} == {chosen}
    for m in tuning.MEASURES:
        assert sweep["none", m][chosen] > sweep["none", m][own]
    for arm in study.PATHS:
        for m in ("error", "nll"):
            assert sweep["none", m][chosen] < sweep[arm, m][chosen]
        assert sweep["none", "scaled"][chosen] > sweep[arm, "scaled"][chosen]
        assert sweep[arm, "nll"].argmin() == other
    for m in ("nll", "scaled"):
        assert sweep["none", m][chosen] > sweep["blocks", m][chosen]
    change = {m: sweep["blocks", m][other] - sweep["blocks", m][chosen] for m in ("nll", "scaled")}
    assert change["nll"] < -0.03
    assert change["scaled"] < 0.002


def test_what_the_lost_run_asserted_is_told_as_it_came_out_here():
    rows = judged()
    again = [rows[kind, "nll_best"].word for kind in study.PATHS]
    other = [rows[kind, "nll_best"].word for kind in ("units", "channels")]
    assert (set(again), set(other)) == ({"contradicted"}, {"undecided"})
    assert rows["by depth", "error_best"].word == "undecided"
    assert rows["channels", "scaled_best"].word == "undecided"
    told = " ".join(registration.read("Q9")["pilot"].split())
    assert "in log loss it was asserted that all four lose" in told
