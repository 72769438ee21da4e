"""The claims of the chapter Gradients: each holds, and its wrong forms are rejected."""

import copy
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch

import dropcheck
from book import variants
from book.gradients import (
    autograd_bytes,
    expected_gradient,
    gradient_covariance,
    gradient_variance,
    layer_bytes,
    linear_backward,
)
from dropoutlib import layers
from dropoutlib.kernels import scaled_product
from dropoutlib.layers import units
from dropoutlib.masks import PackedMask, enumerate_masks, mask_weights, sample_mask

MASKS = enumerate_masks(3)


def other_mask(mask, rng):
    """A fresh mask that is not the old one."""
    while np.array_equal(fresh := rng.random(mask.shape) < 0.5, mask):
        pass
    return fresh


# One mask, there and back.


def point(v):
    """W of shape (2, 3), x, y, p and a step h from a vector of 13 variables."""
    return v[:6].reshape(2, 3), v[6:9], v[9:11], v[11], v[12]


def differences(v):
    """Central differences of |W x~ - y|^2 / 2 in each entry of W and x, for all masks.

    The loss is quadratic in each entry, so these are its derivatives exactly, whatever h is.
    """
    W, x, y, p, h = point(v)

    def loss(W, x, mask):
        return sum((W @ (x * mask / (1 - p)) - y) ** 2) / 2

    found = []
    for mask in MASKS.astype(int):
        for j in range(9):
            step = np.zeros(9, dtype=object)
            step[j] = h
            moved = [(W + sign * step[:6].reshape(2, 3), x + sign * step[6:]) for sign in (1, -1)]
            up, down = (loss(*at, mask) for at in moved)
            found.append((up - down) / (2 * h))
    return np.array(found)


def library_backward(v):
    """The gradients of `linear_backward`, for all masks."""
    W, x, y, p, _ = point(v)
    found = []
    for mask in MASKS:
        delta = W @ (x * mask / (1 - p)) - y
        grad_W, grad_x = linear_backward(W, x, mask, delta, p)
        found += [*grad_W.ravel(), *grad_x]
    return np.array(found)


def stated_backward(factor, roll=0):
    """The gradients as stated, or with another factor or mask on the way back."""

    def gradients(v):
        W, x, y, p, _ = point(v)
        found = []
        for mask, back in zip(MASKS, np.roll(MASKS, roll, axis=0), strict=True):
            delta = W @ (x * mask / (1 - p)) - y
            grad_W = np.outer(delta, x * mask / (1 - p))
            grad_x = (W.T @ delta) * back * factor(p)
            found += [*grad_W.ravel(), *grad_x]
        return np.array(found)

    return gradients


@pytest.mark.claim(
    "thm-backward", method="identity", rejects=("a fresh mask in backward", "no 1/q in backward")
)
def test_backward_by_identity(claim, rng):
    @claim
    def check(stated):
        return dropcheck.identity(differences, stated, 13, rng=rng)

    check.holds(library_backward)
    check.holds(stated_backward(lambda p: 1 / (1 - p)))
    check.rejects("a fresh mask in backward", stated_backward(lambda p: 1 / (1 - p), roll=1))
    check.rejects("no 1/q in backward", stated_backward(lambda p: 1))


