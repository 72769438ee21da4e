"""Compare speeds within one run, as ratios: absolute times say more about the machine."""

import statistics
import time
from typing import NamedTuple

__all__ = ["Row", "compare", "table"]

# A comparison stops after this many seconds, but not before LEAST rounds.
BUDGET = 3.0
LEAST = 5
# Seconds for which a method is called before it is timed. One call is not enough: a last-level
# cache that keeps what was used often gives way to large arrays only after several.
SETTLING = 0.04


class Row(NamedTuple):
    """How many times as fast as the baseline a candidate is."""

    case: str
    method: str
    milliseconds: float  # median
    ratio: float  # median over the rounds
    low: float  # quartiles of the ratio
    high: float
    rounds: int = 0
    clock: str = ""
    units: int | None = None  # in all passes that were timed together, where the case counts units


def compare(
    case, baseline, candidates, *, rounds=9, units=None, clock=time.process_time, settling=SETTLING
):
    """Time the candidates against the baseline, all of them once in each round.

    A ratio is taken within a round, so that what slows the machine down for longer than a round
    slows down both. Before it is timed each is called for a while, so that it finds in the caches
    what it leaves there itself, as in a loop, and not what another candidate has left.

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
        `time.process_time`, the processor's time for this process, which other programs hardly
        change; or `time.perf_counter` where threads are to be compared.
    settling : float
        Seconds of that while; 0 times a call at once after another candidate's, as in a program
        that does other things between.

    Returns
    -------
    list of Row
        The baseline first.
    """
    functions = dict([baseline], **candidates)
    times = {name: [] for name in functions}
    start = time.perf_counter()
    for number in range(rounds + 1):
        for name, function in functions.items():
            _settle(function, clock, settling)
            seconds = _seconds(function, clock)
            if number:  # in the first round memory is allocated
                times[name].append(seconds)
        if number >= LEAST and time.perf_counter() - start > BUDGET:
            break
    reference = times[baseline[0]]
    rows = []
    for name, own in times.items():
        ratios = [base / mine for base, mine in zip(reference, own, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        milliseconds = 1e3 * statistics.median(own)
        rows.append(
            Row(case, name, milliseconds, middle, low, high, len(own), clock.__name__, units)
        )
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


def _settle(function, clock, settling):
    """Call the function until so many seconds have passed."""
    end = clock() + settling
    while clock() < end:
        function()


def _seconds(function, clock):
    start = clock()
    function()
    return clock() - start
