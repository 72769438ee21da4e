"""The claims of the chapter on today's systems: each holds, and its wrong forms are rejected."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import dropcheck
from dropoutlib import layers, nn
from dropoutlib.masks import enumerate_masks, mask_weights

MASKS1, MASKS2, MASKS3 = (enumerate_masks(n).astype(int) for n in (1, 2, 3))


def pairs(p, masks):
    """Each pair of independent masks, with its probability."""
    weights = mask_weights(masks, p)
    for (m, one), (other, two) in itertools.product(zip(masks, weights, strict=True), repeat=2):
        yield m, other, one * two


def exact(holds, method="enumeration"):
    """A report of a comparison without any rounding."""
    return dropcheck.Report(passed=bool(holds), method=method, rounding=0.0)


@pytest.fixture
def torch_seed(seed):
    """Torch's own generator, seeded for one test and put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**31)
        yield


# The ratio of two policies.


def policies(v):
    """A policy for either value of one mask entry, and that of evaluation, over three actions."""
    return [part / part.sum() for part in v[:9].reshape(3, 3)]


def ratio_moments(rollout):
    """Exact mean and variance of the ratio, a function of nine numbers and p."""

    def moments(v):
        dropped, kept, evaluated = policies(v)
        by_mask, p = (dropped, kept), v[9]
        first = second = 0
        for m, other, weight in pairs(p, MASKS1):
            acting = evaluated if rollout == "evaluation" else by_mask[m[0]]
            learner = by_mask[m[0] if rollout == "own" else other[0]]
            first += weight * (acting * (learner / acting)).sum()
            second += weight * (acting * (learner / acting) ** 2).sum()
        return np.array([first, second - first**2])

    return moments


def chi_square(learner, acting):
    return ((learner - acting) ** 2 / acting).sum()


def stated_ratio(rollout, mean=1):
    """Mean 1 and the mean chi-square divergence, or another mean and none of it."""

    def moments(v):
        dropped, kept, evaluated = policies(v)
        p, divergence = v[9], 0
        q = 1 - p
        if rollout == "fresh":
            divergence = p * q * (chi_square(kept, dropped) + chi_square(dropped, kept))
        elif rollout == "evaluation":
            divergence = q * chi_square(kept, evaluated) + p * chi_square(dropped, evaluated)
        return np.array([mean + 0 * p, divergence + 0 * p])

    return moments


@pytest.mark.claim(
    "thm-policy-ratio",
    method="identity",
    parts=(1, 2),
    rejects=(
        "the ratio is 1 before the first update",
        "the mean ratio is not 1",
        "evaluation in the rollout heals it",
    ),
)
def test_policy_ratio_by_identity(claim, rng):
    def compare(rollout, stated):
        return dropcheck.identity(ratio_moments(rollout), stated, 10, rng=rng)

    @claim.part(1)
    def fresh(stated, *, rollout="fresh"):
        return compare(rollout, stated)

    @claim.part(2)
    def others(stated, *, rollout):
        return compare(rollout, stated)

    fresh.holds(stated_ratio("fresh"))
    fresh.rejects("the ratio is 1 before the first update", stated_ratio("own"))
    fresh.rejects("the mean ratio is not 1", stated_ratio("fresh", mean=2))
    others.holds(stated_ratio("own"), rollout="own")
    others.holds(stated_ratio("evaluation"), rollout="evaluation")
    others.rejects("evaluation in the rollout heals it", stated_ratio("own"), rollout="evaluation")


@pytest.mark.claim(
    "thm-policy-ratio",
    method="enumeration",
    parts=(1, 2),
    rejects=(
        "zero only where all three policies agree",
        "zero where the masks agree, whatever evaluation does",
        "zero where the mean policy is that of evaluation",
    ),
)
def test_ratio_has_no_variance_only_with_one_policy(claim):
    """Each choice of five laws under either mask and in evaluation, at p of 0, 1/3 and 1/2."""
    laws = [(1, 1, 2), (1, 2, 1), (2, 1, 1), (1, 1, 1), (2, 3, 3)]
    points = [
        np.array([Fraction(k) for law in chosen for k in law] + [p])
        for chosen in itertools.product(laws, repeat=3)
        for p in (Fraction(0), Fraction(1, 3), Fraction(1, 2))
    ]

    def zero_where(rollout, one_policy):
        """Whether the variance vanishes exactly where `one_policy` says so."""
        found = ((ratio_moments(rollout)(v)[1] == 0, v) for v in points)
        return exact(all(zero == one_policy(*policies(v), v[9]) for zero, v in found))

    @claim.part(1)
    def fresh(one_policy):
        return zero_where("fresh", one_policy)

    @claim.part(2)
    def evaluated(one_policy):
        return zero_where("evaluation", one_policy)

    def same(one, other):
        return bool((one == other).all())

    fresh.holds(lambda dropped, kept, acting, p: p == 0 or same(dropped, kept))
    fresh.rejects(
        "zero only where all three policies agree",
        lambda dropped, kept, acting, p: same(kept, acting) and same(dropped, acting),
    )
    evaluated.holds(
        lambda dropped, kept, acting, p: same(kept, acting) and (p == 0 or same(dropped, acting))
    )
    evaluated.rejects(
        "zero where the masks agree, whatever evaluation does",
        lambda dropped, kept, acting, p: p == 0 or same(dropped, kept),
    )
    evaluated.rejects(
        "zero where the mean policy is that of evaluation",
        lambda dropped, kept, acting, p: same(p * dropped + (1 - p) * kept, acting),
    )


@pytest.mark.claim(
    "thm-policy-ratio",
    method="monte-carlo",
    rejects=("the ratio is 1 before the first update",),
)
def test_policy_ratio_by_drawing_tokens(claim, rng):
    """Logit log 2 behind one unit at p = 1/2: a first action of probability 1/2 or 4/5."""
    layer, draws = layers.Dropout(0.5, rng=rng), 40_000
    logit = np.full(draws, math.log(2))
    acting, learner = (1 / (1 + np.exp(-layer.forward(logit))) for _ in range(2))
    first = rng.random(draws) < acting
    ratio = np.where(first, learner / acting, (1 - learner) / (1 - acting))

    @claim
    def check(variance, *, wrong=None):
        return dropcheck.variance_test(ratio, variance, 0.4, 2.5, wrong=wrong)

    check.holds(369 / 1600, wrong=0.0)
    check.rejects("the ratio is 1 before the first update", 0.0)
    assert dropcheck.mean_test(ratio, 1.0, 0.4, 2.5)


