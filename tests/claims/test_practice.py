"""The claims of the chapter Practice: each holds, and its wrong forms are rejected."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from registered import check_registered, claims_of, verdict

import dropcheck
from book.experiments import advice, recurrent, registration, results, statistics, tuning
from book.experiments.structures import SeedBatchNorm
from book.experiments.studies import remedies
from dropoutlib import layers
from dropoutlib.masks import enumerate_masks, mask_weights

# Batch normalisation: rows and masks are both averaged over.


def variances(outputs, x, weights):
    """Variances over rows and masks in training, and over rows in evaluation.

    `outputs` holds the layer's output for each mask and row, `x` the output in evaluation.
    """
    rows = outputs.shape[1]
    mean = weights @ outputs.sum(axis=1) / rows
    train = weights @ (outputs**2).sum(axis=1) / rows - mean**2
    return train, (x**2).sum() / rows - (x.sum() / rows) ** 2


def measured_ratio(v):
    """Ratio of a unit that takes the values v_1, v_2, v_3 on three rows, with p = v_4."""
    x, p = v[:3], v[3]
    masks = enumerate_masks(1)
    train, evaluation = variances(masks * x / (1 - p), x, mask_weights(masks, p))
    return evaluation / train


def moments(x):
    c = x.sum() / len(x)
    return c, (x**2).sum() / len(x) - c**2


def stated_ratio(v):
    (c, variance), q = moments(v[:3]), 1 - v[3]
    return variance / ((variance + c**2) / q - c**2)


def short_ratio(v):
    (c, variance), q = moments(v[:3]), 1 - v[3]
    return q / (1 + (1 - q) * c**2 / variance)


RATIO_WRONG = {
    "1": lambda v: 1,
    "q": lambda v: 1 - v[3],
    "mean not subtracted": lambda v: moments(v[:3])[1] * (1 - v[3]) / ((v[:3] ** 2).sum() / 3),
}


@pytest.mark.claim("thm-bn-variance-shift", method="identity", rejects=tuple(RATIO_WRONG))
def test_variance_shift_by_identity(claim, rng):
    @claim
    def check(stated):
        return dropcheck.identity(measured_ratio, stated, 4, rng=rng)

    check.holds(stated_ratio)
    check.holds(short_ratio)
    for name, wrong in RATIO_WRONG.items():
        check.rejects(name, wrong)


@pytest.mark.claim(
    "thm-bn-variance-shift",
    method="enumeration",
    rejects=("equal at p = 0 only", "equal where some row is zero"),
)
def test_variance_shift_is_at_most_q(claim):
    """Three rows of whole numbers that are not all equal, at p of 0, 1/3 and 1/2."""
    rows = [x for x in itertools.product(range(-2, 3), repeat=3) if len(set(x)) > 1]
    rates = (Fraction(0), Fraction(1, 3), Fraction(1, 2))

    @claim
    def check(equal_where):
        holds = True
        for x, p in itertools.product(rows, rates):
            v = np.array([*map(Fraction, x), p])
            ratio = measured_ratio(v)
            holds &= ratio <= 1 - p
            dropped = enumerate_masks(1) * v[:3] / (1 - p)
            holds &= (mask_weights(enumerate_masks(1), p) @ dropped).sum() == sum(x)  # mean c
            holds &= (ratio == 1 - p) == equal_where(x, p)
        return dropcheck.Report(passed=bool(holds), method="enumeration", rounding=0.0)

    check.holds(lambda x, p: sum(x) == 0 or p == 0)
    check.rejects("equal at p = 0 only", lambda x, p: p == 0)
    check.rejects("equal where some row is zero", lambda x, p: 0 in x or p == 0)


def mixed_ratio(v):
    """The same behind a linear layer: two units on two rows, two weights, and p."""
    x, w, p = v[:4].reshape(2, 2), v[4:6], v[6]
    masks = enumerate_masks(2)
    outputs = (masks[:, None, :] * x / (1 - p)) @ w
    train, evaluation = variances(outputs, x @ w, mask_weights(masks, p))
    return evaluation / train


def stated_mixed(square):
    def ratio(v):
        x, w, p = v[:4].reshape(2, 2), v[4:6], v[6]
        _, evaluation = moments(x @ w)
        noise = p / (1 - p) * (w**2 * (x**2).sum(axis=0) / 2 if square else w**2).sum()
        return evaluation / (evaluation + noise)

    return ratio


@pytest.mark.claim("thm-bn-variance-shift", method="identity", rejects=("noise of unit inputs",))
def test_variance_shift_behind_a_linear_layer(claim, rng):
    @claim
    def check(stated):
        return dropcheck.identity(mixed_ratio, stated, 7, rng=rng)

    check.holds(stated_mixed(True))
    check.rejects("noise of unit inputs", stated_mixed(False))


@pytest.mark.claim("thm-bn-variance-shift", method="monte-carlo", rejects=("1",))
def test_variance_shift_in_the_layers(claim, rng):
    p, n = 0.5, 100_000
    x = rng.choice([0.0, 0.5, 1.0], size=n)  # c = 1/2, v = 1/6
    c, v = 1 / 2, 1 / 6
    train = (v + c**2) / (1 - p) - c**2
    dropped = layers.Dropout(p, rng=rng).forward(x)

    @claim
    def check(stated, *, wrong=None):
        return dropcheck.variance_test(dropped, stated, 0, 1 / (1 - p), wrong=wrong)

    check.holds(train, wrong=v)
    check.rejects("1", v)
    # The running variance of batch normalisation is this variance, so evaluation gives v / it.
    norm = SeedBatchNorm(1, 1, momentum=1.0, eps=0.0).train()
    torch_norm = torch.nn.BatchNorm1d(1, momentum=1.0).double().train()
    rows = torch.from_numpy(dropped)[:, None]
    for layer, batch in ((norm, rows[None].float()), (torch_norm, rows)):
        layer(batch)
    stored = [norm.variance.item(), torch_norm.running_var.item()]
    np.testing.assert_allclose(stored, dropped.var(ddof=1), rtol=1e-4)


# Experiments. Each entry is experiment, metric, worse arm, better arm, and a margin of at most
# half of the effect that the pilot's seeds showed.

SEEN = {
    "emp-hidden-rate": (("P1", "error", "digits p=0.8", "digits p=0.5", 0.012),),
    "emp-input-rate": (("P1", "nll", "mnist_5k p=0.5", "mnist_5k p=0.5 input 0.2", 0.05),),
    "emp-batchnorm-order": (("R12", "nll", "before", "after", 0.008),),
    "emp-batchnorm-needed": (
        ("R12", "error", "none", "after", 0.005),
        ("R12", "nll", "none", "after", 0.015),
    ),
    "emp-convolution-rate": (
        ("P5", "nll", "unit p=0.3", "unit p=0.0", 0.08),
        ("P5", "nll", "channel p=0.3", "unit p=0.0", 0.08),
        ("P5", "error", "channel p=0.3", "unit p=0.0", 0.015),
    ),
    "emp-droppath-transformer": (
        ("P7", "error", "p=0.0", "p=0.1", 0.005),
        ("P7", "nll", "p=0.0", "p=0.1", 0.05),
        ("P7", "nll", "p=0.0", "p=0.3", 0.045),
    ),
    "emp-large-model": (("P1", "error", "mnist_5k narrow p=0.5", "mnist_5k narrow p=0.0", 0.03),),
    "emp-small-data": (("P3", "nll", "mnist_5k n=50 p=0.7", "mnist_5k n=50 p=0.2", 0.2),),
    "emp-late-schedule": (
        ("P1", "nll", "digits p=0.0", "digits late", 0.01),
        ("P1", "nll", "mnist_5k p=0.0", "mnist_5k late", 0.04),
    ),
    "emp-early-dropout": (
        ("S6", "start", "digits p=0.1", "digits p=0.0", 0.01),
        ("S6", "start", "mnist_5k p=0.1", "mnist_5k p=0.0", 0.01),
        ("S6", "end", "digits p=0.1", "digits p=0.0", 0.015),
        ("S6", "end", "mnist_5k p=0.1", "mnist_5k p=0.0", 0.015),
    ),
    "emp-augmentation": (
        ("P1", "error", "mnist_5k p=0.5", "mnist_5k shifts", 0.02),
        ("P1", "nll", "mnist_5k p=0.5", "mnist_5k shifts", 0.15),
    ),
    "emp-augmentation-both": (("P1", "error", "mnist_5k shifts p=0.5", "mnist_5k shifts", 0.004),),
    "contested-llm": (
        ("P9", "excess", "fresh p=0.1", "fresh p=0.0", 0.012),
        ("P9", "excess", "fresh early p=0.1", "fresh p=0.0", 0.005),
        ("P9", "excess", "repeated p=0.0", "repeated p=0.3", 0.2),
    ),
    "emp-dropblock-mechanism": (("S4", "unexplained", "block", "unit", 0.1),),
}


def compare(id, metric, worse, better, margin):
    found = results.load(id)
    return statistics.greater(found.values(worse, metric), found.values(better, metric), margin)


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(
            label,
            marks=pytest.mark.claim(label, method="paired-experiment"),
        )
        for label in SEEN
    ],
)
def test_what_was_seen(claim, label):
    for id, metric, worse, better, margin in SEEN[label]:
        claim.holds(compare(id, metric, worse, better, margin))


def same(id, metric, one, other, margin):
    found = results.load(id)
    return statistics.equivalent(found.values(one, metric), found.values(other, metric), margin)


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(
            label,
            marks=pytest.mark.claim(label, method="paired-experiment"),
        )
        for label in advice.EQUIVALENT
    ],
)
def test_what_made_no_difference(claim, label):
    for entry in advice.EQUIVALENT[label]:
        claim.holds(same(*entry))


# What registered studies found: study, question, metric and verdict of each contrast that a
# statement names. The verdicts are those of all contrasts of the study together.

REGISTERED = {
    "emp-temperature-instead": (("Q1", "temperature instead", "scaled_best", "supported"),),
    "emp-remedies-instead": (
        *(
            ("Q1", f"{remedy} instead", "nll_best", "supported")
            for remedy in ("weight decay", "label smoothing", "mixup", "shifts", "ensemble")
        ),
        ("Q1", "label smoothing instead", "scaled_best", "supported"),
        ("Q1", "shifts instead", "scaled_best", "supported"),
        ("Q1", "shifts instead", "error_best", "supported"),
    ),
    "emp-mended-statistics": (("Q2", "mended between", "mended_scaled_best", "equivalent"),),
    "emp-repeated-text": (
        *(("T1", "fresh", f"{measure}_best", "supported") for measure in tuning.MEASURES),
        ("T1", "repeated", "nll_last", "supported"),
        ("T1", "repeated, more", "error_best", "contradicted"),
    ),
    "emp-dropout-on-decay": (("Q1", "on top of weight decay", "nll_best", "contradicted"),),
}


@claims_of(REGISTERED)
def test_what_was_registered(claim, label):
    check_registered(claim, REGISTERED[label])


@pytest.mark.parametrize("study", sorted({row[0] for rows in REGISTERED.values() for row in rows}))
def test_a_second_network_without_dropout_is_not_asserted_to_differ(study):
    for metric in ("error_best", "nll_best", "scaled_best"):
        assert verdict(study, "again", metric).word in ("undecided", "equivalent")


def test_permuted_labels_teach_no_more_than_the_choice_does():
    """The validation labels are true, so that choosing among more networks learns more."""
    found = results.load("Q1")
    arm = "dropout, labels permuted"
    best, last = (found.values(arm, f"error_{when}") for when in ("best", "last"))
    assert best.mean() < last.mean() <= 0.9
    assert statistics.greater(best, found.values("dropout", "error_best"), 0.7)


def test_nothing_is_decided_in_recurrent_networks():
    """The text says so, and how far apart two networks are that drop nothing."""
    assert {row.word for row in registration.judge("Q3")} == {"undecided"}
    for metric in ("error_best", "scaled_best"):
        control = abs(verdict("Q3", "again", metric).estimate)
        assert all(abs(verdict("Q3", kind, metric).estimate) < control for kind in recurrent.KINDS)
    found = results.load("Q3")
    arms = {record["arm"] for record in found.records}
    for metric in ("nll_best", "scaled_best", "nll_last", "scaled_last"):
        means = {arm: found.values(arm, metric).mean() for arm in arms}
        assert min(means, key=means.get) == "logistic regression"
    err = {arm: found.values(arm, "error_best").mean() for arm in arms}
    assert sum(err["nearest neighbours"] > err[kind] for kind in recurrent.KINDS) == 4


def test_nothing_is_decided_in_a_gru_either():
    """Nor is which ends of grids were chosen most often told otherwise than it was."""
    judged = registration.judge("Q8")
    assert {row.word for row in judged} == {"undecided"}
    assert all(row.interval[0] < 0 < row.interval[1] for row in judged)  # as the figure's text says
    found = results.load("Q8")
    permuted, frequent = (
        found.values(arm, "error_best").mean()
        for arm in ("shared mask, labels permuted", "most frequent class")
    )
    assert permuted >= frequent > found.values("shared mask", "error_best").mean() + 0.5
    for arm in ("non-recurrent", "shared mask", "label smoothing"):
        axes = ("lr", "weight decay", arm)
        levels = {axis: found.settings["levels"][axis] for axis in axes}
        tried = tuning.candidates(levels)
        given = [tried[number][arm] for number, _ in found.values(arm, "chosen_nll")]
        assert max(set(given), key=given.count) == levels[arm][0]


def test_where_text_is_repeated_early_stopping_leaves_no_gain_that_is_shown():
    """The chapter Evidence says so, and what else is told there of text."""
    for question, metric in (
        *(("repeated", f"{measure}_best") for measure in tuning.MEASURES),
        ("stopping instead", "nll_best"),
        ("again, fresh", "nll_best"),
    ):
        assert verdict("T1", question, metric).word == "undecided"
    for metric in ("nll_best", "scaled_best"):
        assert verdict("T1", "more text instead", metric).interval[0] > 0.2
    found = results.load("T1")
    # Read once, the best moment is the last, so that what dropout loses it loses at either.
    for arm in ("fresh none", "fresh p=0.1"):
        for measure in tuning.MEASURES:
            best, last = (found.values(arm, f"{measure}_{when}") for when in ("best", "last"))
            assert best.tolist() == last.tolist()
    for measure in ("error", "scaled"):
        for regime in ("fresh", "repeated"):
            means = {
                arm: found.values(arm, f"{measure}_best").mean()
                for arm in {record["arm"] for record in found.records}
                if arm.startswith(regime)
            }
            assert min(means, key=means.get) == f"{regime} n-grams"


def test_permuted_labels_of_sequences_teach_nothing():
    """Here those of validation rows are permuted as well, as Q1 should have done."""
    found = results.load("Q3")
    permuted, frequent = (
        found.values(arm, "error_best").mean()
        for arm in ("shared mask, labels permuted", "most frequent class")
    )
    assert permuted >= frequent > found.values("shared mask", "error_best").mean() + 0.5


def test_dropout_is_nowhere_supported_against_a_tuned_network_without():
    """The text says so; should it be shown one day, the text must change."""
    asked = ("dropout", *(f"on top of {remedy}" for remedy in remedies.REMEDIES))
    rows = [row for row in registration.judge("Q1") if row.contrast.question in asked]
    assert len(rows) == 21
    assert {row.word for row in rows} == {"undecided", "contradicted"}


def test_tuned_networks_err_less_than_the_baselines():
    found = results.load("Q1")
    for baseline in ("logistic regression", "nearest neighbours"):
        for arm in ("none", "dropout"):
            err = found.values(baseline, "error_best"), found.values(arm, "error_best")
            assert statistics.greater(*err, 0.0)


def shift_agrees(stated=None):
    found = results.load("R12")
    formula = found.values("before", "formula") if stated is None else stated
    return statistics.within(found.values("before", "ratio") / formula, 0.97, 1.03)


def mending():
    """Error before and after the statistics were taken anew without dropout."""
    found = results.load("R12")
    error, mended = (found.values("before", metric) for metric in ("error", "error_mended"))
    return statistics.equivalent(error, mended, 0.005)


@pytest.mark.claim("emp-variance-shift", method="paired-experiment", rejects=("1", "q"))
def test_variance_shift_on_data(claim):
    @claim
    def ratio_is(stated=None):
        return shift_agrees(stated)

    ratio_is.holds()
    claim.holds(mending())
    ratio_is.rejects("1", 1.0)
    ratio_is.rejects("q", 0.5)


def test_on_digits_networks_that_were_not_tuned_err_more_than_the_nearest_row():
    """The text says so, and how it is on MNIST."""

    def ratio(id, name, rows, arm):
        found = results.load(id)
        near = advice.nearest(name, rows, found.seeds).mean()
        return found.values(arm, "error").mean() / near

    for arm in ("digits p=0.0", "digits narrow p=0.0", "digits shifts"):
        assert ratio("P1", "digits", 300, arm) > 1
    for rows in (50, 700):
        assert ratio("P3", "digits", rows, f"digits n={rows} p=0.0") > 1
    assert ratio("P5", "digits", 200, "unit p=0.0") > 1
    assert ratio("P7", "digits", 200, "p=0.0") > 4
    assert ratio("P3", "mnist_5k", 50, "mnist_5k n=50 p=0.0") == pytest.approx(1, abs=0.02)
    assert ratio("P3", "mnist_5k", 700, "mnist_5k n=700 p=0.0") < 1
    assert ratio("P1", "mnist_5k", 600, "mnist_5k p=0.0") < 1
    assert ratio("P1", "mnist_5k", 600, "mnist_5k narrow p=0.0") > 1


def test_assertions_hold_together():
    every = [compare(*entry) for entries in SEEN.values() for entry in entries]
    every += [same(*entry) for entries in advice.EQUIVALENT.values() for entry in entries]
    _, asserted = statistics.holm([*every, shift_agrees(), mending()])
    assert asserted.all()


@pytest.mark.parametrize("label", SEEN)
def test_margin_is_at_most_half_of_the_pilot_s_effect(label):
    for id, metric, worse, better, margin in SEEN[label]:
        pilot = results.load(id, "pilot")
        effect = pilot.values(worse, metric).mean() - pilot.values(better, metric).mean()
        assert 0 < margin <= effect / 2
