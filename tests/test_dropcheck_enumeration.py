"""Averages over all masks: the proved rounding bound holds, is not vacuous, and rejects."""

from fractions import Fraction

import numpy as np
import pytest

from dropcheck import enumeration, expectation
from dropoutlib.masks import enumerate_masks

EPS = np.finfo(float).eps


def exactly(array):
    """The array's floats as the Fractions they are."""
    flat = [Fraction(float(value)) for value in np.ravel(array)]
    return np.array(flat, dtype=object).reshape(np.shape(array))


def output(masks, W, x, q):
    """(W (x m / q))^2, entry by entry: as NumPy rounds it, or exactly."""
    return ((masks * x / q) @ W.T) ** 2


def test_the_bound_holds_against_exact_arithmetic_and_is_not_vacuous(rng):
    used = []
    for _ in range(60):
        n, p = int(rng.integers(0, 8)), float(rng.choice([rng.random(), 0.5, 1e-9, 1 - 1e-9]))
        x, W = rng.normal(size=n) * 10.0 ** rng.integers(-3, 4), rng.normal(size=(3, n))
        q = 1 - Fraction(p)
        # Along a path: 1 - p, the product, the quotient, W, n additions (twice over, squared).
        ulps = 2 * (n + 4) / 2 + 1
        scale = ((np.abs(W) @ np.abs(x)) / (1 - p)) ** 2
        value, bound = expectation(
            lambda masks, W=W, x=x, p=p: output(masks, W, x, 1 - p), n, p, ulps=ulps, scale=scale
        )
        exact, zero = expectation(
            lambda masks, W=W, x=x, q=q: output(masks.astype(object), exactly(W), exactly(x), q),
            n,
            Fraction(p),
        )
        assert zero == 0
        error = np.abs(exactly(value) - exact)
        assert np.all(error <= exactly(bound))
        used.append(np.max(error / np.maximum(exactly(bound), Fraction(1, 10**300))))
    assert max(used) > 1e-3


def test_the_bound_of_the_sum_alone_holds_and_is_not_vacuous(rng):
    """With f exact (integers, ulps = 0) what is left comes from weights, products and sums."""
    used = []
    for _ in range(60):
        n, p = int(rng.integers(1, 14)), float(rng.random())
        table = rng.integers(-1000, 1000, size=n)
        value, bound = expectation(lambda masks, t=table: masks @ t, n, p, ulps=0)
        exact = sum(int(t) for t in table) * (1 - Fraction(p))
        error = abs(Fraction(float(value)) - exact)
        assert error <= Fraction(float(bound))
        used.append(float(error) / bound)
    assert max(used) > 1e-2


@pytest.mark.parametrize("p", [1e-16, 0.1, 0.3, 1 - 1e-16])
def test_weights_are_rounded_once(p):
    """(1 - p)^n in floats would be off by n roundings of 1 - p."""
    value, _ = expectation(lambda masks: masks.all(axis=1), 12, p)
    assert value == float((1 - Fraction(p)) ** 12)


@pytest.mark.parametrize("n", [3, 12, 14])
def test_the_bound_is_the_one_derived(n):
    _, bound = expectation(lambda masks: np.full(len(masks), 2.0), n, 0.3, ulps=0)
    assert bound == pytest.approx(2 * (n + 3) * EPS / 2, rel=1e-9, abs=0)
    _, bound = expectation(lambda masks: np.full(len(masks), 2.0), n, 0.3, ulps=5, scale=10)
    assert bound == pytest.approx(2 * (n + 3) * EPS / 2 + 50 * EPS, rel=1e-9, abs=0)


def test_the_bound_covers_underflow():
    p = 1e-160  # p^2 is subnormal: it has 4 digits, not 16
    value, bound = expectation(lambda masks: ~masks.any(axis=1), 2, p, ulps=0)
    error = abs(Fraction(float(value)) - Fraction(p) ** 2)
    assert 0 < error <= Fraction(float(bound))
    assert bound < 1e-320


@pytest.mark.parametrize("n", [0, 1, 5, 12, 13, 15])
def test_every_mask_is_seen_once_and_in_order(n):
    seen = []

    def f(masks):
        assert masks.dtype == bool
        seen.append(masks.copy())
        return np.ones(len(masks))

    value, _ = expectation(f, n, 0.3)
    assert np.array_equal(np.vstack(seen), enumerate_masks(n))
    assert value == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.999, 1.0])
