"""The claims of the chapter Implementation: each holds, and its wrong forms are rejected."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import dropcheck
from dropoutlib import masks
from dropoutlib.bayes import analytic
from dropoutlib.masks import enumerate_masks, mask_weights, sample_mask

# The sampler that takes a byte and decides ties by more of them.

# Two digits to base 256: 76, then 77.
TWO_DIGITS = Fraction(76 * 256 + 77, 1 << 16)
# Second bytes stand for all that lie on the same side of 77 and of 128: (byte, how many).
SECOND = ((0, 77), (77, 1), (100, 50), (200, 128))
PAIRS = np.stack(np.meshgrid(range(256), range(256)), axis=-1).reshape(-1, 2).astype(np.uint8)
PLACES = {"units of one word": ((0, 2), (0, 5)), "units of two words": ((0, 2), (1, 2))}


def in_the_library(monkeypatch):
    """The decisions of `sample_mask` when its random bytes are given, all in one block."""
    monkeypatch.setattr(masks, "BLOCK", 1 << 30)

    def decide(first, second):
        tied = (first == 76).reshape(-1, 8).any(axis=1)
        answers = [first.flatten(), second.reshape(-1, 8)[tied].ravel()]
        monkeypatch.setattr(masks, "_random_bytes", lambda words, rng: answers.pop(0))
        keep = np.empty(first.size, dtype=bool)
        masks._fill(keep, float(TWO_DIGITS), None)
        assert not answers
        return keep.reshape(first.shape)

    return decide


def by_rule(on_a_tie):
    """The decisions of a sampler that keeps above 76, and asks `on_a_tie` at 76."""
    return lambda first, second: np.where(first == 76, on_a_tie(second), first > 76)


def together(second):
    """One byte for all ties of a word: that of its third unit."""
    return np.broadcast_to(second[..., 2:3] >= 77, second.shape)


def joint_law(decide, places):
    """Probability of each pair of decisions of two units, over all that the bytes can be."""
    first = np.zeros((len(PAIRS), 2, 8), dtype=np.uint8)
    second = first.copy()
    law = {}
    for lane, (word, unit) in enumerate(places):
        first[:, word, unit] = PAIRS[:, lane]
    for one, weight_one in SECOND:
        for other, weight_other in SECOND:
            for (word, unit), byte in zip(places, (one, other), strict=True):
                second[:, word, unit] = byte
            keep = decide(first, second)
            pair = [keep[:, word, unit] for word, unit in places]
            counts = np.bincount(2 * pair[0] + pair[1], minlength=4).tolist()
            for outcome, count in enumerate(counts):
                share = Fraction(count * weight_one * weight_other, 1 << 32)
                law[outcome] = law.get(outcome, 0) + share
    return law


@pytest.mark.claim(
    "thm-byte-sampler",
    method="enumeration",
    parts=(1,),
    rejects=("8-bit threshold alone", "tie resolved by a fair coin", "ties of a word together"),
)
@pytest.mark.parametrize("places", PLACES)
def test_joint_law_over_all_bytes(claim, monkeypatch, places):
    """Two units, all 2^32 values of their two bytes: the law is the product law, exactly."""
    p = TWO_DIGITS
    product = {0: p * p, 1: p * (1 - p), 2: (1 - p) * p, 3: (1 - p) ** 2}

    @claim
    def check(decide, *, places=PLACES[places]):
        same = joint_law(decide, places) == product
        return dropcheck.Report(passed=same, method="enumeration", rounding=0.0)

    check.holds(in_the_library(monkeypatch))
    check.holds(by_rule(lambda second: second >= 77))
    check.rejects("8-bit threshold alone", by_rule(lambda second: second >= 0))
    check.rejects("tie resolved by a fair coin", by_rule(lambda second: second >= 128))
    # Each unit's rate is right, and two units of one word are not independent.
    one_word = PLACES["units of one word"]
    check.rejects("ties of a word together", by_rule(together), places=one_word)
    claim.survives("check(decide one entry changed)", "of a unit that is not one of the two")


def by_digits(p):
    """P(drop): summed over the byte in which a unit is decided."""
    total, tie, rest = Fraction(0), Fraction(1), Fraction(p)
    while rest:
        digit = math.floor(256 * rest)
        tie, rest = tie / 256, 256 * rest - digit
        total += tie * digit
    return total


def fair_coin(p):
    """P(drop) of a sampler whose ties are decided by one fair bit."""
    digit = math.floor(256 * Fraction(p))
    return Fraction(digit, 256) + Fraction(256 * Fraction(p) > digit, 512)


@pytest.mark.claim(
    "thm-byte-sampler",
    method="symbolic",
    parts=(1, 2),
    rejects=("8-bit threshold alone", "tie resolved by a fair coin", "2^-53 rounding"),
)
def test_every_double_is_met_exactly(claim, rng):
    cases = [*rng.uniform(size=1000), 0.1, 0.3, 1e-10, 1 - 2.0**-53, 5e-324, 1 / 3]

    @claim
    def check(probability):
        exact = all(probability(p) == Fraction(p) for p in cases)
        return dropcheck.Report(passed=exact, method="symbolic", rounding=0.0)

    check.holds(by_digits)
    rests, smallest = 0, Fraction(5e-324)
    while smallest:
        rests, smallest = rests + 1, 256 * smallest - math.floor(256 * smallest)
    assert rests == 135  # digits of the smallest double, and no other has more
    check.rejects("8-bit threshold alone", lambda p: Fraction(math.floor(256 * p), 256))
    check.rejects("tie resolved by a fair coin", fair_coin)
    # What `rng.random() < p` does, a uniform multiple of 2^-53 being less than p.
    check.rejects("2^-53 rounding", lambda p: Fraction(math.ceil(2**53 * p), 2**53))


@pytest.mark.claim(
    "thm-byte-sampler",
    method="monte-carlo",
    parts=(1,),
    rejects=("8-bit threshold alone", "tie resolved by a fair coin"),
)
@pytest.mark.parametrize("p", [0.1, 0.3, 1 / 3])
def test_rate_of_what_is_drawn(claim, rng, p):
    draws = 100_000_000
    dropped = draws - np.count_nonzero(sample_mask(draws, p, rng=rng))
    wrong = {
        "8-bit threshold alone": math.floor(256 * p) / 256,
        "tie resolved by a fair coin": float(fair_coin(p)),
    }

    @claim
    def check(rate, *, wrong=None):
        return dropcheck.rate_test(dropped, draws, rate, wrong=wrong)

    for name, rate in wrong.items():
        check.holds(p, wrong=rate)
        check.rejects(name, rate)


@pytest.mark.claim(
    "thm-byte-sampler",
    method="monte-carlo",
    parts=(3,),
    rejects=("one word in 256", "one unit's share"),
)
def test_words_that_are_drawn_again(claim, rng, monkeypatch):
    """A word is drawn again if any of its eight units is tied."""
    plain, asked = masks._random_bytes, []
    monkeypatch.setattr(masks, "BLOCK", 1 << 30)  # each round in one piece

    def counting(words, source):
        asked.append(words)
        return plain(words, source)

    monkeypatch.setattr(masks, "_random_bytes", counting)
    words = 1_000_000
    masks._fill(np.empty(8 * words, dtype=bool), 1 / 3, rng)
    again = 1 - (255 / 256) ** 8
    assert asked[0] == words
    assert dropcheck.rate_test(asked[2], asked[1], again)  # and of those so many once more

    @claim
    def check(rate, *, wrong=None):
        return dropcheck.rate_test(asked[1], words, rate, wrong=wrong)

    for name, rate in {"one word in 256": 1 / 256, "one unit's share": 4 / 256}.items():
        check.holds(again, wrong=rate)
        check.rejects(name, rate)


def draws_of_a_word(digits, monkeypatch, rng):
    """Mean and largest number of draws of one word in the library, over all that may tie.

    `p` has these digits. A draw is told by how many of its eight units tie; which they are is
    drawn, and those that do not are kept.
    """
    p = float(sum(Fraction(digit, 256**k) for k, digit in enumerate(digits, start=1)))
    chances = [math.comb(8, k) * Fraction(255 ** (8 - k), 256**8) for k in range(9)]
    mean, most, pending = Fraction(0), 0, [((), Fraction(1))]
    while pending:
        ties, chance = pending.pop()
        asked = []

        def recite(words, source, ties=ties, asked=asked):
            assert words == 1
            if len(asked) == len(ties):
                raise EOFError
            digit = digits[len(asked)]
            asked.append(digit)
            drawn = np.where(np.arange(8) < ties[len(asked) - 1], digit, digit + 1)
            return rng.permutation(drawn.astype(np.uint8))

        monkeypatch.setattr(masks, "_random_bytes", recite)
        try:
            masks._fill(np.empty(8, dtype=bool), p, None)
        except EOFError:  # the word is drawn once more
            pending += [((*ties, k), chance * chances[k]) for k in range(9)]
        else:
            mean, most = mean + chance * len(asked), max(most, len(asked))
    return mean, most


@pytest.mark.claim(
    "thm-byte-sampler",
    method="enumeration",
    parts=(2, 3),
    rejects=("an expansion without end", "tied units alone"),
)
def test_how_often_a_word_is_drawn(claim, monkeypatch, rng):
    """For one digit, two and three: the mean is the stated one exactly, D is reached."""
    cases = ((76,), (76, 77), (76, 77, 5))
    found = [draws_of_a_word(digits, monkeypatch, rng) for digits in cases]

    @claim
    def check(mean):
        right = all(
            (mean(len(digits)), len(digits)) == draws
            for digits, draws in zip(cases, found, strict=True)
        )
        return dropcheck.Report(passed=right, method="enumeration", rounding=0.0)

    again, alone = 1 - Fraction(255, 256) ** 8, Fraction(1, 256)
    check.holds(lambda D: (1 - again**D) / (1 - again))
    check.rejects("an expansion without end", lambda D: 1 / (1 - again))
    check.rejects("tied units alone", lambda D: (1 - alone**D) / (1 - alone))


# A linear head behind the mask.


def head_moments(v):
    """Exact mean and variance of w . (h m / q) + b over all masks; v holds h, w, b and p."""
    h, w, b, p = v[:3], v[3:6], v[6], v[7]
    masks = enumerate_masks(3)
    weights, outputs = mask_weights(masks, p), (masks * h) @ w / (1 - p) + b
    mean = weights @ outputs
    return np.array([mean, weights @ (outputs - mean) ** 2])


@pytest.mark.claim(
    "thm-linear-head", method="identity", rejects=("p q", "p alone", "all units together", "no 1/q")
)
def test_linear_head_by_identity(claim, rng):
    @claim
    def check(variance, mean=lambda p: 1):
        def stated(v):
            h, w, b, p = v[:3], v[3:6], v[6], v[7]
            return np.array([mean(p) * (w @ h) + b, variance(h, w, p)])

        return dropcheck.identity(head_moments, stated, 8, rng=rng)

    def right(h, w, p):
        return p / (1 - p) * np.sum(w**2 * h**2)

    check.holds(right)
    check.rejects("p q", lambda h, w, p: p * (1 - p) * np.sum(w**2 * h**2))
    check.rejects("p alone", lambda h, w, p: p * np.sum(w**2 * h**2))
    check.rejects("all units together", lambda h, w, p: p / (1 - p) * (w @ h) ** 2)
    check.rejects("no 1/q", right, mean=lambda p: 1 - p)


@pytest.mark.claim("thm-linear-head", method="enumeration", rejects=("p q",))
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_linear_head_of_a_network(claim, seed, p):
    """`analytic` of a network, beside the average of its head over all masks."""
    torch.manual_seed(seed)
    body = torch.nn.Sequential(torch.nn.Linear(4, 10), torch.nn.ReLU()).double()
    body[0].bias.data += 8  # so that units are on: inputs and weights reach about 2
    head = torch.nn.Linear(10, 3).double()
    x = torch.randn(1, 4, dtype=torch.float64)
    moments = analytic(torch.nn.Sequential(body, torch.nn.Dropout(p), head), x)
    features, W, b = (t.detach().numpy() for t in (body(x)[0], head.weight, head.bias))
    mean = moments.mean.numpy()[0]

    @claim
    def check(variance):
        def squares(masks):
            outputs = masks * features / (1 - p) @ W.T + b
            return np.stack([outputs, (outputs - mean) ** 2], axis=1)

        expected = np.stack([mean, variance])
        return dropcheck.enumeration(squares, expected, 10, p)

    assert moments.var.min() > 1e-3  # by this the wrong form is off, but for a factor above 1/26
    check.holds(moments.var.numpy()[0])
    check.rejects("p q", moments.var.numpy()[0] * (1 - p) ** 2)
