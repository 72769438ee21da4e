"""The claims of the chapter Noise: each holds, and its wrong forms are rejected."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.linalg
import sympy

import dropcheck
from book import noise
from dropoutlib import layers
from dropoutlib.masks import enumerate_masks, mask_weights


def exactly(passed, method):
    """Report of a check that rounds nothing."""
    return dropcheck.Report(passed=bool(passed), method=method, rounding=0.0)


def symbolic(expression):
    """Report of whether an expression is zero, by algebra."""
    return exactly(sympy.simplify(expression) == 0, "symbolic")


def ratio(p):
    """Return p/q."""
    return p / (1 - p)


# The moments.


def central_moments(v):
    """Mean, variance, third and fourth central moment of m/q over both masks of one unit."""
    (p,) = v
    weights, values = mask_weights(enumerate_masks(1), p), np.array([0 * p, 1 / (1 - p)])
    mean = weights @ values
    return np.array([mean, *(weights @ (values - mean) ** k for k in (2, 3, 4))])


@pytest.mark.claim(
    "thm-noise-moments",
    method="identity",
    rejects=("variance p q", "variance q/p", "kurtosis (1 - 6 p q)/(p q) not excess"),
)
def test_noise_moments_by_identity(claim, rng):
    """Skewness and kurtosis enter as third and fourth moments, which have no roots."""

    @claim
    def check(variance, excess_over=3):
        def stated(v):
            (p,) = v
            q, spread = 1 - p, variance(p)
            kurtosis = (1 - 6 * p * q) / (p * q) + excess_over
            return np.array([1, spread, p * (2 * p - 1) / q**2, kurtosis * spread**2])

        return dropcheck.identity(central_moments, stated, 1, rng=rng)

    check.holds(ratio)
    check.rejects("variance p q", lambda p: p * (1 - p))
    check.rejects("variance q/p", lambda p: (1 - p) / p)
    check.rejects("kurtosis (1 - 6 p q)/(p q) not excess", ratio, excess_over=0)


@pytest.mark.claim(
    "thm-noise-moments", method="symbolic", rejects=("skewness (1 - 2 p)/sqrt(p q)",)
)
def test_skewness_symbolically(claim):
    p = sympy.symbols("p", positive=True)
    q = 1 - p

    def moment(k):
        return q * (1 / q - 1) ** k + p * (-1) ** k

    @claim
    def check(skewness):
        return symbolic(sympy.powsimp(moment(3) ** 2 / moment(2) ** 3 - skewness**2))

    check.holds((2 * p - 1) / sympy.sqrt(p * q))
    at = p, sympy.Rational(1, 5)  # the root leaves the sign open: mostly kept, rarely dropped

    claim.survives("check(skewness times -1)", "the square is checked here, the sign beside it")
    claim.survives("sign(skewness ", "the sign is checked here, the square beside it")

    @claim
    def sign(skewness):
        return exactly(moment(3).subs(*at) * skewness.subs(*at) > 0, "symbolic")

    sign.holds((2 * p - 1) / sympy.sqrt(p * q))
    sign.rejects("skewness (1 - 2 p)/sqrt(p q)", (1 - 2 * p) / sympy.sqrt(p * q))


@pytest.mark.claim("thm-noise-moments", method="monte-carlo", rejects=("variance p q",))
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_variance_of_the_layers_noise(claim, rng, p):
    drawn = layers.Dropout(p, rng=rng).forward(np.ones(200_000))
    variance, high = noise.noise_moments(p).variance, 1 / (1 - p)

    @claim
    def check(stated, *, wrong=None):
        return dropcheck.variance_test(drawn, stated, 0, high, wrong=wrong)

    check.holds(variance, wrong=p * (1 - p))
    check.rejects("variance p q", p * (1 - p))


# Gaussian noise with the same two moments.


@pytest.mark.claim(
    "thm-gaussian-match",
    method="identity",
    parts=(1,),
    rejects=("identical for fourth powers", "variance p q for the Gaussian"),
)
def test_gaussian_gives_the_same_squared_loss_by_identity(claim, rng):
    """With p = s^2 / (1 + s^2) the variance p/q is s^2, and all is rational in s."""

    def residual(v, factors):
        w, x, y = v[:3], v[3:6], v[6]
        return y - (factors * x) @ w

    def bernoulli(power):
        def mean(v):
            p = v[7] ** 2 / (1 + v[7] ** 2)
            masks = enumerate_masks(3)
            return mask_weights(masks, p) @ residual(v, masks / (1 - p)) ** power

        return mean

    def gaussian(power, variance=lambda s: s**2):
        """Mean for independent N(1, variance) factors, by the moments of their weighted sum."""

        def mean(v):
            bias = residual(v, np.ones((1, 3), dtype=int))[0]
            spread = variance(v[7]) * ((v[:3] * v[3:6]) ** 2).sum()
            return {2: bias**2 + spread, 4: bias**4 + 6 * bias**2 * spread + 3 * spread**2}[power]

        return mean

    @claim
    def check(power, **kwargs):
        return dropcheck.identity(bernoulli(power), gaussian(power, **kwargs), 8, rng=rng)

    check.holds(2)
    check.rejects("identical for fourth powers", 4)
    pq = {"variance": lambda s: s**2 / (1 + s**2) ** 2}
    check.rejects("variance p q for the Gaussian", 2, **pq)


def gaussian_mean(f, sd):
    """Mean of f(1 + sd z) over standard normal z, by quadrature with 25 digits."""
    with mpmath.workdps(25):
        ends = [-14, -7, -3, 0, 3, 7, 14]
        return mpmath.quad(lambda z: f(1 + sd * z) * mpmath.npdf(z), ends)


@pytest.mark.claim(
    "thm-gaussian-match",
    method="quadrature",
    parts=(1, 3),
    rejects=("identical for the logistic loss",),
)
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_losses_under_gaussian_noise_by_quadrature(claim, p):
    """One unit of size 3: the squared loss agrees to 12 digits, the logistic one does not."""
    x, y, q = 3, 1, 1 - mpmath.mpf(p)

    @claim
    def check(loss):
        bernoulli = q * loss(x / q) + mpmath.mpf(p) * loss(mpmath.mpf(0))
        gaussian = gaussian_mean(lambda factor: loss(x * factor), mpmath.sqrt(p / q))
        error = float(abs(bernoulli - gaussian))
        return dropcheck.Report(
            passed=error <= 1e-12, method="quadrature", error=error, rounding=1e-12
        )

    check.holds(lambda z: (y - z) ** 2)
    check.rejects("identical for the logistic loss", lambda z: mpmath.log1p(mpmath.exp(z)) - y * z)


@pytest.mark.claim(
    "thm-gaussian-match",
    method="symbolic",
    parts=(2,),
    rejects=("fourth moments differ at every p",),
)
def test_where_higher_moments_agree_symbolically(claim):
    """Third moments at p = 1/2 only, fourth ones where 6 p q = 1 only: never both."""
    p = sympy.symbols("p", positive=True)
    q = 1 - p
    third = q * (p / q) ** 3 - p
    fourth = q * (p / q) ** 4 + p - 3 * (p / q) ** 2

    def roots(difference):
        return {root for root in sympy.roots(sympy.numer(sympy.together(difference)), p) if root}

    half, shift = sympy.Rational(1, 2), sympy.sqrt(3) / 6

    @claim
    def check(stated, *, difference):
        inside = {root for root in roots(difference) if 0 < root < 1}
        same = {sympy.nsimplify(root) for root in inside} == stated
        return exactly(same, "symbolic")

    check.holds({half}, difference=third)
    check.holds({half - shift, half + shift}, difference=fourth)
    check.rejects("fourth moments differ at every p", set(), difference=fourth)


# The expansion of a loss.

H = np.array([1.0, -0.7, 0.6, 0.8, 0.5])
OUT = np.array(
    [[0.8, -0.5, 1.0, 0.6, -0.9], [-0.3, 0.7, 0.4, -0.8, 0.5], [0.2, 0.1, -0.6, 0.9, 0.4]]
)


def cross_entropy(h):
    """Cross-entropy of class 0 behind a linear layer and a softmax; (k, 5) -> (k,)."""
    logits = h @ OUT.T + np.array([0.3, -0.2, 0.1])
    return np.log(np.exp(logits).sum(axis=-1)) - logits[..., 0]


def cross_entropy_curvature(h):
    """Its second derivatives in each activation: the variance of a weight over the classes."""
    logits = h @ OUT.T + np.array([0.3, -0.2, 0.1])
    classes = np.exp(logits) / np.exp(logits).sum()
    return classes @ OUT**2 - (classes @ OUT) ** 2


def squared(h):
    """Squared loss of the same layer."""
    return ((h @ OUT.T - np.array([0.3, -0.2, 0.1])) ** 2).sum(axis=-1)


def squared_curvature(h):
    return 2 * (OUT**2).sum(axis=0)


def remainder(loss, curvature, p, s=1.0, h=H):
    """Gap of a loss over all masks, minus its leading term."""
    h = s * h
    masks = enumerate_masks(len(h))
    gaps = loss(masks * h / (1 - p)) - loss(h)
    return mask_weights(masks, p) @ gaps - noise.second_order_penalty(h, curvature(h), p)


@pytest.mark.claim(
    "approx-noise-expansion",
    method="slope",
    parts=(1,),
    rejects=("second order in the size", "third order at p = 1/2", "remainder O(p^2)"),
)
def test_order_of_the_noise_expansion(claim):
    sizes, rates = 2.0 ** -np.arange(3, 9), 2.0 ** -np.arange(6, 14)

    def of_cross_entropy(p, s=1.0):
        return remainder(cross_entropy, cross_entropy_curvature, p, s)

    at_30 = np.abs([of_cross_entropy(0.3, s) for s in sizes])
    at_half = np.abs([of_cross_entropy(0.5, s) for s in sizes])
    in_p = np.abs([of_cross_entropy(p) for p in rates])

    @claim
    def check(expected, *, scale, error):
        return dropcheck.order(scale, error, expected)

    check.holds(3, scale=sizes, error=at_30)
    check.rejects("second order in the size", 2, scale=sizes, error=at_30)
    check.holds(4, scale=sizes, error=at_half)
    check.rejects("third order at p = 1/2", 3, scale=sizes, error=at_half)
    check.holds(1, scale=rates, error=in_p)
    check.rejects("remainder O(p^2)", 2, scale=rates, error=in_p)


@pytest.mark.claim(
    "approx-noise-expansion", method="bound", parts=(2,), rejects=("exact for cross-entropy",)
)
def test_expansion_is_exact_for_squared_loss_only(claim, rng):
    cases = [(p, rng.standard_normal(5)) for p in rng.uniform(0.05, 0.9, size=500)]

    @claim
    def check(loss, curvature):
        sizes = [np.abs(h).sum() ** 2 / (1 - p) ** 2 + 1 for p, h in cases]
        left = np.abs([remainder(loss, curvature, p, h=h) for p, h in cases])
        return dropcheck.bound(left, 1e-13 * np.array(sizes))

    check.holds(squared, squared_curvature)
    check.rejects("exact for cross-entropy", cross_entropy, cross_entropy_curvature)


# Linear regression.


def unpack(v):
    """W (2 x 2), two samples x and y, and p, from 13 variables."""
    return v[:4].reshape(2, 2), v[4:8].reshape(2, 2), v[8:12].reshape(2, 2), v[12]


def expected_loss(v):
    """Squared loss summed over two samples, each with a mask of its own, over all masks."""
    W, X, Y, p = unpack(v)
    masks = enumerate_masks(2)
    weights = mask_weights(masks, p)
    return sum(
        weights @ ((y - (masks * x / (1 - p)) @ W.T) ** 2).sum(axis=1)
        for x, y in zip(X, Y, strict=True)
    )


PENALTIES = {
    "second moment": lambda W, X: ((X**2).sum(axis=0) * (W**2).sum(axis=0)).sum(),
    "|W|_F^2 E|x|^2": lambda W, X: (W**2).sum() * (X**2).sum(),
    "the variance of the inputs": lambda W, X: (
        ((X - X.sum(axis=0) / 2) ** 2).sum(axis=0) * (W**2).sum(axis=0)
    ).sum(),
    "|W|^2 alone": lambda W, X: (W**2).sum(),
}


@pytest.mark.claim("thm-linear-regression", method="identity", rejects=tuple(PENALTIES)[1:])
def test_linear_penalty_by_identity(claim, rng):
    @claim
    def check(penalty):
        def stated(v):
            W, X, Y, p = unpack(v)
            return ((Y - X @ W.T) ** 2).sum() + ratio(p) * penalty(W, X)

        return dropcheck.identity(expected_loss, stated, 13, rng=rng)

    right, *wrong = PENALTIES.items()
    check.holds(right[1])
    for name, penalty in wrong:
        check.rejects(name, penalty)


@pytest.mark.claim(
    "thm-linear-regression",
    method="monte-carlo",
    rejects=("|W|_F^2 E|x|^2", "the variance of the inputs"),
)
def test_linear_penalty_in_the_layer(claim, rng):
    """The loss through the library's layer, over draws of the masks of four samples."""
    p, draws = 0.4, 200_000
    X = np.array([[1.0, 2.0, 1.5], [0.5, 1.0, 2.0], [1.5, 2.0, 1.0], [1.0, 1.0, 1.5]])
    W, Y = np.array([[0.5, -0.4, 0.3]]), np.array([[0.2], [0.1], [-0.1], [0.3]])
    out = layers.Dropout(p, rng=rng).forward(np.broadcast_to(X, (draws, 4, 3))) @ W.T
    losses = ((Y - out) ** 2).sum(axis=(1, 2))
    ends = X[:, :, None] * W.T / (1 - p)
    reach = np.maximum(
        np.abs(Y - np.minimum(ends, 0).sum(axis=1)), np.abs(Y - np.maximum(ends, 0).sum(axis=1))
    )
    without = ((Y - X @ W.T) ** 2).sum()

    @claim
    def check(penalty, *, wrong=None):
        return dropcheck.mean_test(
            losses,
            without + penalty,
            0,
            (reach**2).sum(),
            wrong=None if wrong is None else without + wrong,
        )

    right = noise.linear_penalty(W, X, p)
    variance = noise.linear_penalty(W, X - X.mean(axis=0), p)
    frobenius = ratio(p) * (W**2).sum() * (X**2).sum()
    for name, wrong in (("|W|_F^2 E|x|^2", frobenius), ("the variance of the inputs", variance)):
        check.holds(right, wrong=wrong)
        check.rejects(name, wrong)


