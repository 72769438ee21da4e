"""The claims of the chapter on sequences, graphs and tokens, and the wrong forms they refuse."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import dropcheck
from dropoutlib import layers
from dropoutlib.masks import enumerate_masks, mask_weights

MASKS1, MASKS2, MASKS3, MASKS4, MASKS5, MASKS6 = (
    enumerate_masks(n).astype(int) for n in range(1, 7)
)


def close(found, wanted, rounding=1e-12):
    """A report of the largest difference of two tensors, averaged over all masks."""
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    error = float((found - wanted).abs().max())
    return dropcheck.Report(
        passed=error <= rounding, method="enumeration", rounding=rounding, error=error
    )


def mean_and_variance(weights, values):
    """Both under the weights of the cases, exact where these are."""
    mean = weights @ values
    return np.array([mean, weights @ values**2 - mean**2])


# Recurrent networks.

STEPS = 3


def states_of(shared, p):
    """Masks of three steps, a row for each case, and their probabilities."""
    if shared:
        return np.repeat(MASKS1, STEPS, axis=1), mask_weights(MASKS1, p)
    return MASKS3, mask_weights(MASKS3, p)


def recurrent_moments(shared):
    """Exact mean and second moment of the last state, a function of w, h_0 and p."""

    def moments(v):
        w, start, p = v
        masks, weights = states_of(shared, p)
        states = start * np.prod(masks * (w / (1 - p)), axis=1)
        return np.array([weights @ states, weights @ states**2])

    return moments


def stated_moments(mean, second):
    """The moments with a power of q for each, as numbers of steps."""

    def moments(v):
        w, start, p = v
        plain, q = w**STEPS * start, 1 - p
        return np.array([plain * q**mean, plain**2 * q**second])

    return moments


@pytest.mark.claim(
    "thm-recurrent-mean",
    method="identity",
    parts=(1, 2),
    rejects=("one mask keeps the mean", "fresh masks do not", "one mask, q^-T"),
)
def test_recurrent_moments_by_identity(claim, rng):
    def compare(shared, stated):
        return dropcheck.identity(recurrent_moments(shared), stated, 3, rng=rng)

    @claim.part(1)
    def fresh(stated):
        return compare(False, stated)

    @claim.part(2)
    def one(stated):
        return compare(True, stated)

    fresh.holds(stated_moments(0, -STEPS))
    fresh.rejects("fresh masks do not", stated_moments(1 - STEPS, 1 - 2 * STEPS))
    one.holds(stated_moments(1 - STEPS, 1 - 2 * STEPS))
    one.rejects("one mask keeps the mean", stated_moments(0, -STEPS))
    one.rejects("one mask, q^-T", stated_moments(-STEPS, -2 * STEPS))


@pytest.mark.claim(
    "thm-recurrent-mean",
    method="identity",
    parts=(3,),
    rejects=("one mask keeps the mean", "each step counts", "fresh masks count visits"),
)
def test_recurrent_paths_by_identity(claim, rng):
    """Two units and three steps: each path has the power of q of the visits that it repeats."""

    def mean_state(shared):
        def mean(v):
            W, start, p = v[:4].reshape(2, 2), v[4:6], v[6]
            masks = np.tile(MASKS2, (1, STEPS)) if shared else MASKS6
            weights, total = mask_weights(MASKS2 if shared else MASKS6, p), 0
            for row, weight in zip(masks, weights, strict=True):
                state = start
                for mask in row.reshape(STEPS, 2):
                    state = W @ (mask * state / (1 - p))
                total = total + weight * state
            return total

        return mean

    def over_paths(factor):
        def mean(v):
            W, start, p = v[:4].reshape(2, 2), v[4:6], v[6]
            total = 0 * start
            for path in itertools.product(range(2), repeat=STEPS + 1):
                product = start[path[0]] * factor(len(set(path[:-1])), 1 - p)
                for here, there in itertools.pairwise(path):
                    product = product * W[there, here]
                total = total + product * (np.arange(2) == path[-1])
            return total

        return mean

    @claim
    def check(factor, *, shared):
        return dropcheck.identity(mean_state(shared), over_paths(factor), 7, rng=rng)

    def repeats(units, q):
        return q ** (units - STEPS)

    check.holds(repeats, shared=True)
    check.holds(lambda units, q: 1 + 0 * q, shared=False)
    check.rejects("one mask keeps the mean", lambda units, q: 1 + 0 * q, shared=True)
    check.rejects("each step counts", lambda units, q: q ** (1 - STEPS), shared=True)
    check.rejects("fresh masks count visits", repeats, shared=False)


@pytest.mark.claim(
    "thm-recurrent-mean",
    method="identity",
    parts=(4,),
    rejects=("one mask spoils this mean too", "both have one variance"),
)
def test_dropped_updates_by_identity(claim, rng):
    """The state is w h + (m/q) u with given updates u; made of the state, they are no such."""

    def moments(shared):
        def of(v):
            w, start, updates, p = v[0], v[1], v[2:5], v[5]
            masks, weights = states_of(shared, p)
            powers = np.array([w ** (STEPS - 1 - t) for t in range(STEPS)])
            states = w**STEPS * start + (masks * (powers * updates)) @ np.ones(3, int) / (1 - p)
            return mean_and_variance(weights, states)

        return of

    def stated(variance, scale=lambda q: 1 + 0 * q):
        def of(v):
            w, start, updates, p = v[0], v[1], v[2:5], v[5]
            terms = np.array([w ** (STEPS - 1 - t) * updates[t] for t in range(STEPS)])
            mean = (w**STEPS * start + terms.sum()) * scale(1 - p)
            return np.array([mean, p / (1 - p) * variance(terms)])

        return of

    @claim
    def check(statement, *, shared):
        return dropcheck.identity(moments(shared), statement, 6, rng=rng)

    def apart(terms):
        return (terms**2).sum()

    def together(terms):
        return terms.sum() ** 2

    check.holds(stated(apart), shared=False)
    check.holds(stated(together), shared=True)
    check.rejects("both have one variance", stated(apart), shared=True)
    check.rejects(
        "one mask spoils this mean too",
        stated(together, lambda q: q ** (1 - STEPS)),
        shared=True,
    )

    def made_of_the_state(shared):
        """Whether evaluation gives the mean of the last state if u is a number times h."""

        def mean(v):
            w, start, shares, p = v[0], v[1], v[2:5], v[5]
            masks, weights = states_of(shared, p)
            return weights @ np.prod(masks * (shares / (1 - p)) + w, axis=1) * start

        return dropcheck.identity(mean, lambda v: v[1] * np.prod(v[2:5] + v[0]), 6, rng=rng)

    assert made_of_the_state(shared=False)
    assert not made_of_the_state(shared=True)


@pytest.mark.claim(
    "thm-recurrent-mean",
    method="monte-carlo",
    parts=(1, 2),
    rejects=("one mask keeps the mean", "fresh masks do not"),
)
def test_recurrent_mean_in_the_layer(claim, rng):
    """Weight 1, state 1, three steps and p = 1/2: the mean is 1, or 4 with one mask."""
    draws = 40_000
    layer = layers.Dropout(0.5, rng=rng)
    fresh = np.prod([layer.forward(np.ones(draws)) for _ in range(STEPS)], axis=0)
    one = layer.forward(np.ones(draws)) ** STEPS

    @claim.part(1)
    def drawn(mean, *, wrong=None):
        return dropcheck.mean_test(fresh, mean, 0, 8, wrong=wrong)

    @claim.part(2)
    def shared(mean, *, wrong=None):
        return dropcheck.mean_test(one, mean, 0, 8, wrong=wrong)

    drawn.holds(1.0, wrong=4.0)
    drawn.rejects("fresh masks do not", 4.0)
    shared.holds(4.0, wrong=1.0)
    shared.rejects("one mask keeps the mean", 1.0)


@pytest.mark.claim(
    "thm-recurrent-mean",
    method="enumeration",
    parts=(3, 4),
    rejects=("one mask keeps the mean",),
)
def test_recurrent_mean_in_torch(claim, rng):
    """Torch's own recurrent cell without a non-linearity, on units whose map is diagonal."""
    cell = torch.nn.RNNCell(3, 3, bias=False, dtype=torch.float64)
    scale, p, q = 1e-7, 0.4, 0.6  # tanh is linear up to the cube of this
    diagonal = torch.tensor(rng.uniform(0.5, 1.5, 3))
    with torch.no_grad():
        cell.weight_hh.copy_(torch.diag(diagonal))
        cell.weight_ih.copy_(torch.eye(3, dtype=torch.float64))
    updates = torch.tensor(rng.normal(size=(STEPS, 3)))
    weights = torch.tensor(mask_weights(MASKS3, p))
    masks = torch.tensor(MASKS3, dtype=torch.float64)

    def last_states(place):
        state = scale * torch.ones(8, 3, dtype=torch.float64)
        for update in updates:
            dropped = masks * state / q if place == "state" else state
            given = scale * update * (masks / q if place == "updates" else torch.ones(8, 3))
            with torch.no_grad():
                state = cell(given, dropped)
        return weights @ state / scale

    def mean(power):
        state = power[0] * diagonal**STEPS
        for age, factor in zip(reversed(range(STEPS)), power[1:], strict=True):
            state = state + factor * diagonal**age * updates[STEPS - 1 - age]
        return state

    @claim
    def check(powers, *, place):
        return close(last_states(place), mean(np.array(powers)), rounding=1e-10)

    # A term that passes k masks of one kind has the mean q^(1 - k), for k of at least 1.
    check.holds((q**-2, q**-1, 1.0, 1.0), place="state")
    check.holds((1.0, 1.0, 1.0, 1.0), place="updates")
    check.rejects("one mask keeps the mean", (1.0, 1.0, 1.0, 1.0), place="state")


