"""The claims of the chapter Bayesian: each holds, and its wrong forms are rejected."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from scipy.stats import binom

import dropcheck
from book.bayesian import (
    gal_kl,
    kl_overlap,
    kl_overlap_bound,
    linear_posterior,
    model_weight_decay,
)
from dropoutlib import layers
from dropoutlib.bayes import (
    decompose_variance,
    mc_samples,
    mutual_information,
    predictive_entropy,
    predictive_log_likelihood,
)
from dropoutlib.masks import enumerate_masks, mask_weights

P = Fraction(2, 5)


def fractions(rng, *shape):
    """Random Fractions between -2 and 2."""
    return np.vectorize(Fraction, otypes=[object])(rng.integers(-20, 21, size=shape), 10)


def relu(values):
    return np.maximum(values, Fraction(0))


# Columns and entries.


def output_covariance(columns):
    """Exact covariance of two outputs of two inputs, a function of (W, x, p)."""

    def covariance(v):
        W, x, p = v[:4].reshape(2, 2), v[4:6], v[6]
        masks = enumerate_masks(2 if columns else 4)
        kept = masks[:, None, :] if columns else masks.reshape(-1, 2, 2)
        y = (kept * W * x).sum(axis=2) / (1 - p)
        weights = mask_weights(masks, p)
        mean = weights @ y
        return (weights[:, None] * y).T @ y - np.outer(mean, mean)

    return covariance


def stated_covariance(columns):
    def covariance(v):
        W, x, p = v[:4].reshape(2, 2), v[4:6], v[6]
        full = p / (1 - p) * ((W * x**2) @ W.T)
        return full if columns else np.diag(np.diag(full))

    return covariance


@pytest.mark.claim(
    "thm-column-masks", method="identity", rejects=("elementwise product", "columns in DropConnect")
)
def test_columns_and_entries_by_identity(claim, rng):
    """Both have the diagonal of the full matrix, so the marginal variances agree."""

    @claim
    def check(columns, stated):
        return dropcheck.identity(output_covariance(columns), stated_covariance(stated), 7, rng=rng)

    check.holds(True, True)
    check.holds(False, False)
    check.rejects("elementwise product", True, False)
    check.rejects("columns in DropConnect", False, True)


@pytest.mark.claim("thm-column-masks", method="enumeration", rejects=("elementwise product",))
def test_a_column_vanishes_as_one(claim):
    """The joint law of the two entries of column 1: both zero with p, exactly one never."""

    def zeros(masks):
        first = masks[:, [0, 0]]  # W diag(m) has the entries W_11 m_1 and W_21 m_1
        lost = (~first).sum(axis=1)
        return np.stack([lost == 2, lost == 1], axis=1).astype(int)

    @claim
    def check(both, one):
        return dropcheck.enumeration(zeros, [both, one], 2, P)

    check.holds(P, Fraction(0))
    check.rejects("elementwise product", P**2, 2 * P * (1 - P))


@pytest.mark.claim("thm-column-masks", method="monte-carlo", rejects=("elementwise product",))
def test_covariance_of_the_layers(claim, rng):
    p, rows = 0.4, 60_000
    W, x = np.array([[1.0, -2.0, 0.5], [1.5, -1.0, 1.0]]), np.array([1.0, 0.8, -0.6])
    inputs = np.tile(x, (rows, 1))
    covariance = p / (1 - p) * np.sum(W[0] * W[1] * x**2)
    largest = np.prod(np.abs(W * x / (1 - p)).sum(axis=1) + np.abs(W @ x))

    @claim
    def check(outputs, stated, *, wrong=None):
        products = np.prod(outputs - W @ x, axis=1)
        return dropcheck.mean_test(products, stated, -largest, largest, wrong=wrong)

    columns = layers.Dropout(p, rng=rng).forward(inputs) @ W.T
    entries = layers.DropConnect(W, p=p, rng=rng).forward(inputs)
    check.holds(columns, covariance, wrong=0.0)
    check.holds(entries, 0.0, wrong=covariance)
    check.rejects("elementwise product", columns, 0.0)


# Estimates from T samples.


def sample_moments(values, divisor):
    """Mean and variance along axis 1 with the divisor T - 1 or T, exactly."""
    T = values.shape[1]
    mean = values.sum(axis=1) / Fraction(T)
    squares = ((values - mean[:, None]) ** 2).sum(axis=1)
    return np.stack([mean, squares / Fraction(divisor(T))], axis=1)


DIVISORS = {"T - 1": lambda T: T - 1, "T": lambda T: T}


@pytest.mark.claim(
    "thm-predictive-mean", method="enumeration", rejects=("1/T variance", "the scaled network")
)
def test_estimates_over_all_tuples_of_masks(claim, rng):
    """A ReLU net whose inputs are masked, and all (2^3)^3 triples of masks."""
    n, T = 3, 3
    W, b, v = fractions(rng, 4, n), fractions(rng, 4), np.abs(fractions(rng, 4))
    x = np.array([Fraction(1), Fraction(-1, 2), Fraction(2)])
    W[0], b[0], v[0] = [2, -1, -3], Fraction(-1), Fraction(5)  # changes its sign over the masks

    def network(masks):
        return relu((masks * x) @ W.T / (1 - P) + b) @ v

    mean, _ = dropcheck.expectation(network, n, P)
    variance, _ = dropcheck.expectation(lambda masks: (network(masks) - mean) ** 2, n, P)

    @claim
    def check(divisor, mean=mean):
        def estimates(masks):
            return sample_moments(network(masks.reshape(-1, n)).reshape(-1, T), divisor)

        return dropcheck.enumeration(estimates, [mean, variance], n * T, P)

    check.holds(DIVISORS["T - 1"])
    check.rejects("1/T variance", DIVISORS["T"])
    scaled = relu(W @ x + b) @ v  # too small by Jensen's inequality, as v is not negative
    check.rejects("the scaled network", DIVISORS["T - 1"], mean=scaled)


@pytest.mark.claim("thm-predictive-mean", method="identity", rejects=("1/T variance",))
def test_estimates_by_identity(claim, rng):
    """Any function of two units, given by its four values, and pairs of masks."""
    single, pairs = enumerate_masks(2), enumerate_masks(4)
    codes = pairs.reshape(-1, 2, 2) @ np.array([1, 2])

    @claim
    def check(divisor):
        def estimated(v):
            return mask_weights(pairs, v[4]) @ sample_moments(v[:4][codes], divisor)

        def enumerated(v):
            weights = mask_weights(single, v[4])
            mean = weights @ v[:4]
            return np.array([mean, weights @ v[:4] ** 2 - mean**2])

        return dropcheck.identity(estimated, enumerated, 5, rng=rng)

    check.holds(DIVISORS["T - 1"])
    check.rejects("1/T variance", DIVISORS["T"])


@pytest.mark.claim("thm-predictive-mean", method="monte-carlo", rejects=("1/T variance",))
def test_estimates_of_the_library(claim, seed):
    """Each row is an estimate from T = 2 samples, as per-row draws are independent."""
    p, rows = 0.5, 40_000
    h, w = torch.tensor([1.0, 0.7]), torch.tensor([1.0, -1.2])
    model = torch.nn.Sequential(torch.nn.Dropout(p), torch.nn.Linear(2, 1, bias=False)).double()
    model[1].weight.data = w[None].double()
    samples = mc_samples(model, h.double().expand(rows, 2), 2, rng=seed)[:, :, 0].numpy()
    variance = float(p / (1 - p) * np.sum((h * w).numpy() ** 2))
    ends = (h * w).numpy() / (1 - p)
    width = np.clip(ends, 0, None).sum() - np.clip(ends, None, 0).sum()

    @claim
    def check(divisor, *, wrong=None):
        spread = np.var(samples, axis=0) * 2 / divisor(2)
        return dropcheck.mean_test(spread, variance, 0, width**2 / 2 + 1e-6, wrong=wrong)

    check.holds(DIVISORS["T - 1"], wrong=variance / 2)
    check.rejects("1/T variance", DIVISORS["T"])


# The predictive variance.


@pytest.mark.claim("thm-total-variance", method="identity", rejects=("no 1/tau", "1/tau twice"))
def test_total_variance_by_identity(claim, rng):
    """Any function of two units, and noise of the two values s and -s, so 1/tau = s^2."""
    masks = enumerate_masks(2)

    def total(v):
        f, p, s = v[:4], v[4], v[5]
        weights = np.concatenate([mask_weights(masks, p) / 2] * 2)
        y = np.concatenate([f + s, f - s])
        return weights @ y**2 - (weights @ y) ** 2

    @claim
    def check(times):
        def stated(v):
            f, p, s = v[:4], v[4], v[5]
            weights = mask_weights(masks, p)
            return times * s**2 + weights @ f**2 - (weights @ f) ** 2

        return dropcheck.identity(total, stated, 6, rng=rng)

    check.holds(1)
    check.rejects("no 1/tau", 0)
    check.rejects("1/tau twice", 2)


@pytest.mark.claim(
    "thm-total-variance", method="quadrature", rejects=("no 1/tau", "deviations add")
)
def test_total_variance_by_quadrature(claim, rng):
    """The variance of the mixture whose density is the library's predictive likelihood."""
    samples, tau = 2 * rng.standard_normal((5, 1)), 1.7
    low, high = samples.min() - 14 / tau**0.5, samples.max() + 14 / tau**0.5
    y = np.linspace(low, high, 4001)  # the trapezoidal rule is exact to rounding here
    density = np.exp(predictive_log_likelihood(np.tile(samples, len(y)), y, tau))
    step = y[1] - y[0]
    mean = step * density @ y
    variance = step * density @ (y - mean) ** 2
    split = decompose_variance(samples, tau=tau)

    @claim
    def check(stated):
        error = abs(float(stated) - variance)
        return dropcheck.Report(
            passed=error <= 1e-10, method="quadrature", error=error, rounding=1e-10
        )

    check.holds(split.total[0])
    check.rejects("no 1/tau", split.epistemic[0])
    added = (split.aleatoric[0] ** 0.5 + split.epistemic[0] ** 0.5) ** 2
    check.rejects("deviations add", added)


