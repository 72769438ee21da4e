"""Compare speeds within one run, as ratios: absolute times say more about the machine."""

import statistics
import time
from typing import NamedTuple

__all__ = ["Row", "compare", "table"]


class Row(NamedTuple):
    """How many times as fast as the baseline a candidate is."""

    case: str
    method: str
    milliseconds: float  # median
    ratio: float  # median over the rounds
    low: float  # quartiles of the ratio
    high: float


def compare(case, baseline, candidates, *, rounds=9):
    """Time the candidates against the baseline, all of them once in each round.

    A ratio is taken within a round, so that what slows the machine down for longer than a round
    slows down both.

    Parameters
    ----------
    case : str
        What is computed.
    baseline : tuple of (str, callable)
        Name and function without arguments.
    candidates : dict of str to callable
        What is compared with it.
    rounds : int
        Number of rounds, at least 2, after one that is not counted.

    Returns
    -------
    list of Row
        The baseline first.
    """
    functions = dict([baseline], **candidates)
    times = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            seconds = _seconds(function)
            if number:  # the first round fills caches and allocates memory
                times[name].append(seconds)
    reference = times[baseline[0]]
    rows = []
    for name, own in times.items():
        ratios = [base / mine for base, mine in zip(reference, own, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        rows.append(Row(case, name, 1e3 * statistics.median(own), middle, low, high))
    return rows


def table(rows):
    """Text of the rows, aligned."""
    lines = [f"{'case':44}{'method':22}{'ms':>10}{'ratio':>8}  quartiles"]
    lines += [
        f"{row.case:44}{row.method:22}{row.milliseconds:10.3g}{row.ratio:8.1f}"
        f"  {row.low:.1f} to {row.high:.1f}"
        for row in rows
    ]
    return "\n".join(lines)


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
