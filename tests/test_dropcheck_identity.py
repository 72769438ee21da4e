"""Identity testing: exact, sound about the degree, and right about its false passes."""

import math
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from scipy.stats import binom

from dropcheck import identity
from dropcheck.exact import _draw
from dropoutlib.masks import enumerate_masks, mask_weights

TAIL = 1e-7  # false alarm of one random assertion
MASKS = enumerate_masks(3)


def masked_mean(z, factor):
    """Mean of x * m * factor(q) over all masks of three units, p being the last variable."""
    x, p = z[:3], z[3]
    weights = np.prod(np.where(MASKS, 1 - p, p), axis=1)
    return weights @ (MASKS * x * factor(1 - p))


def test_a_true_identity_passes_and_wrong_ones_fail(rng):
    def test(factor):
        return identity(lambda z: masked_mean(z, factor), lambda z: z[:3], 4, rng=rng)

    right = test(lambda q: 1 / q)
    assert right
    assert right.false_alarm == 0
    assert 0 < right.false_pass < 1e-17
    for wrong in (lambda q: 1, lambda q: 1 / (1 - q), lambda q: 1 / q**2):
        assert not test(wrong)


def test_library_functions_that_want_a_probability_can_be_tested(rng):
    def total(z):
        return mask_weights(MASKS, z[0]).sum()

    assert identity(total, lambda z: 1, 1, rng=rng)
    assert not identity(total, lambda z: z[0], 1, rng=rng)


def absolute(z):
    return z if z > 0 else -z


@pytest.mark.parametrize(
    "side",
    [
        lambda z: absolute(z[0]),
        lambda z: absolute(z[0] - 5) + 5,
        lambda z: max(z[0], 0),
        lambda z: np.maximum(z, 0)[0],
        lambda z: np.where(z > -100, z, 0)[0],
        lambda z: z[0] + math.floor(z[0]),
        lambda z: z[0] + int(float(z[0])),
        lambda z: Fraction(float(z[0])),
        lambda z: z[0] if z[0] > Fraction(1, 2) or z[0] < Fraction(2, 5) else 1,
    ],
)
def test_both_sides_of_a_branch_are_tried(rng, side):
    """Each is z at points on one side; all points in (0, 1) passed them once."""
    with pytest.raises(TypeError, match="rational functions"):
        identity(side, lambda z: z[0], 1, rng=rng)


def test_degrees_are_counted_not_declared(rng):
    with pytest.raises(TypeError, match="degree"):
        identity(lambda z: z[0] ** 50, lambda z: z[0], 1, degree=1, rng=rng)
    report = identity(lambda z: z[0] ** 50, lambda z: z[0] ** 25 * z[0] ** 25, 1, rng=rng)
    assert report.false_pass == pytest.approx(50 / 2**64)


def test_a_value_treated_apart_is_named(rng):
    report = identity(lambda z: z[0] if z[0] != 0 else 7, lambda z: z[0], 1, rng=rng)
    assert report
    assert "no value is 0, treated apart" in report.assumes


def test_one_wrong_entry_among_many_rejects(rng):
    x = np.arange(1, 10)
    y = x.copy()
    y[4] += 1
    assert identity(lambda z: x * z[0], lambda z: z[0] * x, 1, rng=rng)
    assert not identity(lambda z: x * z[0], lambda z: z[0] * y, 1, rng=rng)


POINTS = {k: Fraction(2 * k - 9, 9) for k in range(1, 9)}


def with_roots(roots, poles=()):
    """A rational function with these roots and poles among the eight points of bits = 3."""

    def f(z):
        top = prod((z[0] - POINTS[k] for k in roots), start=Fraction(1))
        return top / prod((z[0] - POINTS[k] for k in poles), start=Fraction(1))

    return f


@pytest.mark.parametrize(
    ("roots", "poles", "rate"),
    [([1, 2, 3, 4, 5, 6, 7], [], 7 / 8), ([2, 5, 7], [1, 6, 8], 3 / 5), ([3, 5, 6], [4], 3 / 7)],
)
@pytest.mark.parametrize("trials", [1, 2])
def test_the_false_pass_bound_holds_and_is_attained(rng, roots, poles, rate, trials):
    """A false statement whose roots and poles are all among the eight points, the worst case."""
    runs, wrong = 1500, with_roots(roots, poles)
    reports = [identity(wrong, lambda z: 0, 1, rng=rng, bits=3, trials=trials) for _ in range(runs)]
    bound = rate**trials
    assert reports[0].false_pass == pytest.approx(bound, rel=1e-12)
    assert reports[0].false_pass >= bound * (1 - 1e-15)
    passes = sum(report.passed for report in reports)
    low, high = binom.ppf(TAIL, runs, bound), binom.ppf(1 - TAIL, runs, bound)
    assert low <= passes <= high


def test_the_bound_of_several_trials(rng):
    report = identity(lambda z: z[0] ** 5, lambda z: z[0] ** 5, 1, rng=rng, trials=3)
    exact = Fraction(5, 2**64 - 5) ** 3
    assert Fraction(report.false_pass) >= exact
    assert report.false_pass <= float(exact) * (1 + 1e-15)
    assert report.cases == 3


