"""The claims of the chapter Predictions: each from the stored results, its wrong forms rejected."""

import numpy as np
import pytest
from registered import check_registered, claims_of, verdict

import dropcheck
from book.experiments import logistic, registration, results, statistics, tuning
from book.experiments.relaxed_mask import relaxed_moments
from book.experiments.studies import (
    co2,
    concrete_p,
    equalisation,
    shift,
    sparse_text,
    tables,
    uci,
    uncertainty,
)
from dropoutlib.layers import ConcreteDropout


def findings(study, id):
    return study.findings(results.load(id))


# CO2.


@pytest.mark.claim("emp-co2", method="paired-experiment", rejects=("tanh grows like ReLU",))
def test_relu_spread_grows_and_tanh_saturates(claim):
    found, shown = results.load("R10"), findings(co2, "R10")
    claim.holds(shown["ReLU, growth from four to eight"])
    claim.holds(shown["tanh, growth from four to eight"])
    claim.holds(shown["ReLU less tanh, growth to four"])

    @claim
    def grows(arm):
        return statistics.greater(found.values(arm, "growth"), 1, 4)

    grows.holds("relu")
    grows.rejects("tanh grows like ReLU", "tanh")


@pytest.mark.claim("emp-co2-untrained", method="paired-experiment")
def test_growth_needs_no_training(claim):
    claim.holds(findings(co2, "R10")["untrained ReLU, growth to four"])


@pytest.mark.claim(
    "emp-co2-error", method="paired-experiment", rejects=("ReLU's spread is too small alike",)
)
def test_tanh_does_not_cover_its_error(claim):
    found = results.load("R10")

    @claim
    def spread_is_too_small(arm):
        ratio = found.values(arm, "later_rmse") / found.values(arm, "later_sd")
        return statistics.greater(ratio, 1, 2.5)

    spread_is_too_small.holds("tanh")
    spread_is_too_small.rejects("ReLU's spread is too small alike", "relu")


def test_without_dropout_there_is_no_spread():
    settings = results.load("R10", "small").settings | {"epochs": 1, "p": 0.0}
    with pytest.raises(ValueError, match="drop"):
        co2.co2((0,), "relu", **settings)


# The linear network.


@pytest.mark.claim("emp-equalisation", method="paired-experiment", rejects=("p = 0 does too",))
def test_dropout_equalises_the_products(claim):
    found, shown = results.load("R8"), findings(equalisation, "R8")
    claim.holds(shown["dispersion, none less dropout"])

    @claim
    def equalises(arm):
        return statistics.within(found.values(arm, "dispersion"), -0.03, 0.03)

    equalises.holds("dropout")
    equalises.rejects("p = 0 does too", "none")


@pytest.mark.claim(
    "emp-soft-threshold",
    method="paired-experiment",
    rejects=("least squares", "a multiple of least squares", "p = 0 does too"),
)
def test_dropout_thresholds_the_singular_values(claim):
    found, shown = results.load("R8"), findings(equalisation, "R8")
    claim.holds(shown["dropout, ridge less closed form"])

    @claim
    def ends_at(arm, form):
        return statistics.within(found.values(arm, form), -0.04, 0.04)

    ends_at.holds("dropout", "soft")
    ends_at.holds("none", "plain")
    ends_at.rejects("least squares", "dropout", "plain")
    ends_at.rejects("a multiple of least squares", "dropout", "ridge")
    ends_at.rejects("p = 0 does too", "none", "soft")


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


# The published table.


@pytest.mark.claim("emp-uci", method="paired-experiment", rejects=("yacht as published",))
def test_errors_beside_the_published(claim):
    found, shown = results.load("R9"), findings(uci, "R9")
    claim.holds(shown["concrete, RMSE above the published"])

    @claim
    def lies_between(arm, low, high):
        return statistics.within(found.values(arm, "rmse_mc"), low, high)

    lies_between.holds("wine", 0.59, 0.65)
    there = uci.PUBLISHED["yacht"][0]
    lies_between.rejects("yacht as published", "yacht", there - 0.1, there + 0.1)


def beside(arm, numbers):
    """Differences of error and log-likelihood from published ones, in standard errors."""
    found, (rmse, rmse_error, ll, ll_error) = results.load("R9"), numbers
    return (
        statistics.against_paper(found.values(arm, "rmse_mc"), rmse, rmse_error)[1],
        statistics.against_paper(found.values(arm, "ll_mc"), ll, ll_error)[1],
    )


