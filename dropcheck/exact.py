"""Identity testing: two rational functions that agree at a random point are equal."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .masks import generator
from .rational import Evaluation, Traced, exact
from .report import Report

__all__ = ["identity"]

MAX_REDRAWS = 200
ASSUMES = "arithmetic on the variables only; NumPy integers that meet no variable must not wrap"

Side = Callable[[np.ndarray], Any]


def identity(
    lhs: Side,
    rhs: Side,
    variables: int,
    *,
    rng: np.random.Generator | int,
    trials: int = 1,
    bits: int = 64,
) -> Report:
    """Test whether two rational functions are the same, in exact arithmetic.

    Both sides are evaluated at random rational points of either sign and compared with no
    rounding at all. A difference is a counterexample and rejects with certainty; agreement
    leaves the probability `false_pass` that the functions differ all the same.

    It proves, up to that probability, one equality of two formulas in so many variables: for
    three units with a symbolic p, not for every number of units. It does not see whether the
    formulas are those of the book or of the library.

    Parameters
    ----------
    lhs, rhs : callable
        Take the point, an object array of shape (variables,), and return a number or an array,
        both sides of one shape. Only ``+ - * /`` and integer powers, alone or through NumPy
        (``@``, ``sum``, ``prod``, ``where`` on a mask ...), with integers and Fractions.
        A constraint such as q = 1 - p is computed inside.
    variables : int
        Number of independent variables.
    rng : numpy.random.Generator or int
        Source of the points, or a seed.
    trials : int
        Number of independent points; the bound is raised to this power.
    bits : int
        Coordinates are uniform over the 2^bits fractions k / (2^bits + 1) with k odd, from
        -2^bits + 1 to 2^bits - 1.

    Returns
    -------
    Report
        With `false_pass`, and `false_alarm` 0.

    Raises
    ------
    TypeError
        If a float or a rounding sneaks in, or a side computes other things on the two sides of
        a comparison: ``abs(z)``, ``z if z > 0 else 0``.
    OverflowError
        If a NumPy integer of 2^31 or more meets a variable: it may have wrapped around.
    ValueError
        If the shapes differ, the degree is too high for `bits` (the bound would be no less
        than 1), or a denominator vanishes at every point.

    Notes
    -----
    Let S be the set of coordinates, D a nonzero polynomial that vanishes wherever the
    evaluation divides by zero, and P the numerator of an entry of lhs - rhs that is not
    identically zero; let d bound both degrees, which are counted while the sides are computed.
    A nonzero polynomial of degree d in n variables has at most ``d |S|^(n-1)`` zeros in S^n
    (Schwartz 1980; Zippel 1979; DeMillo and Lipton 1978). A pole is drawn again, so the point
    is uniform over at least ``|S|^n - d |S|^(n-1)`` points, of which at most ``d |S|^(n-1)``
    are zeros of P. Hence::

        P(false pass) <= d / (|S| - d),

    attained by the quotient of two polynomials of degree d in one variable whose 2d roots all
    lie in S. Trials are independent, so the bounds multiply.

    A function may look at a value only to refuse it, as one does that wants a probability: a
    comparison with a constant is answered for a stand-in, and the evaluation repeated with a
    stand-in on every other side of every constant. Where one does not raise ValueError, its
    formula has to be the same. Single values that a side treats apart (``if p == 0``) are left
    out of what is tested, as poles are; `assumes` names them.

    Examples
    --------
    The second moment of inverted dropout, E x~^2 = q (x/q)^2, is x^2 / q and not q x^2:

    >>> def moment(z):
    ...     x, q = z
    ...     return q * (x / q) ** 2
    >>> print(identity(moment, lambda z: z[0] ** 2 / z[1], 2, rng=0))
    identity: passed, false pass <= 2.2e-19
    >>> bool(identity(moment, lambda z: z[1] * z[0] ** 2, 2, rng=0))
    False
    """
    rng = _checked(variables, rng, trials, bits)
    miss, passed = Fraction(1), True
    apart: set = set()
    for _ in range(trials):
        point_miss, agree = _try_point(lhs, rhs, variables, rng, bits, apart)
        miss *= point_miss
        passed = passed and agree
    false_pass = math.nextafter(float(miss), 1.0) if miss else 0.0  # rounded up
    return Report(
        passed=passed,
        method="identity",
        cases=trials,
        false_pass=false_pass,
        false_alarm=0.0,
        assumes=ASSUMES + "".join(f"; no value is {c}, treated apart" for c in sorted(apart)),
    )


def _checked(
    variables: int, rng: np.random.Generator | int, trials: int, bits: int
) -> np.random.Generator:
    """The generator, once the arguments make sense."""
    for name, value in {"variables": variables, "trials": trials, "bits": bits}.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError(f"{name} must be an integer, got {name}={value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {name}={value!r}")
    return generator(rng)


def _try_point(
    lhs: Side,
    rhs: Side,
    variables: int,
    rng: np.random.Generator,
    bits: int,
    apart: set[Fraction],
) -> tuple[Fraction, bool]:
    """Compare at one random point: (bound on a false pass, whether the sides agree)."""
    for _ in range(MAX_REDRAWS):
        values = [_coordinate(rng, bits) for _ in range(variables)]
        evaluations: list[Evaluation] = []
        try:
            left, right = (_on_every_side(side, values, evaluations, apart) for side in (lhs, rhs))
        except ZeroDivisionError:
            continue
        if left.shape != right.shape:
            raise ValueError(
                f"both sides of an identity must have one shape, got lhs of shape {left.shape} "
                f"and rhs of shape {right.shape}"
            )
        difference = [a - b for a, b in zip(left.flat, right.flat, strict=True)]
        top = max((entry.numerator for entry in difference), default=0)
        poles = sum(
            divisor.numerator
            for evaluation in evaluations
            for divisor in evaluation.divisors.values()
        )
        if (1 << bits) <= top + poles:
            raise ValueError(
                f"degree {max(top, poles)} is too high for bits={bits}: a false pass is not "
                f"bounded below 1 unless 2^bits exceeds {top + poles}"
            )
        agree = all(entry.value == 0 for entry in difference)
        return Fraction(top, (1 << bits) - poles), agree
    raise ValueError(
        f"identity(variables={variables}, bits={bits}) divided by zero at {MAX_REDRAWS} random "
        "points in a row: a denominator is identically zero, or bits too few for the degree"
    )


def _on_every_side(
    side: Side, values: list[Fraction], done: list[Evaluation], apart: set[Fraction]
) -> np.ndarray:
    """Entries of one side, once it is seen to be one formula whatever its comparisons say."""
    found: np.ndarray | None = None
    refusal: ValueError | None = None
    tried: set[Fraction] = set()
    waiting = [Fraction(1, 2)]
    while waiting:
        evaluation = Evaluation(waiting.pop())
        tried.add(evaluation.stand_in)
        point = np.empty(len(values), dtype=object)
        point[:] = [Traced(value, 1, 0, evaluation) for value in values]
        try:
            entries = _entries(side(point), evaluation)
        except ValueError as error:
            refusal = error
        else:
            if found is None:
                found = entries
                done.append(evaluation)
            elif _same(found, entries):
                pass
            elif evaluation.stand_in in evaluation.equated:
                apart.add(evaluation.stand_in)
            else:
                raise TypeError(
                    "an identity is tested between rational functions, and this one is another "
                    f"formula where a value compares like {evaluation.stand_in}"
                )
        waiting += [other for other in evaluation.others() if other not in tried]
        if len(tried) > MAX_REDRAWS:
            raise TypeError("a rational function does not compare its values with so much")
    if found is None:
        raise refusal or ValueError("the function gives no value")
    return found


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two evaluations at one point gave the same numbers."""
    return one.shape == other.shape and all(
        a.value == b.value for a, b in zip(one.flat, other.flat, strict=True)
    )


def _entries(result: Any, evaluation: Evaluation) -> np.ndarray:
    """The result as an array of traced values."""
    wrapped = np.asarray(result)
    entries = np.empty(wrapped.shape, dtype=object)
    for index in np.ndindex(wrapped.shape):
        entry = wrapped[index]
        if not isinstance(entry, Traced):
            entry = Traced(exact(entry, "an entry"), 0, 0, evaluation)
        entries[index] = entry
    return entries


def _coordinate(rng: np.random.Generator, bits: int) -> Fraction:
    """A coordinate, of either sign: an odd number over 2^bits + 1."""
    size = 1 << bits
    return Fraction(2 * _draw(rng, bits) - size - 1, size + 1)


def _draw(rng: np.random.Generator, bits: int) -> int:
    """A uniform integer from 1 to 2^bits."""
    size = -(-bits // 8)
    return 1 + (int.from_bytes(rng.bytes(size), "little") >> (8 * size - bits))
