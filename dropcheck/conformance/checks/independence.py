"""Whether units, rows, channels and calls are independent of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dropcheck.montecarlo import rate_test

from ..registry import KINDS, Finding, check, fault, holds

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []

# No side is a power of two or a multiple of one, so that a row is no period of a generator.
ROWS, COLUMNS = 1031, 4057
NEAR = (*range(1, 9), 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257)
FAR = (511, 512, 513, 624, 1023, 1024, 2048, COLUMNS, 4096, 8192, 1 << 14, 1 << 16, 1 << 18)
LAGS = (*NEAR, *FAR, 1 << 20)
# The wrong form that the power is stated for: a probability of both that is higher by this.
EXCESS = 0.01


def _chance(subject: Subject) -> float:
    """Probability of what `Subject.dropped` looks for; a Gaussian factor is below 1 as above."""
    return 0.5 if subject.kind == "gaussian" else subject.p


def _pairs(flat: np.ndarray, lag: int, start: int) -> tuple[int, int]:
    """How many of the disjoint pairs at distance `lag` are both dropped, and how many there are."""
    blocks = (len(flat) - start) // (2 * lag)
    pairs = flat[start : start + 2 * lag * blocks].reshape(blocks, 2, lag)
    return int((pairs[:, 0] & pairs[:, 1]).sum()), blocks * lag


@check("independence", random=True)
def units_are_independent(subject: Subject) -> Finding:
    """Units at a distance, in a row or over rows, are dropped independently in pairs.

    Proves: at distances from 1 to 2^20 in the order of memory, one of them a whole row, that both
    of a pair are dropped with probability p^2, within the stated interval.
    Misses: other distances, and what shows only in three units or more.
    """
    p = _chance(subject)
    flat = np.ascontiguousarray(subject.draw(ROWS, COLUMNS, subject.p)).ravel()
    cases = [(lag, start) for lag in LAGS for start in (0, lag)]
    alarm = subject.alarm / len(cases)
    power = 1.0
    for lag, start in cases:
        both, n = _pairs(flat, lag, start)
        report = rate_test(both, n, p * p, wrong=p * p + EXCESS, false_alarm=alarm)
        power = min(power, report.power or 0.0)
        if not report:
            seen = f"of pairs at distance {lag}, {both / n:.4g} are dropped both, not {p * p:.4g}"
            return fault(seen, subject.alarm)
    seen = f"pairs at {len(LAGS)} distances up to 2^20 are dropped both at the rate p^2"
    return holds(seen, subject.alarm, power)


@check("independence", random=True)
def calls_are_independent(subject: Subject) -> Finding:
    """Each call draws a new mask, independent of the one before.

    Proves: at the same place, two successive calls of one layer drop with probability p^2 both,
    within the stated interval.
    Misses: what returns after two calls or more.
    """
    p = _chance(subject)
    layer = subject.layer(subject.p)
    first, second = (subject.draw(ROWS, COLUMNS, subject.p, layer=layer) for _ in range(2))
    both, n = int((first & second).sum()), first.size
    report = rate_test(both, n, p * p, wrong=p * p + EXCESS, false_alarm=subject.alarm)
    seen = f"{both / n:.5g} of units are dropped in both of two calls, p^2 is {p * p:.5g}"
    if report:
        return holds(seen, subject.alarm, report.power)
    same = "; the two masks are equal" if (first == second).all() else ""
    return fault(seen + same, subject.alarm, report.power)


@check("independence")
def rows_and_columns_are_independent(subject: Subject) -> Finding:
    """No two rows of a call, and no two columns, have one mask or opposite masks, even in part.

    Proves: at p = 1/2, that of 512 rows of 512 units, and of their columns, no two agree in more
    than 70% or fewer than 30% of the units, as where a mask is repeated or turned around for
    another part of the batch.
    Misses: agreement by less, which the pairs at a distance may show. Independent units agree so
    with probability 8.4e-13, by Hoeffding's bound for 261632 pairs.
    """
    signs = np.where(subject.draw(512, 512, 0.5), np.float32(1), np.float32(-1))
    for name, lines in (("rows", signs), ("columns", signs.T)):
        alike = lines @ lines.T / 512
        np.fill_diagonal(alike, 0)
        worst = float(alike.flat[np.argmax(np.abs(alike))])
        if abs(worst) > 0.4:
            count = int((np.abs(alike) > 0.4).any(axis=1).sum())
            seen = f"{count} of 512 {name} have a partner; two agree in {(1 + worst) / 2:.0%}"
            return fault(f"{seen} of their units", 8.4e-13)
    return holds("of 512 rows and 512 columns no two agree in over 70% or under 30%", 8.4e-13)


@check("independence")
def counts_vary(subject: Subject) -> Finding:
    """How many units are dropped varies over calls, over rows and over columns.

    Proves: at p = 1/2, that 16 calls, the 64 rows of one call and its 50 columns do not all drop
    one number of units, as where so many of them are picked by shuffling.
    Misses: numbers that vary, and by less than they should. Independent units drop one number in
    all calls, rows or columns with probability 1.8e-28.
    """
    layer = subject.layer(0.5)
    masks = np.array([subject.draw(64, 50, 0.5, layer=layer) for _ in range(16)])
    for name, counts in (
        ("calls", masks.sum(axis=(1, 2))),
        ("rows of one call", masks[0].sum(axis=1)),
        ("columns of one call", masks[0].sum(axis=0)),
    ):
        if (counts == counts[0]).all():
            each = masks.size // len(masks) if name == "calls" else masks[0].size // len(counts)
            return fault(f"all {len(counts)} {name} drop {counts[0]} of {each} units", 1.8e-28)
    return holds("16 calls, 64 rows and 50 columns do not all drop one number of units", 1.8e-28)


@check("independence", kinds=tuple(kind for kind in KINDS if kind != "block"))
def no_mask_twice(subject: Subject) -> Finding:
    """Of 131072 masks of 64 units, no two are equal.

    Proves: that masks are not picked at random from 2^30 or fewer, which would show with
    probability 0.9996, at p = 1/2.
    Misses: a larger choice, and a generator that passes all its states before it repeats one.
    Masks that are independent hold a pair of equals with probability 4.7e-10.
    """
    masks = np.packbits(subject.draw(1 << 17, 64, 0.5), axis=1)
    again = len(masks) - len(np.unique(np.ascontiguousarray(masks).view(np.uint64)))
    if again:
        return fault(f"{again} of {len(masks)} masks of 64 units are repeated", 4.7e-10)
    return holds(f"{len(masks)} masks, all different", 4.7e-10)
