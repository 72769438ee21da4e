"""The verdict on a registered contrast, and the comparison behind it, for claims."""

from book.experiments import registration, statistics

CONTROL = "another network without dropout"


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
