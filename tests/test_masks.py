"""Masks: exact rates, all of them, their weights, and clear refusals."""

import doctest
from fractions import Fraction

import numpy as np
import pytest

from dropoutlib import masks, verify
from dropoutlib.masks import (
    check_probability,
    enumerate_masks,
    iterate_masks,
    mask_weights,
    sample_mask,
)

BAD_P = [
    (-0.1, ValueError),
    (1.5, ValueError),
    (float("nan"), ValueError),
    (float("inf"), ValueError),
    (True, ValueError),
    (np.array([0.5, 0.5]), ValueError),
    (np.array(0.5), ValueError),
    ("0.5", TypeError),
    (None, TypeError),
    ([0.5], TypeError),
    (0.5 + 0j, TypeError),
]


@pytest.mark.parametrize(("p", "error"), BAD_P)
def test_bad_probability_is_refused_with_its_value(p, error):
    for call in (
        lambda: check_probability(p),
        lambda: sample_mask(3, p, rng=0),
        lambda: mask_weights(np.ones((1, 2), dtype=bool), p),
    ):
        with pytest.raises(error, match=r"must lie in \[0, 1\], got p=") as caught:
            call()
        assert repr(p) in str(caught.value)


@pytest.mark.parametrize("p", [0, 1, 0.5, np.float32(0.25), np.float64(0.3), Fraction(1, 3)])
def test_any_real_number_in_range_is_a_probability(p):
    assert check_probability(p) == float(p)


@pytest.mark.parametrize("rng", [None, np.random, np.random.RandomState(0), 1.5, "0", True])
def test_sampler_needs_a_generator_or_a_seed(rng):
    with pytest.raises(TypeError, match="rng must be"):
        sample_mask(3, 0.5, rng=rng)


def test_negative_seed_is_refused():
    with pytest.raises(ValueError, match=r"rng=-1"):
        sample_mask(3, 0.5, rng=-1)


def test_sampler_leaves_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - what must not change
    sample_mask((100, 100), 0.3, rng=1)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("shape", [(), 0, (0, 3), 5, (2, 3, 4), (1 << 16) + 1])
def test_shape_and_type_of_a_mask(shape):
    mask = sample_mask(shape, 0.3, rng=0)
    assert mask.dtype == bool
    assert mask.shape == (shape if isinstance(shape, tuple) else (shape,))


def test_negative_shape_is_refused():
    with pytest.raises(ValueError, match="negative"):
        sample_mask(-1, 0.3, rng=0)


def test_a_seed_is_a_mask_and_a_generator_advances():
    assert np.array_equal(sample_mask(1000, 0.3, rng=5), sample_mask(1000, 0.3, rng=5))
    rng = np.random.default_rng(5)
    assert np.array_equal(sample_mask(1000, 0.3, rng=rng), sample_mask(1000, 0.3, rng=5))
    assert not np.array_equal(sample_mask(1000, 0.3, rng=rng), sample_mask(1000, 0.3, rng=5))


@pytest.mark.parametrize(
    "p", [0.1, 0.3, 1 / 3, 0.5, 0.9, 1e-10, 1 - 1e-10, 1 / 512, 5e-324, 1 - 2.0**-53]
)
def test_rate(rng, p):
    draws = 10_000_000
    dropped = draws - np.count_nonzero(sample_mask(draws, p, rng=rng))
    assert verify.rate_test(dropped, draws, p)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_ends_are_certain(rng, p):
    assert np.all(sample_mask(10_000_000, p, rng=rng) == (p == 0.0))


class Recited(np.random.Generator):
    """A generator whose 64-bit words are read from a list, so that every draw can be tried."""

    def __new__(cls, words):
        """Leave the words to `__init__`; the base class takes none."""
        return super().__new__(cls)

    def __init__(self, words):
        super().__init__(np.random.PCG64(0))
        self.words = words

    def integers(self, low, high, size, dtype):
        """Return the next words of the list."""
        taken, self.words = self.words[:size], self.words[size:]
        return taken


