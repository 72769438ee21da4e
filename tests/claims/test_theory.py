"""Claims of several chapters that came later: each holds, and its wrong forms are rejected."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
import torch

import dropcheck
from book import bayesian
from dropoutlib.masks import enumerate_masks, mask_weights


def fractions(rng, *shape):
    """Random fractions of both signs, none of them zero."""
    numbers = rng.integers(1, 100, size=shape) * rng.choice([-1, 1], size=shape)
    return np.array([Fraction(int(k), 10) for k in numbers.flat], dtype=object).reshape(shape)


# Inference as the mean: the interactions of a function.


def interactions(g, x):
    """Each set S of units, as a row of zeros and ones, with the interaction h_S at x."""
    subsets = enumerate_masks(len(x)).astype(int)
    for S in subsets:
        parts = [(-1) ** int((S - T).sum()) * g(T * x) for T in subsets if (T <= S).all()]
        yield S, sum(parts)


def mean_over_masks(g, x, p):
    masks = enumerate_masks(len(x)).astype(int)
    return sum(w * g(m * x / (1 - p)) for w, m in zip(mask_weights(masks, p), masks, strict=True))


def relu(z):
    return np.maximum(z, Fraction(0))


@pytest.mark.claim(
    "thm-interactions",
    method="enumeration",
    parts=(1,),
    rejects=("every interaction once", "q for every interaction", "taken at x, not at x / q"),
)
def test_the_mean_is_a_sum_of_interactions(claim, rng):
    """For functions that are neither polynomial nor homogeneous, in exact arithmetic."""
    W, b, x = fractions(rng, 4, 3), fractions(rng, 4), fractions(rng, 3)
    p = Fraction(int(rng.integers(1, 10)), 10)
    q = 1 - p

    def g(x):
        return 1 + relu(W @ x + b).sum() ** 2 + x[0] / (1 + x[1] ** 2)

    @claim
    def check(weight, scale):
        stated = sum(weight(int(S.sum())) * h for S, h in interactions(g, x / scale))
        found = dropcheck.expectation(
            lambda masks: np.array([g(m.astype(int) * x / q) for m in masks]), 3, p
        )[0]
        assert found == mean_over_masks(g, x, p)
        return dropcheck.Report(passed=found == stated, method="enumeration", rounding=0.0)

    check.holds(lambda size: q**size, q)
    check.rejects("every interaction once", lambda size: 1, q)
    check.rejects("q for every interaction", lambda size: q if size else 1, q)
    check.rejects("taken at x, not at x / q", lambda size: q**size, 1)


@pytest.mark.claim(
    "thm-interactions",
    method="enumeration",
    parts=(1,),
    rejects=("multi-affine functions only", "interactions of degree one"),
)
def test_equality_needs_homogeneous_interactions(claim, rng):
    """Equality at all of many x and p, against the degrees of the interactions at the same."""
    points = [fractions(rng, 3) for _ in range(6)]
    rates = [Fraction(k, 7) for k in (1, 3, 5)]
    W = fractions(rng, 2, 3)
    examples = {
        "multi-affine": lambda x: 3 + x[0] - 2 * x[1] * x[2],
        "one ReLU a unit": lambda x: relu(W[0] * x).sum(),
        "products of kinks": lambda x: abs(x[0]) * relu(x[1]) + relu(-x[2]),
        "a ratio": lambda x: x[0] ** 2 * x[1] / (abs(x[0]) + abs(x[1]) or Fraction(1)),
        "ratio of degree two": lambda x: (
            x[0] ** 2 * x[1] ** 2 / (x[0] ** 2 + x[1] ** 2 or Fraction(1))
        ),
        "a square": lambda x: x[0] ** 2,
        "ReLU of a sum": lambda x: relu(x[0] + x[1] - 2 * x[2]),
    }

    def equal(g):
        return all(mean_over_masks(g, x, p) == g(x) for x in points for p in rates)

    def homogeneous(g, degree=None):
        for x in points:
            for c in (Fraction(1, 3), Fraction(5, 2)):
                for (S, h), (_, scaled) in zip(
                    interactions(g, x), interactions(g, c * x), strict=True
                ):
                    if scaled != c ** (int(S.sum()) if degree is None else degree) * h:
                        return False
        return True

    def multi_affine(g):
        steps = np.eye(3, dtype=int)
        second = [g(x + 2 * e) - 2 * g(x + e) + g(x) for x in points for e in steps]
        return not any(second)

    @claim
    def check(criterion):
        passed = all(equal(g) == criterion(g) for g in examples.values())
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    check.holds(homogeneous)
    check.rejects("multi-affine functions only", multi_affine)
    check.rejects("interactions of degree one", lambda g: homogeneous(g, degree=1))


@pytest.mark.claim(
    "thm-interactions",
    method="enumeration",
    parts=(2,),
    rejects=("no gap", "q^|S| for the factor", "twice the gap"),
)
def test_the_gap_of_a_network_without_biases(claim, rng):
    """A ReLU network of two hidden layers without biases, on masked inputs."""
    # A unit with weights of both signs has interactions, whatever the other weights are.
    first, second = fractions(rng, 4, 3), fractions(rng, 2, 4)
    first[0] = [Fraction(1), Fraction(1), Fraction(-1)]
    second = abs(second)
    x, p = np.array([Fraction(2), Fraction(1), Fraction(2)]), Fraction(2, 7)
    q = 1 - p

    def network(x):
        return relu(second @ relu(first @ x)).sum()

    @claim
    def check(factor):
        stated = network(x) + sum(
            factor(int(S.sum())) * h for S, h in interactions(network, x) if S.sum() >= 2
        )
        found = mean_over_masks(network, x, p)
        return dropcheck.Report(passed=found == stated, method="enumeration", rounding=0.0)

    check.holds(lambda size: q ** (size - 1) - 1)
    check.rejects("no gap", lambda size: 0)
    check.rejects("q^|S| for the factor", lambda size: q**size - 1)
    check.rejects("twice the gap", lambda size: 2 * (q ** (size - 1) - 1))


@pytest.mark.claim(
    "thm-interactions",
    method="identity",
    rejects=("every interaction once", "q for every interaction", "p^|S| for q^|S|"),
)
def test_the_mean_is_a_sum_of_interactions_by_identity(claim, rng):
    """Any polynomial of degree up to three in each of two units, at any x and p."""
    powers = list(itertools.product(range(4), repeat=2))

    def polynomial(coefficients, x):
        terms = zip(coefficients, powers, strict=True)
        return sum(c * x[0] ** i * x[1] ** j for c, (i, j) in terms)

    def mean(v):
        coefficients, x, p = v[:16], v[16:18], v[18]
        return sum(
            (1 - p if one else p)
            * (1 - p if two else p)
            * polynomial(coefficients, np.array([one, two]) * x / (1 - p))
            for one, two in itertools.product((0, 1), repeat=2)
        )

    @claim
    def check(weight):
        def stated(v):
            coefficients, x, p = v[:16], v[16:18], v[18]
            return sum(
                weight(p, int(S.sum())) * h
                for S, h in interactions(lambda z: polynomial(coefficients, z), x / (1 - p))
            )

        return dropcheck.identity(mean, stated, 19, rng=rng)

    check.holds(lambda p, size: (1 - p) ** size)
    check.rejects("every interaction once", lambda p, size: 1)
    check.rejects("q for every interaction", lambda p, size: 1 - p if size else 1)
    check.rejects("p^|S| for q^|S|", lambda p, size: p**size)


# The two conventions under a bound on the norm of each row.


@pytest.mark.claim(
    "thm-conventions-agree",
    method="exact-float",
    parts=(4,),
    rejects=("c_inv = c_std", "c_inv = c_std / q"),
)
def test_max_norm_translates_by_q(claim, rng):
    """Twenty projected steps on one mask each; at q = 1/2 all factors commute with rounding."""
    x, start = rng.standard_normal((20, 6)), rng.standard_normal((3, 6))
    masks, targets = rng.random((20, 6)) < 0.5, 5 * rng.standard_normal((20, 3))
    q, rate, limit = 0.5, 0.125, 1.0

    def path(W, scale, rate, limit):
        steps = []
        for row, mask, target in zip(x, masks, targets, strict=True):
            masked = row * mask * scale
            W = W - rate * np.outer(W @ masked - target, masked)
            norms = np.sqrt((W**2).sum(axis=1, keepdims=True))
            W = np.where(norms > limit, W * (limit / norms), W)
            steps.append(W)
        return np.array(steps)

    standard = path(start, 1.0, rate, limit)
    assert (np.abs((standard**2).sum(axis=2) - limit**2) < 1e-12).any()  # the bound was met

    @claim
    def check(factor):
        inverted = path(q * start, 1 / q, q**2 * rate, factor * limit)
        same = np.array_equal(inverted, q * standard)
        return dropcheck.Report(passed=same, method="exact-float", rounding=0.0)

    check.holds(q)
    check.rejects("c_inv = c_std", 1.0)
    check.rejects("c_inv = c_std / q", 1 / q)


# The ensemble: on which side of the mean the scaled unit lies, and how far.


def two_valued_unit(low, high, weight):
    """E and sigma(E S) of outputs with odds low and high; the second to the power of the weight."""
    mean = (1 - weight) * low / (1 + low) + weight * high / (1 + high)
    power = weight.denominator
    odds = low ** int((1 - weight) * power) * high ** int(weight * power)
    return (mean / (1 - mean)) ** power, odds


@pytest.mark.claim(
    "thm-nwgm-side",
    method="enumeration",
    rejects=("the other side", "whenever the mean is at most one half"),
)
def test_ky_fans_side_exactly(claim, rng):
    """Odds are fractions, so a power of each side is; no root is taken."""
    units = []
    for _ in range(300):
        weight = Fraction(int(rng.integers(1, 8)), 8)
        low, high = sorted(Fraction(int(k), 20) for k in rng.integers(1, 41, size=2))
        units.append((low, high, weight))
    example = Fraction(3, 7), Fraction(5), Fraction(1, 3)  # of the proof
    mean, scaled = two_valued_unit(*example)
    assert mean < scaled < 1  # the scaled unit is above the mean, and nearer to 1/2
    units.append(example)

    @claim
    def check(ordered, *, applies):
        tried = [unit for unit in units if applies(*unit)]
        assert len(tried) > 20
        apart = [unit for unit in tried if unit[0] != unit[1]]
        passed = all(ordered(*two_valued_unit(*unit)) is True for unit in apart)
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    def all_low(low, high, weight):
        return high <= 1

    def all_high(low, high, weight):
        return low >= 1

    def mean_low(low, high, weight):
        return two_valued_unit(low, high, weight)[0] <= 1

    check.holds(lambda mean, scaled: scaled < mean, applies=all_low)
    check.holds(lambda mean, scaled: scaled > mean, applies=all_high)
    check.rejects("the other side", lambda mean, scaled: scaled > mean, applies=all_low)
    check.rejects("the other side", lambda mean, scaled: scaled < mean, applies=all_high)
    check.rejects(
        "whenever the mean is at most one half",
        lambda mean, scaled: scaled < mean,
        applies=mean_low,
    )


@pytest.mark.claim("thm-nwgm-side", method="bound", rejects=("on the side of the mean",))
def test_ky_fans_side_over_masks(claim, rng):
    """Units of six inputs that are negative for every mask, and positive ones mirrored."""
    p, masks = 0.3, enumerate_masks(6)
    weights = mask_weights(masks, p)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def beyond(s):
        mean = weights @ sigmoid(s)
        return (1 if mean <= 0.5 else -1) * (sigmoid(weights @ s) - mean)

    one_sided, two_sided = [], [beyond(10 * masks[:, 0] - 9)]  # of .51 the value at the mean is .12
    for case in range(500):
        w, turn = rng.standard_normal(6), (-1) ** case
        for b, found in ((-w.clip(min=0).sum(), one_sided), (rng.normal(0, 1), two_sided)):
            found.append(beyond(turn * (masks @ w + b)))

    @claim
    def check(excess):
        return dropcheck.bound(excess, 0.0, rounding=1e-14)

    check.holds(one_sided)
    check.rejects("on the side of the mean", two_sided)


@pytest.mark.claim(
    "thm-expectation-linear",
    method="enumeration",
    parts=(1, 3),
    rejects=("the squared gap alone", "the spread alone", "p q without the weights of x"),
)
def test_distance_is_gap_and_spread_exactly(claim, rng):
    W, b, x = fractions(rng, 2, 3), fractions(rng, 2), fractions(rng, 3)
    # The first preactivation is positive for some masks and negative for others.
    W[0] = np.array([Fraction(1), Fraction(-1), Fraction(2)]) * abs(W[0]) * np.sign(x)
    b[0] = Fraction(0)
    p = Fraction(int(rng.integers(1, 9)), 9)
    q = 1 - p

    def moments(psi):
        def f(masks):
            return psi((masks * x) @ W.T + b)

        scaled = psi(W @ (q * x) + b)
        mean, _ = dropcheck.expectation(f, 3, p)
        distance = dropcheck.expectation(lambda m: ((f(m) - scaled) ** 2).sum(axis=1), 3, p)[0]
        spread = dropcheck.expectation(lambda m: ((f(m) - mean) ** 2).sum(axis=1), 3, p)[0]
        return distance, ((mean - scaled) ** 2).sum(), spread

    penalty = p * q * (x**2 @ (W**2).sum(axis=0))
    linear, through_relu = moments(lambda z: z), moments(relu)
    unweighted = p * q * (x**2).sum() * (W**2).sum()

    def report(passed):
        return dropcheck.Report(passed=bool(passed), method="enumeration", rounding=0.0)

    @claim
    def decomposed(stated):
        return report(all(stated(gap, s) == d for d, gap, s in (linear, through_relu)))

    decomposed.holds(lambda gap, spread: gap + spread)
    decomposed.rejects("the squared gap alone", lambda gap, spread: gap)
    decomposed.rejects("the spread alone", lambda gap, spread: spread)

    @claim.part(3)
    def of_linear(stated):
        return report(linear[1] == 0 and linear[0] == stated)

    of_linear.holds(penalty)
    of_linear.rejects("p q without the weights of x", unweighted)


@pytest.mark.claim(
    "thm-expectation-linear",
    method="bound",
    parts=(2,),
    rejects=("half of the bound", "p^2 for p q"),
)
def test_the_distance_is_bounded_by_the_lipschitz_constant(claim, rng):
    """Over random layers, times 1 or 2; the linear ones attain the bound: no smaller one passes."""
    p, masks = 0.3, enumerate_masks(5)
    weights, activations = mask_weights(masks, p), (np.tanh, lambda z: np.maximum(z, 0), np.asarray)
    distances, gaps, limits = [], [], []
    for case in range(600):
        W, b, x = rng.standard_normal((3, 5)), rng.standard_normal(3), rng.standard_normal(5)
        psi, lipschitz = activations[case % 3], 1 + case % 2
        values, scaled = (lipschitz * psi(z) for z in ((masks * x) @ W.T + b, (1 - p) * W @ x + b))
        distances.append(weights @ ((values - scaled) ** 2).sum(axis=1))
        gaps.append(((weights @ values - scaled) ** 2).sum())
        limits.append(lipschitz**2 * (x**2 @ (W**2).sum(axis=0)))
    distances, gaps, limits = (np.array(part) for part in (distances, gaps, limits))

    @claim
    def check(factor):
        return dropcheck.bound(distances, factor * limits, rounding=1e-13 * limits)

    @claim
    def gap(values):
        return dropcheck.bound(gaps, values, rounding=1e-13 * limits)

    gap.holds(distances)
    check.holds(p * (1 - p))
    check.rejects("half of the bound", p * (1 - p) / 2)
    check.rejects("p^2 for p q", p**2)


@pytest.mark.claim(
    "thm-relu-gap",
    method="bound",
    parts=(1,),
    rejects=("sqrt(nu) - |mu|", "a quarter for the half"),
)
def test_the_gap_of_a_relu_by_its_two_moments(claim, rng):
    """Random units, and two-valued ones with S = a or -a, which attain the bound."""
    masks, gaps, means, variances = enumerate_masks(4), [], [], []
    for case in range(2000):
        p = rng.uniform(0.05, 0.95)
        weights = mask_weights(masks, p)
        w, b = rng.standard_normal(4), rng.standard_normal()
        if case % 4 == 0:  # one input: b when dropped, b + w when kept, of one size
            w = np.array([-2 * b, 0.0, 0.0, 0.0])
        z = masks @ w + b
        mean = weights @ z
        gaps.append(weights @ np.maximum(z, 0) - max(mean, 0.0))
        means.append(mean)
        variances.append(weights @ (z - mean) ** 2)
    gaps, means, variances = (np.array(part) for part in (gaps, means, variances))
    size = np.abs(means) + np.sqrt(variances)
    stated = np.sqrt(variances + means**2) - np.abs(means)

    @claim
    def check(limits):
        return dropcheck.bound(gaps, np.maximum(limits, 0), rounding=1e-13 * size)

    check.holds(stated / 2)
    assert np.max(gaps / (stated / 2 + 1e-300)) > 0.999  # attained
    check.rejects("sqrt(nu) - |mu|", (np.sqrt(variances) - np.abs(means)) / 2)
    check.rejects("a quarter for the half", stated / 4)


# The Gray code.


class Counted:
    """A whole number that counts the operations it takes part in, and those of its kind alive."""

    operations = alive = 0

    def __init__(self, value):
        self.value = value
        Counted.alive += 1

    def __del__(self):
        Counted.alive -= 1

    def __add__(self, other):
        Counted.operations += 1
        return Counted(self.value + other.value)

    def __sub__(self, other):
        Counted.operations += 1
        return Counted(self.value - other.value)


def by_gray_code(terms, start):
    """Yield (mask as an integer, sum): each sum by one operation from the one before."""
    running = start
    yield 0, running
    for k in range(1, 1 << len(terms)):
        mask, unit = k ^ (k >> 1), (k & -k).bit_length() - 1
        running = running + terms[unit] if mask >> unit & 1 else running - terms[unit]
        yield mask, running


@pytest.mark.claim(
    "thm-enumeration-cost",
    method="enumeration",
    parts=(4,),
    rejects=("2^n for the Gray code", "binary order by single changes"),
)
def test_a_gray_code_needs_one_operation_a_sum(claim, rng):
    @claim
    def check(operations, *, order=lambda k: k ^ (k >> 1)):
        passed = True
        for n in range(1, 9):
            numbers = [int(k) for k in rng.integers(-99, 100, size=n + 1)]
            terms, start = [Counted(k) for k in numbers[:n]], Counted(numbers[n])
            Counted.operations = 0
            found = {mask: total.value for mask, total in by_gray_code(terms, start)}
            sums = enumerate_masks(n).astype(int) @ np.array(numbers[:n]) + numbers[n]
            passed = passed and found == dict(enumerate(sums.tolist()))
            passed = passed and Counted.operations == operations(n)
            changes = [(order(k) ^ order(k - 1)).bit_count() for k in range(1, 2**n)]
            passed = passed and changes == [1] * (2**n - 1)
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    check.holds(lambda n: 2**n - 1)
    check.rejects("2^n for the Gray code", lambda n: 2**n)
    check.rejects("binary order by single changes", lambda n: 2**n - 1, order=lambda k: k)


def doubled(terms, start):
    table = [start]
    for term in terms:
        table += [entry + term for entry in table]
    return table


def by_doubling(terms, start):
    """Yield (mask as an integer, sum) from one table."""
    yield from enumerate(doubled(terms, start))


def by_single_masks(terms, start):
    """Yield (mask as an integer, sum): each sum from the given numbers alone."""
    for mask in range(1 << len(terms)):
        total = start
        for unit, term in enumerate(terms):
            total = total + term if mask >> unit & 1 else total
        yield mask, total


def by_two_halves(terms, start):
    """Yield (mask as an integer, sum): each sum from two tables, and forgotten."""
    half = -(-len(terms) // 2)
    first, second = doubled(terms[:half], start), doubled(terms[half:], Counted(0))
    for high, other in enumerate(second):
        for low, entry in enumerate(first):
            yield low + (high << half), entry + other


@pytest.mark.claim(
    "thm-enumeration-cost",
    method="enumeration",
    parts=(3, 4),
    rejects=("halves store all sums", "a Gray code stores half a table"),
)
def test_numbers_that_wait_in_memory_are_counted(claim, rng):
    """The most numbers alive at once, besides the n given products and the sum in hand."""

    def most_alive(method, n):
        numbers = [int(k) for k in rng.integers(-99, 100, size=n + 1)]
        before = Counted.alive
        terms, start = [Counted(k) for k in numbers[:n]], Counted(numbers[n])
        sums = enumerate_masks(n).astype(int) @ np.array(numbers[:n]) + numbers[n]
        most = 0
        for mask, total in method(terms, start):
            assert total.value == sums[mask]
            in_hand = 0 if method is by_doubling or total is start else 1
            most = max(most, Counted.alive - before - n - in_hand)
        return most

    @claim
    def check(stored, *, method=by_two_halves):
        passed = all(most_alive(method, n) == stored(n) for n in range(2, 10))
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    check.holds(lambda n: 2 ** -(-n // 2) + 2 ** (n // 2))
    check.holds(lambda n: 2**n, method=by_doubling)  # with which the halves are compared
    check.rejects("halves store all sums", lambda n: 2**n)

    @claim.part(4)
    def in_gray_order(stored):
        return check.function(stored, method=by_gray_code)

    in_gray_order.holds(lambda n: 1)  # the given b
    assert most_alive(by_single_masks, 6) == 1  # as little, at n operations a sum
    in_gray_order.rejects("a Gray code stores half a table", lambda n: 2 ** (n // 2))


# Penalties: the Fisher form, and networks of many layers.


def logistic_data(v):
    """Three samples of two inputs: the inputs, chances of the label 1, weights and p."""
    return v[:6].reshape(3, 2), v[6:9], v[9:11], v[11]


def score_covariance(X, chance):
    """Covariance of the gradient over all labels, each 1 with its chance."""
    total = np.zeros((2, 2), dtype=object)
    for labels in enumerate_masks(3).astype(int):
        score = (chance - labels) @ X
        probability = np.prod(
            [c if label else 1 - c for c, label in zip(chance, labels, strict=True)]
        )
        total = total + probability * np.outer(score, score)
    return total


def diagonal_form(info, b):
    return sum(info[j, j] * b[j] ** 2 for j in range(len(b)))


@pytest.mark.claim(
    "thm-fisher-form",
    method="identity",
    parts=(1, 2),
    rejects=(
        "labels of variance one",
        "the whole matrix",
        "the inverse diagonal",
        "p q for p/q",
        "p / q without the half",
    ),
)
def test_the_penalty_is_a_form_of_the_fisher_information(claim, rng):
    """A'' of the logistic loss is c (1 - c); its chances are free, as the inputs can move them."""

    def leading_term(v):
        X, chance, b, p = logistic_data(v)
        return (
            p
            / (1 - p)
            / 2
            * sum(c * (1 - c) * (x**2 * b**2).sum() for c, x in zip(chance, X, strict=True))
        )

    @claim.part(1)
    def covariance(information):
        return dropcheck.identity(
            lambda v: score_covariance(*logistic_data(v)[:2]).ravel(),
            lambda v: information(*logistic_data(v)[:2]).ravel(),
            12,
            rng=rng,
        )

    covariance.holds(lambda X, chance: (X.T * (chance * (1 - chance))) @ X)
    covariance.rejects("labels of variance one", lambda X, chance: X.T @ X)

    @claim.part(2)
    def check(form, factor=lambda p: p / (1 - p) / 2):
        def stated(v):
            X, chance, b, p = logistic_data(v)
            return factor(p) * form(score_covariance(X, chance), b)

        return dropcheck.identity(leading_term, stated, 12, rng=rng)

    check.holds(diagonal_form)
    check.rejects("the whole matrix", lambda info, b: b @ info @ b)
    check.rejects(
        "the inverse diagonal", lambda info, b: sum(b[j] ** 2 / info[j, j] for j in range(2))
    )
    check.rejects("p q for p/q", diagonal_form, lambda p: p * (1 - p) / 2)
    check.rejects("p / q without the half", diagonal_form, lambda p: p / (1 - p))


@pytest.mark.claim(
    "thm-fisher-form",
    method="symbolic",
    parts=(1, 3, 4),
    rejects=("with the labels", "the units matter", "the root of the information in the step"),
)
def test_hessian_units_and_step_symbolically(claim):
    """One sample of two inputs (samples add up), for linear, logistic and Poisson regression."""
    x, b = sympy.symbols("x:2", real=True), sympy.symbols("b:2", real=True)
    t, new, c, eta, g, y = sympy.symbols("t new c eta g y", positive=True)
    families = (t**2 / 2, sympy.log(1 + sympy.exp(t)), sympy.exp(t))
    z = x[0] * b[0] + x[1] * b[1]

    def information(A, j, k):
        return sympy.diff(A, t, 2).subs(t, z) * x[j] * x[k]

    def report(*differences):
        zero = all(sympy.simplify(d) == 0 for d in differences)
        return dropcheck.Report(passed=zero, method="symbolic", rounding=0.0)

    @claim
    def hessian(stated):
        differences = []
        for A in families:
            loss = A.subs(t, z) - y * z
            differences += [
                sympy.diff(loss, b[j], b[k]) - stated(A, j, k) for j, k in ((0, 0), (0, 1), (1, 1))
            ]
        return report(*differences)

    hessian.holds(information)
    hessian.rejects("with the labels", lambda A, j, k: y * information(A, j, k))

    @claim.part(3)
    def units(ratio):
        penalty = sum(information(families[1], j, j) * b[j] ** 2 for j in range(2))
        other_units = {x[0]: c * x[0], b[0]: b[0] / c}
        return report(penalty.subs(other_units, simultaneous=True) - ratio * penalty)

    units.holds(1)
    units.rejects("the units matter", c**2)

    @claim.part(4)
    def step(divisor):
        info = sympy.Symbol("info", positive=True)
        objective = g * (new - b[0]) + info * (new - b[0]) ** 2 / (2 * eta)
        (solution,) = sympy.solve(sympy.diff(objective, new), new)
        return report(solution - (b[0] - eta * g / divisor(info)))

    step.holds(lambda info: info)
    step.rejects("the root of the information in the step", sympy.sqrt)


def deep_loss(factors, x, W, v):
    """Logistic loss of a tanh layer, with factors on its three inputs and three outputs."""
    hidden = torch.tanh((factors[..., :3] * x) @ W.T)
    return torch.nn.functional.softplus(-(hidden * factors[..., 3:]) @ v)


@pytest.mark.claim(
    "approx-many-layers",
    method="slope",
    parts=(1, 3),
    rejects=(
        "the first layer alone",
        "p q for p/q",
        "of fourth order at every p",
        "the layers' penalties multiply",
        "one mask for two layers, no mixed terms",
    ),
)
def test_layers_add_their_penalties(claim, rng):
    """The deviation from the leading term, over all masks, as the noise is scaled down."""
    # One network, so that the third-order term is not zero by chance; the rate is drawn.
    weights_of = np.random.default_rng(21)
    x, W, v = (torch.tensor(weights_of.standard_normal(s)) for s in ((3,), (3, 3), (3,)))
    rate = rng.uniform(0.2, 0.4)
    ones = torch.ones(6, dtype=torch.float64)
    H = torch.autograd.functional.hessian(lambda e: deep_loss(e, x, W, v), ones).numpy()
    own, first = np.trace(H), np.trace(H[:3, :3])
    mixed = 2 * sum(H[i, i + 3] for i in range(3))
    sizes = 2.0 ** -np.arange(6, 10)

    def measured(leading, p, power, factor=lambda p: p / (1 - p), shared=False):
        n = 3 if shared else 6
        masks = np.hstack([enumerate_masks(n)] * (6 // n))
        weights = mask_weights(enumerate_masks(n), p)
        gaps = []
        for t in sizes:
            noise = torch.tensor(1 + t * (masks / (1 - p) - 1))
            gaps.append(weights @ (deep_loss(noise, x, W, v) - deep_loss(ones, x, W, v)).numpy())
        errors = np.array(gaps) - sizes**2 * factor(p) / 2 * leading
        # The slope of what is left: of third order, or higher where a draw makes it small.
        estimate, (low, high) = dropcheck.slope(sizes, errors, value=1e-3)
        return dropcheck.Report(
            passed=low > power - 0.5, method="slope", estimate=estimate, interval=(low, high)
        )

    check = claim(measured)
    check.holds(own, rate, 3)
    check.holds(own, 0.5, 4)
    check.rejects("of fourth order at every p", own, rate, 4)
    check.rejects("the first layer alone", first, rate, 3)
    product = sizes**2 * rate / (1 - rate) / 2 * first * (own - first)
    check.rejects("the layers' penalties multiply", product, rate, 3)
    check.rejects("p q for p/q", own, rate, 3, factor=lambda p: p * (1 - p))

    @claim.part(3)
    def shared_mask(leading):
        return measured(leading, rate, 3, shared=True)

    shared_mask.holds(own + mixed)
    shared_mask.rejects("one mask for two layers, no mixed terms", own)


@pytest.mark.claim(
    "approx-many-layers", method="enumeration", parts=(1,), rejects=("the bend without the size",)
)
def test_a_unit_at_zero_adds_nothing(claim, rng):
    """Activations h and 0 under the loss (h_1 + |h_2| - 1)^2, with a kink at h_2 = 0; exactly."""
    h, p = Fraction(3, 2), Fraction(int(rng.integers(1, 9)), 9)
    t = Fraction(int(rng.integers(1, 9)), 9)

    def loss(first, second):
        return (first + abs(second) - 1) ** 2

    def noisy(masks):
        factors = 1 + t * (masks.astype(int) / (1 - p) - 1)
        return loss(factors[:, 0] * h, factors[:, 1] * 0)

    @claim
    def check(second_derivatives):
        leading = t**2 * p / (2 * (1 - p)) * second_derivatives
        return dropcheck.enumeration(noisy, loss(h, 0) + leading, 2, p)

    check.holds(h**2 * 2)
    kink = loss(h, 1) - 2 * loss(h, 0) + loss(h, -1)
    check.rejects("the bend without the size", h**2 * 2 + kink)


@pytest.mark.claim(
    "approx-many-layers",
    method="symbolic",
    parts=(2,),
    rejects=("the first term alone", "the slope of F once"),
)
def test_curvature_of_a_loss_behind_a_network(claim):
    """For the squared and the logistic loss of a tanh network, in one of its activations."""
    h, a, b, f = sympy.symbols("h a b f", real=True)
    F = b * sympy.tanh(a * h + 1)
    losses = ((f - 2) ** 2 / 2, sympy.log(1 + sympy.exp(-f)))

    @claim
    def check(stated):
        zero = True
        for loss in losses:
            first, second = (sympy.diff(loss, f, k).subs(f, F) for k in (1, 2))
            slope, bend = sympy.diff(F, h), sympy.diff(F, h, 2)
            difference = sympy.diff(loss.subs(f, F), h, 2) - stated(first, second, slope, bend)
            zero = zero and sympy.simplify(difference) == 0
        return dropcheck.Report(passed=bool(zero), method="symbolic", rounding=0.0)

    check.holds(lambda first, second, slope, bend: second * slope**2 + first * bend)
    check.rejects("the first term alone", lambda first, second, slope, bend: second * slope**2)
    check.rejects(
        "the slope of F once", lambda first, second, slope, bend: second * slope + first * bend
    )


@pytest.mark.claim(
    "approx-explicit-implicit", method="slope", parts=(2,), rejects=("weights in front too",)
)
def test_the_noise_of_a_weight_in_front_does_not_vanish(claim, rng):
    """Behind the mask the variance falls as s^2; in front of it, it tends to p/q y^2 v^2."""
    p, y, v = 0.3, rng.uniform(0.5, 2.0), rng.uniform(0.5, 2.0)
    q, sizes = 0.7, 2.0 ** -np.arange(6, 11)

    def variance(dropped, kept):
        return p * q * (kept - dropped) ** 2

    # Loss (v theta m/q - y)^2 / 2, theta = s in front of the mask; then in v, behind it.
    in_front = np.array([variance(0.0, (v * s / q - y) * v / q) for s in sizes])
    behind = np.array([variance(0.0, (v * s / q - y) * s / q) for s in sizes])
    assert abs(in_front[-1] - p / q * y**2 * v**2) < 0.02 * in_front[-1]

    @claim
    def check(variances):
        return dropcheck.order(sizes, variances, 2, value=0.0)

    check.holds(behind)
    check.rejects("weights in front too", in_front)


# DropBlock, unit by unit, and DropConnect, output by output.


def kept_by_blocks(masks, height, width, b):
    """Which units are kept where a seed of a block of side b stands at each False of `masks`."""
    rows, columns = height - b + 1, width - b + 1
    seeds = ~masks.reshape(-1, rows, columns)
    covered = np.zeros((len(masks), height, width), dtype=bool)
    for i, j in np.ndindex(b, b):
        covered[:, i : i + rows, j : j + columns] |= seeds
    return ~covered


def covering_places(height, width, b):
    """Number of blocks of side b on the map that cover each unit."""
    places = np.zeros((height, width), dtype=int)
    for i, j in np.ndindex(height - b + 1, width - b + 1):
        places[i : i + b, j : j + b] += 1
    return places


@pytest.mark.claim(
    "approx-dropblock",
    method="enumeration",
    parts=(2,),
    rejects=("p for every unit", "n gamma", "n / |m| keeps the means", "a constant factor does"),
)
def test_each_unit_has_a_rate_of_its_own(claim):
    """All 64 sets of seeds on a map of 3 by 4 with blocks of side 2, exactly."""
    p, b, places = Fraction(2, 5), 2, covering_places(3, 4, 2)
    gamma = p / b**2 * Fraction(12, 6)
    survives = np.array([(1 - gamma) ** int(k) for k in places.flat]).reshape(3, 4)

    @claim
    def dropped(stated):
        return dropcheck.enumeration(
            lambda masks: (~kept_by_blocks(masks, 3, 4, b)).astype(int), stated, 6, gamma
        )

    dropped.holds(1 - survives)
    dropped.rejects("p for every unit", np.full((3, 4), p))
    dropped.rejects("n gamma", places * gamma)

    def scaled(masks, factor=None):
        """What is kept times this factor, or times the n / |m| of its mask."""
        kept = kept_by_blocks(masks, 3, 4, b).astype(int)
        factors = [factor or Fraction(12, max(int(k), 1)) for k in kept.sum(axis=(1, 2))]
        return kept * np.array(factors)[:, None, None]

    by_seeds = sum(
        gamma ** int((~m).sum()) * (1 - gamma) ** int(m.sum()) * scaled(m[None])[0]
        for m in enumerate_masks(6)
    )

    @claim
    def mean_factor(stated, *, factor=None):
        means = dropcheck.expectation(lambda masks: scaled(masks, factor), 6, gamma)[0]
        return dropcheck.Report(
            passed=bool((means == stated).all()), method="enumeration", rounding=0.0
        )

    kept, constant = np.ones((3, 4), dtype=int), 1 / survives[0, 0]  # which keeps the corners
    mean_factor.holds(by_seeds)
    mean_factor.holds(constant * survives, factor=constant)
    mean_factor.rejects("n / |m| keeps the means", kept)
    mean_factor.rejects("a constant factor does", kept, factor=constant)
    assert [round(float(k), 3) for k in (by_seeds[0, 0], by_seeds[1, 1])] == [1.327, 0.492]


def test_a_scale_that_is_not_constant_can_keep_the_mean_of_each_unit():
    """So that the text says constant: one that keeps masks without a block alone does."""
    gamma = Fraction(1, 4)

    def scaled(masks):
        kept = kept_by_blocks(masks, 3, 3, 2).astype(int)
        return kept * np.where(masks.all(axis=1), (1 - gamma) ** -4, 0)[:, None, None]

    assert (dropcheck.expectation(scaled, 4, gamma)[0] == 1).all()


@pytest.mark.claim(
    "thm-dropconnect-moments",
    method="enumeration",
    rejects=("the same law of two outputs together", "the law at half the rate"),
)
def test_one_output_has_the_same_law_under_both(claim, rng):
    """The law, value by value: of one output, and of a pair, exactly."""
    W, v, p = fractions(rng, 2, 3), fractions(rng, 3), Fraction(2, 7)

    def law(values, masks, p):
        found = {}
        for value, weight in zip(values, mask_weights(masks, p), strict=True):
            found[value] = found.get(value, 0) + weight
        return found

    by_unit, by_weight = enumerate_masks(3), enumerate_masks(6)
    units = (by_unit * v) @ W.T
    entries = ((by_weight.reshape(-1, 2, 3) * W) * v).sum(axis=2)

    @claim
    def check(p_of_weights, *, outputs):
        one = law([tuple(row[outputs]) for row in units], by_unit, p)
        other = law([tuple(row[outputs]) for row in entries], by_weight, p_of_weights)
        return dropcheck.Report(passed=one == other, method="enumeration", rounding=0.0)

    check.holds(p, outputs=[0])
    check.holds(p, outputs=[1])
    check.rejects("the same law of two outputs together", p, outputs=[0, 1])
    check.rejects("the law at half the rate", p / 2, outputs=[0])


# Gradients: another mask on the way back, and noise that rows share.


def row_of(v):
    """Weights 2 x 3, input, target and p of one row."""
    return v[:6].reshape(2, 3), v[6:9], v[9:11], v[11]


def backward_on_two_masks(v, target, second):
    """Mean of the gradient for `target` over both masks; the second is used where asked."""
    W, x, y, p = row_of(v)
    masks = enumerate_masks(3).astype(int)
    weights = [np.prod([1 - p if kept else p for kept in mask]) for mask in masks]
    total = 0
    for (k, m), (h, other) in itertools.product(enumerate(masks), repeat=2):
        delta = W @ (m * x / (1 - p)) - y
        back = (other if second else m) / (1 - p)
        gradient = W.T @ delta * back if target == "x" else np.outer(delta, x * back)
        total = total + weights[k] * weights[h] * gradient
    return total


def upstream(v, penalty):
    W, x, y, p = row_of(v)
    return W.T @ (W @ x - y) + penalty(p) * (W**2).sum(axis=0) * x


def for_weights(v, penalty):
    W, x, y, p = row_of(v)
    return np.outer(W @ x - y, x) + penalty(p) * W * x**2


def none(p):
    return 0


def odds(p):
    return p / (1 - p)


@pytest.mark.claim(
    "thm-two-masks",
    method="identity",
    parts=(1, 2),
    rejects=("the penalty stays upstream", "p q upstream", "recomputed weights keep the penalty"),
)
def test_two_masks_by_identity(claim, rng):
    @claim
    def passed_on(penalty, *, second):
        return dropcheck.identity(
            lambda v: backward_on_two_masks(v, "x", second),
            lambda v: upstream(v, penalty),
            12,
            rng=rng,
        )

    passed_on.holds(odds, second=False)
    passed_on.holds(none, second=True)
    passed_on.rejects("the penalty stays upstream", odds, second=True)
    passed_on.rejects("p q upstream", lambda p: p * (1 - p), second=False)

    @claim.part(2)
    def of_weights(penalty):
        return dropcheck.identity(
            lambda v: backward_on_two_masks(v, "W", True),
            lambda v: for_weights(v, penalty),
            12,
            rng=rng,
        )

    of_weights.holds(none)
    of_weights.rejects("recomputed weights keep the penalty", odds)


@pytest.mark.claim(
    "thm-two-masks",
    method="enumeration",
    parts=(1, 2),
    rejects=("the penalty stays upstream", "recomputed weights keep the penalty"),
)
def test_two_masks_through_torch(claim, rng):
    """Autograd on a function whose backward pass uses a second mask, over all pairs of masks."""
    W, x, y, p = rng.standard_normal((2, 3)), rng.uniform(0.5, 2, 3), rng.standard_normal(2), 0.3
    weight, target = torch.tensor(W), torch.tensor(y)

    class Masked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, forward, backward):
            ctx.save_for_backward(backward)
            return x * forward

        @staticmethod
        def backward(ctx, gradient):
            return gradient * ctx.saved_tensors[0], None, None

    def gradients(masks):
        found = []
        for row in torch.tensor(masks.reshape(-1, 2, 3) / (1 - p)):
            leaf = torch.tensor(x, requires_grad=True)
            output = weight @ Masked.apply(leaf, row[0], row[1])
            delta = (output - target).detach()
            output.backward(delta)
            recomputed = torch.outer(delta, leaf.detach() * row[1])
            found.append(torch.cat([leaf.grad, recomputed.ravel()]).numpy())
        return np.array(found)

    point = np.concatenate([W.ravel(), x, y, [p]])
    scale = 100 * (1 + np.abs(point)).sum() ** 3

    @claim
    def passed_on(penalty):
        stated = upstream(point, penalty)
        return dropcheck.enumeration(lambda m: gradients(m)[:, :3], stated, 6, p, scale=scale)

    @claim.part(2)
    def of_weights(penalty):
        stated = for_weights(point, penalty).ravel()
        return dropcheck.enumeration(lambda m: gradients(m)[:, 3:], stated, 6, p, scale=scale)

    passed_on.holds(none)
    passed_on.rejects("the penalty stays upstream", odds)
    of_weights.holds(none)
    of_weights.rejects("recomputed weights keep the penalty", odds)


@pytest.mark.claim(
    "thm-shared-noise",
    method="enumeration",
    parts=(1, 2),
    rejects=("1/B of all with shared noise", "no 1/B for own noise", "the floor falls with B"),
)
def test_shared_noise_over_all_batches(claim, rng):
    """All batches of three rows of three, with all masks, of the gradient of a regression."""
    X, y, w = fractions(rng, 3, 2), fractions(rng, 3), fractions(rng, 2)
    p, B = Fraction(2, 5), 3
    masks = enumerate_masks(2).astype(int)
    chance = mask_weights(masks, p)

    def gradient(row, mask):
        masked = X[row] * masks[mask] / (1 - p)
        return (w @ masked - y[row]) * masked[0]

    table = np.array([[gradient(r, m) for r in range(3)] for m in range(4)])
    mean = chance @ table.mean(axis=1)
    total = chance @ ((table - mean) ** 2).mean(axis=1)
    floor = chance @ (table.mean(axis=1) - mean) ** 2

    def variance(shared):
        found = 0
        for rows in itertools.product(range(3), repeat=B):
            for drawn in itertools.product(range(4), repeat=1 if shared else B):
                average = sum(table[m, r] for m, r in zip(drawn * B, rows, strict=False)) / B
                found += np.prod(chance[list(drawn)]) * (average - mean) ** 2 / 3**B
        return found

    @claim
    def own(stated):
        passed = variance(shared=False) == stated
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    own.holds(total / B)
    own.rejects("no 1/B for own noise", total)

    @claim.part(2)
    def shared(stated):
        passed = variance(shared=True) == stated
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    shared.holds((total - floor) / B + floor)
    shared.rejects("1/B of all with shared noise", total / B)
    shared.rejects("the floor falls with B", (total - floor) / B + floor / B**2)


@pytest.mark.claim(
    "thm-shared-noise", method="identity", parts=(2,), rejects=("1/B of all with shared noise",)
)
def test_shared_noise_by_identity(claim, rng):
    """For any gradients: two rows, two noises with any probabilities, and any B up to 4."""

    def moments(v):
        table, chance = v[:4].reshape(2, 2), np.array([v[4], 1 - v[4]])
        mean = chance @ table.sum(axis=1) / 2
        floor = chance @ (table.sum(axis=1) / 2 - mean) ** 2
        total = chance @ ((table - mean) ** 2).sum(axis=1) / 2
        return table, chance, mean, total, floor

    def found(v):
        table, chance, mean, _, _ = moments(v)
        return np.array(
            [
                sum(
                    chance[e] * (sum(table[e, r] for r in rows) / B - mean) ** 2 / 2**B
                    for e in range(2)
                    for rows in itertools.product(range(2), repeat=B)
                )
                for B in range(1, 5)
            ]
        )

    @claim.part(2)
    def check(stated):
        def right(v):
            *_, total, floor = moments(v)
            return np.array([stated(total, floor, B) for B in range(1, 5)])

        return dropcheck.identity(found, right, 5, rng=rng)

    check.holds(lambda total, floor, B: (total - floor) / B + floor)
    check.rejects("1/B of all with shared noise", lambda total, floor, B: total / B)


# The Bayesian reading: classification, random features, the split of entropy, ensembles.


@pytest.mark.claim(
    "thm-precision",
    method="identity",
    parts=(2,),
    rejects=("the pairing without scaling", "p for q", "a tau of two"),
)
def test_weight_decay_of_a_classifier(claim, rng):
    """Two masked columns of one output, any cross-entropies: everything is rational."""

    def weights_of_two(p):
        return np.where(enumerate_masks(2), 1 - p, p).prod(axis=1)

    def bound(v):
        """What of minus the evidence bound depends on M, for N = 3 samples and four masks."""
        losses, weights, length, p = v[:12].reshape(3, 4), v[12:14], v[14], v[15]
        expected = (losses @ weights_of_two(p)).sum()
        return expected + (1 - p) * length**2 / 2 * (weights**2).sum()

    @claim.part(2)
    def check(decay, *, scale=lambda p: 1 - p, factor=1):
        def objective(v):
            losses, weights, length, p = v[:12].reshape(3, 4), v[12:14], v[14], v[15]
            W = scale(p) * weights  # inverted masks need weights multiplied by q
            expected = (losses @ weights_of_two(p)).sum() / 3
            return 3 * factor * (expected + decay(length, p) * (W**2).sum())

        return dropcheck.identity(bound, objective, 16, rng=rng)

    check.holds(lambda length, p: length**2 / (2 * (1 - p) * 3))
    check.holds(lambda length, p: (1 - p) * length**2 / (2 * 3), scale=lambda p: 1)
    check.rejects("the pairing without scaling", lambda length, p: (1 - p) * length**2 / 6)
    check.rejects("p for q", lambda length, p: length**2 / (2 * p * 3))
    check.rejects("a tau of two", lambda length, p: length**2 / (2 * (1 - p) * 3), factor=2)


@pytest.mark.claim(
    "thm-random-features",
    method="symbolic",
    parts=(1, 2),
    rejects=("K times the kernel", "Gaussian for every K", "1/K for 3/K"),
)
def test_moments_of_random_features_symbolically(claim):
    """Weights with the first four moments of a Gaussian, units with three free values."""
    values = sympy.symbols("a b c", real=True)
    chances = (sympy.Rational(1, 2), sympy.Rational(1, 3), sympy.Rational(1, 6))
    units = list(zip(values, chances, strict=True))
    sixth = sympy.Rational(1, 6)
    normal = [(-sympy.sqrt(3), sixth), (sympy.S.Zero, 4 * sixth), (sympy.sqrt(3), sixth)]
    kernel = sum(chance * value**2 for value, chance in units)
    spread = sum(chance * (value**2 - kernel) ** 2 for value, chance in units)

    def moment(K, power):
        total = 0
        for drawn in itertools.product(itertools.product(normal, units), repeat=K):
            f = sum(v * phi for (v, _), (phi, _) in drawn)
            total += sympy.prod([a * b for (_, a), (_, b) in drawn]) * f**power
        return sympy.expand(total) / K ** sympy.Rational(power, 2)

    seconds = {K: moment(K, 2) for K in (1, 2)}
    fourths = {K: moment(K, 4) for K in (1, 2)}

    @claim
    def covariance(stated):
        zero = all(sympy.expand(seconds[K] - stated(K)) == 0 for K in seconds)
        return dropcheck.Report(passed=zero, method="symbolic", rounding=0.0)

    covariance.holds(lambda K: kernel)
    covariance.rejects("K times the kernel", lambda K: K * kernel)

    @claim.part(2)
    def fourth(excess):
        zero = all(
            sympy.expand(fourths[K] - 3 * kernel**2 - excess(K) * spread) == 0 for K in fourths
        )
        return dropcheck.Report(passed=zero, method="symbolic", rounding=0.0)

    fourth.holds(lambda K: sympy.Rational(3, K))
    fourth.rejects("Gaussian for every K", lambda K: 0)
    fourth.rejects("1/K for 3/K", lambda K: sympy.Rational(1, K))


@pytest.mark.claim(
    "thm-random-features", method="enumeration", parts=(1,), rejects=("no 1/K in the variance",)
)
def test_the_random_kernel_has_the_right_mean_and_variance(claim, rng):
    """Six equally likely values of phi(x) phi(x'): all choices of K units."""
    points = fractions(rng, 2, 2)
    weights = [np.array([Fraction(a), Fraction(b)]) for a in (-1, 1, 2) for b in (-2, 1)]
    products = [relu(w @ points[0]) * relu(w @ points[1]) + w @ points[0] for w in weights]
    kernel = sum(products) / 6
    variance = sum((k - kernel) ** 2 for k in products) / 6

    @claim
    def check(stated):
        passed = True
        for K in (1, 2, 3):
            drawn = [sum(choice) / K for choice in itertools.product(products, repeat=K)]
            mean = sum(drawn) / len(drawn)
            found = sum((k - mean) ** 2 for k in drawn) / len(drawn)
            passed = passed and mean == kernel and found == stated(K)
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    check.holds(lambda K: variance / K)
    check.rejects("no 1/K in the variance", lambda K: variance)


def entropy(u):
    return -sum(c * sympy.log(c) if c != 0 else 0 for c in u)


@pytest.mark.claim(
    "thm-entropy-limits",
    method="symbolic",
    parts=(1, 2, 3),
    rejects=("the total determines I", "uniform has the largest I", "noise of the data"),
)
def test_limits_of_the_split_symbolically(claim):
    half = sympy.Rational(1, 2)
    first, second = sympy.symbols("first second", positive=True)
    bar = (first, second, 1 - first - second)

    def information(law):
        """I of a finite law, a list of (chance, prediction)."""
        mean = [sum(w * u[c] for w, u in law) for c in range(len(law[0][1]))]
        return sympy.simplify(entropy(mean) - sum(w * entropy(u) for w, u in law))

    certain = [(bar[c], [int(c == k) for k in range(3)]) for c in range(3)]
    extremes = [information([(sympy.S.One, bar)]), information(certain)]

    def report(passed):
        return dropcheck.Report(passed=bool(passed), method="symbolic", rounding=0.0)

    @claim
    def ends(low, high):
        return report(sympy.simplify(extremes[0] - low) == 0 == sympy.simplify(extremes[1] - high))

    ends.holds(0, entropy(bar))
    ends.rejects("the total determines I", entropy(bar) / 2, entropy(bar) / 2)

    u = sympy.Symbol("u", positive=True)
    within = sympy.integrate(-u * sympy.log(u), (u, 0, 1)) * 2
    uniform = sympy.log(2) - within
    at_odds = information([(half, (1, 0)), (half, (0, 1))])

    @claim.part(2)
    def larger(first, second):
        return report(sympy.simplify(uniform - sympy.log(2) + half) == 0 and first > second)

    larger.holds(at_odds, uniform)
    claim.survives(
        "larger(", "an inequality: whatever raises one side, or lowers the other, leaves it"
    )
    larger.rejects("uniform has the largest I", uniform, at_odds)

    @claim.part(3)
    def stated_noise(label_noise):
        undecided = [(half, (half, half)), (half, (half, half))]
        expected = sum(w * entropy(v) for w, v in undecided)
        return report(sympy.simplify(expected - label_noise) == 0 == information(undecided))

    stated_noise.holds(sympy.log(2))
    stated_noise.rejects("noise of the data", entropy((1, 0)))  # of labels that are certain


@pytest.mark.claim(
    "thm-entropy-limits", method="quadrature", parts=(2,), rejects=("uniform has the largest I",)
)
def test_uniform_ignorance_by_quadrature(claim):
    """Gauss's rule after the substitution u = s^2 (3 - 2 s), which tames the ends."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    s, weights = (nodes + 1) / 2, weights / 2
    u, weights = s**2 * (3 - 2 * s), weights * 6 * s * (1 - s)
    within = weights @ (-u * np.log(u) - (1 - u) * np.log1p(-u))
    information = np.log(2) - within

    @claim.part(2)
    def check(stated):
        passed = abs(information - stated) < 1e-6 and information < np.log(2)
        return dropcheck.Report(passed=bool(passed), method="quadrature", rounding=1e-6)

    check.holds(np.log(2) - 0.5)
    check.rejects("uniform has the largest I", np.log(2))


def average_over(networks, K, T):
    """Averages over all choices of K rows of `networks` and T entries for each."""
    per_network = [
        [sum(drawn) / T for drawn in itertools.product(row, repeat=T)] for row in networks
    ]
    return [
        sum(parts) / K
        for chosen in itertools.product(per_network, repeat=K)
        for parts in itertools.product(*chosen)
    ]


def mean_and_variance(values):
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


SHARES = {
    "masks remove both": lambda between, within, K, T: (between + within) / (K * T),
    "masks remove nothing": lambda between, within, K, T: (between + within) / K,
}


def true_share(between, within, K, T):
    return between / K + within / (K * T)


@pytest.mark.claim("thm-nets-and-masks", method="identity", rejects=tuple(SHARES))
def test_networks_and_masks_by_identity(claim, rng):
    """Two trainings, three masks each, with any predictions; all choices of both."""
    choices = ((1, 1), (1, 3), (2, 1), (2, 2))

    def found(v):
        networks = v.reshape(2, 3)
        return np.array([mean_and_variance(average_over(networks, K, T))[1] for K, T in choices])

    @claim
    def check(share):
        def stated(v):
            networks = v.reshape(2, 3)
            moments = [mean_and_variance(list(row)) for row in networks]
            between = mean_and_variance([mean for mean, _ in moments])[1]
            within = sum(variance for _, variance in moments) / 2
            return np.array([share(between, within, K, T) for K, T in choices])

        return dropcheck.identity(found, stated, 6, rng=rng)

    check.holds(true_share)
    for name, share in SHARES.items():
        check.rejects(name, share)


@pytest.mark.claim(
    "thm-nets-and-masks",
    method="identity",
    rejects=("one spread tells the other", "it moves both"),
)
def test_the_spread_over_masks_does_not_tell_that_of_trainings(claim, rng):
    """What is added to one of two networks under all masks leaves the one, and sets the other."""

    def spreads(networks):
        moments = [mean_and_variance(list(row)) for row in networks]
        between = mean_and_variance([mean for mean, _ in moments])[1]
        return between, sum(variance for _, variance in moments) / 2

    def moved(v):
        return np.array(spreads(v[:6].reshape(2, 3) + np.array([[0 * v[6]], [v[6]]])))

    @claim
    def check(stated_between, moves=0):
        def stated(v):
            networks = v[:6].reshape(2, 3)
            apart = sum(networks[0] - networks[1]) / 3
            within = spreads(networks)[1] + moves * v[6] ** 2 / 4
            return np.array([stated_between(apart, v[6]), within])

        return dropcheck.identity(moved, stated, 7, rng=rng)

    check.holds(lambda apart, added: (apart - added) ** 2 / 4)
    check.rejects("one spread tells the other", lambda apart, added: apart**2 / 4)
    check.rejects("it moves both", lambda apart, added: (apart - added) ** 2 / 4, moves=1)


@pytest.mark.claim("thm-nets-and-masks", method="enumeration", rejects=tuple(SHARES))
def test_networks_and_masks_of_relu_networks(claim, rng):
    """Three ReLU networks from different starts, at one input, under all their masks."""
    x, masks, p = rng.standard_normal(2), enumerate_masks(2), 0.5  # all masks equally likely
    networks = []
    for _ in range(3):
        W, v = rng.standard_normal((4, 2)), rng.standard_normal(4)
        networks.append(np.maximum((masks * x / (1 - p)) @ W.T, 0) @ v)
    networks = np.array(networks)
    between, within = networks.mean(axis=1).var(), networks.var(axis=1).mean()

    @claim
    def check(share):
        errors = [
            abs(np.var(average_over(networks, K, T)) - share(between, within, K, T))
            for K, T in ((1, 1), (1, 3), (2, 1), (2, 2))
        ]
        rounding = 1e-12 * np.abs(networks).max() ** 2
        return dropcheck.Report(
            passed=max(errors) <= rounding, method="enumeration", rounding=rounding
        )

    check.holds(true_share)
    for name, share in SHARES.items():
        check.rejects(name, share)


def overlap_by_integration(p, ratio):
    """H(z | w) in one dimension from its definition, for |M| = ratio and sigma = 1."""
    w = np.linspace(-12, 12 + ratio, 40_001)
    kept = np.log(1 - p) - (w - ratio) ** 2 / 2
    dropped = np.log(p) - w**2 / 2
    both = np.logaddexp(kept, dropped)
    entropies = -np.exp(kept - both) * (kept - both) - np.exp(dropped - both) * (dropped - both)
    return (w[1] - w[0]) * (np.exp(both) @ entropies) / np.sqrt(2 * np.pi)


@pytest.mark.claim(
    "approx-kl-weight-decay",
    method="quadrature",
    rejects=("small for every column", "no overlap at M = 0"),
)
def test_the_overlap_of_columns_near_zero(claim, rng):
    """At M = 0 it is the entropy of the mask for every sigma; at |M| = sigma most of it."""
    rates = rng.uniform(0.05, 0.95, size=20)
    sizes = 10.0 ** rng.uniform(-3, 1, size=20)

    @claim
    def check(at_zero, at_sigma):
        passed = True
        for p, sigma in zip(rates, sizes, strict=True):
            entropy_of_mask = -p * np.log(p) - (1 - p) * np.log(1 - p)
            for size, stated in ((0.0, at_zero(entropy_of_mask)), (sigma, at_sigma(p))):
                found = bayesian.kl_overlap([size], sigma, p)
                passed = passed and abs(found - stated) < 1e-7
        return dropcheck.Report(passed=bool(passed), method="quadrature", rounding=1e-7)

    check.holds(lambda entropy_of_mask: entropy_of_mask, lambda p: overlap_by_integration(p, 1.0))
    check.rejects("no overlap at M = 0", lambda entropy_of_mask: 0.0, lambda p: 0.0)
    check.rejects(
        "small for every column",
        lambda entropy_of_mask: entropy_of_mask,
        lambda p: np.sqrt(8 * np.pi * p * (1 - p)) * np.exp(-1 / 8),  # its form far out
    )
    assert abs(overlap_by_integration(0.5, 1.0) - 0.5817) < 1e-4


# R-Drop to second order.


@pytest.mark.claim(
    "approx-rdrop",
    method="slope",
    parts=(1, 2),
    rejects=("R_2 for the divergences", "4 R_2 for the divergences", "a penalty of kappa R_2"),
)
def test_rdrop_multiplies_the_penalty(claim, rng):
    """All pairs of masks of four inputs, three classes; the whole loss by autograd's Hessian."""
    # One layer, so that the third-order term is not zero by chance; the rate is drawn.
    weights_of, label = np.random.default_rng(8), 1
    W, x = torch.tensor(weights_of.standard_normal((3, 4))), weights_of.standard_normal(4)
    masks, p, sizes = enumerate_masks(4), rng.uniform(0.2, 0.4), 2.0 ** -np.arange(6, 10)
    weights = torch.tensor(mask_weights(masks, p))
    pairs = torch.outer(weights, weights)

    def cross_entropy(logits):
        return torch.logsumexp(logits, dim=-1) - logits[..., label]

    clean = W @ torch.tensor(x)
    H = torch.autograd.functional.hessian(cross_entropy, clean)
    leading = p / (2 - 2 * p) * float((torch.tensor(x) ** 2 * torch.diag(W.T @ H @ W)).sum())

    def means(t):
        noisy = torch.tensor(x * (1 + t * (masks / (1 - p) - 1))) @ W.T
        log_p = torch.log_softmax(noisy, dim=1)
        one_way = (log_p.exp() * log_p).sum(dim=1)[:, None] - log_p.exp() @ log_p.T
        divergences = (pairs * (one_way + one_way.T)).sum() / 2
        return float(weights @ cross_entropy(noisy) - cross_entropy(clean)), float(divergences)

    found = [means(t) for t in sizes]

    def of_third_order(errors):
        estimate, interval = dropcheck.slope(sizes, errors, value=1e-3)
        return dropcheck.Report(
            passed=interval[0] > 2.5, method="slope", estimate=estimate, interval=interval
        )

    @claim
    def divergences(factor):
        return of_third_order(
            [d - factor * t**2 * leading for t, (_, d) in zip(sizes, found, strict=True)]
        )

    divergences.holds(2)
    divergences.rejects("R_2 for the divergences", 1)
    divergences.rejects("4 R_2 for the divergences", 4)

    @claim.part(2)
    def loss(penalty, kappa=3.0):
        return of_third_order(
            [
                2 * added + kappa * d - penalty(kappa) * t**2 * leading
                for t, (added, d) in zip(sizes, found, strict=True)
            ]
        )

    loss.holds(lambda kappa: 2 * (1 + kappa))
    loss.rejects("a penalty of kappa R_2", lambda kappa: kappa)


# The divergence when zeros are exact.

WITH_ZEROS = {
    "p for q": lambda M, size, length, p: stated_with_zeros(M, size, length, 1 - p),
    "the constant without q": lambda M, size, length, p: (
        (1 - p) * length**2 / 2 * sum(M**2) + len(M) / 2 * (size - log(size) - 1)
    ),
    "1/2 for K/2": lambda M, size, length, p: (
        (1 - p) * length**2 / 2 * sum(M**2) + (1 - p) / 2 * (size - log(size) - 1)
    ),
    "less the entropy of the mask": lambda M, size, length, p: (
        stated_with_zeros(M, size, length, p) + p * log(p) + (1 - p) * log(1 - p)
    ),
}


def log(x):
    return sympy.log(x) if isinstance(x, sympy.Basic) else np.log(x)


def stated_with_zeros(M, size, length, p):
    """The divergence of a column M; size is the square of l sigma."""
    return (1 - p) * (length**2 * sum(M**2) + len(M) * (size - log(size) - 1)) / 2


@pytest.mark.claim("thm-kl-with-zeros", method="symbolic", rejects=tuple(WITH_ZEROS))
def test_divergence_with_zeros_symbolically(claim):
    """A column of two weights, by Gaussian moments."""
    M, p = np.array(sympy.symbols("M_1:3", real=True)), sympy.Symbol("p", positive=True)
    sigma, length = sympy.symbols("sigma l", positive=True)
    u = np.array(sympy.symbols("u_1:3", real=True))  # (w - M) / sigma, standard normal
    moments = {0: 1, 1: 0, 2: 1}
    log_ratio = sum(length**2 * (M + sigma * u) ** 2 - u**2) / 2 - 2 * sympy.log(sigma * length)
    polynomial = sympy.Poly(sympy.expand(log_ratio), *u)
    found = (1 - p) * sum(c * moments[j] * moments[k] for (j, k), c in polynomial.terms())

    @claim
    def check(stated):
        difference = found - stated(M, (length * sigma) ** 2, length, p)
        zero = sympy.simplify(sympy.expand_log(difference)) == 0
        return dropcheck.Report(passed=bool(zero), method="symbolic", rounding=0.0)

    check.holds(stated_with_zeros)
    for name, form in WITH_ZEROS.items():
        check.rejects(name, form)


def overlap_as_well(M, size, length, p):
    return stated_with_zeros(M, size, length, p) + bayesian.kl_overlap(M, size**0.5 / length, p)


@pytest.mark.claim(
    "thm-kl-with-zeros", method="quadrature", rejects=(*WITH_ZEROS, "the overlap as well")
)
def test_divergence_with_zeros_by_quadrature(claim, rng):
    """The sum over the point at zero and the integral of the densities of two weights."""
    cases = []
    for _ in range(30):
        # Sizes that keep the wrong forms apart: p is not one half, and l sigma is not one.
        M, sigma, length = rng.uniform(0.5, 2, 2), rng.uniform(0.1, 0.4), rng.uniform(0.5, 1.5)
        p = rng.uniform(0.1, 0.4)
        u = np.linspace(-14, 14, 401)
        first, second = np.meshgrid(M[0] + sigma * u, M[1] + sigma * u)
        squares = ((first - M[0]) ** 2 + (second - M[1]) ** 2) / sigma**2
        log_kept = np.log((1 - p) / (2 * np.pi * sigma**2)) - squares / 2
        log_prior = np.log((1 - p) * length**2 / (2 * np.pi))
        log_prior = log_prior - length**2 / 2 * (first**2 + second**2)
        at_zero = p * np.log(p / p)
        area = (sigma * (u[1] - u[0])) ** 2
        divergence = at_zero + area * np.sum(np.exp(log_kept) * (log_kept - log_prior))
        cases.append((divergence, M, (length * sigma) ** 2, length, p))

    @claim
    def check(stated):
        errors = [abs(divergence - stated(*case)) for divergence, *case in cases]
        return dropcheck.Report(passed=max(errors) < 1e-9, method="quadrature", rounding=1e-9)

    check.holds(stated_with_zeros)
    for name, form in WITH_ZEROS.items():
        check.rejects(name, form)
    check.rejects("the overlap as well", overlap_as_well)


# The least favourable noise.


def mean_under(A, z, values, chances):
    """E A(sum z_j e_j) over independent factors with the given values and chances."""
    total = 0
    for drawn in itertools.product(range(len(values)), repeat=len(z)):
        chosen = list(drawn)
        total = total + np.prod(chances[chosen]) * A(z @ values[chosen])
    return total


def mean_one(values, chances, top):
    """Chances on {0, *values, top} that give the values these chances and the mean 1."""
    upper = (1 - sum(values * chances)) / top
    lower = 1 - upper - sum(chances)
    return np.array([0, *values, top]), np.array([lower, *chances, upper])


@pytest.mark.claim(
    "thm-worst-noise",
    method="enumeration",
    rejects=("without the limit 1/q", "without independence", "the mildest noise"),
)
def test_no_noise_of_the_range_is_worse_exactly(claim, rng):
    convex = (abs, relu, lambda z: z**2, lambda z: z**4, lambda z: max(z, 2 * z - 1))
    p = Fraction(int(rng.integers(1, 5)), 7)
    q = 1 - p
    z = fractions(rng, 3)
    dropped = np.array([0, 1 / q]), np.array([p, q])
    small = Fraction(int(rng.integers(2, 8)), 10) * p  # chances that leave the others positive
    others = [
        mean_one(np.array([Fraction(1)]), np.array([small]), 1 / q),
        mean_one(np.array([1 / (2 * q), Fraction(1)]), np.array([small / 4, small / 2]), 1 / q),
    ]
    for values, chances in others:
        assert (chances >= 0).all()
        assert chances @ values == 1

    def shared(A):
        return p * A(Fraction(0)) + q * A(z.sum() / q)

    @claim
    def check(noise, *, mildest=False):
        passed = True
        for A in convex:
            worst, other = mean_under(A, z, *dropped), noise(A)
            passed = passed and (other >= worst if mildest else other <= worst)
        return dropcheck.Report(passed=bool(passed), method="enumeration", rounding=0.0)

    for values, chances in others:
        check.holds(lambda A, v=values, c=chances: mean_under(A, z, v, c))
    claim.survives("check(noise ", "an inequality: a smaller mean stays below the worst")
    wide = np.array([0, 2 / q]), np.array([1 - q / 2, q / 2])
    check.rejects("without the limit 1/q", lambda A: mean_under(A, z, *wide))
    z = abs(z)  # one sign, so that a shared mask has the larger spread
    check.rejects("without independence", shared)
    check.rejects("the mildest noise", lambda A: mean_under(A, z, *others[0]), mildest=True)


@pytest.mark.claim("thm-worst-noise", method="bound", rejects=("noise with its variance",))
def test_no_noise_of_the_range_is_worse_for_logistic_regression(claim, rng):
    """Random laws of five values against dropout, through log(1 + exp)."""
    others, worst = [], []
    for _ in range(300):
        p, z = rng.uniform(0.2, 0.8), 2 * rng.standard_normal(3)
        q = 1 - p
        values = np.sort(rng.uniform(0, 1 / q, size=3))
        chances = rng.dirichlet(np.ones(5))[:3] * min(p, q)
        law = mean_one(values, chances, 1 / q)
        if law[1].min() < 0:
            continue
        others.append(mean_under(lambda u: np.logaddexp(0, u), z, *law))
        worst.append(
            mean_under(lambda u: np.logaddexp(0, u), z, np.array([0, 1 / q]), np.array([p, q]))
        )
    # Mean 1 and variance p/q, but rare and far out: its fourth moment is larger.
    p, z = 0.5, np.array([1.0])
    rare = np.array([1 - 10.0**0.5, 1.0, 1 + 10.0**0.5]), np.array([0.05, 0.9, 0.05])

    def power(u):
        return u**4

    far = mean_under(power, z, *rare), mean_under(power, z, np.array([0, 2.0]), np.array([p, p]))

    @claim
    def check(values, limits):
        return dropcheck.bound(values, limits, rounding=1e-12)

    check.holds(others, worst)
    assert len(others) > 50
    check.rejects("noise with its variance", [far[0]], [far[1]])


# SELU: the fixed point attracts, and dropout moves or removes it.

ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805


@pytest.mark.claim(
    "thm-selu-attracts",
    method="symbolic",
    parts=(1,),
    rejects=("without the tail of e^(nu/2)", "convex", "slope lambda^2 at infinity"),
)
def test_the_variance_map_is_concave_symbolically(claim):
    """For free alpha and lambda: the slope, its limit, and the sign of the integrand."""
    v, a, lam, y = sympy.symbols("v a lam y", positive=True)

    def tail(k):
        """exp(k^2 v / 2) Phi(-k sqrt v)."""
        return sympy.exp(k**2 * v / 2) * sympy.erfc(k * sympy.sqrt(v / 2)) / 2

    g = lam**2 * (v / 2 + a**2 * (tail(2) - 2 * tail(1) + sympy.Rational(1, 2)))

    def report(passed):
        return dropcheck.Report(passed=bool(passed), method="symbolic", rounding=0.0)

    @claim
    def slope(stated):
        return report(sympy.simplify(sympy.diff(g, v) - stated) == 0)

    def right(far, near):
        return lam**2 * (sympy.Rational(1, 2) + a**2 * (2 * far - near))

    slope.holds(right(tail(2), tail(1)))
    slope.rejects(
        "without the tail of e^(nu/2)", lam**2 * (sympy.Rational(1, 2) + a**2 * 2 * tail(2))
    )

    @claim
    def integrand(sign):
        bracket = 2 * y - sympy.Rational(3, 2) - y**4 / 2
        square = (1 - y) ** 2 * (y**2 + 2 * y + 3) / 2
        return report(sympy.expand(bracket - sign * square) == 0)

    integrand.holds(-1)
    integrand.rejects("convex", 1)

    @claim
    def at_infinity(stated):
        # Both tails are exp(x^2) erfc(x) / 2, at x = k sqrt(v / 2).
        x = sympy.Symbol("x", positive=True)
        limit = sympy.limit(sympy.exp(x**2) * sympy.erfc(x), x, sympy.oo)
        same = all(
            sympy.simplify(
                tail(k) - (sympy.exp(x**2) * sympy.erfc(x) / 2).subs(x, k * sympy.sqrt(v / 2))
            )
            == 0
            for k in (1, 2)
        )
        return report(same and sympy.expand(right(limit, limit) - stated) == 0)

    at_infinity.holds(lam**2 / 2)
    at_infinity.rejects("slope lambda^2 at infinity", lam**2)


@pytest.mark.parametrize("v", [0.01, 0.5, 1.0, 3.0, 20.0])
def test_the_integral_of_the_proof_is_the_second_derivative_of_the_variance_map(v):
    """By quadrature and by differences, with 30 digits and without the factors in front."""
    with mpmath.workdps(30):

        def bracket(v):
            s = mpmath.sqrt(v)
            return mpmath.exp(2 * v) * mpmath.ncdf(-2 * s) - 2 * mpmath.exp(v / 2) * mpmath.ncdf(-s)

        def integrand(u):
            y = mpmath.exp(-(u**2) / 8)
            return mpmath.exp(-mpmath.sqrt(v) * u) * (2 * y - 1.5 - y**4 / 2)

        found = mpmath.diff(bracket, v, 2)
        stated = mpmath.quad(integrand, [0, 1, 4, 10, mpmath.inf]) / mpmath.sqrt(2 * mpmath.pi)
        assert stated < 0
        assert abs(found / stated - 1) < 1e-8


@pytest.mark.claim(
    "thm-selu-attracts",
    method="quadrature",
    parts=(2, 3),
    rejects=(
        "rate lambda^2 / 2",
        "settles for every p",
        "grows for every p",
        "settles below p = 1/2",
    ),
)
def test_the_variance_over_many_layers_by_quadrature(claim, rng):
    """Simpson's rule on both sides of the kink, without the closed form."""
    z = np.linspace(0, 12, 6001)
    simpson = np.where(np.arange(z.size) % 2, 4.0, 2.0)
    simpson[[0, -1]] = 1
    weights = simpson * (z[1] - z[0]) / 3 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    def g(v):
        s = np.sqrt(v)
        positive, negative = (LAMBDA * s * z) ** 2, (LAMBDA * ALPHA * np.expm1(-s * z)) ** 2
        return weights @ (positive + negative)

    def report(passed):
        return dropcheck.Report(passed=bool(passed), method="quadrature", rounding=1e-6)

    starts = 10.0 ** rng.uniform(-2, 2, size=5)

    @claim.part(2)
    def rate(stated):
        slope = (g(1 + 1e-4) - g(1 - 1e-4)) / 2e-4
        settled = True
        for v in starts:
            for _ in range(200):
                v = g(v)
            settled = settled and abs(v - 1) < 1e-6
        return report(settled and abs(slope - stated) < 1e-4)

    rate.holds(0.78265)
    rate.rejects("rate lambda^2 / 2", LAMBDA**2 / 2)

    @claim.part(3)
    def with_dropout(limit_exists):
        for p in (0.05, 0.2, 0.4, 0.44, 0.456, 0.5, 0.7):
            v = np.array([1e-2, 1e3])  # below and above each limit that there is
            for _ in range(500):
                last, v = v, np.minimum([g(entry) / (1 - p) for entry in v], 1e9)
            still = v.max() < 1e8 and (abs(v - last) < 1e-3 * v).all()
            settles = still and v.min() > 1 and v.max() < 1.01 * v.min()
            if settles != limit_exists(p):
                return report(False)
        return report(True)

    with_dropout.holds(lambda p: 1 - p > LAMBDA**2 / 2)
    with_dropout.rejects("settles below p = 1/2", lambda p: p < 0.5)
    with_dropout.rejects("settles for every p", lambda p: True)
    with_dropout.rejects("grows for every p", lambda p: False)
