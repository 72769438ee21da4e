"""Blocks: that they are squares, and how many start where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dropcheck.montecarlo import rate_test

from ..registry import Finding, check, fault, holds

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []

MAPS = 384  # samples, and channels


def _maps(subject: Subject, p: float, rows: int, columns: int, side: int) -> np.ndarray:
    """Which entries of square maps were dropped, of shape (rows, columns, side, side)."""
    last = subject.adapter.channels_last
    shape = (rows, side, side, columns) if last else (rows, columns, side, side)
    gone = subject.train(np.ones(shape, "float32"), p) == 0
    return np.moveaxis(gone, -1, 1) if last else gone


@check("values", kinds=("block",))
def blocks_are_squares(subject: Subject) -> Finding:
    """What is dropped of a map is made of squares of the stated side.

    Proves: on 400 maps of four and a half blocks a side, that each dropped entry lies in a square
    that is dropped whole; at the border it may be cut. Some entries are dropped and some kept.
    Misses: whether blocks may be cut at the border, and how many there are.
    """
    b = subject.block
    gone = _maps(subject, subject.p, 8, 50, 4 * b + b // 2)
    around = np.pad(gone, [(0, 0)] * 2 + [(b - 1, b - 1)] * 2, constant_values=True)
    starts = sliding_window_view(around, (b, b), axis=(2, 3)).all(axis=(4, 5))
    covered = sliding_window_view(starts, (b, b), axis=(2, 3)).any(axis=(4, 5))
    stray = int((gone & ~covered).sum())
    if stray:
        return fault(f"{stray} of {int(gone.sum())} dropped entries lie in no {b} x {b} square")
    if gone.all() or not gone.any():
        return fault(f"all of {gone.size} entries are dropped, or all kept", 1e-17)
    return holds(f"{int(gone.sum())} dropped entries all lie in squares of side {b}", 1e-17)


@check("rate", kinds=("block",), random=True)
def block_rate(subject: Subject) -> Finding:
    """Blocks start at the rate of Ghiasi et al. (2018), with what the border takes put right.

    Proves: on maps of 2 b - 1 a side, whose centre all b^2 places of a block cover, that the
    centre is dropped with probability 1 - (1 - g)^(b^2), g = p/b^2 (2 b - 1)^2/b^2, within the
    stated interval, at p, 0.1 and 0.6; g = p/b^2, which forgets the border, is outside where b is
    2 or more.
    Misses: other places of the map, and p rounded to 8 bits. A layer may state another rate of
    starts; it is a fault here.
    """
    b, ps = subject.block, np.array([subject.p, 0.1, 0.6])
    side, n = 2 * b - 1, MAPS**2
    counts = [int(_maps(subject, p, MAPS, MAPS, side)[..., b - 1, b - 1].sum()) for p in ps]
    stated, wrong = (1 - (1 - g) ** (b * b) for g in (ps / b**2 * side**2 / b**2, ps / b**2))
    report = rate_test(counts, n, stated, wrong=wrong, false_alarm=subject.alarm)
    pairs = ", ".join(
        f"{count / n:.4g} (stated {rate:.4g})" for count, rate in zip(counts, stated, strict=True)
    )
    judge = holds if report else fault
    seen = f"at three p the centre of maps of side {side} is dropped at the rates {pairs}"
    return judge(seen, subject.alarm, report.power)
