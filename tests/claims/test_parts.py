"""Parts of statements that the tests of their chapters do not reach, each with its wrong forms."""

from fractions import Fraction
from itertools import combinations_with_replacement

import numpy as np
import pytest
import sympy

import dropcheck
from book import ensemble, noise
from book.bayesian import linear_posterior, model_weight_decay
from dropoutlib import layers
from dropoutlib.masks import enumerate_masks, mask_weights


def report(passed, method):
    """Report of a check that rounds nothing."""
    return dropcheck.Report(passed=bool(passed), method=method, rounding=0.0)


# Formulation.


@pytest.mark.claim(
    "thm-conventions-agree",
    method="enumeration",
    parts=(1,),
    rejects=("W_inv = W_std", "W_inv = W_std / q"),
)
def test_conventions_compute_the_same_function(claim, rng):
    """With the library's two layers, at q = 1/2, on every mask that they may draw, and without."""
    p = 0.5
    x, W = rng.integers(1, 9, size=(1, 3)), rng.integers(1, 9, size=(3, 2))
    drawn = np.repeat(x.astype(float), 400, axis=0)

    @claim
    def check(W_inv):
        outputs = []
        for layer, weights in ((layers.StandardDropout, W), (layers.Dropout, W_inv)):
            behind = layer(p, rng=7)
            masked = behind.forward(drawn)
            assert len(np.unique(masked != 0, axis=0)) == 8  # all masks were drawn
            outputs.append((masked @ weights, behind.eval().forward(1.0 * x) @ weights))
        (trained, used), (trained_inv, used_inv) = outputs
        same = np.array_equal(trained, trained_inv) and np.array_equal(used, used_inv)
        return report(same, "enumeration")

    check.holds(W / 2)
    check.rejects("W_inv = W_std", W)
    check.rejects("W_inv = W_std / q", 2 * W)


@pytest.mark.claim(
    "thm-conventions-agree", method="identity", parts=(2,), rejects=("the rate does not matter",)
)
def test_no_other_rate_agrees(claim, rng):
    """After a step with any rate e the weights are apart by (e - q^2 eta) v, whatever v is."""

    def apart(v):
        W, buffer, x, target, eta, mu, e, p = v[:2], v[2:4], v[4:6], v[6], *v[7:]
        q = 1 - p
        found = []
        for mask in enumerate_masks(2).astype(int):
            step = mu * buffer + (W @ (x * mask) - target) * x * mask
            step_inv = mu * buffer / q + (q * W @ (x * mask / q) - target) * x * mask / q
            found.append(q * (W - eta * step) - (q * W - e * step_inv))
        return np.array(found)

    @claim
    def check(factor):
        def stated(v):
            W, buffer, x, target, eta, mu, e, p = v[:2], v[2:4], v[4:6], v[6], *v[7:]
            steps = [
                mu * buffer + (W @ (x * mask) - target) * x * mask
                for mask in enumerate_masks(2).astype(int)
            ]
            return factor(e, eta, 1 - p) * np.array(steps)

        return dropcheck.identity(apart, stated, 11, rng=rng)

    check.holds(lambda e, eta, q: (e - q**2 * eta) / q)
    check.rejects("the rate does not matter", lambda e, eta, q: 0)


@pytest.mark.claim(
    "thm-conventions-agree", method="symbolic", parts=(3,), rejects=("the same epsilon will do",)
)
def test_no_other_rate_and_epsilon_agree_for_adam(claim):
    """The steps q eta m q / (q r + eps) and e m / (r + eps_inv) agree for every root r > 0."""
    q, eta, eps, r = sympy.symbols("q eta epsilon r", positive=True)
    e, eps_inv = sympy.symbols("e epsilon_inv")
    difference = sympy.expand(q**2 * eta * (r + eps_inv) - e * (q * r + eps))
    solved = sympy.solve(sympy.Poly(difference, r).coeffs(), [e, eps_inv], dict=True)

    @claim
    def check(rate, epsilon):
        return report(solved == [{e: rate, eps_inv: epsilon}], "symbolic")

    check.holds(q * eta, eps / q)
    check.rejects("the same epsilon will do", q * eta, eps)