# Zoneout.


@pytest.mark.claim(
    "thm-zoneout",
    method="identity",
    parts=(1,),
    rejects=("scaled by 1/(1 - zeta)", "the candidate alone", "variance of dropout"),
)
def test_zoneout_step_by_identity(claim, rng):
    def moments(v):
        old, new, zeta = v
        values = MASKS1[:, 0] * new + (1 - MASKS1[:, 0]) * old  # kept units take the new value
        weights = mask_weights(MASKS1, zeta)
        return mean_and_variance(weights, values)

    @claim
    def check(stated):
        return dropcheck.identity(moments, lambda v: np.array(stated(*v)), 3, rng=rng)

    def variance(old, new, zeta):
        return zeta * (1 - zeta) * (old - new) ** 2

    check.holds(lambda o, n, z: np.array([z * o + (1 - z) * n, variance(o, n, z)]))
    check.rejects(
        "scaled by 1/(1 - zeta)",
        lambda o, n, z: np.array([z / (1 - z) * o + n, variance(o, n, z)]),
    )
    check.rejects("the candidate alone", lambda o, n, z: np.array([n, variance(o, n, z)]))
    check.rejects(
        "variance of dropout",
        lambda o, n, z: np.array([z * o + (1 - z) * n, z / (1 - z) * (o - n) ** 2]),
    )


def affine(v):
    """Two units, three steps: a map and a shift for each step that a state is put through."""
    W, shifts = v[:4].reshape(2, 2), v[4:10].reshape(STEPS, 2)
    return lambda t, state: W @ state + shifts[t]


def product(v):
    """Candidates that multiply the two units: affine in each, and not in both together."""
    W, shifts = v[:4].reshape(2, 2), v[4:10].reshape(STEPS, 2)
    return lambda t, state: W[:, 0] * (state[0] * state[1]) + shifts[t]


@pytest.mark.claim(
    "thm-zoneout",
    method="identity",
    parts=(2,),
    rejects=("scaled by 1/(1 - zeta)", "the candidate alone", "exact if affine in each unit"),
)
def test_zoneout_in_evaluation_by_identity(claim, rng):
    def mean_state(cell, steps):
        masks = {2: MASKS4, 3: MASKS6}[steps]

        def mean(v):
            start, zeta, step = v[10:12], v[12], cell(v)
            total = 0
            for row, weight in zip(masks, mask_weights(masks, zeta), strict=True):
                state = start
                for t, mask in enumerate(row.reshape(steps, 2)):
                    state = mask * step(t, state) + (1 - mask) * state
                total = total + weight * state
            return total

        return mean

    def evaluated(blend, cell, steps):
        def state_of(v):
            state, zeta, step = v[10:12], v[12], cell(v)
            for t in range(steps):
                state = blend(state, step(t, state), zeta)
            return state

        return state_of

    @claim
    def check(blend, *, cell=affine, steps=STEPS):
        return dropcheck.identity(
            mean_state(cell, steps), evaluated(blend, cell, steps), 13, rng=rng
        )

    def average(old, new, zeta):
        return zeta * old + (1 - zeta) * new

    check.holds(average)
    check.holds(average, cell=product, steps=2)
    check.rejects("scaled by 1/(1 - zeta)", lambda o, n, z: z / (1 - z) * o + n)
    check.rejects("the candidate alone", lambda o, n, z: n)
    check.rejects("exact if affine in each unit", average, cell=product)


