"""The claims of the chapter Formulation: each holds, and its wrong forms are rejected."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
import sympy
import torch

import dropcheck
from dropoutlib import layers, masks
from dropoutlib.layers import units
from dropoutlib.masks import enumerate_masks, mask_weights, sample_mask

MASKS = enumerate_masks(3)


def inverse(p):
    """Return 1/q."""
    return 1 / (1 - p)


WRONG_FACTORS = {
    "no 1/q": lambda p: 1,
    "1/p": lambda p: 1 / p,
    "1/q twice": lambda p: 1 / (1 - p) ** 2,
}


# The conventions, beside PyTorch on the mask that PyTorch drew.


def on_torchs_mask(monkeypatch, layer, p, seed):
    """A check that the output of `layer` is that of torch.nn.Dropout times c(q)."""
    torch.manual_seed(seed)
    x = torch.randn(40, 50, dtype=torch.float64)
    theirs = torch.nn.Dropout(p)(x)
    mask = theirs.numpy() != 0
    monkeypatch.setattr(units, "sample_mask", lambda shape, p, *, rng: mask)
    ours = layer(p).forward(x.numpy())

    def check(c):
        trained = theirs.numpy() * c(1 - p)
        # Where c(q) is q, x / q * q is rounded twice, each time by half a unit in the last place.
        same = np.allclose(ours, trained, rtol=2.0**-52, atol=0)
        used = layer(p).eval().forward(x.numpy())
        inference = np.array_equal(used, x.numpy() * c(1 - p))
        return dropcheck.Report(passed=same and inference, method="same-mask", rounding=2.0**-52)

    return check


@pytest.mark.claim("def-inverted", method="same-mask", rejects=("the standard convention",))
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_inverted_is_torchs_dropout(claim, monkeypatch, seed, p):
    check = claim(on_torchs_mask(monkeypatch, layers.Dropout, p, seed))
    check.holds(lambda q: 1.0)
    check.rejects("the standard convention", lambda q: q)


@pytest.mark.claim("def-standard", method="same-mask", rejects=("the inverted convention",))
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_standard_is_q_times_torchs_dropout(claim, monkeypatch, seed, p):
    check = claim(on_torchs_mask(monkeypatch, layers.StandardDropout, p, seed))
    check.holds(lambda q: q)
    check.rejects("the inverted convention", lambda q: 1.0)


# Mean and variance.


def mean_output(scale):
    """E[scale(p) x * m] over all masks, an exact function of (x_1, x_2, x_3, p)."""
    return lambda v: mask_weights(MASKS, v[3]) @ (MASKS * v[:3] * scale(v[3]))


@pytest.mark.claim("thm-unbiased", method="identity", rejects=tuple(WRONG_FACTORS))
def test_unbiased_by_identity(claim, rng):
    @claim
    def check(scale):
        return dropcheck.identity(mean_output(scale), lambda v: v[:3], 4, rng=rng)

    check.holds(inverse)
    for name, scale in WRONG_FACTORS.items():
        check.rejects(name, scale)


@pytest.mark.claim("thm-unbiased", method="monte-carlo", rejects=tuple(WRONG_FACTORS))
def test_unbiased_in_the_layer(claim, rng):
    p, x = 0.3, rng.uniform(0.5, 2.0, size=8)
    rows = np.broadcast_to(x, (100_000, 8))
    samples = layers.Dropout(p, rng=rng).forward(rows)

    @claim
    def check(mean, *, wrong=None):
        return dropcheck.mean_test(samples / x, mean, 0, inverse(p), wrong=wrong)

    for name, scale in WRONG_FACTORS.items():
        check.holds(1.0, wrong=(1 - p) * scale(p))
        check.rejects(name, (1 - p) * scale(p))


def covariance(v):
    """Covariance matrix of the masked activations, over all masks, exactly."""
    x, p = v[:3], v[3]
    weights, noisy = mask_weights(MASKS, p), MASKS * x / (1 - p)
    mean = weights @ noisy
    return (weights[:, None] * noisy).T @ noisy - np.outer(mean, mean)


@pytest.mark.claim("thm-variance", method="identity", rejects=("p q x^2", "correlated units"))
def test_variance_by_identity(claim, rng):
    @claim
    def check(factor, beside=0):
        def stated(v):
            x, p = v[:3], v[3]
            return np.diag(factor(p) * x**2) + beside * (np.outer(x, x) - np.diag(x**2))

        return dropcheck.identity(covariance, stated, 4, rng=rng)

    check.holds(lambda p: p / (1 - p))
    check.rejects("p q x^2", lambda p: p * (1 - p))
    check.rejects("correlated units", lambda p: p / (1 - p), beside=1)


@pytest.mark.claim("thm-variance", method="enumeration", rejects=("squared norm unchanged",))
def test_squared_norm_by_enumeration(claim):
    p, x = Fraction(2, 7), np.array([Fraction(3), Fraction(-1, 2), Fraction(5, 3)])

    @claim
    def check(expected):
        return dropcheck.enumeration(
            lambda masks: ((masks * x * inverse(p)) ** 2).sum(axis=1), expected, 3, p
        )

    check.holds((x**2).sum() / (1 - p))
    check.rejects("squared norm unchanged", (x**2).sum())


@pytest.mark.claim("thm-variance", method="monte-carlo", rejects=("p q x^2",))
def test_variance_in_the_layer(claim, rng):
    p, size = 0.3, 2.0
    samples = layers.Dropout(p, rng=rng).forward(np.full((200_000, 1), size))[:, 0]

    @claim
    def check(factor, *, wrong=None):
        return dropcheck.variance_test(samples, factor * size**2, 0, size * inverse(p), wrong=wrong)

    check.holds(p / (1 - p), wrong=p * (1 - p) * size**2)
    check.rejects("p q x^2", p * (1 - p))


# The number of kept units.


@pytest.mark.claim(
    "thm-active-units", method="enumeration", rejects=("n p on average", "q^n for silence")
)
def test_active_units_by_enumeration(claim):
    n, p = 9, Fraction(3, 10)

    def moments(masks):
        kept = masks.sum(axis=1)
        counts = [kept == k for k in range(n + 1)]
        return np.stack([kept, kept**2, *counts], axis=1)

    @claim
    def check(rate, silent):
        law = [comb(n, k) * (1 - p) ** k * p ** (n - k) for k in range(n + 1)]
        law[0] = silent
        second = n * p * (1 - p) + (n * rate) ** 2
        return dropcheck.enumeration(moments, [n * rate, second, *law], n, p)

    check.holds(1 - p, p**n)
    check.rejects("n p on average", p, p**n)
    check.rejects("q^n for silence", 1 - p, (1 - p) ** n)


@pytest.mark.claim("thm-active-units", method="monte-carlo", rejects=("q^n for silence",))
def test_silent_rows_of_the_sampler(claim, rng):
    n, p, rows = 4, 0.4, 200_000
    silent = np.count_nonzero(~sample_mask((rows, n), p, rng=rng).any(axis=1))

    @claim
    def check(probability, *, wrong=None):
        return dropcheck.rate_test(silent, rows, probability, wrong=wrong)

    check.holds(p**n, wrong=(1 - p) ** n)
    check.rejects("q^n for silence", (1 - p) ** n)


# The two conventions.


def descent_step(q, eta_inv, lambda_inv, v):
    """One step of both networks; returns q (W, v) of the standard one and (W, q^2 v) of the other.

    A linear layer behind a mask, squared loss, momentum, and a penalty in the loss. The point
    holds W, the standard buffer, x, the target, the rates eta and lambda, and the momentum.
    """
    W, buffer, x, target, (eta, decay, mu) = v[:2], v[2:4], v[4:6], v[6], v[7:10]
    results = []
    for mask in enumerate_masks(2).astype(int):
        standard_x, inverted_x = x * mask, x * mask / q
        g = (W @ standard_x - target) * standard_x
        v_std = mu * buffer + g + decay * W
        W_inv = q * W
        g_inv = (W_inv @ inverted_x - target) * inverted_x
        v_inv = mu * (buffer / q) + g_inv + lambda_inv(decay, q) * W_inv
        W_std, W_inv = W - eta * v_std, W_inv - eta_inv(eta, q) * v_inv
        results.append([q * W_std - W_inv, v_std - q * v_inv])
    return np.array(results)


@pytest.mark.claim(
    "thm-conventions-agree",
    method="identity",
    parts=(2,),
    rejects=("eta_inv = eta_std", "the factor of Adam", "lambda_inv = lambda_std"),
)
def test_descent_agrees_by_identity(claim, rng):
    """One step carries W_inv = q W_std over to the next, so by induction all steps do."""

    @claim
    def check(eta_inv, lambda_inv=lambda decay, q: decay / q**2):
        def parted(v):
            return descent_step(1 - v[10], eta_inv, lambda_inv, v)

        return dropcheck.identity(parted, lambda v: np.zeros((4, 2, 2), dtype=int), 11, rng=rng)

    def right(eta, q):
        return q**2 * eta

    check.holds(right)
    check.rejects("eta_inv = eta_std", lambda eta, q: eta)
    check.rejects("the factor of Adam", lambda eta, q: q * eta)
    check.rejects("lambda_inv = lambda_std", right, lambda decay, q: decay)


@pytest.mark.claim(
    "thm-conventions-agree",
    method="symbolic",
    parts=(3,),
    rejects=("the factor of momentum", "the same epsilon", "eta_inv = eta_std"),
)
def test_adam_agrees_symbolically(claim):
    """Adam's step from buffers that have seen gradients g and q g: two steps, bias corrected."""
    q, eta, eps, b1, b2 = sympy.symbols("q eta epsilon beta_1 beta_2", positive=True)
    g1, g2 = sympy.symbols("g_1 g_2", positive=True)

    def step(rate, epsilon, first, second):
        m = b1 * (1 - b1) * first + (1 - b1) * second
        v = b2 * (1 - b2) * first**2 + (1 - b2) * second**2
        root = sympy.sqrt(v / (1 - b2**2))
        return rate * (m / (1 - b1**2)) / (root + epsilon)

    @claim
    def check(eta_inv, eps_inv):
        difference = q * step(eta, eps, q * g1, q * g2) - step(eta_inv, eps_inv, g1, g2)
        return dropcheck.Report(
            passed=sympy.simplify(difference) == 0, method="symbolic", rounding=0.0
        )

    check.holds(q * eta, eps / q)
    check.rejects("the factor of momentum", q**2 * eta, eps / q)
    check.rejects("the same epsilon", q * eta, eps)
    check.rejects("eta_inv = eta_std", eta, eps / q)


