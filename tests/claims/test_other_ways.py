"""What the registered study Q7 found, which the chapter Evidence tells."""

from registered import check_registered, claims_of, verdict

from book.experiments import registration, results, tuning
from book.experiments.studies import noises, remedies

FEW = ", few rows"
FOUND = results.load("Q7")
ASSERTED = {
    "inputs too": ("error_best", "nll_best", "scaled_best"),
    "few rows, inputs too": ("error_best", "scaled_best"),
}
REGISTERED = {
    "emp-few-rows-tuned": tuple(
        ("Q7", question, metric, "supported")
        for question, metrics in ASSERTED.items()
        for metric in metrics
    ),
}
# What the text says is decided beside the statement.
TOLD = {
    ("few rows", "scaled_best"),
    ("temperature instead", "scaled_best"),
    ("temperature instead of depth", "scaled_best"),
    ("stopping instead of depth", "nll_best"),
}


def means(arm, when="best"):
    return {name: FOUND.values(arm, f"{name}_{when}").mean() for name in tuning.MEASURES}


@claims_of(REGISTERED)
def test_what_was_registered(claim, label):
    check_registered(claim, REGISTERED[label])


def test_nothing_else_is_decided():
    named = TOLD | {(question, metric) for question in ASSERTED for metric in ASSERTED[question]}
    for row in registration.judge("Q7"):
        asked = row.contrast.question, row.contrast.better[1]
        assert row.word == ("supported" if asked in named else "undecided"), asked


def test_the_gain_with_few_rows_is_about_twice_that_with_many_and_that_is_undecided():
    for when in ("best", "last"):
        few, many = (
            means(f"none{rows}", when)["error"] - means(f"inputs too{rows}", when)["error"]
            for rows in (FEW, "")
        )
        assert 1.8 < few / many < 2.4
    for metric in ("error_best", "error_last", "scaled_best"):
        assert verdict("Q7", "more rows", metric).interval[1] < 0


def test_three_undecided_intervals_with_few_rows_lie_above_zero():
    above = {
        (row.contrast.question, row.contrast.better[1])
        for row in registration.judge("Q7")
        if row.contrast.question in ("few rows", "few rows, inputs too")
        and row.word == "undecided"
        and row.interval[0] > 0
    }
    assert above == {
        ("few rows", "error_best"),
        ("few rows, inputs too", "nll_best"),
        ("few rows, inputs too", "nll_last"),
    }


def test_early_stopping_was_set_beside_dropout_to_the_last_step_in_ten_studies():
    """What nine of them found the text counts, and tells of the tenth, Q7, by itself."""
    found = {}
    for path in registration.FOLDER.glob("*.yml"):
        for row in registration.judge(path.stem):
            (worse, before), (better, after) = row.contrast.worse, row.contrast.better
            if worse != better and (before, after) == ("nll_last", "nll_best"):
                found.setdefault(path.stem, []).append(row.word)
    assert sorted(found.pop("Q7")) == ["supported", "undecided"]
    others = {id: ["undecided"] for id in ("Q1", "Q3", "Q4", "Q6", "Q8", "T1", "T2")}
    assert found == others | {"F1": ["contradicted"], "Q5": ["equivalent"]}


def test_baselines_with_all_rows_are_those_that_were_known_before():
    """The same candidates; rounding ends logistic regression a little further on."""
    before = results.load("Q6")
    for arm in remedies.BASELINES:
        assert FOUND.settings["levels"][arm] == before.settings["levels"][arm]
        for metric in (f"{name}_best" for name in tuning.MEASURES):
            change = FOUND.values(arm, metric) - before.values(arm, metric)
            assert abs(change).max() < 0.001


def test_five_of_six_learning_rates_were_known_before_with_the_networks_without_dropout():
    """By log loss the sixth is never chosen on 600 rows, so that these are the same networks."""
    before = results.load("Q6")
    assert FOUND.settings["levels"]["lr"][1:] == before.settings["levels"]["lr"][:-1]
    for arm in ("none", "none again"):
        ours, theirs = (
            [k for k, _ in found.values(arm, "chosen_nll")] for found in (FOUND, before)
        )
        assert ours == [k + 1 for k in theirs]
        assert abs(FOUND.values(arm, "nll_best") - before.values(arm, "nll_best")).max() < 0.001


def test_residual_networks_have_higher_means_than_plain_ones():
    for when in ("best", "last"):
        for arm in ("residual", "stochastic depth"):
            for name, plain in means("none", when).items():
                assert means(arm, when)[name] > plain


def test_which_arms_chose_an_end_of_the_learning_rates_most_often():
    """Learning rates are in the order of the candidates, so that a number names one."""
    ends = {"lowest": set(), "highest": set()}
    for arm in noises.WAYS:
        if arm.removesuffix(noises.FEW) not in noises.BASELINES:
            chosen = [number for number, _ in FOUND.values(arm, "chosen_nll")]
            most = max(set(chosen), key=chosen.count)
            if most in (0, 5):
                ends["highest" if most else "lowest"].add(arm)
    assert ends["highest"] == {"stochastic depth", "inputs too"}
    again = f"none again{FEW}"
    assert ends["lowest"] == {"residual", f"none{FEW}", again, f"dropout{FEW}"}


def test_which_rates_of_inputs_were_chosen_most_often():
    """The page of answers says so; with few rows 0.3 is the largest that was tried."""
    levels = FOUND.settings["levels"]
    tried = tuning.candidates({axis: levels[axis] for axis in noises.axes_of("inputs too")})
    for rows, rate in (("", 0.25), (FEW, 0.3)):
        chosen = [tried[k]["inputs"] for k, _ in FOUND.values(f"inputs too{rows}", "chosen_nll")]
        assert max(set(chosen), key=chosen.count) == rate
    assert max(levels["inputs"]) == 0.3