@pytest.mark.claim(
    "thm-zoneout",
    method="enumeration",
    parts=(2, 3),
    rejects=("the candidate alone", "as recurrent dropout"),
)
def test_zoneout_derivative_by_autograd(claim, rng):
    """Mean and derivative of the last of three states of one unit, over all masks."""
    w, zeta = 0.7, 0.3
    shifts = torch.tensor(rng.normal(size=STEPS))
    weights = torch.tensor(mask_weights(MASKS3, zeta))
    start = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    states = []
    for mask in MASKS3:
        state = start
        for kept, shift in zip(mask, shifts, strict=True):
            state = w * state + shift if kept else state
        states.append(state)
    derivatives = torch.stack([torch.autograd.grad(s, start)[0] for s in states])

    @claim.part(2)
    def value(blend):
        state = torch.tensor(1.3, dtype=torch.float64)
        for shift in shifts:
            state = blend(state, w * state + shift, zeta)
        return close(weights @ torch.stack(states).detach(), state)

    @claim.part(3)
    def slope(first, second):
        found = torch.stack([weights @ derivatives, weights @ derivatives**2])
        return close(found, [first, second])

    value.holds(lambda old, new, z: z * old + (1 - z) * new)
    value.rejects("the candidate alone", lambda old, new, z: new)
    slope.holds((zeta + (1 - zeta) * w) ** STEPS, (zeta + (1 - zeta) * w**2) ** STEPS)
    slope.rejects("as recurrent dropout", w**STEPS, w ** (2 * STEPS) / (1 - zeta) ** STEPS)


@pytest.mark.claim(
    "thm-zoneout", method="identity", parts=(3,), rejects=("as recurrent dropout", "zeta^T alone")
)
def test_zoneout_derivative_by_identity(claim, rng):
    def moments(v):
        w, zeta = v
        slopes = np.prod(MASKS3 * w + (1 - MASKS3), axis=1)
        weights = mask_weights(MASKS3, zeta)
        return np.array([weights @ slopes, weights @ slopes**2])

    @claim
    def check(stated):
        return dropcheck.identity(moments, lambda v: stated(*v), 2, rng=rng)

    def both(w, z):
        return np.array([(z + (1 - z) * w) ** STEPS, (z + (1 - z) * w**2) ** STEPS])

    check.holds(both)
    check.rejects(
        "as recurrent dropout",
        lambda w, z: np.array([w**STEPS, w ** (2 * STEPS) / (1 - z) ** STEPS]),
    )
    check.rejects("zeta^T alone", lambda w, z: np.array([z**STEPS, z**STEPS]))


# Dividing by what was kept.

SOME3, SOME4 = MASKS3[MASKS3.any(axis=1)], MASKS4[MASKS4.any(axis=1)]
#: Blocks of two of four units on a line are dropped, at each of three places.
BLOCKS = np.array([[0, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0]])


def factors(masks):
    """m_i n / |m| for each mask and unit, as numerators and denominators of whole numbers."""
    return masks * masks.shape[1], masks.sum(axis=1, keepdims=True)


def summed_factors(masks, chances):
    """Sum of m_i n / |m| over masks with their chances, exact; the mean if these sum to 1."""
    above, below = factors(masks)
    return sum(
        chance * row / whole[0] for chance, row, whole in zip(chances, above, below, strict=True)
    )


def unit_means(law):
    """Exact means of m_i n / |m|, a function of weights that a law turns into probabilities."""

    def means(v):
        masks, chances = law(v)
        return summed_factors(masks, chances) / sum(chances)

    return means


def exchangeable(v):
    """The probability depends on the number of kept units only."""
    return SOME4, [v[size - 1] for size in SOME4.sum(axis=1)]


def at_ring(v):
    """Two neighbours of four in a ring are dropped: no law of exchangeable units."""
    return np.array([np.roll([0, 0, 1, 1], shift) for shift in range(4)]), [1 + 0 * v[0]] * 4


def any_law(v):
    return SOME3, list(v)


def blocks(v):
    return BLOCKS, [1 + 0 * v[0]] * 3


@pytest.mark.claim(
    "thm-realised-rate",
    method="identity",
    parts=(1, 2),
    rejects=("right for blocks", "n/E|m| is the same", "right for each unit of any law"),
)
def test_realised_rate_by_identity(claim, rng):
    @claim.part(1)
    def average(stated, *, law=any_law, every=False):
        def found(v):
            means = unit_means(law)(v)
            return means if every else means.sum() / len(means)

        def wanted(v):
            return np.array([stated(v)] * 3) if every else stated(v)

        return dropcheck.identity(found, wanted, 7, rng=rng)

    @claim.part(2)
    def every(stated, *, law):
        return dropcheck.identity(unit_means(law), stated, 4, rng=rng)

    def one(v):
        return 1 + 0 * v[0]

    def ones(v):
        return np.array([1 + 0 * v[0]] * 4)

    average.holds(one)
    average.rejects("right for each unit of any law", one, every=True)
    every.holds(ones, law=exchangeable)
    every.holds(ones, law=at_ring)
    every.rejects("right for blocks", ones, law=blocks)
    every.rejects(
        "n/E|m| is the same",
        lambda v: np.array([2 + 0 * v[0]] * 4),
        law=exchangeable,
    )