@pytest.mark.claim(
    "thm-backward", method="symbolic", rejects=("1/q twice in backward", "dL/dW = delta x^T")
)
def test_backward_symbolically(claim):
    """The cross-entropy of two classes, differentiated by SymPy, for every mask of two units."""
    W = sympy.Matrix(2, 2, sympy.symbols("w_1:5", real=True))
    x = sympy.Matrix(sympy.symbols("x_1:3", real=True))
    q = sympy.symbols("q", positive=True)

    @claim
    def check(factor_back, masked_input=True):
        for mask in enumerate_masks(2).astype(int):
            m = sympy.diag(*map(int, mask))
            noisy = m * x / q
            logits = W * noisy
            total = sum(map(sympy.exp, logits))
            loss = sympy.log(total) - logits[0]
            delta = sympy.Matrix([sympy.exp(logit) / total for logit in logits])
            delta[0] -= 1
            stated_W = delta * (noisy if masked_input else x).T
            stated_x = m * W.T * delta * factor_back
            wanted = [*W.applyfunc(loss.diff), *x.applyfunc(loss.diff)]
            stated = [*stated_W, *stated_x]
            if any(sympy.simplify(a - b) != 0 for a, b in zip(wanted, stated, strict=True)):
                return dropcheck.Report(passed=False, method="symbolic", rounding=0.0)
        return dropcheck.Report(passed=True, method="symbolic", rounding=0.0)

    check.holds(1 / q)
    check.rejects("1/q twice in backward", 1 / q**2)
    check.rejects("dL/dW = delta x^T", 1 / q, masked_input=False)


@pytest.mark.claim(
    "thm-backward", method="gradient", rejects=("a fresh mask in backward", "no 1/q in backward")
)
def test_backward_of_the_layer_by_complex_step(claim, rng):
    """Dropout, a linear layer, a softmax and its cross-entropy, on the layer's own mask."""
    p, x, W = 0.4, rng.standard_normal(9), rng.standard_normal((3, 9))
    layer = layers.Dropout(p, rng=rng)
    noisy = layer.forward(x)
    while not 0 < np.count_nonzero(noisy) < 9:  # where nothing or all is dropped, masks agree
        noisy = layer.forward(x)
    mask = noisy != 0

    def loss(W, x):
        logits = W @ (x * mask / (1 - p))
        return np.log(np.exp(logits).sum()) - logits[1]

    powers = np.exp(W @ noisy)
    delta = powers / powers.sum() - np.eye(3)[1]
    grad_W, _ = linear_backward(W, x, mask, delta, p)

    # With u = eps / 2 a logit errs by at most 10 u L, where L is the largest sum of |W_kj x~_j|;
    # its exponential by the factor 1 + 10 u L + u, a softmax by 20 u L + 6 u, and delta by that
    # and u. A slope sums three such, times |W_kj| / q or |x~_j|: below 64 eps times this scale.
    reach = (np.abs(W) @ np.abs(noisy)).max()
    scale = (1 + reach) * max(np.abs(W).sum(axis=0).max() / (1 - p), np.abs(noisy).max())

    @claim
    def check(grad_x, stated_W=grad_W):
        of_W, of_x = (lambda V: loss(V, x)), (lambda z: loss(W, z))
        first = dropcheck.gradient(of_W, stated_W, W, scale=scale)
        second = dropcheck.gradient(of_x, grad_x, x, scale=scale)
        return second if first else first

    check.holds(layer.backward(W.T @ delta))
    fresh = other_mask(mask, rng)
    check.rejects("a fresh mask in backward", W.T @ delta * fresh / (1 - p))
    check.rejects("no 1/q in backward", W.T @ delta * mask)
    assert not layer.backward(W.T @ delta)[~mask].any()  # exactly zero where dropped
    assert not grad_W[:, ~mask].any()


@pytest.mark.claim(
    "thm-backward", method="same-mask", rejects=("a fresh mask in backward", "no 1/q in backward")
)
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_backward_is_torchs_on_the_mask_that_torch_drew(claim, monkeypatch, rng, seed, p):
    """Weights and residuals are small integers, so that sums round nothing in any order."""
    torch.manual_seed(seed)
    x = torch.randn(40, dtype=torch.float64, requires_grad=True)
    W = torch.from_numpy(rng.integers(-9, 10, size=(5, 40)).astype(float)).requires_grad_()
    delta = torch.from_numpy(rng.integers(-9, 10, size=5).astype(float))
    noisy = torch.nn.functional.dropout(x, p, training=True)
    (W @ noisy).backward(delta)
    mask = noisy.detach().numpy() != 0
    monkeypatch.setattr(units, "sample_mask", lambda shape, p, *, rng: mask)
    layer = layers.Dropout(p)
    grad_W = np.outer(delta, layer.forward(x.detach().numpy()))
    upstream = (W.T @ delta).detach().numpy()

    @claim
    def check(grad_x):
        # torch divides by q where the layer multiplies by 1/q: two roundings apart, if any.
        close = {"rtol": 2.0**-51, "atol": 0}
        same = np.allclose(grad_x, x.grad.numpy(), **close)
        same = same and np.allclose(grad_W, W.grad.numpy(), **close)
        return dropcheck.Report(passed=same, method="same-mask", rounding=2.0**-51)

    check.holds(layer.backward(upstream))
    check.rejects("no 1/q in backward", upstream * mask)
    check.rejects("a fresh mask in backward", upstream * other_mask(mask, rng) / (1 - p))


