"""The verdict of a paired experiment, in the form that the ledger takes."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Comparison"]


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