@pytest.mark.claim(
    "thm-linear-regression",
    method="bound",
    rejects=("overstates d-fold for all inputs", "understates"),
)
def test_how_far_the_frobenius_form_is_off(claim, rng):
    """|W|_F^2 E|x|^2 is d times the penalty for equal second moments, and never below it."""
    d, quotients, standardised = 5, [], []
    for _ in range(2000):
        W, X = rng.standard_normal((2, d)), rng.standard_normal((7, d)) * rng.exponential(size=d)
        unit = X / np.sqrt((X**2).mean(axis=0))
        for inputs, into in ((X, quotients), (unit, standardised)):
            frobenius = ratio(0.3) * (W**2).sum() * (inputs**2).sum()
            into.append(frobenius / noise.linear_penalty(W, inputs, 0.3))
    quotients, standardised = np.array(quotients), np.array(standardised)
    rounding = 1e-12 * d

    @claim
    def off_by(values):
        return dropcheck.bound(np.abs(values - d), rounding)

    off_by.holds(standardised)
    off_by.rejects("overstates d-fold for all inputs", quotients)

    @claim
    def ordered(lower, upper):
        return dropcheck.bound(lower, upper)

    ordered.holds(np.ones(2000), quotients)
    ordered.rejects("understates", quotients, np.ones(2000))