# Entropy.


@pytest.mark.claim(
    "thm-entropy-decomposition", method="symbolic", rejects=("divergence of the mean from members",)
)
def test_information_is_a_mean_divergence_symbolically(claim):
    """Two masks and two classes; I = H[mean] - mean H is the mean divergence from the mean."""
    p, u, v = sympy.symbols("p u v", positive=True)
    weights, members = (p, 1 - p), ((u, 1 - u), (v, 1 - v))
    mean = [sum(w * m[c] for w, m in zip(weights, members, strict=True)) for c in (0, 1)]

    def entropy(prediction):
        return -sum(x * sympy.log(x) for x in prediction)

    def divergence(a, b):
        return sum(x * (sympy.log(x) - sympy.log(y)) for x, y in zip(a, b, strict=True))

    information = entropy(mean) - sum(w * entropy(m) for w, m in zip(weights, members, strict=True))

    @claim
    def check(stated):
        zero = sympy.expand(information - stated) == 0
        return dropcheck.Report(passed=bool(zero), method="symbolic", rounding=0.0)

    pairs = list(zip(weights, members, strict=True))
    check.holds(sum(w * divergence(m, mean) for w, m in pairs))
    check.rejects(
        "divergence of the mean from members", sum(w * divergence(mean, m) for w, m in pairs)
    )


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.claim(
    "thm-entropy-decomposition", method="bound", rejects=("entropy is epistemic", "I = H")
)
def test_information_is_zero_exactly_without_dependence(claim, rng):
    """All masks of four units at p = 1/2, in networks that do and that do not look at them."""
    masks, rows = enumerate_masks(4), 500
    W = rng.standard_normal((rows, 4, 3))
    dependent = softmax(np.einsum("tk,nkc->tnc", 2.0 * masks, W))
    constant = np.repeat(softmax(W.sum(axis=1))[None], len(masks), axis=0)
    spread = np.abs(dependent - dependent.mean(axis=0)).sum(axis=2)
    pinsker = (spread**2).mean(axis=0) / 2

    @claim
    def vanishes_without(measure):
        return dropcheck.bound(measure(constant), np.full(rows, 1e-12))

    @claim
    def at_most(lower, upper):
        return dropcheck.bound(lower, upper)

    at_most.holds(pinsker, mutual_information(dependent))
    vanishes_without.holds(mutual_information)
    vanishes_without.rejects("entropy is epistemic", predictive_entropy)
    at_most.holds(mutual_information(dependent), predictive_entropy(dependent))
    at_most.rejects("I = H", predictive_entropy(dependent), mutual_information(dependent))