# The variants.

# A layer of each class at p = 0.4, and a shape it takes.
VARIANTS = [
    (layers.Dropout(0.4), (4, 6)),
    (layers.StandardDropout(0.4), (4, 6)),
    (layers.StandardDropout(0.4).eval(), (4, 6)),
    (layers.GaussianDropout(0.4), (4, 6)),
    (layers.AlphaDropout(0.4), (4, 6)),
    (layers.FeatureAlphaDropout(0.4), (4, 6, 2)),
    (layers.Dropout1d(0.4), (4, 6, 2)),
    (layers.Dropout2d(0.4), (4, 6, 2, 2)),
    (layers.Dropout3d(0.4), (4, 6, 2, 2, 1)),
    (layers.VariationalDropout(0.4), (4, 3, 6)),
    (layers.DropPath(0.4), (24, 2)),
    (layers.DropPath(0.4, mode="batch"), (24, 2)),
    (layers.DropPath(0.4, scale_by_keep=False), (24, 2)),
    (layers.DropBlock2d(0.4, 2), (4, 3, 5, 4)),
    (layers.ConcreteDropout(0.4, 0.3), (4, 6)),
    (layers.DropConnect(np.arange(12.0).reshape(2, 6) - 5, [1.0, 2.0], 0.4), (4, 6)),
]


@pytest.mark.claim(
    "thm-variant-backwards",
    method="gradient",
    rejects=("fresh noise in backward", "no scale in backward"),
)
def test_every_layer_against_differences(claim, rng):
    public = [getattr(layers, name) for name in layers.__all__]
    classes = {cls for cls in public if isinstance(cls, type)} - {layers.Layer}
    assert {type(layer) for layer, _ in VARIANTS} == classes  # no variant is left out
    for stored, shape in VARIANTS:
        layer = copy.deepcopy(stored)
        layer.rng = rng
        x = rng.standard_normal(shape)
        grad = rng.standard_normal(layer.forward(x).shape)

        @claim
        def check(backward, *, layer=layer, x=x, grad=grad):
            return dropcheck.check_backward(layer, x, grad, backward=backward)

        check.holds(layer.backward)
        if not layer.training:
            continue

        def fresh(grad, layer=layer, x=x):
            old = layer.backward(grad)
            while np.array_equal(layer.backward(grad), old):  # other noise than that of the pass
                layer.forward(x)
            return layer.backward(grad)

        check.rejects("fresh noise in backward", fresh)
        layer.forward(x)
        scale = layer._last[2] if isinstance(layer, layers.Dropout) else 1.0
        if scale != 1.0:

            def unscaled(grad, layer=layer, scale=scale):
                return layer.backward(grad) / scale

            check.rejects("no scale in backward", unscaled)


