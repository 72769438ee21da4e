"""Which values come out, and what is dropped together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import Finding, check, fault, holds

if TYPE_CHECKING:
    from ..subject import Subject

__all__ = ["ZERO", "not_dropout", "tolerance"]

ZERO = ("element", "channel", "path")


def tolerance(p: float, dtype: str = "float32") -> float:
    """Relative error of ``x / q`` that a few roundings, also of p itself, can explain."""
    eps = 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)
    return 4 * eps * (1 + p / (1 - p))


def not_dropout(y: np.ndarray, x: np.ndarray, p: float, dtype: str = "float32") -> str:
    """Say which entry is neither 0 nor x / q, or nothing."""
    wanted = x.astype(float) / (1 - p)
    right = (y == 0) | (np.abs(y - wanted) <= tolerance(p, dtype) * np.abs(wanted))
    if right.all():
        return ""
    first = int(np.argmin(right))
    ratio = float(y.flat[first]) / float(x.flat[first])
    count = int((~right).sum())
    return (
        f"at p = {p:.3g}, {count} of {y.size} entries are neither 0 nor x / (1 - p): the factor "
        f"of one is {ratio:.6g}, not {1 / (1 - p):.6g}"
    )


@check("values", kinds=ZERO)
def zero_or_scaled(subject: Subject) -> Finding:
    """Every output is 0 or x / (1 - p).

    Proves: on one input of 3200 units or more in float32, at four p, up to a few roundings.
    Misses: how often either comes. With p = 1/2 alone, 1/p would pass as well.
    """
    for p in (subject.p, 0.1, 0.5, 0.9):
        x = subject.input(64, 50)
        y = subject.train(x, p)
        if y.shape != x.shape:
            return fault(f"the output has shape {y.shape} for an input of shape {x.shape}")
        found = not_dropout(y, x, p)
        if found:
            return fault(found)
        if not (y == 0).any() or not (y != 0).any():  # 0.9 ** 3200 is 1e-147
            return fault(f"at p = {p:g}, all of {y.size} entries are dropped, or all kept")
    return holds("0 or x / (1 - p) at p = 0.1, 0.5, 0.9 and the stated one")


@check("values", kinds=("channel", "path"))
def dropped_together(subject: Subject) -> Finding:
    """A channel, or the row of a path, is dropped as a whole, and each by itself.

    Proves: on one input, that no unit is part kept, and that over the rows of each channel, and
    over the channels of each row, both occur.
    Misses: dependence between channels or rows, which other checks look for.
    """
    x = np.ones(subject.shape(64, 50), "float32")
    gone = subject.train(x, 0.5) == 0
    if subject.kind == "path":
        parts = gone.reshape(len(gone), -1)
        units = parts[:, :1]
    else:
        parts = gone if not subject.adapter.channels_last else np.moveaxis(gone, -1, 1)
        parts = parts.reshape(64, 50, -1)
        units = parts[..., 0]
    torn = int((parts != parts[..., :1]).any(axis=-1).sum())
    if torn:
        return fault(f"{torn} of {units.size} {subject.kind}s are dropped in part")
    if units.all(axis=0).any() or (~units).all(axis=0).any():
        # 50 columns of 64 units: 100 / 2^64 for a right layer.
        return fault("all rows are dropped or kept alike", 1e-17)
    if subject.kind == "channel" and (units.all(axis=1).any() or (~units).all(axis=1).any()):
        # 64 rows of 50 units: 128 / 2^50 for a right layer.
        return fault("all channels of a row are dropped or kept alike", 1.2e-13)
    return holds(f"{units.size} {subject.kind}s dropped or kept as a whole", 1.2e-13)


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
        found = not_dropout(y, view, p)
        if found:
            return fault(found)
        if not (y == 0).any() or not (y != 0).any():
            return fault(f"all of {y.size} entries are dropped, or all kept")
    return holds("a transposed and a sliced view give 0 or x / (1 - p)")
