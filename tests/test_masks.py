"""Masks: exact rates, all of them, their weights, and clear refusals."""

import doctest
from fractions import Fraction

import numpy as np
import pytest

import dropcheck
from dropoutlib import masks
from dropoutlib.masks import (
    PackedMask,
    check_probability,
    enumerate_masks,
    fill_mask,
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


@pytest.mark.parametrize("out", [np.empty((4, 4), dtype=bool).T[:2], np.empty(3)])
def test_only_contiguous_booleans_are_filled(out):
    with pytest.raises(ValueError, match="C-contiguous array of booleans"):
        fill_mask(out, 0.5, np.random.default_rng(0))


def test_a_mask_is_filled_in_place():
    out = np.empty((3, 50), dtype=bool)
    assert fill_mask(out, 0.3, np.random.default_rng(2)) is out
    assert np.array_equal(out, sample_mask((3, 50), 0.3, rng=2))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (7, 11), (2, 3, 64)])
def test_a_packed_mask_is_the_mask_in_an_eighth_of_the_bytes(shape, rng):
    mask = sample_mask(shape, 0.3, rng=rng)
    packed = PackedMask(mask)
    assert np.array_equal(packed.unpack(), mask)
    assert packed.unpack().shape == shape
    assert packed.nbytes == -(-mask.size // 8)


def test_only_a_mask_is_packed():
    with pytest.raises(TypeError, match="booleans"):
        PackedMask(np.ones(3))


# Exactness: the sampler's decisions over everything that its source of bytes can say.


@pytest.mark.parametrize("p", [0.1, 0.3, 1 / 3, 1e-10, 1 - 1e-10])
def test_other_samplers_fail_the_same_count(p):
    """A threshold on one byte, rounded either way, and one on the 2^24 single-precision numbers."""
    one_byte = [Fraction(np.count_nonzero(np.arange(256) < t), 256) for t in (256 * p, 256 * p - 1)]
    single = np.arange(1 << 24, dtype=np.float32) * np.float32(2.0**-24)
    in_single = Fraction(np.count_nonzero(~(single > np.float32(p))), 1 << 24)
    assert Fraction(p) not in (*one_byte, in_single)


def decide_one_by_one(levels, p):
    """Keep decisions of the units of `levels[0]`, each compared with p digit by digit."""
    digits, levels = levels[0], levels[1:]
    first, rest = divmod(Fraction(p) * 256, 1)
    keep = [int(digit) > first for digit in digits]
    words = sorted({unit // 8 for unit, digit in enumerate(digits) if digit == first})
    if rest and words:
        later = decide_one_by_one(levels, rest)
        for unit, digit in enumerate(digits):
            if digit == first:
                keep[unit] = later[8 * words.index(unit // 8) + unit % 8]
    elif not rest:
        keep = [int(digit) >= first for digit in digits]
    return keep


def test_ties_are_decided_by_digits_of_their_own(rng, monkeypatch):
    """Bytes that tie every third time, against a comparison of one unit after the other."""
    p = float(Fraction(0x4C9A4CE6, 1 << 32))
    levels = []

    def random_bytes(words, _):
        digit = (0x4C, 0x9A, 0x4C, 0xE6)[len(levels)]
        levels.append(rng.integers(digit - 1, digit + 2, size=8 * words, dtype=np.uint8))
        return levels[-1].copy()  # the sampler works in place

    monkeypatch.setattr(masks, "_random_bytes", random_bytes)
    keep = sample_mask(400, p, rng=0)
    assert len(levels) == 4
    assert keep.tolist() == decide_one_by_one(levels, p)


# The random bytes themselves, of every bit generator that NumPy has.

GENERATORS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


@pytest.mark.parametrize("name", GENERATORS)
def test_each_lane_of_a_random_word_holds_every_byte_alike(name, seed):
    """MT19937's raw words have 32 bits; half the lanes would be zero if they were taken for 64."""
    generator = np.random.Generator(getattr(np.random, name)(seed))
    words = 400_000
    lanes = masks._random_bytes(words, generator).reshape(-1, 8)
    histogram = np.array([np.bincount(lane, minlength=256) for lane in lanes.T])
    assert dropcheck.rate_test(histogram, words, 1 / 256)
    halved = np.array([np.bincount(lane & 0x7F, minlength=256) for lane in lanes.T])
    assert not dropcheck.rate_test(halved, words, 1 / 256)  # a top bit that is never set


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_advances_and_repeats(name, seed):
    one, other = (np.random.Generator(getattr(np.random, name)(seed)) for _ in range(2))
    first = sample_mask(1000, 0.3, rng=one)
    assert np.array_equal(first, sample_mask(1000, 0.3, rng=other))
    assert not np.array_equal(first, sample_mask(1000, 0.3, rng=one))


@pytest.mark.parametrize("p", [0.3, 0.5])
@pytest.mark.parametrize("units", [8 * 1000, 8 * 1000 + 3])
def test_a_mask_is_the_same_however_it_is_cut_into_blocks(units, p, monkeypatch):
    """All blocks take the first byte of their units from one stream, and ties come last."""
    words, plain = [], masks._random_bytes
    monkeypatch.setattr(masks, "_random_bytes", lambda n, rng: words.append(n) or plain(n, rng))
    whole = sample_mask(units, p, rng=3)
    once = len(words)
    monkeypatch.setattr(masks, "BLOCK", 1 << 10)
    monkeypatch.setattr(np.random, "SFC64", lambda seed: np.random.PCG64(3))
    in_blocks = sample_mask(units, p, rng=3)
    assert len(words) > 4 * once
    if units % 8 == 0:
        assert np.array_equal(whole, in_blocks)
    assert len(in_blocks) == units


def test_large_masks_come_from_one_quick_stream_whatever_the_generator():
    units = masks.BLOCK + 9
    seed = np.random.default_rng(3).integers(0, 1 << 64, size=4, dtype=np.uint64)
    stream = np.random.Generator(np.random.SFC64(seed))
    expected = np.concatenate([sample_mask(part, 0.3, rng=stream) for part in (masks.BLOCK, 9)])
    assert np.array_equal(sample_mask(units, 0.3, rng=3), expected)
    assert np.array_equal(
        sample_mask(masks.BLOCK, 0.3, rng=3),
        sample_mask(masks.BLOCK, 0.3, rng=np.random.default_rng(3)),
    )


# Statistics of what is drawn.

RATES = [
    *(0.1, 0.3, 1 / 3, 0.5, 0.9, 1 / 512, 1e-10, 1 - 1e-10),
    *(np.nextafter(0, 1), np.nextafter(1, 0)),  # the neighbours of 0 and 1
]


@pytest.mark.parametrize("p", RATES)
def test_rate(rng, p):
    draws = 10_000_000
    dropped = draws - np.count_nonzero(sample_mask(draws, p, rng=rng))
    assert dropcheck.rate_test(dropped, draws, p)
    assert not dropcheck.rate_test(draws - dropped, draws, p) or p == 0.5  # p kept, not dropped


@pytest.mark.parametrize("p", [0.1, 0.3, 1 / 3])
def test_rate_of_a_threshold_on_one_byte_would_be_noticed(rng, p):
    draws, threshold = 20_000_000, int(256 * p)
    dropped = np.count_nonzero(rng.integers(0, 256, size=draws, dtype=np.uint8) < threshold)
    report = dropcheck.rate_test(dropped, draws, p, wrong=threshold / 256)
    assert report.power >= 1 - 1e-6
    assert not report


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_ends_are_certain(rng, p):
    assert np.all(sample_mask(10_000_000, p, rng=rng) == (p == 0.0))


def pairs_kept(one, other):
    """How often both of two units are kept."""
    return np.count_nonzero(one & other)


@pytest.mark.parametrize("p", [0.3, 0.5])
def test_neighbours_are_uncorrelated(rng, p):
    """Two kept indicators have a product of mean q^2. Pairs that overlap are left out."""
    draws, both = 4_000_000, []
    keep = sample_mask(draws, p, rng=rng)
    used = draws // 128 * 64
    for lag in range(1, 65):
        apart = keep[: draws // (2 * lag) * 2 * lag].reshape(-1, 2, lag)
        both.append(pairs_kept(apart[:, 0].ravel()[:used], apart[:, 1].ravel()[:used]))
    assert dropcheck.rate_test(both, used, (1 - p) ** 2)


@pytest.mark.parametrize("p", [0.3, 0.5])
def test_units_are_uncorrelated_across_batch_channel_block_and_call(rng, p):
    shape = (8, 16, 1 << 14)
    half = np.prod(shape) // 2
    assert half % masks.BLOCK == 0
    keep, again = (sample_mask(shape, p, rng=rng) for _ in range(2))
    both = [
        pairs_kept(keep[0::2], keep[1::2]),
        pairs_kept(keep[:, 0::2], keep[:, 1::2]),
        pairs_kept(keep[:4], keep[4:]),  # blocks of two halves
        pairs_kept(keep[:4], again[:4]),
    ]
    assert dropcheck.rate_test(both, half, (1 - p) ** 2)


def test_lanes_are_alike(rng):
    """Each byte of a random word, at p = 1/2 each bit, decides one unit; all at the same rate."""
    by_byte = sample_mask(8_000_000, 0.3, rng=rng).reshape(-1, 8)
    assert dropcheck.rate_test(np.count_nonzero(by_byte, axis=0), len(by_byte), 0.7)
    by_bit = sample_mask(64 * 400_000, 0.5, rng=rng).reshape(-1, 64)
    assert dropcheck.rate_test(np.count_nonzero(by_bit, axis=0), len(by_bit), 0.5)


@pytest.mark.parametrize("p", [0.3, 0.5])
def test_no_mask_comes_twice(rng, p):
    """200 000 masks of n units make 2e10 pairs, each equal with probability (p^2 + q^2)^n."""
    units = 64 if p == 0.5 else 80
    assert 2e10 * (p**2 + (1 - p) ** 2) ** units < 1e-8  # duplicates expected
    drawn = np.packbits(sample_mask((200_000, units), p, rng=rng), axis=1)
    assert len(np.unique(drawn, axis=0)) == 200_000


# Enumeration.


def test_all_masks_once():
    drawn = enumerate_masks(5)
    assert drawn.dtype == bool
    assert drawn.shape == (32, 5)
    assert np.array_equal(drawn @ (1 << np.arange(5)), np.arange(32))
    assert enumerate_masks(0).shape == (1, 0)


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


def test_public_names_are_complete_and_sorted():
    assert masks.__all__ == sorted(masks.__all__)
    assert all(getattr(masks, name) for name in masks.__all__)
