"""Monte Carlo tests: false alarms and power under simulation, rounding and bad calls."""

import numpy as np
import pytest
from scipy.stats import binom

from dropcheck import mean_test, rate_test, variance_test

TAIL = 1e-7  # false alarm of one random assertion


# Bounded draws (low, high, mean) and how to draw them.
DRAWS = {
    "bernoulli": (0, 1, 0.3, lambda rng, size: rng.random(size) < 0.3),
    "uniform": (-1, 3, 1.0, lambda rng, size: rng.uniform(-1, 3, size)),
    "beta": (0, 1, 0.2 / 0.7, lambda rng, size: rng.beta(0.2, 0.5, size)),
    "three points": (-1, 2, 0.1, lambda rng, size: rng.choice([-1, 0, 2], size, p=[0.3, 0.5, 0.2])),
    "rare": (0, 10, 0.1, lambda rng, size: 10 * (rng.random(size) < 0.01)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n", [3, 40, 400])
def test_false_alarms_are_rare_under_simulation(rng, name, n):
    low, high, mean, draw = DRAWS[name]
    runs, false_alarm = 4000, 0.05
    samples = draw(rng, (runs, n)).astype(float)
    a, b = mean_test(samples[0], mean, low, high, false_alarm=false_alarm).interval
    means = samples.mean(axis=1)
    rejected = (means < a) | (means > b)
    assert rejected.sum() <= binom.ppf(1 - TAIL, runs, false_alarm)
    # The verdict is what the interval says.
    for k in (*np.flatnonzero(rejected)[:20], *np.flatnonzero(~rejected)[:20]):
        report = mean_test(samples[k], mean, low, high, false_alarm=false_alarm)
        assert report.passed == (not rejected[k])


def test_draws_need_not_be_identically_distributed(rng):
    """Hoeffding's theorem asks for independence and bounds only: two rates, one mean."""
    runs, n = 4000, 200
    rates = np.repeat([0.1, 0.7], n // 2)
    means = (rng.random((runs, n)) < rates).mean(axis=1)
    a, b = mean_test(np.zeros(n), 0.4, 0, 1, false_alarm=0.05).interval
    assert np.sum((means < a) | (means > b)) <= binom.ppf(1 - TAIL, runs, 0.05)


def test_entries_share_the_false_alarm_probability(rng):
    runs, n, entries, false_alarm = 600, 50, 20, 0.3
    draws = rng.random((runs, n, entries)) < 0.5
    alarms = sum(not mean_test(d, 0.5, 0, 1, false_alarm=false_alarm) for d in draws)
    assert alarms <= binom.ppf(1 - TAIL, runs, false_alarm)
    # One at a time, the same entries at the same level would raise far more alarms.
    a, b = mean_test(draws[0, :, 0], 0.5, 0, 1, false_alarm=false_alarm).interval
    means = draws.mean(axis=1)
    assert np.any((means < a) | (means > b), axis=1).sum() > alarms


def test_simulated_power_is_at_least_the_stated_one(rng):
    n, runs, q, wrong = 300, 4000, 0.5, 0.66
    power = rate_test(n // 2, n, q, wrong=wrong, false_alarm=0.05).power
    assert 0.5 < power < 0.99
    for truth, stated in ((q, wrong), (wrong, q)):
        a, b = rate_test(0, n, stated, false_alarm=0.05).interval
        means = rng.binomial(n, truth, size=runs) / n
        assert np.sum((means < a) | (means > b)) >= binom.ppf(TAIL, runs, power)


def test_wrong_means_are_rejected(rng):
    x, q = 2.0, 0.7
    samples = x * (rng.random(20_000) < q) / q
    report = mean_test(samples, x, 0, x / q, wrong=q * x)
    assert report
    assert report.power > 0.999
    assert report.false_alarm == 1e-6
    assert not mean_test(samples, q * x, 0, x / q)


def test_variance_false_alarms_are_rare_under_simulation(rng):
    runs, n, q = 4000, 400, 0.8
    noise = (rng.random((runs, n)) < q) / q
    variance = (1 - q) / q
    a, b = variance_test(noise[0], variance, 0, 1 / q, false_alarm=0.05).interval
    found = np.array([variance_test(row, variance, 0, 1 / q).estimate for row in noise[:400]])
    halves = ((noise[:, : n // 2] - noise[:, n // 2 :]) ** 2 / 2).mean(axis=1)
    assert np.allclose(found, halves[:400], rtol=1e-12)
    assert np.sum((halves < a) | (halves > b)) <= binom.ppf(1 - TAIL, runs, 0.05)


def test_wrong_variances_are_rejected(rng):
    p, q = 0.3, 0.7
    noise = (rng.random((40_000, 2)) < q) / q
    report = variance_test(noise, p / q, 0, 1 / q, wrong=p * q)
    assert report
    assert report.power > 0.999
    for wrong in (p * q, p, 1 / q):
        assert not variance_test(noise, wrong, 0, 1 / q)


def test_a_variance_does_not_depend_on_the_mean_or_on_an_odd_draw(rng):
    draws = rng.integers(0, 2, size=2001)
    far = variance_test(draws + 1000, 0.25, 1000, 1001)
    assert far.estimate == pytest.approx(variance_test(draws[:2000], 0.25, 0, 1).estimate)
    assert far.cases == 1000


def test_rates_are_means_of_zeros_and_ones(rng):
    draws = rng.random(5000) < 0.3
    mean = mean_test(draws, 0.3, 0, 1, wrong=0.4)
    rate = rate_test(int(draws.sum()), 5000, 0.3, wrong=0.4)
    assert rate.passed == mean.passed
    assert rate.interval == pytest.approx(mean.interval, abs=1e-11)
    assert rate.power == mean.power
    assert not rate_test([1500, 2500], 5000, 0.3)
    assert rate_test([1500, 2500], 5000, [0.3, 0.5])


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("value", [0.1, -1 / 3, 1e6 / 7])
def test_constant_draws_at_the_edge_raise_no_alarm_by_rounding(dtype, value):
    samples = np.full(30_001, value, dtype=dtype)
    assert mean_test(samples, value, value, value + 1)
    assert mean_test(samples, value, value - 1, value)
    assert variance_test(samples, 0.0, value - 1, value)


def test_a_mean_beyond_the_edge_by_rounding_has_its_power():
    mean = 0.1 + 0.2
    assert mean > 0.3
    report = mean_test(np.full(1000, 0.3), mean, 0, 0.3, wrong=0.2)
    assert report
    assert report.power > 0.999


def test_float32_draws_may_be_rounded_beyond_the_bounds():
    q = 0.7
    samples = np.full(100_000, 1 / q, dtype=np.float32)
    assert float(samples[0]) > 1 / q
    assert mean_test(samples, 1 / q, 0, 1 / q)
    assert not mean_test(samples, 1 / q - 1e-3, 0, 1 / q)


def test_an_impossible_mean_is_rejected(rng):
    draws = rng.random(100)
    report = mean_test(draws, 1.4, 0, 1)
    assert not report
    assert mean_test(draws, 0.5, 0, 1, wrong=1.4).power > 0.999
    assert not mean_test(np.ones(10), 1.4, 0, 1)
    assert not mean_test(np.zeros(10), -0.1, 0, 1)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"samples": []}, "at least one draw"),
        ({"samples": 0.5}, r"shape \(\)"),
        ({"samples": [0.5, np.nan]}, "every draw must lie in"),
        ({"samples": [0.5, 1.01]}, r"every draw must lie in \[0.0, 1.0\]"),
        ({"samples": [0.5, -0.01]}, "every draw"),
        ({"low": 1}, "low < high"),
        ({"high": np.inf}, "finite"),
        ({"mean": np.nan}, "mean must be finite"),
        ({"wrong": np.inf}, "wrong must be finite"),
        ({"mean": [0.5, 0.5]}, r"shape \(\) of one draw, got shape \(2,\)"),
        ({"false_alarm": 0}, "false_alarm=0"),
        ({"false_alarm": 1}, "false_alarm=1"),
    ],
)
def test_bad_calls_say_what_is_wrong(call, error):
    arguments = {"samples": [0.2, 0.8], "mean": 0.5, "low": 0, "high": 1} | call
    with pytest.raises(ValueError, match=error):
        mean_test(**arguments)


def test_rounding_of_draws_far_from_zero_raises_no_alarm():
    """Each pair differs by 0.1, as far as float32 can tell 1000.1 from 1000."""
    draws = np.repeat(np.array([1000.0, 1000.1], dtype=np.float32), 5000)
    report = variance_test(draws, 0.1**2 / 2, 1000, 1000.1)
    assert abs(report.estimate - 0.005) > 1e-6
    assert report


def test_a_variance_needs_two_draws_within_the_bounds():
    with pytest.raises(ValueError, match="two draws"):
        variance_test([0.5], 0.1, 0, 1)
    with pytest.raises(ValueError, match="every draw"):
        variance_test([5.0, 5.0], 0.0, 0, 1)


@pytest.mark.parametrize(
    ("kept", "n", "error"),
    [(11, 10, "kept=11"), (-1, 10, "kept=-1"), (0.5, 10, "kept=0.5"), (1, 0, "n=0"),
     (1, 2.0, "n=2.0"), ([], 10, "kept="), (True, 10, "kept=True")],
)  # fmt: skip
def test_counts_must_be_counts(kept, n, error):
    with pytest.raises(ValueError, match=error):
        rate_test(kept, n, 0.5)
