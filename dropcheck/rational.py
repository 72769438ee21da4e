"""Fractions that know the degree of the rational function they were computed by."""

import numbers
from fractions import Fraction

import numpy as np

__all__ = ["Traced", "is_exact"]


def is_exact(value):
    """Whether `value` is a number that arithmetic does not round: an integer or a Fraction."""
    return isinstance(value, (numbers.Rational, np.bool_))


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

    so nobody has to be trusted to count. Whatever is not a rational function (a comparison,
    a rounding, a float) raises TypeError.

    Parameters
    ----------
    value : Fraction
        The value.
    numerator, denominator : int
        Degrees, at most, of the polynomials whose quotient it is.
    divisors : dict
        Shared by all values of one evaluation: every traced value that was divided by, by id.
        Where none of them vanishes, no denominator does.
    """

    __hash__ = None
    __slots__ = ("denominator", "divisors", "numerator", "value")

    def __init__(self, value, numerator, denominator, divisors):
        self.value = value
        self.numerator = numerator
        self.denominator = denominator
        self.divisors = divisors

    def _lift(self, other):
        """`other` as a traced constant; NotImplemented for an array, which loops by itself."""
        if isinstance(other, (Traced, np.ndarray)):
            return other if isinstance(other, Traced) else NotImplemented
        if not is_exact(other):
            raise TypeError(
                "an identity is tested in exact arithmetic, of integers and Fractions only; "
                f"got {other!r} of type {type(other).__name__}"
            )
        if not isinstance(other, Fraction):
            other = int(other)  # a NumPy integer would overflow
        return Traced(Fraction(other), 0, 0, self.divisors)

    def __add__(self, other):
        other = self._lift(other)
        if other is NotImplemented:
            return other
        return Traced(
            self.value + other.value,
            max(self.numerator + other.denominator, other.numerator + self.denominator),
            self.denominator + other.denominator,
            self.divisors,
        )

    def __mul__(self, other):
        other = self._lift(other)
        if other is NotImplemented:
            return other
        return Traced(
            self.value * other.value,
            self.numerator + other.numerator,
            self.denominator + other.denominator,
            self.divisors,
        )

    def __truediv__(self, other):
        other = self._lift(other)
        if other is NotImplemented:
            return other
        if other.numerator:
            self.divisors[id(other)] = other  # kept alive, so that no id is used twice
        return Traced(
            self.value / other.value,
            self.numerator + other.denominator,
            self.denominator + other.numerator,
            self.divisors,
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
            self.divisors,
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

    def _refuse(self, *_):
        raise TypeError(
            "an identity is tested between rational functions: no comparison, branch or rounding"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __float__ = __complex__ = __int__ = __index__ = __round__ = __abs__ = _refuse