@pytest.mark.claim(
    "thm-variant-backwards",
    method="gradient",
    parts=(1, 2, 3),
    rejects=("p constant in 1/q", "masks of other rows"),
)
def test_gradients_of_parameters_against_differences(claim, rng):
    """The logit of concrete dropout, the weights and the bias of DropConnect, R-Drop's logits."""
    x, grad = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
    concrete = layers.ConcreteDropout(0.3, 0.4, rng=rng)
    forward = dropcheck.same_noise(concrete)

    def of_logit(logit):
        concrete.logit = logit.item()
        return np.sum(grad * forward(x))

    @claim
    def check_logit(stated):
        return dropcheck.gradient(of_logit, stated, [logit], method="central")

    logit, p = concrete.logit, concrete.p
    forward(x)
    concrete.backward(grad)
    kept = concrete._last[1]
    missing = np.sum(grad * x * kept) * p / (1 - p)
    check_logit.holds([concrete.logit_grad])
    check_logit.rejects("p constant in 1/q", [concrete.logit_grad - missing])

    W, bias, grad = rng.standard_normal((3, 4)), rng.standard_normal(3), rng.standard_normal((5, 3))
    connect = layers.DropConnect(W, bias, 0.4, rng=rng)
    forward = dropcheck.same_noise(connect)
    forward(x)
    connect.backward(grad)
    masks = connect._last[2]

    def of_parameters(parameters):
        connect.weight, connect.bias = parameters[:, :4], parameters[:, 4]
        return np.sum(grad * forward(x))

    @claim
    def check_weights(weight_grad):
        stated = np.column_stack([weight_grad, connect_bias_grad])
        return dropcheck.gradient(
            of_parameters, stated, np.column_stack([W, bias]), method="central"
        )

    weight_grad, connect_bias_grad = connect.weight_grad, connect.bias_grad
    check_weights.holds(weight_grad)
    shifted = np.einsum("no,noi,ni->oi", grad, np.roll(masks, 1, axis=0), x) / 0.6
    check_weights.rejects("masks of other rows", shifted)

    logits = rng.standard_normal((2, 5, 3))
    labels = rng.integers(0, 3, size=5)

    def r_drop(both):
        return variants.r_drop_loss(*both, labels, 1.7)[0]

    @claim
    def check_r_drop(stated):
        return dropcheck.gradient(r_drop, stated, logits, method="central")

    check_r_drop.holds(np.stack(variants.r_drop_loss(*logits, labels, 1.7)[1:]))


@pytest.mark.claim(
    "thm-variant-backwards",
    method="gradient",
    parts=(3,),
    rejects=("kappa for kappa / 2", "rho is not centred", "the divergences move with P_1 alone"),
)
def test_gradient_of_r_drop_by_its_formula(claim, rng):
    """The stated gradient against the loss by its definition, differentiated by complex steps."""
    (first, second), label, kappa = rng.uniform(-2, 2, size=(2, 4)), int(rng.integers(4)), 1.7

    def log_softmax(logits):
        return logits - np.log(np.exp(logits).sum())

    def loss(logits):
        u, v = log_softmax(logits), log_softmax(second)
        divergences = np.exp(u) @ (u - v) + np.exp(v) @ (v - u)
        return -u[label] - v[label] + kappa / 2 * divergences

    P1, P2 = np.exp(log_softmax(first)), np.exp(log_softmax(second))
    rho = log_softmax(first) - log_softmax(second)

    # Logarithms of probabilities are below 6 in size, their differences below 12, and a slope is
    # a sum of at most eight products of such with probabilities: 64 eps of 100 is ample.
    @claim.part(3)
    def check(weight, centre, apart):
        stated = P1 - np.eye(4)[label] + weight * (P1 * (rho - centre) + apart)
        return dropcheck.gradient(loss, stated, first, scale=100.0)

    check.holds(kappa / 2, P1 @ rho, P1 - P2)
    check.rejects("kappa for kappa / 2", kappa, P1 @ rho, P1 - P2)
    check.rejects("rho is not centred", kappa / 2, 0.0, P1 - P2)
    check.rejects("the divergences move with P_1 alone", kappa / 2, P1 @ rho, 0 * P2)