# Ensemble.


@pytest.mark.claim(
    "approx-mc-rate", method="identity", parts=(2,), rejects=("threshold v over the error",)
)
def test_where_averaging_wins(claim, rng):
    """v/T less the squared error (f_q - mean)^2, for any two members: zero at the stated T."""

    @claim
    def check(threshold):
        def left(v):
            f, scaled, weights = v[:2], v[2], np.array([v[3], 1 - v[3]])
            mean = weights @ f
            variance = weights @ f**2 - mean**2
            return variance / threshold(variance, scaled - mean) - (scaled - mean) ** 2

        return dropcheck.identity(left, lambda v: 0, 4, rng=rng)

    check.holds(lambda variance, error: variance / error**2)
    check.rejects("threshold v over the error", lambda variance, error: variance / error)


@pytest.mark.claim(
    "approx-mc-rate", method="bound", parts=(2,), rejects=("five passes are enough", "six are not")
)
def test_exact_errors_cross_at_the_threshold(claim):
    """A network whose threshold lies between five passes and six, over all tuples of masks."""
    p = 0.5

    def members(masks):
        return np.maximum(masks @ np.array([2.0, -1.4]), 0)

    mean, variance = (
        m(members, 2, p).item() for m in (ensemble.arithmetic_mean, ensemble.variance)
    )
    error = abs(mean - 0.3)
    assert 5 < variance / error**2 < 6

    def rms(passes):
        def squared(masks):
            each = members(masks.reshape(-1, 2)).reshape(len(masks), passes)
            return (each.mean(axis=1) - mean) ** 2

        return dropcheck.expectation(squared, 2 * passes, p)[0] ** 0.5

    passes = np.arange(1, 9)
    errors = np.array([rms(int(t)) for t in passes])

    @claim
    def is_below_from(threshold):
        """Whether the averages are worse up to the threshold, and better behind it."""
        below = passes > threshold
        return dropcheck.bound(
            np.append(errors[below], np.full((~below).sum(), error)),
            np.append(np.full(below.sum(), error), errors[~below]),
        )

    is_below_from.holds(variance / error**2)
    is_below_from.rejects("five passes are enough", variance / error**2 - 1)
    is_below_from.rejects("six are not", variance / error**2 + 1)


@pytest.mark.claim(
    "thm-enumeration-cost", method="enumeration", parts=(2,), rejects=("two additions will do",)
)
def test_doubling_is_optimal_for_two_inputs(claim):
    """Every program of additions and subtractions of b, u and v, as coefficient vectors."""
    given = frozenset({(1, 0, 0), (0, 1, 0), (0, 0, 1)})
    wanted = {(1, 1, 0), (1, 0, 1), (1, 1, 1)}  # beside b itself

    def extended(known):
        for a, b in combinations_with_replacement(sorted(known), 2):
            for sign in (1, -1):
                yield known | {tuple(x + sign * y for x, y in zip(a, b, strict=True))}
            yield known | {tuple(y - x for x, y in zip(a, b, strict=True))}

    level, least = {given}, 0
    while not any(wanted <= known for known in level):
        level = {more for known in level for more in extended(known)}
        least += 1

    @claim
    def fewest(additions):
        """Whether so many additions give all sums, and one fewer does not."""
        return report(least == additions, "enumeration")

    fewest.holds(3)
    fewest.rejects("two additions will do", 2)


# Bayesian.


