"""Traced fractions: the arithmetic of Fractions, and degrees that bound the true ones."""

from fractions import Fraction

import numpy as np
import sympy

from dropcheck.rational import Evaluation, Traced


def random_expression(rng, z, steps):
    """A random formula in the variables `z`; the same for any type of `z` at the same seed."""
    terms = [*z, Fraction(2, 3) if isinstance(z[0], Traced) else sympy.Rational(2, 3)]
    for _ in range(steps):
        a, b = terms[rng.integers(len(terms))], terms[rng.integers(len(terms))]
        operation = rng.integers(6)
        if operation == 0:
            new = a + b
        elif operation == 1:
            new = a - 2 * b
        elif operation == 2:
            new = a * b
        elif operation == 3:
            new = a / (b * b + 3)
        elif operation == 4:
            new = a**2
        else:
            new = (a + 1) ** -1 if rng.integers(2) else 1 - a
        terms.append(new)
    return terms[-1]


def test_traced_degrees_bound_the_true_ones(seed):
    """Against SymPy, on random formulas: same value, degrees of numerator and of poles bounded."""
    x, y = sympy.symbols("x y")
    point = {x: sympy.Rational(3, 7), y: sympy.Rational(5, 11)}
    for k in range(40):
        shared = Evaluation()
        traced = [Traced(Fraction(int(v.p), int(v.q)), 1, 0, shared) for v in point.values()]
        found = random_expression(np.random.default_rng([seed, k]), traced, 7)
        formula = sympy.sympify(random_expression(np.random.default_rng([seed, k]), (x, y), 7))
        if isinstance(found, Fraction):
            continue
        value = formula.subs(point)
        assert found.value == Fraction(int(value.p), int(value.q))
        top, bottom = sympy.fraction(sympy.cancel(sympy.together(formula)))
        assert found.numerator >= sympy.total_degree(top, x, y)
        assert found.denominator >= sympy.total_degree(bottom, x, y)
        factors = [factor for factor, _ in sympy.factor_list(bottom, x, y)[1]]
        poles = sum(divisor.numerator for divisor in shared.divisors.values())
        assert poles >= sum(sympy.total_degree(factor, x, y) for factor in factors)


def test_traced_arithmetic_is_that_of_fractions():
    a, b = Fraction(3, 7), Fraction(-5, 11)
    shared = Evaluation()
    x, y = Traced(a, 1, 0, shared), Traced(b, 1, 0, shared)
    cases = [
        (x + y, a + b), (x - y, a - b), (x * y, a * b), (x / y, a / b), (-x, -a), (+x, a),
        (2 + x, 2 + a), (2 - x, 2 - a), (2 * x, 2 * a), (2 / x, 2 / a), (x**3, a**3),
        (x**-2, a**-2), (x**0, 1), (x + True, a + 1), (x * np.bool_(True), a),
        (np.int64(3) * x, 3 * a), (x - b, a - b), (b - x, b - a), (b / x, b / a),
    ]  # fmt: skip
    for traced, value in cases:
        assert traced.value == value
    assert (x / y + x).numerator == 2
    assert (x / y + x).denominator == 1