@pytest.mark.claim(
    "thm-realised-rate",
    method="identity",
    parts=(3, 4),
    rejects=("the empty mask does not matter", "right for blocks"),
)
def test_realised_rate_of_coins_and_of_own_rates_by_identity(claim, rng):
    @claim.part(3)
    def coins(stated):
        def means(v):
            return summed_factors(SOME3, mask_weights(SOME3, v[0]))

        return dropcheck.identity(means, lambda v: np.array([stated(v[0])] * 3), 1, rng=rng)

    coins.holds(lambda p: 1 - p**3)
    coins.rejects("the empty mask does not matter", lambda p: 1 + 0 * p)

    @claim.part(4)
    def own(factor):
        def means(v):
            total = sum(v)
            kept = sum(v[i] * SOME3[i] for i in range(7)) / total
            return sum(v[i] * SOME3[i] * factor(kept, SOME3[i].sum()) for i in range(7)) / total

        return dropcheck.identity(means, lambda v: np.array([1 + 0 * v[0]] * 3), 7, rng=rng)

    own.holds(lambda kept, size: 1 / kept)
    own.rejects("right for blocks", lambda kept, size: 3 / (size + 0 * kept))


@pytest.mark.claim(
    "thm-realised-rate",
    method="monte-carlo",
    parts=(2,),
    rejects=("right for blocks", "blocks have mean 1"),
)
def test_realised_rate_of_drawn_heads(claim, rng):
    """Heads by coins until one is kept, and blocks of two of four: 1, and 4/3 at the end."""
    heads = rng.random((60_000, 4)) < 0.5
    heads = heads[heads.any(axis=1)]
    line = BLOCKS[rng.integers(0, 3, 60_000)]

    @claim
    def check(mean, *, masks, wrong=None):
        above, below = factors(masks)
        return dropcheck.mean_test(above[:, 0] / below[:, 0], mean, 0, 4, wrong=wrong)

    check.holds(1.0, masks=heads, wrong=4 / 3)
    check.rejects("right for blocks", 4 / 3, masks=heads)
    check.holds(4 / 3, masks=line, wrong=1.0)
    check.rejects("blocks have mean 1", 1.0, masks=line)


# Keys dropped before the softmax.


def renormalised(v, n):
    """Mean of attention over the keys that a mask keeps, given one is kept, and its weights."""
    powers, p = v[:n], v[n]
    masks = enumerate_masks(n).astype(int)
    masks = masks[masks.any(axis=1)]
    rows = [mask * powers / (mask @ powers) for mask in masks]
    chances = mask_weights(masks, p)
    return rows, chances, powers / powers.sum(), p


@pytest.mark.claim(
    "thm-dropkey",
    method="identity",
    parts=(1, 2),
    rejects=("the mean is kept", "rows sum to 1 - p^n", "to the uniform law"),
)
def test_dropped_keys_by_identity(claim, rng):
    @claim.part(1)
    def rows(stated):
        def sums(v):
            found, chances, *_ = renormalised(v, 3)
            return np.array([*(row.sum() for row in found), 1 - chances.sum()])

        def wanted(v):
            return np.array([stated(v[3])] * 7 + [v[3] ** 3])

        return dropcheck.identity(sums, wanted, 4, rng=rng)

    rows.holds(lambda p: 1 + 0 * p)
    rows.rejects("rows sum to 1 - p^n", lambda p: 1 - p**3)

    @claim.part(2)
    def two(stated):
        def mean(v):
            found, chances, _, _ = renormalised(v, 2)
            return sum(c * row for c, row in zip(chances, found, strict=True)) / chances.sum()

        def wanted(v):
            return np.array([stated(a, v[2]) for a in v[:2] / v[:2].sum()])

        return dropcheck.identity(mean, wanted, 3, rng=rng)

    two.holds(lambda a, p: a + p * (1 - 2 * a) / (1 + p))
    two.rejects("the mean is kept", lambda a, p: a + 0 * p)
    two.rejects("to the uniform law", lambda a, p: a + p * (1 - 2 * a) / 2)


@pytest.mark.claim(
    "thm-dropkey",
    method="enumeration",
    parts=(2,),
    rejects=("the mean is kept", "the larger weight gains"),
)
def test_larger_weights_lose_more(claim, rng):
    """Ratios of mean attention to attention fall with the weight, in every row tried."""
    masks = SOME4
    rows = np.sort(rng.dirichlet(np.ones(4), size=200), axis=1)

    def ratios(p):
        kept = masks[:, None] * rows
        chances = mask_weights(masks, p)
        chances = chances / chances.sum()
        return np.tensordot(chances, kept / kept.sum(axis=2, keepdims=True), axes=1) / rows

    @claim
    def check(sign, *, p=0.3):
        falls = np.diff(ratios(p), axis=1)
        wide = np.diff(rows, axis=1) > 1e-6
        return dropcheck.Report(
            passed=bool((np.sign(falls[wide]) == sign).all()), method="enumeration", rounding=0.0
        )

    check.holds(-1)
    check.rejects("the larger weight gains", 1)
    check.rejects("the mean is kept", 0)
    assert (ratios(0.3)[:, -1] < 1).all()
    assert (ratios(0.3)[:, 0] > 1).all()


@pytest.mark.claim(
    "thm-dropkey",
    method="enumeration",
    parts=(1, 3, 4),
    rejects=("rows sum to 1 behind the softmax", "one backward pass for both"),
)
def test_dropped_keys_in_torch(claim, rng):
    """Four keys, all masks with a kept key: forward and backward passes of three programs."""
    p, q = 0.3, 0.7
    logits = torch.tensor(rng.normal(size=4), requires_grad=True)
    masks = torch.tensor(SOME4, dtype=torch.bool)
    plain = torch.softmax(logits, dim=0)
    before = torch.softmax(logits.expand(15, 4).masked_fill(~masks, -math.inf), dim=1)
    behind = plain * masks / q
    divided = behind / behind.sum(dim=1, keepdim=True)
    detached = behind / behind.sum(dim=1, keepdim=True).detach()
    a = plain.detach()

    @claim.part(1)
    def sums(total, *, program=before):
        return close(program.detach().sum(dim=1), total)

    sums.holds(1.0)
    sums.rejects("rows sum to 1 behind the softmax", 1.0, program=behind)

    @claim.part(3)
    def behind_the_softmax(mean):
        weights = torch.tensor(mask_weights(SOME4, p))
        return close(weights @ behind.detach(), mean(a, q))

    behind_the_softmax.holds(lambda a, q: a)

    def jacobian(program):
        return torch.stack(
            [
                torch.stack([torch.autograd.grad(x, logits, retain_graph=True)[0] for x in row])
                for row in program
            ]
        )

    @claim.part(4)
    def backward(taken, *, program):
        rows = before.detach()
        assert torch.allclose(program.detach(), rows, atol=1e-14)
        wanted = rows[:, :, None] * (torch.eye(4) - taken(rows, a)[:, None, :])
        return close(jacobian(program), wanted)

    def kept_keys(rows, a):
        return rows

    def all_keys(rows, a):
        return a.expand(len(rows), 4)

    backward.holds(kept_keys, program=before)
    backward.holds(kept_keys, program=divided)
    backward.holds(all_keys, program=detached)
    backward.rejects("one backward pass for both", kept_keys, program=detached)


