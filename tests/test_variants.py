"""Closed forms of single variants: their values, exact where they can be, and what is refused."""

import doctest
from fractions import Fraction

import numpy as np
import pytest

import dropcheck
from book import variants
from book.variants import dropconnect_moments, expected_depth, r_drop_loss


def test_dropconnect_moments_by_enumeration(rng):
    W, x, p = rng.standard_normal((2, 3)), rng.standard_normal(3), 0.3
    mean, variance = dropconnect_moments(W, x, p)

    def u(masks):
        return (masks.reshape(-1, 2, 3) * W) @ x

    assert dropcheck.enumeration(u, mean, 6, p)
    assert dropcheck.enumeration(lambda masks: (u(masks) - mean) ** 2, variance, 6, p, ulps=16)
    assert not dropcheck.enumeration(lambda masks: (u(masks) - mean) ** 2, 2 * variance, 6, p)


def test_dropconnect_moments_of_fractions_and_short_integers():
    mean, variance = dropconnect_moments([[1, 2]], [3, 4], Fraction(1, 3))
    assert (mean.tolist(), variance.tolist()) == ([Fraction(22, 3)], [Fraction(146, 9)])
    W, x = np.array([[100]], np.int8), np.array([100], np.int8)
    assert dropconnect_moments(W, x, 0.5)[1].tolist() == [0.25e8]


def test_expected_depth_is_the_sum_of_survivals():
    for blocks in (1, 7, 54):
        survivals = 1 - np.arange(1, blocks + 1) / blocks * 0.3
        assert expected_depth(blocks, 0.7) == pytest.approx(survivals.sum(), rel=1e-14)


def test_r_drop_loss_and_gradients(rng):
    one, two = rng.standard_normal((2, 5, 4))
    labels = rng.integers(4, size=5)
    loss, grad1, grad2 = r_drop_loss(one, two, labels, 0.7)
    assert dropcheck.gradient(
        lambda z: r_drop_loss(z, two, labels, 0.7)[0], grad1, one, method="central"
    )
    assert dropcheck.gradient(
        lambda z: r_drop_loss(one, z, labels, 0.7)[0], grad2, two, method="central"
    )
    log1, log2 = (z - np.log(np.exp(z).sum(axis=1, keepdims=True)) for z in (one, two))
    kl12 = np.sum(np.exp(log1) * (log1 - log2), axis=1)
    kl21 = np.sum(np.exp(log2) * (log2 - log1), axis=1)
    rows = np.arange(5)
    expected = np.mean(-log1[rows, labels] - log2[rows, labels] + 0.35 * (kl12 + kl21))
    assert loss == pytest.approx(expected, rel=1e-12)
    same = r_drop_loss(one, one, labels, 5.0)[0]
    assert same == pytest.approx(r_drop_loss(one, one, labels, 0.0)[0], rel=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: expected_depth(0, 0.5), ValueError, "layers=0"),
        (lambda: expected_depth(3, 1.5), ValueError, "last_keep=1.5"),
        (lambda: dropconnect_moments([[1.0]], [1.0], 1.5), ValueError, "p=1.5"),
        (lambda: r_drop_loss([[0.0, np.inf]], [[0.0, 1.0]], [0]), ValueError, "logits1 must be"),
        (lambda: r_drop_loss(np.ones((0, 2)), np.ones((0, 2)), []), ValueError, "one shape"),
        (lambda: r_drop_loss(np.ones((1, 2)), np.ones((1, 2)), [0.5]), ValueError, "classes from"),
        (lambda: r_drop_loss(np.ones((2, 3)), np.ones((2, 2)), [0, 1]), ValueError, "one shape"),
        (lambda: r_drop_loss(np.ones((2, 3)), np.ones((2, 3)), [0, 3]), ValueError, "from 0 to 2"),
        (lambda: r_drop_loss(np.ones((1, 2)), np.ones((1, 2)), [0], -1), ValueError, "alpha=-1"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_examples():
    done = doctest.testmod(variants)
    assert done.attempted
    assert not done.failed


def test_every_public_name_is_there():
    assert sorted(variants.__all__) == variants.__all__
    assert all(hasattr(variants, name) for name in variants.__all__)