# Dropout ridge.


def gradient_at(w, X, y, p):
    """Half the gradient of the expected squared loss at w, over the masks of every sample."""
    masks = enumerate_masks(2)
    weights = mask_weights(masks, p)
    total = 0
    for x, target in zip(X, y, strict=True):
        noisy = masks * x / (1 - p)
        total = total + weights @ (noisy * (noisy @ w - target)[:, None])
    return total


def solve_two(A, b):
    """Solution of two linear equations by Cramer's rule."""
    determinant = A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
    return (
        np.array([A[1, 1] * b[0] - A[0, 1] * b[1], A[0, 0] * b[1] - A[1, 0] * b[0]]) / determinant
    )


@pytest.mark.claim(
    "thm-dropout-ridge",
    method="identity",
    parts=(1, 4),
    rejects=("(X'X + p/q I)^-1", "p q diag(X'X)"),
)
def test_dropout_ridge_by_identity(claim, rng):
    """The gradient of the expected loss of three samples vanishes at the stated minimiser."""

    @claim
    def check(minimiser):
        def gradient(v):
            X, y, p = v[:6].reshape(3, 2), v[6:9], v[9]
            return gradient_at(minimiser(X, y, p), X, y, p)

        return dropcheck.identity(gradient, lambda v: np.array([0, 0]), 10, rng=rng)

    def own(X):
        return np.diag((X**2).sum(axis=0))

    def with_ridge(ridge):
        return lambda X, y, p: solve_two(X.T @ X + ridge(X, p), X.T @ y)

    def with_correlations_times_q(X, y, p):
        q = 1 - p
        return q * solve_two(q * X.T @ X + p * own(X), X.T @ y)

    check.holds(with_ridge(lambda X, p: ratio(p) * own(X)))
    check.holds(with_correlations_times_q)
    check.rejects("(X'X + p/q I)^-1", with_ridge(lambda X, p: ratio(p) * np.eye(2, dtype=int)))
    check.rejects("p q diag(X'X)", with_ridge(lambda X, p: p * (1 - p) * own(X)))


@pytest.mark.claim(
    "thm-dropout-ridge", method="exact-float", parts=(3,), rejects=("ridge is invariant too",)
)
def test_dropout_ridge_does_not_see_units(claim, rng):
    """Features in units that differ by powers of two: the same fit to the last bit."""
    X, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    units = 2.0 ** np.array([3, -5, 0, 7])

    def ordinary(X, y, p):
        return np.linalg.solve(X.T @ X + ratio(p) * np.eye(4), X.T @ y)

    @claim
    def check(solve):
        same = np.array_equal(solve(X * units, y, 0.3) * units, solve(X, y, 0.3))
        return dropcheck.Report(passed=same, method="exact-float", rounding=0.0)

    claim.survives("check(solve ", "a multiple of the fit does not see units either")
    check.holds(noise.dropout_ridge)
    check.rejects("ridge is invariant too", ordinary)


