"""The claims of the chapter Variants: each holds, and its wrong forms are rejected."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy

import dropcheck
from book import variants
from dropoutlib import layers
from dropoutlib.layers import alpha as alpha_module
from dropoutlib.masks import enumerate_masks, mask_weights

# Channels.


def map_mean_moments(per_unit):
    """Exact mean and variance of the mean of a map of four units, a function of (x, p)."""

    def moments(v):
        x, p = v[:4], v[4]
        masks = enumerate_masks(4 if per_unit else 1)
        means, weights = (masks * x).sum(axis=1) / (4 * (1 - p)), mask_weights(masks, p)
        mean = weights @ means
        return np.array([mean, weights @ means**2 - mean**2])

    return moments


@pytest.mark.claim(
    "thm-spatial-variance",
    method="identity",
    rejects=("Dropout2d is Dropout for images", "Dropout is Dropout2d for units"),
)
def test_spatial_variance_by_identity(claim, rng):
    def by_units(v):
        return np.array([v[:4].sum() / 4, v[4] / (1 - v[4]) * (v[:4] ** 2).sum() / 16])

    def by_group(v):
        mean = v[:4].sum() / 4
        return np.array([mean, v[4] / (1 - v[4]) * mean**2])

    @claim
    def check(per_unit, stated):
        return dropcheck.identity(map_mean_moments(per_unit), stated, 5, rng=rng)

    check.holds(True, by_units)
    check.holds(False, by_group)
    check.rejects("Dropout2d is Dropout for images", False, by_units)
    check.rejects("Dropout is Dropout2d for units", True, by_group)


@pytest.mark.claim(
    "thm-spatial-variance", method="monte-carlo", rejects=("Dropout2d is Dropout for images",)
)
def test_spatial_variance_in_the_layers(claim, rng):
    p, maps = 0.5, np.ones((20_000, 1, 4, 4))
    stated = {layers.Dropout: 1 / 16, layers.Dropout2d: 1.0, layers.VariationalDropout: 1.0}

    @claim
    def check(layer, variance, *, wrong=None):
        x = maps[:, 0] if layer is layers.VariationalDropout else maps
        axes = 1 if x.ndim == 3 else (2, 3)
        means = layer(p, rng=rng).forward(x).mean(axis=axes)[:, 0]
        return dropcheck.variance_test(means, variance, 0, 2, wrong=wrong)

    for layer, variance in stated.items():
        check.holds(layer, variance, wrong=1.0 if variance < 1 else 1 / 16)
    check.rejects("Dropout2d is Dropout for images", layers.Dropout2d, 1 / 16)


# Blocks.


def dropped_fraction(masks, sides, block):
    """Fraction of a map that blocks drop; a mask entry False is the seed of a block."""
    height, width = sides
    seeds = ~masks.reshape(len(masks), height - block + 1, width - block + 1)
    covered = np.zeros((len(masks), height, width), dtype=bool)
    for i in range(seeds.shape[1]):
        for j in range(seeds.shape[2]):
            covered[:, i : i + block, j : j + block] |= seeds[:, i : i + 1, j : j + 1]
    return covered.mean(axis=(1, 2))


@pytest.mark.claim("approx-dropblock", method="enumeration", rejects=("it drops p",))
def test_dropblock_rate_by_enumeration(claim):
    for p, block, height, width in ((0.4, 2, 3, 4), (0.2, 3, 5, 4), (0.3, 2, 2, 5)):
        gamma = layers.block_seed_rate(p, block, height, width)
        assert gamma <= p
        seeds = (height - block + 1) * (width - block + 1)

        @claim
        def check(rate, gamma=gamma, seeds=seeds, sides=(height, width), block=block):
            return dropcheck.enumeration(
                lambda masks: dropped_fraction(masks, sides, block), rate, seeds, gamma
            )

        check.holds(layers.dropblock_rate(p, block, height, width))
        check.rejects("it drops p", p)
    for block, height, width in ((1, 4, 5), (3, 3, 3)):  # nothing can overlap
        assert layers.dropblock_rate(0.3, block, height, width) == pytest.approx(0.3, rel=1e-14)


@pytest.mark.claim("approx-dropblock", method="slope", rejects=("deficit of first order",))
def test_dropblock_deficit_is_of_second_order(claim):
    rates = 2.0 ** -np.arange(4, 11)
    deficit = rates - [layers.dropblock_rate(p, 7, 14, 14) for p in rates]

    @claim
    def check(expected):
        return dropcheck.order(rates, deficit, expected)

    check.holds(2)
    check.rejects("deficit of first order", 1)


@pytest.mark.claim(
    "approx-dropblock",
    method="slope",
    parts=(1,),
    rejects=("without the half", "n^2 for n (n - 1)"),
)
def test_second_term_of_the_dropblock_rate(claim):
    """What is left behind it is of third order; the places are counted one by one."""
    places = np.zeros((3, 3))
    for i, j in np.ndindex(2, 2):
        places[i : i + 2, j : j + 2] += 1
    rates = 2.0 ** -np.arange(6, 11)
    gammas = np.array([layers.block_seed_rate(p, 2, 3, 3) for p in rates])
    dropped = np.array([layers.dropblock_rate(p, 2, 3, 3) for p in rates])

    @claim
    def check(total):
        second = gammas**2 / (2 * places.size) * total
        return dropcheck.order(rates, dropped - (rates - second), 3)

    check.holds((places * (places - 1)).sum())
    check.rejects("without the half", 2 * (places * (places - 1)).sum())
    check.rejects("n^2 for n (n - 1)", (places**2).sum())


# Branches.


def branch_moments(per_sample):
    """Exact means and second moments of two branches behind DropPath, a function of (f, p)."""

    def moments(v):
        f, p = v[:2], v[2]
        masks = enumerate_masks(2 if per_sample else 1)
        noisy, weights = masks * f / (1 - p), mask_weights(masks, p)
        return np.concatenate([weights @ noisy, ((weights[:, None] * noisy).T @ noisy).ravel()])

    return moments


def stated_moments(correlated, scale=lambda p: 1):
    def moments(v):
        f, p = v[:2], v[2]
        outer = np.outer(f, f)
        noise = outer if correlated else np.diag(f**2)
        return np.concatenate([f * scale(p), (outer + p / (1 - p) * noise).ravel()])

    return moments


@pytest.mark.claim(
    "thm-droppath",
    method="identity",
    parts=(1, 2),
    rejects=("uncorrelated within a batch draw", "mean q f"),
)
def test_droppath_moments_by_identity(claim, rng):
    @claim
    def check(per_sample, stated):
        return dropcheck.identity(branch_moments(per_sample), stated, 3, rng=rng)

    check.holds(True, stated_moments(correlated=False))
    check.holds(False, stated_moments(correlated=True))
    check.rejects("uncorrelated within a batch draw", False, stated_moments(False))
    check.rejects("mean q f", True, stated_moments(False, lambda p: 1 - p))


@pytest.mark.claim(
    "thm-droppath", method="symbolic", parts=(3,), rejects=("first block never dropped",)
)
def test_expected_depth_symbolically(claim):
    L, k = sympy.symbols("L l", positive=True, integer=True)
    q = sympy.symbols("q", positive=True)

    @claim
    def check(rate):
        total = sympy.summation(1 - rate * (1 - q), (k, 1, L))
        general = sympy.simplify(total - (L - (L + 1) * (1 - q) / 2)) == 0
        half = sympy.simplify(total.subs(q, sympy.Rational(1, 2)) - (3 * L - 1) / 4) == 0
        return dropcheck.Report(passed=general and half, method="symbolic", rounding=0.0)

    check.holds(k / L)
    check.rejects("first block never dropped", (k - 1) / (L - 1))
    assert variants.expected_depth(54, 0.5) == 40.25


@pytest.mark.claim("thm-droppath", method="monte-carlo", parts=(1,), rejects=("one draw a batch",))
def test_droppath_draws_for_each_sample(claim, rng):
    """The product of two samples' branches has mean 1 if drawn apart, 1/q if together."""
    p, batches, pairs = 0.5, 500, 100  # with 100 pairs of samples in each batch

    @claim
    def check(mode, *, wrong=None):
        layer = layers.DropPath(p, mode=mode, rng=rng)
        drawn = [layer.forward(np.ones((2 * pairs, 1))) for _ in range(batches)]
        one, other = np.reshape(drawn, (-1, 2)).T
        return dropcheck.mean_test(one * other, 1.0, 0, 4, wrong=wrong)

    check.holds("row", wrong=1 / (1 - p))
    check.rejects("one draw a batch", "batch")


