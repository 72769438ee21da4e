"""Two arms compared row by row, on the rows that only one of them gets wrong."""

import numpy as np
from scipy import stats
from statsmodels.stats import contingency_tables

from .comparison import Comparison

__all__ = ["mcnemar"]


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
