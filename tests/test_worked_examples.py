"""The numbers of the small examples that chapters work by hand, computed over all masks."""

from fractions import Fraction

import numpy as np
import pytest

import dropcheck
from book import gradients, variants
from book.experiments.studies import equalisation
from book.scripts.build_ledger import ROOT
from dropoutlib import layers

HALF = Fraction(1, 2)


def prose(chapter):
    """A chapter's text in one line."""
    return " ".join((ROOT / "manuscript" / f"{chapter}.md").read_text(encoding="utf-8").split())


def moments(outputs, units, p):
    """Mean and variance over all masks."""
    mean = dropcheck.expectation(outputs, units, p)[0]
    return mean, dropcheck.expectation(lambda m: (outputs(m) - mean) ** 2, units, p)[0]


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def branch():
    mean, variance = moments(lambda m: 1 + 2 * m[:, 0] / HALF, 1, HALF)
    return f"as without dropout, with the variance {variance}" if mean == 3 else "biased"


def attention():
    even, sharp = (
        moments(lambda m, row=row: m @ np.array(row) / HALF, len(row), HALF)[1]
        for row in ([HALF, HALF], [Fraction(1)])
    )
    return (
        f"with the variance $\\tfrac{even.numerator}{even.denominator}$; attention on one key alone"
        f" becomes 0 or 2, with the variance {sharp}"
    )


def two_coins():
    both = dropcheck.expectation(lambda m: 6 * m[:, 0] * m[:, 1], 2, HALF)[0]
    one = dropcheck.expectation(lambda m: 6 * m[:, 0] * m[:, 0], 1, HALF)[0]
    return (
        f"the mean is ${float(both):g}$, which is $\\tfrac12 \\cdot \\tfrac12 \\cdot 6$."
        f" With one coin for both places it arrives in one case of two, and the mean is {one}."
    )


def average_of_two_functions():
    x, p = np.array([Fraction(3), Fraction(-2)]), Fraction(1, 3)

    def product(values):
        return 3 + values[:, 0] - 2 * values[:, 0] * values[:, 1]

    def relu(values):
        return np.maximum(values.sum(axis=1), Fraction(0))

    def both(g):
        return g(x[None])[0], dropcheck.expectation(lambda m: g(m * x / (1 - p)), 2, p)[0]

    (whole, mean), (one_pass, average) = both(product), both(relu)
    assert whole == mean
    assert average - one_pass == Fraction(2, 3)
    return (
        f"both are {mean} for $3 + x_1 - 2x_1x_2$; for $\\max(0, x_1 + x_2)$ inference gives"
        f" {one_pass}, and the average is ${fraction(average)}$"
    )


def mean_logit():
    logits = np.log([1, 9])
    assert np.exp(logits.mean()) == pytest.approx(3)
    assert sigmoid(logits.mean()) == pytest.approx(3 / 4)
    return "the mean $\\ln 3$, and $\\sigma(\\ln 3) = \\tfrac34$"


def thresholded():
    found = equalisation.soft_thresholded(np.diag([5.0, 3.0]), 0.5, 2)
    assert found == pytest.approx(np.diag([3.0, 1.0]))
    return (
        "$r = 2$ hidden units at $p = \\tfrac12$ should take the same amount off each:"
        " 5 and 3 become 3 and 1"
    )


def relu_distance():
    mean, variance = moments(
        lambda m: np.maximum(m @ np.array([2, -2]), Fraction(0)), 2, HALF
    )  # the scaled network puts out 0
    assert (mean**2, variance) == (Fraction(1, 4), Fraction(3, 4))
    return f"distance from it is {mean**2 + variance}: a quarter for the gap, and three quarters"


def sigmoid_bound():
    logits = np.log([1, 9])
    gap = sigmoid(logits.mean()) - sigmoid(logits).mean()
    return f"$0.75 - 0.7 = {gap:.2f}$, and the bound below is {logits.var() / 12 / 3**0.5:.4f}"


def agreeing_members():
    odds = np.array([0.6, 0.9]) / np.array([0.4, 0.1])
    middle = odds.prod() ** 0.5
    return (
        f"mean is 0.75. Their odds are {odds[0]:g} and {odds[1]:g}, with the geometric mean"
        f" {middle:.2f}, so that the scaled unit says {middle / (1 + middle):.3f}"
    )