# Weights.

W, V = np.array([[1, -2, 3], [2, 1, -1]]), np.array([2, 1, 1])


def by_weights(masks):
    """(M * W) v for all masks of the six weights."""
    return (masks.reshape(-1, 2, 3) * W) @ V


@pytest.mark.claim(
    "thm-dropconnect-moments",
    method="enumeration",
    rejects=("mean of the ReLU is the ReLU of q W v", "outputs are correlated"),
)
def test_dropconnect_moments_by_enumeration(claim):
    p = Fraction(2, 5)
    mean, variance = (1 - p) * (W @ V), p * (1 - p) * ((W**2) @ (V**2))
    across = p * (1 - p) * (W[0] * W[1] * V**2).sum()

    @claim
    def check(function, stated, units=6):
        return dropcheck.enumeration(function, stated, units, p)

    def product(masks):
        return (by_weights(masks) - mean).prod(axis=1)

    check.holds(by_weights, mean)
    check.holds(lambda masks: (by_weights(masks) - mean) ** 2, variance)
    claim.survives("check(function times", "of the product of deviations, whose mean is zero")
    check.holds(product, 0)
    check.holds(lambda masks: ((masks * V) @ W.T - mean).prod(axis=1), across, units=3)
    check.rejects("outputs are correlated", product, across)
    check.rejects(
        "mean of the ReLU is the ReLU of q W v",
        lambda masks: np.maximum(by_weights(masks), 0),
        np.maximum(mean, 0),
    )