@pytest.mark.claim(
    "thm-entropy-passes",
    method="symbolic",
    parts=(1,),
    rejects=("unbiased", "the mean entropy is biased too", "I / T is missing"),
)
def test_entropy_of_two_passes_symbolically(claim):
    """Two masks of any probabilities and two classes, and the four pairs of passes."""
    p, u, v = sympy.symbols("p u v", positive=True)
    members = [(p, (u, 1 - u)), (1 - p, (v, 1 - v))]

    def entropy(prediction):
        return -sum(x * sympy.log(x) for x in prediction)

    def mean(pairs):
        return tuple(sum(w * m[c] for w, m in pairs) for c in (0, 1))

    overall = mean(members)
    gap = total = within = 0
    for (w, m), (other_w, other) in itertools.product(members, repeat=2):
        average = mean([(sympy.Rational(1, 2), m), (sympy.Rational(1, 2), other)])
        total += w * other_w * entropy(average)
        within += w * other_w * (entropy(m) + entropy(other)) / 2
        gap += (
            w
            * other_w
            * sum(a * (sympy.log(a) - sympy.log(b)) for a, b in zip(average, overall, strict=True))
        )
    expected = sum(w * entropy(m) for w, m in members)
    information = entropy(overall) - expected

    @claim
    def check(missing, missing_within=0):
        pairs = [(entropy(overall) - total, missing), (expected - within, missing_within)]
        pairs.append((information - (total - within), missing - missing_within))
        zero = all(sympy.expand(sympy.expand(a) - sympy.expand(b)) == 0 for a, b in pairs)
        return dropcheck.Report(passed=zero, method="symbolic", rounding=0.0)

    check.holds(gap)
    check.rejects("unbiased", sympy.S.Zero)
    check.rejects("the mean entropy is biased too", gap, gap)
    check.rejects("I / T is missing", information / 2)


@pytest.mark.claim(
    "thm-entropy-passes",
    method="bound",
    parts=(1, 2),
    rejects=("it is too large", "it grows with T", "one pass misses half of I"),
)
def test_entropy_of_more_passes_lacks_less(claim, rng):
    """Random predictions under the four masks of two units; T up to 5, by the library."""
    p, members = 0.3, softmax(2 * rng.standard_normal((20, 4, 3)))
    weights, passes = mask_weights(enumerate_masks(2), p), range(1, 6)
    tuples = [np.array([*itertools.product(range(4), repeat=T)]) for T in passes]
    overall = np.einsum("k,rkc->rc", weights, members)
    information = predictive_entropy(overall[None]) + np.einsum(
        "k,rkc->r", weights, members * np.log(members)
    )

    def mean_over(measure, drawn):
        chances = np.prod(weights[drawn], axis=1)
        return np.array([chances @ measure(row[drawn.T]) for row in members])

    found = [mean_over(mutual_information, drawn) for drawn in tuples]
    gaps = np.array([information - values for values in found])  # (T, rows)
    last = tuples[-1]
    averages = members[:, last].mean(axis=2)  # (rows, tuples, classes)
    divergences = np.sum(averages * np.log(averages / overall[:, None]), axis=2)
    divergences = divergences @ np.prod(weights[last], axis=1)
    rounding = 1e-12

    @claim
    def is_too_small(gap):
        return dropcheck.bound(-gap, np.zeros_like(gap), rounding=rounding)

    is_too_small.holds(gaps)
    is_too_small.rejects("it is too large", -gaps)

    @claim.part(1)
    def is_the_divergence(gap):
        return dropcheck.bound(np.abs(gap - divergences), np.full(20, rounding))

    is_the_divergence.holds(gaps[-1])

    @claim.part(2)
    def does_not_increase(earlier, later):
        return dropcheck.bound(later, earlier, rounding=rounding)

    does_not_increase.holds(gaps[:-1], gaps[1:])
    does_not_increase.rejects("it grows with T", gaps[1:], gaps[:-1])

    @claim.part(2)
    def one_pass_misses(stated):
        return dropcheck.bound(np.abs(gaps[0] - stated), np.full(20, rounding))

    one_pass_misses.holds(information)
    one_pass_misses.rejects("one pass misses half of I", information / 2)


