"""What a check returns: the verdict, and the error it may have made."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

__all__ = ["Report"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Verdict of one check. True in a boolean context when the statement passed.

    Printed, it is one line of at most four significant digits per number, every bound rounded
    to the safe side. Rounding noise, which differs between machines, is never printed.

    Parameters
    ----------
    passed : bool
        Whether the statement passed.
    method : str
        How it was checked, such as ``"identity"`` or ``"monte-carlo"``.
    cases : int, optional
        Number of points, masks, samples or cases looked at.
    false_pass : float, optional
        Probability, at most, that a false statement passes.
    false_alarm : float, optional
        Probability, at most, that a true statement is rejected.
    power : float, optional
        Probability, at least, that the named wrong version is rejected.
    rounding : float, optional
        Difference that rounding (and for a gradient, truncation) can explain; 0 is exact.
    error : float, optional
        Largest difference found.
    estimate : float, optional
        Measured mean, variance, rate or slope.
    interval : tuple of float, optional
        For a mean, where the estimate must lie; for a slope, where the order lies.
    ratio : float, optional
        Largest ratio of a value to its limit: 1 is a bound that cannot be improved.
    assumes : str, optional
        What the check takes for granted, and nobody has examined.

    Examples
    --------
    >>> report = Report(passed=True, method="identity", false_pass=2.71e-18)
    >>> bool(report)
    True
    >>> print(report)
    identity: passed, false pass <= 2.8e-18
    """

    passed: bool
    method: str
    cases: int | None = None
    false_pass: float | None = None
    false_alarm: float | None = None
    power: float | None = None
    rounding: float | None = None
    error: float | None = None
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    ratio: float | None = None
    assumes: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return f"{self.method}: " + ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        """The pieces of the one line, those that apply."""
        yield "passed" if self.passed else "rejected"
        if self.error is not None and not self.passed:
            yield f"off by {self.error:.4g}"
        if self.ratio is not None:
            yield f"{self.cases} cases, largest ratio {self.ratio:.4g}"
        if self.estimate is not None and self.interval is not None:
            low, high = self.interval
            where = "in" if low <= self.estimate <= high else "not in"
            yield f"{self.estimate:.4g} {where} [{low:.4g}, {high:.4g}]"
        if self.rounding is not None:
            yield f"rounding <= {_power_of_ten(self.rounding)}" if self.rounding else "exact"
        if self.false_pass is not None and self.passed:  # a rejection is a counterexample
            yield f"false pass <= {_rounded(self.false_pass, 2, ROUND_CEILING)}"
        if self.false_alarm:  # 0 goes without saying
            yield f"false alarm <= {_rounded(self.false_alarm, 2, ROUND_CEILING)}"
        if self.power is not None:
            yield f"power >= {_rounded(self.power, 4, ROUND_FLOOR)}"


def _rounded(value: float, digits: int, direction: str) -> str:
    """`value` to so many significant digits, rounded in one direction only."""
    # repr, not the binary expansion: 1e-05 is a hair above 10^-5 and must not become 1.1e-05.
    decimal = Context(prec=digits, rounding=direction).create_decimal(repr(float(value)))
    return f"{float(decimal):.{digits}g}"


def _power_of_ten(value: float) -> str:
    """The smallest power of ten that is not below the positive `value`."""
    decimal = Decimal(repr(float(value))).normalize()
    if not decimal.is_finite():
        return str(value)
    exact = decimal.as_tuple().digits == (1,)
    return f"1e{decimal.adjusted() + (not exact)}"