# Graphs.


@pytest.mark.claim(
    "thm-graph",
    method="identity",
    parts=(1, 2, 3),
    rejects=(
        "a mean needs 1/q too",
        "never alone",
        "the loop keeps its weight",
        "a sum over kept edges is unbiased",
    ),
)
def test_edges_by_identity(claim, rng):
    """A node with three neighbours."""

    @claim.part(1)
    def weighted_sum(scale):
        def moments(v):
            terms, p = v[:3] * v[3:6], v[6]
            sums = MASKS3 @ terms * scale(1 - p)
            weights = mask_weights(MASKS3, p)
            return mean_and_variance(weights, sums)

        def wanted(v):
            terms, p = v[:3] * v[3:6], v[6]
            return np.array([terms.sum(), p / (1 - p) * (terms**2).sum()])

        return dropcheck.identity(moments, wanted, 7, rng=rng)

    weighted_sum.holds(lambda q: 1 / q)
    weighted_sum.rejects("a sum over kept edges is unbiased", lambda q: 1 + 0 * q)

    @claim.part(2)
    def kept_mean(scale, alone):
        def found(v):
            x, p = v[:3], v[3]
            weights = mask_weights(SOME3, p)
            means = [m @ x / m.sum() for m in SOME3]
            given = sum(w * mean for w, mean in zip(weights, means, strict=True)) / weights.sum()
            return np.array([given * scale(1 - p), 1 - weights.sum()])

        def wanted(v):
            return np.array([v[:3].sum() / 3, alone(v[3])])

        return dropcheck.identity(found, wanted, 4, rng=rng)

    kept_mean.holds(lambda q: 1 + 0 * q, lambda p: p**3)
    kept_mean.rejects("a mean needs 1/q too", lambda q: 1 / q, lambda p: p**3)
    kept_mean.rejects("never alone", lambda q: 1 + 0 * q, lambda p: 0 * p)

    @claim.part(3)
    def loop(stated):
        def mean(v):
            weights = mask_weights(MASKS3, v[0])
            return sum(w / (1 + m.sum()) for w, m in zip(weights, MASKS3, strict=True))

        return dropcheck.identity(mean, lambda v: stated(v[0]), 1, rng=rng)

    loop.holds(lambda p: (1 - p**4) / (4 * (1 - p)))
    loop.rejects("the loop keeps its weight", lambda p: (1 + 0 * p) / 4)


def edge_weight(degrees, p):
    """Mean weight of an edge after GCN's normalisation, from all masks of both ends' edges."""
    ends = []
    for degree in degrees:
        masks = enumerate_masks(degree - 1).astype(int) if degree > 1 else np.zeros((1, 0), int)
        weights = mask_weights(masks, p) if degree > 1 else np.ones(1)
        ends.append(weights @ (2 + masks.sum(axis=1)) ** -0.5)
    return (1 - p) * ends[0] * ends[1]


@pytest.mark.claim(
    "thm-graph",
    method="bound",
    parts=(3,),
    rejects=("the edge gains", "the edge keeps q of it"),
)
def test_gcn_takes_from_edges(claim):
    cases = [
        (d, e, p) for d in range(1, 7) for e in range(1, 7) for p in (0.05, 0.1, 0.3, 0.5, 0.9)
    ]
    found = np.array([edge_weight((d, e), p) for d, e, p in cases])
    full = np.array([((1 + d) * (1 + e)) ** -0.5 for d, e, _ in cases])
    keep = np.array([1 - p for *_, p in cases])

    @claim
    def check(low, high):
        return dropcheck.bound(
            np.concatenate([low * full, found]), np.concatenate([found, high * full])
        )

    check.holds(keep, np.ones(len(cases)))
    check.rejects("the edge gains", np.ones(len(cases)), 2 * np.ones(len(cases)))
    check.rejects("the edge keeps q of it", keep, keep)


@pytest.mark.claim(
    "thm-graph",
    method="enumeration",
    parts=(1, 2, 3),
    rejects=("GCN is unbiased with 1/q", "a mean needs 1/q too"),
)
def test_graph_in_torch(claim, rng):
    """A star of four nodes with all masks of its three edges, as adjacency matrices."""
    p, q = 0.4, 0.6
    x = torch.tensor(rng.normal(size=4))
    weights = torch.tensor(mask_weights(MASKS3, p))
    adjacency = torch.zeros(8, 4, 4, dtype=torch.float64)
    adjacency[:, 0, 1:] = adjacency[:, 1:, 0] = torch.tensor(MASKS3, dtype=torch.float64)

    def gcn(matrix):
        loops = matrix + torch.eye(4)
        scale = loops.sum(dim=-1) ** -0.5
        return scale[..., None] * loops * scale[..., None, :]

    full = gcn(adjacency[-1])

    @claim.part(3)
    def normalised(stated):
        mean = (weights[:, None, None] * gcn(adjacency)).sum(dim=0)
        return close(mean, stated(full))

    def as_stated(full):
        centre, leaf = (1 - p**4) / (4 * q), (1 - p**2) / (2 * q)
        matrix = torch.diag(torch.as_tensor(np.array([centre, leaf, leaf, leaf])))
        matrix[0, 1:] = matrix[1:, 0] = edge_weight((3, 1), p)
        return matrix

    normalised.holds(as_stated)
    normalised.rejects("GCN is unbiased with 1/q", lambda full: q * full)

    @claim.part(1, 2)
    def aggregated(scale):
        some = adjacency[adjacency[:, 0].any(dim=1), 0]
        chances = weights[adjacency[:, 0].any(dim=1)]
        means = (some @ x) / some.sum(dim=1)
        summed = weights @ (adjacency[:, 0] @ x) * scale[0]
        found = torch.stack([summed, scale[1] * (chances @ means) / chances.sum()])
        return close(found, torch.stack([x[1:].sum(), x[1:].mean()]))

    aggregated.holds((1 / q, 1.0))
    aggregated.rejects("a mean needs 1/q too", (1 / q, 1 / q))


