"""Answers to the exercises of the chapter on sequences, graphs and tokens."""

from dropcheck import Report
from dropoutlib.masks import enumerate_masks, mask_weights

from .registry import all_of, exercise, same


@exercise("ex-sequences-scale", "a function of q, T: the factor of a step")
def scale(answer):
    """Run the steps with either value of the mask, from weight and state 1, and average."""
    error = 0.0
    for q in (0.25, 0.5, 0.9):
        for steps in (1, 2, 5, 12):
            mean = 0.0
            for kept, chance in ((0.0, 1 - q), (1.0, q)):
                state = 1.0
                for _ in range(steps):
                    state = answer(q, steps) * kept * state
                mean += chance * state
            error = max(error, abs(mean - 1))
    return Report(passed=error <= 1e-12, method="enumeration", rounding=1e-12, error=error)


@exercise("ex-sequences-keys", "a function of n, p: mean attention on the key that is kept")
def keys(answer):
    """Average over all masks of the other keys, whose logits are equal."""

    def mean(n):
        masks = enumerate_masks(n - 1).astype(int)
        sizes = masks.sum(axis=1)

        def attention(v):
            chances = mask_weights(masks, v[0])
            return sum(c / (1 + int(b)) for c, b in zip(chances, sizes, strict=True))

        return attention

    return all_of(same(mean(n), lambda v, n=n: answer(n, v[0]), 1) for n in (2, 3, 5))


@exercise("ex-sequences-null", "a function of s, p, P(c0), mu_c0, mu, mu_c: the guided output")
def null(answer):
    """Fit the output of the null by the quadratic through its exact loss at three places."""

    def guided(v):
        strength, p, share, first, mean, target = v
        # The rest of the conditions has the mean that makes the whole mean right.
        rest = (mean - share * first) / (1 - share)

        def loss(output):
            seen = (1 - p) * share * (first - output) ** 2
            dropped = share * (first - output) ** 2 + (1 - share) * (rest - output) ** 2
            return seen + p * dropped

        low, middle, high = (loss(at) for at in (-1, 0, 1))
        output = (low - high) / (2 * (low + high - 2 * middle))
        return output + strength * (target - output)

    return same(guided, lambda v: answer(*v), 6)
