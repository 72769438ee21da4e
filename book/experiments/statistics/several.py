"""Several positions of one curve, and several assertions of one chapter."""

import numpy as np
from scipy import stats
from statsmodels.stats import multitest

from .means import greater

__all__ = ["holm", "trend"]


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
        As for `greater`, for ``sign`` times the correlation; by default half of the largest, 1.

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