# Subsets of tokens.


@pytest.mark.claim(
    "thm-token-subset",
    method="identity",
    parts=(1, 2),
    rejects=("variance of independent coins", "without the finite population", "independent"),
)
def test_subset_by_identity(claim, rng):
    n = 5

    def chosen(size):
        return [np.array(list(s)) for s in itertools.combinations(range(n), size)]

    @claim.part(1)
    def moments(variance, *, size, coins=False):
        def found(x):
            if coins:
                weights = mask_weights(MASKS5, (n - size) / (n + 0 * x[0]))
                return mean_and_variance(weights, MASKS5 @ x / size)
            means = np.array([x[s].sum() / size for s in chosen(size)])
            mean = means.sum() / len(means)
            return np.array([mean, (means**2).sum() / len(means) - mean**2])

        def wanted(x):
            return np.array([x.sum() / n, variance(x, size)])

        return dropcheck.identity(found, wanted, n, rng=rng)

    def spread(x):
        return ((x - x.sum() / n) ** 2).sum() / (n - 1)

    def of_coins(x, K):
        return (x**2).sum() / n * (n - K) / (n * K)

    for size in (1, 2, 4, 5):
        moments.holds(lambda x, K: spread(x) * (n - K) / (n * K), size=size)
        moments.holds(of_coins, size=size, coins=True)
    moments.rejects("variance of independent coins", of_coins, size=2)
    moments.rejects("without the finite population", lambda x, K: spread(x) / K, size=2)

    @claim.part(2)
    def pairs(stated, *, size):
        kept = [np.isin(np.arange(n), s).astype(int) for s in chosen(size)]

        def found(x):
            first, second = (sum(k[i] for k in kept) for i in (0, 1))
            both = sum(k[0] * k[1] for k in kept)
            return both / (len(kept) + 0 * x[0]) - first * second / (len(kept) ** 2 + 0 * x[0])

        return dropcheck.identity(found, lambda x: stated(size + 0 * x[0]), 1, rng=rng)

    for size in (1, 2, 4, 5):
        pairs.holds(lambda K: -(K / n) * (1 - K / n) / (n - 1), size=size)
    pairs.rejects("independent", lambda K: 0 * K, size=2)


@pytest.mark.claim(
    "thm-token-subset",
    method="monte-carlo",
    parts=(1,),
    rejects=("variance of independent coins",),
)
def test_subset_in_torch(claim, seed):
    """Two of the tokens 1, 2, 3, 4: the variance is 5/12, and not 15/8."""
    generator = torch.Generator().manual_seed(seed % 2**31)
    order = torch.rand(30_000, 4, generator=generator).argsort(dim=1)
    means = torch.tensor([1.0, 2.0, 3.0, 4.0])[order[:, :2]].mean(dim=1).numpy()

    @claim
    def check(variance, *, wrong=None):
        return dropcheck.variance_test(means, variance, 1.5, 3.5, wrong=wrong)

    check.holds(5 / 12, wrong=15 / 8)
    check.rejects("variance of independent coins", 15 / 8)
    assert dropcheck.mean_test(means, 2.5, 1.5, 3.5)


@pytest.mark.claim(
    "thm-token-subset",
    method="monte-carlo",
    parts=(2,),
    rejects=("independent",),
)
def test_tokens_of_a_subset_repel(claim, seed):
    """The product of two kept tokens: both are kept in 1/6 of the draws, and not in 1/4."""
    generator = torch.Generator().manual_seed(seed % 2**31 + 1)
    order = torch.rand(30_000, 4, generator=generator).argsort(dim=1)
    kept = (order[:, :2] < 2).all(dim=1).double().numpy()

    @claim
    def check(mean, *, wrong=None):
        return dropcheck.mean_test(kept, mean, 0, 1, wrong=wrong)

    check.holds(1 / 4 - 1 / 12, wrong=1 / 4)
    check.rejects("independent", 1 / 4)


# Mixout.


def mixed(mask, W, W0, p):
    return (mask * W + (1 - mask) * W0 - p * W0) / (1 - p)


@pytest.mark.claim(
    "thm-mixout",
    method="identity",
    parts=(1, 2, 3),
    rejects=("not corrected for the mean", "pulls to 0", "the minimiser is q times"),
)
def test_mixout_by_identity(claim, rng):
    @claim.part(1)
    def weight(program):
        def moments(v):
            w, w0, p = v
            values = program(MASKS1[:, 0], w, w0, p)
            weights = mask_weights(MASKS1, p)
            return mean_and_variance(weights, values)

        def wanted(v):
            w, w0, p = v
            return np.array([w, p / (1 - p) * (w - w0) ** 2])

        return dropcheck.identity(moments, wanted, 3, rng=rng)

    weight.holds(mixed)
    weight.rejects("not corrected for the mean", lambda m, w, w0, p: m * w + (1 - m) * w0)

    @claim.part(2)
    def loss(penalty, *, shared=False):
        # The rows of a mask are outputs: with one entry for an input they are equal.
        drawn = MASKS2 if shared else MASKS4
        masks = np.tile(drawn, (1, 2)) if shared else drawn

        def mean(v):
            W, W0, x, y, p = v[:4].reshape(2, 2), v[4:8].reshape(2, 2), v[8:10], v[10:12], v[12]
            return sum(
                chance * ((y - mixed(mask.reshape(2, 2), W, W0, p) @ x) ** 2).sum()
                for mask, chance in zip(masks, mask_weights(drawn, p), strict=True)
            )

        def wanted(v):
            W, W0, x, y, p = v[:4].reshape(2, 2), v[4:8].reshape(2, 2), v[8:10], v[10:12], v[12]
            return ((y - W @ x) ** 2).sum() + p / (1 - p) * penalty(W, W0, x)

        return dropcheck.identity(mean, wanted, 13, rng=rng)

    loss.holds(lambda W, W0, x: (x**2 * ((W - W0) ** 2).sum(axis=0)).sum())
    loss.holds(lambda W, W0, x: (x**2 * ((W - W0) ** 2).sum(axis=0)).sum(), shared=True)
    loss.rejects("pulls to 0", lambda W, W0, x: (x**2 * (W**2).sum(axis=0)).sum())

    @claim.part(3)
    def minimum(stated):
        """The exact derivative of a quadratic, as a central difference, at the minimiser."""

        def slope(v):
            x, y, w0, p = v

            def loss_of(w):
                values = y - mixed(MASKS1[:, 0], w, w0, p) * x
                return mask_weights(MASKS1, p) @ values**2

            w = stated(y / x, w0, p)
            return loss_of(w + 1) - loss_of(w - 1)

        return dropcheck.identity(slope, lambda v: 0 * v[0], 4, rng=rng)

    minimum.holds(lambda least, w0, p: (1 - p) * least + p * w0)
    minimum.rejects("the minimiser is q times", lambda least, w0, p: (1 - p) * least)