@pytest.mark.claim(
    "thm-variance-does-not-shrink",
    method="slope",
    parts=(1, 2, 3),
    rejects=("the limit is least squares", "the variance tends to 0", "the limit without tau"),
)
def test_limits_with_weight_decay(claim, rng):
    """Repeated data and the lambda of the model, which is of order 1/N: all distances halve."""
    p, tau, length, x = 0.3, 4.0, 1.5, np.array([1.0, -0.5])
    X = np.array([[1.0, 0.5], [0.3, -1.0], [0.8, 0.6], [-0.4, 1.2]])
    y = np.array([1.0, -0.6, 0.9, 0.2]) + 0.1 * rng.uniform(size=4)
    S, s = X.T @ X / 4, X.T @ y / 4
    noisy = S + p / (1 - p) * np.diag(np.diag(S))
    copies = 2 ** np.arange(6, 13)

    def trained(N):
        decay = model_weight_decay(p, length, N, tau)
        return np.linalg.solve(noisy + 2 * decay * np.eye(2), s)

    weights = np.array([trained(4 * k) for k in copies])
    variances = p / (1 - p) * ((weights * x) ** 2).sum(axis=1)
    exact = [
        4 * k * linear_posterior(k**0.5 * X, k**0.5 * y, tau, length).predict(x[None])[1][0]
        for k in copies
    ]

    @claim.part(2)
    def weights_tend_to(limit):
        return dropcheck.order(1 / copies, np.linalg.norm(weights - limit, axis=1), 1)

    limit = np.linalg.solve(noisy, s)
    weights_tend_to.holds(limit)
    weights_tend_to.rejects("the limit is least squares", np.linalg.solve(S, s))

    @claim.part(1)
    def variance_tends_to(limit):
        return dropcheck.order(1 / copies, np.abs(variances - limit), 1)

    variance_tends_to.holds(p / (1 - p) * ((limit * x) ** 2).sum())
    variance_tends_to.rejects("the variance tends to 0", 0.0)

    @claim.part(3)
    def posterior_tends_to(limit):
        return dropcheck.order(1 / copies, np.abs(np.array(exact) - limit), 1)

    posterior_tends_to.holds(x @ np.linalg.solve(S, x) / tau)
    posterior_tends_to.rejects("the limit without tau", x @ np.linalg.solve(S, x))


@pytest.mark.claim(
    "thm-shared-mask",
    method="enumeration",
    parts=(1,),
    rejects=("the laws of two inputs together agree",),
)
def test_one_input_does_not_tell_a_function_from_rows(claim):
    """P(f = v) for each value v of a ReLU net with four masks, and P(both = v) at two inputs."""
    p = Fraction(2, 5)

    def f(masks, x):
        return masks @ np.array([1, 2]) * x

    @claim
    def same_law(both):
        def events(shared):
            def values(masks):
                own = (masks, masks) if shared else (masks[:, :2], masks[:, 2:])
                left, right = (f(m, x) for m, x in zip(own, (1, 3), strict=True))
                pairs = [(a, 3 * b) for a in range(4) for b in range(4)]
                if both:
                    return np.stack([(left == a) & (right == b) for a, b in pairs], axis=1)
                return np.stack([right == 3 * b for b in range(4)], axis=1)

            return values

        shared, _ = dropcheck.expectation(events(True), 2, p)
        return dropcheck.enumeration(events(False), shared, 4, p)

    same_law.holds(False)
    same_law.rejects("the laws of two inputs together agree", True)


# Noise.


@pytest.mark.claim(
    "thm-gaussian-match",
    method="identity",
    parts=(3,),
    rejects=("they differ by a^4 p (1 - 6 p q)/q^2", "they agree"),
)
def test_fourth_powers_differ_as_stated(claim, rng):
    def difference(v):
        a, p = v
        bernoulli = p * a**4 + (1 - p) * (a - a / (1 - p)) ** 4
        return bernoulli - 3 * (p / (1 - p)) ** 2 * a**4

    @claim
    def check(stated):
        return dropcheck.identity(difference, lambda v: stated(*v), 2, rng=rng)

    check.holds(lambda a, p: a**4 * p * (1 - 6 * p * (1 - p)) / (1 - p) ** 3)
    check.rejects(
        "they differ by a^4 p (1 - 6 p q)/q^2",
        lambda a, p: a**4 * p * (1 - 6 * p * (1 - p)) / (1 - p) ** 2,
    )
    check.rejects("they agree", lambda a, p: 0)


