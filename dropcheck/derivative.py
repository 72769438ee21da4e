"""Check an analytic gradient against a numerical one whose error is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .report import Report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Scalar = Callable[[np.ndarray], Any]

__all__ = ["gradient"]

EPS = np.finfo(float).eps
COMPLEX_STEP = 2.0**-166  # its square, 1e-100, is below any rounding; dividing by it is exact


def gradient(
    f: Scalar,
    grad: ArrayLike | Callable[[np.ndarray], ArrayLike],
    x: ArrayLike,
    *,
    method: str = "complex-step",
    ulps: float = 64,
    scale: float | None = None,
) -> Report:
    """Test an analytic gradient of a scalar function at one point.

    It shows that the gradient is right at this x to within `rounding`, not at another; an error
    below `rounding`, or one that vanishes at x, is not seen.

    Parameters
    ----------
    f : callable
        Takes an array like `x` and returns a number. For the complex step it must accept
        complex entries and be analytic near `x`: no ``abs``, ``conj``, norm or real part;
        ``np.maximum(z, 0)`` is fine where Re z is not 0.
    grad : array_like or callable
        The gradient to test, of the shape of `x`, or the function of `x` that returns it.
    x : array_like of float
        The point.
    method : {"complex-step", "central"}
        Numerical derivative to compare with.
    ulps : float
        Rounding error of f and of its derivatives, in units of eps * `scale`. It is believed,
        see the notes.
    scale : float, optional
        Size of the terms that add up to one derivative, before they cancel, inside f as well:
        where f is the logarithm of a softmax, the size of the logits belongs to it. By default
        ``(|f| + max_j s_j |f'_j|) / min_j s_j`` of the numerical gradient, where
        ``s_j = max(|x_j|, 1)``, which is too small where f and its slopes happen to be. Give
        it, and derive it from f, wherever a false alarm must not be.

    Returns
    -------
    Report
        With `rounding`, the largest tolerance of any entry, and `error`.

    Raises
    ------
    ValueError
        If the shapes differ, f is not a scalar, or it loses the imaginary part.

    Notes
    -----
    *Complex step* (Squire and Trapp 1998). f(x + i h e_j) = f + i h f' - h^2 f'' / 2 - i h^3
    f''' / 6 ..., so Im f / h differs from f' by h^2 f''' / 6; with h = 2^-166 that is nothing,
    and nothing is subtracted. What remains is rounding: each path from x_j to f contributes a
    product of partial derivatives with a relative error of (roundings on the path) * eps / 2.
    Assumed: 2 * `ulps` covers the roundings on a path, and `scale` the sum of the sizes of the
    contributions, which rounding is relative to where they cancel. The tolerance is twice
    ulps * eps * scale, as `grad` is rounded as well.

    *Central differences*, D(h) = (f(x + h) - f(x - h)) / 2h with h = eps^(1/3) s and
    ``s = max(|x_j|, 1)``. Taylor gives D(h) - f' = h^2 f'''(a) / 6 with a within h of x, and
    D(2h) - D(h) = h^2 (4 f'''(b) - f'''(a)) / 6 with b within 2h. Let K bound the fourth
    derivative there: f'''(b) and f'''(a) differ by at most 3 h K, and so::

        |D(h) - f'| <= |D(2h) - D(h)| / 3 + 2 h^3 K / 3.

    Assumed: f is rounded by at most e = ulps * eps * scale * s, which holds where its terms
    cancel, too; that moves D(h) by at most e / h and the first term on the right by at most
    e / 2h. Assumed: ``s |f''|`` and s^3 K are at most ulps * scale * 4e4, which keeps the last
    term and the rounding of x + h below e / 2h together. The tolerance is
    ``|D(2h) - D(h)| / 3 + 2 e / h``, with e / h = ulps * eps^(2/3) * scale, and
    ulps * eps * scale for `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.5, -1.5])
    >>> print(gradient(lambda x: np.sum(x**3), 3 * x**2, x))
    gradient: passed, rounding <= 1e-12
    >>> print(gradient(lambda x: np.sum(x**3), x**2, x))
    gradient: rejected, off by 4.5, rounding <= 1e-12
    """
    x = np.array(x, dtype=float)
    claimed = np.asarray(grad(x.copy()) if callable(grad) else grad, dtype=float)
    if claimed.shape != x.shape:
        raise ValueError(
            f"the gradient must have the shape {x.shape} of x, got shape {claimed.shape}"
        )
    if method == "complex-step":
        (found, truncation), amplified = _complex_step(f, x), 1.0
    elif method == "central":
        (found, truncation), amplified = _central(f, x), 2 * EPS ** (-1 / 3)
    else:
        raise ValueError(f"method must be 'complex-step' or 'central', got method={method!r}")
    if scale is None:
        sizes = np.maximum(np.abs(x), 1.0)
        terms = abs(_scalar(f(x.copy()))) + np.max(sizes * np.abs(found), initial=0.0)
        scale = terms / np.min(sizes, initial=np.inf)
    tolerance = truncation + (amplified + 1) * ulps * EPS * scale  # 1: `grad` is rounded as well
    error = np.abs(found - claimed)
    return Report(
        passed=bool(np.all(error <= tolerance)),
        method="gradient",
        cases=x.size,
        rounding=float(np.max(tolerance, initial=0.0)),
        error=float(np.max(error, initial=0.0)),
        assumes=f"f and grad are rounded by at most {ulps:g} eps times scale {scale:.1e}"
        + ("" if method == "complex-step" else "; third derivatives change little over a step"),
    )


def _scalar(value: Any) -> Any:
    """The value of f, which must be one number."""
    value = np.asarray(value)
    if value.shape != ():
        raise ValueError(f"f must return a number, got shape {value.shape}")
    return value[()]


def _complex_step(f: Scalar, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives by the complex step, and their truncation error: none."""
    found = np.empty_like(x)
    for j in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[j] += 1j * COMPLEX_STEP
        value = _scalar(f(moved))
        if not np.iscomplexobj(value):
            raise ValueError("f loses the imaginary part of its argument; use method='central'")
        found[j] = value.imag / COMPLEX_STEP
    return found, np.zeros_like(x)


def _central(f: Scalar, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives by central differences, and their truncation error as derived in `gradient`."""
    found, truncation = np.empty_like(x), np.empty_like(x)
    for j in np.ndindex(x.shape):
        step = EPS ** (1 / 3) * max(float(abs(x[j])), 1.0)
        found[j] = _difference(f, x, j, step)
        truncation[j] = abs(_difference(f, x, j, 2 * step) - found[j]) / 3
    return found, truncation


def _difference(f: Scalar, x: np.ndarray, j: tuple[int, ...], step: float) -> float:
    """Central difference in entry j."""
    up, down = x.copy(), x.copy()
    up[j] += step
    down[j] -= step
    width = up[j] - down[j]  # not 2 * step: x + step is rounded
    return (float(_scalar(f(up))) - float(_scalar(f(down)))) / width
