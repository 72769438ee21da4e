"""Probabilities that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import Finding, check, fault, holds
from ..subject import Raised

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


@check("arguments")
def no_probability_is_refused(subject: Subject) -> Finding:
    """A number that is no probability is refused, when the layer is built or used.

    Proves: for -0.1, 1.1 and NaN, that an error is raised before there is an output.
    Misses: numbers of other types, and whether the error comes early.
    """
    taken = []
    for p in (-0.1, 1.1, float("nan")):
        x = np.ones(subject.shape(64, 50), "float32")
        try:
            y = subject.train(x, p)
        except Raised:
            continue
        left = (
            f"{float((y == 0).mean()):.2g} of outputs 0" if np.isfinite(y).all() else "NaN or inf"
        )
        taken.append(f"p = {p:g} ({left})")
    if taken:
        return fault(f"no error for {', '.join(taken)}")
    return holds("-0.1, 1.1 and NaN raise an error")
