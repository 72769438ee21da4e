"""Theorems on variants and on whole systems at a random point: term, points, both sides."""

from fractions import Fraction

import numpy as np
from ties_masks import both

from book.variants import dropconnect_moments, expected_depth


def path(t, k, x, f):
    """A residual block whose branch is kept or dropped."""
    return x + f * k / t.q


def mixed(t, k):
    """Mixout's weight."""
    return (k * t.x[0] + (1 - k) * t.x[1] - t.p * t.x[1]) / t.q


def connected(t, m):
    """Outputs of DropConnect, not scaled."""
    return (t.w * np.array(m).reshape(2, 2)) @ t.x


def alpha(t, power):
    """Moment of alpha dropout's output, for inputs 1 and -1 and p = 1/5."""
    a, low = t.alpha
    b = -a * low / 5

    def output(x, k):
        return (a * (x * k + low * (1 - k)) + b) ** power

    return t.coin(lambda i: t.coin(lambda k: output(2 * i - 1, k), Fraction(1, 5)), t.half)


VARIANTS = [
    ("var_group_units q0 x 2%:R", (), lambda t: both(t.cov(lambda m: sum(t.drop(m)) / 2))),
    ("var_group_whole q0 x 2%:R", (), lambda t: both(t.spread(lambda k: sum(t.x) * k / t.q / 2))),
    (
        "mean_group q0 x 2%:R",
        (),
        lambda t: (
            both(t.mean(lambda m: sum(t.drop(m)) / 2)),
            both(t.coin(lambda k: sum(t.x) * k / t.q / 2)),
        ),
    ),
    (
        "attention_row q0 (a := row)",
        (),
        lambda t: (
            both(t.mean(lambda m: t.row @ m / t.q)),
            both(t.cov(lambda m: t.row @ m / t.q)),
        ),
    ),
    (
        "attention_row_empty q0 (a := x)",
        (),
        lambda t: both(t.mean(lambda m: int(not np.any(t.drop(m))))),
    ),
    (
        "droppath_moments q0 (x i0) (x i1)",
        (),
        lambda t: (
            both(t.coin(lambda k: path(t, k, *t.x))),
            both(t.spread(lambda k: path(t, k, *t.x))),
        ),
    ),
    (
        "droppath_cov q0 (x i0) (x i1) (y i0) (y i1)",
        (),
        lambda t: both(t.spread(lambda k: path(t, k, *t.x), lambda k: path(t, k, *t.y))),
    ),
    ("droppath_depth (L := 2) r", (), lambda t: both(expected_depth(2, t.r))),
    (
        "dropconnect_mean_var q0 W x i0",
        (),
        lambda t: (
            both(dropconnect_moments(t.w, t.x, t.p)[0][0]),
            both(dropconnect_moments(t.w, t.x, t.p)[1][0]),
        ),
    ),
    (
        "dropconnect_cov q0 W x (i := i0) (k := i1)",
        (),
        lambda t: both(t.cov(lambda m: connected(t, m)[0], lambda m: connected(t, m)[1], units=4)),
    ),
    (
        "dropconnect_inputs_cov q0 W x i0 i1",
        (),
        lambda t: both(t.cov(lambda m: t.w[0] @ (m * t.x), lambda m: t.w[1] @ (m * t.x))),
    ),
    (
        "alpha_dropout (P := coin (1 / 2%:R)) (x := fun b => if b then 1 else - 1)"
        " (p := 1 / 5%:R) (a := alpha i0) (b := - alpha i0 * (1 / 5%:R) * alpha i1)"
        " (alpha := alpha i1)",
        (),
        lambda t: (both(alpha(t, 1)), both(alpha(t, 2) - alpha(t, 1) ** 2)),
    ),
    (
        "dropblock_rate p [set s : units | s == i0]",
        (),
        lambda t: both(1 - t.mean(lambda m: m[0])),
    ),
    (
        "dropblock_rate p [set s : units | true]",
        (),
        lambda t: both(1 - t.mean(lambda m: m[0] * m[1])),
    ),
]

