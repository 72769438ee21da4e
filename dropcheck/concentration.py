"""How far a mean of bounded draws strays from its expectation: Hoeffding's bound, inverted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "Bounds",
    "acceptance",
    "check_probabilities",
    "divergence",
    "miss_probability",
    "samples_needed",
]

EPS = np.finfo(float).eps
MAX_SAMPLES = 1 << 40


def divergence(y: Any, m: Any) -> Any:
    """Kullback-Leibler divergence, in nats, of Bernoulli(y) from Bernoulli(m)."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # log1p: near m, where it matters, log(y / m) would lose the digits of y - m.
        one = np.where(y > 0, y * np.log1p((y - m) / m), 0.0)
        zero = np.where(y < 1, (1 - y) * np.log1p((m - y) / (1 - m)), 0.0)
    return one + zero


def acceptance(
    mean: np.ndarray, n: int, false_alarm: float, slack: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Interval that holds the mean of `n` draws but for the probability `false_alarm`.

    Parameters
    ----------
    mean : ndarray, shape (k,)
        Expectations of the k means, of draws scaled to [0, 1].
    n : int
        Number of independent draws.
    false_alarm : float
        Probability, at most, that any of the k means leaves its interval.
    slack : float
        What rounding may add on either side.

    Returns
    -------
    low, high : ndarray, shape (k,)
        Ends of the intervals. Where `mean` is not in [0, 1] both are `mean` itself, which no
        mean of draws attains.

    Notes
    -----
    Hoeffding (1963), theorem 1: n independent draws in [0, 1] with mean expectation m have::

        P(mean >= y) <= exp(-n KL(y || m)),   y > m,

    and likewise below. ``KL(. || m)`` increases away from m, so the mean leaves the interval
    ``{y : n KL(y || m) <= ln(2 k / false_alarm)}`` on a given side with probability at most
    false_alarm / 2k: there are two sides and k means (Bonferroni). No limit theorem is used;
    the bound holds for every n.
    """
    budget = np.log(2 * mean.size / false_alarm) / n
    possible = (mean >= -slack) & (mean <= 1 + slack)
    inside = np.clip(mean, 0.0, 1.0)
    low = np.where(possible, _edge(inside, 0.0, budget) - slack, mean)
    high = np.where(possible, _edge(inside, 1.0, budget) + slack, mean)
    return low, high


def _edge(mean: np.ndarray, end: float, budget: float) -> np.ndarray:
    """Where, on the way from `mean` to `end`, the divergence first exceeds `budget`; or `end`."""
    inside, outside = mean.copy(), np.full_like(mean, end)
    for _ in range(64):  # halves an interval of at most 1 to below one rounding
        middle = (inside + outside) / 2
        accepted = divergence(middle, mean) <= budget
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    return outside


def miss_probability(
    mean: np.ndarray, wrong: np.ndarray, n: int, false_alarm: float, slack: float = 0.0
) -> float:
    """Probability, at most, that `n` draws do not tell the means `mean` and `wrong` apart.

    The larger of two: that draws with the stated expectation are accepted for the wrong one,
    and that draws with the wrong expectation are accepted for the stated one. In either case
    some of the k means must leave its interval, and the best of them bounds the probability.
    """
    return max(
        _accepted(mean, wrong, n, false_alarm, slack),
        _accepted(wrong, mean, n, false_alarm, slack),
    )


def _accepted(
    truth: np.ndarray, tested: np.ndarray, n: int, false_alarm: float, slack: float
) -> float:
    """P(draws of expectation `truth` are accepted for `tested`), at most."""
    if np.any((truth < -slack) | (truth > 1 + slack)):
        return 0.0  # no draws in [0, 1] have this expectation
    truth = np.clip(truth, 0.0, 1.0)
    # Twice: the computed mean is off by slack, and so is the edge it is compared with.
    low, high = acceptance(tested, n, false_alarm, 2 * slack)
    impossible = (low > 1) | (high < 0)
    nearest = np.clip(np.clip(truth, low, high), 0.0, 1.0)  # accepted mean closest to the truth
    exponent = np.where(impossible, np.inf, n * divergence(nearest, truth))
    return float(np.exp(-exponent.max()))


def samples_needed(
    mean: ArrayLike,
    wrong: ArrayLike,
    low: float,
    high: float,
    *,
    false_alarm: float = 1e-6,
    miss: float = 1e-3,
) -> int:
    """Fewest draws with which `mean_test` tells `mean` from `wrong`.

    Parameters
    ----------
    mean, wrong : float or array_like
        The stated mean and that of the wrong version.
    low, high : float
        Between which every draw lies.
    false_alarm : float
        Probability, at most, that a true statement is rejected.
    miss : float
        Probability, at most, that the wrong version is not: 1 - power.

    Returns
    -------
    int
        Smallest N for which the bounds of `mean_test` meet both.

    Raises
    ------
    ValueError
        If the two means are equal, or too close for 2^40 draws.

    Examples
    --------
    >>> samples_needed(0.5, 0.45, 0.0, 1.0)
    8260
    """
    bounds = Bounds(low, high)
    mean, wrong = np.broadcast_arrays(bounds.scaled(mean), bounds.scaled(wrong))
    check_probabilities(false_alarm=false_alarm, miss=miss)

    def enough(n):
        return miss_probability(mean, wrong, n, false_alarm, bounds.slack(n)) <= miss

    n = 1
    while not enough(n):
        n *= 2
        if n > MAX_SAMPLES:
            raise ValueError(
                f"samples_needed: 2^40 draws in [{low}, {high}] cannot tell the mean from wrong"
            )
    few = n // 2
    while n - few > 1:
        middle = (few + n) // 2
        few, n = (few, middle) if enough(middle) else (middle, n)
    return n


def check_probabilities(**probabilities: float) -> None:
    """Raise unless every one lies strictly between 0 and 1."""
    for name, value in probabilities.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie strictly between 0 and 1, got {name}={value!r}")


class Bounds:
    """The interval [low, high] of every draw, its scaling to [0, 1] and what rounding does to it.

    Parameters
    ----------
    low, high : float
        Bounds of every draw.
    size : float
        Rounding errors are relative to this, or to the larger of ``|low|`` and ``|high|``.

    Raises
    ------
    ValueError
        Unless low < high are finite.
    """

    def __init__(self, low: float, high: float, size: float = 0.0) -> None:
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"the bounds must be finite with low < high, got [{low}, {high}]")
        self.low, self.high = float(low), float(high)
        self.size = max(abs(self.low), abs(self.high), size)

    def scaled(self, values: ArrayLike) -> np.ndarray:
        """`values` moved linearly so that low becomes 0 and high becomes 1."""
        values = np.atleast_1d(np.asarray(values, dtype=float))
        return (values - self.low) / (self.high - self.low)

    def unscaled(self, value: float) -> float:
        """The inverse of `scaled`, for one number."""
        return float(self.low + value * (self.high - self.low))

    def slack(self, n: int, eps: float = EPS) -> float:
        """Error, at most, of a scaled mean of `n` draws that were rounded to precision `eps`.

        Adding n numbers of size M in any order errs by at most n M eps / 2 in their mean
        (Higham 2002, section 4.2); a draw, the stated mean and the bounds may each be off by
        a few M eps. All is relative to high - low.
        """
        return (n * EPS + 8 * eps) * self.size / (self.high - self.low)
