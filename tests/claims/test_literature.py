"""Exact cases of results that the chapters cite: signed means, depth, and the words of a text."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy import stats

import dropcheck
from dropoutlib.masks import enumerate_masks, mask_weights

P = Fraction(2, 5)


def fractions(rng, *shape):
    """Random Fractions between -2 and 2."""
    return np.vectorize(Fraction, otypes=[object])(rng.integers(-20, 21, size=shape), 10)


def relu(values):
    return np.maximum(values, Fraction(0))


# The full network from ensemble means.


def signed(p, missing, n):
    return (-p) ** missing / (1 - p) ** n


SIGNED_WRONG = {
    "without signs": lambda p, missing, n: p**missing / (1 - p) ** n,
    "the full ensemble over q^n": lambda p, missing, n: 0**missing / (1 - p) ** n,
    "1/q^|J|": lambda p, missing, n: (-p) ** missing / (1 - p) ** (n - missing),
}


@pytest.mark.claim("thm-signed-means", method="identity", rejects=tuple(SIGNED_WRONG))
def test_signed_means_by_identity(claim, rng):
    """Any function of three units, given by its eight values, at any p."""
    n, sets = 3, enumerate_masks(3)
    powers = 2 ** np.arange(n)
    places = {int(row @ powers): k for k, row in enumerate(sets)}

    @claim
    def check(weight):
        def combined(v):
            f, p, total = v[:8], v[8], 0
            for J in sets:
                kept = [places[int(row @ powers)] for row in sets & J]
                total = total + weight(p, int(n - J.sum()), n) * (mask_weights(sets, p) @ f[kept])
            return total

        return dropcheck.identity(combined, lambda v: v[places[7]], 9, rng=rng)

    check.holds(signed)
    for name, weight in SIGNED_WRONG.items():
        check.rejects(name, weight)


@pytest.mark.claim(
    "thm-signed-means", method="enumeration", rejects=("sizes that add to 1", "sizes without p")
)
def test_signed_coefficients_add_up(claim):
    """Over all sets of up to five units, in fractions, p = 0 among the rates."""

    @claim
    def check(total, sizes):
        passed = True
        for n in range(1, 6):
            for p in (Fraction(0), Fraction(1, 7), Fraction(1, 2), Fraction(8, 9)):
                found = [signed(p, int(n - J.sum()), n) for J in enumerate_masks(n)]
                passed = passed and sum(found) == total
                passed = passed and sum(map(abs, found)) == sizes(p, n)
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    check.holds(1, lambda p, n: ((1 + p) / (1 - p)) ** n)
    check.rejects("sizes that add to 1", 1, lambda p, n: 1)
    check.rejects("sizes without p", 1, lambda p, n: (1 / (1 - p)) ** n)


@pytest.mark.claim("thm-signed-means", method="enumeration", rejects=tuple(SIGNED_WRONG))
def test_signed_copies_of_a_relu_network(claim, rng):
    """One network: a copy for each set of units, masked, whose mean is the function to be had."""
    n = 4
    W, b, v, x = (fractions(rng, *s) for s in ((3, n), (3,), (3,), (n,)))
    W[0], b[0], v[0], x[:] = [3, -2, 1, 1], Fraction(-1), Fraction(7), [1, 1, 2, 1]

    def network(masks):
        return relu((masks * x) @ W.T + b) @ v

    @claim
    def check(weight):
        def copies(masks):
            sets = enumerate_masks(n)
            return sum(weight(P, int(n - J.sum()), n) * network(masks & J) for J in sets)

        return dropcheck.enumeration(copies, network(np.ones((1, n), dtype=int))[0], n, P)

    check.holds(signed)
    for name, weight in SIGNED_WRONG.items():
        check.rejects(name, weight)


# Depth.


def multiplied(noise, depth):
    return (1 + noise) ** depth - 1


DEPTH_WRONG = {
    "layers add": lambda noise, depth: depth * noise,
    "one layer counts": lambda noise, depth: noise,
    "the noise of one unit": lambda noise, depth: (1 + 2 * noise) ** depth - 1,
}


def equal_layers(x, v, masks, q):
    """Output of layers of n ReLUs with weights 1/n, for masks of shape (cases, layers, n)."""
    n = masks.shape[2]
    hidden = np.array([[x] * n] * len(masks), dtype=object)
    for layer in range(masks.shape[1]):
        sums = (hidden * masks[:, layer] / q).sum(axis=1)
        hidden = np.repeat((sums / n)[:, None], n, axis=1)
        if isinstance(x, Fraction):
            hidden = relu(hidden)
    return v * hidden[:, 0]


@pytest.mark.claim("thm-depth-penalty", method="identity", rejects=tuple(DEPTH_WRONG))
def test_equal_layers_by_identity(claim, rng):
    """Two units a layer, one to three layers; on positive inputs the ReLUs are the identity."""

    @claim
    def check(growth):
        def found(v):
            x, out, y, p = v
            losses = []
            for depth in (1, 2, 3):
                masks = enumerate_masks(2 * depth)
                outputs = equal_layers(x, out, masks.reshape(-1, depth, 2), 1 - p)
                losses.append(mask_weights(masks, p) @ (outputs - y) ** 2)
            return np.array(losses)

        def stated(v):
            x, out, y, p = v
            F, noise = out * x, p / (2 * (1 - p))
            return np.array([(F - y) ** 2 + F**2 * growth(noise, depth) for depth in (1, 2, 3)])

        return dropcheck.identity(found, stated, 4, rng=rng)

    check.holds(multiplied)
    for name, growth in DEPTH_WRONG.items():
        check.rejects(name, growth)


@pytest.mark.claim("thm-depth-penalty", method="enumeration", rejects=tuple(DEPTH_WRONG))
@pytest.mark.parametrize(("depth", "n"), [(2, 4), (3, 3), (4, 2)])
def test_equal_layers_of_relus(claim, depth, n):
    """With the weights written out, whose squares sum to n + depth - 1 + v^2 / n."""
    x, v, y = Fraction(3, 2), Fraction(-2), Fraction(1)
    weights = [np.full((n, 1), Fraction(1)), *[np.full((n, n), Fraction(1, n))] * (depth - 1)]
    weights.append(np.full((1, n), v / n))
    assert sum((W**2).sum() for W in weights) == n + depth - 1 + v**2 / n

    def loss(masks):
        hidden = np.full((len(masks), 1), x)
        for layer, W in enumerate(weights[:-1]):
            kept = masks.reshape(-1, depth, n)[:, layer]
            hidden = relu(hidden @ W.T) * kept / (1 - P)
        return ((hidden @ weights[-1].T)[:, 0] - y) ** 2

    @claim
    def check(growth):
        F, noise = v * x, P / (n * (1 - P))
        return dropcheck.enumeration(loss, (F - y) ** 2 + F**2 * growth(noise, depth), depth * n, P)

    check.holds(multiplied)
    for name, growth in DEPTH_WRONG.items():
        check.rejects(name, growth)


# The words of a text.


@pytest.mark.claim(
    "thm-thinned-words",
    method="symbolic",
    parts=(1, 2, 3),
    rejects=(
        "the means stay",
        "weights times q",
        "no intercept from the lengths",
        "as sure as without dropout",
        "all log odds times q",
    ),
)
def test_thinned_words_symbolically(claim):
    """Part 1 by the generating function of the kept count, the others by the ratio of Poisson's."""
    q, mu, s = sympy.symbols("q mu s", positive=True)
    N = sympy.Symbol("N", integer=True, nonnegative=True)
    poisson = sympy.exp(-mu) * mu**N / sympy.factorial(N)
    kept = sympy.summation(poisson * (1 - q + q * s) ** N, (N, 0, sympy.oo))

    def report(passed):
        return dropcheck.Report(passed=bool(passed), method="symbolic", rounding=0.0)

    @claim
    def mean_of_kept(mean):
        return report(sympy.simplify(kept - sympy.exp(mean * (s - 1))) == 0)

    mean_of_kept.holds(q * mu)
    mean_of_kept.rejects("the means stay", mu)

    counts = sympy.symbols("k_1:3", integer=True, nonnegative=True)
    ones, zeros = (sympy.symbols(f"{name}_1:3", positive=True) for name in "ab")
    words = list(zip(counts, ones, zeros, strict=True))
    odds = sympy.Symbol("odds", positive=True)  # of the classes, before anything is read
    lengths = sum(one - zero for _, one, zero in words)
    evidence = sum(k * (sympy.log(one) - sympy.log(zero)) for k, one, zero in words)
    ratio = sympy.log(odds) + sum(  # of the two products of Poisson probabilities
        k * sympy.log(q * one) - q * one - k * sympy.log(q * zero) + q * zero
        for k, one, zero in words
    )

    @claim.part(2)
    def log_odds(weight, length):
        stated = sympy.log(odds) - length * lengths + weight * evidence
        return report(sympy.expand(sympy.expand_log(ratio - stated)) == 0)

    log_odds.holds(1, q)
    log_odds.rejects("weights times q", q, q)
    log_odds.rejects("no intercept from the lengths", 1, 0)

    @claim.part(3)
    def of_full_counts(before, factor):
        """The trained log odds, a function of k / q, taken at the full counts instead."""
        at_full = ratio.subs({k: q * k for k in counts}, simultaneous=True)
        stated = before * sympy.log(odds) + factor * (evidence - lengths)
        return report(sympy.expand(sympy.expand_log(at_full - stated)) == 0)

    of_full_counts.holds(1, q)
    of_full_counts.rejects("as sure as without dropout", 1, 1)
    of_full_counts.rejects("all log odds times q", q, q)