def outputs_moved_up():
    """Preactivations moved by 0.05, 0.2 and 0.5: by the last the scaled unit is surer again."""
    chances, logits = np.array([1, 2]) / 3, np.log([1 / 5, 2])
    moved = logits + np.array([[0.05], [0.2], [0.5]])
    ensemble, scaled = sigmoid(moved) @ chances - 0.5, sigmoid(moved @ chances) - 0.5
    assert scaled[0] < 0 < ensemble[0]
    assert 0 < scaled[1] < ensemble[1]
    assert ensemble[2] < scaled[2]
    outputs = sigmoid(logits) + 0.2  # moving these themselves makes the scaled unit surer
    assert outputs @ chances < sigmoid(np.log(outputs / (1 - outputs)) @ chances)
    return (
        "the preactivations of the outputs $\\frac16$, $\\frac23$ moved up a little, the ensemble"
        " says more than $\\frac12$ and the scaled network less; moved up by 0.2,"
        " both say more, and the ensemble is the more confident"
    )


def sure_although_the_preactivation_is_zero():
    p, w = np.meshgrid([0.02, 0.3, 0.49, 0.51, 0.9], [-8.0, -0.5, 0.5, 8.0])
    average = p * sigmoid(-(1 - p) * w) + (1 - p) * sigmoid(p * w)
    assert (np.abs(average - 0.5) > 1e-5).all()  # far above rounding; the scaled unit says 1/2
    return "for $S \\in \\{-qw, pw\\}$ with $w \\ne 0$ the scaled unit says $\\frac12$"


def mean_on_one_side_and_outputs_on_two():
    outputs, chances = [Fraction(3, 10), Fraction(5, 6)], [Fraction(2, 3), Fraction(1, 3)]
    mean = sum(c * o for c, o in zip(chances, outputs, strict=True))
    low, high = (o / (1 - o) for o in outputs)
    odds, cube = mean / (1 - mean), low**2 * high
    assert (mean, odds, cube) == (Fraction(43, 90), Fraction(43, 47), Fraction(45, 49))
    assert odds**3 < cube < 1
    return (
        "$E = \\frac{43}{90}$, with the odds $\\frac{43}{47}$, and the odds of the scaled unit are"
        " the cube root of $\\frac{9}{49} \\cdot 5 = \\frac{45}{49}$"
    )


def masks_that_beat_scaling():
    first = next(T for T in range(1, 100) if Fraction(4, T) < HALF**2)
    return f"is beaten from {first} masks on"


def additions():
    table, added = [0], 0
    for _ in range(3):  # each entry once without the next input and once with it
        added += len(table)
        table += table
    naive = 3 * len(table)
    return (
        f"$3 \\cdot {len(table)} = {naive}$ additions for a hidden unit, and with a table "
        f"that is doubled for each input $1 + 2 + 4 = {added}$"
    )


def r_drop():
    logits = np.log([[[0.5, 0.5]], [[0.9, 0.1]]])
    paid, free = (variants.r_drop_loss(*logits, np.array([0]), alpha=a)[0] for a in (1.0, 0.0))
    return f"$\\tfrac\\kappa2 \\cdot \\tfrac25 \\ln 9 = {paid - free:.3f}\\,\\kappa$ nats"


def alpha():
    a, _ = layers.alpha_affine(0.1)
    return f"without the scaling the variance would be {a**-2:.2f}"


def inverted_on_selu():
    return f"at $p = 0.1$ makes {1 / 0.9:.2f} of the variance 1"


def ratios():
    laws = [[HALF, HALF], [Fraction(4, 5), Fraction(1, 5)]]
    values = [
        (old / 4, new / old)
        for acting in laws
        for learner in laws
        for old, new in zip(acting, learner, strict=True)
    ]
    mean = sum(chance * ratio for chance, ratio in values)
    variance = sum(chance * (ratio - mean) ** 2 for chance, ratio in values)
    outside = sum(chance for chance, ratio in values if abs(ratio - 1) > Fraction(1, 5))
    assert (mean, outside) == (1, HALF)
    return f"its variance is $\\tfrac{{{variance.numerator}}}{{{variance.denominator}}}$"


def merged_adapter():
    outputs, mean = [], 0
    for mask in ((0, 0), (0, 1), (1, 0), (1, 1)):
        outputs.append(2 + sum(np.array(mask) * (2, 1)) * 2)
        mean += Fraction(int(outputs[-1]), 4)
    assert sorted(outputs) == [2, 4, 6, 8]
    assert mean == 5
    return f"merged with $1 - p$ it puts out ${2 + 3 / 2}$"