@pytest.mark.claim(
    "thm-entropy-passes",
    method="slope",
    parts=(3,),
    rejects=("without the half", "divided by 1 - mean"),
)
def test_gap_of_the_entropy_to_second_order(claim):
    """What is left of the gap after the term in 1/T; tuples counted by their multiplicities."""
    first, chance, passes = np.array([0.9, 0.3]), 0.3, 2 ** np.arange(4, 11)
    mean = chance * first[0] + (1 - chance) * first[1]
    variance = chance * (1 - chance) * (first[0] - first[1]) ** 2

    def gap(T):
        counts = np.arange(T + 1)
        u = (counts * first[0] + (T - counts) * first[1]) / T
        divergence = u * np.log(u / mean) + (1 - u) * np.log((1 - u) / (1 - mean))
        return binom.pmf(counts, T, chance) @ divergence

    gaps = np.array([gap(int(T)) for T in passes])

    @claim
    def check(leading):
        return dropcheck.order(1 / passes, np.abs(gaps - leading / passes), 2)

    check.holds(variance / 2 * (1 / mean + 1 / (1 - mean)))
    check.rejects("without the half", variance * (1 / mean + 1 / (1 - mean)))
    check.rejects("divided by 1 - mean", variance / 2 * (2 / (1 - mean)))


# The divergence.


def divergence_by_trapezoids(M, sigma, length_scale, p):
    """KL of the mixture from the prior in one or two dimensions, from the densities themselves."""
    nodes = {1: 4001, 2: 201}[len(M)]
    axes = [np.linspace(min(m, 0) - 12 * sigma, max(m, 0) + 12 * sigma, nodes) for m in M]
    w = np.stack(np.meshgrid(*axes), axis=-1)
    kept = np.log(1 - p) - ((w - M) ** 2).sum(axis=-1) / (2 * sigma**2)
    dropped = np.log(p) - (w**2).sum(axis=-1) / (2 * sigma**2)
    scale = np.log(2 * np.pi) / 2
    log_mixture = np.logaddexp(kept, dropped) - len(M) * (np.log(sigma) + scale)
    log_prior = len(M) * (np.log(length_scale) - scale) - length_scale**2 / 2 * (w**2).sum(axis=-1)
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    return cell * np.sum(np.exp(log_mixture) * (log_mixture - log_prior))


@pytest.mark.claim(
    "approx-kl-weight-decay",
    method="bound",
    rejects=("(p l^2/2) |M|^2", "1/2 for K/2", "no entropy of the mask", "no overlap at all"),
)
def test_divergence_lies_within_the_bound(claim, rng):
    """From above and from below, over 3000 columns of one weight and 50 of two."""
    K = np.repeat([1, 2], [3000, 50])
    M = [rng.uniform(0.1, 3.0, k) * rng.choice([-1, 1], k) for k in K]
    squares = np.array([np.sum(m**2) for m in M])
    sigma = np.sqrt(squares) / rng.uniform(0.2, np.where(K == 1, 12.0, 4.0))
    length, p = rng.uniform(0.3, 3.0, len(K)), rng.uniform(0.05, 0.45, len(K))
    settings = list(zip(M, sigma, length, p, strict=True))
    exact = np.array([divergence_by_trapezoids(*case) for case in settings])
    stated = np.array([gal_kl(*case) for case in settings])
    limits = np.array([kl_overlap_bound(m, s, drop) for m, s, _, drop in settings])
    rounding = 1e-11 * (1 + np.abs(exact) + stated)

    @claim
    def check(form, limits=limits):
        differences = np.concatenate([exact - form, form - exact])
        ceilings = np.concatenate([limits, np.zeros(len(K))])
        return dropcheck.bound(differences, ceilings, rounding=np.tile(rounding, 2))

    q = 1 - p
    check.holds(stated)
    check.rejects("(p l^2/2) |M|^2", stated + (p - q) * length**2 / 2 * squares)
    size = (length * sigma) ** 2
    check.rejects("1/2 for K/2", stated - (K - 1) / 2 * (size - np.log(size) - 1))
    entropy = -p * np.log(p) - q * np.log(q)
    check.rejects("no entropy of the mask", stated + entropy)
    check.rejects("no overlap at all", stated, limits=np.zeros(len(K)))


@pytest.mark.claim("approx-kl-weight-decay", method="slope", rejects=("exp(-r^2/8) alone",))
def test_order_of_the_overlap(claim):
    """Times exp(r^2 / 8), the overlap is sqrt(8 pi p q) sigma/|M| and higher orders."""
    p, sigma = 0.3, 2.0 ** -np.arange(1.0, 6.0, 0.5)
    scaled = np.array([kl_overlap([1.0], s, p) * np.exp(1 / (8 * s**2)) for s in sigma])

    @claim
    def check(expected):
        return dropcheck.order(sigma, scaled, expected, value=scaled)

    check.holds(1)
    check.rejects("exp(-r^2/8) alone", 0)


@pytest.mark.claim(
    "approx-kl-weight-decay", method="bound", rejects=("the bound is never nearly reached",)
)
def test_overlap_lies_between_its_bounds(claim, rng):
    """The second upper bound times 1 - (pi^2 + 8 + log^2(q/p)) / 2r^2 is a lower bound."""
    r, p = rng.uniform(0.2, 60.0, 2000), rng.uniform(0.01, 0.99, 2000)
    settings = list(zip(r, p, strict=True))
    overlap = np.array([kl_overlap([distance], 1.0, drop) for distance, drop in settings])
    upper = np.array([kl_overlap_bound([distance], 1.0, drop) for distance, drop in settings])
    far = np.sqrt(8 * np.pi * p * (1 - p)) / r * np.exp(-(r**2) / 8)
    lower = far * (1 - (np.pi**2 + 8 + np.log((1 - p) / p) ** 2) / (2 * r**2))
    rounding = 1e-12 * overlap

    @claim
    def at_most(less, more):
        return dropcheck.bound(less, more, rounding=rounding)

    at_most.holds(overlap, upper)
    at_most.holds(lower.clip(0), overlap)
    at_most.rejects("the bound is never nearly reached", overlap, 0.99 * upper)