@pytest.mark.claim(
    "thm-dropconnect-moments", method="monte-carlo", rejects=("variance of masked inputs' sum",)
)
def test_dropconnect_moments_in_the_layer(claim, rng):
    """The layer scales by 1/q; the sum of two outputs tells DropConnect from dropout."""
    p, rows = 0.4, 60_000
    sums = layers.DropConnect(W, p=p, rng=rng).forward(np.tile(V, (rows, 1))).sum(axis=1)
    _, variance = variants.dropconnect_moments(W, V, p)
    apart = variance.sum() / (1 - p) ** 2
    together = p / (1 - p) * ((W.sum(axis=0) * V) ** 2).sum()
    terms = (W * V / (1 - p)).ravel()
    low, high = terms[terms < 0].sum(), terms[terms > 0].sum()

    @claim
    def check(stated, *, wrong=None):
        return dropcheck.variance_test(sums, stated, low, high, wrong=wrong)

    check.holds(apart, wrong=together)
    check.rejects("variance of masked inputs' sum", together)


# SELU.


def selu_moments(alpha, scale):
    """E selu(z) and E selu(z)^2 for standard normal z, by quadrature with 30 digits."""
    with mpmath.workdps(30):

        def expect(function, ends):
            return mpmath.quad(lambda z: function(z) * mpmath.npdf(z), ends)

        def below(z):
            return alpha * mpmath.expm1(z)

        ends = [0, 2, 5, 12], [-12, -5, -2, 0]
        first = expect(lambda z: z, ends[0]) + expect(below, ends[1])
        second = expect(lambda z: z**2, ends[0]) + expect(lambda z: below(z) ** 2, ends[1])
        return scale * first, scale**2 * second


