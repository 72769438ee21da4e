"""The statistics of experiments against independent computations, and where they must refuse."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats import weightstats

from book.experiments import statistics


def pairs(rng, effect, seeds=10, spread=1.0):
    base = rng.normal(5, 3, seeds)
    return base + rng.normal(effect, spread, seeds), base


def test_greater_is_the_paired_t_test(rng):
    first, second = pairs(rng, 2)
    report = statistics.greater(first, second, 0.5)
    test = stats.ttest_rel(first, second + 0.5, alternative="greater")
    assert report.p_value == pytest.approx(test.pvalue)
    one_sided = stats.ttest_rel(first, second, alternative="greater").confidence_interval(0.99)
    assert report.interval == pytest.approx(one_sided)
    assert report.passed == (test.pvalue < 0.01)


def test_greater_knows_its_direction(rng):
    first, second = pairs(rng, 5, spread=0.1)
    assert statistics.greater(first, second, 1)
    assert not statistics.greater(second, first, 1)
    assert not statistics.greater(first, second, 5.5)


def test_equal_arms_differ_by_exactly_nothing(rng):
    first, _ = pairs(rng, 0)
    report = statistics.greater(first, first, 0)
    assert (report.passed, report.estimate, report.interval[0]) == (False, 0.0, 0.0)
    assert report.p_value == 1
    assert statistics.equivalent(first, first, 1e-9)
    assert statistics.greater(np.ones(3), 0.0, 0.5).p_value == 0


def test_false_alarm_is_what_is_stated(rng):
    draws = rng.normal(size=(4000, 5))
    alarms = sum(statistics.greater(row, 0.0, 0.0, level=0.9).passed for row in draws)
    assert stats.binomtest(alarms, 4000, 0.1).pvalue > 1e-6


def test_equivalent_is_tost(rng):
    first, second = pairs(rng, 0.1, spread=0.3)
    report = statistics.equivalent(first, second, 0.5)
    p_value, *_ = weightstats.ttost_paired(first, second, -0.5, 0.5)
    assert report.p_value == pytest.approx(p_value)
    assert report.passed == (p_value < 0.05)


def test_noise_is_no_equivalence(rng):
    first, second = pairs(rng, 0, seeds=3, spread=5)
    assert not statistics.equivalent(first, second, 1e-3)


def test_interval_is_student_s(rng):
    values = rng.normal(size=7)
    assert statistics.interval(values) == pytest.approx(
        stats.ttest_1samp(values, 0).confidence_interval(0.95)
    )


def test_within_needs_the_whole_interval():
    values = [1.0, 1.1, 0.9, 1.0]
    assert statistics.within(values, 0.5, 1.5)
    assert not statistics.within(values, 0.99, 1.5)
    assert not statistics.within(values, 1.5, 2)


def test_mcnemar_pools_and_clusters():
    first = [range(0, 40), range(5, 45)]
    second = [range(30, 50), range(35, 50)]
    report = statistics.mcnemar(first, second)
    wins, losses = 30 + 30, 10 + 5
    pooled = stats.binomtest(wins, wins + losses, alternative="greater").pvalue
    sums = np.zeros(50)
    for a, b in zip(first, second, strict=True):
        sums[list(a)] += 1
        sums[list(b)] -= 1
    clustered = stats.norm.sf(sums.sum() / np.sqrt((sums**2).sum()))
    assert report.p_value == pytest.approx(max(pooled, clustered))
    assert report.estimate == wins / (wins + losses)
    assert report
    assert not statistics.mcnemar(second, first)
    assert not statistics.mcnemar(first, first)


def test_repeating_a_seed_does_not_make_mcnemar_surer():
    first, second = range(14), range(10, 18)
    once = statistics.mcnemar([first], [second])
    many = statistics.mcnemar([first] * 20, [second] * 20)
    assert not once
    assert not many


def test_trend_is_spearman_s():
    x = [1, 2, 3, 4]
    falling = [[9, 5, 4, 1], [8, 7, 2, 0], [3, 2, 1, 0]]
    assert statistics.trend(x, falling, -1).estimate == 1
    assert statistics.trend(x, falling, -1)
    assert not statistics.trend(x, falling, 1)
    assert not statistics.trend(x, np.zeros((3, 4)), 1)


def test_holm_is_computed_by_hand():
    reports = [
        statistics.Comparison(
            passed=True,
            seeds=2,
            estimate=0,
            interval=(0, 1),
            limits=(0, 1),
            level=0.99,
            p_value=p_value,
        )
        for p_value in (0.01, 0.04, 0.03)
    ]
    adjusted, asserted = statistics.holm(reports)
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06])
    np.testing.assert_array_equal(asserted, [True, False, False])


def test_difference_from_a_paper_counts_both_errors():
    values = np.array([1.0, 2.0, 3.0])
    difference, z = statistics.against_paper(values, 1.5, 0.2)
    assert difference == 0.5
    assert z == pytest.approx(0.5 / np.sqrt(1 / 3 + 0.04))
    assert statistics.against_paper([1, 1], 1) == (0, 0)
    assert statistics.against_paper([1, 1], 2) == (-1, -np.inf)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: statistics.greater([1.0], [0.0], 0), "at least 2 seeds"),
        (lambda: statistics.greater([1.0, 2.0], [0.0, 1, 2], 0), "broadcast|one axis"),
        (lambda: statistics.greater([1.0, 2.0], 0, -1), "margin=-1"),
        (lambda: statistics.greater([1.0, np.nan], 0, 0), "not finite"),
        (lambda: statistics.equivalent([1.0, 2.0], 0, 0), "positive margin"),
        (lambda: statistics.within([1.0, 2.0], 1, 1), "in order"),
        (lambda: statistics.mcnemar([[1]], []), "cannot be paired"),
        (lambda: statistics.trend([1, 2], [[1, 2, 3]], 1), "do not fit"),
        (lambda: statistics.trend([1, 2], [[1, 2]], 0), "sign=0"),
        (lambda: statistics.holm([]), "at least one"),
    ],
)
def test_bad_input_is_refused(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()


def test_comparison_prints_one_line(rng):
    text = str(statistics.greater([0.31, 0.32, 0.33], [0.1, 0.1, 0.1], 0.1))
    assert text == (
        "paired-experiment: passed, 3 seeds, mean 0.22, 99 % lower bound 0.18, margin 0.1"
    )
    text = str(statistics.equivalent([0.31, 0.32, 0.33], [0.1, 0.1, 0.1], 0.1))
    assert text == (
        "paired-experiment: rejected, 3 seeds, mean 0.22, 90 % interval [0.2, 0.24], "
        "limits [-0.1, 0.1]"
    )
