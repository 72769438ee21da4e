"""Switching between training and evaluation, and storing a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..adapters import NotOffered
from ..registry import Finding, check, fault, holds, note

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


@check("modes")
def a_copy_is_a_dropout(subject: Subject) -> Finding:
    """A layer that was stored and loaded drops as before, and not in evaluation.

    Proves: for a copy made the framework's way, or pickled, that it drops a share of 0.9 up to
    0.01 where p is 0.9, and that as many Gaussian factors are negative as the variance 9 asks for.
    Misses: formats of models other than that. A layer that cannot be stored is a note.
    """
    layer = subject.layer(0.9)
    try:
        again = subject.adapter.copy(layer)
    except NotOffered:
        raise
    except Exception as error:
        return note(f"cannot be stored: {type(error).__name__}: {str(error)[:100]}")
    x = np.ones(subject.shape(512, 512), "float32")
    y = subject.adapter.numpy(subject.run(again, x))
    if subject.kind == "gaussian":
        found, wanted, word = y < 0, 0.5 * math.erfc(1 / 3 / math.sqrt(2)), "turns the sign of"
    else:
        found, wanted, word = subject.dropped(y, 0.9), 0.9, "drops"
    rate = float(subject.units(found, 512, 512).mean())
    if abs(rate - wanted) > 0.01:  # ten standard deviations and more
        return fault(f"a copy of a layer of p = 0.9 {word} {rate:.3g}, not {wanted:.3g}", 1e-20)
    y = subject.adapter.numpy(subject.run(again, x, training=False))
    if not np.array_equal(y, x):
        return fault("a copy changes its input in evaluation")
    return holds("p and both modes survive")