def test_where_the_published_tables_are_met():
    for arm in ("power", "wine"):
        assert np.abs(beside(arm, uci.PUBLISHED[arm])).max() < 2
    for arm in ("concrete", "yacht"):
        error, likelihood = beside(arm, uci.PUBLISHED[arm])
        assert error > 2
        assert likelihood < -2
        assert abs(beside(f"{arm} x10", uci.PUBLISHED[arm])[0]) < 2  # of as many epochs
    assert beside("yacht x10", uci.PUBLISHED["yacht"])[1] > 2
    for numbers in (uci.PUBLISHED, uci.LATER):
        assert np.abs(beside("concrete x10", numbers["concrete x10"])).max() < 2
        assert beside("yacht x10", numbers["yacht x10"])[0] > 2
    assert abs(beside("yacht x10", uci.PUBLISHED["yacht x10"])[1]) < 2
    assert beside("yacht x10", uci.LATER["yacht x10"])[1] < -2


def test_the_logs_of_2016_hold_table_1_and_say_alike_of_averaging():
    assert set(uci.LOGGED) == set(uci.PUBLISHED)
    change = {}
    for arm, (scaled, averaged) in uci.LOGGED.items():
        assert round(averaged, 2) == uci.PUBLISHED[arm][0]
        change[arm] = averaged / scaled - 1
    assert max(abs(change[arm]) for arm in change if not arm.startswith("yacht")) < 0.01
    assert max(change["yacht"], change["yacht x10"]) < -0.05


@pytest.mark.claim(
    "emp-uci-rmse", method="paired-experiment", rejects=("averaging changes nothing on yacht too",)
)
def test_averaging_does_not_lower_the_error(claim):
    found = results.load("R9")

    @claim
    def changes_little(arm):
        averaged, scaled = (found.values(arm, name) for name in ("rmse_mc", "rmse_scaled"))
        return statistics.within(averaged / scaled - 1, -0.01, 0.01)

    for arm in ("concrete", "concrete x10", "power", "wine"):
        changes_little.holds(arm)
    changes_little.rejects("averaging changes nothing on yacht too", "yacht x10")


def test_rates_that_were_chosen_leave_little_to_average_on_two_sets():
    """As the statement says; yacht shows that a small rate alone is no proof of that."""
    found = results.load("R9")
    rates = {arm: found.values(arm, "p") for arm in uci.ARMS}
    for arm, more in (("concrete", 1), ("concrete x10", 0), ("power", 0)):
        assert (rates[arm] > 0.01).sum() == more
    assert (rates["wine"] >= 0.05).sum() > 15
    averaged, scaled = (found.values("yacht x10", name) for name in ("rmse_mc", "rmse_scaled"))
    least = rates["yacht x10"] == 0.005
    assert (averaged / scaled)[least].mean() < 0.95


@pytest.mark.claim(
    "emp-uci-yacht", method="paired-experiment", rejects=("averaging lowers it on concrete",)
)
def test_averaging_lowers_the_error_on_yacht(claim):
    found = results.load("R9")

    @claim
    def lowers(arm):
        averaged, scaled = (found.values(arm, name) for name in ("rmse_mc", "rmse_scaled"))
        return statistics.greater(1 - averaged / scaled, 0, 0.05)

    lowers.holds("yacht x10")
    lowers.rejects("averaging lowers it on concrete", "concrete x10")


@pytest.mark.claim("emp-uci-likelihood", method="paired-experiment")
def test_gain_of_likelihood_has_either_sign(claim):
    shown = findings(uci, "R9")
    for arm in ("concrete", "wine"):
        claim.holds(shown[f"{arm}, share of splits that gain LL"])
    claim.holds(shown["yacht, gain of LL"])


def test_shuffled_targets_leave_their_standard_deviation():
    settings = results.load("R9", "small").settings | {"shuffled": True, "epochs": 20}
    (found,) = uci.uci((0,), "wine", **settings)
    assert 0.9 * found["sd"] < found["rmse_mc"] < 1.3 * found["sd"]