@pytest.mark.claim(
    "thm-mixout",
    method="enumeration",
    parts=(1, 2, 3),
    rejects=("pulls to 0", "the minimiser is q times"),
)
def test_mixout_in_torch(claim, rng):
    """Weights of a linear layer, dropped as differences and put back: all masks of four."""
    p, q = 0.3, 0.7
    W, W0 = (torch.tensor(rng.normal(size=(1, 4))) for _ in range(2))
    x, y = torch.tensor(rng.normal(size=(1, 4))), torch.tensor([[0.7]], dtype=torch.float64)
    masks = torch.tensor(MASKS4, dtype=torch.float64)
    weights = torch.tensor(mask_weights(MASKS4, p))
    drawn = W0 + (W - W0) * masks / q

    @claim.part(1, 2)
    def check(mean, towards):
        outputs = F.linear(x, drawn)[0]
        found = torch.stack([weights @ outputs, weights @ (outputs - y[0]) ** 2])
        plain = F.linear(x, W)[0, 0]
        loss = (plain - y[0, 0]) ** 2 + p / q * (x**2 * (W - towards) ** 2).sum()
        return close(found, torch.stack([mean * plain, loss]))

    check.holds(1.0, W0)
    check.rejects("pulls to 0", 1.0, 0 * W0)

    @claim.part(3)
    def minimum(factor):
        """One input: the loss is minimised by descent over the average of both masks."""
        start, target, given = W0[0, 0], y[0, 0], x[0, 0]
        w = torch.zeros((), dtype=torch.float64, requires_grad=True)
        for _ in range(2):  # Newton's method, exact in one step for a quadratic
            loss = q * (target - (start + (w - start) / q) * given) ** 2
            loss = loss + p * (target - start * given) ** 2
            (slope,) = torch.autograd.grad(loss, w, create_graph=True)
            (bend,) = torch.autograd.grad(slope, w)
            w = (w - slope / bend).detach().requires_grad_()
        return close(w.detach(), factor[0] * target / given + factor[1] * start, 1e-10)

    minimum.holds((q, p))
    minimum.rejects("the minimiser is q times", (q, 0.0))


# Dropped conditions.


def joint(v):
    """Chances and mean targets of three conditions, and the probability of dropping them."""
    return v[:3] / v[:3].sum(), v[3:6], v[6]


@pytest.mark.claim(
    "thm-condition-dropout",
    method="identity",
    parts=(1, 2),
    rejects=("p interpolates", "a null of its own interpolates too", "the null is unconditional"),
)
def test_dropped_condition_by_identity(claim, rng):
    """Minimisers of the squared loss for one x: its exact derivatives there are zero."""

    def slopes(own_null, answers):
        def of(v):
            chances, targets, p = joint(v)
            outputs = answers(chances, targets, p)

            def loss(outputs):
                null = outputs[3] if own_null else outputs[0]
                return (1 - p) * (chances * (targets - outputs[:3]) ** 2).sum() + p * (
                    chances * (targets - null) ** 2
                ).sum()

            steps = np.eye(4, dtype=int)[: 4 if own_null else 3]
            return np.array([loss(outputs + s) - loss(outputs - s) for s in steps])

        return of

    def compare(own_null, answers):
        count = 4 if own_null else 3
        return dropcheck.identity(
            slopes(own_null, answers), lambda v: np.array([0 * v[0]] * count), 7, rng=rng
        )

    @claim.part(1)
    def own(answers):
        return compare(True, answers)

    @claim.part(2)
    def borrowed(null):
        def answers(chances, targets, p):
            mean = null(chances[0], targets[0], (chances * targets).sum(), p)
            return np.array([mean, *targets[1:], mean])

        return compare(False, answers)

    def both(chances, targets, p):
        return np.array([*targets, (chances * targets).sum()])

    def between(chances, targets, p):
        mean = (chances * targets).sum()
        return np.array([*((1 - p) * targets + p * mean), mean])

    def mixture(chance, target, mean, p):
        return ((1 - p) * chance * target + p * mean) / ((1 - p) * chance + p)

    own.holds(both)
    own.rejects("p interpolates", between)
    borrowed.holds(mixture)
    borrowed.rejects("the null is unconditional", lambda chance, target, mean, p: mean)
    borrowed.rejects(
        "a null of its own interpolates too",
        lambda chance, target, mean, p: (1 - p) * target + p * mean,
    )


@pytest.mark.claim(
    "thm-condition-dropout",
    method="identity",
    parts=(3,),
    rejects=("both at once with p", "one coin for both"),
)
def test_two_dropped_conditions_by_identity(claim, rng):
    """The chances that neither, the first, the second or both of two conditions are dropped."""

    @claim
    def check(stated, *, coins=2):
        def found(v):
            if coins == 1:
                return np.array([1 - v[0], 0 * v[0], 0 * v[0], v[0]])
            weights = mask_weights(MASKS2, v[0])
            return sum(
                weight * (np.arange(4) == 2 * (1 - m[1]) + (1 - m[0]))
                for m, weight in zip(MASKS2, weights, strict=True)
            )

        return dropcheck.identity(found, lambda v: stated(v[0]), 1, rng=rng)

    def own_coins(p):
        return np.array([(1 - p) ** 2, p * (1 - p), p * (1 - p), p**2])

    check.holds(own_coins)
    check.rejects("both at once with p", lambda p: np.array([1 - p, 0 * p, 0 * p, p]))
    check.rejects("one coin for both", own_coins, coins=1)


