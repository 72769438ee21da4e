"""Whether the backward pass uses the mask of the forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..adapters import NotOffered
from ..registry import Finding, check, fault, holds, note
from ..subject import ALPHA, affine

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


def _slope(subject: Subject, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Derivative of each output with respect to its input, read off the two."""
    if subject.kind == "alpha":
        a, b, _ = affine(subject.p)
        return a * np.isclose(y, a * x + b, rtol=1e-4, atol=1e-4)
    return y / x


def _input(subject: Subject) -> np.ndarray:
    """An input from which alpha dropout's constant can be told."""
    x = subject.input(64, 50)
    return np.where(np.abs(x - ALPHA) < 0.01, np.float32(1.0), x)


def _compare(found: np.ndarray, wanted: np.ndarray, name: str) -> Finding:
    """Hold a derivative against what the output asks for."""
    right = np.isclose(found, wanted, rtol=1e-4, atol=1e-5)
    if right.all():
        return holds(f"{found.size} entries of the {name} follow the mask of the output")
    first = int(np.argmin(right))
    return fault(
        f"{int((~right).sum())} of {found.size} entries of the {name} are not what the output "
        f"asks for: {found.flat[first]:.5g} instead of {wanted.flat[first]:.5g}"
    )


@check("gradient")
def gradient_has_the_mask(subject: Subject) -> Finding:
    """The gradient is that of the output that was returned.

    Proves: for one gradient of the output, that each entry is multiplied by the factor that its
    own unit had in the forward pass.
    Misses: what happens after a second forward pass, or where the forward pass is computed anew.
    """
    x = _input(subject)
    grad = subject.rng.uniform(0.5, 2, x.shape).astype("float32")
    y, dx = subject.gradient(subject.layer(subject.p), x, grad)
    return _compare(dx, grad * _slope(subject, y, x), "gradient")


@check("gradient")
def second_derivative(subject: Subject) -> Finding:
    """The gradient can be differentiated again, through the same mask.

    Proves: for the sum of the cubes of the outputs, whose second derivative depends on the
    square of each factor.
    Misses: derivatives beyond the second. An error, where there is none, is a note and no fault.
    """
    x, adapter = _input(subject), subject.adapter
    try:
        found = adapter.curvature(subject.layer(subject.p), adapter.array(x, "float32"))
    except NotOffered:
        raise
    except Exception as error:
        return note(f"cannot be differentiated twice: {' '.join(str(error).split())[:120]}")
    y, second = map(adapter.numpy, found)
    return _compare(second, _slope(subject, y, x) ** 2 * y, "second derivative")