def test_moments_of_the_number_kept(p):
    n, q = 14, 1 - p

    def moments(masks):
        kept = masks.sum(axis=1)
        return np.stack([kept, kept**2, kept == 0], axis=1)

    stated = [n * q, n * q * p + (n * q) ** 2, p**n]
    assert enumeration(moments, stated, n, p)
    if p not in (0.0, 0.5, 1.0):
        assert not enumeration(moments, [n * p, *stated[1:]], n, p)


def test_exact_mode_compares_fractions():
    p, x = Fraction(1, 3), np.array([Fraction(2), Fraction(-1, 7)], dtype=object)
    report = enumeration(lambda masks: masks * x / (1 - p), x, 2, p)
    assert report
    assert (report.rounding, report.error, report.cases) == (0, 0, 4)
    off = x + np.array([0, Fraction(1, 10**40)], dtype=object)
    assert not enumeration(lambda masks: masks * x / (1 - p), off, 2, p)


def test_wrong_statements_are_rejected(rng):
    x, p = rng.normal(size=6), 0.3
    assert enumeration(lambda masks: masks * x / (1 - p), x, 6, p)
    for wrong in (1, 1 / p, 1 / (1 - p) ** 2):
        assert not enumeration(lambda masks, wrong=wrong: masks * x * wrong, x, 6, p)


def test_a_statement_is_rejected_beyond_twice_the_bound_only(rng):
    x, p = rng.normal(size=6), 0.3

    def f(masks):
        return (masks @ x) ** 2

    value, bound = expectation(f, 6, p)
    bound += 4 * EPS * abs(value)
    assert enumeration(f, value + 0.9 * bound, 6, p)
    assert not enumeration(f, value + 2.1 * bound, 6, p)


def test_scale_is_needed_where_terms_cancel():
    def cancelling(masks):
        return (0.1 * masks[:, 0] + 1e8) - 1e8

    assert not enumeration(cancelling, 0.07, 1, 0.3)
    assert enumeration(cancelling, 0.07, 1, 0.3, scale=1e8)
    assert not enumeration(cancelling, 0.08, 1, 0.3, scale=1e8)


def test_masks_can_be_many():
    n, p = 20, 0.3
    report = enumeration(lambda masks: masks.sum(axis=1), n * (1 - p), n, p)
    assert report
    assert report.cases == 2**20
    assert report.rounding < 1e-12


def test_one_number_may_stand_for_every_entry():
    assert enumeration(lambda masks: masks - 0.7, 0.0, 3, 0.3)
    assert not enumeration(lambda masks: masks - 0.3, 0.0, 3, 0.3)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"f": lambda masks: masks.sum()}, r"one value for each of 8 masks, got shape \(\)"),
        ({"f": lambda masks: masks.astype(np.float32)}, "float32"),
        ({"f": lambda masks: masks + 1j}, "complex128"),
        ({"f": lambda masks: np.where(masks, np.nan, 1.0)}, "finite"),
        ({"f": lambda masks: np.where(masks, np.inf, 1.0)}, "finite"),
        ({"expected": [1.0, 2.0]}, r"\(3,\), or be a number, got shape \(2,\)"),
        ({"n": 27}, "n=27"),
        ({"n": -1}, "n=-1"),
        ({"n": 2.0}, "n=2.0"),
        ({"n": True}, "n=True"),
        ({"p": 1.5}, "p=1.5"),
        ({"p": Fraction(3, 2)}, r"p=Fraction\(3, 2\)"),
    ],
)
def test_bad_calls_say_what_is_wrong(call, error):
    arguments = {"f": lambda masks: masks, "expected": 0.7, "n": 3, "p": 0.3} | call
    with pytest.raises(ValueError, match=error):
        enumeration(**arguments)


def test_a_float_among_fractions_is_refused():
    with pytest.raises(TypeError, match=r"f's value is .*0\.5"):
        expectation(lambda masks: masks + 0.5, 2, Fraction(1, 3))
    with pytest.raises(TypeError, match=r"expected is 0\.5"):
        enumeration(lambda masks: masks.sum(axis=1), 0.5, 2, Fraction(1, 3))


def test_integers_that_may_have_wrapped_are_refused():
    """5^40 wraps around in 64 bits; the largest entry that is believed is below 2^31."""
    for p in (Fraction(1, 3), 0.3):
        with pytest.raises(OverflowError, match="may have wrapped"):
            expectation(lambda masks: (5 * masks.astype(np.int64)) ** 40, 1, p)
        expectation(lambda masks: masks.astype(np.int64)[:, 0] * (2**31 - 1), 1, p)
