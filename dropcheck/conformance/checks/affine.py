"""Alpha dropout: the value of what is dropped, and the affine map that keeps mean and variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..registry import Finding, check, fault, holds
from ..subject import affine

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


@check("values", kinds=("alpha",))
def mean_and_variance(subject: Subject) -> Finding:
    """What is kept becomes a x + b and what is dropped a constant, so that N(0, 1) keeps both.

    Proves: slope, shift and constant, read off three inputs at four p, give q b + p d = 0 and
    q (a^2 + b^2) + p d^2 = 1 up to rounding, for the constant of SELU.
    Misses: the rate p itself, which another check tests.
    """
    for p in (subject.p, 0.1, 0.5, 0.9):
        a, b, d = affine(p)
        for x in (-1.0, 0.25, 2.0):
            y = subject.train(np.full((64, 50), x, "float32"), p).astype(float)
            kept = np.isclose(y, a * x + b, rtol=1e-4, atol=1e-4)
            right = kept | np.isclose(y, d, rtol=1e-4, atol=1e-4)
            if not right.all() or kept.all() or not kept.any():
                found = ", ".join(f"{value:.4g}" for value in np.unique(y.round(4))[:4])
                return fault(
                    f"at p = {p:g}, x = {x:g} became {found}; mean 0 and variance 1 "
                    f"ask for {a * x + b:.4g} (kept) and {d:.4g} (dropped)"
                )
    return holds("a x + b and a constant that keep mean 0 and variance 1, at four p")