@pytest.mark.claim(
    "thm-thinned-words",
    method="quadrature",
    parts=(1, 2),
    rejects=(
        "the means stay",
        "weights times q",
        "no intercept from the lengths",
        "independent words of any law",
    ),
)
def test_thinned_words_by_summation(claim):
    """Documents of two words, summed over all counts up to 80 and all ways to thin them."""
    p, prior = 0.4, np.array([0.3, 0.7])
    means = np.array([[3.0, 1.5], [1.0, 4.0]])  # (class, word)
    counts = np.arange(81)
    thin = stats.binom.pmf(counts, counts[:, None], 1 - p)  # (count, kept)
    kept = stats.poisson.pmf(counts, means[..., None]) @ thin  # (class, word, kept)
    pairs = np.stack(np.meshgrid(np.arange(6), np.arange(6), indexing="ij"), axis=-1).reshape(-1, 2)
    joint = prior[:, None] * kept[:, 0, pairs[:, 0]] * kept[:, 1, pairs[:, 1]]
    found = np.log(joint[1] / joint[0])

    def report(error):
        return dropcheck.Report(
            passed=error <= 1e-11, method="quadrature", error=error, rounding=1e-11
        )

    @claim
    def law_of_kept(factor):
        stated = stats.poisson.pmf(counts, factor * means[..., None])
        return report(float(np.abs(kept - stated).max()))

    law_of_kept.holds(1 - p)
    law_of_kept.rejects("the means stay", 1.0)

    @claim.part(2)
    def log_odds(weight, length):
        stated = np.log(prior[1] / prior[0]) - length * (means[1] - means[0]).sum()
        stated = stated + weight * pairs @ np.log(means[1] / means[0])
        return report(float(np.abs(found - stated).max()))

    log_odds.holds(1.0, 1 - p)
    log_odds.rejects("weights times q", 1 - p, 1 - p)
    log_odds.rejects("no intercept from the lengths", 1.0, 0.0)

    def poisson(means):
        return stats.poisson.pmf(counts, means[..., None])

    @claim.part(2)
    def same_weights(share, *, law):
        """What one occurrence adds to the log odds, as a share of what it adds in whole ones."""
        whole = law(means)
        first = (documents[..., :2] for documents in (whole @ thin, whole))
        added, of_whole = (np.diff(np.log(one / zero))[:, 0] for zero, one in first)
        return report(float(np.abs(added - share * of_whole).max()))

    same_weights.holds(1.0, law=poisson)
    same_weights.rejects(
        "independent words of any law",
        1.0,
        law=lambda means: stats.binom.pmf(counts, 1, means[..., None] / 5),  # there or not
    )
