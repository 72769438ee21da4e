"""Switching between training and evaluation, and storing a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters import NotOffered
from ..registry import ZERO, Finding, check, fault, holds, note
from ..subject import affine
from .values import not_dropout

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


@check("modes")
def training_returns_after_evaluation(subject: Subject) -> Finding:
    """A layer that was evaluated drops again in training, and evaluation returns the input again.

    Proves: for one layer, over training, evaluation, training, evaluation.
    Misses: modes that are set on a model around the layer.
    """
    layer, x = subject.layer(subject.p), subject.input(64, 50)
    for training in (True, False, True, False):
        y = subject.adapter.numpy(subject.run(layer, x, training=training))
        if training == bool((y == x).all()):
            word = "training changed nothing" if training else "evaluation changed the input"
            return fault(word)
    return holds("both modes work after each other")


def _amiss(subject: Subject, layer: Any, p: float) -> str:
    """What speaks against a layer's dropping with probability p, 0.5 to 0.9, or nothing.

    A right layer is told of with probability at most 1e-20: 0.01 is ten standard deviations.
    """
    x = np.ones(subject.shape(512, 512), "float32")
    y = subject.adapter.numpy(subject.run(layer, x))
    if subject.kind == "gaussian":
        normal = 0.5 * math.erfc(math.sqrt((1 - p) / p / 2))
        found, wanted, word = y < 0, normal, "turns the sign of"
    else:
        found, wanted, word = subject.dropped(y, p), p, "drops"
    rate = float(subject.units(found, 512, 512).mean())
    if abs(rate - wanted) > 0.01:
        return f"{word} {rate:.3g}, not {wanted:.3g}"
    if subject.kind in ZERO:
        return not_dropout(subject, y, x, p)
    if subject.kind == "alpha":
        a, b, d = affine(p)
        stray = ~(np.isclose(y, a + b, 1e-4, 1e-4) | np.isclose(y, d, 1e-4, 1e-4))
        if stray.any():
            return f"makes {y[stray].flat[0]:.4g} of 1, not {a + b:.4g} or {d:.4g}"
    return ""


@check("modes")
def a_copy_is_a_dropout(subject: Subject) -> Finding:
    """A layer that was stored and loaded drops as before, and not in evaluation.

    Proves: for a copy made the framework's way, or pickled, that it drops a share of 0.9 up to
    0.01 where p is 0.9, with what is kept scaled for it, and that as many Gaussian factors are
    negative as the variance 9 asks for.
    Misses: formats of models other than that. A layer that cannot be stored is a note.
    """
    layer = subject.layer(0.9)
    try:
        again = subject.adapter.copy(layer)
    except NotOffered:
        raise
    except Exception as error:
        return note(f"cannot be stored: {type(error).__name__}: {str(error)[:100]}")
    told = _amiss(subject, again, 0.9)
    if told:
        return fault(f"a copy of a layer of p = 0.9: {told}", 1e-20)
    x = np.ones(subject.shape(512, 512), "float32")
    y = subject.adapter.numpy(subject.run(again, x, training=False))
    if not np.array_equal(y, x):
        return fault("a copy changes its input in evaluation")
    return holds("p and both modes survive")


@check("modes")
def a_changed_p_is_used_as_a_whole(subject: Subject) -> Finding:
    """A layer whose p was changed, as a schedule does, is one of the new p, or of the old one.

    Proves: after a pass with p = 0.9 the attribute is set to 0.5, and the rate of dropping and the
    factor of what is kept are both those of 0.5, the rate up to 0.01.
    Misses: other ways to change p. That all stays as for 0.9 is a note, no fault.
    """
    layer = subject.layer(0.9)
    subject.run(layer, subject.input(64, 50))
    subject.adapter.change(layer, 0.5)
    told = _amiss(subject, layer, 0.5)
    if not told:
        return holds("rate and factor follow p from 0.9 to 0.5", 1e-20)
    if not _amiss(subject, layer, 0.9):
        return note("the attribute takes another p, and the layer goes on with the old one")
    return fault(f"after p was changed from 0.9 to 0.5: {told}", 1e-20)