@pytest.mark.claim(
    "thm-dropout-ridge",
    method="bound",
    parts=(1,),
    rejects=("the ridge with p/q I is the minimiser",),
)
def test_dropout_ridge_is_the_unique_minimiser(claim, rng):
    """Also where X'X is singular: by convexity, a step up and one down in each weight suffice.

    The loss is a quadratic with a Hessian of at least p/q diag(X'X), so its minimiser is the
    one point from which no small step, up or down, gains to first order. At distance d from it
    the best of the steps by h gains if h is at most d times the ratio of the curvatures.
    """
    cases = []
    for _ in range(500):
        X, y, p = rng.standard_normal((3, 5)), rng.standard_normal(3), rng.uniform(0.05, 0.9)
        X[:, 4] = X[:, 0]  # five columns of rank three, two of them equal
        cases.append((X, y, p))

    def loss(w, X, y, p):
        return ((y - X @ w) ** 2).sum() + noise.linear_penalty(w[None], X, p)

    @claim
    def is_least_at(minimiser):
        here, around = [], []
        for case in cases:
            w = minimiser(*case)
            for step in (*(1e-3 * np.eye(5)), *(0.1 * rng.standard_normal((3, 5)))):
                for moved in (w + step, w - step):
                    here.append(loss(w, *case))
                    around.append(loss(moved, *case))
        return dropcheck.bound(here, around)

    def ridge(X, y, p):
        return np.linalg.solve(X.T @ X + ratio(p) * np.eye(5), X.T @ y)

    is_least_at.holds(noise.dropout_ridge)
    is_least_at.rejects("the ridge with p/q I is the minimiser", ridge)


# Generalised linear models.


def glm_remainder(family, s, p):
    """Exact penalty minus its approximation, for three samples of size s."""
    X = np.array([[1.0, -0.7, 0.6], [0.4, 0.9, -0.5], [0.8, 0.3, 0.7]])
    beta = s * np.array([0.9, 0.6, -0.8])
    return noise.exact_glm_penalty(beta, X, p, family) - noise.glm_penalty(beta, X, p, family)


@pytest.mark.claim(
    "approx-glm",
    method="slope",
    parts=(2,),
    rejects=("third order for the logistic loss", "fourth order for Poisson"),
)
def test_order_of_the_glm_penalty(claim):
    sizes = 2.0 ** -np.arange(2, 7)

    @claim
    def check(family, p, expected):
        errors = np.abs([glm_remainder(family, s, p) for s in sizes])
        return dropcheck.order(sizes, errors, expected, tolerance=0.1, value=1.0)

    check.holds("poisson", 0.3, 3)
    check.holds("poisson", 0.5, 4)
    check.holds("logistic", 0.3, 4)
    check.holds("logistic", 0.5, 4)
    check.rejects("third order for the logistic loss", "logistic", 0.3, 3)
    check.rejects("fourth order for Poisson", "poisson", 0.3, 4)


@pytest.mark.claim(
    "approx-glm",
    method="bound",
    parts=(1, 3),
    rejects=(
        "exact for the logistic loss",
        "exact for Poisson",
        "curvature from squared residuals",
    ),
)
def test_glm_penalty_is_exact_for_squared_loss_and_label_free(claim, rng):
    """The label shifts the loss with and without masks by the same amount."""
    exact, approximate, with_label, residual, scales = ({} for _ in range(5))
    for family in noise.FAMILIES:
        rows = []
        for _ in range(300):
            beta, X, p = rng.standard_normal(4), rng.standard_normal((3, 4)), rng.uniform(0.1, 0.6)
            y = rng.standard_normal(3)
            masks = enumerate_masks(4)
            A = noise.FAMILIES[family].log_partition

            def loss(z, A=A, y=y):
                return np.sum(A(z) - y * z, axis=-1)

            noisy = loss((masks / (1 - p)) @ (X * beta).T)
            gap = mask_weights(masks, p) @ noisy - loss(X @ beta)
            rows.append(
                (
                    noise.exact_glm_penalty(beta, X, p, family),
                    noise.glm_penalty(beta, X, p, family),
                    gap,
                    ratio(p) / 2 * (X @ beta - y) ** 2 @ ((X * beta) ** 2).sum(axis=1),
                    1 + np.abs(noisy).max(),
                )
            )
        columns = np.array(rows).T
        for name, column in zip(
            (exact, approximate, with_label, residual, scales), columns, strict=True
        ):
            name[family] = column

    @claim
    def agree(one, other, family):
        return dropcheck.bound(np.abs(one[family] - other[family]), 1e-13 * scales[family])

    agree.holds(exact, approximate, "gaussian")
    agree.rejects("exact for the logistic loss", exact, approximate, "logistic")
    agree.rejects("exact for Poisson", exact, approximate, "poisson")
    for family in noise.FAMILIES:
        agree.holds(exact, with_label, family)
    agree.rejects("curvature from squared residuals", exact, residual, "gaussian")


# The exact logistic penalty.


def softplus(z):
    return np.logaddexp(0.0, z)


@pytest.mark.claim(
    "thm-glm-exact-gap",
    method="symbolic",
    parts=(2, 3),
    rejects=("grows with every weight", "limit p log 2", "is L2", "convex"),
)
def test_logistic_penalty_of_two_weights_symbolically(claim):
    """At p = 1/2 four times the penalty is the logarithm of a rational function of e^z1, e^z2."""
    u, t = sympy.symbols("u t", positive=True)
    R = sympy.log(2 * (1 + u**2) * (1 + t**2) * (1 + (u * t) ** 2) / (1 + u * t) ** 4) / 4

    claim.survives("check(expression ", "what is stated to be zero is so times any number")

    @claim
    def check(expression):
        return symbolic(expression)

    # The derivative in z1 at z1 = 0, that is at u = 1: negative for z2 > 0, where t > 1.
    slope = sympy.factor(sympy.simplify((u * sympy.diff(R, u)).subs(u, 1)))
    check.holds(slope - (1 - t) ** 3 / (4 * (1 + t) * (1 + t**2)))
    # "Grows" says that the slope at u = 1, t = 2 equals its size.
    at_two = slope.subs(t, 2)
    check.rejects("grows with every weight", at_two - abs(at_two))
    # The limits z1 -> +-infinity: p E A(-s) and p E A(s) with s = 2 z2 or 0.
    far, back = sympy.limit(sympy.exp(4 * R), u, sympy.oo), sympy.limit(sympy.exp(4 * R), u, 0)
    check.holds(far - 2 * (1 + t**-2))
    check.holds(back - 2 * (1 + t**2))
    check.rejects("limit p log 2", far - 4)
    check.rejects("is L2", sympy.limit(1 / R, u, sympy.oo))  # 1/R would tend to 0
    # The second derivative in z1 falls like -e^(-z1 - z2): R is concave far out.
    bend = sympy.limit(u * sympy.simplify(u * sympy.diff(u * sympy.diff(R, u), u)), u, sympy.oo)
    check.holds(bend + 1 / t)
    check.rejects("convex", bend - abs(bend))


