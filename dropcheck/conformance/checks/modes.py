"""Switching between training and evaluation, and storing a layer."""

from __future__ import annotations

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

    Proves: for a copy made the framework's way, or pickled, that it keeps its p up to 0.01.
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
    rate = float(subject.units(subject.dropped(y, 0.9), 512, 512).mean())
    wanted = 0.5 if subject.kind == "gaussian" else 0.9
    if abs(rate - wanted) > 0.01:  # twelve standard deviations and more
        return fault(f"a copy of a layer of p = 0.9 drops {rate:.3g}", 1e-20)
    y = subject.adapter.numpy(subject.run(again, x, training=False))
    if not np.array_equal(y, x):
        return fault("a copy changes its input in evaluation")
    return holds("p and both modes survive")
