"""Approximations: the order of an error, and bounds tried on many cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .report import Report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["bound", "order", "slope"]

EPS = np.finfo(float).eps
FLOOR = 1e3  # an error this many eps above rounding still has a slope good to about 1 %
NOISE = 16  # units in the last place by which rounding may move an error


def slope(
    scale: ArrayLike, error: ArrayLike, *, value: ArrayLike = 1.0
) -> tuple[float, tuple[float, float]]:
    """Order r of an error that behaves like c s^r as the scale s goes to 0.

    Parameters
    ----------
    scale : array_like, shape (k,)
        At least three positive scales, all different, in any order.
    error : array_like, shape (k,)
        Error at each scale, of one sign and not 0.
    value : float or array_like
        Size of the numbers whose difference the error is: rounding limits the error to
        eps * value. 0 if the error is known exactly.

    Returns
    -------
    estimate : float
        Slope of ``log |error|`` against log s between the two finest scales.
    interval : tuple of float
        Holds r, under the assumption below.

    Raises
    ------
    ValueError
        If an error is below 1e3 * eps * value, where rounding hides its slope, changes its
        sign or is 0; or if the scales are too few or not positive.

    Notes
    -----
    Let s_1 < s_2 < s_3 be the finest scales and m_1, m_2 the slopes between successive ones.
    Assumed: the deviation m - r of the slope shrinks at least like the square root of the
    scale (a next term of relative order s makes it shrink like s). From m_2 to m_1 the scale
    shrinks by the geometric mean (s_1 / s_3)^(1/2), so ``|m_1 - r| <= k |m_2 - r|`` with
    k = (s_1 / s_3)^(1/4), and the triangle inequality gives::

        |m_1 - r| <= k / (1 - k) |m_2 - m_1|.

    Rounding moves an error by at most 16 eps * value, and a slope by that divided by each of
    its two errors and by the distance of the logarithms; both slopes' shares are added.

    Examples
    --------
    >>> import numpy as np
    >>> s = 2.0 ** -np.arange(4, 10)
    >>> estimate, (low, high) = slope(s, np.exp(s) - 1 - s)
    >>> print(f"{estimate:.3f}, {low < 2 < high}")
    2.001, True
    """
    scale, error, value = _sorted(scale, error, value)
    distance = np.diff(np.log(scale))
    slopes = np.diff(np.log(np.abs(error))) / distance
    relative = NOISE * EPS * value / np.abs(error)
    noise = (relative[:-1] + relative[1:]) / distance
    shrink = (scale[0] / scale[2]) ** 0.25
    drift = abs(slopes[1] - slopes[0]) + noise[0] + noise[1]
    half = drift * shrink / (1 - shrink) + noise[0]
    estimate = float(slopes[0])
    return estimate, (float(estimate - half), float(estimate + half))


def order(
    scale: ArrayLike,
    error: ArrayLike,
    expected: float,
    *,
    tolerance: float = 0.1,
    value: ArrayLike = 1.0,
) -> Report:
    """Test that an error is of the stated order in the scale.

    It measures the order of one family of errors at the given scales, and proves it only if the
    assumption of `slope` holds below them, which no finite number of scales can show. It does
    not see the constant of the error, nor another point or direction.

    Parameters
    ----------
    scale, error, value
        As for `slope`.
    expected : float
        Stated order.
    tolerance : float
        The statement passes when the whole interval of `slope` lies within this distance of
        `expected`; below 1/2 no other integer order can pass.

    Returns
    -------
    Report
        With `estimate` and `interval`.

    Examples
    --------
    >>> import numpy as np
    >>> s = 2.0 ** -np.arange(4, 10)
    >>> print(order(s, np.exp(s) - 1 - s, 2))
    slope: passed, 2.001 in [1.999, 2.003]
    >>> bool(order(s, np.exp(s) - 1 - s, 3))
    False
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance must be positive, got tolerance={tolerance!r}")
    estimate, (low, high) = slope(scale, error, value=value)
    passed = expected - tolerance <= low and high <= expected + tolerance
    return Report(
        passed=bool(passed),
        method="slope",
        cases=int(np.size(scale)),
        estimate=estimate,
        interval=(low, high),
        assumes=(
            "below the finest scale the slope's deviation shrinks at least like the square root "
            "of the scale; errors are rounded by at most 16 eps value"
        ),
    )


