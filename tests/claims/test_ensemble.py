"""The claims of the chapter Ensemble: each holds, and its wrong forms are rejected."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy
import torch

import dropcheck
from book import ensemble
from dropoutlib.masks import enumerate_masks, mask_weights, sample_mask

EPS = np.finfo(float).eps


def log_sigmoid(z):
    """Log of the sigmoid, without cancellation."""
    return -np.logaddexp(0, -z)


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=-1, keepdims=True)


def probabilities(masks, p):
    """P(m) by the product rule, for numbers that cannot be compared."""
    return np.where(masks, 1 - p, p).prod(axis=1)


def as_fractions(values):
    """An object array of Fractions with the values of whole numbers."""
    return np.vectorize(Fraction, otypes=[object])(values)


# Subnetworks.


@pytest.mark.claim(
    "def-subnetwork", method="same-mask", rejects=("the complement of the mask", "scaled by p")
)
def test_subnetwork_is_torchs_smaller_network(claim, rng):
    """Masking a unit is removing it: whole numbers, so that every sum is exact."""
    n, hidden, p = 7, 5, 0.25
    shapes = (n,), (hidden, n), (hidden,), (2, hidden), (2,)
    x, W, b, V, c = (rng.integers(-9, 10, size=shape).astype(float) for shape in shapes)
    x, W[0], b[0] = np.abs(x) + 1, np.abs(W[0]) + 1, 0
    V[0] = np.eye(hidden)[0]  # so that one output tells all inputs apart
    net, masks = ensemble.OneHiddenLayer(x, W, b, V, c), enumerate_masks(n)

    def torchs(inputs, weight):
        parts = (torch.from_numpy(part) for part in (inputs, weight, b, V, c))
        inputs, weight, bias, V_, c_ = parts
        hidden = torch.relu(torch.nn.functional.linear(inputs, weight, bias))
        return torch.nn.functional.linear(hidden, V_, c_).numpy()

    removed = np.array([torchs(x[mask], W[:, mask]) for mask in masks])

    @claim
    def check(masked, factor):
        same = np.array_equal(net(masked), removed)
        scaled = ensemble.weight_scaled(net, n, p)
        same = same and np.array_equal(scaled, torchs(x, factor * W))
        return dropcheck.Report(passed=same, method="same-mask", rounding=0.0)

    check.holds(masks, 1 - p)
    check.rejects("the complement of the mask", ~masks, 1 - p)
    check.rejects("scaled by p", masks, p)


@pytest.mark.claim(
    "thm-count", method="enumeration", rejects=("n + 1, one for each number kept", "n^2")
)
def test_subnetworks_are_counted(claim, rng):
    """The functions v . (m * x) are told apart by their coefficients v * m."""

    @claim
    def check(count, zeros=0):
        right = True
        for n in range(3, 12):
            v = rng.integers(1, 100, size=n)
            v[:zeros] = 0
            different = len(np.unique(enumerate_masks(n) * v, axis=0))
            right = right and different == count(n)
        return dropcheck.Report(passed=right, method="enumeration", rounding=0.0)

    check.holds(lambda n: 2**n)
    check.holds(lambda n: 2 ** (n - 2), zeros=2)  # what has no weight does not count
    check.rejects("n + 1, one for each number kept", lambda n: n + 1)
    check.rejects("n^2", lambda n: n**2)


@pytest.mark.claim("thm-count", method="symbolic", rejects=("10^300", "10^302"))
def test_two_to_the_thousand(claim):
    """Its order by an exact logarithm, its digits in whole numbers."""
    number = sympy.Integer(2) ** 1000

    @claim
    def check(order):
        right = sympy.floor(1000 * sympy.log(2, 10)) == order and len(str(number)) == order + 1
        leading = 10715 * 10**297 <= number < 10716 * 10**297
        return dropcheck.Report(passed=bool(right and leading), method="symbolic", rounding=0.0)

    check.holds(301)
    check.rejects("10^300", 300)
    check.rejects("10^302", 302)


@pytest.mark.claim("thm-mask-weights", method="identity", rejects=("2^-n at every p",))
def test_weights_by_identity(claim, rng):
    """Each weight is a product over the units, they add to 1, and P(m_i = 1) = q."""
    n, masks = 4, enumerate_masks(4)

    def stated(v):
        return np.concatenate([probabilities(masks, v[0]), [1], np.full(n, 1 - v[0])])

    @claim
    def check(weigh):
        def of_library(v):
            weights = weigh(v[0])
            return np.concatenate([weights, [weights.sum()], weights @ masks])

        return dropcheck.identity(of_library, stated, 1, rng=rng)

    check.holds(lambda p: mask_weights(masks, p))
    check.rejects("2^-n at every p", lambda p: np.full(16, Fraction(1, 16)))


@pytest.mark.claim("thm-mask-weights", method="monte-carlo", rejects=("2^-n at every p",))
def test_weights_in_the_sampler(claim, rng):
    n, p, draws = 3, 0.3, 200_000
    codes = sample_mask((draws, n), p, rng=rng) @ (1 << np.arange(n))
    counts = np.bincount(codes, minlength=2**n)

    @claim
    def check(weights, *, wrong=None):
        return dropcheck.rate_test(counts, draws, weights, wrong=wrong)

    uniform = np.full(2**n, 2.0**-n)
    check.holds(mask_weights(enumerate_masks(n), p), wrong=uniform)
    check.rejects("2^-n at every p", uniform)


# Weight scaling.


def deep_linear(v, masks, first, second):
    """V (m' * (W (m * x) + b)) + c for each pair of masks; v holds x, W, b, V, c."""
    x, W, b, V, c = v[:2], v[2:6].reshape(2, 2), v[6:8], v[8:10], v[10]
    return np.array([V @ (m[second] * (W @ (m[first] * x) + b)) + c for m in masks])


@pytest.mark.claim(
    "thm-weight-scaling-linear",
    method="identity",
    parts=(1, 2),
    rejects=("scaling by p", "one factor for two masks", "one mask used twice"),
)
def test_linear_networks_by_identity(claim, rng):
    """Two layers with biases, each with masks and a drop rate of its own."""
    four, two = (enumerate_masks(n).astype(int) for n in (4, 2))
    first, second = slice(0, 2), slice(2, 4)

    def mean(v):
        weights = np.outer(probabilities(two, v[12]), probabilities(two, v[11])).ravel()
        return weights @ deep_linear(v, four, first, second)

    def mean_of_one_mask(v):
        return probabilities(two, v[11]) @ deep_linear(v, two, first, first)

    def scaled(factor, other):
        def output(v):
            x, W, b, V, c = v[:2], v[2:6].reshape(2, 2), v[6:8], v[8:10], v[10]
            return V @ (other(v[12]) * (W @ (factor(v[11]) * x) + b)) + c

        return output

    def keep(p):
        return 1 - p

    @claim
    def check(network, factor=keep, other=keep):
        return dropcheck.identity(network, scaled(factor, other), 13, rng=rng)

    check.holds(mean)
    check.rejects("scaling by p", mean, lambda p: p, lambda p: p)
    check.rejects("one factor for two masks", mean, other=lambda p: 1)

    @claim
    def check_one_mask(correction):
        def stated(v):
            diagonal = (v[8:10] * v[[2, 5]] * v[:2]).sum()
            return scaled(keep, keep)(np.append(v, v[11])) + correction(v[11]) * diagonal

        return dropcheck.identity(mean_of_one_mask, stated, 12, rng=rng)

    check_one_mask.holds(lambda p: p * (1 - p))
    check_one_mask.rejects("one mask used twice", lambda p: 0)


@pytest.mark.claim(
    "thm-weight-scaling-linear", method="enumeration", parts=(1,), rejects=("scaling by p",)
)
def test_deep_linear_network_by_enumeration(claim, rng):
    """Three masked layers, ten mask entries, all 1024 masks."""
    p, sizes = 0.3, (3, 4, 3)
    x, W1, W2, V = (rng.standard_normal(s) for s in ((3,), (4, 3), (3, 4), (2, 3)))
    b1, b2, c = (rng.standard_normal(s) for s in (4, 3, 2))

    def network(masks, scale=1.0):
        m1, m2, m3 = np.split(masks * scale, np.cumsum(sizes)[:-1], axis=1)
        return (m3 * ((m2 * ((m1 * x) @ W1.T + b1)) @ W2.T + b2)) @ V.T + c

    def absolute(v):
        first = (np.abs(x) @ np.abs(W1).T + np.abs(b1)) @ np.abs(W2).T + np.abs(b2)
        return first @ np.abs(v).T + np.abs(c)

    @claim
    def check(scale):
        expected = network(np.ones((1, 10)), scale)[0]
        # At most 3 + 4 + 3 roundings of sums and products follow one another in each layer.
        return dropcheck.enumeration(network, expected, 10, p, ulps=12, scale=absolute(V))

    check.holds(1 - p)
    check.rejects("scaling by p", p)


def class_odds(v, masks):
    """Exp of the logits: beta_k prod_i omega_ki^m_i, rational in beta = e^b and omega = e^(wx)."""
    beta, omega = v[:3], v[3:9].reshape(3, 2)
    return np.array([beta * np.where(m, omega, 1).prod(axis=1) for m in masks])


@pytest.mark.claim(
    "thm-weight-scaling-softmax",
    method="identity",
    rejects=("the unweighted mean", "the arithmetic mean", "scaling by p"),
)
def test_softmax_regression_by_identity(claim, rng):
    """Ratios of classes, raised to the power that makes every exponent a whole number."""
    masks = enumerate_masks(2)

    def ratios(values):
        return values[1:] / values[0]

    def members(v):
        odds = class_odds(v, masks)
        return odds / odds.sum(axis=1)[:, None]

    def geometric(exponents):
        return lambda v: ratios(np.prod(members(v) ** np.array(exponents)[:, None], axis=0))

    for p in (Fraction(1, 3), Fraction(3, 4), Fraction(1, 2)):
        power = 4 * p.denominator**2
        weights = [int(power * weight) for weight in mask_weights(masks, p)]

        @claim
        def check(mean, q=1 - p, power=power):
            def scaled(v):
                beta, omega = v[:3] ** power, v[3:9].reshape(3, 2) ** int(power * q)
                return ratios(beta * omega.prod(axis=1))

            return dropcheck.identity(mean, scaled, 9, rng=rng)

        def arithmetic(v, weights=weights, power=power):
            return ratios(np.array(weights) @ members(v)) ** power

        check.holds(geometric(weights))
        check.rejects("the arithmetic mean", arithmetic)
        if p != Fraction(1, 2):
            check.rejects("the unweighted mean", geometric([power // 4] * 4))
            check.rejects("scaling by p", geometric(weights), q=p)


@pytest.mark.claim(
    "thm-weight-scaling-softmax",
    method="enumeration",
    rejects=("the arithmetic mean", "scaling by p"),
)
@pytest.mark.parametrize("p", [0.1, 0.37, 0.8])
def test_softmax_regression_by_enumeration(claim, rng, p):
    """Mean log probabilities, up to what all classes share."""
    n = 8
    W, b, x = 0.7 * rng.standard_normal((4, n)), rng.standard_normal(4), 1 + rng.random(n)

    def relative(logs):
        return logs[..., 1:] - logs[..., :1]

    def logits(masks):
        return (masks * x) @ W.T + b

    @claim
    def check(factor, f=lambda masks: relative(log_softmax(logits(masks)))):
        # Sums of n + 2 terms, no larger than this:
        scale = 4 * (np.abs(W) @ x + np.abs(b)).max() + 4
        return dropcheck.enumeration(f, relative(logits(factor)), n, p, ulps=n + 8, scale=scale)

    check.holds(1 - p)
    check.rejects("scaling by p", p)
    mean = ensemble.arithmetic_mean(lambda masks: np.exp(log_softmax(logits(masks))), n, p)
    constant = relative(np.log(mean))
    check.rejects(
        "the arithmetic mean", 1 - p, lambda masks: np.broadcast_to(constant, (len(masks), 3))
    )


# The normalised geometric mean of sigmoids.


@pytest.mark.claim(
    "thm-nwgm-sigmoid", method="identity", rejects=("the arithmetic mean", "the unweighted mean")
)
def test_sigmoid_unit_by_identity(claim, rng):
    """Odds G/G' to the power that makes every exponent whole; v holds e^b and two e^(w x)."""
    masks, p = enumerate_masks(2), Fraction(1, 3)
    power, weights = 36, [4, 8, 8, 16]  # 36 P(m)

    def outputs(v):
        odds = v[0] * np.where(masks, v[1:], 1).prod(axis=1)
        return odds / (1 + odds)

    def geometric(exponents):
        return lambda v: np.prod((outputs(v) / (1 - outputs(v))) ** np.array(exponents))

    def arithmetic(v):
        mean = np.array(weights) @ outputs(v) / power
        return (mean / (1 - mean)) ** power

    def scaled(v):
        return v[0] ** power * np.prod(v[1:] ** int(power * (1 - p)))

    @claim
    def check(mean):
        return dropcheck.identity(mean, scaled, 3, rng=rng)

    assert weights == [power * weight for weight in mask_weights(masks, p)]
    check.holds(geometric(weights))
    check.rejects("the arithmetic mean", arithmetic)
    check.rejects("the unweighted mean", geometric([9] * 4))


@pytest.mark.claim(
    "thm-nwgm-sigmoid", method="enumeration", rejects=("log G alone", "scaling by p")
)
@pytest.mark.parametrize("p", [0.15, 0.6, 0.9])
def test_sigmoid_unit_by_enumeration(claim, rng, p):
    """Mean of log sigmoid(S) and of log sigmoid(-S), computed apart; and the library's mean."""
    n = 10
    w, b = rng.standard_normal(n), rng.standard_normal() + 0.5
    size = np.abs(w).sum() + abs(b) + 1
    mean = (1 - p) * w.sum() + b

    @claim
    def check(stated, other=True):
        def log_odds(masks):
            s = masks @ w + b
            return log_sigmoid(s) - other * log_sigmoid(-s)

        return dropcheck.enumeration(log_odds, stated, n, p, ulps=n + 8, scale=4 * size)

    check.holds(mean)
    check.rejects("log G alone", mean, other=False)
    check.rejects("scaling by p", p * w.sum() + b)

    def output(masks):
        s = masks @ w + b
        return np.exp(np.stack([log_sigmoid(s), log_sigmoid(-s)], axis=1))

    library = ensemble.geometric_mean(output, n, p, normalize=True)
    np.testing.assert_allclose(library, np.exp([log_sigmoid(mean), log_sigmoid(-mean)]), rtol=1e-12)


STEEPEST = np.log((3 - np.sqrt(3)) / (3 + np.sqrt(3)))  # where sigmoid'' is largest


def sigmoid_units(rng, cases):
    """Gap, mean and variance of S for random units of one to six inputs, and the mean output."""
    rows = []
    for case in range(cases):
        n, p = int(rng.integers(1, 7)), rng.uniform(0.05, 0.95)
        masks = enumerate_masks(n)
        weights, w = mask_weights(masks, p), rng.standard_normal(n) * 10 ** rng.uniform(-1, 1)
        if case % 2:  # near the inflection that makes the bound tight
            w, b = w / 10, STEEPEST - (1 - p) * w.sum() / 10
        else:
            b = 3 * rng.standard_normal()
        s = masks @ w + b
        mean, average = weights @ s, weights @ (1 / (1 + np.exp(-s)))
        variance = weights @ (s - mean) ** 2
        rows.append((abs(average - 1 / (1 + np.exp(-mean))), average, variance))
    return np.array(rows).T


@pytest.mark.claim(
    "approx-nwgm-gap",
    method="bound",
    parts=(1,),
    rejects=("2E(1-E)|1-2E| as a bound", "Var(S)/21", "E(1-E)|1-2E|/(1-2E(1-E)) as a bound"),
)
def test_gap_of_the_geometric_mean_is_bounded(claim, rng):
    """The constant is 1 / (12 sqrt 3) = 1 / 20.78, and 1 / 21 would be too small."""
    gap, average, variance = sigmoid_units(rng, 4000)
    spread = average * (1 - average)

    @claim
    def check(limit):
        return dropcheck.bound(gap, limit, rounding=32 * EPS)  # of numbers below 1

    check.holds(ensemble.sigmoid_gap_bound(variance))
    check.rejects("Var(S)/21", variance / 21)
    lean = np.abs(1 - 2 * average)
    check.rejects("2E(1-E)|1-2E| as a bound", 2 * spread * lean)
    check.rejects("E(1-E)|1-2E|/(1-2E(1-E)) as a bound", spread * lean / (1 - 2 * spread))


@pytest.mark.claim(
    "approx-nwgm-gap", method="slope", parts=(1,), rejects=("first order in the weights",)
)
def test_order_of_the_gap(claim):
    """At a fixed mean of S the gap is of second order in the weights, that is in Var(S)^(1/2)."""
    masks, p, w = enumerate_masks(4), 0.3, np.array([0.8, -0.5, 1.1, 0.6])
    weights, sizes = mask_weights(masks, p), 2.0 ** -np.arange(2, 9)

    def gap(size):
        centred = size * (masks - (1 - p)) @ w
        # sigmoid(a + c) - sigmoid(a) without cancellation
        a = STEEPEST
        steps = -np.expm1(-centred) / (1 + np.exp(-a - centred)) / (1 + np.exp(a))
        return weights @ steps

    gaps = np.array([gap(size) for size in sizes])

    @claim
    def check(expected):
        return dropcheck.order(sizes, gaps, expected)

    check.holds(2)
    check.rejects("first order in the weights", 1)
    variance = p * (1 - p) * (sizes[-1] * w) @ (sizes[-1] * w)
    assert gaps[-1] / ensemble.sigmoid_gap_bound(variance) == pytest.approx(1, abs=0.01)


@pytest.mark.claim(
    "approx-nwgm-gap", method="enumeration", parts=(2,), rejects=("2E(1-E)|1-2E| as a bound",)
)
def test_units_that_violate_the_quoted_bound_exactly(claim):
    """Two units of one input each, in whole numbers; ln 2 > 69/100, ln 10 > 23/10."""

    @claim
    def check(limit, *, p, outputs, odds, power):
        """Whether |E - NWGM| is at most the limit, where (NWGM/(1 - NWGM))^power is `odds`."""
        average = dropcheck.expectation(lambda masks: outputs[masks[:, 0].astype(int)], 1, p)[0]
        low, high = average - limit(average), average + limit(average)
        inside = (low / (1 - low)) ** power <= odds <= (high / (1 - high)) ** power
        return dropcheck.Report(passed=bool(inside), method="enumeration", rounding=0.0)

    def quoted(average):
        return 2 * average * (1 - average) * abs(1 - 2 * average)

    # 12 sqrt(3) < 20.8, and the variances p q w^2 are rounded down: a limit below the proved one.
    half, third = Fraction(1, 2), Fraction(1, 3)
    steep = {
        "p": half,
        "outputs": np.array([Fraction(1, 17), Fraction(4, 5)]),
        "odds": Fraction(1, 4),
        "power": 2,
    }
    fair = {
        "p": third,
        "outputs": np.array([Fraction(1, 6), Fraction(2, 3)]),
        "odds": Fraction(4, 5),
        "power": 3,
    }
    claim.survives("check(limit ", "a larger bound is one as well; that it is tight, slope shows")
    assert quoted(third / 6 + (1 - third) * Fraction(2, 3)) == 0
    variances = (
        Fraction(1, 4) * (6 * Fraction(69, 100)) ** 2,
        Fraction(2, 9) * Fraction(23, 10) ** 2,
    )
    for unit, variance in zip((steep, fair), variances, strict=True):
        check.rejects("2E(1-E)|1-2E| as a bound", quoted, **unit)
        check.holds(lambda average, v=variance: v / Fraction(208, 10), **unit)


@pytest.mark.claim(
    "approx-nwgm-gap", method="bound", parts=(2,), rejects=("2E(1-E)|1-2E| as a bound",)
)
def test_every_p_but_half_has_a_unit_with_a_gap_and_no_estimate(claim, rng):
    """One input, and the bias, found by bisection, at which E = 1/2 and both estimates are 0."""
    p = np.append(rng.uniform(0.02, 0.4, 500), rng.uniform(0.6, 0.98, 500))
    w = rng.uniform(1, 10, 1000) * rng.choice([-1, 1], 1000)

    def average(b):
        return p / (1 + np.exp(-b)) + (1 - p) / (1 + np.exp(-b - w))

    low, high = np.full(1000, -60.0), np.full(1000, 60.0)
    for _ in range(80):
        middle = (low + high) / 2
        less = average(middle) < 0.5
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    E = average(low)
    gap = np.abs(E - 1 / (1 + np.exp(-low - (1 - p) * w)))
    quoted = 2 * E * (1 - E) * np.abs(1 - 2 * E)
    limit = ensemble.sigmoid_gap_bound(p * (1 - p) * w**2)

    @claim
    def at_most(less, more):
        return dropcheck.bound(less, more, rounding=32 * EPS)

    at_most.holds(quoted, 1e-6 * gap)
    at_most.holds(1e-6, gap)  # a gap in every case, beyond rounding
    at_most.holds(gap, limit)
    at_most.rejects("2E(1-E)|1-2E| as a bound", gap, quoted)


# A ReLU behind the mask.


def random_fractions(rng, *shape):
    return as_fractions(rng.integers(-9, 10, size=shape))


@pytest.mark.claim(
    "thm-relu-gap",
    method="enumeration",
    parts=(1, 2),
    rejects=(
        "exact for regression networks",
        "the scaled network is always below",
        "a gap wherever masks change the unit",
    ),
)
def test_relu_gap_by_enumeration(claim, rng):
    """In whole numbers; one net with each sign of the gap, and both of any sign."""
    p, x = Fraction(1, 4), as_fractions(np.array([3, -2, 5, 1]))

    def parts(W, b, V):
        def z(masks):
            return (masks * x) @ W.T + b

        mean = z(np.full((1, 4), 1 - p))[0]
        scaled = np.maximum(mean, 0) @ V
        size = dropcheck.expectation(lambda masks: np.abs(z(masks)), 4, p)[0]
        return z, scaled, (size - np.abs(mean)) / 2

    @claim.part(2)
    def check(stated, *, V):
        z, scaled, gaps = parts(W, b, V)
        return dropcheck.enumeration(
            lambda masks: np.maximum(z(masks), 0) @ V, scaled + stated(gaps @ V), 4, p
        )

    # The last unit is twice the third, and so is its gap.
    W = np.vstack([random_fractions(rng, 2, 4), np.outer([1, 2], as_fractions([1, 1, -1, 0]))])
    b = np.append(random_fractions(rng, 2), as_fractions([1, 2]))
    positive = np.arange(1, 5)
    for V in (positive, -positive, random_fractions(rng, 4)):
        check.holds(lambda gap: gap, V=as_fractions(V))
    for sign in (1, -1):  # the side, where all output weights have one sign
        check.holds(lambda gap, s=sign: s * abs(gap), V=as_fractions(sign * positive))
    pairs = {1: (-1, 1), -1: (1, -1), 0: (2, -1)}
    mixed = {sign: as_fractions([0, 0, *pair]) for sign, pair in pairs.items()}
    for sign, V in mixed.items():  # of both signs: above, below and equal
        check.holds(lambda gap, s=sign: s * abs(gap), V=V)
    for sign in (1, -1):
        check.rejects("exact for regression networks", lambda gap: 0, V=mixed[sign])
    check.rejects("the scaled network is always below", lambda gap: abs(gap), V=mixed[-1])

    units, far = random_fractions(rng, 20, 4), np.array([Fraction(200), Fraction(-200)])
    biases = np.concatenate([random_fractions(rng, 10), np.tile(far, 5)])
    for k, sign in enumerate((1, -1)):  # of one sign, but zero for the empty mask
        units[k], biases[k] = as_fractions(sign * np.array([1, -1, 1, 1])), Fraction(0)

    @claim.part(1)
    def is_zero_exactly(where):
        """Whether a unit has no gap where this is said of its preactivations, and only there."""
        z, _, gaps = parts(units, biases, np.zeros(20, dtype=int))
        values = z(enumerate_masks(4).astype(int))
        passed = all(
            (gap == 0) == where(column) for gap, column in zip(gaps, values.T, strict=True)
        )
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    is_zero_exactly.holds(lambda z: not ((z > 0).any() and (z < 0).any()))
    is_zero_exactly.rejects("a gap wherever masks change the unit", lambda z: (z == z[0]).all())


@pytest.mark.claim(
    "thm-relu-gap",
    method="bound",
    parts=(1,),
    rejects=("no gap", "a quarter of the standard deviation"),
)
def test_relu_gap_is_at_most_half_a_deviation(claim, rng):
    """Random units through the library, and one that attains the bound."""
    gaps, deviations = [], []
    for _ in range(300):
        n, p = int(rng.integers(1, 9)), rng.uniform(0.1, 0.9)
        x, W, b = (rng.standard_normal(s) for s in ((n,), (4, n), (4,)))
        gap = ensemble.relu_gap(x, W, b, p)
        scaled = np.maximum(W @ ((1 - p) * x) + b, 0)
        net = ensemble.OneHiddenLayer(x, W, b, np.eye(4), np.zeros(4))
        np.testing.assert_allclose(ensemble.arithmetic_mean(net, n, p) - scaled, gap, atol=1e-12)
        gaps.append(gap)
        deviations.append(np.sqrt(p * (1 - p) * (W**2 @ x**2)))
    gaps.append(ensemble.relu_gap([1.0], [[2.0]] * 4, [-1.0] * 4, 0.5))
    deviations.append(np.ones(4))
    assert np.min(gaps) >= 0

    @claim
    def check(share):
        return dropcheck.bound(gaps, share * np.array(deviations), rounding=1e-14)

    check.holds(1 / 2)
    check.rejects("no gap", 0.0)
    check.rejects("a quarter of the standard deviation", 1 / 4)


# Error of the ensemble and of its members.


@pytest.mark.claim(
    "thm-ambiguity", method="identity", rejects=("the unweighted mean", "plus the diversity")
)
def test_ambiguity_by_identity(claim, rng):
    """Any eight members, any target, any p."""
    masks = enumerate_masks(3)

    @claim
    def check(weigh, sign=-1):
        def error(v):
            return (probabilities(masks, v[9]) @ v[:8] - v[8]) ** 2

        def stated(v):
            weights = weigh(v[9])
            mean = weights @ v[:8]
            return weights @ (v[:8] - v[8]) ** 2 + sign * (weights @ (v[:8] - mean) ** 2)

        return dropcheck.identity(error, stated, 10, rng=rng)

    def weigh(p):
        return probabilities(masks, p)

    check.holds(weigh)
    check.rejects("the unweighted mean", lambda p: np.full(8, Fraction(1, 8)))
    check.rejects("plus the diversity", weigh, sign=1)


@pytest.mark.claim(
    "thm-ambiguity", method="enumeration", rejects=("the scaled network as the ensemble",)
)
def test_ambiguity_of_a_relu_net_by_enumeration(claim, rng):
    """In whole numbers; the library's parts agree with the exact ones."""
    p, n = Fraction(1, 4), 5
    x, W, b = (random_fractions(rng, *s) for s in ((n,), (3, n), (3,)))
    W[0], b[0], x[:] = 1, -2, np.where(x == 0, Fraction(1), abs(x))  # a unit that changes sign
    V, target = as_fractions(np.array([1, 2, 3])), Fraction(-1)

    def f(masks):
        return np.maximum((masks * x) @ W.T + b, 0) @ V

    def expectation(g):
        return dropcheck.expectation(g, n, p)[0]

    mean = expectation(f)
    scaled = f(np.full((1, n), 1 - p))[0]
    diversity = expectation(lambda masks: (f(masks) - mean) ** 2)

    @claim
    def check(ensemble_output):
        stated = (ensemble_output - target) ** 2 + diversity
        return dropcheck.enumeration(lambda masks: (f(masks) - target) ** 2, stated, n, p)

    check.holds(mean)
    assert mean != scaled
    check.rejects("the scaled network as the ensemble", scaled)
    floats = [np.asarray(part, dtype=float) for part in (x, W, b, V[None])]
    net = ensemble.OneHiddenLayer(*floats, np.zeros(1))
    parts = ensemble.ambiguity(net, float(target), n, p)
    member_error = (mean - target) ** 2 + diversity
    exact = [float((mean - target) ** 2), float(member_error), float(diversity)]
    np.testing.assert_allclose(np.ravel(parts), exact, rtol=1e-12)


# Averaging drawn masks.


@pytest.mark.claim(
    "approx-mc-rate", method="identity", parts=(1, 3), rejects=("Var/T^2", "one mask for all T")
)
def test_variance_of_the_average_by_identity(claim, rng):
    """One unit, so two members of any values, over all triples of masks."""
    passes = 3
    masks = enumerate_masks(passes)

    def moments(values, v):
        weights = probabilities(masks, v[2])
        mean = weights @ values
        return np.array([mean, weights @ (values - mean) ** 2])

    def average(v):
        return moments(np.where(masks, v[1], v[0]).sum(axis=1) / passes, v)

    def shared(v):
        return moments(np.where(masks[:, 0], v[1], v[0]), v)

    @claim
    def check(network, divisor):
        def stated(v):
            p, q = v[2], 1 - v[2]
            return np.array([p * v[0] + q * v[1], p * q * (v[1] - v[0]) ** 2 / divisor])

        return dropcheck.identity(network, stated, 3, rng=rng)

    check.holds(average, passes)
    check.rejects("Var/T^2", average, passes**2)
    check.rejects("one mask for all T", shared, passes)


MC_X, MC_W = np.array([1.0, -1.5]), np.array([[1.2, 0.4], [-0.3, 1.1], [0.8, -0.9]])


def small_net(masks):
    """Probability output of a ReLU net of two inputs and three hidden units, one value a mask."""
    hidden = np.maximum((masks * MC_X) @ MC_W.T + 0.2, 0)
    return 1 / (1 + np.exp(-hidden @ np.array([1.0, -0.7, 1.3])))


def rms_error(passes, p=0.3, shared=False):
    """Exact root mean square error of the average over `passes` masks, over all tuples of them."""
    mean = dropcheck.expectation(small_net, 2, p)[0]

    def squared_error(masks):
        each = masks.reshape(len(masks), passes, 2)
        each = np.repeat(each[:, :1], passes, axis=1) if shared else each
        return (small_net(each.reshape(-1, 2)).reshape(-1, passes).mean(axis=1) - mean) ** 2

    return np.sqrt(dropcheck.expectation(squared_error, 2 * passes, p)[0])


@pytest.mark.claim(
    "approx-mc-rate", method="slope", parts=(1, 3), rejects=("1/T", "one mask for all T")
)
def test_rate_of_the_average_by_enumeration(claim):
    """All 2^16 tuples of up to eight masks."""
    passes = np.array([1, 2, 4, 8])
    errors, shared = ([rms_error(t, shared=same) for t in passes] for same in (False, True))

    @claim
    def check(expected, *, errors=errors):
        return dropcheck.order(1 / passes, errors, expected)

    check.holds(0.5)
    check.rejects("1/T", 1)
    check.rejects("one mask for all T", 0.5, errors=shared)
    deviation = np.sqrt(ensemble.variance(small_net, 2, 0.3))
    np.testing.assert_allclose(errors, deviation / np.sqrt(passes), rtol=1e-12)


@pytest.mark.claim("approx-mc-rate", method="monte-carlo", parts=(1,), rejects=("Var/T^2",))
def test_squared_error_of_drawn_averages(claim, rng):
    p, passes, runs = 0.3, 5, 100_000
    masks = sample_mask((runs, passes, 2), p, rng=rng)
    averages = small_net(masks.reshape(-1, 2)).reshape(runs, passes).mean(axis=1)
    mean, variance = (
        m(small_net, 2, p).item() for m in (ensemble.arithmetic_mean, ensemble.variance)
    )

    @claim
    def check(stated, *, wrong=None):
        return dropcheck.mean_test((averages - mean) ** 2, stated, 0, 1, wrong=wrong)

    check.holds(variance / passes, wrong=variance / passes**2)
    check.rejects("Var/T^2", variance / passes**2)


# The cost of all subnetworks.


class Counted:
    """A number that counts what is done with it and its like."""

    additions = multiplications = 0

    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        Counted.additions += 1
        return Counted(self.value + getattr(other, "value", other))

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(self.value * getattr(other, "value", other))

    __radd__, __rmul__ = __add__, __mul__


def counted(method, n, hidden, rng):
    """Additions and multiplications of a method on n rows of `hidden` counted numbers."""
    numbers = rng.integers(-9, 10, size=(n + 1, hidden))
    terms = np.vectorize(Counted, otypes=[object])(numbers)
    Counted.additions = Counted.multiplications = 0
    sums = method(terms[:n], terms[n])
    expected = enumerate_masks(n) @ numbers[:n] + numbers[n]
    assert np.array_equal(np.vectorize(lambda term: term.value)(sums), expected)
    return Counted.additions, Counted.multiplications


def by_halves(terms, start):
    chunks = ensemble.iterate_subset_sums(terms, start, chunk=max(1, -(-len(terms) // 2)))
    return np.vstack([chunk.copy() for chunk in chunks])


def mask_by_mask(terms, start):
    sums = []
    for mask in enumerate_masks(len(terms)).astype(int):
        total = start
        for entry, term in zip(mask, terms, strict=True):
            total = total + entry * term
        sums.append(total)
    return np.array(sums)


@pytest.mark.claim(
    "thm-enumeration-cost",
    method="enumeration",
    parts=(1, 2, 3),
    rejects=("2^n n H for halves", "2^n H for each"),
)
def test_operations_are_counted(claim, rng):
    """With a counter, not a clock: the library's own code runs on numbers that count."""

    @claim
    def check(method, additions, multiplications):
        right = True
        for n, hidden in product(range(2, 10), (1, 3)):
            stated = (hidden * additions(n), hidden * multiplications(n))
            right = right and counted(method, n, hidden, rng) == stated
        return dropcheck.Report(passed=right, method="enumeration", rounding=0.0)

    def halves(n):
        return 2**n + 2 ** -(-n // 2) + 2 ** (n // 2) - 2

    def naive(n):
        return n * 2**n

    def none(n):
        return 0

    check.holds(by_halves, halves, none)
    check.holds(ensemble.subset_sums, lambda n: 2**n - 1, none)
    check.holds(mask_by_mask, naive, naive)
    check.rejects("2^n n H for halves", by_halves, naive, none)
    check.rejects("2^n H for each", mask_by_mask, lambda n: 2**n, lambda n: 2**n)


@pytest.mark.claim(
    "thm-enumeration-cost", method="identity", parts=(3,), rejects=("the lower half alone",)
)
def test_halves_add_up_by_identity(claim, rng):
    n, hidden = 5, 2

    def direct(v):
        terms = v[: n * hidden].reshape(n, hidden)
        return enumerate_masks(n).astype(int) @ terms + v[n * hidden :]

    @claim
    def check(kept):
        def halved(v):
            return by_halves(v[: n * hidden].reshape(n, hidden) * kept, v[n * hidden :])

        return dropcheck.identity(halved, direct, (n + 1) * hidden, rng=rng)

    check.holds(1)
    check.rejects("the lower half alone", (np.arange(n) < 3)[:, None].astype(int))


@pytest.mark.claim("thm-enumeration-cost", method="symbolic", parts=(3,), rejects=("4 2^n",))
def test_additions_stay_below_two_for_each_sum(claim):
    """Doubling: A(0) = 0, A(k + 1) = A(k) + 2^k; then the two halves and their sums."""
    k = sympy.symbols("k", integer=True, nonnegative=True)
    doubling = sympy.Function("A")
    solved = sympy.rsolve(doubling(k + 1) - doubling(k) - 2**k, doubling(k), {doubling(0): 0})

    @claim
    def check(stated):
        total = 2 * solved + 2 ** (2 * k)  # n = 2 k
        equal = sympy.simplify(total - stated) == 0
        return dropcheck.Report(passed=bool(equal), method="symbolic", rounding=0.0)

    check.holds(2 ** (2 * k) + 2 * 2**k - 2)
    check.rejects("4 2^n", 4 * 2 ** (2 * k))