def fused_attention():
    row = np.array([Fraction(2, 4), Fraction(3, 4)])
    mean, variance = moments(lambda m: m @ row / HALF, 2, HALF)
    assert mean == Fraction(5, 4)
    return f"Its variance is $\\tfrac{{{variance.numerator}}}{{{variance.denominator}}}$"


def four_workers():
    gradients = [0, 0, 4, 16]  # by batch and mask, equally likely
    total, between = np.var(gradients), np.var([0, 10])
    return f"variance {(total - between) / 4 + between:g} with one mask, and {total / 4:g} with"


def two_shards():
    own = moments(lambda m: m @ np.array([1, HALF, 1, HALF]) / HALF, 4, HALF)[1]
    one = moments(lambda m: m @ np.array([2, 1]) / HALF, 2, HALF)[1]
    assert one == 5
    return f"the sum has the variance {float(own):g}"


def pooled_window():
    window = np.array([3, 2, 1, 0])
    mean = moments(lambda m: (m * window / HALF).max(axis=1), 4, HALF)[0]
    return f"$3 + 1 + \\tfrac14 = {float(mean):g}$, where evaluation gives {max(window)}"


def shrinkages():
    both = 1 / (1 / HALF + 1)
    return f"both together make $\\tfrac{both.numerator}{both.denominator}$"