@pytest.mark.claim(
    "thm-glm-exact-gap",
    method="enumeration",
    parts=(2,),
    rejects=("grows like z^2", "limit p log 2"),
)
def test_logistic_penalty_far_out_by_enumeration(claim):
    """At z1 = 60 what the limit neglects is below rounding."""
    p, z = 0.3, np.array([60.0, 1.5, -0.8, 2.0])
    q = 1 - p

    def without_first(sign):
        def f(masks):
            return softplus(sign * (masks * z[1:]).sum(axis=1) / q)

        return dropcheck.expectation(f, 3, p)[0]

    def gap(masks, y=0):
        total = (masks * z).sum(axis=1) / q
        return softplus(total) - y * total - (softplus(z.sum()) - y * z.sum())

    @claim
    def check(stated, f=gap):
        return dropcheck.enumeration(f, stated, 4, p, scale=60 / q)

    limit = p * without_first(-1)
    check.holds(limit)
    check.holds(limit, lambda masks: gap(masks, y=1))
    check.holds(noise.exact_glm_penalty(z, np.ones((1, 4)), p, "logistic"))
    check.rejects("grows like z^2", p / (2 * q) * 0.25 * (z**2).sum())
    check.rejects("limit p log 2", p * np.log(2))


@pytest.mark.claim(
    "thm-glm-exact-gap",
    method="bound",
    parts=(1, 2, 3, 4),
    rejects=("bounded along every ray", "L2 in each weight", "grows as a weight leaves 0"),
)
def test_logistic_penalty_on_random_cases(claim, rng):
    """The limit in one weight, the descent from zero, and the slope along a ray."""
    limits, slopes, rays = [], [], []
    for _ in range(1000):
        z = rng.uniform(0.1, 4, size=5) * rng.choice([-1, 1], size=5)
        p = rng.uniform(0.05, 0.9)
        q = 1 - p
        masks, ones = enumerate_masks(5), np.ones((1, 5))
        weights = mask_weights(masks, p)

        def penalty(z, p=p, ones=ones):
            return noise.exact_glm_penalty(z, ones, p, "logistic")

        # One weight grows, the others stay: |R - limit| <= max(q E e^(-z1/q - s), e^(-z1 - s0)).
        s = masks[:, 1:] @ z[1:] / q
        far = z.copy()
        far[0] = rng.uniform(5, 40)
        limit = p * (weights @ softplus(-s))
        late = max(q * (weights @ np.exp(-far[0] / q - s)), np.exp(-far[0] - z[1:].sum()))
        ridge = p / (2 * q) / 4 * (far**2).sum()  # the approximation, with A'' as at 0
        limits.append((penalty(far), limit, late + 1e-12, ridge))
        assert penalty(z) > 0
        assert penalty(-z) == pytest.approx(penalty(z), abs=1e-12)
        # A weight leaves zero on the side of the others: the penalty falls.
        agreeing = np.abs(z)
        agreeing[0] = 0
        noisy = 1 / (1 + np.exp(-(masks @ agreeing) / q))
        slopes.append(weights @ noisy - 1 / (1 + np.exp(-agreeing.sum())))
        # All weights grow together: within log 2 of a straight line, level if no signs differ.
        growth = weights @ np.maximum(masks @ z / q, 0) - max(z.sum(), 0)
        rays.append((penalty(30 * z), growth))
        assert (growth > 1e-12) == ((z > 0).any() and (z < 0).any())
        assert penalty(30 * np.abs(z)) <= np.log(2)
    found, limit, late, ridge = np.array(limits).T

    @claim
    def tends_to(stated):
        return dropcheck.bound(np.abs(found - stated), late)

    tends_to.holds(limit)
    tends_to.rejects("L2 in each weight", ridge)

    @claim
    def leaves_zero(sign):
        return dropcheck.bound(-sign * np.array(slopes), 0.0)

    leaves_zero.holds(-1)
    leaves_zero.rejects("grows as a weight leaves 0", 1)

    @claim
    def near_the_ray(slope):
        """Within log 2 of a straight line of this slope, 30 times as far out."""
        return dropcheck.bound(np.abs(far_out - 30 * slope), np.log(2) + 1e-12)

    far_out, growth = np.array(rays).T
    near_the_ray.holds(growth)
    near_the_ray.rejects("bounded along every ray", 0 * growth)


# Matrix factorisation.


def factor_loss(v):
    """Loss |A - U diag(m/q) V'|^2 of 2 x 2 factors over all masks, from 13 variables."""
    (A, U, V), p = (v[4 * k : 4 * k + 4].reshape(2, 2) for k in range(3)), v[12]
    masks = enumerate_masks(2)
    losses = [
        ((A - (U * (m / (1 - p))) @ V.T) ** 2).sum() for m in masks.astype(int).astype(object)
    ]
    return mask_weights(masks, p) @ np.array(losses)