@pytest.mark.claim(
    "thm-dropout-ridge", method="identity", parts=(2,), rejects=("the scale is not undone",)
)
def test_dropout_ridge_is_ridge_on_scaled_columns(claim, rng):
    """Columns c (1 - t^2, 2 t) / (1 + t^2), whose norms c are rational."""

    def solved(A, b):
        determinant = A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
        rows = [A[1, 1] * b[0] - A[0, 1] * b[1], A[0, 0] * b[1] - A[1, 0] * b[0]]
        return np.array(rows) / determinant

    def data(v):
        norms, t, y, p = v[:2], v[2:4], v[4:6], v[6]
        unit = np.array([1 - t**2, 2 * t]) / (1 + t**2)
        return norms, unit, y, p / (1 - p)

    def dropout_ridge(v):
        norms, unit, y, ratio = data(v)
        X = unit * norms
        gram = X.T @ X
        return solved(gram + ratio * np.diag(np.diag(gram)), X.T @ y)

    @claim
    def check(undo):
        def ridge(v):
            norms, unit, y, ratio = data(v)
            return undo(solved(unit.T @ unit + ratio * np.eye(2, dtype=int), unit.T @ y), norms)

        return dropcheck.identity(dropout_ridge, ridge, 7, rng=rng)

    check.holds(lambda v, norms: v / norms)
    check.rejects("the scale is not undone", lambda v, norms: v)


@pytest.mark.claim("thm-linear-regression", method="identity", rejects=("the ratio is at most d",))
def test_ratio_of_the_frobenius_form_takes_every_value(claim, rng):
    """One output that reads the first of two inputs: the ratio is 1 + s_2/s_1."""

    def ratio(v):
        W, X = np.array([v[0], 0 * v[0]]), np.diag(v[1:3])
        penalty = ((X**2).sum(axis=0) * W**2).sum()
        return (W**2).sum() * (X**2).sum() / penalty

    @claim
    def check(stated):
        return dropcheck.identity(ratio, stated, 3, rng=rng)

    check.holds(lambda v: 1 + (v[2] / v[1]) ** 2)
    check.rejects("the ratio is at most d", lambda v: 2)


@pytest.mark.claim(
    "approx-glm",
    method="symbolic",
    parts=(3,),
    rejects=("exact for cubic A", "exact for linear A only"),
)
def test_only_quadratic_functions_are_exact(claim):
    """Of the powers z^k, k up to 6, over the masks of two units of any size."""
    a, b, q = sympy.symbols("a b q", positive=True)
    z = sympy.symbols("z")

    def is_exact(k):
        A = z**k
        mean = (
            q**2 * A.subs(z, (a + b) / q)
            + q * (1 - q) * (A.subs(z, a / q) + A.subs(z, b / q))
            + (1 - q) ** 2 * A.subs(z, 0)
        )
        stated = (1 - q) / (2 * q) * A.diff(z, 2).subs(z, a + b) * (a**2 + b**2)
        return sympy.simplify(mean - A.subs(z, a + b) - stated) == 0

    passed = {k for k in range(1, 7) if is_exact(k)}

    @claim
    def check(powers):
        return report(passed == powers, "symbolic")

    check.holds({1, 2})
    check.rejects("exact for cubic A", {1, 2, 3})
    check.rejects("exact for linear A only", {1})


@pytest.mark.claim(
    "thm-glm-exact-gap", method="bound", parts=(2,), rejects=("the penalty alone is convex",)
)
def test_loss_plus_penalty_is_convex(claim, rng):
    """Along chords; the penalty alone lies above one between two far points."""
    z, other, y, p = np.array([40.0, 1.0]), np.array([10.0, 1.0]), 1.0, 0.3
    starts = [z, *(3 * rng.standard_normal((500, 2)))]
    ends = [other, *(3 * rng.standard_normal((500, 2)))]

    def penalty(z):
        return noise.exact_glm_penalty(z, np.ones((1, 2)), p, "logistic")

    def with_loss(z):
        return penalty(z) + np.logaddexp(0, z.sum()) - y * z.sum()

    @claim
    def is_convex(function):
        middle = np.array([function((a + b) / 2) for a, b in zip(starts, ends, strict=True)])
        chord = np.array(
            [(function(a) + function(b)) / 2 for a, b in zip(starts, ends, strict=True)]
        )
        return dropcheck.bound(middle - middle.min(), chord - middle.min(), rounding=1e-12)

    is_convex.holds(with_loss)
    is_convex.rejects("the penalty alone is convex", penalty)