@pytest.mark.claim(
    "thm-policy-ratio", method="enumeration", rejects=("the mean logarithm is zero", "E log r > 0")
)
def test_mean_logarithm_of_the_ratio(claim, rng):
    """Against torch's own divergence, for a softmax of a layer with two masked units."""
    W, x = rng.normal(size=(4, 2)), rng.normal(size=2)
    p = 0.3
    laws = torch.softmax(torch.tensor((MASKS2 * x / (1 - p)) @ W.T), dim=1)
    table = laws.numpy()
    whole = torch.softmax(torch.tensor(W @ x), dim=0)  # the policy of evaluation

    def divergence(one, other):
        one, other = map(torch.distributions.Categorical, (one, other))
        return torch.distributions.kl_divergence(one, other).item()

    chances = mask_weights(MASKS2, p)
    fresh = sum(chances[i] * chances[j] * divergence(laws[i], laws[j]) for i, j in np.ndindex(4, 4))
    evaluated = sum(chances[j] * divergence(whole, laws[j]) for j in range(4))
    row = (2 ** np.arange(2))[::-1]
    order = np.argsort(MASKS2 @ row)
    # A logarithm is rounded by a few eps of itself, and of 1 for what it is taken of; where two
    # laws are nearly equal, this is more than a few eps of what the sum leaves of them.
    scale = 1 - min(np.log(table).min(), whole.log().min().item())

    def mean_logarithm(masks, evaluation):
        acting, learner = (table[order[half @ row]] for half in (masks[:, :2], masks[:, 2:]))
        acting = whole.numpy() if evaluation else acting
        return (acting * np.log(learner / acting)).sum(axis=1)

    @claim
    def check(stated, *, evaluation=False):
        return dropcheck.enumeration(
            lambda masks: mean_logarithm(masks, evaluation), stated, 4, p, ulps=16, scale=scale
        )

    check.holds(-fresh)
    check.holds(-evaluated, evaluation=True)
    check.rejects("the mean logarithm is zero", 0.0)
    check.rejects("E log r > 0", fresh)


@pytest.mark.claim(
    "thm-policy-ratio",
    method="identity",
    parts=(3,),
    rejects=("unweighted gradient", "weighted twice"),
)
def test_weighted_policy_gradient_by_identity(claim, rng):
    """Policies, their derivatives along one direction and advantages are any numbers."""

    def parts(v):
        derivatives = np.array([v[9:11], v[11:13]])
        derivatives = np.column_stack([derivatives, -derivatives.sum(axis=1)])
        return policies(v), derivatives, v[13:16], v[16]

    def mean_gradient(weight):
        def mean(v):
            laws, derivatives, advantage, p = parts(v)
            total = 0
            for m, other, chance in pairs(p, MASKS1):
                acting, learner = laws[m[0]], laws[other[0]]
                score = derivatives[other[0]] / learner
                total += chance * (acting * weight(learner / acting) * score * advantage).sum()
            return total

        return mean

    def of_the_learner(v):
        _, derivatives, advantage, p = parts(v)
        return mask_weights(MASKS1, p) @ (derivatives * advantage).sum(axis=1)

    @claim
    def check(weight):
        return dropcheck.identity(mean_gradient(weight), of_the_learner, 17, rng=rng)

    check.holds(lambda ratio: ratio)
    check.rejects("unweighted gradient", lambda ratio: 1 + 0 * ratio)
    check.rejects("weighted twice", lambda ratio: ratio**2)


@pytest.mark.claim(
    "thm-policy-ratio",
    method="enumeration",
    parts=(3,),
    rejects=("clipped at 0.2", "unweighted gradient"),
)
def test_weighted_policy_gradient_by_autograd(claim, rng):
    """All pairs of masks of a layer of three units, and all four actions."""
    W = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    x, advantage = torch.tensor(rng.normal(size=3)), torch.tensor(rng.normal(size=4))
    p = 0.4
    weights = torch.tensor(mask_weights(MASKS3, p))
    laws = torch.softmax((torch.tensor(MASKS3) * x / (1 - p)) @ W.T, dim=1)
    (wanted,) = torch.autograd.grad((weights @ laws) @ advantage, W, retain_graph=True)

    def clipped(ratio):
        inside = ratio.clamp(0.8, 1.2) * advantage
        return torch.minimum(ratio * advantage, inside)

    @claim
    def check(surrogate):
        acting = laws.detach()[:, None]
        ratio = laws[None] / acting
        surrogates = (acting * surrogate(ratio)).sum(dim=2)
        loss = weights @ surrogates @ weights
        (found,) = torch.autograd.grad(loss, W, retain_graph=True)
        error = float((found - wanted).abs().max())
        return dropcheck.Report(
            passed=error <= 1e-13, method="enumeration", rounding=1e-13, error=error
        )

    check.holds(lambda ratio: ratio * advantage)
    claim.survives("check(surrogate plus 1)", "a constant has no gradient")
    check.rejects("clipped at 0.2", clipped)
    check.rejects("unweighted gradient", lambda ratio: torch.log(ratio) * advantage)


# Low-rank adapters.


def adapter(v):
    """Weights and input of a layer of two outputs with an adapter of rank two."""
    W, A, B = v[:4].reshape(2, 2), v[4:8].reshape(2, 2), v[8:12].reshape(2, 2)
    return W, A, B, v[12:14], v[14:16], v[16], v[17]  # x, y, c, p


@pytest.mark.claim(
    "thm-lora",
    method="identity",
    parts=(1, 2),
    rejects=("merge with 1 - p", "merge with 1/(1 - p)", "norms of the factors", "c once"),
)
def test_lora_by_identity(claim, rng):
    def mean_output(v):
        W, A, B, x, _, c, p = adapter(v)
        return sum(
            weight * (W @ x + c * B @ (A @ (m * x / (1 - p))))
            for m, weight in zip(MASKS2, mask_weights(MASKS2, p), strict=True)
        )

    @claim.part(1)
    def merged(factor):
        def output(v):
            W, A, B, x, _, c, p = adapter(v)
            return (W + factor(p) * c * B @ A) @ x

        return dropcheck.identity(mean_output, output, 18, rng=rng)

    merged.holds(lambda p: 1 + 0 * p)
    merged.rejects("merge with 1 - p", lambda p: 1 - p)
    merged.rejects("merge with 1/(1 - p)", lambda p: 1 / (1 - p))

    def mean_loss(v):
        W, A, B, x, y, c, p = adapter(v)
        return sum(
            weight * ((y - W @ x - c * B @ (A @ (m * x / (1 - p)))) ** 2).sum()
            for m, weight in zip(MASKS2, mask_weights(MASKS2, p), strict=True)
        )

    @claim.part(2)
    def penalised(penalty):
        def loss(v):
            W, A, B, x, y, c, p = adapter(v)
            plain = ((y - (W + c * B @ A) @ x) ** 2).sum()
            return plain + penalty(A, B, x, c, p / (1 - p))

        return dropcheck.identity(mean_loss, loss, 18, rng=rng)

    penalised.holds(lambda A, B, x, c, s: s * c**2 * (x**2 * ((B @ A) ** 2).sum(axis=0)).sum())
    penalised.rejects(
        "norms of the factors",
        lambda A, B, x, c, s: s * c**2 * ((A**2) @ x**2).sum() * (B**2).sum(),
    )
    penalised.rejects(
        "c once", lambda A, B, x, c, s: s * c * (x**2 * ((B @ A) ** 2).sum(axis=0)).sum()
    )


class Adapted(torch.nn.Module):
    """A frozen linear layer with an adapter, in whole numbers at p = 1/2."""

    def __init__(self, rng, zero=False):
        super().__init__()
        W, A, B = (
            torch.tensor(rng.integers(-4, 5, size), dtype=torch.float64)
            for size in ((3, 4), (2, 4), (3, 2))
        )
        self.c, self.W = 0.5, W
        self.A = torch.nn.Parameter(A + 0.5)
        self.B = torch.nn.Parameter(0 * B if zero else B + 0.5)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, mask=None):
        """Outputs for rows of inputs, with a mask of the layer's own or a given one."""
        dropped = self.drop(x) if mask is None else x * mask * 2
        return x @ self.W.T + self.c * (dropped @ self.A.T) @ self.B.T


