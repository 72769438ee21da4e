"""Means over seeds: their intervals, and what may be claimed of their differences."""

import numpy as np
from scipy import stats

from .comparison import Comparison

__all__ = ["against_paper", "equivalent", "greater", "interval", "within"]


def interval(values, level=0.95, overlap=0.0):
    """Two-sided t interval of the mean over seeds.

    Parameters
    ----------
    values : array_like, shape (seeds,)
    level : float
        Confidence.
    overlap : float
        For seeds that learn from rows of each other: test rows of a seed over the rows it learns
        from. The variance of the mean over S seeds is then taken as 1/S + overlap times that of
        the values (Nadeau and Bengio 2003), and as 1/S times that for independent seeds.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        For fewer than two seeds.
    """
    values = _differences(values, 0.0)
    mean, error = _mean_and_error(values, overlap)
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * error
    return float(mean - half), float(mean + half)


def greater(first, second, margin, level=0.99, overlap=0.0):
    """Claim that the mean of ``first - second`` exceeds a margin.

    Parameters
    ----------
    first, second : array_like, shape (seeds,)
        A metric of two arms, paired by seed; `second` may be a number.
    margin : float
        At least 0, and at most half of the effect that the pilot seeds showed.
    level : float
        Confidence of the one-sided t bound.
    overlap : float
        As for `interval`.

    Returns
    -------
    Comparison
        With equal differences for all seeds, the bound is that difference.

    Raises
    ------
    ValueError
        For a negative margin, fewer than two seeds, or values that are not finite.
    """
    if not margin >= 0:
        raise ValueError(f"margin must be at least 0, got margin={margin!r}")
    difference = _differences(first, second)
    mean, error = _mean_and_error(difference, overlap)
    degrees = len(difference) - 1
    low = mean - stats.t.ppf(level, degrees) * error
    return Comparison(
        passed=bool(low > margin),
        seeds=len(difference),
        estimate=float(mean),
        interval=(float(low), float("inf")),
        limits=(margin, float("inf")),
        level=level,
        p_value=_p_value(mean - margin, error, degrees),
    )


def equivalent(first, second, margin, level=0.95, overlap=0.0):
    """Claim that the mean of ``first - second`` is smaller than a margin in absolute value.

    Two one-sided tests, each at ``1 - level``: the interval of confidence ``2 level - 1`` lies
    within the margins (Schuirmann 1987).

    Parameters
    ----------
    first, second : array_like, shape (seeds,)
        A metric of two arms, paired by seed.
    margin : float
        Positive: the smallest difference that would matter.
    level : float
        One minus the error of each test.
    overlap : float
        As for `interval`.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        For a margin that is not positive, or as `greater`.
    """
    if not margin > 0:
        raise ValueError(f"equivalence needs a positive margin, got margin={margin!r}")
    return within(_differences(first, second), -margin, margin, level, overlap)


def within(values, low, high, level=0.95, overlap=0.0):
    """Claim that a mean over seeds lies between two limits, by two one-sided tests.

    Parameters
    ----------
    values : array_like, shape (seeds,)
    low, high : float
        Limits, stated beforehand.
    level : float
        One minus the error of each test.
    overlap : float
        As for `interval`.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        Unless low < high, or for fewer than two seeds.
    """
    if not low < high:
        raise ValueError(f"limits must be in order, got low={low!r}, high={high!r}")
    values = _differences(values, 0.0)
    mean, error = _mean_and_error(values, overlap)
    degrees = len(values) - 1
    half = stats.t.ppf(level, degrees) * error
    found = (float(mean - half), float(mean + half))
    sides = [_p_value(above, error, degrees) for above in (mean - low, high - mean)]
    return Comparison(
        passed=bool(low < found[0] and found[1] < high),
        seeds=len(values),
        estimate=float(mean),
        interval=found,
        limits=(low, high),
        level=2 * level - 1,
        p_value=max(sides),
    )


def against_paper(values, published, published_error=0.0):
    """Difference from a published mean, and the same in standard errors of both.

    Parameters
    ----------
    values : array_like, shape (seeds,)
    published, published_error : float
        Mean and standard error in the paper; 0 if it states none.

    Returns
    -------
    difference, z : float
        `z` is infinite when neither has an error and they differ.

    Raises
    ------
    ValueError
        For fewer than two seeds.
    """
    mean, error = _mean_and_error(_differences(values, 0.0))
    difference, spread = mean - published, np.hypot(error, published_error)
    if spread == 0:
        return float(difference), float(np.copysign(np.inf, difference) if difference else 0.0)
    return float(difference), float(difference / spread)


def _differences(first, second):
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.ndim != 1 or first.shape != np.broadcast_shapes(first.shape, second.shape):
        raise ValueError(f"pairs need one axis of seeds, got {first.shape} and {second.shape}")
    if len(first) < 2:
        raise ValueError(f"an interval needs at least 2 seeds, got {len(first)}")
    difference = first - second
    if not np.isfinite(difference).all():
        raise ValueError("a metric is not finite")
    return difference


def _mean_and_error(difference, overlap=0.0):
    return difference.mean(), difference.std(ddof=1) * np.sqrt(1 / len(difference) + overlap)


def _p_value(above, error, degrees):
    """Of the one-sided t test that a mean is above; without spread there is no doubt left."""
    if error == 0:
        return 0.0 if above > 0 else 1.0
    return float(stats.t.sf(above / error, degrees))
