"""The verdict on one comparison in one of four words, with its effect and what it was seen on.

A comparison is one of those that the chapters assert, judged there together with all others of
the chapter, or one that a study has registered, judged with all others of the
study, or a difference of two arms of which no chapter asserts anything: that one can be
contradicted or undecided and not more.
"""

import functools
import math
from dataclasses import dataclass

from scipy import stats

from . import advice, evidence, registration, results, statistics

__all__ = [
    "LEVEL",
    "WORDS",
    "Verdict",
    "answer",
    "of_advice",
    "of_arms",
    "of_registered",
    "of_statement",
]

WORDS = ("supported", "undecided", "contradicted", "equivalent")
LEVEL = registration.LEVEL


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one comparison says.

    Parameters
    ----------
    word : str
        One of `WORDS`.
    metric : str
        What was measured.
    estimate : float
        Mean over seeds of what is gained, in the unit of the metric.
    interval : tuple of float
        Of confidence `LEVEL`.
    allowed : float
        How much may be lost where the claim is that nothing is gained.
    margin : float or None
        For an equivalence: the difference that would matter.
    found : book.experiments.results.Results
        The results that it was computed from.
    arms : tuple of str
        Which arms are compared, if they are named.
    """

    word: str
    metric: str
    estimate: float
    interval: tuple[float, float]
    allowed: float = 0.0
    margin: float | None = None
    found: results.Results
    arms: tuple[str, ...] = ()


def answer(asserted, interval, equivalent=False):
    """Return the verdict on a comparison in one of `WORDS`.

    Parameters
    ----------
    asserted : bool
        Whether it is asserted to be positive.
    interval : (float, float)
        The claim is contradicted if all of it lies below zero.
    equivalent : bool
        Whether a test with a margin that was set beforehand finds no difference that matters; a
        difference that was not shown is not thereby none.

    Returns
    -------
    str
    """
    if asserted:
        return "supported"
    if interval[1] < 0:
        return "contradicted"
    return "equivalent" if equivalent else "undecided"


def of_advice(label, name):
    """Return the `Verdict` on one contrast of `advice.ADVICE`, by its advice's label and its name.

    Asserted is what Holm's method leaves of all contrasts of the chapter "Practice". None is
    called equivalent: the margins of that chapter are so wide that no dropout and half of the
    units dropped lie within them as well.
    """
    row = _practice()[label, name]
    contrast = row.advice.contrasts[name]
    found = results.load(row.advice.experiment)
    gain = contrast.values(found)
    low, high = statistics.interval(gain, LEVEL)
    interval = low - contrast.offset, high - contrast.offset
    return Verdict(
        word=answer(row.asserted[name], (low, high)),
        metric=contrast.metric,
        estimate=float(gain.mean()) - contrast.offset,
        interval=interval,
        allowed=contrast.offset,
        found=found,
        arms=tuple(contrast.arms),
    )


def of_statement(label, says, metric, turned=False):
    """Return the `Verdict` on one assertion of the chapter "Evidence".

    Parameters
    ----------
    label, says : str
        The statement, and which of its assertions.
    metric : str
        What it compares.
    turned : bool
        Whether the claim is that the second arm is the greater one.
    """
    comparison, asserted = _evidence()[label, says]
    low, high = _both_sides(comparison)
    one_sided = math.isinf(comparison.interval[1])
    interval = (-high, -low) if turned else (low, high)
    return Verdict(
        word=answer(one_sided and asserted and not turned, interval, asserted and not one_sided),
        metric=metric,
        estimate=-comparison.estimate if turned else comparison.estimate,
        interval=interval,
        margin=None if one_sided else comparison.limits[1],
        found=results.load(evidence.STATEMENTS[label][0]),
    )


def of_registered(study, question, metric):
    """Return the `Verdict` on one registered contrast, judged with all others of its study.

    Parameters
    ----------
    study, question : str
        Id of the study and name of the question in its registration.
    metric : str
        Of the arm that is claimed to be better.
    """
    (row,) = (
        row
        for row in registration.judge(study)
        if (row.contrast.question, row.contrast.better[1]) == (question, metric)
    )
    return Verdict(
        word=row.word,
        metric=row.contrast.measure,
        estimate=row.estimate,
        interval=row.interval,
        margin=row.contrast.margin if row.word == "equivalent" else None,
        found=results.load(study),
        arms=(row.contrast.worse[0], row.contrast.better[0], *(row.contrast.beyond or ())),
    )


def of_arms(experiment, metric, worse, better):
    """Return the `Verdict` on two arms of an experiment, of which no chapter asserts anything."""
    found = results.load(experiment)
    gain = advice.Contrast(metric=metric, arms={worse: 1, better: -1}).values(found)
    interval = statistics.interval(gain, LEVEL)
    return Verdict(
        word=answer(False, interval),
        metric=metric,
        estimate=float(gain.mean()),
        interval=interval,
        found=found,
        arms=(worse, better),
    )


@functools.cache
def _practice():
    """Rows of the judged table by the label and the name of each contrast."""
    return {(row.advice.label, name): row for row in advice.judge() for name in row.comparisons}


@functools.cache
def _evidence():
    """Each assertion of the chapter with whether Holm's method leaves it, by label and words."""
    return {
        (label, assertion.says): (assertion.holds, bool(asserted))
        for label, assertion, _, asserted in evidence.adjusted()
    }


def _both_sides(comparison):
    """Interval of confidence `LEVEL`, from a bound of another level; both of Student's t."""
    low, high = comparison.interval
    tail = comparison.level if math.isinf(high) else (1 + comparison.level) / 2
    degrees = comparison.seeds - 1
    wider = stats.t.ppf((1 + LEVEL) / 2, degrees) / stats.t.ppf(tail, degrees)
    half = float((comparison.estimate - low) * wider)
    return comparison.estimate - half, comparison.estimate + half