@pytest.mark.claim("thm-lora", method="exact-float", rejects=("merge with 1 - p",))
def test_merged_module_is_the_module_in_evaluation(claim, rng):
    """Whole numbers and halves: not a bit is rounded."""
    model = Adapted(rng).eval()
    x = torch.tensor(rng.integers(-4, 5, (6, 4)), dtype=torch.float64)

    @claim
    def check(merge):
        with torch.no_grad():
            merged = merge(model.W, model.B @ model.A)
            return exact(torch.equal(model(x), x @ merged.T), "exact-float")

    check.holds(lambda W, product: W + model.c * product)
    check.rejects("merge with 1 - p", lambda W, product: W + 0.5 * model.c * product)


@pytest.mark.claim(
    "thm-lora",
    method="enumeration",
    parts=(3,),
    rejects=("the gradient of A starts it", "the mean gradient of B has the factor 1/q"),
)
def test_lora_at_the_start(claim, rng):
    """B = 0, all masks of four inputs, by autograd in whole numbers."""
    model = Adapted(rng, zero=True)
    x = torch.tensor(rng.integers(1, 5, 4), dtype=torch.float64)
    model.A.data[0] = 1  # so that A x is not 0
    residual = rng.choice([-2.0, -1.0, 1.0, 2.0], 3)
    y = model.W @ x - torch.tensor(residual)
    outputs, gradients = [], []
    for mask in enumerate_masks(4):
        output = model(x, torch.tensor(mask))
        loss = ((y - output) ** 2).sum() / 2
        gradients.append(torch.autograd.grad(loss, (model.A, model.B)))
        outputs.append(output)
    of_a, of_b = (torch.stack(parts) for parts in zip(*gradients, strict=True))
    assert all(torch.equal(output, model.W @ x) for output in outputs)

    @claim
    def check(stated_a, stated_b):
        same = all(np.array_equal(g, stated_a) for g in of_a.numpy())
        return exact(same and np.array_equal(of_b.mean(dim=0).numpy(), stated_b))

    plain = model.c * np.outer(residual, (model.A.detach() @ x).numpy())
    nothing = np.zeros((2, 4))
    check.holds(nothing, plain)
    check.rejects("the gradient of A starts it", nothing + 1, plain)
    check.rejects("the mean gradient of B has the factor 1/q", nothing, 2 * plain)


# Attention that drops in evaluation.


@pytest.mark.claim(
    "thm-attention-eval",
    method="identity",
    parts=(1, 2),
    rejects=("eval() switches it off", "p q a^2 v^2", "two passes differ by one variance"),
)
def test_attention_in_evaluation_by_identity(claim, rng):
    """Three keys with values of two entries; moments of one output vector and of two passes."""

    def unpack(v):
        return v[:3], v[3:9].reshape(3, 2), v[9]

    def moments(v):
        a, values, p = unpack(v)
        outputs = (MASKS3 * a / (1 - p)) @ values
        weights = mask_weights(MASKS3, p)
        centred = outputs - a @ values
        return np.append((weights @ outputs), ((weights[:, None] * centred).T @ centred))

    def stated(spread):
        def both(v):
            a, values, p = unpack(v)
            covariance = spread(p) * (values.T * a**2) @ values
            return np.append(a @ values, covariance)

        return both

    @claim.part(1)
    def check(spread):
        return dropcheck.identity(moments, stated(spread), 10, rng=rng)

    check.holds(lambda p: p / (1 - p))
    check.rejects("eval() switches it off", lambda p: 0 * p)
    check.rejects("p q a^2 v^2", lambda p: p * (1 - p))

    def difference(v):
        a, values, p = unpack(v)
        return sum(
            chance * (((m - other) * a / (1 - p)) @ values) ** 2
            for m, other, chance in pairs(p, MASKS3)
        )

    @claim.part(2)
    def twice(spread):
        def squared(v):
            a, values, p = unpack(v)
            return spread(p) * (a**2) @ values**2

        return dropcheck.identity(difference, squared, 10, rng=rng)

    twice.holds(lambda p: 2 * p / (1 - p))
    twice.rejects("two passes differ by one variance", lambda p: p / (1 - p))


@pytest.mark.claim("thm-attention-eval", method="monte-carlo", rejects=("eval() switches it off",))
def test_fused_attention_in_evaluation(claim, torch_seed):
    """PyTorch's own function inside a module that is in evaluation; each row has a mask."""

    class Attention(torch.nn.Module):
        def forward(self, q, k, v):
            return F.scaled_dot_product_attention(q, k, v, dropout_p=0.5)

    rows, keys = 40_000, torch.tensor([[0.0], [math.log(3.0)]], dtype=torch.float64)
    query = torch.ones(rows, 1, 1, 1, dtype=torch.float64)
    values = torch.tensor([[2.0], [1.0]], dtype=torch.float64)
    with torch.no_grad():
        outputs = (
            Attention().eval()(query, *(t.expand(rows, 1, 2, 1) for t in (keys, values))).numpy()
        )

    @claim
    def check(variance, *, wrong=None):
        return dropcheck.variance_test(outputs.ravel(), variance, 0, 2.5, wrong=wrong)

    stated = (1 / 4) ** 2 * 4 + (3 / 4) ** 2  # p/q = 1, weights 1/4 and 3/4, values 2 and 1
    check.holds(stated, wrong=0.0)
    check.rejects("eval() switches it off", 0.0)


# A mask that is drawn again for the backward pass.


def regression(v):
    """W, x, y of a layer from two inputs to two outputs, and p."""
    return v[:4].reshape(2, 2), v[4:6], v[6:8], v[8]


@pytest.mark.claim(
    "thm-recomputed-mask",
    method="identity",
    parts=(1, 2, 3),
    rejects=(
        "still an unbiased gradient of the dropout loss",
        "the inputs' gradient keeps the penalty",
        "without spread",
        "the spread of one mask",
        "the ridge solution stays stationary",
    ),
)
def test_recomputed_mask_by_identity(claim, rng):
    def gradients(v):
        W, x, y, p = regression(v)
        for m, other, chance in pairs(p, MASKS2):
            delta = W @ (m * x / (1 - p)) - y
            back = other / (1 - p)
            yield chance, np.append(np.outer(delta, back * x), (W.T @ delta) * back)

    def mean(v):
        return sum(chance * gradient for chance, gradient in gradients(v))

    @claim.part(1)
    def means(weights, inputs):
        def stated(v):
            W, x, y, p = regression(v)
            e, s = W @ x - y, p / (1 - p)
            return np.append(
                np.outer(e, x) + weights * s * W * x**2,
                W.T @ e + inputs * s * (W**2).sum(axis=0) * x,
            )

        return dropcheck.identity(mean, stated, 9, rng=rng)

    means.holds(0, 0)
    means.rejects("still an unbiased gradient of the dropout loss", 1, 0)
    means.rejects("the inputs' gradient keeps the penalty", 0, 1)

    def variance(v):
        centre = mean(v)[:4]
        return sum(chance * (gradient[:4] - centre) ** 2 for chance, gradient in gradients(v))

    @claim.part(2)
    def spread(of_entry):
        def stated(v):
            W, x, y, p = regression(v)
            e, spread_of_output = W @ x - y, (W**2) @ x**2
            return np.array(
                [x[j] ** 2 * of_entry(e[i], spread_of_output[i], p) for i, j in np.ndindex(2, 2)]
            )

        return dropcheck.identity(variance, stated, 9, rng=rng)

    spread.holds(lambda e, V, p: p / (1 - p) * (e**2 + V / (1 - p)))
    spread.rejects("without spread", lambda e, V, p: 0 * p)
    spread.rejects("the spread of one mask", lambda e, V, p: p / (1 - p) * (e**2 + V))

    @claim.part(3)
    def stationary(times):
        """With one output, the mean over three rows vanishes at the solution of G w = X'y."""

        def over_data(v):
            X, y, p = v[:6].reshape(3, 2), v[6:9], v[9]
            G = X.T @ X
            G = G + times * p / (1 - p) * np.diag(np.diag(G))
            b = X.T @ y
            w = np.array([G[1, 1] * b[0] - G[0, 1] * b[1], G[0, 0] * b[1] - G[0, 1] * b[0]])
            w = w / (G[0, 0] * G[1, 1] - G[0, 1] ** 2)
            total = 0
            for x, target in zip(X, y, strict=True):
                for m, other, chance in pairs(p, MASKS2):
                    delta = w @ (m * x / (1 - p)) - target
                    total = total + chance * delta * other * x / (1 - p)
            return total

        return dropcheck.identity(over_data, lambda v: np.array([0 * v[9]] * 2), 10, rng=rng)

    stationary.holds(0)
    stationary.rejects("the ridge solution stays stationary", 1)