@pytest.mark.claim(
    "thm-variant-backwards",
    method="symbolic",
    parts=(1, 2),
    rejects=("a alpha' in backward", "p constant in 1/q", "one mask for all rows"),
)
def test_variant_backwards_symbolically(claim):
    """The rows of the table that are no plain product with the noise, by differentiation.

    Of the others, which are linear in x, the forward column is held against the layers in
    test_parts.py and the backward column in test_every_layer_against_differences.
    """
    x, g = sympy.symbols("x_1:3"), sympy.symbols("g_1:3")
    m = sympy.symbols("m_1:3")
    q, t, logit, u = sympy.symbols("q t l u", positive=True)
    a, b, dropped = sympy.symbols("a b alpha")

    def agree(output, inputs, stated):
        """Whether sum(g * output) has the stated derivatives."""
        total = sum(gi * yi for gi, yi in zip(g, output, strict=True))
        pairs = zip(inputs, stated, strict=True)
        return all(sympy.simplify(total.diff(xi) - si) == 0 for xi, si in pairs)

    z = 1 / (1 + sympy.exp(-(logit + sympy.log(u / (1 - u))) / t))
    p = 1 / (1 + sympy.exp(-logit))
    W = sympy.Matrix(2, 2, sympy.symbols("w_1:5"))
    M = [sympy.Matrix(2, 2, sympy.symbols(f"M{n}_1:5")) for n in (1, 2)]
    G = [sympy.Matrix(sympy.symbols(f"g{n}_1:3")) for n in (1, 2)]
    X = [sympy.Matrix(sympy.symbols(f"x{n}_1:3")) for n in (1, 2)]

    @claim
    def check(alpha_back=0, p_moves=1, rows=(0, 1)):
        alpha = [a * (xi * mi + dropped * (1 - mi)) + b for xi, mi in zip(x, m, strict=True)]
        passed = agree(alpha, x, [gi * a * (mi + alpha_back) for gi, mi in zip(g, m, strict=True)])

        relaxed = [xi * (1 - z) / (1 - p) for xi in x]
        of_x = [gi * (1 - z) / (1 - p) for gi in g]
        slope = (1 - z) / (1 - p) * (p_moves * p - z / t)
        of_logit = sum(gi * xi for gi, xi in zip(g, x, strict=True)) * slope
        passed = passed and agree(relaxed, (*x, logit), [*of_x, of_logit])

        total = sum((G[n].T * M[n].multiply_elementwise(W) * X[n])[0] / q for n in (0, 1))
        of_W = sum(
            (M[rows[n]].multiply_elementwise(G[n] * X[n].T) / q for n in (0, 1)),
            sympy.zeros(2, 2),
        )
        of_X = [M[n].multiply_elementwise(W).T * G[n] / q for n in (0, 1)]
        differences = [*(W.applyfunc(total.diff) - of_W)]
        for n in (0, 1):
            differences += [*(X[n].applyfunc(total.diff) - of_X[n])]
        passed = passed and all(sympy.simplify(difference) == 0 for difference in differences)
        return dropcheck.Report(passed=passed, method="symbolic", rounding=0.0)

    claim.survives("check(rows last times -1", "the last row by its negative index")
    check.holds()
    check.rejects("a alpha' in backward", alpha_back=dropped * (1 - m[0]))
    check.rejects("p constant in 1/q", p_moves=0)
    check.rejects("one mask for all rows", rows=(0, 0))


# What the gradient is an estimate of.


def regression(v):
    """W of shape (2, 3), one row x, its target y, and p, from a vector of 12 variables."""
    return v[:6].reshape(2, 3), v[6:9], v[9:11], v[11]


def gradients_over_masks(W, x, y, p):
    """The gradient of |W x~ - y|^2 / 2 on each mask, of shape (8, 6), and their weights."""
    each = [
        linear_backward(W, x, mask, W @ (x * mask / (1 - p)) - y, p)[0].ravel() for mask in MASKS
    ]
    return np.array(each), mask_weights(MASKS, p)


