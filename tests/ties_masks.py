"""Theorems on masks, ensembles, passes and noise at a random point: term, points, both sides.

The values are means over all masks with the library's weights, and no formula of the statement.
Where two values are given, the two sides of an inequality or of an equivalence differ there.
"""

from fractions import Fraction

import numpy as np


def both(value):
    """Both sides of an equation."""
    return value, value


def relu(z):
    """Positive part, of a Fraction too."""
    return np.maximum(z, 0)


def net(t, m):
    """Two layers with a mask in front of each, of two units: the first output."""
    first = t.w @ (np.array(m[:2]) * t.x) + t.y
    return (t.v @ (np.array(m[2:]) * first) + t.h)[0]


def descent(t, momentum, rate, w):
    """Two steps on the two masked inputs of the term `inputs`, with the gradient z - y."""
    buffer = 0 * w
    for inputs in (t.x * [1, 0], t.x):
        buffer = momentum * buffer + np.outer(w @ inputs - t.y, inputs)
        w = w - rate * buffer
    return w


def sum_of_squares(t, x):
    """Sum over the sets of units of a coefficient times the squares in the set."""
    return t.h[1] + t.h[0] * x[1] ** 2 + t.y[1] * x[0] ** 2 + t.y[0] * x[0] ** 2 * x[1] ** 2


def gap(t):
    """Half of what E|Z| exceeds |E Z| by."""
    return (t.coin(lambda k: abs(t.pick(k))) - abs(t.coin(t.pick))) / 2


FORMULATION = [
    ("mean_dropout q0 x i0", (), lambda t: both(t.mean(lambda m: t.drop(m)[0]))),
    (
        "fun H => proj2 (mean_scaled_unique q0 i0 r) H",
        ("x",),
        lambda t: (t.mean(lambda m: t.r * t.x[0] * m[0]), t.x[0]),
    ),
    ("fun H => proj1 (mean_scaled_unique q0 i0 r) H", (), lambda t: (t.r, 1 / t.q)),
    ("var_dropout q0 x i1", (), lambda t: both(t.cov(lambda m: t.drop(m)[1]))),
    (
        "cov_dropout p x (i := i0) (j := i1)",
        (),
        lambda t: both(t.cov(lambda m: t.drop(m)[0], lambda m: t.drop(m)[1])),
    ),
    ("mean_norm_dropout q0 x", (), lambda t: both(t.mean(lambda m: sum(t.drop(m) ** 2)))),
    ("prob_kept units p 1", (), lambda t: both(t.mean(lambda m: int(sum(m) == 1)))),
    ("prob_none_kept units p", (), lambda t: both(t.mean(lambda m: int(sum(m) == 0)))),
    ("mean_kept units p", (), lambda t: both(t.mean(sum))),
    ("var_kept units p", (), lambda t: both(t.cov(sum))),
    (
        "mean_multiaffine q0 chosen x",
        (),
        lambda t: both(
            t.mean(
                lambda m: (
                    t.h[1]
                    + t.h[0] * t.drop(m)[1]
                    + t.y[1] * t.drop(m)[0]
                    + t.y[0] * t.drop(m)[0] * t.drop(m)[1]
                )
            )
        ),
    ),
    (
        "congr1 (fun M : 'cV_2 => M i1 0) (proj1 (conventions_same_function q0 mW cx))",
        (),
        lambda t: both(t.w[1] @ t.x),
    ),
    (
        "congr1 (fun M : 'cV_2 => M i1 0) (proj2 (conventions_same_function q0 mW cx))",
        (),
        lambda t: both(t.w[1] @ (t.q * t.x)),
    ),
    (
        "congr1 (fun M : 'M_2 => M i0 i1) (conventions_same_path q0 r (y i0) slope inputs mW 2)",
        (),
        lambda t: both(t.q * descent(t, t.r, t.y[0], t.w)[0, 1]),
    ),
    (
        "fun H => proj2 (conventions_rate_unique (x i0) (x i1) q0) H",
        ("y i0", "fun z : rat => z ^+ 2 + h i0"),
        lambda t: (
            t.q * t.y[0] - t.x[1] * (t.y[0] ** 2 + t.h[0]) / t.q,
            t.q * (t.y[0] - t.x[0] * (t.y[0] ** 2 + t.h[0])),
        ),
    ),
    (
        "fun H => proj1 (conventions_rate_unique (x i0) (x i1) q0) H",
        (),
        lambda t: (t.x[1], t.q**2 * t.x[0]),
    ),
    (
        "fun H G => proj2 (inference_is_mean_iff p (h := squares) H G)",
        ("fx",),
        lambda t: (
            t.mean(lambda m: sum_of_squares(t, t.drop(m))),
            sum_of_squares(t, t.x),
        ),
    ),
    (
        "fun H G => proj1 (inference_is_mean_iff p (h := squares) H G)",
        ("[set i : units | true]", "fx"),
        lambda t: (
            t.q**2 * t.y[0] * np.prod((t.x / t.q) ** 2),
            t.y[0] * np.prod(t.x**2),
        ),
    ),
    (
        "mean_convex (p := p) (g := fun v : 'rV_2 => (y i0 * v 0 i0 + y i1 * v 0 i1) ^+ 2) rx",
        (),
        lambda t: ((t.y @ t.x) ** 2, t.mean(lambda m: (t.y @ t.drop(m)) ** 2)),
    ),
    ("proj1 (boundaries x all_kept i0)", (), lambda t: both(t.x[0])),
    ("proj2 (boundaries x none_kept i0)", (), lambda t: both(0 * t.x[0])),
]