@pytest.mark.claim(
    "thm-recomputed-mask",
    method="monte-carlo",
    rejects=("still an unbiased gradient of the dropout loss",),
)
def test_recomputed_mask_in_torch(claim, torch_seed):
    """Checkpointing without the random state: one weight, one unit and one mask a draw."""
    draws, layer = 40_000, nn.Dropout(0.5)

    def gradients(restored):
        weights = torch.ones(draws, dtype=torch.float64, requires_grad=True)
        x = torch.ones(draws, dtype=torch.float64, requires_grad=True)
        output = checkpoint(
            lambda x: weights * layer(x), x, use_reentrant=False, preserve_rng_state=restored
        )
        (output**2 / 2).sum().backward()
        return weights.grad.numpy()

    @claim
    def check(mean, *, restored=False, wrong=None):
        return dropcheck.mean_test(gradients(restored), mean, 0, 4, wrong=wrong)

    check.holds(1.0, wrong=2.0)  # w x^2 without the penalty, and w x^2 / q with it
    check.holds(2.0, restored=True, wrong=1.0)
    check.rejects("still an unbiased gradient of the dropout loss", 2.0)


# Workers with one seed.


def batch_gradient(one_mask, workers=2):
    """Exact mean and variance of the mean of the workers' gradients, of a table and p, s.

    The table holds the gradient for either batch, drawn with probabilities s and 1 - s, and
    for either value of one mask entry.
    """

    def moments(v):
        table, p, s = v[:4].reshape(2, 2), v[4], v[5]
        of_mask, of_batch = (p, 1 - p), (s, 1 - s)
        first = second = 0
        choices = range(2)
        for batches in itertools.product(choices, repeat=workers):
            for drawn in itertools.product(choices, repeat=1 if one_mask else workers):
                masks = drawn * workers if one_mask else drawn
                chance = math.prod(of_batch[b] for b in batches)
                chance = chance * math.prod(of_mask[m] for m in drawn)
                values = [table[b, m] for b, m in zip(batches, masks, strict=True)]
                mean = sum(values) / workers
                first, second = first + chance * mean, second + chance * mean**2
        return np.array([first, second - first**2])

    return moments


def two_terms(v):
    """E_m Var_B(g | m) and Var_m E_B(g | m)."""
    table, p, s = v[:4].reshape(2, 2), v[4], v[5]
    within = p * (table[0, 0] - table[1, 0]) ** 2 + (1 - p) * (table[0, 1] - table[1, 1]) ** 2
    dropped, kept = s * table[0] + (1 - s) * table[1]
    return s * (1 - s) * within, p * (1 - p) * (dropped - kept) ** 2


@pytest.mark.claim(
    "thm-shared-seed",
    method="identity",
    parts=(1, 2, 3),
    rejects=(
        "the seed does not matter",
        "own masks leave a floor",
        "K workers count as K",
        "the mean of the first batch",
    ),
)
@pytest.mark.parametrize("K", [2, 3])
def test_shared_seed_by_identity(claim, rng, K):
    def compare(one_mask, stated):
        found = batch_gradient(one_mask, K)
        return dropcheck.identity(
            lambda v: found(v)[1], lambda v: stated(*two_terms(v)), 6, rng=rng
        )

    @claim.part(2)
    def mean(of_one):
        found = [batch_gradient(one_mask, K) for one_mask in (True, False)]
        return dropcheck.identity(
            lambda v: np.array([moments(v)[0] for moments in found]),
            lambda v: np.repeat(of_one(v[:4].reshape(2, 2), v[4], v[5]), 2),
            6,
            rng=rng,
        )

    @claim.part(1)
    def shared(stated):
        return compare(True, stated)

    @claim.part(2)
    def own(stated):
        return compare(False, stated)

    @claim.part(3)
    def counted(effective):
        def stated(batches, masks):
            share = masks / (batches + masks)
            return (batches + masks) / effective(share)

        return compare(True, stated)

    shared.holds(lambda batches, masks: batches / K + masks)
    shared.rejects("the seed does not matter", lambda batches, masks: (batches + masks) / K)
    own.holds(lambda batches, masks: (batches + masks) / K)
    own.rejects("own masks leave a floor", lambda batches, masks: batches / K + masks)
    counted.holds(lambda share: K / (1 + (K - 1) * share))
    counted.rejects("K workers count as K", lambda share: K + 0 * share)
    mean.holds(lambda table, p, s: np.array([s, 1 - s]) @ table @ np.array([p, 1 - p]))
    mean.rejects("the mean of the first batch", lambda table, p, s: table[0] @ np.array([p, 1 - p]))


@pytest.mark.claim(
    "thm-shared-seed",
    method="monte-carlo",
    parts=(1, 2),
    rejects=("the seed does not matter", "own masks leave a floor"),
)
def test_shared_seed_in_the_layer(claim, rng):
    """Four workers, inputs 1 and 2, one weight of 1 and p = 1/2: 29.5 against 10.75."""
    draws, K = 30_000, 4
    inputs = rng.choice([1.0, 2.0], size=(draws, K))
    own = layers.Dropout(0.5, rng=rng).forward(np.ones((draws, K)))
    shared = layers.Dropout(0.5, rng=rng).forward(np.ones((draws, 1)))

    def means(factors):
        return ((inputs * factors) ** 2).mean(axis=1)

    def compare(factors, variance, wrong):
        return dropcheck.variance_test(means(factors), variance, 0, 16, wrong=wrong)

    @claim.part(1)
    def one_seed(variance, *, wrong=None):
        return compare(shared, variance, wrong)

    @claim.part(2)
    def own_seeds(variance, *, wrong=None):
        return compare(own, variance, wrong)

    one_seed.holds(29.5, wrong=10.75)
    one_seed.rejects("the seed does not matter", 10.75)
    own_seeds.holds(10.75, wrong=29.5)
    own_seeds.rejects("own masks leave a floor", 29.5)


@pytest.mark.claim(
    "thm-shared-seed",
    method="bound",
    parts=(3,),
    rejects=("half as many at most", "no bound but their number"),
)
def test_workers_with_one_seed_count_as_less_than_one_over_the_share(claim, rng):
    """By the variances of part 1; with many workers a smaller limit would not do."""
    within, masks = rng.exponential(size=(2, 2000))
    workers = 2.0 ** rng.integers(1, 20, 2000)
    counted = (within + masks) / (within / workers + masks)
    share = masks / (within + masks)

    @claim
    def check(limits):
        report = dropcheck.bound(counted, limits)
        return report if np.max(counted / limits) > 0.99 else exact(False, "bound")

    check.holds(1 / share)
    check.rejects("half as many at most", 1 / (2 * share))
    check.rejects("no bound but their number", 1000 * workers)