def torch_path(optimiser, layer, factor, seed, **settings):
    """Weights behind the mask along 20 steps of one of torch's optimisers, on `layer`'s masks."""
    torch.manual_seed(seed)
    inputs, targets = torch.randn(16, 4), torch.randn(16, 1)
    first = torch.randn(4, 8).double().requires_grad_()
    W = (factor * torch.randn(8, 1).double()).requires_grad_()
    behind = optimiser([W], **settings)
    before = torch.optim.SGD([first], lr=0.01)
    path = []
    for _ in range(20):
        hidden = torch.relu(inputs.double() @ first)
        kept = torch.from_numpy(layer.forward(np.ones(hidden.shape)))  # m or m / q
        loss = ((hidden * kept @ W - targets) ** 2).mean()
        behind.zero_grad()
        before.zero_grad()
        loss.backward()
        behind.step()
        before.step()
        path.append(W.detach().clone())
    return torch.stack(path)


@pytest.mark.claim(
    "thm-conventions-agree",
    method="exact-float",
    parts=(2, 3),
    rejects=("eta_inv = eta_std", "the other optimiser's factor", "the other kind of decay"),
)
@pytest.mark.parametrize(
    ("optimiser", "factor", "other"),
    [("SGD", 0.25, 0.5), ("Adam", 0.5, 0.25), ("AdamW", 0.5, 0.25)],
)
def test_torch_optimisers_agree_to_the_last_bit(claim, seed, optimiser, factor, other):
    """At p = 1/2 every factor is a power of two and commutes with rounding."""
    p, q, eta, decay = 0.5, 0.5, 2.0**-6, 2.0**-7
    extra = {"momentum": 0.9} if optimiser == "SGD" else {"eps": 2.0**-10}
    extra_inv = {"momentum": 0.9} if optimiser == "SGD" else {"eps": 2.0**-10 / q}
    decays = [decay / q**2, decay / q]  # in the loss, decoupled
    decay_inv, other_decay = reversed(decays) if optimiser == "AdamW" else decays
    method = getattr(torch.optim, optimiser)
    standard = torch_path(
        method, layers.StandardDropout(p, rng=seed), 1.0, seed, lr=eta, weight_decay=decay, **extra
    )

    @claim
    def check(rate, decay):
        inverted = torch_path(
            method,
            layers.Dropout(p, rng=seed),
            q,
            seed,
            lr=rate,
            weight_decay=decay,
            **extra_inv,
        )
        return dropcheck.Report(
            passed=torch.equal(inverted, q * standard), method="exact-float", rounding=0.0
        )

    check.holds(factor * eta, decay_inv)
    check.rejects("eta_inv = eta_std", eta, decay_inv)
    check.rejects("the other optimiser's factor", other * eta, decay_inv)
    check.rejects("the other kind of decay", factor * eta, other_decay)