def test_several_variables_keep_the_bound(rng):
    """A product of two lines through the 8 x 8 points vanishes at 15 of them; the bound is 16."""
    runs = 1500

    def wrong(z):
        return (z[0] - POINTS[1]) * (z[1] - POINTS[1])

    reports = [identity(wrong, lambda z: 0, 2, rng=rng, bits=3) for _ in range(runs)]
    assert reports[0].false_pass == pytest.approx(2 / 8)
    passes = sum(report.passed for report in reports)
    assert binom.ppf(TAIL, runs, 15 / 64) <= passes <= binom.ppf(1 - TAIL, runs, 15 / 64)


@pytest.mark.parametrize("bits", [1, 3, 8, 11])
def test_points_are_uniform(rng, bits):
    draws = [_draw(rng, bits) for _ in range(4000)]
    size = 1 << bits
    assert set(draws) <= set(range(1, size + 1))
    below = sum(draw <= size // 2 for draw in draws)
    odd = sum(draw % 2 for draw in draws)
    for count in (below, odd):
        assert binom.ppf(TAIL, 4000, 0.5) <= count <= binom.ppf(1 - TAIL, 4000, 0.5)


def test_points_have_either_sign(rng):
    seen = []
    identity(lambda z: seen.append(z[0]) or z[0], lambda z: z[0], 1, rng=rng, trials=60, bits=2)
    assert {point.value for point in seen} == {Fraction(k, 5) for k in (-3, -1, 1, 3)}


def test_numpy_integers_do_not_overflow(rng):
    half = np.int64(2**30)
    assert identity(lambda z: half * (half * z[0] * 16), lambda z: 2**64 * z[0], 1, rng=rng)
    apart = Fraction(np.int64(1), np.int64(3))
    assert identity(lambda z: (z[0] * apart) ** 60, lambda z: z[0] ** 60 / 3**60, 1, rng=rng)


@pytest.mark.parametrize(
    "side",
    [
        lambda z: [Fraction(np.int64(2**62), 3) * z[0]],
        lambda z: np.array([3], dtype=np.int64) ** 41,
    ],
)
def test_numpy_integers_that_may_have_wrapped_are_refused(rng, side):
    with pytest.raises(OverflowError, match="may have wrapped"):
        identity(side, lambda z: [z[0]], 1, rng=rng)


def test_a_pole_is_drawn_again(rng):
    """Of two points one is a pole: half of the draws raise and none of them counts."""

    def f(z):
        return 1 / (z[0] - Fraction(3, 5))

    for _ in range(30):
        assert identity(f, f, 1, rng=rng, bits=2)
    points = []
    identity(lambda z: points.append(z[0].value) or 1 / (z[0] - Fraction(1, 5)), lambda z: 0, 1,
             rng=rng, bits=2, trials=40)  # fmt: skip
    assert Fraction(1, 5) in points
    assert len(points) > 40


@pytest.mark.parametrize(
    ("side", "error"),
    [
        (lambda z: 0.5 * z[0], "exact arithmetic"),
        (lambda z: np.float64(0.5) * z[0], "exact arithmetic"),
        (lambda z: z[0] + 1j, "exact arithmetic"),
        (lambda z: 0.5, "exact arithmetic"),
        (lambda z: float(z[0]), "exact arithmetic"),
        (lambda z: z[0] if z[0] > z[0] ** 2 else 1, "rational functions"),
        (lambda z: abs(z[0]), "rational functions"),
        (lambda z: max(z[0], 0), "rational functions"),
        (lambda z: np.maximum(z, 0)[0], "rational functions"),
        (lambda z: z[0] ** 0.5, "integer powers"),
        (lambda z: z[0] ** z[0], "integer powers"),
        (lambda z: np.exp(z)[0], "exp"),
    ],
)
def test_what_is_not_a_rational_function_is_refused(rng, side, error):
    with pytest.raises(TypeError, match=error):
        identity(side, lambda z: z[0], 1, rng=rng)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"variables": 0}, "variables=0"),
        ({"trials": 0}, "trials=0"),
        ({"bits": 0}, "bits=0"),
        ({"lhs": lambda z: z[0] ** 8, "bits": 3}, "too high for bits=3"),
        ({"lhs": lambda z: z}, r"\(1,\) and rhs of shape \(\)"),
        ({"lhs": lambda z: 1 / (z[0] - z[0])}, "divided by zero"),
    ],
)
def test_bad_calls_say_what_is_wrong(rng, call, error):
    arguments = {"lhs": lambda z: z[0], "rhs": lambda z: z[0], "variables": 1, "rng": rng} | call
    with pytest.raises(ValueError, match=error):
        identity(**arguments)


@pytest.mark.parametrize(
    "call", [{"trials": 1.0}, {"bits": True}, {"rng": None}, {"rng": np.random}]
)
def test_arguments_of_the_wrong_type_are_refused(rng, call):
    arguments = {"lhs": lambda z: z[0], "rhs": lambda z: z[0], "variables": 1, "rng": rng} | call
    with pytest.raises(TypeError):
        identity(**arguments)


def test_a_side_cannot_change_the_point_of_the_other(rng):
    def doubled(z):
        z *= 2
        return z[0]

    assert identity(doubled, lambda z: 2 * z[0], 1, rng=rng)


def test_one_seed_is_one_point_and_no_global_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 -- the legacy state must not move
    seen = []
    for _ in range(2):
        identity(lambda z: seen.append(z[0].value) or z[0], lambda z: z[0], 1, rng=7)
    assert seen[0] == seen[1]
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