# Layers that are sharded.


def sharded_moments(shared):
    """Mean and variance of the sum of two ranks with two units each, a function of u and p."""

    def moments(v):
        u, p = v[:4].reshape(2, 2), v[4]
        masks = enumerate_masks(2 if shared else 4).astype(int)
        drawn = np.tile(masks, (1, 2)) if shared else masks
        sums, weights = drawn @ u.ravel() / (1 - p), mask_weights(masks, p)
        mean = weights @ sums
        return np.array([mean, weights @ sums**2 - mean**2])

    return moments


@pytest.mark.claim(
    "thm-sharded-mask",
    method="identity",
    parts=(1, 2),
    rejects=("one seed for shards", "seeds of their own for copies", "the mean tells them apart"),
)
def test_sharded_mask_by_identity(claim, rng):
    def one(u):
        return (u.sum(axis=0) ** 2).sum()

    def each(u):
        return (u**2).sum()

    @claim.part(1)
    def shards(shared, terms, mean=1):
        def stated(v):
            u, p = v[:4].reshape(2, 2), v[4]
            return np.array([mean * u.sum(), p / (1 - p) * terms(u)])

        return dropcheck.identity(sharded_moments(shared), stated, 5, rng=rng)

    shards.holds(True, one)
    shards.holds(False, each)
    shards.rejects("one seed for shards", True, each)
    shards.rejects("the mean tells them apart", True, one, mean=2)

    def copies(shared):
        """Covariance of an output of each rank, and the squared distance of the two copies."""

        def moments(v):
            rows, x, p = v[:4].reshape(2, 2), v[4:6], v[6]
            covariance = distance = 0
            for m, other, chance in pairs(p, MASKS2):
                second = m if shared else other
                one, two = m * x / (1 - p), second * x / (1 - p)
                covariance += chance * (rows[0] @ (one - x)) * (rows[1] @ (two - x))
                distance += chance * ((one - two) ** 2).sum()
            return np.array([covariance, distance])

        return moments

    @claim.part(2)
    def replicas(shared, covariance, distance):
        def stated(v):
            rows, x, p = v[:4].reshape(2, 2), v[4:6], v[6]
            s = p / (1 - p)
            return np.array(
                [covariance * s * (rows[0] * rows[1] * x**2).sum(), distance * s * (x**2).sum()]
            )

        return dropcheck.identity(copies(shared), stated, 7, rng=rng)

    replicas.holds(True, 1, 0)
    replicas.holds(False, 0, 2)
    replicas.rejects("seeds of their own for copies", False, 1, 0)


@pytest.mark.claim(
    "thm-sharded-mask", method="bound", parts=(3,), rejects=("at most the same variance",)
)
def test_sharded_ratio_is_at_most_the_number_of_ranks(claim, rng):
    cases = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(2000)]
    cases += [np.tile(u[:1], (len(u), 1)) for u in cases[:50]]  # the same on each rank
    ratios = [(u.sum(axis=0) ** 2).sum() / (u**2).sum() for u in cases]
    ranks = np.array([len(u) for u in cases])

    @claim
    def check(limits):
        return dropcheck.bound(ratios, limits)

    check.holds(ranks)
    check.rejects("at most the same variance", np.ones(len(cases)))


@pytest.mark.claim(
    "thm-sharded-mask",
    method="enumeration",
    parts=(3,),
    rejects=(
        "at most the same variance",
        "equal contributions cancel",
        "equal sums of the ranks reach the bound",
        "opposite sums of the ranks cancel",
    ),
)
def test_equal_shards_double_the_variance_and_opposite_ones_cancel(claim):
    """Where the bound for two ranks is reached, and where the variance is zero."""
    p = Fraction(1, 3)
    equal, opposite = ([1, -2, 1, -2], [1, -2, -1, 2])

    @claim
    def times(factor, *, terms):
        v = np.array([*map(Fraction, terms), p])
        one, own = (sharded_moments(shared)(v)[1] for shared in (True, False))
        return exact(own != 0 and one == factor * own)

    times.holds(2, terms=equal)
    times.holds(0, terms=opposite)
    times.rejects("at most the same variance", 1, terms=equal)
    times.rejects("equal contributions cancel", 0, terms=equal)
    times.rejects("equal sums of the ranks reach the bound", 2, terms=[1, 0, 0, 1])
    times.rejects("opposite sums of the ranks cancel", 0, terms=[1, 0, 0, -1])


@pytest.mark.claim("thm-sharded-mask", method="monte-carlo", rejects=("one seed for shards",))
def test_sharded_mask_in_the_layers(claim, seed):
    """Two ranks with the same contributions: one seed doubles the variance."""
    rows, u = 40_000, np.array([1.0, 0.5])

    def sums(seeds):
        shards = [layers.Dropout(0.5, rng=s).forward(np.tile(u, (rows, 1))) for s in seeds]
        return sum(shard.sum(axis=1) for shard in shards)

    @claim
    def check(variance, *, seeds, wrong=None):
        return dropcheck.variance_test(sums(seeds), variance, 0, 6, wrong=wrong)

    check.holds(5.0, seeds=(seed, seed), wrong=2.5)
    check.holds(2.5, seeds=(seed, seed + 1), wrong=5.0)
    check.rejects("one seed for shards", 2.5, seeds=(seed, seed))


# Rates from few bits.


def kept_numbers(bits, q, rule):
    """How many of the 2^bits equally likely numbers keep a unit."""
    numbers = range(2**bits)
    return sum(bool(rule(number, q, bits)) for number in numbers)


RULES = {
    "<= floor(255 q)": lambda u, q, b: u <= math.floor((2**b - 1) * q),
    "< 256 q": lambda u, q, b: u < 2**b * q,
    ">= 256 p": lambda u, q, b: u >= 2**b * (1 - q),
}


@pytest.mark.claim(
    "thm-quantised-rate",
    method="enumeration",
    rejects=("the rate is p", "half as far off"),
)
def test_quantised_mean_over_all_bytes(claim):
    """Three rules and many rates, over all values of the random number."""
    rates = [Fraction(k, 100) for k in range(1, 100)]

    def deviations(bits):
        for rule in RULES.values():
            for p in rates:
                q = 1 - p
                kept = kept_numbers(bits, q, rule)
                yield p, sum(1 / q for _ in range(kept)) / 2**bits - 1, Fraction(kept, 2**bits)

    over_all = {bits: list(deviations(bits)) for bits in (4, 8)}

    @claim
    def check(deviation, limit):
        holds = True
        for bits in (4, 8):
            shares = []
            for p, found, realised in over_all[bits]:
                holds &= found == deviation(realised, p)
                holds &= found != 0 or (2**bits * p).denominator == 1
                shares.append(abs(found) / limit(p, bits))
            holds &= Fraction(9, 10) < max(shares) < 1  # a smaller limit would not do
        return exact(holds)

    def limit(p, bits):
        return Fraction(1, 2**bits) / (1 - p)

    def right(realised, p):
        return realised / (1 - p) - 1

    check.holds(right, limit)
    check.rejects("the rate is p", lambda realised, p: 0, limit)
    check.rejects("half as far off", right, lambda p, bits: limit(p, bits) / 2)
    kept = kept_numbers(8, Fraction(9, 10), RULES["<= floor(255 q)"])
    assert (kept, round(right(Fraction(kept, 256), Fraction(1, 10)), 5)) == (
        230,
        Fraction(-174, 10**5),
    )