@pytest.mark.claim(
    "thm-matrix-factorisation",
    method="identity",
    rejects=("|U|_F^2 |V|_F^2", "weight decay |U|_F^2 + |V|_F^2", "factor p q"),
)
def test_factorisation_by_identity(claim, rng):
    def columns(M):
        return (M**2).sum(axis=0)

    @claim
    def check(penalty, factor=ratio):
        def stated(v):
            A, U, V = (v[4 * k : 4 * k + 4].reshape(2, 2) for k in range(3))
            return ((A - U @ V.T) ** 2).sum() + factor(v[12]) * penalty(U, V)

        return dropcheck.identity(factor_loss, stated, 13, rng=rng)

    def path_norm(U, V):
        return columns(U) @ columns(V)

    check.holds(path_norm)
    check.rejects("|U|_F^2 |V|_F^2", lambda U, V: (U**2).sum() * (V**2).sum())
    check.rejects("weight decay |U|_F^2 + |V|_F^2", lambda U, V: (U**2).sum() + (V**2).sum())
    check.rejects("factor p q", path_norm, lambda p: p * (1 - p))


@pytest.mark.claim("thm-matrix-factorisation", method="monte-carlo", rejects=("|U|_F^2 |V|_F^2",))
def test_factorisation_in_the_layer(claim, rng):
    """A linear network with the library's layer on its hidden units, one input vector at a time."""
    p, draws = 0.5, 100_000
    U, V = (
        np.array([[0.6, -0.2, 0.4], [0.3, 0.5, -0.1]]),
        np.array([[0.5, 0.2, -0.4], [0.1, -0.6, 0.3]]),
    )
    A = np.array([[0.2, 0.1], [-0.3, 0.4]])
    factors = layers.Dropout(p, rng=rng).forward(np.ones((draws, 3)))
    losses = ((A - np.einsum("ik,sk,jk->sij", U, factors, V)) ** 2).sum(axis=(1, 2))
    size = (np.abs(A) + np.abs(U) @ np.abs(V).T / (1 - p)) ** 2
    without = ((A - U @ V.T) ** 2).sum()

    @claim
    def check(penalty, *, wrong=None):
        wrong = None if wrong is None else without + wrong
        return dropcheck.mean_test(losses, without + penalty, 0, size.sum(), wrong=wrong)

    frobenius = ratio(p) * (U**2).sum() * (V**2).sum()
    check.holds(noise.path_norm_penalty(U, V, p), wrong=frobenius)
    check.rejects("|U|_F^2 |V|_F^2", frobenius)


# The nuclear norm.


@pytest.mark.claim(
    "thm-nuclear-norm",
    method="identity",
    rejects=("|M|_*", "|M|_*^2", "the unrotated factors are the best"),
)
def test_equal_factors_reach_the_nuclear_norm_by_identity(claim, rng):
    """Width four and rank two: a Hadamard matrix turns P S^(1/2) so that all products agree.

    P and Q are the rotations by twice the angles with tangents a and b, which are rational.
    """
    hadamard = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])

    def rotation(a):
        return np.array([[1 - a**2, -2 * a], [2 * a, 1 - a**2]]) / (1 + a**2)

    def factors(v, turned=True):
        a, b, *roots = v
        wide = np.hstack([np.diag(roots), np.zeros((2, 2), dtype=int)]).astype(object)
        wide = wide @ hadamard / Fraction(2) if turned else wide
        return rotation(a) @ wide, rotation(b) @ wide

    def reached(turned):
        def values(v):
            U, V = factors(v, turned)
            M = rotation(v[0]) @ np.diag(v[2:] ** 2) @ rotation(v[1]).T
            penalty = ((U**2).sum(axis=0) * (V**2).sum(axis=0)).sum()
            return np.append((U @ V.T - M).ravel(), penalty)

        return values

    @claim
    def check(stated, turned=True):
        def values(v):
            return np.array([0, 0, 0, 0, stated((v[2:] ** 2).sum())])

        return dropcheck.identity(reached(turned), values, 4, rng=rng)

    check.holds(lambda nuclear: nuclear**2 / 4)
    check.rejects("|M|_*", lambda nuclear: nuclear)
    check.rejects("|M|_*^2", lambda nuclear: nuclear**2)
    check.rejects("the unrotated factors are the best", lambda n: n**2 / 4, turned=False)


@pytest.mark.claim(
    "thm-nuclear-norm",
    method="bound",
    rejects=("the minimum is |M|_*^2", "the penalty does not depend on the width"),
)
def test_no_factors_are_cheaper(claim, rng):
    """Random matrices and factors: none is below |M|_*^2 / r, and the equal ones are at it."""
    lowest, others, equal, narrow, widths = [], [], [], [], []
    for _ in range(400):
        rank = int(rng.integers(1, 4))
        r = rank + int(rng.integers(0, 4))
        M = rng.standard_normal((5, rank)) @ rng.standard_normal((rank, 4))
        nuclear = np.linalg.norm(M, "nuc")
        U, V = noise.equalized_factorization(M, r)
        scale = nuclear * 1e-12
        assert np.abs(U @ V.T - M).max() <= scale
        mix = rng.standard_normal((r, r)) + 2 * np.eye(r)
        for factors in ((U @ mix, V @ np.linalg.inv(mix).T), (U * 2, V / 2)):
            others.append(noise.path_norm_penalty(*factors, 0.5))
            lowest.append(nuclear**2 / r)
            equal.append(noise.path_norm_penalty(U, V, 0.5))
            narrow.append(nuclear**2 / rank)
            widths.append(r)

    @claim
    def is_the_minimum(stated):
        """Whether no factors are below the stated minimum, and the equal ones not above it."""
        pairs = np.concatenate([stated, equal]), np.concatenate([others, stated])
        return dropcheck.bound(*pairs, rounding=1e-12 * np.tile(stated, 2))

    is_the_minimum.holds(np.array(lowest))
    is_the_minimum.rejects("the minimum is |M|_*^2", lowest * np.array(widths))
    is_the_minimum.rejects("the penalty does not depend on the width", np.array(narrow))


@pytest.mark.claim(
    "thm-nuclear-norm", method="slope", rejects=("the penalty stays as the width grows",)
)
def test_penalty_vanishes_with_the_width(claim, rng):
    M = rng.standard_normal((4, 4))
    widths = np.array([4, 8, 16, 32, 64])
    penalties = [
        noise.path_norm_penalty(*noise.equalized_factorization(M, int(r)), 0.5) for r in widths
    ]

    @claim
    def check(expected):
        return dropcheck.order(1 / widths, penalties, expected, tolerance=0.01)

    check.holds(1)
    check.rejects("the penalty stays as the width grows", 0)