def test_choice_does_not_see_the_test_rows():
    train, test = uci.split("yacht", 3)
    part, held_out = uci._without_test(train, 3)
    assert sorted([*part, *held_out]) == sorted(train)
    assert not set(train) & set(test)
    assert len(uci.split("yacht", 1000)[0]) == len(train)


# Calibration, turned digits and strangers.


def at(id, arm, metric, angle):
    return results.load(id).values(arm, metric)[:, shift.ANGLES.index(angle)]


@pytest.mark.claim("emp-rotation", method="paired-experiment")
def test_doubt_rises_with_the_angle(claim):
    shown = findings(shift, "R11")
    claim.holds(shown["mutual information, rank correlation"])
    claim.holds(shown["accuracy, rank correlation"])
    claim.holds(shown["entropy, 60 less 0 degrees"])


@pytest.mark.claim("emp-calibration", method="paired-experiment", rejects=("upright too",))
def test_averaging_improves_calibration_under_rotation(claim):
    shown = findings(shift, "R11")
    claim.holds(shown["NLL at 60, scaled less MC"])

    @claim
    def improves(angle):
        scaled, averaged = (at("R11", "dropout", metric, angle) for metric in ("ece", "mc_ece"))
        return statistics.greater(scaled, averaged, 0.04)

    improves.holds(30)
    improves.holds(60)
    improves.rejects("upright too", 0)


@pytest.mark.claim(
    "emp-calibration-upright", method="paired-experiment", rejects=("turned by 30 degrees too",)
)
def test_averaging_spoils_calibration_upright(claim):
    @claim
    def spoils(angle):
        scaled, averaged = (at("R11", "dropout", metric, angle) for metric in ("ece", "mc_ece"))
        return statistics.greater(averaged, scaled, 0.008)

    spoils.holds(0)
    spoils.rejects("turned by 30 degrees too", 30)


@pytest.mark.claim("emp-strangers", method="paired-experiment")
def test_averaging_tells_strangers_little_better(claim):
    found, shown = results.load("R11"), findings(shift, "R11")
    claim.holds(shown["AUROC far, gain by averaging"])
    assert not any(shift.not_shown(found).values())  # the page says so


@pytest.mark.claim(
    "emp-strangers-near", method="paired-experiment", rejects=("as large a gain as for garments",)
)
def test_unknown_digits_are_told_no_better(claim):
    found = results.load("R11")

    @claim
    def no_better(strangers):
        averaged = found.values("dropout", f"mc_auroc_{strangers}")
        return statistics.equivalent(averaged, found.values("none", f"auroc_{strangers}"), 0.03)

    no_better.holds("digits")
    no_better.rejects("as large a gain as for garments", "far")


def test_labels_shuffled_end_at_chance():
    settings = results.load("R11", "small").settings | {"shuffled": True}
    (accuracy, *_) = shift.shift(0, "dropout", **settings)["accuracy"]
    assert abs(accuracy - 1 / 8) < 6 * np.sqrt(7 / 64 / settings["held_out"])


def test_calibration_error_and_area_by_hand():
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    assert shift.calibration_error(probs, [0, 1, 1]) == pytest.approx(0.4 * 2 / 3 + 0.4 / 3)
    assert shift.auroc(np.array([0, 1]), np.array([1, 2])) == 0.875


# The relaxed mask.


@pytest.mark.claim(
    "approx-relaxed-mask",
    method="slope",
    rejects=("variance pq", "pq (1 - 2 t)", "mean p (1 + t)"),
)
@pytest.mark.parametrize("p", [0.05, 0.2, 0.7])
def test_relaxed_mask_has_less_variance(claim, p):
    temperatures = 2.0 ** -np.arange(4, 10)
    means, variances = np.array([relaxed_moments(p, t) for t in temperatures]).T

    @claim
    def variance_is(share):
        gap = np.abs(p * (1 - p) * (1 - share * temperatures) - variances)
        return dropcheck.order(temperatures, gap, 2)

    variance_is.holds(1)
    for wrong, share in (("variance pq", 0), ("pq (1 - 2 t)", 2)):
        variance_is.rejects(wrong, share)

    @claim
    def mean_is(share):
        return dropcheck.order(temperatures, np.abs(p * (1 + share * temperatures) - means), 2)

    mean_is.holds(0)
    mean_is.rejects("mean p (1 + t)", 1)