@pytest.mark.claim(
    "thm-condition-dropout",
    method="enumeration",
    parts=(1, 2),
    rejects=("p interpolates", "the null is unconditional"),
)
def test_dropped_condition_by_least_squares(claim, rng):
    """A table of outputs fitted by torch's least squares on all conditions, dropped and not."""
    p = 0.2
    chances = np.array([0.5, 0.3, 0.2])
    targets = rng.normal(size=3)

    def fitted(null, p_dropped):
        rows, wanted, weights = [], [], []
        for condition, (chance, target) in enumerate(zip(chances, targets, strict=True)):
            for shown, share in ((condition, 1 - p_dropped), (null, p_dropped)):
                rows.append(np.eye(4)[shown])
                wanted.append(target)
                weights.append(math.sqrt(share * chance))
        root = torch.tensor(np.array(weights))[:, None]
        design = torch.tensor(np.array(rows)) * root
        solution = torch.linalg.pinv(design) @ (torch.tensor(np.array(wanted))[:, None] * root)
        return solution[:, 0]

    mean = float(chances @ targets)

    @claim.part(1)
    def own(table):
        return close(fitted(3, p), table)

    @claim.part(2)
    def borrowed(null):
        return close(fitted(0, p)[0], null)

    own.holds(np.array([*targets, mean]))
    own.rejects("p interpolates", np.array([*(0.8 * targets + 0.2 * mean), mean]))
    assert torch.allclose(fitted(3, p), fitted(3, 0.6))
    borrowed.holds((0.8 * 0.5 * targets[0] + 0.2 * mean) / (0.8 * 0.5 + 0.2))
    borrowed.rejects("the null is unconditional", mean)


@pytest.mark.claim(
    "thm-condition-dropout",
    method="monte-carlo",
    parts=(3,),
    rejects=("both at once with p", "one alone with p"),
)
def test_two_conditions_dropped_by_the_layer(claim, rng):
    """A coin of the layer for each of two conditions, at p = 0.3."""
    p = 0.3
    dropped = layers.Dropout(p, rng=rng).forward(np.ones((60_000, 2))) == 0

    @claim
    def check(chance, *, which, wrong=None):
        found = (dropped == which).all(axis=1).astype(float)
        return dropcheck.mean_test(found, chance, 0, 1, wrong=wrong)

    check.holds(p**2, which=(True, True), wrong=p)
    check.holds(p * (1 - p), which=(True, False), wrong=p)
    check.holds(p * (1 - p), which=(False, True), wrong=p)
    check.holds((1 - p) ** 2, which=(False, False), wrong=1 - p)
    check.rejects("both at once with p", p, which=(True, True))
    check.rejects("one alone with p", p, which=(True, False))


# Two views.


def views(v):
    """Weights and input of an encoder of two units, and the drop probability."""
    return v[:4].reshape(2, 2), v[4:6], v[6]


@pytest.mark.claim(
    "thm-two-views",
    method="identity",
    parts=(1, 2),
    rejects=("p/q once", "the same with one mask", "the product has the penalty"),
)
def test_two_views_by_identity(claim, rng):
    """Mean squared distance and mean inner product of two views of a linear encoder."""

    def found(shared):
        def moments(v):
            W, x, p = views(v)
            encoded = [W @ (m * x / (1 - p)) for m in MASKS2]
            weights, total = mask_weights(MASKS2, p), 0
            for (one, a), (two, b) in itertools.product(
                zip(encoded, weights, strict=True), repeat=2
            ):
                second, chance = (one, a * b) if shared else (two, a * b)
                total = total + chance * np.array([((one - second) ** 2).sum(), one @ second])
            return total

        return moments

    def stated(distance, inner):
        def moments(v):
            W, x, p = views(v)
            penalty = p / (1 - p) * (x**2 * (W**2).sum(axis=0)).sum()
            plain = ((W @ x) ** 2).sum()
            return np.array([distance * penalty, plain + inner * penalty])

        return moments

    def compare(shared, statement):
        return dropcheck.identity(found(shared), statement, 7, rng=rng)

    @claim.part(1)
    def apart(statement):
        return compare(False, statement)

    @claim.part(2)
    def together(statement):
        return compare(True, statement)

    apart.holds(stated(2, 0))
    apart.rejects("p/q once", stated(1, 0))
    apart.rejects("the product has the penalty", stated(2, 1))
    together.holds(stated(0, 1))
    together.rejects("the same with one mask", stated(2, 0))


@pytest.mark.claim(
    "thm-two-views",
    method="enumeration",
    parts=(1, 2),
    rejects=("one mask still aligns", "p/q once"),
)
def test_two_views_by_autograd(claim, rng):
    """Gradients of the positive term, for each mask of four units and for their pairs."""
    p, q = 0.3, 0.7
    W = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    x = torch.tensor(rng.normal(size=4))
    dropped = torch.tensor(SOME4) * x / q
    encoded = dropped @ W.T

    @claim.part(2)
    def positive(similarity, slope, *, second):
        cosine = F.cosine_similarity(encoded, encoded[second], dim=1)
        (gradient,) = torch.autograd.grad(cosine.sum(), W, retain_graph=True)
        largest = gradient.abs().max()
        return close(torch.stack([cosine.detach().min(), largest]), [similarity, slope])

    same = list(range(15))
    positive.holds(1.0, 0.0, second=same)
    positive.rejects("one mask still aligns", 1.0, 0.0, second=same[::-1])

    @claim.part(1)
    def distance(factor):
        everything = torch.tensor(MASKS4) * x / q @ W.T
        weights = torch.tensor(mask_weights(MASKS4, p))
        squares = ((everything[:, None] - everything[None]) ** 2).sum(dim=2)
        (found,) = torch.autograd.grad(weights @ squares @ weights, W)
        return close(found, factor * p / q * 2 * W.detach() * x**2)

    distance.holds(2.0)
    distance.rejects("p/q once", 1.0)