@pytest.mark.claim(
    "thm-selu-fixed-point",
    method="quadrature",
    rejects=("alpha 1.67326, lambda 1.05070", "plain dropout keeps it"),
)
def test_selu_constants_by_quadrature(claim):
    @claim
    def check(alpha, scale, variance=1.0, p=0.0):
        """Mean 0 and this variance behind inverted dropout, by the mask of one unit."""
        masks = enumerate_masks(1)
        weights, factors = mask_weights(masks, p), masks[:, 0] / (1 - p)
        first, second = selu_moments(mpmath.mpf(alpha), mpmath.mpf(scale))
        mean, square = (weights @ factors**k * moment for k, moment in ((1, first), (2, second)))
        error = float(max(abs(mean), abs(square - mean**2 - variance)))
        return dropcheck.Report(
            passed=error <= 1e-14, method="quadrature", error=error, rounding=1e-14
        )

    constants = alpha_module.SELU_ALPHA, alpha_module.SELU_SCALE
    check.holds(*constants)
    check.holds(*constants, 1 / (1 - 0.1), 0.1)
    check.rejects("alpha 1.67326, lambda 1.05070", 1.67326, 1.05070)
    check.rejects("plain dropout keeps it", *constants, 1.0, 0.1)


@pytest.mark.claim(
    "thm-selu-fixed-point", method="symbolic", rejects=("alpha without the root of e",)
)
def test_selu_fixed_point_symbolically(claim):
    """By antiderivatives, each confirmed by differentiation, with P(k) = Phi(-k) as a symbol."""
    z, k = sympy.symbols("z k", real=True)
    density = sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi)
    shifted = sympy.exp(k**2 / 2) * (1 + sympy.erf((z - k) / sympy.sqrt(2))) / 2
    antiderivatives = {-density: z * density, shifted: sympy.exp(k * z) * density}
    assert all(sympy.simplify(f.diff(z) - g) == 0 for f, g in antiderivatives.items())
    assert sympy.simplify((shifted.subs(k, 0) - z * density).diff(z) - z**2 * density) == 0

    P = {n: sympy.symbols(f"P_{n}", positive=True) for n in (1, 2)}
    half, root = sympy.Rational(1, 2), sympy.sqrt(sympy.E)

    def between(antiderivative, low, high):
        return sympy.limit(antiderivative, z, high) - sympy.limit(antiderivative, z, low)

    # E[z; z > 0], E[z^2; z > 0] and E[e^(kz); z < 0], with Phi(-k) = erfc(k / sqrt 2) / 2.
    square = shifted.subs(k, 0) - z * density
    positive = between(-density, 0, sympy.oo), between(square, 0, sympy.oo)
    tail = {n: sympy.erfc(n / sympy.sqrt(2)) / 2 for n in (1, 2)}
    exp1, exp2 = (
        between(shifted.subs(k, n), -sympy.oo, 0).rewrite(sympy.erfc).subs(tail[n], P[n])
        for n in (1, 2)
    )

    @claim
    def check(root_used):
        alpha = 1 / sympy.sqrt(2 * sympy.pi) / (half - root_used * P[1])
        scale = (half + alpha**2 * (sympy.E**2 * P[2] - 2 * root_used * P[1] + half)) ** (-half)
        first = positive[0] + alpha * (exp1 - half)
        second = positive[1] + alpha**2 * (exp2 - 2 * exp1 + half)
        fixed = sympy.simplify(first) == 0 and sympy.simplify(scale**2 * second - 1) == 0
        return dropcheck.Report(passed=fixed, method="symbolic", rounding=0.0)

    check.holds(root)
    check.rejects("alpha without the root of e", sympy.Integer(1))


def two_point(v):
    """(E z / alpha', Var z) over masks and x = -1, 1, which have mean 0 and variance 1."""
    dropped, p = v
    weights = np.array([1 - p, 1 - p, p, p]) / 2
    z = np.array([-1, 1, dropped, dropped])
    mean = weights @ z
    return np.array([mean / dropped, weights @ z**2 - mean**2])