@pytest.mark.claim(
    "approx-kl-weight-decay", method="monte-carlo", rejects=("it vanishes as K grows",)
)
@pytest.mark.parametrize("K", [2, 300])
def test_overlap_in_many_dimensions(claim, rng, K):
    """At one distance |M| / sigma the overlap is the same in any dimension."""
    p, sigma, draws = 0.3, 0.5, 40_000
    M = rng.standard_normal(K)
    M /= np.linalg.norm(M)
    kept = rng.random(draws) >= p
    w = kept[:, None] * M + sigma * rng.standard_normal((draws, K))
    odds = np.log((1 - p) / p) + (w @ M - 1 / 2) / sigma**2
    doubt = np.logaddexp(0, -odds) + odds / (1 + np.exp(odds))  # entropy of the bit given w

    @claim
    def check(overlap, *, wrong=None):
        return dropcheck.mean_test(doubt, overlap, 0, np.log(2), wrong=wrong)

    check.holds(kl_overlap(M, sigma, p), wrong=0.0)
    check.rejects("it vanishes as K grows", 0.0)


# Precision and weight decay.


@pytest.mark.claim(
    "thm-precision",
    method="identity",
    rejects=("unscaled lambda, inverted masks", "inverted lambda, unscaled masks", "no 1/2"),
)
def test_precision_by_identity(claim, rng):
    """N tau times the objective is the M-dependent part of the evidence bound, for all M.

    Two samples, two units, one output. The point holds M, X, y, tau, l and p.
    """
    N, masks = 2, enumerate_masks(2)

    def parts(v):
        return v[:2], v[2:6].reshape(2, 2), v[6:8], v[8], v[9], v[10]

    def loss(W, X, y, p, scale):
        """Half the expected sum of squares of a linear layer behind the masks."""
        outputs = (masks[:, None] * X * W).sum(axis=2) * scale
        return mask_weights(masks, p) @ ((y - outputs) ** 2).sum(axis=1) / 2

    def evidence(v):
        M, X, y, tau, length, p = parts(v)
        penalty = (1 - p) * length**2 / 2 * (M**2).sum()
        return tau * (loss(M, X, y, p, 1) - (y**2).sum() / 2) + penalty

    @claim
    def check(inverted, decay, half=1):
        def objective(v):
            M, X, y, tau, length, p = parts(v)
            q = 1 - p
            W, scale = (q * M, 1 / q) if inverted else (M, 1)
            data = (loss(W, X, y, p, scale) - (y**2).sum() / 2) / N
            return N * tau * (data + half * decay(length, q, tau) * (W**2).sum())

        return dropcheck.identity(evidence, objective, 11, rng=rng)

    def unscaled(length, q, tau):
        return q * length**2 / (2 * N * tau)

    def inverted(length, q, tau):
        return length**2 / (2 * q * N * tau)

    check.holds(False, unscaled)
    check.holds(True, inverted)
    check.rejects("unscaled lambda, inverted masks", True, unscaled)
    check.rejects("inverted lambda, unscaled masks", False, inverted)
    check.rejects("no 1/2", True, inverted, half=2)


@pytest.mark.claim(
    "thm-precision", method="gradient", rejects=("the other convention's weight decay",)
)
@pytest.mark.parametrize("inverted", [True, False])
def test_precision_by_gradients(claim, rng, inverted):
    """A tanh layer, dropout, a linear layer: the bound's slope in the weights behind the mask."""
    N, H, p, tau, length = 6, 4, 0.3, 2.5, 0.8
    h, y = np.tanh(rng.standard_normal((N, H))), rng.standard_normal((N, 2))
    W = rng.standard_normal((H, 2))
    masks = enumerate_masks(H)
    weights, scale = mask_weights(masks, p), 1 / (1 - p) if inverted else 1.0

    def bound(W):
        """Minus the evidence bound in W, whose un-inverted weights are W / q or W."""
        residuals = y - (masks[:, None] * h * scale) @ W
        penalty = (1 - p) * length**2 / 2 * np.sum((W * scale) ** 2)
        return tau / 2 * weights @ (residuals**2).sum(axis=(1, 2)) + penalty

    @claim
    def check(decay):
        mean_residuals = h.T @ (y - h @ W * scale * (1 - p)) * scale * (1 - p)
        noise = p * (1 - p) * scale**2 * (h**2).sum(axis=0)[:, None] * W
        objective = (noise - mean_residuals) / N + 2 * decay * W
        return dropcheck.gradient(bound, N * tau * objective, W)

    check.holds(model_weight_decay(p, length, N, tau, inverted))
    check.rejects(
        "the other convention's weight decay", model_weight_decay(p, length, N, tau, not inverted)
    )


# The likelihood of test data.


