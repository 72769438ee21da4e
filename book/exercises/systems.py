"""Answers to the exercises of the chapter on today's systems."""

from fractions import Fraction

from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, equal, exercise, same


@exercise("ex-systems-rollout", "a function of k, d, e, p: the variance of the ratio")
def rollout(answer):
    """Draw the token in evaluation, and average over it and over both values of the mask."""

    def variance(v):
        kept, dropped, evaluated, p = v
        first = second = 0
        for learner, chance in ((kept, 1 - p), (dropped, p)):
            for new, old in ((learner, evaluated), (1 - learner, 1 - evaluated)):
                first += chance * old * (new / old)
                second += chance * old * (new / old) ** 2
        return second - first**2

    return same(variance, lambda v: answer(*v), 4)


@exercise("ex-systems-behind", "a function of A, B, x, c, p: what is added to the squared loss")
def behind(answer):
    """Compare with the mean over all masks of two units behind A, less the loss without."""
    masks = enumerate_masks(2).astype(int)

    def parts(v):
        return v[:4].reshape(2, 2), v[4:8].reshape(2, 2), v[8:10], v[10], v[11]

    def added(v):
        A, B, x, c, p = parts(v)
        target = v[12:14]  # what the frozen layer leaves to the adapter
        losses = [
            ((target - c * B @ ((A @ x) * mask / (1 - p))) ** 2).sum()
            - ((target - c * B @ (A @ x)) ** 2).sum()
            for mask in masks
        ]
        return mask_weights(masks, p) @ losses

    return same(added, lambda v: answer(*parts(v)), 14)


@exercise("ex-systems-workers", "a function of N and rho: the number of workers with one seed")
def workers(answer):
    """Compare the variances, as multiples of that of one worker."""
    return same(lambda v: 1 / v[0], lambda v: (1 - v[1]) / answer(v[0], v[1]) + v[1], 2)


@exercise("ex-systems-window", "a function of n, p: the mean maximum of n equal ones")
def window(answer):
    """Compare with the mean over all masks of the maximum, where each unit is 1."""

    def largest(n):
        masks = enumerate_masks(n)
        kept = masks.any(axis=1).astype(int)
        return lambda v: mask_weights(masks, v[0]) @ kept / (1 - v[0])

    return all_of(same(largest(n), lambda v, n=n: answer(n, v[0]), 1) for n in (1, 2, 4, 6))


@exercise("ex-systems-bits", "a number of bits")
def bits(answer):
    """Try the numbers of bits one after the other, at the smallest q, by exact powers."""

    def enough(b):
        error = Fraction(1, 2**b) / Fraction(1, 2)
        return (1 + error) ** 48 <= Fraction(101, 100) and (1 - error) ** 48 >= Fraction(99, 100)

    return equal(answer, next(b for b in range(1, 64) if enough(b)))