@pytest.mark.claim("thm-alpha", method="identity", rejects=("a = q^(-1/2)", "b = a p alpha'"))
def test_alpha_by_identity(claim, rng):
    @claim
    def check(factor, sign=1):
        def removed(v):
            dropped, p = v
            return np.array([sign * p, (1 - p) * factor(p, dropped)])

        return dropcheck.identity(two_point, removed, 2, rng=rng)

    check.holds(lambda p, dropped: 1 + p * dropped**2)
    check.rejects("a = q^(-1/2)", lambda p, dropped: 1)
    check.rejects("b = a p alpha'", lambda p, dropped: 1 + p * dropped**2, sign=-1)


@pytest.mark.claim("thm-alpha", method="monte-carlo", rejects=("a = q^(-1/2)",))
def test_alpha_in_the_layer(claim, rng):
    """On x = -1 or 1: mean 0, and variance 1 where the wrong factor leaves 1.31."""
    p, dropped = 0.1, alpha_module.DROPPED
    x = rng.choice([-1.0, 1.0], size=200_000)
    y = layers.AlphaDropout(p, rng=rng).forward(x)
    a, b = layers.alpha_affine(p)
    low, high = a * dropped + b, a + b
    assert dropcheck.mean_test(y, 0.0, low, high)

    @claim
    def check(variance, *, wrong=None):
        return dropcheck.variance_test(y, variance, low, high, wrong=wrong)

    check.holds(1.0, wrong=1 + p * dropped**2)
    check.rejects("a = q^(-1/2)", 1 + p * dropped**2)


# Attention.

ROW = np.array([Fraction(1, 2), Fraction(1, 4), Fraction(1, 8), Fraction(1, 8)])


@pytest.mark.claim(
    "thm-attention-rows", method="enumeration", rejects=("rows still sum to 1", "silent with p")
)
def test_attention_rows_by_enumeration(claim):
    p = Fraction(1, 10)

    def total(masks):
        return (masks * ROW).sum(axis=1) / (1 - p)

    @claim
    def check(function, stated):
        return dropcheck.enumeration(function, stated, 4, p)

    def deviation(masks):
        return (total(masks) - 1) ** 2

    def silent(masks):
        return (~masks.any(axis=1)).astype(int)

    check.holds(total, 1)
    check.holds(deviation, p / (1 - p) * (ROW**2).sum())
    check.holds(silent, p**4)
    check.rejects("rows still sum to 1", deviation, 0)
    check.rejects("silent with p", silent, p)


@pytest.mark.claim("thm-attention-rows", method="identity", rejects=("variance p/q / n always",))
def test_attention_rows_by_identity(claim, rng):
    """Any three weights that sum to one, of which two are free."""

    def row(v):
        return np.array([v[0], v[1], 1 - v[0] - v[1]]), v[2]

    def variance(v):
        a, p = row(v)
        masks = enumerate_masks(3)
        sums, weights = (masks * a).sum(axis=1) / (1 - p), mask_weights(masks, p)
        return np.array([weights @ sums, weights @ (sums - 1) ** 2])

    @claim
    def check(spread):
        def stated(v):
            a, p = row(v)
            return np.array([1, p / (1 - p) * spread(a)])

        return dropcheck.identity(variance, stated, 3, rng=rng)

    check.holds(lambda a: (a**2).sum())
    check.rejects("variance p/q / n always", lambda a: Fraction(1, 3))


# R-Drop.


@pytest.mark.claim("thm-rdrop", method="symbolic", rejects=("one divergence is half the sum",))
def test_rdrop_penalty_symbolically(claim):
    u, v = sympy.symbols("u_1:4", positive=True), sympy.symbols("v_1:4", positive=True)

    def divergence(a, b):
        return sum(x * (sympy.log(x) - sympy.log(y)) for x, y in zip(a, b, strict=True))

    products = sum((a - b) * (sympy.log(a) - sympy.log(b)) for a, b in zip(u, v, strict=True))

    @claim
    def check(penalty):
        zero = sympy.expand(penalty - products) == 0
        return dropcheck.Report(passed=bool(zero), method="symbolic", rounding=0.0)

    check.holds(divergence(u, v) + divergence(v, u))
    check.rejects("one divergence is half the sum", 2 * divergence(u, v))