@pytest.mark.claim(
    "thm-loglik", method="symbolic", rejects=("summed over draws first", "D = 1 for two outputs")
)
def test_likelihood_symbolically(claim):
    """Two draws of two outputs: the logarithm of the mean of products of normal densities."""
    y, f, g = (sympy.symbols(f"{name}_1:3", real=True) for name in "yfg")
    tau = sympy.symbols("tau", positive=True)

    def density(draw):
        return sympy.prod(
            sympy.sqrt(tau / (2 * sympy.pi)) * sympy.exp(-tau / 2 * (a - b) ** 2)
            for a, b in zip(y, draw, strict=True)
        )

    mixture = (density(f) + density(g)) / 2
    exponents = [-tau / 2 * sum((a - b) ** 2 for a, b in zip(y, d, strict=True)) for d in (f, g)]

    @claim
    def check(log_sum, D):
        """The exponential of the formula, whose terms in T and D are factors."""
        stated = (
            log_sum / 2 * (2 * sympy.pi) ** (-sympy.Rational(D, 2)) * tau ** sympy.Rational(D, 2)
        )
        zero = sympy.simplify(sympy.expand(stated - mixture)) == 0
        return dropcheck.Report(passed=bool(zero), method="symbolic", rounding=0.0)

    check.holds(sum(sympy.exp(e) for e in exponents), 2)
    check.rejects("summed over draws first", sympy.exp(sum(exponents)), 2)
    check.rejects("D = 1 for two outputs", sum(sympy.exp(e) for e in exponents), 1)


@pytest.mark.claim("thm-loglik", method="quadrature", rejects=("summed over draws first",))
def test_likelihood_is_a_density(claim, rng):
    samples, tau = rng.standard_normal((5, 1)), 1.7
    y = np.linspace(-20, 20, 8001)

    @claim
    def check(log_density):
        total = (y[1] - y[0]) * np.exp(log_density).sum()
        error = abs(total - 1)
        return dropcheck.Report(
            passed=error <= 1e-12, method="quadrature", error=error, rounding=1e-12
        )

    check.holds(predictive_log_likelihood(np.tile(samples, len(y)), y, tau))
    each = np.array([predictive_log_likelihood(np.tile(f, (1, len(y))), y, tau) for f in samples])
    check.rejects("summed over draws first", each.sum(axis=0) - np.log(len(samples)))


# More data.


def dropout_weights(X, y, p, copies):
    """Minimiser of the expected squared loss behind dropout, two inputs, data repeated."""
    gram, target = copies * (X.T @ X), copies * (X.T @ y)
    gram = gram + p / (1 - p) * np.diag(np.diag(gram))
    determinant = gram[0, 0] * gram[1, 1] - gram[0, 1] * gram[1, 0]
    adjugate = np.array([[gram[1, 1], -gram[0, 1]], [-gram[1, 0], gram[0, 0]]])
    return (adjugate @ target) / determinant


def dropout_variance(v, copies):
    """Exact variance over masks at x after training on repeated data, of (X, y, x, p)."""
    X, y, x, p = v[:4].reshape(2, 2), v[4:6], v[6:8], v[8]
    w, masks = dropout_weights(X, y, p, copies), enumerate_masks(2)
    outputs, weights = (masks * x * w).sum(axis=1) / (1 - p), mask_weights(masks, p)
    return weights @ outputs**2 - (weights @ outputs) ** 2


@pytest.mark.claim(
    "thm-variance-does-not-shrink", method="identity", parts=(2,), rejects=("it falls as 1/N",)
)
def test_repeating_the_data_changes_nothing(claim, rng):
    @claim
    def check(factor):
        return dropcheck.identity(
            lambda v: dropout_variance(v, 7),
            lambda v: factor * dropout_variance(v, 1),
            9,
            rng=rng,
        )

    check.holds(1)
    check.rejects("it falls as 1/N", Fraction(1, 7))


@pytest.mark.claim(
    "thm-variance-does-not-shrink",
    method="slope",
    parts=(1, 2, 3),
    rejects=("it falls as 1/N", "weights of least squares"),
)
def test_exact_posterior_shrinks_and_dropout_does_not(claim, rng):
    p, tau, length, x = 0.3, 4.0, 1.0, np.array([1.0, -0.5, 2.0])
    X = rng.standard_normal((30, 3))
    y = X @ np.array([1.0, 2.0, -1.0]) + rng.standard_normal(30) / tau**0.5
    copies = 2 ** np.arange(4, 12)
    exact, dropout, weights = [], [], []
    for k in copies:
        # k copies of the data have the Gram matrix of sqrt(k) times one copy.
        _, variance = linear_posterior(k**0.5 * X, k**0.5 * y, tau, length).predict(x[None])
        exact.append(variance[0])
        gram = k * X.T @ X
        w = np.linalg.solve(gram + p / (1 - p) * np.diag(np.diag(gram)), k * X.T @ y)
        dropout.append(p / (1 - p) * np.sum((w * x) ** 2))
        decay = 2 * 30 * k * model_weight_decay(p, length, 30 * int(k), tau)
        gram = gram + p / (1 - p) * np.diag(np.diag(gram)) + decay * np.eye(3)
        weights.append(np.linalg.solve(gram, k * X.T @ y))

    @claim
    def check(variances, expected):
        return dropcheck.order(1 / copies, variances, expected, value=np.array(variances))

    check.holds(exact, 1)
    check.holds(dropout, 0)
    check.rejects("it falls as 1/N", dropout, 1)

    @claim.part(2)
    def tend_to(limit):
        return dropcheck.order(1 / copies, np.linalg.norm(weights - limit, axis=1), 1)

    S, s = X.T @ X / 30, X.T @ y / 30
    tend_to.holds(np.linalg.solve(S + p / (1 - p) * np.diag(np.diag(S)), s))
    tend_to.rejects("weights of least squares", np.linalg.solve(S, s))


# Between the data.


def hidden_variance(x, A, b, w, activation=relu):
    """(p/q) sum_j w_j^2 act(z_j)^2 at one input, exactly."""
    return P / (1 - P) * (w**2 * activation(A @ x + b) ** 2).sum()


