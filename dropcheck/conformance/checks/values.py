"""Which values come out, and what is dropped together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import ZERO, Finding, check, fault, holds

if TYPE_CHECKING:
    from ..subject import Subject

__all__ = ["not_dropout", "tolerance"]


def tolerance(p: float, dtype: str = "float32") -> float:
    """Relative error of ``x / q`` that a few roundings, also of p itself, can explain."""
    eps = 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)
    return 4 * eps * (1 + p / (1 - p))


def not_dropout(subject: Subject, y: np.ndarray, x: np.ndarray, p: float) -> str:
    """Say which entry of an output in float32 is neither 0 nor scaled as it should, or nothing."""
    factor = subject.factor(y, p)
    wanted = x.astype(float) * factor
    right = (y == 0) | (np.abs(y - wanted) <= tolerance(p) * np.abs(wanted))
    if right.all():
        return ""
    first = int(np.argmin(right))
    ratio = float(y.flat[first]) / float(x.flat[first])
    count = int((~right).sum())
    return (
        f"at p = {p:.3g}, {count} of {y.size} entries are neither 0 nor scaled as they should: "
        f"the factor of one is {ratio:.6g}, not {factor:.6g}"
    )


@check("values", kinds=ZERO)
def zero_or_scaled(subject: Subject) -> Finding:
    """Every output is 0 or the input over 1 - p; for blocks, 0 or the input over the share kept.

    Proves: on one input of 3200 units or more in float32, at four p, up to a few roundings.
    Misses: how often either comes. With p = 1/2 alone, 1/p would pass as well.
    """
    for p in (subject.p, 0.1, 0.5, 0.9):
        x = subject.input(64, 50)
        y = subject.train(x, p)
        if y.shape != x.shape:
            return fault(f"the output has shape {y.shape} for an input of shape {x.shape}")
        found = not_dropout(subject, y, x, p)
        if found:
            return fault(found)
        if not (y == 0).any() or not (y != 0).any():  # 0.9 ** 3200 is 1e-147
            return fault(f"at p = {p:g}, all of {y.size} entries are dropped, or all kept")
    return holds("0 or scaled as stated, at p = 0.1, 0.5, 0.9 and the stated one")


@check("values", kinds=("channel", "path", "connect", "block", "attention"))
def dropped_together(subject: Subject) -> Finding:
    """A channel, path, weight, block or attention to one key is dropped whole, and by itself.

    Proves: on one input, that no unit is part kept, and that of 64 rows times 50 columns of units
    none is dropped or kept as a whole, and no two rows or columns have one mask, as they would if
    inputs, outputs, samples or heads shared it.
    Misses: other dependence, which other checks look for. Rows of paths have no columns.
    """
    x = np.ones(subject.shape(64, 50), "float32")
    gone = subject.train(x, 0.5) == 0
    if subject.kind == "path":
        parts = gone.reshape(len(gone), -1)
        units = parts[:, :1]
    else:
        last = subject.adapter.channels_last and gone.ndim > 2
        parts = (np.moveaxis(gone, -1, 1) if last else gone).reshape(64, 50, -1)
        units = parts[..., 0]
    torn = int((parts != parts[..., :1]).any(axis=-1).sum())
    if torn:
        return fault(f"{torn} of {units.size} units are dropped in part")
    if units.all() or not units.any():
        return fault("all units are dropped or kept alike", 1e-17)
    if subject.kind != "path":
        # 2016 pairs of rows of 50 units and 64 rows alone: 1.9e-12, and less for the columns.
        for name, lines in (("rows", units), ("columns", units.T)):
            stuck = int((lines.all(axis=1) | ~lines.any(axis=1)).sum())
            if stuck:
                return fault(
                    f"{stuck} of {len(lines)} {name} are dropped or kept as a whole", 2e-12
                )
            again = len(lines) - len(np.unique(lines, axis=0))
            if again:
                return fault(f"{again} of {len(lines)} {name} repeat the mask of another", 2e-12)
    return holds(f"{units.size} units dropped or kept as a whole, each by itself", 2e-12)


@check("values", kinds=ZERO)
def any_order_in_memory(subject: Subject) -> Finding:
    """An input that is transposed in memory is treated as any other.

    Proves: each output is 0 or its own input scaled, for a transposed view and for every other
    row; and that some are dropped and some kept.
    Misses: frameworks whose arrays have no strides copy the input first, and pass for nothing.
    """
    p = subject.p
    x = subject.input(64, 50)
    turned = np.ascontiguousarray(x.T).T
    for view in (turned, x[::2]):
        y = subject.train(view, p)
        found = not_dropout(subject, y, view, p)
        if found:
            return fault(found)
        if not (y == 0).any() or not (y != 0).any():
            return fault(f"all of {y.size} entries are dropped, or all kept")
    return holds("a transposed and a sliced view give 0, or what is kept scaled as stated")