@pytest.mark.claim(
    "thm-expected-gradient",
    method="identity",
    parts=(2,),
    rejects=("unbiased", "(p/q) W, as weight decay", "p q in place of p/q"),
)
def test_expected_gradient_by_identity(claim, rng):
    def mean(v):
        each, weights = gradients_over_masks(*regression(v))
        return weights @ each

    def plain(v):
        W, x, y, _ = regression(v)
        return np.outer(W @ x - y, x).ravel()

    @claim
    def check(stated):
        return dropcheck.identity(mean, stated, 12, rng=rng)

    def library(v):
        W, x, y, p = regression(v)
        return expected_gradient(W, x[None], y[None], p).ravel()

    check.holds(library)
    check.rejects("unbiased", plain)
    check.rejects("(p/q) W, as weight decay", lambda v: plain(v) + v[11] / (1 - v[11]) * v[:6])
    check.rejects(
        "p q in place of p/q",
        lambda v: plain(v) + v[11] * (1 - v[11]) * v[:6] * np.tile(v[6:9] ** 2, 2),
    )


@pytest.mark.claim(
    "thm-expected-gradient",
    method="gradient",
    parts=(1,),
    rejects=("gradient of the loss without dropout",),
)
def test_mean_gradient_is_the_gradient_of_the_mean_loss(claim, rng):
    """For another loss than the squared one: cross-entropy, by complex step."""
    p, W, x = 0.4, rng.standard_normal((3, 5)), rng.standard_normal(5)
    masks = enumerate_masks(5)
    weights = mask_weights(masks, p)

    def loss(W, noisy):
        logits = noisy @ W.T
        return np.log(np.exp(logits).sum(axis=-1)) - logits[..., 2]

    def delta(noisy):
        powers = np.exp(noisy @ W.T)
        return powers / powers.sum(axis=-1, keepdims=True) - np.eye(3)[2]

    noisy = masks * x / (1 - p)
    mean = sum(
        weight * linear_backward(W, x, mask, delta(row), p)[0]
        for weight, mask, row in zip(weights, masks, noisy, strict=True)
    )

    # As for thm-backward: 64 eps times this bounds the rounding of every slope on every mask.
    scale = (1 + (np.abs(W) @ np.abs(x)).max() / (1 - p)) * np.abs(x).max() / (1 - p)

    @claim
    def check(stated):
        return dropcheck.gradient(lambda V: weights @ loss(V, noisy), stated, W, scale=scale)

    check.holds(mean)
    check.rejects("gradient of the loss without dropout", np.outer(delta(x), x))


BATCH_W = np.array([[1.0, -0.5, 0.8, 0.4]])
BATCH_X = np.array([1.0, 1.5, -1.0, 0.5])
BATCH_Y = np.array([0.7])


def sampled_gradients(draws, p, rng):
    """Gradients of one row, on masks that the layer draws, and bounds from all 16 masks."""
    noisy = layers.Dropout(p, rng=rng).forward(np.tile(BATCH_X, (draws, 1)))
    possible = enumerate_masks(4) * BATCH_X / (1 - p)
    sampled, over_all = ((rows @ BATCH_W.T - BATCH_Y) * rows for rows in (noisy, possible))
    return sampled, over_all.min() - 1e-9, over_all.max() + 1e-9


@pytest.mark.claim("thm-expected-gradient", method="monte-carlo", parts=(2,), rejects=("unbiased",))
def test_expected_gradient_in_the_layer(claim, rng):
    p = 0.3
    samples, low, high = sampled_gradients(100_000, p, rng)
    stated = expected_gradient(BATCH_W, BATCH_X[None], BATCH_Y[None], p)[0]
    plain = (BATCH_W @ BATCH_X - BATCH_Y) * BATCH_X

    @claim
    def check(mean, *, wrong=None):
        return dropcheck.mean_test(samples, mean, low, high, wrong=wrong)

    check.holds(stated, wrong=plain)
    check.rejects("unbiased", plain)


# How noisy it is.