@pytest.mark.claim("thm-no-in-between", method="enumeration", rejects=("p q for p/q", "no ReLU"))
def test_variance_of_one_hidden_layer(claim, rng):
    units = 5
    A, b, w = fractions(rng, units, 2), fractions(rng, units), fractions(rng, units)
    x = fractions(rng, 2)
    A[0], b[0], w[0] = 0, Fraction(-1), Fraction(1)  # one unit that is off, and one that is on
    A[1], b[1], w[1] = 0, Fraction(1), Fraction(1)

    def squared_deviation(masks):
        terms = w * relu(A @ x + b)
        return ((masks * terms).sum(axis=1) / (1 - P) - terms.sum()) ** 2

    @claim
    def check(variance):
        return dropcheck.enumeration(squared_deviation, variance, units, P)

    check.holds(hidden_variance(x, A, b, w))
    check.rejects("p q for p/q", (1 - P) ** 2 * hidden_variance(x, A, b, w))
    check.rejects("no ReLU", hidden_variance(x, A, b, w, activation=lambda z: z))


def exact_variance(network, units):
    mean, _ = dropcheck.expectation(network, units, P)
    return dropcheck.expectation(lambda masks: (network(masks) - mean) ** 2, units, P)[0]


def two_layers(x):
    """Variance at x of a net of two hidden layers whose second unit is a bump in x."""

    def network(masks):
        first = relu(np.array([x + 1, x, x - 1]))
        bump = relu(first @ np.array([1, -2, 1]))  # 0 at -1 and 1, and 1 at 0
        return masks[:, 0] * bump / (1 - P)

    return exact_variance(network, 1)


def dropped_input(x):
    """Variance at x when the input itself is dropped, at P, and the hidden units at 1/50."""
    masks, rate = enumerate_masks(4).astype(int), Fraction(1, 50)
    kept = masks[:, :1] * x / (1 - P)
    shifted = relu(kept - np.array([0, 5, 10]))  # a bump from 0 to 10 in x / q
    outputs = (masks[:, 1:] * shifted) @ np.array([1, -2, 1]) / (1 - rate)
    weights = mask_weights(masks[:, :1], P) * mask_weights(masks[:, 1:], rate)
    return weights @ outputs**2 - (weights @ outputs) ** 2


@pytest.mark.claim(
    "thm-no-in-between",
    method="bound",
    rejects=("any activation", "any depth", "inputs dropped too", "the other way round"),
)
def test_variance_is_convex(claim, rng):
    """Along random lines, in exact arithmetic: no value lies above the chord."""

    @claim
    def check(cases):
        """For (V(a), V(b), t, V(t a + (1 - t) b)): the value, and the chord's height."""
        above = [inside - (t * a + (1 - t) * b) for a, b, t, inside in cases]
        return dropcheck.Report(passed=max(above) <= 0, method="bound", cases=len(cases))

    def case(variance, a, b, t):
        return variance(a), variance(b), t, variance(t * a + (1 - t) * b)

    cases = []
    for _ in range(2000):
        A, b, w = fractions(rng, 4, 3), fractions(rng, 4), fractions(rng, 4)
        t = Fraction(int(rng.integers(1, 10)), 10)
        ends = fractions(rng, 2, 3)
        cases.append(case(lambda x, n=(A, b, w): hidden_variance(x, *n), *ends, t))
    check.holds(cases)
    half = Fraction(1, 2)

    def saturating(x):
        one = np.array([Fraction(1)])
        clip = lambda z: np.minimum(np.maximum(z, -1), 1)  # noqa: E731
        return hidden_variance(np.array([x]), one[:, None], Fraction(0) * one, one, clip)

    check.rejects("any activation", [case(saturating, Fraction(0), Fraction(2), half)])
    check.rejects("any depth", [case(two_layers, Fraction(-1), Fraction(1), half)])
    check.rejects("inputs dropped too", [case(dropped_input, Fraction(0), Fraction(6), half)])
    check.rejects("the other way round", [(-a, -b, t, -inside) for a, b, t, inside in cases])


# Functions and rows.


@pytest.mark.claim(
    "thm-shared-mask",
    method="enumeration",
    parts=(2, 3),
    rejects=("per-row masks called functions", "half of the step bounds it"),
)
def test_increments_over_all_masks(claim, rng):
    units = 4
    A, b, w = fractions(rng, units), fractions(rng, units), fractions(rng, units)
    A[0], b[0], w[0] = Fraction(2), Fraction(3), Fraction(1)  # on at both, so there is a variance
    left, right = Fraction(1, 2), Fraction(3, 5)
    terms = [w * relu(A * x + b) for x in (left, right)]

    def squared_increment(shared):
        def values(masks):
            both = [masks, masks] if shared else [masks[:, :units], masks[:, units:]]
            deviations = [
                (m * term).sum(axis=1) / (1 - P) - term.sum()
                for m, term in zip(both, terms, strict=True)
            ]
            return (deviations[1] - deviations[0]) ** 2

        return values

    factor = P / (1 - P)
    together = factor * ((terms[1] - terms[0]) ** 2).sum()
    apart = factor * (terms[0] ** 2 + terms[1] ** 2).sum()

    @claim
    def check(stated, *, shared):
        masked = units if shared else 2 * units
        return dropcheck.enumeration(squared_increment(shared), stated, masked, P)

    check.holds(together, shared=True)
    check.holds(apart, shared=False)
    check.rejects("per-row masks called functions", together, shared=False)
    # As drawn, and with all units on at both inputs, where the two sides are equal.
    steps = [relu(A * right + c) - relu(A * left + c) for c in (b, b + 50)]
    drawn, on = (factor * ((w * step) ** 2).sum() for step in steps)
    limit = factor * ((w * A * (right - left)) ** 2).sum()

    @claim.part(3)
    def at_most(limit):
        passed = drawn <= limit == on
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    at_most.holds(limit)
    at_most.rejects("half of the step bounds it", limit / 4)


