"""Orders of approximation and inequalities."""

import numpy as np
import pytest

from dropcheck import bound, order, slope

EPS = np.finfo(float).eps
SCALES = 2.0 ** -np.arange(3, 9)


@pytest.mark.parametrize("r", [-0.5, 0.5, 1, 2, 3, 4])
def test_a_pure_power_has_its_order_exactly(r):
    estimate, (low, high) = slope(SCALES, 3 * SCALES**r, value=0)
    assert estimate == pytest.approx(r, abs=1e-12)
    assert high - low < 1e-11


@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_the_interval_holds_the_order_of_many_series(rng, floor):
    """Grids of any spacing, a next term of relative order s, rounding up to near the floor."""
    for _ in range(500):
        r, sign = rng.choice([1, 2, 3]), rng.choice([-1, 1])
        first, second = sign * rng.uniform(0.3, 1), rng.uniform(-0.3, 0.3)
        scale = np.cumprod(rng.uniform(0.4, 0.7, size=6)) / 4
        error = 2 * scale**r * (1 + first * scale + second * scale**2)
        value = floor * error.min() / (1e3 * EPS)
        error += 16 * EPS * value * rng.uniform(-1, 1, size=6)
        ranks = rng.permutation(6)
        _, (low, high) = slope(scale[ranks], sign * error[ranks], value=value)
        assert low <= r <= high
        assert high - low < (0.3 if floor == 0 else 2)


@pytest.mark.parametrize("sign", [-1, 1])
def test_rounding_counts_on_a_sparse_grid_too(sign):
    scale = np.array([1e-6, 1e-3, 1.0])
    value = 0.9 * scale[0] / (1e3 * EPS)
    error = scale.copy()
    error[0] += sign * 16 * EPS * value
    _, (low, high) = slope(scale, error, value=value)
    assert low <= 1 <= high
    assert high - low < 0.01


def test_known_series():
    """Of sin s - s = -s^3/6 + ..., exp s - 1 - s = s^2/2 + ..., sqrt(1 + s) - 1 = s/2 + ..."""
    s = SCALES
    assert order(s, np.sin(s) - s, 3)
    assert order(s, np.exp(s) - 1 - s, 2)
    assert order(s, np.sqrt(1 + s) - 1, 1)
    assert order(s, np.cos(s) - 1 + s**2 / 2, 4)


def test_other_orders_are_rejected():
    error = np.exp(SCALES) - 1 - SCALES
    assert order(SCALES, error, 2)
    for wrong in (0, 1, 1.5, 2.5, 3):
        assert not order(SCALES, error, wrong)


def test_a_coarse_grid_does_not_pass():
    """The whole interval must lie within the tolerance, not the estimate alone."""
    scale = np.array([0.5, 1.0, 2.0])
    error = scale * (1 + scale**2)
    estimate, (low, high) = slope(scale, error)
    assert not order(scale, error, round(estimate, 1), tolerance=0.2)
    assert low < 1 < high


def test_rounding_widens_the_interval():
    error = 1e-9 * SCALES**0.5
    exact, rounded = (slope(SCALES, error, value=value)[1] for value in (0.0, 1.0))
    assert rounded[0] < exact[0] <= exact[1] < rounded[1]  # NumPy 1.26 finds a width of zero


@pytest.mark.parametrize(
    ("scale", "error", "message"),
    [
        ([1, 2], [1, 2], "at least three"),
        ([1, 2, 3], [1, 2], r"\(3,\) and \(2,\)"),
        ([0, 1, 2], [1, 2, 3], "positive"),
        ([1, 1, 2], [1, 2, 3], "different"),
        ([1, 2, np.nan], [1, 2, 3], "positive"),
        ([1, 2, 3], [1, -2, 3], "one sign"),
        ([1, 2, 3], [0, 2, 3], "not 0"),
        ([1, 2, 3], [1, np.inf, 3], "finite"),
        ([1e-7, 1e-3, 1e-2], [1e-14, 1e-6, 1e-4], "1.0e-14 at scale 1.0e-07 is below"),
    ],
)
def test_grids_without_a_slope_are_refused(scale, error, message):
    with pytest.raises(ValueError, match=message):
        slope(scale, error)


def test_the_floor_follows_the_value():
    scale = np.array([1e-7, 1e-6, 1e-5])
    with pytest.raises(ValueError, match="use larger scales"):
        order(scale, scale**2, 2)
    assert order(scale, scale**2, 2, value=scale**2)


def test_a_tolerance_must_be_positive():
    with pytest.raises(ValueError, match="tolerance=0"):
        order(SCALES, SCALES, 1, tolerance=0)


def test_a_bound_passes_with_its_tightness(rng):
    x = rng.uniform(0, np.pi / 2, size=1000)
    report = bound(np.sin(x), x)
    assert report
    assert report.cases == 1000
    assert report.ratio == np.max(np.sin(x) / x)


def test_a_bound_violated_once_is_rejected(rng):
    x = rng.uniform(0.01, np.pi / 2, size=1000)
    limits = x.copy()
    limits[357] = 0.999 * np.sin(x[357])
    report = bound(np.sin(x), limits)
    assert not report
    assert report.ratio == pytest.approx(1 / 0.999)
    assert not bound(np.sin(x), 0.9 * x)


def test_rounding_is_granted_where_stated_and_no_more():
    assert bound([1 + 4 * EPS], [1.0])
    assert not bound([1 + 32 * EPS], [1.0])
    assert bound([1e-17], [0.0], rounding=1e-16)
    assert not bound([1e-15], [0.0], rounding=1e-16)
    assert not bound([1e-15, 0.0], [0.0, 0.0], rounding=[0.0, 1e-14])


def test_a_limit_of_zero_and_negative_values():
    report = bound([-1.0, 0.0], [0.0, 2.0])
    assert report
    assert report.ratio == 0
    assert bound([1e-300], [0.0]).ratio == np.inf


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_does_not_pass(value):
    assert not bound([0.5, value], 1.0)


@pytest.mark.parametrize(
    ("limits", "message"),
    [([], "at least one case"), ([-1.0], "at least 0"), ([np.nan], "finite"), ([np.inf], "finite")],
)
def test_bad_limits_are_refused(limits, message):
    with pytest.raises(ValueError, match=message):
        bound(np.zeros(len(limits)), limits)