def kept_state():
    fresh, one = (
        moments(lambda m, units=units: (m[:, :units] / HALF).prod(axis=1) ** (3 // units), 3, HALF)[
            0
        ]
        for units in (3, 1)
    )
    assert fresh == 1
    return f"it is 8 with probability $\\tfrac12$, and {one} on average, where evaluation gives 1"


def weak_keys():
    mean = (Fraction(1) + 0 + Fraction(3, 4)) / 3
    return f"That is $\\tfrac{mean.numerator}{{{mean.denominator}}}$ on average"


def two_nodes():
    edge, loop = ((HALF * 0 + HALF * HALF), (HALF * 1 + HALF * HALF))
    return (
        f"The edge's mean is $\\tfrac{edge.numerator}{edge.denominator}$, the loop's"
        f" $\\tfrac{loop.numerator}{loop.denominator}$"
    )


def two_views():
    apart = moments(lambda m: m @ np.array([2, 1, -2, -1]) / HALF, 4, HALF)
    assert apart[0] == 0
    return f"differ by $2 \\cdot (4 + 1) = {apart[1]}$ in mean square"


def fraction(value):
    return f"\\tfrac{value.numerator}{value.denominator}"


def moments_of_a_factor():
    deviation = [(Fraction(1, 5), Fraction(-1)), (Fraction(4, 5), Fraction(1, 4))]
    first, second, third = (sum(w * d**k for w, d in deviation) for k in (1, 2, 3))
    assert first == 0
    return (
        f"of the deviation is ${fraction(second)}$, and the mean of its third power is"
        f" $-\\tfrac{{{-third.numerator}}}{{{third.denominator}}}$"
    )


def noisy_loss():
    p = Fraction(1, 5)
    loss, _ = moments(lambda m: (2 * m[:, 0] / (1 - p) - 1) ** 2, 1, p)
    variance = moments(lambda m: 2 * m[:, 0] / (1 - p), 1, p)[1]
    assert (loss - 1, variance) == (1, 1)
    growth = rf"$\tfrac12 \cdot {variance} \cdot 2$"
    return f"and the mean loss is {loss}. The loss has grown by {growth}: half the variance"


def two_inputs():
    outputs = dropcheck.expectation(lambda m: m @ np.array([2, 1]) / HALF, 2, HALF)[0]
    error = dropcheck.expectation(lambda m: (m @ np.array([2, 1]) / HALF - 3) ** 2, 2, HALF)[0]
    assert (outputs, error) == (3, 2**2 + 1)
    return f"the mean squared error is {error}. The first input has added its square, 4"


def one_input_in_two_units():
    for square, product in ((2, 4), (200, 40)):  # least squares, dropout at p = 1/2
        assert Fraction(product, 2 * square) == Fraction(product, square) / 2
    dropout, ridge = Fraction(4, 2 + 2), Fraction(4, 2 + 1)
    assert Fraction(40, 200 + 1) / Fraction(40, 200) == Fraction(200, 201)
    return (
        f"$\\tfrac{{4}}{{2 + 2}} = {dropout}$, and ridge regression with the penalty 1 the weight"
        f" $\\tfrac{{4}}{{2 + 1}} = {fraction(ridge)}$"
    )


def one_logit():
    z = np.array([1, 3, 10])
    added = np.log(2) / 2 + np.logaddexp(0, 2 * z) / 2 - np.logaddexp(0, z)
    ridge = z**2 / 8
    return (
        f"that is {added[0]:.3f}, {added[1]:.3f} and {added[2]:.3f}; an L2 penalty of the same"
        f" curvature at zero, $z^2/8$, is {ridge[0]:g}, {ridge[1]:g} and {ridge[2]:g}"
    )


def two_factors():
    alone, apart, even = (a**2 + b**2 for a, b in ((6, 0), (5, 1), (3, 3)))
    return f"is {alone}; shared as 5 and 1 it is {apart}, and as 3 and 3 it is {even}"


def one_mask_both_ways():
    W, x, mask = np.array([[1, 3]]), np.array([2, 1]), np.array([1, 0])
    for_weights, for_inputs = gradients.linear_backward(W, x, mask, np.array([1]), HALF)
    (first, second), (third, fourth) = for_weights[0], for_inputs
    return f"{first} and {second} for the weights, and {third} and {fourth} for the inputs"


def pull_of_the_mean_gradient():
    def gradient(masks):
        return (2 * masks[:, 0] / HALF - 2) * 2 * masks[:, 0] / HALF

    def recomputed(masks):
        return (2 * masks[:, 0] / HALF - 2) * 2 * masks[:, 1] / HALF

    mean, variance = moments(gradient, 1, HALF)
    assert dropcheck.expectation(recomputed, 2, HALF)[0] == 0
    assert variance == 16
    return f"the gradient 8 or 0: on average {mean}"


def one_coin_or_two():
    def outputs(masks):
        return masks[:, 0] / HALF, masks[:, -1] / HALF

    def covariance(units):
        means = [
            dropcheck.expectation(lambda m, i=i: outputs(m)[i], units, HALF)[0] for i in (0, 1)
        ]
        product = dropcheck.expectation(lambda m: np.prod(outputs(m), axis=0), units, HALF)[0]
        return product - means[0] * means[1]

    apart = dropcheck.expectation(lambda m: outputs(m)[0] != outputs(m)[1], 2, HALF)[0]
    assert apart == HALF
    return f"and their covariance is {covariance(2)} instead of {covariance(1)}"


def one_random_unit():
    units = np.array([0, 2])
    kernel = (units**2).mean()
    assert 3 * (units**2).var() / kernel**2 == 3  # the excess kurtosis, which a Gaussian has not
    return f"The output then has the variance {kernel:g}, but it is zero in half of all draws"


def word_that_is_there_or_not():
    def added(one, zero):  # to the odds, by presence instead of absence
        return one / zero * (1 - zero) / (1 - one)

    chances = Fraction(4, 5), Fraction(2, 5)
    whole, thinned = added(*chances), added(*(HALF * chance for chance in chances))
    return (
        f"adds $\\ln {whole}$ to the log odds of a whole document, and"
        f" $\\ln \\tfrac{thinned.numerator}{thinned.denominator}$ where half of the words"
    )


@pytest.mark.parametrize(
    ("chapter", "example"),
    [
        ("variants", branch),
        ("variants", attention),
        ("variants", r_drop),
        ("variants", alpha),
        ("variants", inverted_on_selu),
        ("systems", ratios),
        ("systems", merged_adapter),
        ("systems", fused_attention),
        ("systems", four_workers),
        ("systems", two_shards),
        ("systems", pooled_window),
        ("systems", shrinkages),
        ("sequences", kept_state),
        ("sequences", weak_keys),
        ("sequences", two_nodes),
        ("sequences", two_views),
        ("noise", moments_of_a_factor),
        ("noise", noisy_loss),
        ("noise", two_inputs),
        ("noise", one_input_in_two_units),
        ("noise", one_logit),
        ("noise", two_factors),
        ("noise", word_that_is_there_or_not),
        ("bayesian", one_coin_or_two),
        ("bayesian", one_random_unit),
        ("gradients", one_mask_both_ways),
        ("gradients", pull_of_the_mean_gradient),
        ("formulation", average_of_two_functions),
        ("predictions", thresholded),
        ("ensemble", mean_logit),
        ("ensemble", two_coins),
        ("ensemble", outputs_moved_up),
        ("ensemble", sure_although_the_preactivation_is_zero),
        ("ensemble", mean_on_one_side_and_outputs_on_two),
        ("ensemble", relu_distance),
        ("ensemble", sigmoid_bound),
        ("ensemble", agreeing_members),
        ("ensemble", masks_that_beat_scaling),
        ("ensemble", additions),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_text_has_the_number_that_is_computed(chapter, example):
    assert example() in prose(chapter)