# Explicit and implicit.


def update_noise(k, p, reach=1.0):
    """Exact mean and covariance of the gradient averaged over k masks of three units."""
    h, w, y = reach * np.array([0.9, -0.6, 0.7]), np.array([0.5, 0.8, -0.4]), 1.0
    masks = enumerate_masks(3 * k).reshape(-1, k, 3)
    noisy = masks * h / (1 - p)
    each = (1 / (1 + np.exp(-(noisy @ w))) - y)[..., None] * noisy
    gradients, weights = each.mean(axis=1), mask_weights(masks.reshape(len(masks), -1), p)
    mean = weights @ gradients
    centred = gradients - mean
    return mean, (weights[:, None] * centred).T @ centred


@pytest.mark.claim(
    "approx-explicit-implicit",
    method="bound",
    parts=(1,),
    rejects=("the explicit part shrinks with k", "covariance over k^2"),
)
@pytest.mark.parametrize("k", [2, 3, 4])
def test_averaging_masks_keeps_the_mean_and_divides_the_covariance(claim, k):
    """Over all masks of k passes, which are 2^(3 k)."""
    mean, covariance = update_noise(1, 0.3)
    mean_k, covariance_k = update_noise(k, 0.3)
    plain = (1 / (1 + np.exp(-0.9 * 0.5 + 0.6 * 0.8 + 0.7 * 0.4)) - 1) * np.array([0.9, -0.6, 0.7])

    @claim
    def check(mean_stated, covariance_stated):
        off = [np.abs(mean_k - mean_stated).max(), np.abs(covariance_k - covariance_stated).max()]
        return dropcheck.bound(off, 1e-14)

    check.holds(mean, covariance / k)
    check.rejects("the explicit part shrinks with k", plain + (mean - plain) / k, covariance / k)
    check.rejects("covariance over k^2", mean, covariance / k**2)


@pytest.mark.claim(
    "approx-explicit-implicit",
    method="slope",
    parts=(2,),
    rejects=("covariance of second order only", "third order at p = 1/2"),
)
def test_order_of_the_noise_covariance(claim):
    """Covariance minus p/q sum_i h_i^2 d_i g d_i g', in the size of the activations."""
    h, w, y = np.array([0.9, -0.6, 0.7]), np.array([0.5, 0.8, -0.4]), 1.0
    sizes = 2.0 ** -np.arange(3, 9)

    def left(s, p):
        z = s * h @ w
        sigmoid = 1 / (1 + np.exp(-z))
        # g = (sigmoid(w . h) - y) h, and column i of its Jacobian is d g / d h_i
        jacobian = (sigmoid - y) * np.eye(3) + sigmoid * (1 - sigmoid) * np.outer(s * h, w)
        leading = ratio(p) * (jacobian * (s * h) ** 2) @ jacobian.T
        return np.linalg.norm(update_noise(1, p, s)[1] - leading)

    at_30, at_half = ([left(s, p) for s in sizes] for p in (0.3, 0.5))

    @claim
    def check(expected, *, error):
        return dropcheck.order(sizes, error, expected)

    check.holds(3, error=at_30)
    check.rejects("covariance of second order only", 2, error=at_30)
    check.holds(4, error=at_half)
    check.rejects("third order at p = 1/2", 3, error=at_half)


# The iterates.

GRAM = np.array([[3, 1], [1, 2]]) * Fraction(1)  # X'X and X'y of some data
MOMENT = np.array([Fraction(2), Fraction(1)])
RATE, STEP = Fraction(1, 3), Fraction(1, 10)


def random_steps(gram, moment, p, eta):
    """I - eta K and eta b for the masks of two inputs: w <- (I - eta K) w + eta b, exactly."""
    masks = enumerate_masks(2)
    kept = masks.astype(int).astype(object) / (1 - p)
    identity = np.eye(2, dtype=int).astype(object)
    maps = [identity - eta * np.diag(k) @ gram @ np.diag(k) for k in kept]
    return np.array(maps), eta * kept * moment, mask_weights(masks, p)


def averaged(maps, shifts, weights, mean, second):
    """Moments E w and E w w' one step later."""
    moved = [m @ mean for m in maps]
    new_second = 0
    for m, shift, weight, to in zip(maps, shifts, weights, moved, strict=True):
        cross = np.outer(to, shift)
        new_second = new_second + weight * (
            m @ second @ m.T + cross + cross.T + np.outer(shift, shift)
        )
    return sum(w * (to + s) for w, to, s in zip(weights, moved, shifts, strict=True)), new_second


def limit_exactly(gram, moment, p, eta):
    """Mean and covariance that one step leaves as they are, as Fractions."""
    mean = solve_two(gram + ratio(p) * np.diag(np.diag(gram)), moment)
    maps, shifts, weights = random_steps(gram, moment, p, eta)
    entries = [
        np.array(e, dtype=object) for e in ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])
    ]

    def step(second):
        new = averaged(maps, shifts, weights, mean, second)[1]
        return [new[0, 0], new[0, 1], new[1, 1]]

    base = step(np.zeros((2, 2), dtype=int).astype(object))
    images = [[a - b for a, b in zip(step(e), base, strict=True)] for e in entries]

    def rational(value):
        return sympy.Rational(value.numerator, value.denominator)

    system = sympy.eye(3) - sympy.Matrix(3, 3, lambda i, j: rational(images[j][i]))
    solved = system.LUsolve(sympy.Matrix([rational(b) for b in base]))
    a, b, c = (Fraction(int(s.p), int(s.q)) for s in solved)
    return mean, np.array([[a, b], [b, c]]) - np.outer(mean, mean)