@pytest.mark.claim(
    "thm-nuclear-norm", method="bound", rejects=("any factors of M reach it", "balanced factors do")
)
def test_only_equal_products_reach_the_minimum(claim, rng):
    """The penalty exceeds the minimum by the variance of the products, at least."""
    cases = []
    for _ in range(300):
        r = int(rng.integers(2, 5))
        M = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 3))
        U, V = noise.equalized_factorization(M, r)
        turned = np.linalg.qr(rng.standard_normal((r, r)))[0]
        cases.append((M, U, V, turned, rng.uniform(0.5, 2.0, r)))

    def products(U, V):
        return np.sqrt((U**2).sum(axis=0) * (V**2).sum(axis=0))

    @claim
    def reaches(factors):
        """Whether r sum of squared products is at most |M|_*^2."""
        found, least = [], []
        for M, *case in cases:
            U, V = factors(*case)
            found.append(len(case[3]) * (products(U, V) ** 2).sum())
            least.append(np.linalg.norm(M, "nuc") ** 2)
        return dropcheck.bound(found, np.array(least) * (1 + 1e-12))

    def rescaled(U, V, turned, scale):
        return U * scale, V / scale

    def rotated(U, V, turned, scale):
        return U @ turned, V @ turned

    reaches.holds(lambda U, V, turned, scale: (U, V))
    reaches.holds(rescaled)  # another balance, and the same products
    reaches.rejects("any factors of M reach it", rotated)
    reaches.rejects(
        "balanced factors do", lambda U, V, turned, scale: (2 * U @ turned, V @ turned / 2)
    )
    for M, U, V, turned, _ in cases:
        found = products(U @ turned, V @ turned)
        excess = len(found) * (found**2).sum() - np.linalg.norm(M, "nuc") ** 2
        assert excess >= len(found) ** 2 * found.var() - 1e-9 * found.sum() ** 2


@pytest.mark.claim(
    "thm-nuclear-norm", method="enumeration", rejects=("all factors of equal products do",)
)
def test_equal_products_alone_do_not_reach_the_minimum(claim):
    """Factors of the identity with equal products: 1 and 1, or twice the root of 2."""
    plain, sheared = np.eye(2, dtype=int), np.array([[1, 1], [0, 1]])
    inverse = np.array([[1, -1], [0, 1]])

    @claim
    def costs(least, *, U, V):
        squares = (U**2).sum(axis=0) * (V**2).sum(axis=0)
        assert np.array_equal(U @ V.T, plain)
        assert squares[0] == squares[1]
        return report(squares.sum() == least, "enumeration")

    least = Fraction(2**2, 2)  # the nuclear norm is 2, and the width
    costs.holds(least, U=plain, V=plain)
    costs.rejects("all factors of equal products do", least, U=sheared, V=inverse.T)


@pytest.mark.claim(
    "thm-iterate-variance",
    method="bound",
    parts=(1, 2),
    rejects=("up to the rate of plain descent",),
)
def test_every_start_is_forgotten(claim, rng):
    """The largest eigenvalue of S -> E (I - eta K) S (I - eta K) is below 1.

    So both moments tend to their limits from any start; it bounds the mean's squared as well.
    """
    cases = []
    for _ in range(300):
        X, p = rng.standard_normal((3, 2)), rng.uniform(0.1, 0.8)
        cases.append((X.T @ X, p, rng.uniform(0.05, 0.99)))
    cases.append((np.array([[1.0, 0.99], [0.99, 1.0]]), 0.8, 0.99))

    @claim
    def contracts(largest_rate):
        radii = []
        for gram, p, share in cases:
            eta = share * largest_rate(1 - p) / np.linalg.norm(gram, 2)
            masks = enumerate_masks(2)
            steps = [np.eye(2) - eta * np.outer(m, m) * gram / (1 - p) ** 2 for m in masks]
            both = sum(
                weight * np.kron(step, step)
                for weight, step in zip(mask_weights(masks, p), steps, strict=True)
            )
            radii.append(np.abs(np.linalg.eigvals(both)).max())
        return dropcheck.bound(radii, 1 - 1e-9)

    contracts.holds(lambda q: 2 * q**2)
    contracts.rejects("up to the rate of plain descent", lambda q: 2)