def test_library_s_relaxed_mask_has_these_moments(seed):
    """Six standard errors, the variance of a bounded variable's square being below 1/4."""
    layer = ConcreteDropout(0.2, rng=seed)
    ones = np.ones(200_000)
    drop = 1 - 0.8 * layer.forward(ones)
    mean, variance = relaxed_moments(0.2, 0.1)
    error = 6 * 0.5 / np.sqrt(len(drop))
    assert abs(drop.mean() - mean) < error
    assert abs(((drop - mean) ** 2).mean() - variance) < error
    assert abs(((drop - mean) ** 2).mean() - 0.16) > error


# Concrete dropout.


@pytest.mark.claim(
    "emp-concrete", method="paired-experiment", rejects=("with a penalty of 100 rows too",)
)
def test_learned_p_falls_with_the_rows(claim):
    found, shown = results.load("R13"), findings(concrete_p, "R13")

    @claim
    def falls(arm):
        return statistics.greater(found.values(arm, "first") - found.values(arm, "last"), 0, 0.1)

    for arm in ("power", "line"):
        claim.holds(shown[f"{arm}, rank correlation"])
        falls.holds(arm)
    falls.rejects("with a penalty of 100 rows too", "power, penalty of 100 rows")


@pytest.mark.claim(
    "emp-concrete-penalty",
    method="paired-experiment",
    rejects=("p falls whatever the penalty",),
)
def test_penalty_lowers_p(claim):
    found, shown = results.load("R13"), findings(concrete_p, "R13")
    claim.holds(shown["penalty of 100 rows, rise of p"])
    claim.holds(shown["fall, told less penalty of 100 rows"])

    @claim
    def falls(arm):
        return statistics.trend(concrete_p.ROWS, found.values(arm, "p"), -1, 0.5)

    falls.holds("power")
    falls.rejects("p falls whatever the penalty", "power, penalty of 100 rows")


def test_arms_with_100_rows_are_one_run():
    """The control differs from its arm only by the number of rows that the penalty counts."""
    found = results.load("R13")
    one, other = (found.values(arm, "first") for arm in ("power", "power, penalty of 100 rows"))
    np.testing.assert_array_equal(one, other)


# Logistic regression.


def distances(arm, p):
    """Relative distances at a rate: from the penalty's minimiser, from none, from the best L2."""
    found, at = results.load("R7"), sparse_text.RATES.index(p)
    return [found.values(arm, f"to_{kind}")[:, at] for kind in ("penalty", "plain", "l2")]


@pytest.mark.claim(
    "emp-wager",
    method="paired-experiment",
    rejects=("the penalty has no effect", "at p = 0.9 too"),
)
def test_quadratic_penalty_predicts_training_with_masks(claim):
    shown = findings(sparse_text, "R7")

    @claim
    def is_near(arm, reference, p=0.5):
        names = ("penalty", "plain", "l2")
        return statistics.within(distances(arm, p)[names.index(reference)], -0.1, 0.1)

    for arm in ("text", "tumours"):
        is_near.holds(arm, "penalty")
        claim.holds(shown[f"{arm}, L2's distance less penalty's"])
        is_near.rejects("the penalty has no effect", arm, "plain")
    claim.holds(shown["tumours, p = 0.9: penalty's less L2's"])
    is_near.rejects("at p = 0.9 too", "tumours", "penalty", 0.9)


@pytest.mark.claim(
    "emp-sparse-text",
    method="paired-experiment",
    rejects=("dropout wins by 0.02 on text", "L2 wins by 0.015 on tumours"),
)
def test_dropout_is_not_worse_than_l2(claim):
    found, shown = results.load("R7"), findings(sparse_text, "R7")
    claim.holds(shown["tumours, error of dropout less L2's"])
    assert not any(sparse_text.not_shown(found).values())  # the page says so

    @claim
    def exceeds(arm, worse, better, head_start):
        first, second = (found.values(arm, f"error_{kind}") for kind in (worse, better))
        return statistics.greater(first + head_start, second, 0)

    text, tumours = (sparse_text.MATTERS[arm] for arm in ("text", "tumours"))
    exceeds.holds("text", "l2", "dropout", text)
    exceeds.rejects("dropout wins by 0.02 on text", "text", "l2", "dropout", -text)
    exceeds.rejects("L2 wins by 0.015 on tumours", "tumours", "dropout", "l2", -tumours)