ENSEMBLE = [
    ("card_mask units", (), lambda t: both(len(t.masks(2)))),
    (
        "fun H => proj2 (subnetworks_differ_iff (I := units) x) H",
        ("all_kept", "one_kept", "premise", "y"),
        lambda t: (t.x @ t.y, t.x[0] * t.y[0]),
    ),
    ("mask_weight p one_kept", (), lambda t: both(t.mean(lambda m: int(m[0] > m[1])))),
    ("mask_weights_sum units p", (), lambda t: both(t.mean(lambda m: 1))),
    (
        "fun H => proj2 (mask_weights_uniform_iff (I := units) p_ge0 p_le1 some_units) H",
        ("one_kept",),
        lambda t: (t.mean(lambda m: int(m[0] > m[1])), Fraction(1, len(t.masks(2)))),
    ),
    (
        "fun H => proj1 (mask_weights_uniform_iff (I := units) p_ge0 p_le1 some_units) H",
        (),
        lambda t: (t.p, Fraction(1, 2)),
    ),
    (
        "weight_scaling_linear (fun=> p) layers biases x i0",
        (),
        lambda t: both(t.mean(lambda m: net(t, m), units=4)),
    ),
    (
        "weight_scaling_shared p y W x 1 h",
        (),
        lambda t: both(t.mean(lambda m: sum(t.y * m * (t.w @ (m * t.h) + t.x)) + 1)),
    ),
    (
        "relu_gap p W y h (x i0) x",
        (),
        lambda t: both(
            t.mean(lambda m: t.h @ relu(t.w @ (m * t.x) + t.y))
            - t.h @ relu(t.w @ (t.q * t.x) + t.y)
        ),
    ),
    (
        "relu_gap_bounds (P := coin p) f",
        (),
        lambda t: (
            (0 * t.p, gap(t)),
            (gap(t) ** 2, t.spread(t.pick) / 4),
        ),
    ),
    ("ambiguity (total_coin p) f (y i0)", (), lambda t: both((t.coin(t.pick) - t.y[0]) ** 2)),
    (
        "mean_average (total_coin p) f two0",
        (),
        lambda t: both(t.mean(lambda m: sum(map(t.pick, m)) / 2)),
    ),
    (
        "mse_average (total_coin p) f two0",
        (),
        lambda t: both(t.mean(lambda m: (sum(map(t.pick, m)) / 2 - t.coin(t.pick)) ** 2)),
    ),
    (
        "ensemble_no_worse (P := coin p) f (y i0)",
        (),
        lambda t: (
            (t.coin(t.pick) - t.y[0]) ** 2,
            t.coin(lambda k: (t.pick(k) - t.y[0]) ** 2),
        ),
    ),
]
