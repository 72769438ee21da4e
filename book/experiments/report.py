"""Show stored results as the chapters do: the setting, means with intervals, verdicts."""

import textwrap
from collections import Counter

import numpy as np

from book.plotting import draw_panels

from . import registration
from .statistics import against_paper, interval
from .tuning import MEASURES, candidates
from .verdicts import WORDS

__all__ = [
    "UNITS",
    "at_ends",
    "chosen",
    "drawn",
    "registered",
    "setting",
    "table",
    "three",
    "three_panels",
    "verdicts",
]

WIDTH = 84
#: Unit of each measure, how many of it are 1, and its digits.
UNITS = {
    "error": ("points", 100, 2),
    "nll": ("nats", 1, 3),
    "scaled": ("nats", 1, 3),
    "brier": ("points", 100, 2),
    "aurc": ("points", 100, 2),
    "shift_nll": ("nats", 1, 3),
    "shift_scaled": ("nats", 1, 3),
    "shift_aurc": ("points", 100, 2),
    "digits": ("points", 100, 2),
    "fashion": ("points", 100, 2),
    "rmse": ("sd", 1, 4),
    "crps": ("sd", 1, 4),
}


def setting(found):
    """Print data with licence, settings and seeds of some `Results`.

    Parameters
    ----------
    found : Results
    """
    for name, entry in found.data.items():
        print(textwrap.fill(f"data: {name}, {entry['licence']}", WIDTH, subsequent_indent="  "))
    settings = {name: value for name, value in found.settings.items() if name != "data"}
    line = "settings: " + ", ".join(f"{name} {value}" for name, value in settings.items())
    print(textwrap.fill(line, WIDTH, subsequent_indent="  "))
    print(f"seeds: {len(found.seeds)}, {found.seconds / 60:.2g} minutes of one core")


def table(found, metric, *, scale=1.0, published=None, digits=2):
    """Print the mean of a metric of each arm with its 95 % t interval, beside the paper's.

    Parameters
    ----------
    found : Results
    metric : str
        Its values must be numbers.
    scale : float
        100 to print rates as per cent.
    published : dict, optional
        The paper's value of an arm, on the scale that is printed.
    digits : int
        Decimals.
    """
    arms = sorted({record["arm"] for record in found.records})
    wide = max(map(len, arms))
    for arm in arms:
        values = scale * found.values(arm, metric)
        low, high = interval(values)
        line = f"{arm:{wide}}  {values.mean():.{digits}f}  [{low:.{digits}f}, {high:.{digits}f}]"
        if published and arm in published:
            difference, z = against_paper(values, published[arm])
            line += f"  paper {published[arm]:.{digits}f}"
            line += f", difference {difference:+.{digits}f} = {z:+.1f} standard errors"
        print(line)


def verdicts(assertions):
    """Print each assertion with its interval, and the wrong forms that were refused.

    Parameters
    ----------
    assertions : iterable of evidence.Assertion
    """
    for assertion in assertions:
        found = assertion.holds
        low, high = found.interval
        if np.isinf(high):
            where = f"99 % bound {low:.3g}, margin {found.limits[0]:.3g}"
        else:
            where = f"[{low:.3g}, {high:.3g}] in [{found.limits[0]:.3g}, {found.limits[1]:.3g}]"
        print(f"{'holds' if found else 'FAILS'}: {assertion.says}")
        print(f"  {found.seeds} seeds, mean {found.estimate:.3g}, {where}")
        for name, wrong in assertion.rejects.items():
            print(f"  {'ACCEPTED' if wrong else 'refused'}: {name}")


def three(found, when="best", prefix=""):
    """Print the means of the three measures of each arm on test rows, the lowest loss on top.

    Parameters
    ----------
    found : Results
        Of a study that `tuning.choose` has judged.
    when : {"best", "last"}
        Of which moment of training.
    prefix : str
        Put in front of the names of the metrics.
    """
    arms = list(dict.fromkeys(record["arm"] for record in found.records))
    wide = max(map(len, arms))
    print(f"{when + ' moment':{wide}}  error %  log loss  after temperature")
    for arm in sorted(arms, key=lambda arm: found.values(arm, f"{prefix}scaled_{when}").mean()):
        error, *losses = (
            found.values(arm, f"{prefix}{measure}_{when}").mean() for measure in MEASURES
        )
        print(f"{arm:{wide}}  {100 * error:7.2f}  {losses[0]:8.3f}  {losses[1]:8.3f}")


