"""Answers to the exercises of the chapter Variants."""

import numpy as np

from dropoutlib.layers import alpha_affine, block_seed_rate, dropblock_rate
from dropoutlib.layers.alpha import DROPPED
from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, equal, exercise, fractions, same


@exercise(
    "ex-variants-sequence",
    "a function of x, p: the variance of the sum for fresh masks, and for one mask",
)
def sequence(answer):
    """Compare with the variance over all masks of a sequence of four steps."""

    def variance(masks, x, p):
        sums, weights = (masks * x / (1 - p)).sum(axis=1), mask_weights(masks, p)
        return weights @ sums**2 - (weights @ sums) ** 2

    def both(v):
        x, p = v[:4], v[4]
        fresh, one = enumerate_masks(4), enumerate_masks(1)
        shared = variance(one, np.array([x.sum()]), p)
        return np.array([variance(fresh, x, p), shared])

    return same(both, lambda v: np.array(answer(v[:4], v[4])), 5)


@exercise("ex-variants-depth", "a function of L, q_L: the expected number of surviving blocks")
def depth(answer):
    """Compare with the sum over the blocks."""

    def survivors(blocks):
        return lambda v: sum(1 - (l - 1) * (1 - v[0]) / (blocks - 1) for l in range(1, blocks + 1))  # noqa: E741

    return all_of(
        same(survivors(blocks), lambda v, blocks=blocks: answer(blocks, v[0]), 1)
        for blocks in (2, 3, 5, 12)
    )


@exercise("ex-variants-dropblock", "a number: the seed rate gamma")
def dropblock(answer):
    """Ask the library for the rate at which units are dropped with these seeds."""
    nominal = 0.5 * float(answer) / block_seed_rate(0.5, 7, 14, 14)  # to which it is proportional
    return equal(dropblock_rate(min(nominal, 1.0), 7, 14, 14), 0.25, 1e-4)


@exercise(
    "ex-variants-alpha", "a function of mu, nu, p: mean and variance after alpha dropout of x"
)
def alpha(answer):
    """Compare with an x of two values and both masks, at random points."""

    def one():
        mu, nu, p = (float(value) for value in fractions(3))
        p *= 0.9
        a, b = alpha_affine(p)
        values = mu + np.sqrt(nu) * np.array([-1.0, 1.0])
        outputs = np.concatenate([a * values + b, a * np.full(2, DROPPED) + b])
        weights = np.array([1 - p, 1 - p, p, p]) / 2
        mean = weights @ outputs
        return equal(answer(mu, nu, p), [mean, weights @ (outputs - mean) ** 2], 1e-9)

    return all_of(one() for _ in range(20))


@exercise(
    "ex-variants-correlation",
    "a function of rows w1, w2 and of v: the correlation of outputs, dropout on v",
)
def correlation(answer):
    """Compare with the correlation over all masks of three inputs, at random points."""
    masks = enumerate_masks(3)

    def one():
        numbers = np.array([float(value) for value in fractions(9)]) - 0.5
        w1, w2, v = numbers.reshape(3, 3)
        p = float(fractions(1)[0])
        outputs = (masks * v / (1 - p)) @ np.array([w1, w2]).T
        weights = mask_weights(masks, p)
        centred = outputs - weights @ outputs
        moments = (weights[:, None] * centred).T @ centred
        value = moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1])
        return equal(answer(w1, w2, v), value, 1e-9)

    return all_of(one() for _ in range(20))