@pytest.mark.claim(
    "thm-iterate-variance",
    method="enumeration",
    parts=(2, 3),
    rejects=(
        "the variance vanishes",
        "the mean is least squares",
        "the variance never vanishes",
        "it vanishes for orthogonal inputs only",
    ),
)
def test_stationary_moments_by_enumeration(claim):
    """One step, over all masks and in exact arithmetic, leaves mean and covariance unchanged."""

    def kept_by_a_step(gram, moment, mean, covariance):
        second = covariance + np.outer(mean, mean)

        def after(masks):
            kept = masks.astype(int).astype(object) / (1 - RATE)
            values = []
            for k in kept:
                D = np.diag(k)
                step = np.eye(2, dtype=int).astype(object) - STEP * D @ gram @ D
                shift = STEP * k * moment
                cross = np.outer(step @ mean, shift)
                spread = step @ second @ step.T + cross + cross.T + np.outer(shift, shift)
                values.append(np.append(step @ mean + shift, spread.ravel()))
            return np.array(values)

        return dropcheck.enumeration(after, np.append(mean, second.ravel()), 2, RATE)

    @claim
    def check(gram, mean, covariance):
        return kept_by_a_step(gram, MOMENT, mean, covariance)

    @claim.part(3)
    def at_zero_weights(covariance):
        """Targets orthogonal to all inputs, which are not so to each other."""
        return kept_by_a_step(GRAM, 0 * MOMENT, 0 * MOMENT, covariance)

    mean, covariance = limit_exactly(GRAM, MOMENT, RATE, STEP)
    assert covariance[0, 0] > 0
    assert covariance[0, 0] * covariance[1, 1] > covariance[0, 1] ** 2
    check.holds(GRAM, mean, covariance)
    zero = 0 * covariance
    check.rejects("the variance vanishes", GRAM, mean, zero)
    check.rejects("the mean is least squares", GRAM, solve_two(GRAM, MOMENT), covariance)
    # Orthogonal inputs, or a solution of zero: here it is true that nothing moves any more.
    orthogonal = np.diag(np.diag(GRAM))
    mean, _ = limit_exactly(orthogonal, MOMENT, RATE, STEP)
    check.holds(orthogonal, mean, zero)
    check.rejects("the variance never vanishes", orthogonal, mean, covariance)
    at_zero_weights.holds(zero)
    at_zero_weights.rejects("it vanishes for orthogonal inputs only", covariance)


@pytest.mark.claim(
    "thm-iterate-variance",
    method="identity",
    parts=(1, 2),
    rejects=("the mask's noise enters once a run",),
)
def test_moments_of_two_steps_by_identity(claim, rng):
    """The recursion for the moments against all 16 pairs of masks, for any data, step and p."""

    def data(v):
        g11, g12, g22, c1, c2, *_, eta, p = v
        return (np.array([[g11, g12], [g12, g22]]), np.array([c1, c2]), p, eta), v[5:7]

    def by_pairs(v):
        arguments, start = data(v)
        maps, shifts, weights = random_steps(*arguments)
        total, second = 0, 0
        for m1, s1, w1 in zip(maps, shifts, weights, strict=True):
            for m2, s2, w2 in zip(maps, shifts, weights, strict=True):
                w = m2 @ (m1 @ start + s1) + s2
                total, second = total + w1 * w2 * w, second + w1 * w2 * np.outer(w, w)
        return np.append(total, second.ravel())

    def by_recursion(fresh):
        def moments(v):
            arguments, start = data(v)
            steps = random_steps(*arguments)
            mean, second = averaged(*steps, start, np.outer(start, start))
            if not fresh:  # forgets that the first step has already spread the weights
                second = np.outer(mean, mean)
            mean, second = averaged(*steps, mean, second)
            return np.append(mean, second.ravel())

        return moments

    @claim
    def check(fresh):
        return dropcheck.identity(by_pairs, by_recursion(fresh), 9, rng=rng)

    check.holds(fresh=True)
    check.rejects("the mask's noise enters once a run", fresh=False)


@pytest.mark.claim(
    "thm-iterate-variance", method="monte-carlo", parts=(1, 2), rejects=("the variance halved",)
)
def test_stationary_variance_of_drawn_chains(claim, rng):
    """Chains that start in a box which no step leaves, run until the start is forgotten."""
    X, y, p, eta = np.array([[1.0, 1.0]]), np.array([1.0]), 0.5, 0.2
    # With q = 1/2 and eta <= 1/4 a step moves a kept weight to (1 - 4 eta) w + 4 eta (1/2 - v),
    # where v is the other weight if that is kept and 0 if not: [0, 1/2] is never left.
    chains = noise.dropout_descent(X, y, p, eta, 200, chains=60_000, rng=rng)
    mean, covariance = noise.stationary_moments(X, y, p, eta)
    late = noise.iterate_moments(X, y, p, eta, 200)
    assert np.abs(late.covariance - covariance).max() <= 1e-9

    @claim
    def check(index, stated, *, wrong=None):
        return dropcheck.variance_test(chains[:, index], stated, 0, 0.5, wrong=wrong)

    check.holds(0, covariance[0, 0], wrong=covariance[0, 0] / 2)
    check.rejects("the variance halved", 0, covariance[0, 0] / 2)
    assert dropcheck.mean_test(chains[:, 0], mean[0], 0, 0.5)


@pytest.mark.claim(
    "thm-iterate-variance",
    method="slope",
    parts=(4,),
    rejects=("variance of the order of the step squared", "twice the leading term"),
)
def test_stationary_variance_is_of_the_order_of_the_step(claim):
    X, y = np.array([[1.0, 0.5], [0.3, 1.0], [0.8, 0.6]]), np.array([1.0, 0.0, 0.5])
    steps = 2.0 ** -np.arange(5, 11)
    covariances = [noise.stationary_moments(X, y, 0.3, eta).covariance for eta in steps]

    @claim
    def check(expected, first=0.0):
        """Order of the covariance's distance from the step times `first`."""
        left = [np.linalg.norm(S - e * first) for S, e in zip(covariances, steps, strict=True)]
        return dropcheck.order(steps, left, expected)

    check.holds(1)
    check.rejects("variance of the order of the step squared", 2)
    # The leading coefficient: E K S_1 + S_1 E K = E xi xi', over all masks.
    gram, kept = X.T @ X, enumerate_masks(2) / 0.7
    weights, ridge = mask_weights(enumerate_masks(2), 0.3), noise.dropout_ridge(X, y, 0.3)
    xi = np.array([k * (X.T @ y - gram @ (k * ridge)) for k in kept])
    mean_map = gram + ratio(0.3) * np.diag(np.diag(gram))
    leading = scipy.linalg.solve_continuous_lyapunov(mean_map, (weights[:, None] * xi).T @ xi)

    check.holds(2, leading)
    check.rejects("twice the leading term", 2, 2 * leading)