@pytest.mark.parametrize("tail", [Fraction(0), Fraction(1, 2), Fraction(1, 2**40), Fraction(1, 3)])
@pytest.mark.parametrize("byte", [0, 1, 76, 128, 255])
def test_every_first_byte_and_both_sides_of_a_tie(byte, tail):
    """Exhaustive: of 256 first bytes `byte` drop, one ties, and its next word decides exactly."""
    p = float((byte + tail) / 256)
    rest = Fraction(p) * 256 - byte
    word = int(rest * 2**64)
    every_byte = np.arange(256, dtype=np.uint8).view("<u8").astype(np.uint64)
    for next_word, tied_is_kept in ((word - 1, False), (word + 1, True)):
        if not 0 <= next_word < 2**64:
            continue
        words = np.concatenate([every_byte, np.array([next_word], dtype=np.uint64)])
        keep = sample_mask(256, p, rng=Recited(words))
        expected = np.arange(256) > byte
        expected[byte] = tied_is_kept
        assert np.array_equal(keep, expected)


@pytest.mark.parametrize("lag", [1, 2, 7, 8, 9, 63, 64])
def test_neighbours_are_uncorrelated(rng, lag):
    """Products of two kept indicators have mean q^2; pairs that overlap are left out."""
    p, draws = 0.3, 4_000_000
    keep = sample_mask(draws, p, rng=rng)[: draws // (2 * lag) * 2 * lag].reshape(-1, 2, lag)
    both = np.count_nonzero(keep[:, 0] & keep[:, 1])
    assert verify.rate_test(both, keep[:, 0].size, (1 - p) ** 2)


def test_byte_lanes_are_alike(rng):
    """Each of the eight bytes of a random word decides one unit in eight, at the same rate."""
    keep = sample_mask(8_000_000, 0.3, rng=rng).reshape(-1, 8)
    assert verify.rate_test(np.count_nonzero(keep, axis=0), len(keep), 0.7)


def test_no_mask_comes_twice(rng):
    """200 000 masks of 64 units at p = 1/2: 2e10 pairs, each equal with probability 2^-64."""
    drawn = np.packbits(sample_mask((200_000, 64), 0.5, rng=rng), axis=1)
    assert len(np.unique(drawn.view(np.uint64))) == 200_000


def test_all_masks_once():
    drawn = enumerate_masks(5)
    assert drawn.dtype == bool
    assert drawn.shape == (32, 5)
    assert np.array_equal(drawn @ (1 << np.arange(5)), np.arange(32))
    assert enumerate_masks(0).shape == (1, 0)


@pytest.mark.parametrize("n", [0, 1, 3, 6, 7])
def test_chunks_are_the_enumeration_cut_up(n):
    chunks = list(iterate_masks(n, chunk=3))
    assert np.array_equal(np.vstack(chunks), enumerate_masks(n))
    assert {len(masks) for masks in chunks} == {2 ** min(n, 3)}


def test_chunks_of_more_units_than_fit_in_memory():
    assert next(iterate_masks(200)).shape == (4096, 200)


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        (-1, ValueError, "n=-1"),
        (26, ValueError, "more than 1 GiB"),
        (2.0, TypeError, "n=2.0"),
        (True, TypeError, "n=True"),
    ],
)
def test_bad_number_of_units_is_refused(n, error, message):
    with pytest.raises(error, match=message):
        enumerate_masks(n)


def test_weights_are_exact_and_sum_to_one():
    weights = mask_weights(enumerate_masks(6), Fraction(1, 3))
    assert weights.sum() == 1
    assert weights[0] == Fraction(1, 3) ** 6
    assert weights[-1] == Fraction(2, 3) ** 6


def test_weights_take_any_leading_shape_and_zeros_and_ones():
    drawn = sample_mask((4, 3, 7), 0.4, rng=0)
    weights = mask_weights(drawn.astype(int), 0.4)
    kept = drawn.sum(axis=-1)
    assert weights.shape == (4, 3)
    assert np.allclose(weights, 0.4 ** (7 - kept) * 0.6**kept, rtol=1e-14)


@pytest.mark.parametrize("bad", [np.array([0.5, 1.0]), np.array([2, 0]), np.array(True)])
def test_weights_of_what_is_no_mask_are_refused(bad):
    with pytest.raises(ValueError, match="masks must"):
        mask_weights(bad, 0.5)


def test_examples_in_the_docstrings():
    assert doctest.testmod(masks).failed == 0
