"""Empty and tiny inputs, and inputs that must not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..adapters import NotOffered
from ..registry import ZERO, Finding, check, fault, holds, note
from ..subject import Raised
from .values import not_dropout

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


@check("shapes")
def empty_and_single(subject: Subject) -> Finding:
    """An empty input gives an empty output, and one unit is kept or dropped.

    Proves: for no rows, and for one row of one unit, which is 0 or scaled as stated, and finite
    where dropout is alpha or Gaussian.
    Misses: inputs larger than the memory of a test. An error is a note, no fault.
    """
    for rows in (0, 1):
        x = np.ones(subject.shape(rows, 1), "float32")
        try:
            y = subject.train(x)
        except Raised as error:
            return note(f"shape {x.shape} raises {error}")
        if y.shape != x.shape:
            return fault(f"shape {x.shape} became {y.shape}")
        stray = not_dropout(subject, y, x, subject.p) if subject.kind in ZERO else ""
        if stray or not np.isfinite(y).all():
            return fault(stray or f"one unit became {y.flat[0]:g}")
    return holds("no rows, and one row of one unit")


@check("shapes")
def input_is_unchanged(subject: Subject) -> Finding:
    """Without being asked for it, a call does not write into its input.

    Proves: in training and in evaluation, for one input.
    Misses: frameworks whose arrays cannot be written to, where this cannot fail.
    """
    for training in (True, False):
        before = subject.input(64, 50)
        x = subject.adapter.array(before.copy(), "float32")
        layer = subject.layer(subject.p)
        try:
            subject.adapter.call(layer, x, training)
        except NotOffered:
            continue
        except Exception as error:
            raise Raised from error
        if not np.array_equal(subject.adapter.numpy(x), before):
            return fault(f"the input was overwritten, training = {training}")
    return holds("the input is as it was")


@check("shapes")
def in_place_when_asked(subject: Subject) -> Finding:
    """With ``inplace=True``, the output is written into the input.

    Proves: for one input in training, that the two hold the same values afterwards.
    Misses: how much memory is used on the way.
    """
    y, x = map(subject.adapter.numpy, subject.adapter.in_place(subject.p, subject.input(64, 50)))
    if np.array_equal(y, x):
        return holds("input and output are the same")
    return fault("inplace=True is accepted and has no effect: the input is as it was")
