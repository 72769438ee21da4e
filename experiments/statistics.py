"""What stored results show: paired differences over seeds, with a margin fixed beforehand.

The unit of replication is the seed. Every function returns a `Comparison`, which a claim test
gives to the ledger; a difference is claimed only when its lower bound exceeds the margin, and
"no difference" only when an equivalence test shows it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats import contingency_tables, multitest

__all__ = [
    "Comparison",
    "against_paper",
    "equivalent",
    "greater",
    "holm",
    "interval",
    "mcnemar",
    "trend",
    "within",
]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Verdict of a paired experiment. True in a boolean context when the claim is supported.

    Parameters
    ----------
    passed : bool
        Whether the interval lies where the claim puts it.
    seeds : int
        Number of pairs.
    estimate : float
        Mean difference, or what is estimated instead.
    interval : tuple of float
        At confidence `level`; one-sided intervals end at infinity.
    limits : tuple of float
        The interval must lie between them.
    level : float
        Confidence.
    p_value : float
        Of the claim's null hypothesis, for `holm`.
    method : str
        Always ``"paired-experiment"``.
    """

    passed: bool
    seeds: int
    estimate: float
    interval: tuple[float, float]
    limits: tuple[float, float]
    level: float
    p_value: float
    method: str = "paired-experiment"

    def __bool__(self):
        return self.passed

    def __str__(self):
        verdict = "passed" if self.passed else "rejected"
        low, high = self.interval
        if np.isinf(high):
            where = f"{100 * self.level:.4g} % lower bound {low:.2g}, margin {self.limits[0]:.2g}"
        else:
            where = (
                f"{100 * self.level:.4g} % interval [{low:.2g}, {high:.2g}], "
                f"limits [{self.limits[0]:.2g}, {self.limits[1]:.2g}]"
            )
        return f"{self.method}: {verdict}, {self.seeds} seeds, mean {self.estimate:.2g}, {where}"


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


def _mean_and_error(difference):
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def interval(values, level=0.95):
    """Two-sided t interval of the mean over seeds.

    Parameters
    ----------
    values : array_like, shape (seeds,)
    level : float
        Confidence.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        For fewer than two seeds.
    """
    values = _differences(values, 0.0)
    mean, error = _mean_and_error(values)
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * error
    return float(mean - half), float(mean + half)


def greater(first, second, margin, level=0.99):
    """Claim that the mean of ``first - second`` exceeds a margin.

    Parameters
    ----------
    first, second : array_like, shape (seeds,)
        A metric of two arms, paired by seed; `second` may be a number.
    margin : float
        At least 0, and at most half of the effect that the pilot seeds showed.
    level : float
        Confidence of the one-sided t bound.

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
    mean, error = _mean_and_error(difference)
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


def _p_value(above, error, degrees):
    """Of the one-sided t test that a mean is above; without spread there is no doubt left."""
    if error == 0:
        return 0.0 if above > 0 else 1.0
    return float(stats.t.sf(above / error, degrees))


def equivalent(first, second, margin, level=0.95):
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
    return within(_differences(first, second), -margin, margin, level)


def within(values, low, high, level=0.95):
    """Claim that a mean over seeds lies between two limits, by two one-sided tests.

    Parameters
    ----------
    values : array_like, shape (seeds,)
    low, high : float
        Limits, stated beforehand.
    level : float
        One minus the error of each test.

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
    mean, error = _mean_and_error(values)
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


def mcnemar(wrong_first, wrong_second, alpha=0.01):
    """Claim that the first arm errs on more rows than the second, by the rows they differ on.

    McNemar's exact test (statsmodels) pools the pairs (row, seed). Those of one row are not
    independent, so the claim must also hold with the row as the unit: the differences summed
    over the seeds for each row, divided by the root of their squares (Durkalski et al. 2003).

    Parameters
    ----------
    wrong_first, wrong_second : list of sequences of int
        For each seed the rows on which the arm errs, as the metric ``wrong``.
    alpha : float
        Error of each of the two tests, one-sided.

    Returns
    -------
    Comparison
        The estimate is the rate of wins among the pairs that differ, with Wilson's interval, to
        lie above 1/2; the p-value is the larger of the two.

    Raises
    ------
    ValueError
        If the numbers of seeds differ.
    """
    if len(wrong_first) != len(wrong_second):
        raise ValueError(f"{len(wrong_first)} and {len(wrong_second)} seeds cannot be paired")
    by_row, first_only, second_only = {}, 0, 0
    for first, second in zip(wrong_first, wrong_second, strict=True):
        for rows, step in ((set(first) - set(second), 1), (set(second) - set(first), -1)):
            first_only += len(rows) * (step > 0)
            second_only += len(rows) * (step < 0)
            for row in rows:
                by_row[row] = by_row.get(row, 0) + step
    table = [[0, first_only], [second_only, 0]]
    two_sided = contingency_tables.mcnemar(table, exact=True).pvalue
    pooled = two_sided / 2 if first_only > second_only else 1.0
    sums = np.array(list(by_row.values()), dtype=float)
    spread = np.sqrt((sums**2).sum())
    clustered = float(stats.norm.sf(sums.sum() / spread)) if spread else 1.0
    differing = first_only + second_only
    wins = stats.binomtest(first_only, max(differing, 1), alternative="greater")
    low = wins.proportion_ci(1 - alpha, method="wilson").low if differing else 0.0
    p_value = float(max(pooled, clustered))
    return Comparison(
        passed=p_value < alpha,
        seeds=len(wrong_first),
        estimate=first_only / max(differing, 1),
        interval=(float(low), float("inf")),
        limits=(0.5, float("inf")),
        level=1 - alpha,
        p_value=p_value,
    )


def trend(x, curves, sign, margin=0.5, level=0.99):
    """Claim that a metric rises (or falls) with x: Spearman's correlation of each seed, pooled.

    Parameters
    ----------
    x : array_like, shape (k,)
        Positions, such as numbers of rows.
    curves : array_like, shape (seeds, k)
        The metric at each position.
    sign : {1, -1}
        1 to claim that it rises.
    margin, level : float
        As for `greater`, for ``sign`` times the correlation.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        For another sign, or if the shapes do not fit.
    """
    curves = np.asarray(curves, dtype=float)
    if sign not in (1, -1):
        raise ValueError(f"sign must be 1 or -1, got sign={sign!r}")
    if curves.ndim != 2 or curves.shape[1] != len(x):
        raise ValueError(f"curves of shape {curves.shape} do not fit {len(x)} positions")
    ranks = stats.rankdata(curves, axis=1)
    # A curve without any change has no rank correlation; it does not rise.
    found = [stats.spearmanr(x, row).statistic if row.min() < row.max() else 0.0 for row in ranks]
    return greater(sign * np.array(found), 0.0, margin, level)


def holm(comparisons, alpha=0.05):
    """Return Holm's adjusted p-values, one for each assertion of a chapter.

    Parameters
    ----------
    comparisons : sequence of Comparison
        All that the chapter asserts, none left out.
    alpha : float
        Probability, at most, that any of them is asserted falsely.

    Returns
    -------
    adjusted : ndarray
        In the order given.
    asserted : ndarray of bool
        Which may be asserted together.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not comparisons:
        raise ValueError("holm needs at least one comparison")
    given = [comparison.p_value for comparison in comparisons]
    asserted, adjusted, *_ = multitest.multipletests(given, alpha=alpha, method="holm")
    return adjusted, asserted


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
