"""Fractions that know the degree of the rational function they were computed by."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np

__all__ = ["Evaluation", "Traced", "exact", "is_exact"]

WRAPS = 1 << 31  # a NumPy integer beyond this may be one that has wrapped around


def is_exact(value: object) -> bool:
    """Whether `value` is a number that arithmetic does not round: an integer or a Fraction."""
    return isinstance(value, (int, Fraction, np.integer, np.bool_))


def exact(value: Any, name: str = "a number") -> Fraction:
    """`value` as a Fraction of Python's integers, which have no end.

    Raises
    ------
    TypeError
        If it is no integer and no Fraction.
    OverflowError
        If it is a NumPy integer of 2^31 or more, or a Fraction of such: one like it may have
        wrapped around, and no longer shows.
    """
    if not is_exact(value):
        raise TypeError(
            "exact arithmetic takes integers and Fractions only, but "
            f"{name} is {value!r} of type {type(value).__name__}"
        )
    parts = (value.numerator, value.denominator) if isinstance(value, Fraction) else (value, 1)
    for part in parts:
        if isinstance(part, np.integer) and abs(int(part)) >= WRAPS:
            raise OverflowError(
                f"{name} is {part!r} of type {type(part).__name__}, which may have wrapped around; "
                "use Python's integers or Fractions, in an array of dtype=object"
            )
    return Fraction(int(parts[0]), int(parts[1]))


@dataclass
class Evaluation:
    """What the values of one evaluation share.

    Parameters
    ----------
    stand_in : Fraction
        Number that answers in place of the value when a function looks at it, by a comparison
        with a constant or by `float`. It says nothing about the value, so a function that
        behaves alike for every stand-in has not used the value but by arithmetic.
    divisors : dict
        Every traced value that was divided by, by id. Where none vanishes, no denominator does.
    compared, equated : set of Fraction
        Constants that a value was compared with, or held equal to.
    """

    stand_in: Fraction = Fraction(1, 2)
    divisors: dict[int, Traced] = field(default_factory=dict)
    compared: set[Fraction] = field(default_factory=set)
    equated: set[Fraction] = field(default_factory=set)

    def others(self) -> Iterator[Fraction]:
        """Stand-ins for all sides of the constants: one in each gap, and each that was equated."""
        ends = sorted(self.compared | self.equated)
        yield from self.equated
        if not ends:
            yield Fraction(1, 2)
            return
        yield ends[0] - 1
        yield from ((low + high) / 2 for low, high in pairwise(ends))
        yield ends[-1] + 1


class Traced:
    """Value of a rational function at one point, with bounds on its degrees.

    Arithmetic with integers, Fractions and other traced values follows the rules

    ===========  =========================  =================
    operation    degree of the numerator    of the denominator
    ===========  =========================  =================
    a + b        max(n_a + d_b, n_b + d_a)  d_a + d_b
    a * b        n_a + n_b                  d_a + d_b
    a / b        n_a + d_b                  d_a + n_b
    ===========  =========================  =================

    so nobody has to be trusted to count. Whatever is not a rational function (a rounding, a
    float, a comparison of two values) raises TypeError. A comparison with a constant, as in a
    check that a probability lies in [0, 1], is answered by a stand-in: see `Evaluation`.

    Parameters
    ----------
    value : Fraction
        The value.
    numerator, denominator : int
        Degrees, at most, of the polynomials whose quotient it is.
    evaluation : Evaluation
        Shared by all values of one evaluation.
    """

    __hash__ = None  # type: ignore[assignment] # it may not be a key
    __slots__ = ("denominator", "evaluation", "numerator", "value")

    def __init__(
        self, value: Fraction, numerator: int, denominator: int, evaluation: Evaluation
    ) -> None:
        self.value = value
        self.numerator = numerator
        self.denominator = denominator
        self.evaluation = evaluation

    def _lift(self, other: Any) -> Any:
        """`other` as a traced constant; NotImplemented for an array, which loops by itself."""
        if isinstance(other, Traced):
            return other
        if isinstance(other, np.ndarray):
            return NotImplemented
        return Traced(exact(other), 0, 0, self.evaluation)

    def __add__(self, other):
        other = self._lift(other)
        if other is NotImplemented:
            return other
        return Traced(
            self.value + other.value,
            max(self.numerator + other.denominator, other.numerator + self.denominator),
            self.denominator + other.denominator,
            self.evaluation,
        )

    def __mul__(self, other):
        other = self._lift(other)
        if other is NotImplemented:
            return other
        return Traced(
            self.value * other.value,
            self.numerator + other.numerator,
            self.denominator + other.denominator,
            self.evaluation,
        )

    def __truediv__(self, other):
        other = self._lift(other)
        if other is NotImplemented:
            return other
        if other.numerator:
            self.evaluation.divisors[id(other)] = other  # kept alive: no id is used twice
        return Traced(
            self.value / other.value,
            self.numerator + other.denominator,
            self.denominator + other.numerator,
            self.evaluation,
        )

    def __rtruediv__(self, other):
        other = self._lift(other)
        return other if other is NotImplemented else other / self

    def __pow__(self, exponent):
        if not isinstance(exponent, numbers.Integral):
            raise TypeError(f"only integer powers are rational functions, got {exponent!r}")
        if exponent < 0:
            return 1 / self**-exponent
        exponent = int(exponent)
        return Traced(
            self.value**exponent,
            self.numerator * exponent,
            self.denominator * exponent,
            self.evaluation,
        )

    def __neg__(self):
        return self * -1

    def __pos__(self):
        return self

    def __sub__(self, other):
        other = self._lift(other)
        return other if other is NotImplemented else self + -other

    def __rsub__(self, other):
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def _look(self, other: Any, equated: bool = False) -> tuple[Fraction, Fraction]:
        """The stand-in and the constant that it is to be compared with, which is noted."""
        if isinstance(other, Traced):
            self._refuse()
        constant = exact(other)
        (self.evaluation.equated if equated else self.evaluation.compared).add(constant)
        return self.evaluation.stand_in, constant

    def __lt__(self, other):
        own, constant = self._look(other)
        return own < constant

    def __le__(self, other):
        own, constant = self._look(other)
        return own <= constant

    def __gt__(self, other):
        own, constant = self._look(other)
        return own > constant

    def __ge__(self, other):
        own, constant = self._look(other)
        return own >= constant

    def __eq__(self, other):
        own, constant = self._look(other, equated=True)
        return own == constant

    def __ne__(self, other):
        return not self == other

    def __bool__(self):
        return self != 0

    def __float__(self):
        self.evaluation.compared.update((Fraction(0), Fraction(1)))
        return float(self.evaluation.stand_in)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "an identity is tested between rational functions: no rounding, no absolute value, "
            "no comparison of two values"
        )

    __complex__ = __int__ = __index__ = __round__ = __abs__ = _refuse
    __floor__ = __ceil__ = __trunc__ = __mod__ = __floordiv__ = _refuse


numbers.Real.register(Traced)  # so that a check of a probability's type lets it pass