@pytest.mark.claim(
    "thm-quantised-rate",
    method="identity",
    parts=(1, 2, 3),
    rejects=(
        "the rate is p",
        "one factor for two layers",
        "one mask for all layers",
        "variance p/q",
    ),
)
def test_quantised_rate_by_identity(claim, rng):
    """Masks drawn at the rate p^ = v[-2] and scaled for p = v[-1], in one layer and in two."""

    def chances(v):
        return mask_weights(MASKS2, v[-2])

    def one_layer(v):
        return chances(v) @ (MASKS2 * v[:2] / (1 - v[-1]))

    @claim.part(1)
    def mean(factor):
        return dropcheck.identity(
            one_layer, lambda v: factor(1 - v[-2], 1 - v[-1]) * v[:2], 4, rng=rng
        )

    mean.holds(lambda realised, q: realised / q)
    mean.rejects("the rate is p", lambda realised, q: 1 + 0 * q)

    def two_layers(v, one_mask):
        W, x = v[2:6].reshape(2, 2), v[:2]
        return sum(
            chance * (second * (W @ (first * x))) / (1 - v[-1]) ** 2
            for first, other, chance in pairs(v[-2], MASKS2)
            for second in [first if one_mask else other]
        )

    @claim.part(2)
    def deep(factor, *, one_mask=False):
        def stated(v):
            return factor((1 - v[-2]) / (1 - v[-1])) * (v[2:6].reshape(2, 2) @ v[:2])

        return dropcheck.identity(lambda v: two_layers(v, one_mask), stated, 8, rng=rng)

    deep.holds(lambda ratio: ratio**2)
    deep.rejects("one factor for two layers", lambda ratio: ratio)
    deep.rejects("one mask for all layers", lambda ratio: ratio**2, one_mask=True)

    def mended(v):
        outputs = MASKS2 * v[:2] / (1 - v[-2])
        first = chances(v) @ outputs
        return np.append(first, chances(v) @ outputs**2 - first**2)

    @claim.part(3)
    def exact_scale(spread):
        def stated(v):
            return np.append(v[:2], spread(v[-2], v[-1]) * v[:2] ** 2)

        return dropcheck.identity(mended, stated, 4, rng=rng)

    exact_scale.holds(lambda realised, p: realised / (1 - realised))
    exact_scale.rejects("variance p/q", lambda realised, p: p / (1 - p))


# Dropout of an output.


@pytest.mark.claim(
    "thm-output-dropout",
    method="identity",
    parts=(1, 2, 3),
    rejects=(
        "inverted scaling makes it harmless",
        "the penalty is that of the weights",
        "the standard convention is spared",
    ),
)
def test_output_dropout_by_identity(claim, rng):
    """One output and two targets of one input, drawn with probabilities t and 1 - t."""

    def loss(output, v, scaled):
        targets, chances, p = v[1:3], (v[3], 1 - v[3]), v[4]
        factor = output / (1 - p) if scaled else output
        return sum(
            chance * (p * y**2 + (1 - p) * (y - factor) ** 2)
            for y, chance in zip(targets, chances, strict=True)
        )

    def mean_target(v):
        return v[3] * v[1] + (1 - v[3]) * v[2]

    @claim.part(1)
    def penalised(penalty):
        def stated(v):
            o, p = v[0], v[4]
            plain = v[3] * (v[1] - o) ** 2 + (1 - v[3]) * (v[2] - o) ** 2
            return plain + penalty(o, p)

        return dropcheck.identity(lambda v: loss(v[0], v, True), stated, 5, rng=rng)

    penalised.holds(lambda o, p: p / (1 - p) * o**2)
    penalised.rejects("the penalty is that of the weights", lambda o, p: p / (1 - p) * o)

    def excess(best, curvature, scaled):
        """What an output loses against the stated best one, as a multiple of the distance."""

        def lost(v):
            return loss(v[0], v, scaled) - loss(best(v), v, scaled)

        def stated(v):
            return curvature(v) * (v[0] - best(v)) ** 2

        return dropcheck.identity(lost, stated, 5, rng=rng)

    @claim.part(2)
    def inverted(best, curvature):
        return excess(best, curvature, True)

    inverted.holds(lambda v: (1 - v[4]) * mean_target(v), lambda v: 1 / (1 - v[4]))
    inverted.rejects("inverted scaling makes it harmless", mean_target, lambda v: 1 / (1 - v[4]))

    @claim.part(3)
    def standard(predicted, curvature):
        """The best output in training is what is predicted, divided by q."""
        return excess(lambda v: predicted(v) / (1 - v[4]), curvature, False)

    standard.holds(lambda v: (1 - v[4]) * mean_target(v), lambda v: 1 - v[4])
    standard.rejects("the standard convention is spared", mean_target, lambda v: 1 - v[4])


@pytest.mark.claim(
    "thm-output-dropout",
    method="monte-carlo",
    parts=(2,),
    rejects=("inverted scaling makes it harmless",),
)
def test_output_dropout_by_the_gradient_in_the_layer(claim, rng):
    """For targets 0 and 2 the mean derivative of the loss is zero at q times their mean."""
    p, draws = 0.4, 60_000
    factors = layers.Dropout(p, rng=rng).forward(np.ones(draws))
    targets = rng.choice([0.0, 2.0], size=draws)

    @claim
    def check(output, *, wrong=None):
        slopes = -factors * (targets - output * factors)
        return dropcheck.mean_test(slopes, 0.0, -4.0, 4.0, wrong=wrong)

    check.holds(1 - p, wrong=1 / (1 - p) - 1)
    check.rejects("inverted scaling makes it harmless", 1.0)


# Pooling.


@pytest.mark.claim(
    "thm-pooling",
    method="identity",
    parts=(1, 2, 3),
    rejects=(
        "the spread does not see the order",
        "the order does not matter for the maximum",
        "p^i for the i-th",
        "a coin for the map leaves the largest",
    ),
)
def test_pooling_by_identity(claim, rng):
    """Three units, the first of which is the largest and the last the smallest."""

    def averages(before):
        def moments(v):
            x, p = v[:3], v[3]
            masks = MASKS3 if before else MASKS1
            means = (masks * x).sum(axis=1) / 3 / (1 - p)
            weights = mask_weights(masks, p)
            first = weights @ means
            return np.array([first, weights @ means**2 - first**2])

        return moments

    @claim.part(1)
    def average(before, squares):
        def stated(v):
            return np.array([v[:3].sum() / 3, v[3] / (1 - v[3]) * squares(v[:3]) / 9])

        return dropcheck.identity(averages(before), stated, 4, rng=rng)

    average.holds(True, lambda x: (x**2).sum())
    average.holds(False, lambda x: x.sum() ** 2)
    average.rejects("the spread does not see the order", True, lambda x: x.sum() ** 2)

    def largest(v):
        """The mean of the first unit that is kept, which is the largest of them."""
        x, p = v[:3], v[3]
        first = [next((x[i] for i in range(3) if m[i]), 0 * p) for m in MASKS3]
        return mask_weights(MASKS3, p) @ np.array(first) / (1 - p)

    @claim.part(2)
    def maximum(weight):
        def stated(v):
            return sum(weight(i, v[3]) * v[i] for i in range(3))

        return dropcheck.identity(largest, stated, 4, rng=rng)

    maximum.holds(lambda i, p: p**i)
    maximum.rejects("the order does not matter for the maximum", lambda i, p: int(i == 0) + 0 * p)
    maximum.rejects("p^i for the i-th", lambda i, p: p ** (i + 1))

    @claim.part(3)
    def one_coin(best):
        """One coin for the map: before the maximum and behind it, for either value of the coin."""

        def before(v):
            return np.array([max_of_sorted(m[0] * v[:3] / (1 - v[3])) for m in MASKS1])

        def behind(v):
            return np.array([m[0] * best(v[:3]) / (1 - v[3]) for m in MASKS1])

        return dropcheck.identity(before, behind, 4, rng=rng)

    def max_of_sorted(x):
        return x[0]

    one_coin.holds(lambda x: x[0])
    one_coin.rejects("a coin for the map leaves the largest", lambda x: x[1])


