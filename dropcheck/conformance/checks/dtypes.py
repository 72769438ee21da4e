"""Types of numbers: kept, and without overflow or truncation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import ZERO, Finding, check, fault, holds, note
from ..subject import Raised
from .values import tolerance

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


@check("types")
def type_is_kept(subject: Subject) -> Finding:
    """The output has the type of the input.

    Proves: for each floating type that the adapter offers, in training.
    Misses: the precision in which the values were computed.
    """
    changed, raised = [], []
    x = subject.input(8, 50)
    for dtype in subject.adapter.dtypes:
        try:
            y = subject.run(subject.layer(subject.p), x, dtype=dtype)
        except Raised as error:
            raised.append(f"{dtype} raises {error}")
            continue
        found = subject.adapter.dtype(y)
        if found != dtype:
            changed.append(f"{dtype} becomes {found}")
    if changed or raised:
        return note("; ".join(changed + raised))
    return holds(f"{', '.join(subject.adapter.dtypes)} are kept")


@check("types", kinds=ZERO)
def half_precision_values(subject: Subject) -> Finding:
    """In half precision the outputs are 0 or scaled as stated, also where 1 / (1 - p) overflows.

    Proves: at p and 0.9, up to rounding, on more units than float16 can count; and at
    p = 1 - 2^-17, where 1 / (1 - p) exceeds what float16 holds while x / (1 - p) = 128 does not,
    that nothing becomes infinite or NaN.
    Misses: an infinite output of a unit that is kept at such a p is a note, no fault.
    """
    dtypes = subject.halves()
    if not dtypes:
        return Finding(status="not run", seen="no half precision is taken")
    for dtype in dtypes:
        for p in (subject.p, 0.9):
            x = np.ones(subject.shape(256, 512), "float32")
            y = subject.train(x, p, dtype=dtype).astype(float)
            factor = subject.factor(y, p)
            # So that NaN, of which every comparison is false, is wrong.
            wrong = ~((y == 0) | (np.abs(y / factor - 1) <= tolerance(p, dtype)))
            if wrong.any():
                value = y[wrong].flat[0]
                return fault(f"in {dtype} at p = {p:g}, 1 became {value:.5g}, not {factor:.5g}")
            if not y.any():
                return fault(f"in {dtype} at p = {p:g}, all of {y.size} entries became 0")
        if subject.kind == "block":  # whose factor is no 1 / (1 - p)
            continue
        x = np.full(subject.shape(1024, 1024), 2.0**-10, "float32")
        y = subject.train(x, 1 - 2.0**-17, dtype=dtype)
        if np.isnan(y).any():
            return fault(f"in {dtype} at p = 1 - 2^-17, {int(np.isnan(y).sum())} outputs are NaN")
        if np.isinf(y).any():
            return note(f"in {dtype} at p = 1 - 2^-17, 2^-10 became infinite instead of 128")
    return holds(f"right in {' and '.join(dtypes)}")


@check("types", kinds=ZERO)
def integers_are_not_truncated(subject: Subject) -> Finding:
    """Integers are refused, or give 0 or what is scaled as stated, and no whole number for it.

    Proves: for the input 6 in int32, at p = 0.3.
    Misses: other types of integers.
    """
    x = np.full(subject.shape(16, 50), 6, "int32")
    try:
        layer = subject.layer(0.3)
        y = np.asarray(subject.adapter.numpy(subject.run(layer, x, dtype="int32")))
    except Raised as error:
        return holds(f"refused: {error}")
    values, kept = np.unique(y.astype(float)), 6 * subject.factor(y, 0.3)
    wrong = [value for value in values if not np.isclose(value, kept, 0.01) and value != 0]
    if wrong:
        return fault(f"6 became {wrong[0]:g} without an error, not {kept:.4g}")
    return holds(f"6 became {values.max():.4g} or 0")
