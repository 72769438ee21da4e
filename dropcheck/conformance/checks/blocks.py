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


def _maps(subject: Subject, rows: int, columns: int, side: int) -> np.ndarray:
    """Which entries of square maps were dropped, of shape (rows, columns, side, side)."""
    last = subject.adapter.channels_last
    shape = (rows, side, side, columns) if last else (rows, columns, side, side)
    gone = subject.train(np.ones(shape, "float32")) == 0
    return np.moveaxis(gone, -1, 1) if last else gone


@check("values", kinds=("block",))
def blocks_are_squares(subject: Subject) -> Finding:
    """What is dropped of a map is made of squares of the stated side.

    Proves: on 400 maps of four and a half blocks a side, that each dropped entry lies in a square
    that is dropped whole; at the border it may be cut. Some entries are dropped and some kept.
    Misses: whether blocks may be cut at the border, and how many there are.
    """
    b = subject.block
    gone = _maps(subject, 8, 50, 4 * b + b // 2)
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
    stated interval; g = p/b^2, which forgets the border, is outside where b is 2 or more.
    Misses: other places of the map. A layer may state another rate of starts; it is a fault here.
    """
    b, p, maps = subject.block, subject.p, 512
    centre = int(_maps(subject, maps, maps, 2 * b - 1)[..., b - 1, b - 1].sum())
    start = p / b**2 * (2 * b - 1) ** 2 / b**2
    stated, wrong = (1 - (1 - g) ** (b * b) for g in (start, p / b**2))
    report = rate_test(centre, maps**2, stated, wrong=wrong, false_alarm=subject.alarm)
    rate = centre / maps**2
    seen = f"the centre of a map of side {2 * b - 1} is dropped at the rate {rate:.4g}"
    judge = holds if report else fault
    return judge(f"{seen}, stated {stated:.4g}", subject.alarm, report.power)