@pytest.mark.claim(
    "thm-pooling",
    method="enumeration",
    parts=(2, 3),
    rejects=("the order does not matter for the maximum", "units in their own order"),
)
def test_maximum_over_all_masks(claim, rng):
    """Activations in any order, by the maximum itself."""
    cases = [
        (np.array([Fraction(int(k), 7) for k in rng.integers(0, 50, 5)]), Fraction(int(r), 11))
        for r in rng.integers(1, 11, 12)
    ]
    alone = np.array([Fraction(0)] * 4 + [Fraction(3)])  # where the order makes no difference
    cases += [(alone, Fraction(1, 3)), (cases[0][0], Fraction(0))]
    masks = enumerate_masks(5).astype(int)

    @claim
    def check(stated):
        holds = True
        for x, p in cases:
            found = mask_weights(masks, p) @ (masks * x / (1 - p)).max(axis=1)
            holds &= found == stated(x, p) and found >= x.max()
            holds &= (found == x.max()) == (p == 0 or sorted(x)[-2] == 0)
            # One coin for the window, before the pooling and behind it, whatever the signs.
            for entry, signed in itertools.product((0, 1), (x, x - 4, -x)):
                window, factor = entry * signed / (1 - p), entry / (1 - p)
                holds &= window.max() == factor * signed.max()
                holds &= window.sum() / 5 == factor * (signed.sum() / 5)
        return exact(holds)

    def by_rank(x, p):
        return sum(p**i * value for i, value in enumerate(sorted(x, reverse=True)))

    check.holds(by_rank)
    check.rejects("the order does not matter for the maximum", lambda x, p: x.max())
    check.rejects(
        "units in their own order", lambda x, p: sum(p**i * value for i, value in enumerate(x))
    )


# Paths of evaluation that leave the layers out.


def encoder(rng, drop):
    """A transformer layer in double precision, its dropout modules switched on or off."""
    layer = torch.nn.TransformerEncoderLayer(
        8, 2, dim_feedforward=8, dropout=0.5, batch_first=True, dtype=torch.float64
    ).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape)))
    for module in layer.modules():
        if isinstance(module, torch.nn.Dropout):
            module.train(drop)
    return layer


@pytest.mark.claim(
    "thm-evaluation-fast-path",
    method="same-mask",
    rejects=("Monte Carlo passes reach the layers that drop",),
)
def test_fast_path_of_torch(claim, rng, seed, torch_seed):
    """The fused path against the layers: equal in evaluation, and blind to layers that drop."""
    x = torch.tensor(rng.normal(size=(2, 3, 8)))

    def outputs(drop, fused):
        layer = encoder(np.random.default_rng(seed), drop)
        before = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(fused)
        try:
            with torch.no_grad():
                return torch.stack([layer(x) for _ in range(3)])
        finally:
            torch.backends.mha.set_fastpath_enabled(before)

    @claim
    def check(drop, fused, *, like=(False, False)):
        found, wanted = outputs(drop, fused), outputs(*like)
        error = float((found - wanted).abs().max())
        return dropcheck.Report(
            passed=error <= 1e-12, method="same-mask", rounding=1e-12, error=error
        )

    check.holds(False, True)  # evaluation
    check.holds(True, True)  # the layers drop, and nobody asks them
    claim.survives("check(drop negated", "that the fused path does not see the layers is the claim")
    claim.survives("check(fused negated", "that both paths agree in evaluation is the claim")
    reached = "Monte Carlo passes reach the layers that drop"
    check.rejects(reached, True, True, like=(True, False))


@pytest.mark.claim(
    "thm-evaluation-fast-path",
    method="identity",
    parts=(1, 2, 3),
    rejects=("standard layers may be left out", "one factor for two layers", "the spread is kept"),
)
def test_fast_path_by_identity(claim, rng):
    """Two linear layers, each behind a layer that drops; x, W, V and two rates."""

    def unpack(v):
        return v[:2], v[2:6].reshape(2, 2), v[6:8], v[8], v[9]

    def fast(v):
        x, W, row, _, _ = unpack(v)
        return row @ (W @ x)

    @claim.part(1)
    def skipped(first, second):
        """Layers that multiply by these numbers in evaluation, against the fused path."""

        def layerwise(v):
            x, W, row, p, r = unpack(v)
            return row @ (second(p, r) * (W @ (first(p, r) * x)))

        return dropcheck.identity(layerwise, fast, 10, rng=rng)

    skipped.holds(lambda p, r: 1 + 0 * p, lambda p, r: 1 + 0 * r)
    skipped.rejects("standard layers may be left out", lambda p, r: 1 - p, lambda p, r: 1 - r)

    @claim.part(2)
    def spread(share):
        """Variance over masks of the first layer's passes: of the layers, times `share`."""

        def of_the_layers(v):
            x, W, row, p, _ = unpack(v)
            outputs = (MASKS2 * x / (1 - p)) @ W.T @ row
            weights = mask_weights(MASKS2, p)
            return np.array([weights @ outputs, weights @ outputs**2 - (weights @ outputs) ** 2])

        def stated(v):
            x, W, row, p, _ = unpack(v)
            return np.array([fast(v), share * p / (1 - p) * ((row @ W) ** 2 * x**2).sum()])

        return dropcheck.identity(of_the_layers, stated, 10, rng=rng)

    spread.holds(1)
    spread.rejects("the spread is kept", 0)

    @claim.part(3)
    def standard(factor):
        def layerwise(v):
            x, W, row, p, r = unpack(v)
            return row @ ((1 - r) * (W @ ((1 - p) * x)))

        def stated(v):
            return factor(1 - v[8], 1 - v[9]) * fast(v)

        return dropcheck.identity(layerwise, stated, 10, rng=rng)

    standard.holds(lambda q, r: q * r)
    standard.rejects("one factor for two layers", lambda q, r: q)


@pytest.mark.claim(
    "thm-evaluation-fast-path",
    method="enumeration",
    parts=(3,),
    rejects=("standard layers may be left out",),
)
def test_fast_path_past_standard_layers(claim, rng):
    """ReLU networks without biases, in whole numbers: the library's layers at p = 1/2."""
    W, V = (rng.integers(-3, 4, size).astype(float) for size in ((6, 4), (5, 6)))
    W[0], V[0] = 1, np.abs(V[0])  # a hidden unit and an output are above 0 for every row
    V[0, 0] = 1
    x = rng.integers(1, 5, (3, 4)).astype(float)
    layer = layers.StandardDropout(0.5)
    layer.eval()

    def network(drop):
        hidden = np.maximum(drop(x) @ W.T, 0)
        return np.maximum(drop(hidden) @ V.T, 0)

    @claim
    def check(factor):
        return exact(np.array_equal(network(layer.forward), factor * network(lambda x: x)))

    check.holds(0.25)
    check.rejects("standard layers may be left out", 1.0)