HIDDEN = np.array([1.0, -0.8, 0.5, 1.2]), np.array([0.2, 0.4, -0.3, 0.1])
OUT = np.array([1.0, -1.5, 0.7, 0.9])


def hidden(x):
    return np.maximum(HIDDEN[0] * x + HIDDEN[1], 0)


@pytest.mark.claim(
    "thm-shared-mask", method="slope", parts=(3,), rejects=("per-row masks called functions",)
)
def test_increments_shrink_with_the_step(claim):
    p, x, steps = 0.4, 0.9, 2.0 ** -np.arange(2, 9)
    shared = [p / (1 - p) * np.sum((OUT * (hidden(x + s) - hidden(x))) ** 2) for s in steps]
    rows = [p / (1 - p) * np.sum(OUT**2 * (hidden(x + s) ** 2 + hidden(x) ** 2)) for s in steps]

    @claim
    def check(expected, *, increments):
        return dropcheck.order(steps, increments, expected, value=np.array(increments))

    check.holds(2, increments=shared)
    check.holds(0, increments=rows)
    check.rejects("per-row masks called functions", 2, increments=rows)


@pytest.mark.claim(
    "thm-shared-mask", method="monte-carlo", parts=(2,), rejects=("per-row masks called functions",)
)
def test_increments_of_the_library(claim, seed):
    p, inputs, T = 0.4, torch.tensor([[0.9], [1.0]], dtype=torch.float64), 20_000
    model = torch.nn.Sequential(
        torch.nn.Linear(1, 4), torch.nn.ReLU(), torch.nn.Dropout(p), torch.nn.Linear(4, 1)
    ).double()
    parameters = (HIDDEN[0][:, None], HIDDEN[1], OUT[None], np.zeros(1))
    for own, given in zip(model.parameters(), parameters, strict=True):
        own.data = torch.from_numpy(given)
    terms = OUT * np.array([hidden(0.9), hidden(1.0)])
    together = p / (1 - p) * np.sum((terms[1] - terms[0]) ** 2)
    apart = p / (1 - p) * np.sum(terms**2)
    largest = (np.abs(terms).sum() / (1 - p)) ** 2
    mean_step = terms[1].sum() - terms[0].sum()

    @claim
    def check(shared_mask, variance, *, wrong=None):
        samples = mc_samples(model, inputs, T, shared_mask=shared_mask, rng=seed)[..., 0].numpy()
        squares = (samples[:, 1] - samples[:, 0] - mean_step) ** 2
        return dropcheck.mean_test(squares, variance, 0, largest, wrong=wrong)

    check.holds(True, together, wrong=apart)
    check.holds(False, apart, wrong=together)
    check.rejects("per-row masks called functions", False, together)


# Is it Bayesian?


def coverage(rng, N, p, cases=20_000):
    """Cases in which the 95 % interval of the exact posterior, and of dropout, holds the truth."""
    d, tau, z = 5, 4.0, 1.959963984540054
    X, x = rng.standard_normal((N, d)), rng.standard_normal(d)
    truth = rng.standard_normal((cases, d))
    # X'y is all that the two need of the data, and it is Gaussian given the weights.
    factor = np.linalg.cholesky(X.T @ X)
    target = truth @ (X.T @ X) + rng.standard_normal((cases, d)) @ factor.T / tau**0.5
    cov = linear_posterior(X, np.zeros(N), tau, 1.0).cov
    exact = np.abs(tau * target @ cov @ x - truth @ x) <= z * (x @ cov @ x) ** 0.5
    gram = X.T @ X + p / (1 - p) * np.diag(np.sum(X**2, axis=0))
    gram += 2 * N * model_weight_decay(p, 1.0, N, tau) * np.eye(d)
    weights = target @ np.linalg.inv(gram)
    spread = (p / (1 - p) * ((weights * x) ** 2).sum(axis=1)) ** 0.5
    dropout = np.abs(weights @ x - truth @ x) <= z * spread
    return np.count_nonzero(exact), np.count_nonzero(dropout), cases


@pytest.mark.claim(
    "contested-bayesian",
    method="monte-carlo",
    rejects=("p = 0.01 is calibrated at N = 10", "p = 0.01 is calibrated at N = 1000"),
)
def test_coverage_under_the_prior_of_the_model(claim, rng):
    """At one p the interval is too narrow for little data and too wide for much."""
    for N in (10, 1000):
        exact, dropout, cases = coverage(rng, N, 0.01)

        @claim
        def is_covered(count, *, cases=cases):
            return dropcheck.rate_test(count, cases, 0.95, wrong=0.97)

        is_covered.holds(exact)
        is_covered.rejects(f"p = 0.01 is calibrated at N = {N}", dropout)


@pytest.mark.claim(
    "contested-bayesian", method="bound", rejects=("the divergence stays finite as sigma -> 0",)
)
def test_divergence_has_no_limit(claim):
    """It exceeds K log(1 / (l sigma)) - K/2 - log 2 a column, which has no limit."""
    M, length = np.array([0.5, -1.0, 2.0]), 1.3
    sigma = 10.0 ** -np.arange(1, 300, 7)
    values = np.array([gal_kl(M, s, length, 0.3) + kl_overlap(M, s, 0.3) for s in sigma])
    below, above = 1.5 + np.log(2), length**2 / 2 * (np.sum(M**2) + 3 * sigma**2)

    @claim
    def grows_like(growth):
        """Whether growth - K/2 - log 2 and growth + l^2 (|M|^2 + K sigma^2) / 2 enclose it."""
        middle = growth + (above - below) / 2
        return dropcheck.bound(np.abs(values - middle), (above + below) / 2)

    grows_like.holds(3 * np.log(1 / (length * sigma)))
    grows_like.rejects("the divergence stays finite as sigma -> 0", 500.0)
