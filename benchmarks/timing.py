"""Compare speeds within one run, as ratios: absolute times say more about the machine."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["IN_TURN", "TIGHT", "Row", "compare", "merged", "table"]

# Each call right after one of another method, as in a program that does other things between;
# or after calls of its own, whose memory and caches it finds as it left them.
IN_TURN, TIGHT = LOOPS = ("in turn", "tight")
# A comparison stops after this many seconds, but not before LEAST rounds.
BUDGET = 4.0
LEAST = 5
# Seconds for which a method is called before it is timed in a tight loop. One call is not enough:
# a last-level cache that keeps what was used often gives way to large arrays only after several.
SETTLING = 0.04


class Row(NamedTuple):
    """How many times as fast as the baseline a candidate is, in one kind of loop."""

    case: str
    method: str
    loop: str
    milliseconds: float  # median
    ratio: float  # median over the rounds, or over the processes
    low: float  # quartiles of the ratio over the rounds, or its ends over the processes
    high: float
    rounds: int = 0
    units: int | None = None  # in all passes that were timed together, where the case counts units


def compare(
    case: str,
    baseline: tuple[str, Callable],
    candidates: dict[str, Callable],
    *,
    rounds: int = 9,
    units: int | None = None,
    clock: Callable[[], float] = time.process_time,
    settling: float = SETTLING,
) -> list[Row]:
    """Time the candidates against the baseline, in both kinds of loop.

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
        Number of rounds, at least 2, after one that is not counted. Where they would take longer
        than BUDGET seconds there are fewer, but LEAST or `rounds`, whichever is less.
    units : int, optional
        Number of units that one call works on.
    clock : callable
        Tells seconds, by default those of the processor for this process, which other programs
        hardly change.
    settling : float
        Seconds for which a method is called before it is timed in a tight loop.

    Returns
    -------
    list of Row
        The baseline first, for the one kind of loop and then for the other.
    """
    functions = dict([baseline], **candidates)
    times = {loop: {name: [] for name in functions} for loop in LOOPS}
    start = time.perf_counter()
    for number in range(rounds + 1):
        for loop, own in times.items():
            for name, function in functions.items():
                if loop == TIGHT:
                    _settle(function, clock, settling)
                seconds = _seconds(function, clock)
                if number:  # in the first round memory is allocated
                    own[name].append(seconds)
        if number >= LEAST and time.perf_counter() - start > BUDGET:
            break
    return [
        _row(case, name, loop, own[baseline[0]], mine, units)
        for loop, own in times.items()
        for name, mine in own.items()
    ]


def merged(processes: Sequence[Sequence[Row]]) -> list[Row]:
    """One row for those of several processes: the median ratio, and the least and the greatest."""
    rows = []
    for same in zip(*processes, strict=True):
        ratios = [row.ratio for row in same]
        rows.append(
            same[0]._replace(
                milliseconds=statistics.median(row.milliseconds for row in same),
                ratio=statistics.median(ratios),
                low=min(ratios),
                high=max(ratios),
                rounds=min(row.rounds for row in same),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    """Text of the rows, aligned."""
    lines = [f"{'case':44}{'method':22}{'loop':9}{'ms':>9}{'ratio':>7}  spread"]
    lines += [
        f"{row.case:44}{row.method:22}{row.loop:9}{row.milliseconds:9.3g}{row.ratio:7.1f}"
        f"  {row.low:.1f} to {row.high:.1f}"
        for row in rows
    ]
    return "\n".join(lines)


def _row(case, name, loop, reference, mine, units):
    """The row of one method's times, beside the baseline's."""
    ratios = [base / own for base, own in zip(reference, mine, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    milliseconds = 1e3 * statistics.median(mine)
    return Row(case, name, loop, milliseconds, middle, low, high, len(mine), units)


def _settle(function, clock, settling):
    """Call the function until so many seconds have passed."""
    end = clock() + settling
    while clock() < end:
        function()


def _seconds(function, clock):
    start = clock()
    function()
    return clock() - start