# What an exporter records.


@pytest.mark.claim(
    "def-export",
    method="same-mask",
    rejects=("an export in evaluation drops", "an export in training is quiet"),
)
def test_exported_program_on_the_same_mask(claim, seed):
    """The graph of torch.export draws the mask of the module that was recorded."""
    x = torch.ones(4, 16)

    def run(function):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed % 2**31)
            return function(x)

    def exported(training):
        module = torch.nn.Sequential(torch.nn.Dropout(0.5)).train(training)
        return torch.export.export(module, (x,)).module()

    @claim
    def check(recorded, mode):
        found = run(exported(recorded))
        wanted = run(lambda x: F.dropout(x, 0.5, training=mode))
        return exact(torch.equal(found, wanted), "same-mask")

    check.holds(True, True)
    check.holds(False, False)
    check.rejects("an export in evaluation drops", False, True)
    check.rejects("an export in training is quiet", True, False)


# Weight decay beside dropout.


def two_penalties(weights):
    """Gradient at `weights(X, y, s, decay)` of the mean dropout loss with weight decay."""

    def gradient(v):
        X, y, p, decay = v[:4].reshape(2, 2), v[4:6], v[6], v[7]
        w, total = weights(X, y, p / (1 - p), decay), 0
        for mask, chance in zip(MASKS2, mask_weights(MASKS2, p), strict=True):
            masked = X * mask / (1 - p)
            total = total + chance * 2 * masked.T @ (masked @ w - y)
        return total + 2 * decay * w

    return gradient


def solve(G, b):
    """The solution of two equations."""
    top = np.array([G[1, 1] * b[0] - G[0, 1] * b[1], G[0, 0] * b[1] - G[1, 0] * b[0]])
    return top / (G[0, 0] * G[1, 1] - G[0, 1] * G[1, 0])


@pytest.mark.claim(
    "thm-decay-and-dropout",
    method="identity",
    parts=(1, 2),
    rejects=("ridge of both strengths", "dropout alone", "the shrinkages multiply"),
)
def test_decay_and_dropout_by_identity(claim, rng):
    def nothing(v):
        return np.array([0 * v[0]] * 2)

    def minimiser(penalty):
        def weights(X, y, s, decay):
            G = X.T @ X
            return solve(G + np.diag(penalty(np.diag(G), s, decay)), X.T @ y)

        return weights

    @claim.part(1)
    def check(penalty):
        return dropcheck.identity(two_penalties(minimiser(penalty)), nothing, 8, rng=rng)

    check.holds(lambda squares, s, decay: s * squares + decay)
    check.rejects("ridge of both strengths", lambda squares, s, decay: s + decay + 0 * squares)
    check.rejects("dropout alone", lambda squares, s, decay: s * squares)

    def shrinkage(v):
        """Of one input with sum of squares a, against least squares."""
        a, p, decay = v
        return a / (a / (1 - p) + decay)

    @claim.part(2)
    def together(combine):
        def stated(v):
            a, p, decay = v
            return combine(1 - p, a / (a + decay))

        return dropcheck.identity(shrinkage, stated, 3, rng=rng)

    together.holds(lambda dropout, decay: 1 / (1 / dropout + 1 / decay - 1))
    together.rejects("the shrinkages multiply", lambda dropout, decay: dropout * decay)


@pytest.mark.claim(
    "thm-decay-and-dropout",
    method="symbolic",
    parts=(1, 2),
    rejects=("ridge of both strengths", "the shrinkages multiply"),
)
def test_decay_and_dropout_symbolically(claim):
    """One input: the stationary point of the mean loss, written out over its two masks."""
    a, b, w = sympy.symbols("a b w", positive=True)  # sum of squares, of products, weight
    p, decay = sympy.symbols("p lambda", positive=True)
    kept = w / (1 - p)
    loss = (1 - p) * (a * kept**2 - 2 * b * kept) + decay * w**2
    (found,) = sympy.solve(sympy.diff(loss, w), w)

    @claim
    def check(shrinkage):
        same = sympy.simplify(found - shrinkage * b / a) == 0
        return dropcheck.Report(passed=bool(same), method="symbolic", rounding=0.0)

    check.holds(1 / (1 / (1 - p) + decay / a))
    # A smaller reciprocal than that of the product, by two positive brackets.
    q, s = 1 - p, a / (a + decay)
    less = 1 / (q * s) - b / a / found
    assert sympy.simplify(less - (1 / q - 1) * (1 / s - 1)) == 0
    check.rejects("ridge of both strengths", a / (a + p / (1 - p) + decay))
    check.rejects("the shrinkages multiply", (1 - p) * a / (a + decay))


@pytest.mark.claim(
    "thm-decay-and-dropout",
    method="exact-float",
    parts=(3,),
    rejects=("the same decay in PyTorch's form", "q^-2 as for a penalty"),
)
def test_decoupled_decay_by_torch(claim, rng):
    """A layer behind either convention at q = 1/2: powers of two, the same path bit by bit."""
    start = torch.tensor(rng.normal(size=(8, 1)))
    inputs, targets = torch.tensor(rng.normal(size=(16, 8))), torch.tensor(rng.normal(size=(16, 1)))
    masks = torch.tensor(rng.integers(0, 2, (30, 16, 8)))
    rate, decay, eps, q = 2.0**-6, 0.125, 2.0**-20, 0.5

    def path(inverted, decay):
        W = torch.nn.Parameter(start * (q if inverted else 1))
        optimiser = torch.optim.AdamW(
            [W],
            lr=rate * (q if inverted else 1),
            eps=eps / (q if inverted else 1),
            weight_decay=decay,
            foreach=False,
        )
        for mask in masks:
            optimiser.zero_grad()
            dropped = inputs * mask / (q if inverted else 1)
            ((dropped @ W - targets) ** 2).sum().backward()
            optimiser.step()
        return W.detach()

    @claim
    def check(factor):
        same = torch.equal(path(True, factor * decay), q * path(False, decay))
        return exact(same, "exact-float")

    check.holds(1 / q)
    check.rejects("the same decay in PyTorch's form", 1.0)
    check.rejects("q^-2 as for a penalty", 1 / q**2)


@pytest.mark.claim(
    "thm-decay-and-dropout",
    method="exact-float",
    parts=(3,),
    rejects=("1/q in the form of the paper",),
)
def test_decoupled_decay_as_in_the_paper(claim, rng):
    """Loshchilov and Hutter's AdamW, whose decay is not multiplied by the learning rate."""
    q, inputs, targets = 0.5, rng.normal(size=(16, 8)), rng.normal(size=16)
    masks, start = rng.integers(0, 2, (30, 16, 8)), rng.normal(size=8)

    def path(scale, rate, eps, w, decay):
        first, second = np.zeros(8), np.zeros(8)
        for step, mask in enumerate(masks, start=1):
            dropped = inputs * mask * scale
            gradient = dropped.T @ (dropped @ w - targets)
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            update = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + eps)
            w = w - rate * update - decay * w
        return w

    @claim
    def check(factor):
        standard = path(1.0, 2.0**-6, 2.0**-20, start, 0.0625)
        inverted = path(1 / q, q * 2.0**-6, 2.0**-20 / q, q * start, factor * 0.0625)
        return exact(np.array_equal(inverted, q * standard), "exact-float")

    check.holds(1.0)
    check.rejects("1/q in the form of the paper", 1 / q)