# Gradients.


@pytest.mark.claim(
    "thm-expected-gradient",
    method="identity",
    parts=(3,),
    rejects=("k masks leave 1/k of the difference",),
)
def test_mean_over_two_masks_has_the_same_expectation(claim, rng):
    """One output, two inputs, all 16 pairs of masks."""

    def gradient(w, x, y, mask, p):
        noisy = x * mask / (1 - p)
        return (w @ noisy - y) * noisy

    def of_pairs(v):
        w, x, y, p = v[:2], v[2:4], v[4], v[5]
        masks = enumerate_masks(4)
        means = [(gradient(w, x, y, m[:2], p) + gradient(w, x, y, m[2:], p)) / 2 for m in masks]
        return mask_weights(masks, p) @ np.array(means)

    @claim
    def check(share):
        def stated(v):
            w, x, y, p = v[:2], v[2:4], v[4], v[5]
            return (w @ x - y) * x + share * p / (1 - p) * x**2 * w

        return dropcheck.identity(of_pairs, stated, 6, rng=rng)

    check.holds(1)
    check.rejects("k masks leave 1/k of the difference", Fraction(1, 2))


INVERTED = (layers.Dropout, layers.Dropout1d, layers.Dropout2d, layers.Dropout3d,
            layers.VariationalDropout, layers.DropPath)  # fmt: skip
SHAPES = {
    layers.Dropout1d: (30, 40, 2),
    layers.Dropout2d: (30, 40, 2, 2),
    layers.Dropout3d: (30, 40, 2, 2, 1),
    layers.VariationalDropout: (30, 3, 40),
    layers.DropPath: (1000, 2),
}


@pytest.mark.claim(
    "thm-variant-backwards",
    method="exact-float",
    parts=(1,),
    rejects=("inverted layers multiply by m", "standard ones by m / q", "alpha without b"),
)
def test_forward_column_of_the_layers(claim, rng):
    """At p = 1/2 and on whole numbers every product is exact; the mask is read off the output."""
    p = 0.5

    def drawn(layer, shape=(30, 40)):
        x = rng.integers(1, 100, size=shape).astype(float)
        return x, layer(p, rng=rng).forward(x)

    @claim
    def multiplies(kinds, scale):
        same = True
        for kind in sorted(kinds, key=str):
            x, output = drawn(kind, SHAPES.get(kind, (30, 40)))
            mask = output != 0
            same = same and 0 < mask.mean() < 1 and np.array_equal(output, x * mask * scale)
        return report(same, "exact-float")

    multiplies.holds(INVERTED, 2)
    multiplies.holds((layers.StandardDropout,), 1)
    multiplies.rejects("inverted layers multiply by m", INVERTED, 1)
    multiplies.rejects("standard ones by m / q", (layers.StandardDropout,), 2)

    x, output = drawn(lambda p, rng: layers.DropBlock2d(p, 2, rng=rng), (3, 4, 6, 6))
    for dropped in output:
        assert 0 < np.count_nonzero(dropped) < dropped.size
    share = np.count_nonzero(output) / output.size
    np.testing.assert_allclose(output, x * (output != 0) / share, rtol=1e-15)

    @claim
    def is_affine(with_b):
        """Check a (x m + alpha' (1 - m)) + b, of which the dropped entries are one number."""
        x, output = drawn(layers.AlphaDropout)
        a, b = layers.alpha_affine(p)
        dropped = a * layers.alpha.DROPPED + b
        mask = output != dropped
        stated = a * np.where(mask, x, layers.alpha.DROPPED) + (b if with_b else 0)
        return report(0 < mask.mean() < 1 and np.array_equal(output, stated), "exact-float")

    is_affine.holds(True)
    is_affine.rejects("alpha without b", False)