# Inference and the mean over masks.


def mean_over_masks(g):
    """The exact mean of g(c, x~) over masks of three units, a function of (c_1..c_8, x, p)."""
    return lambda v: mask_weights(MASKS, v[11]) @ g(v[:8], MASKS * v[8:11] / (1 - v[11]))


def multi_affine(c, x):
    """Sum over subsets S of the units of c_S times the product of their activations."""
    products = [np.prod(np.where(subset, x, 1), axis=-1) for subset in MASKS]
    return sum(coefficient * product for coefficient, product in zip(c, products, strict=True))


@pytest.mark.claim(
    "thm-eval-is-mean",
    method="identity",
    parts=(1,),
    rejects=("always equal: x_1^2", "always equal: (x_1 - x_2)^2"),
)
def test_multi_affine_by_identity(claim, rng):
    @claim
    def check(g):
        return dropcheck.identity(mean_over_masks(g), lambda v: g(v[:8], v[8:11]), 12, rng=rng)

    claim.survives("check(g ", "every multi-affine function is stated to pass, so this one too")
    check.holds(multi_affine)
    check.rejects("always equal: x_1^2", lambda c, x: x[..., 0] ** 2)
    check.rejects("always equal: (x_1 - x_2)^2", lambda c, x: (x[..., 0] - x[..., 1]) ** 2)


