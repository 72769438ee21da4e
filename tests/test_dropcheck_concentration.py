"""Hoeffding's bound inverted: false alarm and power against exact binomial probabilities."""

import numpy as np
import pytest
from mpmath import log, mpf, workdps
from scipy.stats import binom

from dropcheck import mean_test, rate_test, samples_needed
from dropcheck.concentration import divergence


def rejection_rate(n, truth, stated, false_alarm):
    """Exact probability that rate_test rejects `stated` when draws succeed with rate `truth`."""
    low, high = rate_test(0, n, stated, false_alarm=false_alarm).interval
    return binom.cdf(np.ceil(n * low) - 1, n, truth) + binom.sf(np.floor(n * high), n, truth)


@pytest.mark.parametrize("n", [1, 7, 100, 3000, 10**6])
@pytest.mark.parametrize("q", [0.0, 1e-4, 0.1, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("false_alarm", [0.3, 0.05, 1e-6])
def test_the_false_alarm_bound_holds_exactly(n, q, false_alarm):
    """No simulation: the number of successes is binomial and the interval is known."""
    assert rejection_rate(n, q, q, false_alarm) <= false_alarm


@pytest.mark.parametrize("entries", [1, 20])
def test_the_interval_ends_where_hoeffdings_bound_says(entries):
    """Where n KL(edge || mean) = ln(2 k / false alarm): two sides, k entries."""
    n, mean = 700, np.full(entries, 0.2)
    for edge in mean_test(np.tile(mean, (n, 1)), mean, 0, 1, false_alarm=0.01).interval:
        assert n * divergence(edge, 0.2) == pytest.approx(np.log(2 * entries / 0.01), rel=1e-9)


def test_the_false_alarm_bound_is_not_vacuous():
    """Hoeffding's bound is known to lose a factor that grows slowly with the deviation."""
    assert rejection_rate(10_000, 0.3, 0.3, 0.05) > 0.05 / 20
    assert rejection_rate(10_000, 0.3, 0.3, 1e-6) > 1e-6 / 30


@pytest.mark.parametrize(("q", "wrong"), [(0.5, 0.45), (0.9, 0.91), (0.01, 0.02), (0.0, 0.01)])
@pytest.mark.parametrize("n", [50, 1000, 8000, 40_000])
def test_the_power_holds_exactly_in_both_directions(n, q, wrong):
    power = rate_test(0, n, q, wrong=wrong).power
    assert power <= rejection_rate(n, q, wrong, 1e-6) + 1e-12
    assert power <= rejection_rate(n, wrong, q, 1e-6) + 1e-12


def test_the_power_is_not_vacuous():
    n = samples_needed(0.5, 0.45, 0, 1)
    at_half = n // 2  # a test with exact tails would need more than half as many draws
    assert (
        min(rejection_rate(at_half, 0.5, 0.45, 1e-6), rejection_rate(at_half, 0.45, 0.5, 1e-6))
        < 0.999
    )


@pytest.mark.parametrize(
    ("mean", "wrong", "low", "high"),
    [(0.5, 0.45, 0, 1), (0.0, 0.01, 0, 1), (2.0, 1.4, 0, 2.9), (-0.1, 0.1, -1, 1)],
)
def test_samples_needed_is_the_smallest_number(mean, wrong, low, high):
    n = samples_needed(mean, wrong, low, high)

    def power(n):
        return mean_test(np.full(n, mean), mean, low, high, wrong=wrong).power

    assert power(n) >= 0.999 - 1e-12
    assert power(n - 1) < 0.999
    assert samples_needed(wrong, mean, low, high) == n
    assert samples_needed(mean, wrong, low, high, false_alarm=1e-9, miss=1e-6) > n


def test_one_telling_entry_is_enough():
    alone = samples_needed(0.5, 0.4, 0, 1, false_alarm=0.5e-6)
    assert samples_needed([0.5, 0.5], [0.4, 0.5], 0, 1) == alone


def test_equal_means_cannot_be_told_apart():
    with pytest.raises(ValueError, match="cannot tell"):
        samples_needed(0.5, 0.5, 0, 1)
    assert rate_test(5, 10, 0.5, wrong=0.5).power == 0


def test_divergence_keeps_its_digits_near_the_mean():
    for m in (1e-6, 0.3, 0.999):
        for step in (1e-3, 1e-6, 1e-9):
            y = m * (1 + step) if m < 0.9 else m - step * (1 - m)
            with workdps(50):
                a, b = mpf(y), mpf(m)
                exact = float(a * log(a / b) + (1 - a) * log((1 - a) / (1 - b)))
            # Its two terms, of the size of y - m, cancel: their rounding is what is left.
            assert abs(divergence(y, m) - exact) <= 1e-15 * abs(y - m)
    assert divergence(np.array(0.0), np.array(0.0)) == 0
    assert divergence(np.array(1.0), np.array(1.0)) == 0
    assert divergence(np.array(0.5), np.array(0.0)) == np.inf
    assert divergence(np.array(0.5), np.array(1.0)) == np.inf