SYSTEMS = [
    (
        "policy_ratio (pi := coin p) (pi' := coin r)",
        (),
        lambda t: (
            both(t.coin(lambda k: (1 - t.r) / t.q if k else t.r / t.p)),
            both(t.spread(lambda k: (1 - t.r) / t.q if k else t.r / t.p)),
        ),
    ),
    (
        "lora_merge q0 W V W (x i0) y i0",
        (),
        lambda t: both(t.mean(lambda m: (t.w @ t.y + t.x[0] * t.v @ (t.w @ (t.y * m / t.q)))[0])),
    ),
    (
        "lora_penalty q0 W V (h i0) x y",
        (),
        lambda t: both(t.mean(lambda m: sum((t.y - t.w @ t.x - t.h[0] * t.v @ t.drop(m)) ** 2))),
    ),
    (
        "sharded_mask q0 W",
        (),
        lambda t: (
            both(t.cov(lambda m: np.sum(t.w * m / t.q))),
            both(t.cov(lambda m: np.sum(t.w * np.array(m).reshape(2, 2) / t.q), units=4)),
        ),
    ),
    ("attention_eval q0 x y", (), lambda t: both(t.cov(lambda m: t.drop(m) @ t.y))),
    (
        "output_dropout q0 (y i0) (x i0)",
        (),
        lambda t: both(
            t.coin(
                lambda k: (t.y[0] - t.x[0] * k / t.q) ** 2 - (t.y[0] - t.q * t.y[0] * k / t.q) ** 2
            )
        ),
    ),
    ("average_pooling q0 x", (), lambda t: both(t.mean(lambda m: sum(t.drop(m)) / 2))),
    (
        "batchnorm_shift q0 (P := coin r) f",
        (),
        lambda t: both(
            t.coin(lambda i: t.coin(lambda k: (t.pick(i) * k / t.q) ** 2), t.r)
            - t.coin(lambda i: t.coin(lambda k: t.pick(i) * k / t.q), t.r) ** 2
        ),
    ),
    (
        "mixout q0 (x i0) (x i1)",
        (),
        lambda t: (
            both(t.coin(lambda k: mixed(t, k))),
            both(t.spread(lambda k: mixed(t, k))),
        ),
    ),
    (
        "recurrent_fresh (x i0) (x i1) 2 q0",
        (),
        lambda t: (
            both(t.mean(lambda m: t.x[1] * np.prod(t.x[0] * m / t.q))),
            both(t.mean(lambda m: (t.x[1] * np.prod(t.x[0] * m / t.q)) ** 2)),
        ),
    ),
    (
        "recurrent_shared p (x i0) (x i1) (T := 2)",
        (),
        lambda t: (
            both(t.coin(lambda k: t.x[1] * (t.x[0] * k / t.q) ** 2)),
            both(t.coin(lambda k: (t.x[1] * (t.x[0] * k / t.q) ** 2) ** 2)),
        ),
    ),
    (
        "fun P1 some same => realised_rate (P := redrawn) (i := i0) P1 some same",
        (),
        lambda t: both(
            t.mean(lambda m: 2 * m[0] / Fraction(sum(m)) if any(m) else 0)
            / (1 - t.mean(lambda m: int(not any(m))))
        ),
    ),
    (
        "max_pooling (p := p) (x := sorted)",
        (),
        lambda t: both(t.mean(lambda m: max(0, *(t.sorted * m / t.q)))),
    ),
    (
        "average_passes f (T := 2) q0 two0 (total_coin r)",
        (),
        lambda t: (
            both(t.coin(lambda i: t.mean(lambda m: t.pick(i) * sum(m) / t.q / 2), t.r)),
            both(
                t.coin(lambda i: t.mean(lambda m: (t.pick(i) * sum(m) / t.q / 2) ** 2), t.r)
                - t.coin(lambda i: t.mean(lambda m: t.pick(i) * sum(m) / t.q / 2), t.r) ** 2
            ),
        ),
    ),
]