def stated_covariance(v, residual_varies=True, third=None, fourth=None, correlated=True):
    """The covariance for any noise of mean 1 with the moments of dropout, or given ones."""
    W, x, y, p = regression(v)
    q = 1 - p
    second = 1 / q
    third = 1 / q**2 if third is None else third(p)
    fourth = 1 / q**3 if fourth is None else fourth(p)
    u, residual = W * x, W @ x - y
    covariance = np.zeros((2, 3, 2, 3), dtype=object)
    for i, j, h, k in np.ndindex(covariance.shape):
        mean = (residual[i] + (second - 1) * u[i, j]) * (residual[h] + (second - 1) * u[h, k])
        if not residual_varies:
            moment = residual[i] * residual[h] * (second if j == k else 1)
            mean = residual[i] * residual[h]
        elif j == k:
            r_i, r_h = residual[i] - u[i, j], residual[h] - u[h, j]
            others = (second - 1) * (u[i] @ u[h] - u[i, j] * u[h, j])
            moment = second * (r_i * r_h + others) + fourth * u[i, j] * u[h, j]
            moment = moment + third * (r_i * u[h, j] + r_h * u[i, j])
        else:
            r_i, r_h = residual[i] - u[i, j] - u[i, k], residual[h] - u[h, j] - u[h, k]
            others = (second - 1) * (u[i] @ u[h] - u[i, j] * u[h, j] - u[i, k] * u[h, k])
            moment = r_i * r_h + others
            moment += second * (r_i * (u[h, j] + u[h, k]) + r_h * (u[i, j] + u[i, k]))
            moment += third * (u[i, j] * u[h, j] + u[i, k] * u[h, k])
            moment += second**2 * (u[i, j] * u[h, k] + u[i, k] * u[h, j])
        if correlated or j == k:
            covariance[i, j, h, k] = x[j] * x[k] * (moment - mean)
    return covariance.ravel()


def gaussian_third(p):
    return 1 + 3 * p / (1 - p)


def gaussian_fourth(p):
    return 1 + 6 * p / (1 - p) + 3 * (p / (1 - p)) ** 2


@pytest.mark.claim(
    "thm-gradient-variance",
    method="identity",
    rejects=("a fixed residual", "the moments of Gaussian noise", "uncorrelated entries"),
)
def test_gradient_covariance_by_identity(claim, rng):
    """The mean over all masks against the library, and against moments of general noise."""

    def over_masks(v):
        each, weights = gradients_over_masks(*regression(v))
        deviation = each - weights @ each
        return ((weights[:, None] * deviation).T @ deviation).ravel()

    @claim
    def check(stated):
        return dropcheck.identity(over_masks, stated, 12, rng=rng)

    check.holds(lambda v: gradient_covariance(*regression(v)).ravel())
    check.holds(stated_covariance)
    check.rejects("a fixed residual", lambda v: stated_covariance(v, residual_varies=False))
    check.rejects("uncorrelated entries", lambda v: stated_covariance(v, correlated=False))
    check.rejects(
        "the moments of Gaussian noise",
        lambda v: stated_covariance(v, third=gaussian_third, fourth=gaussian_fourth),
    )


@pytest.mark.claim(
    "thm-gradient-variance",
    method="enumeration",
    rejects=("none at zero residual", "one mask for the batch"),
)
def test_gradient_variance_of_a_batch_by_enumeration(claim):
    """Three rows of three units, all 512 masks of the batch; the residuals are zero."""
    p, W = Fraction(2, 5), np.array([[1, -2, 3]])
    X = np.array([[1, 2, -1], [2, 1, 1], [1, -1, 2]])
    Y = X @ W.T
    mean = expected_gradient(W, X, Y, p)[0]

    def squared_deviation(masks):
        noisy = masks.reshape(-1, 3, 3) * X / (1 - p)
        gradient = ((noisy @ W.T - Y) * noisy).sum(axis=1) / Fraction(3)
        return (gradient - mean) ** 2

    def shared(masks):
        return squared_deviation(np.tile(masks, 3))

    @claim
    def check(stated):
        return dropcheck.enumeration(squared_deviation, stated, 9, p)

    check.holds(gradient_variance(W, X, Y, p)[0])
    check.rejects("none at zero residual", 0)
    check.rejects("one mask for the batch", dropcheck.expectation(shared, 3, p)[0])


