"""Whether a unit is dropped with probability p, or with p rounded to a few bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dropcheck.montecarlo import rate_test

from ..registry import BINARY, Finding, check, fault, holds, note

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []

# Blocks have a rate of their own, and millions of maps that they fill take too long.
COUNTED = tuple(kind for kind in BINARY if kind != "block")
ROWS, COLUMNS = 2048, 2048
DRAWS = ROWS * COLUMNS
# The last lies between two steps of 1/256, where rounding to 8 bits shows most.
PROBABILITIES = (0.1, 0.3, 1 / 3, 0.5, 0.9, 50.5 / 256)
# Halfway between two steps of 1/1024, and a number that float16 and bfloat16 have exactly.
HALF_STEP = 10.5 / 1024
# Of a rare event, so that seeing none is a fault beyond doubt.
EXPECTED = 20


def _dropped(subject: Subject, p: float, times: int, dtype: str = "float32") -> int:
    """How many of ``times * DRAWS`` units are dropped."""
    return sum(int(subject.draw(ROWS, COLUMNS, p, dtype=dtype).sum()) for _ in range(times))


@check("rate", kinds=COUNTED, random=True)
def rate_is_p(subject: Subject) -> Finding:
    """A unit is dropped with probability p.

    Proves: at six p or seven, by Hoeffding's bound, which holds for any number of draws, that the
    rate is within the stated interval; p rounded to 8 bits is outside.
    Misses: a rate that is off by less, such as p rounded to 16 bits.
    """
    ps = np.unique([subject.p, *PROBABILITIES])
    counts = np.array([_dropped(subject, p, 2) for p in ps])
    rounded = np.where(ps * 256 % 1 == 0.5, np.floor(ps * 256), np.round(ps * 256)) / 256
    report = rate_test(counts, 2 * DRAWS, ps, wrong=rounded, false_alarm=subject.alarm)
    if report:
        worst = np.max(np.abs(counts / (2 * DRAWS) - ps))
        seen = f"at {len(ps)} p, rates of {2 * DRAWS:.2g} draws within {worst:.1e}"
        return holds(seen, subject.alarm, report.power)
    bad = int(np.argmax(np.abs(counts / (2 * DRAWS) - ps) / np.sqrt(ps * (1 - ps))))
    rate = counts[bad] / (2 * DRAWS)
    seen = f"at p = {ps[bad]:.6g}, {rate:.6g} of {2 * DRAWS:.2g} units were dropped"
    if abs(rate - (1 - ps[bad])) < 0.01:
        seen += "; the number seems to be the probability of keeping"
    return fault(seen, subject.alarm, report.power)


@check("rate", kinds=COUNTED, random=True)
def small_p_is_not_rounded(subject: Subject) -> Finding:
    """Small probabilities of dropping, and of keeping, are not rounded away.

    Proves: at p = 2^-9, 2^-13, 2^-17 and 2^-20, and at 1 - p for the first three, that units are
    dropped (kept) about as often as stated, and not never.
    Misses: rounding of a p that is not small, which another check looks for. What fails at 2^-17
    and 2^-20 alone is a note, no fault.
    """
    cases = [(k, end) for k in (9, 13, 17) for end in ("drop", "keep")] + [(20, "drop")]
    alarm = subject.alarm / len(cases)
    failed, power = [], 1.0
    for k, end in cases:
        times = -(-EXPECTED * 2**k // DRAWS)
        p = 2.0**-k if end == "drop" else 1 - 2.0**-k
        count = _dropped(subject, p, times)
        count = count if end == "drop" else times * DRAWS - count
        report = rate_test(count, times * DRAWS, 2.0**-k, wrong=0.0, false_alarm=alarm)
        power = min(power, report.power or 0.0)
        if not report:
            expected = times * DRAWS * 2.0**-k
            word = "dropped" if end == "drop" else "kept"
            failed.append((k, f"{count} {word} instead of about {expected:.0f} at 2^-{k}"))
    seen = "; ".join(text for _, text in failed)
    if not failed:
        return holds("as stated down to p = 2^-20 and 1 - p = 2^-17", subject.alarm, power)
    judge = fault if min(k for k, _ in failed) < 17 else note
    return judge(seen, subject.alarm, power)


@check("rate", kinds=COUNTED, random=True)
def rate_has_more_than_16_bits(subject: Subject) -> Finding:
    """Two p between neighbouring steps of 1/65536 have rates of their own.

    Proves: from one seed, the masks of p = 0.3 and of a p that is larger by 0.35/65536 differ in
    about as many units as stated, and not in none, as when p is rounded to 16 bits.
    Misses: rounding to 17 bits or more, such as to the 23 or 24 bits of uniform numbers in
    float32. Where, from one seed, the larger of two p does not drop all that the smaller does, it
    is not run: only counts of 2e11 draws could tell.
    """
    lower, step, masks = 19660.1 / 65536, 0.35 / 65536, []
    for p in (lower, lower + step):
        layer = subject.layer(p)
        subject.adapter.seed(layer, subject.seed)
        masks.append(subject.draw(ROWS, COLUMNS, p, layer=layer))
    if (masks[0] & ~masks[1]).any():
        return Finding(
            status="not run",
            seen="from one seed, the larger of two p does not drop all that the smaller does",
        )
    gained = int((masks[1] & ~masks[0]).sum())
    report = rate_test(gained, DRAWS, step, wrong=0.0, false_alarm=subject.alarm)
    seen = (
        f"{gained} of {DRAWS:.2g} units are dropped at the larger of two p alone, "
        f"{DRAWS * step:.0f} expected"
    )
    judge = holds if report else fault
    return judge(seen, subject.alarm, report.power)


@check("rate", kinds=COUNTED, random=True)
def rate_in_half_precision(subject: Subject) -> Finding:
    """In float16 and bfloat16 a unit is dropped with probability p, too.

    Proves: at p = 0.3 and at 10.5/1024, which both types have exactly, as for float32; uniform
    numbers of 10 bits or fewer are outside.
    Misses: uniform numbers of more bits.
    """
    dtypes = subject.halves()
    if not dtypes:
        return Finding(status="not run", seen="no half precision is taken")
    alarm = subject.alarm / len(dtypes)
    ps, failed, power = np.array([0.3, HALF_STEP]), [], 1.0
    for dtype in dtypes:
        counts = np.array([_dropped(subject, p, 2, dtype) for p in ps])
        wrong = np.floor(ps * 1024) / 1024
        report = rate_test(counts, 2 * DRAWS, ps, wrong=wrong, false_alarm=alarm)
        power = min(power, report.power or 0.0)
        rates = counts / (2 * DRAWS)
        if not report:
            bad = int(np.argmax(np.abs(rates - ps) / np.sqrt(ps * (1 - ps))))
            failed.append(f"in {dtype} at p = {ps[bad]:.6g}, {rates[bad]:.6g} were dropped")
    if failed:
        return fault("; ".join(failed), subject.alarm, power)
    return holds(f"as stated in {' and '.join(dtypes)}", subject.alarm, power)
