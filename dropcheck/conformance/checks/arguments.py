"""Probabilities that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import Finding, check, fault, holds, note
from ..subject import Raised

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


@check("arguments")
def no_probability_is_refused(subject: Subject) -> Finding:
    """A number that is no probability is refused, when the layer is built or used.

    Proves: for -0.1, 1.1 and NaN, that an error is raised before there is an output.
    Misses: numbers of other types, and whether the error comes early. NaN alone is a note.
    """
    taken = {}
    for p in (-0.1, 1.1, float("nan")):
        x = np.ones(subject.shape(64, 50), "float32")
        try:
            y = subject.train(x, p)
        except Raised:
            continue
        share = f"{float((y == 0).mean()):.0%} of outputs are 0"
        taken[p] = share if np.isfinite(y).all() else "outputs are NaN or infinite"
    if not taken:
        return holds("-0.1, 1.1 and NaN raise an error")
    seen = ", ".join(f"p = {p:g} ({told})" for p, told in taken.items())
    judge = fault if any(np.isfinite(p) for p in taken) else note
    return judge(f"no error for {seen}")
