"""Identity testing: two rational functions that agree at a random point are equal."""

import math
import numbers
from fractions import Fraction

import numpy as np

from .masks import generator
from .rational import Traced, is_exact
from .report import Report

__all__ = ["identity"]

MAX_REDRAWS = 200


def identity(lhs, rhs, variables, degree=None, *, rng, trials=1, bits=64):
    """Test whether two rational functions are the same, in exact arithmetic.

    Both sides are evaluated at random rational points and compared with no rounding at all.
    A difference is a counterexample and rejects with certainty; agreement leaves the
    probability `false_pass` that the functions differ all the same.

    Parameters
    ----------
    lhs, rhs : callable
        Take the point, an object array of shape (variables,), and return a number or an array,
        both sides of one shape. Only ``+ - * /`` and integer powers, alone or through NumPy
        (``@``, ``sum``, ``prod``, ``where`` on a mask ...), with integers and Fractions.
        A constraint such as q = 1 - p is computed inside.
    variables : int
        Number of independent variables.
    degree : int, optional
        Total degree, at most, of every entry's numerator and of the common denominator. By
        default it is counted while the sides are computed, and whatever is not a rational
        function is refused. If given, it is believed, and the point holds plain Fractions, so
        that functions which inspect their arguments (such as `mask_weights`) can be tested.
    rng : numpy.random.Generator or int
        Source of the points, or a seed.
    trials : int
        Number of independent points; the bound is raised to this power.
    bits : int
        Coordinates are uniform over the 2^bits fractions k / (2^bits + 1), all inside (0, 1):
        probabilities stay probabilities.

    Returns
    -------
    Report
        With `false_pass`, and `false_alarm` 0.

    Raises
    ------
    TypeError
        If a float or a comparison sneaks in.
    ValueError
        If the shapes differ, the degree is too high for `bits` (the bound would be no less
        than 1), or a denominator vanishes at every point.

    Notes
    -----
    Let S be the set of coordinates, D a nonzero polynomial that vanishes wherever the
    evaluation divides by zero, and P the numerator of an entry of lhs - rhs that is not
    identically zero; let d bound both degrees. A nonzero polynomial of degree d in n variables
    has at most ``d |S|^(n-1)`` zeros in S^n (Schwartz 1980; Zippel 1979; DeMillo and Lipton 1978).
    A pole is drawn again, so the point is uniform over at least
    ``|S|^n - d |S|^(n-1)`` points, of which at most ``d |S|^(n-1)`` are zeros of P. Hence::

        P(false pass) <= d / (|S| - d),

    attained by the quotient of two polynomials of degree d in one variable whose 2d roots all
    lie in S. Trials are independent, so the bounds multiply.

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
    rng = _checked(variables, degree, rng, trials, bits)
    miss, passed = Fraction(1), True
    for _ in range(trials):
        point_miss, agree = _try_point(lhs, rhs, variables, degree, rng, bits)
        miss *= point_miss
        passed = passed and agree
    false_pass = math.nextafter(float(miss), 1.0) if miss else 0.0  # rounded up
    return Report(
        passed=passed, method="identity", cases=trials, false_pass=false_pass, false_alarm=0.0
    )


def _checked(variables, degree, rng, trials, bits):
    """The generator, once the arguments make sense."""
    counts = {"variables": variables, "trials": trials, "bits": bits}
    if degree is not None:
        counts["degree"] = degree
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError(f"{name} must be an integer, got {name}={value!r}")
        if value < (name != "degree"):
            raise ValueError(f"{name} must be at least 1, got {name}={value!r}")
    return generator(rng)


def _try_point(lhs, rhs, variables, degree, rng, bits):
    """Compare at one random point: (bound on a false pass, whether the sides agree)."""
    for _ in range(MAX_REDRAWS):
        values = [Fraction(_draw(rng, bits), (1 << bits) + 1) for _ in range(variables)]
        divisors = {}
        if degree is None:
            values = [Traced(value, 1, 0, divisors) for value in values]
        point = np.empty(variables, dtype=object)
        point[:] = values
        try:
            difference = _difference(lhs(point.copy()), rhs(point.copy()))
        except ZeroDivisionError:
            continue
        if degree is None:
            top = max((entry.numerator for entry in difference if _traced(entry)), default=0)
            poles = sum(divisor.numerator for divisor in divisors.values())
            agree = all((e.value if _traced(e) else e) == 0 for e in difference)
        else:
            top = poles = degree
            agree = all(entry == 0 for entry in difference)
        if (1 << bits) <= top + poles:
            raise ValueError(
                f"degree {max(top, poles)} is too high for bits={bits}: a false pass is not "
                f"bounded below 1 unless 2^bits exceeds {top + poles}"
            )
        return Fraction(top, (1 << bits) - poles), agree
    raise ValueError(
        f"identity(variables={variables}, bits={bits}) divided by zero at {MAX_REDRAWS} random "
        "points in a row: a denominator is identically zero, or bits too few for the degree"
    )


def _draw(rng, bits):
    """A uniform integer from 1 to 2^bits."""
    size = -(-bits // 8)
    return 1 + (int.from_bytes(rng.bytes(size), "little") >> (8 * size - bits))


def _traced(value):
    return isinstance(value, Traced)


def _difference(left, right):
    """Entries of left - right, which must be exact and of one shape."""
    left, right = np.asarray(left, dtype=object), np.asarray(right, dtype=object)
    if left.shape != right.shape:
        raise ValueError(
            f"both sides of an identity must have one shape, got lhs of shape {left.shape} and "
            f"rhs of shape {right.shape}"
        )
    for value in (*left.flat, *right.flat):
        if not (_traced(value) or is_exact(value)):
            raise TypeError(
                "an identity is tested in exact arithmetic, of integers and Fractions only; "
                f"got {value!r} of type {type(value).__name__}"
            )
    return [a - b for a, b in zip(left.flat, right.flat, strict=True)]
