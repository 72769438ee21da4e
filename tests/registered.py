"""The verdict on a registered contrast, the comparison behind it, and what a pilot chose."""

import pytest

from book.experiments import registration, results, statistics

CONTROL = "another network without dropout"


def claims_of(labels):
    """Run a test for each label, as a check of the statement that bears it."""
    marked = (
        pytest.param(
            label,
            marks=pytest.mark.claim(label, method="paired-experiment", rejects=(CONTROL,)),
        )
        for label in labels
    )
    return pytest.mark.parametrize("label", list(marked))


def verdict(study, question, metric):
    (row,) = (
        row
        for row in registration.judge(study)
        if (row.contrast.question, row.contrast.better[1]) == (question, metric)
    )
    return row


def shown(study, question, metric, word):
    """The comparison behind a verdict: a gain, a loss, or a difference below the margin."""
    row = verdict(study, question, metric)
    gain = row.contrast.gain()
    shared = {"overlap": row.contrast.overlap}
    if word == "equivalent":
        return statistics.equivalent(gain, 0.0, row.contrast.margin, **shared)
    return statistics.greater(gain if word == "supported" else -gain, 0.0, 0.0, **shared)


def check_registered(claim, contrasts):
    """Hold a claim to the verdicts on contrasts: studies, questions, metrics and words.

    The control, for few rows that of few rows, is told for the same metric, or where its study
    registered that of the best moment and of the network as it was trained alone, for these.
    """

    @claim
    def found(study, question, metric, word):
        return shown(study, question, metric, word)

    for study, question, metric, word in contrasts:
        assert verdict(study, question, metric).word == word
        found.holds(study, question, metric, word)
        again = "again, few rows" if question.startswith("few rows") else "again"
        told = {c.better[1] for c in registration.contrasts(study) if c.question == again}
        plain = metric.removeprefix("mended_").replace("last", "best")
        found.rejects(CONTROL, study, again, metric if metric in told else plain, word)


def check_pilots_choice(study, controls, *, candidates):
    """Assert that each arm has the one of so many candidates that the pilot found best.

    Best is the lowest loss after a temperature; each of the `controls` has what its twin has.
    """
    pilot, full = (study.versions[name].settings["tried"] for name in ("pilot", "full"))
    found = results.load(study.id, "pilot")
    assert found.settings["tried"] == pilot
    for arm in study.arms:
        if arm in controls:  # they choose nothing
            assert full[arm] == full[controls[arm]]
            continue
        assert len(pilot[arm]) == candidates
        best = found.values(arm, "sweep_scaled").mean(axis=0).argmin()
        assert full[arm] == [pilot[arm][best]]