@pytest.mark.claim("thm-eval-is-mean", method="symbolic", parts=(2,), rejects=("iff affine",))
def test_only_multi_affine_polynomials_symbolically(claim):
    """Of all monomials up to third degree in each of two units, exactly the multi-affine pass."""
    x, y = sympy.symbols("x y")
    q = sympy.symbols("q", positive=True)
    p = 1 - q

    def passes(i, j):
        def g(a, b):
            return a**i * b**j

        mean = (
            q**2 * g(x / q, y / q)
            + q * p * (g(x / q, sympy.S.Zero) + g(sympy.S.Zero, y / q))
            + p**2 * g(sympy.S.Zero, sympy.S.Zero)
        )
        return sympy.simplify(mean - g(x, y)) == 0

    passed = {(i, j) for i in range(4) for j in range(4) if passes(i, j)}

    @claim
    def check(stated):
        return dropcheck.Report(passed=passed == stated, method="symbolic", rounding=0.0)

    check.holds({(0, 0), (1, 0), (0, 1), (1, 1)})
    check.rejects("iff affine", {(0, 0), (1, 0), (0, 1)})


def ratio(x):
    """The product of the x_i^2 over |x|^n, zero at the origin, exactly for an even n."""
    squares = x**2
    total = squares.sum(axis=-1) ** (x.shape[-1] // 2)
    return squares.prod(axis=-1) / np.where(total == 0, Fraction(1), total)


@pytest.mark.claim(
    "thm-eval-is-mean",
    method="enumeration",
    parts=(2, 3),
    rejects=("differentiable at 0 suffices", "equal behind a ReLU"),
)
def test_smoothness_is_needed_and_jensen_is_strict(claim):
    """The example passes though it is not multi-affine; a ReLU that changes sign does not."""
    two, four = (np.array([Fraction(k) for k in ks]) for ks in ((3, -2), (3, -2, 1, 5)))
    p = Fraction(1, 3)

    def mean(g, x):
        return dropcheck.expectation(lambda masks: g(masks * x * inverse(p)), x.size, p)[0]

    @claim
    def check(g, multi_affine, *, x=two):
        """Whether the mean of g is its value at x, and whether g is multi-affine."""
        along = [g(np.array([Fraction(t), *x[1:]])) for t in (0, 3, 6)]
        straight = along[2] - 2 * along[1] + along[0] == 0
        passed = mean(g, x) == g(x) and straight == multi_affine
        return dropcheck.Report(passed=bool(passed), method="enumeration", rounding=0.0)

    claim.survives("check(g ", "a multiple of the example, or one plus 1, is such an example too")
    for x in (two, four):
        check.holds(ratio, False, x=x)
        check.rejects("differentiable at 0 suffices", ratio, True, x=x)

    def relu(values):
        return np.maximum(values.sum(axis=-1), Fraction(0))

    check.rejects("equal behind a ReLU", relu, False)
    assert mean(relu, two) > relu(two)


@pytest.mark.claim(
    "thm-eval-is-mean", method="bound", parts=(3,), rejects=("E f <= f for convex f",)
)
def test_convex_functions_lie_above(claim, rng):
    """Random sums of ReLUs: the mean is never below, and above exactly where a sign changes."""
    p, n, masks = 0.4, 6, enumerate_masks(6)
    weights = mask_weights(masks, p)
    scaled, means, sizes = [], [], []
    for _ in range(2000):
        x, W, b = rng.standard_normal(n), rng.standard_normal((3, n)), rng.standard_normal(3)
        v = rng.uniform(0.1, 1.0, size=3)
        z = (masks * x * inverse(p)) @ W.T + b
        changes = ((z > 0).any(axis=0) & (z < 0).any(axis=0)).any()
        scaled.append(np.maximum(W @ x + b, 0) @ v)
        means.append(weights @ np.maximum(z, 0) @ v)
        sizes.append(np.abs(z).max())
        assert (means[-1] - scaled[-1] > 1e-12 * sizes[-1]) == changes

    @claim
    def check(lower, upper):
        return dropcheck.bound(lower, upper, rounding=1e-12 * np.array(sizes))

    check.holds(np.array(scaled), np.array(means))
    check.rejects("E f <= f for convex f", means, scaled)


# The Jensen gap.

JENSEN_W = np.array([0.8, -0.5, 1.0, 0.6, -0.9, 0.7])
JENSEN_X = np.array([1.0, -0.7, 0.6, 0.8, 0.5, 0.9])


def softplus_remainder(p, s=1.0):
    """Jensen gap of softplus(w . x + 0.4) minus its leading term, over all masks."""
    q, x, masks = 1 - p, s * JENSEN_X, enumerate_masks(6)
    z = x @ JENSEN_W + 0.4
    values = np.logaddexp(0, masks * x / q @ JENSEN_W + 0.4) - np.logaddexp(0, z)
    curvature = 1 / (2 + 2 * np.cosh(z))
    return mask_weights(masks, p) @ values - p / (2 * q) * np.sum((JENSEN_W * x) ** 2) * curvature


@pytest.mark.claim(
    "approx-jensen-gap",
    method="slope",
    parts=(1, 2),
    rejects=("second order in the size", "third order at p = 1/2", "remainder O(p^2)"),
)
def test_order_of_the_jensen_gap(claim):
    sizes, rates = 2.0 ** -np.arange(3, 9), 2.0 ** -np.arange(7, 15)
    in_size = np.abs([softplus_remainder(0.3, s) for s in sizes])
    at_half = np.abs([softplus_remainder(0.5, s) for s in sizes])
    in_p = np.abs([softplus_remainder(p) for p in rates])

    @claim
    def check(expected, *, scale, error):
        return dropcheck.order(scale, error, expected)

    check.holds(3, scale=sizes, error=in_size)
    check.rejects("second order in the size", 2, scale=sizes, error=in_size)
    check.holds(4, scale=sizes, error=at_half)
    check.rejects("third order at p = 1/2", 3, scale=sizes, error=at_half)
    check.holds(1, scale=rates, error=in_p)
    check.rejects("remainder O(p^2)", 2, scale=rates, error=in_p)


@pytest.mark.claim(
    "approx-jensen-gap", method="bound", parts=(2,), rejects=("remainder / p tends to 0",)
)
def test_limit_of_the_jensen_remainder(claim):
    """At fixed x, remainder / p tends to the sum of Taylor remainders of one unit off."""
    step, z = JENSEN_W * JENSEN_X, JENSEN_X @ JENSEN_W + 0.4
    slope, curvature = 1 / (1 + np.exp(-z)), 1 / (2 + 2 * np.cosh(z))
    one_off = np.logaddexp(0, z - step) - np.logaddexp(0, z) + step * slope
    limit = np.sum(one_off - step**2 * curvature / 2)
    rates = 2.0 ** -np.arange(7, 16)

    @claim
    def check(stated):
        distance = np.abs([softplus_remainder(p) / p - stated for p in rates])
        return dropcheck.bound(distance, 5 * rates)  # O(p), with room for the constant

    check.holds(limit)
    check.rejects("remainder / p tends to 0", 0.0)


# The two ends.


@pytest.mark.claim(
    "thm-boundaries", method="enumeration", rejects=("0 * (1/0)", "`U > p` at p = 0")
)
def test_boundaries_over_all_masks_and_draws(claim, monkeypatch):
    """At p = 0 and 1 one mask has all the weight, and whatever bytes the sampler draws."""
    x = np.array([1.0, -2.0, 3.0])

    @claim
    def mean_is(output, *, p):
        return dropcheck.enumeration(lambda masks: masks * x, output, 3, p)

    mean_is.holds(x, p=0.0)
    mean_is.holds(0 * x, p=1.0)
    with np.errstate(all="ignore"):
        literal = x * 0.0 / np.float64(0.0)
    mean_is.rejects("0 * (1/0)", literal, p=1.0)

    @claim
    def drops_none_and_all(probability):
        """Whether P(drop), over all that can be drawn, is 0 at p = 0 and 1 at p = 1."""
        passed = [probability(p) for p in (0.0, 1.0)] == [0, 1]
        return dropcheck.Report(passed=passed, method="enumeration", rounding=0.0)

    def on_a_grid(p):
        draws = np.arange(2**24, dtype=np.float32) * np.float32(2.0**-24)
        return np.mean(~(draws > p))

    drops_none_and_all.holds(lambda p: max(drop_probability(p, monkeypatch)))
    drops_none_and_all.holds(lambda p: min(drop_probability(p, monkeypatch)))
    drops_none_and_all.rejects("`U > p` at p = 0", on_a_grid)


@pytest.mark.claim("thm-boundaries", method="same-mask", rejects=("0 * (1/0)",))
def test_boundaries_of_layers_and_torch(claim, rng):
    """Output and gradient of the layer at the ends, beside torch's."""
    x = rng.standard_normal((20, 30))
    assert sample_mask(1_000_000, 0.0, rng=rng).all()
    assert not sample_mask(1_000_000, 1.0, rng=rng).any()

    def torch_pass(p):
        leaf = torch.from_numpy(x.copy()).requires_grad_()
        output = torch.nn.functional.dropout(leaf, p, training=True)
        output.sum().backward()
        return output.detach().numpy(), leaf.grad.numpy()

    @claim
    def check(p, output, gradient):
        theirs = torch_pass(p)
        same = np.array_equal(output, theirs[0]) and np.array_equal(gradient, theirs[1])
        return dropcheck.Report(passed=same, method="same-mask", rounding=0.0)

    for p in (0.0, 1.0):
        layer = layers.Dropout(p, rng=rng)
        check.holds(p, layer.forward(x), layer.backward(np.ones_like(x)))
    with np.errstate(all="ignore"):
        literal = np.zeros_like(x) / np.float64(0.0)
    check.rejects("0 * (1/0)", 1.0, x * literal, literal)


# The sampler.


class OutOfBytesError(Exception):
    """The sampler wants another byte than those it was given."""


def drop_probability(p, monkeypatch, given=()):
    """P(drop) of eight units, exactly: the mean over the 256 values of each byte asked for."""
    rest = iter(given)

    def recite(words, rng):
        try:
            return np.full(8 * words, next(rest), dtype=np.uint8)
        except StopIteration:
            raise OutOfBytesError from None

    monkeypatch.setattr(masks, "_random_bytes", recite)
    try:
        keep = sample_mask(8, p, rng=0)
    except OutOfBytesError:
        parts = [drop_probability(p, monkeypatch, (*given, byte)) for byte in range(256)]
        return sum(parts) * Fraction(1, 256)
    return (~keep).astype(int)


def gives_p_exactly(claim, monkeypatch, cases):
    """The share of all byte strings with which the library drops a unit is p itself."""
    shares = [set(drop_probability(p, monkeypatch)) for p in cases]

    @claim
    def check(probability):
        """Whether each unit drops with the stated probability."""
        exact = all(share == {probability(p)} for share, p in zip(shares, cases, strict=True))
        return dropcheck.Report(passed=exact, method="enumeration", rounding=0.0)

    def rounded_down(bits):
        return lambda p: Fraction(int(Fraction(p) * 2**bits), 2**bits)

    check.holds(Fraction)
    check.rejects("one byte", rounded_down(8))
    check.rejects("24 bits", rounded_down(24))


@pytest.mark.claim("thm-sampler-exact", method="enumeration", rejects=("one byte", "24 bits"))
def test_bytes_give_p_exactly(claim, monkeypatch):
    """For usual p, for those that end after a byte or two, and near the ends."""
    ends = (1e-10, 1 - 1e-10, 1e-30, 1 - 2.0**-53)
    cases = [0.1, 0.3, 1 / 3, 0.5, 0.25, 76.5 / 256, 1 / 512, *ends]
    gives_p_exactly(claim, monkeypatch, cases)


@pytest.mark.claim("thm-sampler-exact", method="enumeration", rejects=("one byte", "24 bits"))
def test_bytes_give_a_drawn_p_exactly(claim, rng, monkeypatch):
    """For ten rates drawn at random."""
    gives_p_exactly(claim, monkeypatch, rng.uniform(size=10))


@pytest.mark.claim(
    "thm-sampler-exact",
    method="same-mask",
    rejects=("always the generator's bits", "always a stream's", "a stream for each block"),
)
def test_where_the_bits_of_the_sampler_come_from(claim, seed):
    """At p = 1/2 a mask is its bits: the generator's up to 2^18 units, one stream's above."""

    def bits(generator, units):
        words = generator.bit_generator.random_raw(units // 64)
        return np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")

    def own(generator, units):
        return bits(generator, units)

    def stream(generator, units):
        words = generator.integers(0, 1 << 64, size=4, dtype=np.uint64)
        return bits(np.random.Generator(np.random.SFC64(words)), units)

    def streams(generator, units):
        return np.concatenate([stream(generator, 1 << 18) for _ in range(units >> 18)])

    @claim
    def check(small, large):
        same = [
            np.array_equal(
                sample_mask(units, 0.5, rng=seed), source(np.random.default_rng(seed), units)
            )
            for units, source in ((1 << 18, small), (1 << 21, large))
        ]
        return dropcheck.Report(passed=all(same), method="same-mask", rounding=0.0)

    check.holds(own, stream)
    check.rejects("always the generator's bits", own, own)
    check.rejects("always a stream's", stream, stream)
    check.rejects("a stream for each block", own, streams)


@pytest.mark.claim(
    "thm-sampler-exact",
    method="monte-carlo",
    rejects=("one byte, down", "one byte, up", "two units alike"),
)
@pytest.mark.parametrize("p", [0.1, 0.3, 1 / 3, 0.7])
def test_rate_of_the_sampler(claim, rng, p):
    draws = 40_000_000
    keep = sample_mask(draws, p, rng=rng)
    dropped = draws - np.count_nonzero(keep)

    @claim
    def check(rate, *, wrong=None):
        return dropcheck.rate_test(dropped, draws, rate, wrong=wrong)

    for name, digit in (("one byte, down", int(256 * p)), ("one byte, up", int(256 * p) + 1)):
        check.holds(p, wrong=digit / 256)
        check.rejects(name, digit / 256)
    # Neighbours, and units of different words, which drop together with p^2.
    both = [np.count_nonzero(~keep.reshape(-1, 2, apart).any(axis=1)) for apart in (1, 8)]

    @claim
    def both_drop(rate, *, wrong=None):
        return dropcheck.rate_test(both, draws // 2, rate, wrong=wrong)

    both_drop.holds(p**2, wrong=p)
    both_drop.rejects("two units alike", p)
