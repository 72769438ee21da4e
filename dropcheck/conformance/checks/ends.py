"""What happens at the ends: p = 0, p = 1, next to them, and in evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import BINARY, ZERO, Finding, check, fault, holds, note
from ..subject import Raised

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []

NEAR = 1e-12


def _identity(y: np.ndarray, x: np.ndarray) -> Finding:
    """Hold an output against its input, bit by bit."""
    if y.shape != x.shape:
        return fault(f"the output has shape {y.shape} for an input of shape {x.shape}")
    changed = int((y != x).sum())
    if changed:
        worst = int(np.argmax(np.abs(y - x)))
        digits = 6 if f"{x.flat[worst]:.6g}" != f"{y.flat[worst]:.6g}" else 9
        pair = f"{x.flat[worst]:.{digits}g} became {y.flat[worst]:.{digits}g}"
        return fault(f"{changed} of {x.size} entries changed: {pair}")
    return holds(f"{x.size} entries returned as they were")


@check("ends")
def nothing_at_zero(subject: Subject) -> Finding:
    """With p = 0, training returns the input.

    Proves: equality bit by bit, on one input in float32.
    Misses: whether a copy is returned, and whether numbers are drawn in vain.
    """
    x = subject.input(64, 50)
    return _identity(subject.train(x, 0.0), x)


@check("ends")
def nothing_in_evaluation(subject: Subject) -> Finding:
    """In evaluation, the input is returned.

    Proves: equality bit by bit, on one input in float32, at p and at 0.9.
    Misses: layers that scale in evaluation instead, as in 2014: they are reported as a fault here.
    """
    x = subject.input(64, 50)
    for p in (0.9, subject.p):
        found = _identity(
            subject.adapter.numpy(subject.run(subject.layer(p), x, training=False)), x
        )
        if found.status == "fault":
            return fault(f"at p = {p:g}, {found.seen}")
    return found


@check("ends")
def nothing_left_at_one(subject: Subject) -> Finding:
    """With p = 1, every entry is dropped, and none is infinite or NaN.

    Proves: on one finite input in float32, the output is 0, or one number for alpha dropout.
    Misses: inputs that are not finite. A layer may refuse p = 1.
    """
    x = subject.input(64, 50)
    try:
        layer = subject.layer(1.0)
    except Raised as error:
        return note(f"refuses p = 1 when it is built: {error}")
    try:
        y = subject.adapter.numpy(subject.run(layer, x))
    except Raised as error:
        judge = note if error.refuses else fault
        return judge(f"takes p = 1 when it is built, and raises in training: {error}")
    if not np.isfinite(y).all():
        return fault(f"{int((~np.isfinite(y)).sum())} of {y.size} entries are infinite or NaN")
    if subject.kind == "alpha":
        same = bool((y == y.flat[0]).all())
        return holds(f"all are {y.flat[0] + 0.0:g}") if same else fault("entries survive p = 1")
    left = int((y != 0).sum())
    return fault(f"{left} of {y.size} entries are not 0") if left else holds("all are 0")


@check("ends")
def gradient_at_one(subject: Subject) -> Finding:
    """With p = 1, the gradient is 0 and not NaN.

    Proves: on one input in float32, for one gradient of the output.
    Misses: second derivatives. Where p = 1 is refused there is nothing to show.
    """
    try:
        layer = subject.layer(1.0)
        x = subject.input(64, 50)
        _, dx = subject.gradient(layer, x, subject.rng.uniform(0.5, 1, x.shape))
    except Raised as error:
        return note(f"no gradient at p = 1: {error}")
    bad = int((~np.isfinite(dx)).sum())
    if bad:
        return fault(f"{bad} of {dx.size} entries of the gradient are infinite or NaN")
    left = int((dx != 0).sum())
    return fault(f"{left} of {dx.size} gradients are not 0") if left else holds("all are 0")


@check("ends", kinds=BINARY)
def next_to_zero(subject: Subject) -> Finding:
    """With p = 1e-12, nothing is dropped in 1000 draws.

    Proves: that p is not wrapped around by a threshold in small integers.
    Misses: anything rarer than one in a thousand; a right layer drops one with probability 1e-9.
    """
    x = subject.input(20, 50)
    y = subject.train(x, NEAR)
    if np.allclose(y, x, rtol=1e-5, atol=1e-5):
        return holds("1000 units kept", 1e-9)
    return fault(f"{int((~np.isclose(y, x, 1e-5, 1e-5)).sum())} of {x.size} entries changed", 1e-9)


@check("ends")
def next_to_one(subject: Subject) -> Finding:
    """With p = 1 - 1e-12, nothing is infinite or NaN, and nothing is kept in 1000 draws.

    Proves: that 1 - p, where it rounds to 0, is not divided by.
    Misses: anything rarer than one in a thousand; a right layer keeps one with probability 1e-9.
    Gaussian noise keeps and drops nothing, and has to be finite only.
    """
    x = subject.input(20, 50)
    try:
        y = subject.train(x, 1 - NEAR)
    except Raised as error:
        return note(f"refuses p = 1 - 1e-12: {error}")
    bad = int((~np.isfinite(y)).sum())
    if bad:
        return fault(f"{bad} of {y.size} entries are infinite or NaN", 1e-9)
    if subject.kind in ZERO and (y != 0).any():
        return fault(f"{int((y != 0).sum())} of {y.size} entries are kept", 1e-9)
    if subject.kind == "alpha" and (y != y.flat[0]).any():  # all that is dropped is one number
        return fault(f"{int((y != y.flat[0]).sum())} of {y.size} entries differ", 1e-9)
    return holds("finite" if subject.kind == "gaussian" else "1000 units dropped", 1e-9)