def test_fitted_weights_have_no_gradient():
    """Central differences of the stated objective, written again with dense arrays."""
    x, y, _ = sparse_text._random_words(20)
    weights, dense = logistic.fitted(x, y, p=0.3, strength=2.0), x.toarray()

    def objective(w):
        z = dense @ w[:-1] + w[-1]
        mean = 1 / (1 + np.exp(-z))
        penalty = 0.3 / 0.7 / 2 * (mean * (1 - mean)) @ (dense**2 @ w[:-1] ** 2)
        return np.sum(np.log1p(np.exp(z)) - y * z) + penalty + w[:-1] @ w[:-1]

    steps = 1e-5 * np.eye(len(weights))
    slopes = [(objective(weights + e) - objective(weights - e)) / 2e-5 for e in steps]
    assert np.abs(slopes).max() < 1e-2


def test_training_without_masks_reaches_the_minimiser():
    x, y, _ = sparse_text._random_words(20)
    rng = np.random.default_rng(0)
    trained = logistic.trained(x, y, 0.0, rng, strength=10.0, steps=2000, lr=0.05)
    assert logistic.distance(trained, logistic.fitted(x, y, strength=10.0)) < 1e-3


def test_plays_are_never_on_both_sides(rng):
    groups = np.repeat(np.arange(12), 7)
    labels = (groups % 3 == 0).astype(float)
    found = sparse_text.folds(groups, labels, rng, 3)
    assert sorted(np.concatenate(found)) == list(range(len(groups)))
    for rows in found:
        others = np.setdiff1d(np.arange(len(groups)), rows)
        assert not set(groups[rows]) & set(groups[others])
        assert set(labels[rows]) == {0.0, 1.0}


# What the registered studies U1 and U2 found: as in the claims of "Practice".

REGISTERED = {
    "emp-passes-plain": tuple(
        ("U1", "over plain", f"{measure}_best", "supported")
        for measure in ("brier", "aurc", "digits", "fashion")
    ),
}


@claims_of(REGISTERED)
def test_what_was_registered(claim, label):
    check_registered(claim, REGISTERED[label])


def test_nothing_else_is_decided_of_the_passes():
    """The text says so, and which way the means lie."""
    rows = registration.judge("U1")
    named = {row[:3] for row in REGISTERED["emp-passes-plain"]}
    assert len(rows) == 40
    for row in rows:
        asked = ("U1", row.contrast.question, row.contrast.better[1])
        assert row.word == ("supported" if asked in named else "undecided"), asked
    one_pass = {r.contrast.measure: r for r in rows if r.contrast.question == "averaging"}
    tempered = {"scaled", "shift_scaled"}
    assert {name for name, row in one_pass.items() if row.estimate < 0} == tempered
    assert one_pass["shift_scaled"].interval[1] < 0
    assert any(one_pass[name].interval[0] > 0 for name in one_pass.keys() - tempered)
    inside, shifted = (
        verdict("U1", "temperature instead", f"{name}_best") for name in ("scaled", "shift_scaled")
    )
    assert inside.estimate > 0.01 > abs(shifted.estimate)
    for name in ("scaled", "shift_scaled"):
        assert verdict("U1", "one pass instead", f"{name}_best").estimate > 0


def test_networks_without_dropout_chose_the_lowest_rate_that_was_tried():
    found = results.load("U1")
    lowest = {arm: (found.values(arm, "chosen_nll")[:, 0] == 0).sum() for arm in uncertainty.ARMS}
    assert min(lowest["none"], lowest["none again"]) > 5
    assert lowest["MC dropout"] == 0


def test_nothing_is_decided_of_a_regression():
    """The text says so, that every arm covers what it promises, and how often masks chose 0.02."""
    rows = registration.judge("U2")
    assert [row.word for row in rows] == ["undecided"] * 12
    for measure in ("rmse", "nll", "crps"):
        one, control = (
            verdict("U2", question, f"{measure}_best") for question in ("averaging", "again")
        )
        assert abs(one.estimate) < abs(control.estimate)
    found = results.load("U2")
    for arm in uncertainty.ARMS:
        assert statistics.within(found.values(arm, "coverage"), 0.88, 0.92)
    levels = found.settings["levels"]
    tried = tuning.candidates({axis: levels[axis] for axis in ("lr", "dropout")})
    chosen = [tried[k]["dropout"] for k, _ in found.values("MC dropout", "chosen")]
    assert min(levels["dropout"]) == 0.02
    assert chosen.count(0.02) == len(chosen) / 2