@pytest.mark.claim("thm-gradient-variance", method="monte-carlo", rejects=("a fixed residual",))
def test_gradient_variance_in_the_layer(claim, rng):
    p = 0.3
    samples, low, high = sampled_gradients(200_000, p, rng)
    stated = gradient_variance(BATCH_W, BATCH_X[None], BATCH_Y[None], p)[0]
    fixed = p / (1 - p) * ((BATCH_W @ BATCH_X - BATCH_Y) * BATCH_X) ** 2

    @claim
    def check(variance, *, wrong=None):
        return dropcheck.variance_test(samples, variance, low, high, wrong=wrong)

    check.holds(stated, wrong=fixed)
    check.rejects("a fixed residual", fixed)


# What waits in memory.


@pytest.mark.claim(
    "thm-mask-memory",
    method="enumeration",
    parts=(1, 2),
    rejects=("n - 1 bits suffice", "the count suffices"),
)
def test_as_many_gradients_as_masks(claim):
    """2^n masks lead to 2^n different gradients, and the packed bits give each of them back."""
    n, p, upstream = 11, Fraction(1, 3), 1 + np.arange(11)
    masks = enumerate_masks(n)
    gradients = {tuple(upstream * mask / (1 - p)) for mask in masks}
    restored = all(np.array_equal(PackedMask(mask).unpack(), mask) for mask in masks)

    @claim
    def check(states):
        """Whether so many states of a memory, and no fewer, tell the gradients apart."""
        enough = restored and len(gradients) == states
        return dropcheck.Report(passed=enough, method="enumeration", cases=len(masks), rounding=0.0)

    check.holds(2**n)
    check.rejects("n - 1 bits suffice", 2 ** (n - 1))
    check.rejects("the count suffices", n + 1)


@pytest.mark.claim(
    "thm-mask-memory",
    method="same-mask",
    parts=(1, 3),
    rejects=("m / q in half precision", "q rounded to bytes", "another precision"),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_forms_of_a_mask_give_the_same_bits(claim, rng, seed, dtype):
    """Booleans, bits and floats, in the layer, in torch's autograd and by hand; bytes counted."""
    p, x = 0.3, rng.standard_normal((24, 40)).astype(dtype)
    upstream = rng.standard_normal(x.shape).astype(dtype)
    mask = sample_mask(x.shape, p, rng=rng)
    scale = dtype(1 / (1 - p))
    forms = {"bits": PackedMask(mask), "bytes": mask, "floats": mask.astype(np.float32)}
    assert [form.nbytes for form in forms.values()] == [120, 960, 3840]
    forms["bits"] = forms["bits"].unpack()
    reference = upstream * mask * scale

    layer, packed = (layers.Dropout(p, rng=seed, packed=packed) for packed in (False, True))
    assert np.array_equal(layer.forward(x), packed.forward(x))
    assert (layer_bytes(layer), layer_bytes(packed)) == (960, 120)
    assert np.array_equal(layer.backward(upstream), packed.backward(upstream))

    leaf = torch.from_numpy(x).requires_grad_()
    kept, factor = torch.from_numpy(mask), torch.tensor(scale)
    assert autograd_bytes(lambda: leaf * kept * scale.item(), ignore=[leaf]) == 960
    (leaf * kept * factor).backward(torch.from_numpy(upstream))

    @claim
    def check(gradients):
        same = all(np.array_equal(gradient, reference) for gradient in gradients)
        return dropcheck.Report(passed=same, method="same-mask", rounding=0.0)

    by_form = [scaled_product(upstream, form, float(scale)) for form in forms.values()]
    check.holds([*by_form, leaf.grad.numpy()])
    half = (mask * np.float16(scale)).astype(dtype)
    check.rejects("m / q in half precision", [upstream * half])
    check.rejects("q rounded to bytes", [upstream * mask * dtype(256 / 179)])
    other = np.float32 if dtype is np.float64 else np.float64
    wrong = upstream.astype(other) * mask.astype(other) * other(1 / (1 - p))
    check.rejects("another precision", [wrong])