def chosen(found, axes_of):
    """Print what was chosen by log loss, and on how many seeds.

    Parameters
    ----------
    found : Results
        Of a study that `tuning.choose` has judged.
    axes_of : dict of str to sequence of str
        For each arm that is printed the names of what it tunes.
    """
    for arm, axes in axes_of.items():
        for axis, counted in _counted(found, arm, axes).items():
            values = (f" {value:g}: {count}" for value, count in sorted(counted.items()))
            print(f"  {arm:20} {axis:7}", *values)


def at_ends(found, axes_of):
    """Print on how many seeds the lowest and the highest level of each axis was chosen.

    Parameters
    ----------
    found, axes_of
        As for `chosen`.
    """
    for arm, axes in axes_of.items():
        told = []
        for axis, counted in _counted(found, arm, axes).items():
            low, *_, high = found.settings["levels"][axis]
            told.append(f"{axis} {low:g}: {counted[low]}, {high:g}: {counted[high]}")
        line = f"  {arm}: " + "; ".join(told)
        print(textwrap.fill(line, WIDTH, subsequent_indent="    "))


def _counted(found, arm, axes):
    """For each axis, how many seeds chose each level by log loss."""
    tried = candidates({axis: found.settings["levels"][axis] for axis in axes})
    given = [tried[number] for number, _ in found.values(arm, "chosen_nll")]
    return {axis: Counter(each[axis] for each in given) for axis in axes}


def registered(rows):
    """Print what is registered with its effect, the 98 % interval of that, and the verdict.

    Parameters
    ----------
    rows : iterable of registration.Judged
    """
    claim = None
    for row in rows:
        if row.contrast.text != claim:
            claim = row.contrast.text
            print(textwrap.fill(claim, WIDTH, subsequent_indent="  "))
        unit, scale, digits = UNITS[row.contrast.measure]
        mean, low, high = (scale * value for value in (row.estimate, *row.interval))
        ends = f"[{low:+.{digits}f}, {high:+.{digits}f}] {unit}"
        print(f"  {row.contrast.name:24} {mean:+.{digits}f} {ends:26} {row.word}")


def drawn(rows, labels, measure, when="best"):
    """What `plotting.draw_verdicts` takes of those registered contrasts that have a measure.

    Parameters
    ----------
    rows : sequence of registration.Judged
        What `registration.judge` gives.
    labels : dict of str to str
        Which of its questions are drawn, and what each is called.
    measure : str
        A key of `UNITS`, in whose unit they are drawn.
    when : {"best", "last"}
        Of which moment of training that of the better arm is.

    Returns
    -------
    list of (str, str, list of float)
    """
    _, scale, _ = UNITS[measure]
    return [
        (
            labels[row.contrast.question],
            row.word,
            [scale * value for value in (row.interval[0], row.estimate, row.interval[1])],
        )
        for row in rows
        if row.contrast.question in labels
        and row.contrast.measure == measure
        and row.contrast.better[1].endswith(f"_{when}")
    ]


def three_panels(study, labels, when="best", **others):
    """Draw registered contrasts of one moment, a panel for each of three measures.

    How often each verdict was given to these questions, at any moment, is printed.

    Parameters
    ----------
    study : str
        A registered study that has been run.
    labels : dict of str to str
        Which of its questions are drawn, and what each is called.
    when : {"best", "last"}
        Of which moment of training.
    **others
        Labels of further studies, which are drawn below.
    """
    judged = [(registration.judge(id), own) for id, own in {study: labels, **others}.items()]
    panels_of = {
        label: [each for rows, own in judged for each in drawn(rows, own, measure, when)]
        for label, measure in (
            ("fewer errors, points", "error"),
            ("lower log loss, nats", "nll"),
            ("after a temperature, nats", "scaled"),
        )
    }
    draw_panels(panels_of, sharey=True)
    words = [row.word for rows, own in judged for row in rows if row.contrast.question in own]
    print({word: words.count(word) for word in WORDS})