@pytest.mark.claim("thm-rdrop", method="bound", rejects=("zero when the losses agree",))
def test_rdrop_penalty_is_positive_unless_predictions_agree(claim, rng):
    """The library's loss on random logits of equal loss: zero for equal ones, else positive."""

    def penalty(one, other):
        arguments = one[None], other[None], np.array([0])
        return variants.r_drop_loss(*arguments, 2.0)[0] - variants.r_drop_loss(*arguments, 0.0)[0]

    cases = [np.sort(rng.standard_normal(4)) + np.arange(4) for _ in range(1000)]

    @claim
    def vanishes(order):
        """Whether it is zero if the second has the logits in another order, and moved by 1.7."""
        found = [abs(penalty(logits, logits[order] + 1.7)) for logits in cases]
        return dropcheck.bound(found, 1e-12)

    vanishes.holds([0, 1, 2, 3])
    # Class 0 keeps its probability, and with it both losses; the logits are at least 1 apart.
    vanishes.rejects("zero when the losses agree", [0, 2, 3, 1])
    for logits in cases:
        assert penalty(logits, logits[[0, 2, 3, 1]]) > 1e-3


@pytest.mark.claim(
    "approx-rdrop", method="slope", parts=(1,), rejects=("fourth order at every rate", "4 R_2")
)
def test_remainders_of_rdrop_at_one_half(claim):
    """All pairs of masks of four inputs, three classes, by NumPy; class 0 is the true one."""
    generator = np.random.default_rng(8)
    W, x = generator.standard_normal((3, 4)), generator.standard_normal(4)
    masks, sizes = enumerate_masks(4), 2.0 ** -np.arange(3, 8)

    def log_softmax(logits):
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    P = np.exp(log_softmax(W @ x))
    curvature = (x**2 * np.diag(W.T @ (np.diag(P) - np.outer(P, P)) @ W)).sum()

    def means(t, p):
        """What dropout adds to the cross-entropy, and half the mean of both divergences."""
        weights = mask_weights(masks, p)
        logs = log_softmax(x * (1 + t * (masks / (1 - p) - 1)) @ W.T)
        one_way = (np.exp(logs) * logs).sum(axis=1)[:, None] - np.exp(logs) @ logs.T
        added = weights @ -logs[:, 0] + log_softmax(W @ x)[0]
        return added, weights @ (one_way + one_way.T) @ weights / 2

    @claim
    def check(p, factor):
        R2 = p / (2 - 2 * p) * curvature
        rest = np.array([means(t, p) for t in sizes]) - np.outer(sizes**2, [R2, factor * R2])
        reports = [dropcheck.order(sizes, column, 4) for column in rest.T]
        return next((found for found in reports if not found), reports[0])

    check.holds(0.5, 2)
    check.rejects("fourth order at every rate", 0.3, 2)
    check.rejects("4 R_2", 0.5, 4)


def test_behind_curved_units_the_divergences_are_no_multiple_of_what_dropout_adds():
    """So that the text says one softmax layer: behind tanh the ratio depends on the label."""
    generator = np.random.default_rng(0)
    U, W, x = (generator.standard_normal(size) for size in ((4, 4), (3, 4), 4))
    masks, t = enumerate_masks(4), 0.01
    weights = mask_weights(masks, 0.5)

    def ratios(units):
        """Half the mean of both divergences over twice what is added, for each label."""
        logits = units(x * (1 + t * (2 * masks - 1)) @ U.T) @ W.T
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        clean = units(U @ x) @ W.T
        added = weights @ -logs + clean - np.log(np.exp(clean).sum())
        P = np.exp(logs)
        # Half of (P1 - P2) . (z1 - z2), averaged over pairs of masks.
        within = weights @ (P * logits).sum(axis=1)
        return (within - (weights @ P) @ (weights @ logits)) / (2 * added)

    assert ratios(lambda z: z) == pytest.approx(np.ones(3), abs=1e-3)
    assert np.ptp(ratios(np.tanh)) > 0.4
