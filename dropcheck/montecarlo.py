"""Tests of means, variances and rates of random draws, with their error probabilities."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING

import numpy as np

from .concentration import EPS, Bounds, acceptance, check_probabilities, miss_probability
from .report import Report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["mean_test", "rate_test", "variance_test"]


def mean_test(
    samples: ArrayLike,
    mean: ArrayLike,
    low: float,
    high: float,
    *,
    wrong: ArrayLike | None = None,
    false_alarm: float = 1e-6,
) -> Report:
    """Test that independent draws between `low` and `high` have the stated mean.

    It bounds the probability of rejecting a true mean, and with `wrong` that of missing one
    named false mean; a mean closer than that may pass. Draws that depend on each other, such as
    outputs that share a mask, void both bounds, and the test cannot see it: average over what
    is shared first, and give one number for each independent draw.

    Parameters
    ----------
    samples : array_like, shape (N,) or (N, ...)
        N independent draws, each in [low, high]. The entries of one draw may depend on each
        other; each entry's mean is tested and they share the false-alarm probability.
    mean : float or array_like
        Stated mean, a number or one for each entry.
    low, high : float
        Bounds that hold for every draw, whatever its value: not the observed range.
    wrong : float or array_like, optional
        Mean that the wrong version states.
    false_alarm : float
        Probability, at most, that a true statement is rejected under a fresh seed.

    Returns
    -------
    Report
        `estimate` and `interval`, of the entry nearest to rejection, `false_alarm`, and with
        `wrong` the `power`.

    Raises
    ------
    ValueError
        If a draw lies outside [low, high] or is NaN, or the shapes do not match.

    Notes
    -----
    Assumed: independent draws within the bounds. Tested: their expectation. The test is exact
    for every N (Hoeffding 1963, theorem 1, in its Kullback-Leibler form; see
    `concentration.acceptance`): no normal approximation and no estimated variance.

    The power is the smaller of two probabilities: that draws whose mean is `mean` lead
    ``mean_test(samples, wrong, ...)`` to reject, so the wrong statement fails on the right
    code; and that draws whose mean is `wrong` lead this test to reject, so the right statement
    fails on the wrong code.

    Examples
    --------
    >>> kept = np.random.default_rng(0).random(100_000) >= 0.3
    >>> print(mean_test(kept, 0.7, 0, 1, wrong=0.68))
    monte-carlo: passed, 0.7007 in [0.6922, 0.7078], false alarm <= 1e-06, power >= 0.9999
    """
    bounds = Bounds(low, high)
    samples, eps = _draws(samples, bounds)
    slack = bounds.slack(len(samples), eps)
    return _judge(samples.mean(axis=0), mean, wrong, len(samples), bounds, slack, false_alarm)


def variance_test(
    samples: ArrayLike,
    variance: ArrayLike,
    low: float,
    high: float,
    *,
    wrong: ArrayLike | None = None,
    false_alarm: float = 1e-6,
) -> Report:
    """Test that independent draws between `low` and `high` have the stated variance.

    What it shows, and what it cannot see, is as for `mean_test`.

    Parameters
    ----------
    samples : array_like, shape (N,) or (N, ...)
        N >= 2 independent draws of one distribution, each in [low, high].
    variance : float or array_like
        Stated variance, a number or one for each entry.
    low, high, wrong, false_alarm
        As for `mean_test`; `wrong` is a variance.

    Returns
    -------
    Report
        As of `mean_test`, with variances for `estimate` and `interval`.

    Notes
    -----
    Half the squared difference of two draws, (x_1 - x_2)^2 / 2, has the variance as its mean
    and lies in [0, (high - low)^2 / 2]. Pairing the draws gives N / 2 independent ones, on
    which `mean_test` is run. The mean of the draws need not be known.

    Examples
    --------
    >>> noise = (np.random.default_rng(0).random(100_000) >= 0.2) / 0.8
    >>> print(variance_test(noise, 0.2 / 0.8, 0, 1.25, wrong=0.2 * 0.8))
    monte-carlo: passed, 0.2506 in [0.2412, 0.2588], false alarm <= 1e-06, power >= 0.9999
    """
    bounds = Bounds(low, high)
    samples, eps = _draws(samples, bounds)
    pairs = len(samples) // 2
    if not pairs:
        raise ValueError(f"a variance needs at least two draws, got shape {samples.shape}")
    halves = (samples[:pairs] - samples[pairs : 2 * pairs]) ** 2 / 2
    width = bounds.high - bounds.low
    # Draws that are off by e change half their squared difference by at most 2 * width * e.
    halved = Bounds(0.0, width**2 / 2, size=2 * width * bounds.size)
    slack = halved.slack(pairs, eps)
    return _judge(halves.mean(axis=0), variance, wrong, pairs, halved, slack, false_alarm)


def rate_test(
    kept: ArrayLike,
    n: int,
    q: ArrayLike,
    *,
    wrong: ArrayLike | None = None,
    false_alarm: float = 1e-6,
) -> Report:
    """Test that `kept` of `n` independent draws, each with probability q, is plausible.

    What it shows, and what it cannot see, is as for `mean_test`: above all, that the draws are
    independent.

    Parameters
    ----------
    kept : int or array_like of int
        Number of successes, one or several counts, which share the false-alarm probability.
    n : int
        Number of draws behind each count.
    q : float or array_like
        Stated probability of success.
    wrong, false_alarm
        As for `mean_test`; `wrong` is a probability.

    Returns
    -------
    Report
        As of `mean_test`, whose test on n zeros and ones this is.

    Examples
    --------
    >>> print(rate_test(699_800, 1_000_000, 0.7, wrong=180 / 256))
    monte-carlo: passed, 0.6998 in [0.6975, 0.7025], false alarm <= 1e-06, power >= 0.6458
    """
    counts = np.asarray(kept)
    if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 1:
        raise ValueError(f"n must be a positive number of draws, got n={n!r}")
    if counts.dtype.kind not in "iu" or counts.size == 0 or np.any((counts < 0) | (counts > n)):
        raise ValueError(f"kept must be whole numbers from 0 to n={n}, got kept={kept!r}")
    bounds = Bounds(0.0, 1.0)  # a count is exact, so that no sum was rounded
    return _judge(counts / n, q, wrong, int(n), bounds, bounds.slack(1), false_alarm)


def _draws(samples: ArrayLike, bounds: Bounds) -> tuple[np.ndarray, float]:
    """The draws as float64, once they lie within the bounds, and the precision they had."""
    samples = np.asarray(samples)
    if samples.ndim == 0 or not samples.size:
        raise ValueError(f"samples must hold at least one draw, got shape {samples.shape}")
    eps = np.finfo(samples.dtype).eps if samples.dtype.kind == "f" else EPS
    samples = samples.astype(float)
    least, most, rounding = samples.min(), samples.max(), 4 * eps * bounds.size
    if not (least >= bounds.low - rounding and most <= bounds.high + rounding):  # NaN fails too
        raise ValueError(
            f"every draw must lie in [{bounds.low}, {bounds.high}], got draws from {least} "
            f"to {most}"
        )
    return samples, eps


def _judge(
    observed: np.ndarray,
    mean: ArrayLike,
    wrong: ArrayLike | None,
    n: int,
    bounds: Bounds,
    slack: float,
    false_alarm: float,
) -> Report:
    """Compare the observed means of `n` draws with the stated ones."""
    check_probabilities(false_alarm=false_alarm)
    stated = _like(observed, mean, "mean", bounds)
    low, high = acceptance(stated, n, false_alarm, slack)
    scaled = bounds.scaled(observed).ravel()
    power = None
    if wrong is not None:
        other = _like(observed, wrong, "wrong", bounds)
        missed = miss_probability(stated, other, n, false_alarm, slack)
        power = max(0.0, float(np.nextafter(1.0 - missed, 0.0)))  # rounded down
    room = np.minimum(scaled - low, high - scaled)
    worst = int(np.argmin(room))
    return Report(
        passed=bool(np.all(room >= 0)),
        method="monte-carlo",
        cases=n,
        false_alarm=false_alarm,
        power=power,
        estimate=bounds.unscaled(scaled[worst]),
        interval=(bounds.unscaled(low[worst]), bounds.unscaled(high[worst])),
        assumes=f"{n} independent draws of one distribution, within the given bounds",
    )


def _like(observed: np.ndarray, value: ArrayLike, name: str, bounds: Bounds) -> np.ndarray:
    """`value` for every entry of `observed`, scaled and flat."""
    value = np.asarray(value, dtype=float)
    if value.shape not in ((), observed.shape):
        raise ValueError(
            f"{name} must be a number or have the shape {observed.shape} of one draw, got shape "
            f"{value.shape}"
        )
    if not np.isfinite(value).all():
        raise ValueError(f"{name} must be finite, got {name}={value!r}")
    return bounds.scaled(np.broadcast_to(value, observed.shape)).ravel()