def _sorted(
    scale: ArrayLike, error: ArrayLike, value: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale, error and value from the finest scale on, once they make sense."""
    scale, error = np.asarray(scale, dtype=float), np.asarray(error, dtype=float)
    if scale.ndim != 1 or scale.shape != error.shape or scale.size < 3:
        raise ValueError(
            "slope needs at least three scales and one error for each, got shapes "
            f"{scale.shape} and {error.shape}"
        )
    value = np.broadcast_to(np.abs(np.asarray(value, dtype=float)), scale.shape)
    ranks = np.argsort(scale)
    scale, error, value = scale[ranks], error[ranks], value[ranks]
    if not (np.isfinite(scale).all() and scale[0] > 0 and np.all(np.diff(scale) > 0)):
        raise ValueError("slope needs scales that are positive, finite and all different")
    if not (np.isfinite(error).all() and (np.all(error > 0) or np.all(error < 0))):
        raise ValueError(
            "slope needs errors that are finite, not 0 and of one sign: a power of the scale "
            "has no zeros"
        )
    hidden = np.abs(error) < FLOOR * EPS * value
    if hidden.any():
        raise ValueError(
            f"the error {error[hidden][0]:.1e} at scale {scale[hidden][0]:.1e} is below "
            f"{FLOOR:.0e} * eps * value, where rounding hides its slope; use larger scales"
        )
    return scale, error, value


def bound(values: ArrayLike, limits: ArrayLike, *, rounding: ArrayLike = 0.0) -> Report:
    """Test that every value is at most its limit.

    It proves the inequality in the cases given, and in no other: it can refute a bound but not
    establish one. The printed ratio says how near the nearest case came; far below 1 the cases
    would not have told this bound from a smaller one.

    Parameters
    ----------
    values, limits : array_like
        Values and their limits, one for each or one for all. Limits are at least 0.
    rounding : float or array_like
        By how much rounding may have raised a value; 8 eps of the limit are always granted.

    Returns
    -------
    Report
        With `cases` and the largest `ratio` of a value to its limit, which says how tight the
        bound is. NaN never passes. An inequality that holds in many cases is not proved; the
        proof belongs beside it.

    Raises
    ------
    ValueError
        If there is no case, or a limit is negative, infinite or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-3, 3, 601)
    >>> print(bound(np.abs(np.sin(x)), np.abs(x)))
    bound: passed, 601 cases, largest ratio 1
    """
    values, limits = np.asarray(values, dtype=float), np.asarray(limits, dtype=float)
    values, limits, rounding = np.broadcast_arrays(values, limits, np.asarray(rounding, float))
    if values.size == 0:
        raise ValueError("bound needs at least one case, got none")
    if not (np.isfinite(limits) & (limits >= 0)).all():
        raise ValueError(
            f"limits must be finite and at least 0, got {limits.min()} to {limits.max()}"
        )
    passed = values <= limits * (1 + 8 * EPS) + rounding
    # A limit of 0 admits what rounding explains, and then says nothing about tightness.
    ratio = np.where(passed, 0.0, np.inf)
    with np.errstate(over="ignore"):
        np.divide(values, limits, out=ratio, where=limits > 0)
    return Report(
        passed=bool(np.all(passed)),
        method="bound",
        cases=values.size,
        rounding=float(np.max(rounding)) or None,
        ratio=float(np.max(ratio)),
        assumes=(
            "nothing of cases that were not tried; rounding raised a value by at most 8 eps of "
            "its limit, and by what is given"
        ),
    )