def test_nothing_is_decided_of_small_tables():
    """The text says so, how far the intervals reach, and which way the means lie."""
    assert {row.word for row in registration.judge("U3")} == {"undecided"}
    for table in ("concrete", "wine"):
        low, high = verdict("U3", f"{table}, averaging", "rmse_best").interval
        assert low < 0 < 0.037 < high < 0.04
    one, other = (verdict("U3", f"{t}, fixed", "crps_best").interval for t in ("concrete", "wine"))
    assert one[0] > 0 > other[1]
    found = results.load("U3")
    assert found.values("concrete: dropout", "p").max() == 0.05
    assert found.values("wine_red: dropout", "p").min() == 0.1

    def mean(arm, measure):
        return found.values(arm, f"{measure}_best").mean()

    for measure in ("rmse", "nll", "crps"):
        assert mean("concrete: p=0.2", measure) > mean("concrete: none", measure)
        assert mean("wine_red: p=0.2", measure) < mean("wine_red: none", measure)
        assert mean("wine_red: ridge", measure) < mean("wine_red: none", measure)
        for table in tables.SETS:
            means = {kind: mean(f"{table}: {kind}", measure) for kind in tables.KINDS}
            assert min(means, key=means.get) == "trees"


def test_most_arms_of_the_small_tables_chose_ends_of_their_ranges():
    found = results.load("U3")
    ends = {axis: {tried[0], tried[-1]} for axis, tried in found.settings["levels"].items()}
    assert ends["dropout"] & set(found.values("concrete: dropout", "p")) == {0.02}
    assert ends["dropout"] & set(found.values("wine_red: dropout", "p")) == {0.4}
    for table in tables.SETS:
        assert max(ends["lr"]) in found.values(f"{table}: none", "first")
    others = [
        bool(ends[kind if kind in tables.BASELINES else "lr"] & set(found.values(arm, "first")))
        for arm, (_, kind) in tables.ARMS.items()
        if kind not in ("none", "dropout")
        if kind != "mean"  # has no range
    ]
    assert sum(others) > len(others) / 2


def test_permuted_targets_of_a_table_teach_nothing():
    found = results.load("U3")
    permuted, middle = (
        found.values(f"concrete: {kind}", "rmse_best") for kind in (tables.PERMUTED, "mean")
    )
    assert permuted.mean() == pytest.approx(middle.mean(), abs=1e-3)
    assert permuted.mean() < middle.mean()
    assert np.abs(permuted - middle).min() > 1e-3  # the page says so


def test_a_temperature_of_unchanged_rows_does_not_repair_a_shift():
    found = results.load("U1")
    for arm in uncertainty.ARMS:
        for prefix in ("", "scaled_"):
            inside = found.values(arm, f"{prefix}ece_best").mean()
            assert found.values(arm, f"shift_{prefix}ece_best").mean() > 5 * inside
    for measure in ("brier", "aurc", "digits", "fashion"):
        raw, tempered = (
            found.values("none", name).mean() - found.values("MC dropout", name).mean()
            for name in (f"{measure}_best", f"scaled_{measure}_best")
        )
        assert 0 < tempered < raw


# All of the chapter.


def test_all_findings_hold_together():
    """Holm's correction over everything that the chapter asserts."""
    studies = {
        "R7": sparse_text,
        "R8": equalisation,
        "R9": uci,
        "R10": co2,
        "R11": shift,
        "R13": concrete_p,
    }
    shown = [f for id, study in studies.items() for f in findings(study, id).values()]
    adjusted, asserted = statistics.holm(shown)
    assert asserted.all(), adjusted
    missed = [
        comparison
        for id, study in studies.items()
        if hasattr(study, "not_shown")
        for comparison in study.not_shown(results.load(id)).values()
    ]
    assert len(missed) == 5
    assert not any(missed)
    kept = statistics.holm([*shown, *missed])[1][: len(shown)]
    assert (~kept).sum() == 3  # the page names them
