"""Theorems on passes, noise and gradients at a random point: term, points, both sides."""

import numpy as np
from ties_masks import both, relu


def entries(t, m):
    """Outputs where each weight has a mask of its own."""
    return (t.w * np.array(m).reshape(2, 2) / t.q) @ t.x


def passed(t, z, m):
    """Output of a hidden layer of ReLUs with dropout on its units, for the input z."""
    return t.h[0] + t.v[0] @ (relu(t.w @ z + t.y) * m / t.q)


def hidden_variance(t, z):
    """Its variance over masks."""
    return t.cov(lambda m: passed(t, z, m))


def ridge_loss(t, w):
    """Expected squared loss of rows of data, each with a mask of its own."""
    return sum(t.mean(lambda m, k=k: (t.h[k] - w @ (t.w[k] * m / t.q)) ** 2) for k in range(2))


def gradient(t, m):
    """Gradient of half the squared loss of a linear layer with respect to its weights."""
    return np.outer(t.w @ t.drop(m) - t.y, t.drop(m))


def half_squares(t, z):
    """Half the squared distance from h: the loss of the backward rules."""
    return both(sum((z - t.h) ** 2) / 2)


FORWARD = r"\sum_j {} * dropout p {} one_kept j"
CONNECTED = r"\sum_j dropout p {} diagonal (k, j) * x j"


def backward(name, forward):
    """The theorem of a backward rule, with the loss above behind the layer."""
    return f"backward_{name} (L := half_squares) (delta := fun k => {forward} - h k)"


def remainder(forward):
    """What the loss has beside its value and its slope: half the square of the output."""
    return rf"((\sum_k ({forward}) ^+ 2) / 2%:R)%:P"


BAYESIAN = [
    (
        "cov_columns q0 W x i0 i1",
        (),
        lambda t: both(t.cov(lambda m: t.w[0] @ t.drop(m), lambda m: t.w[1] @ t.drop(m))),
    ),
    (
        "cov_entries q0 W x (i := i0) (k := i1)",
        (),
        lambda t: both(t.cov(lambda m: entries(t, m)[0], lambda m: entries(t, m)[1], units=4)),
    ),
    ("var_entries q0 W x i0", (), lambda t: both(t.cov(lambda m: entries(t, m)[0], units=4))),
    (
        "mean_columns_entries q0 W x i0",
        (),
        lambda t: (
            both(t.mean(lambda m: t.w[0] @ t.drop(m))),
            both(t.mean(lambda m: entries(t, m)[0], units=4)),
        ),
    ),
    (
        "predictive_mean f (total_coin p) two0",
        (),
        lambda t: both(t.mean(lambda m: sum(map(t.pick, m)) / 2)),
    ),
    (
        "predictive_variance f (total_coin p) two0 one0",
        (),
        lambda t: both(
            t.mean(lambda m: sum((t.pick(k) - sum(map(t.pick, m)) / 2) ** 2 for k in m))
        ),
    ),
    (
        "total_variance (total_coin p) (total_coin (1 / 2%:R)) f (e := noise)",
        (),
        lambda t: both(
            t.coin(lambda k: t.coin(lambda e: (t.pick(k) + t.noise(e)) ** 2, t.half))
            - t.coin(lambda k: t.coin(lambda e: t.pick(k) + t.noise(e), t.half)) ** 2
        ),
    ),
    (
        "var_difference_independent (total_coin p) (total_coin p) f f",
        (),
        lambda t: both(t.cov(lambda m: t.pick(m[1]) - t.pick(m[0]))),
    ),
    (
        "var_hidden_layer p_lt1 rows y (V i0) (h i0) rx",
        (),
        lambda t: both(hidden_variance(t, t.x)),
    ),
    (
        "var_hidden_layer_convex p_ge0 p_lt1 rows y (V i0) (h i0) rx ry (t := r)",
        (),
        lambda t: (
            hidden_variance(t, t.r * t.x + (1 - t.r) * t.y),
            t.r * hidden_variance(t, t.x) + (1 - t.r) * hidden_variance(t, t.y),
        ),
    ),
    (
        "var_difference_shared p_lt1 rows y (V i0) (h i0) rx ry",
        (),
        lambda t: both(t.cov(lambda m: passed(t, t.y, m) - passed(t, t.x, m))),
    ),
    (
        "proj1 (var_linear_output y x p_gt0 p_lt1)",
        (),
        lambda t: both(t.cov(lambda m: t.y @ t.drop(m))),
    ),
]

NOISE = [
    (
        "noise_mean_var i0 q0",
        (),
        lambda t: (both(t.coin(lambda k: k / t.q)), both(t.moment(2))),
    ),
    (
        "noise_skewness i0 p0 q0",
        (),
        lambda t: (both(t.moment(3)), both(t.moment(3) ** 2 / t.moment(2) ** 3)),
    ),
    ("noise_kurtosis i0 p0 q0", (), lambda t: both(t.moment(4) / t.moment(2) ** 2 - 3)),
    (
        "fun P1 m v => squared_loss_any_noise (P := bernoulli p) (eps := fun (m : mask units) i =>"
        " factor p (m i)) (s := p / (1 - p)) P1 m v x (y i0)",
        (),
        lambda t: both(t.mean(lambda m: (t.y[0] - sum(t.drop(m))) ** 2)),
    ),
    (
        "linear_penalty q0 W x y",
        (),
        lambda t: both(t.mean(lambda m: sum((t.y - t.w @ t.drop(m)) ** 2))),
    ),
    (
        "frobenius_form_equal p W (x i0)",
        (),
        lambda t: both(
            2 * (t.mean(lambda m: np.sum((t.w * m / t.q) ** 2)) - np.sum(t.w**2)) * t.x[0]
        ),
    ),
    (
        "matrix_factorisation q0 W V W",
        (),
        lambda t: both(t.mean(lambda m: np.sum((t.w - (t.v * m / t.q) @ t.w.T) ** 2))),
    ),
    (
        "expansion_exact_quadratic q0 1 y x W",
        (),
        lambda t: both(t.mean(lambda m: 1 + t.y @ t.drop(m) + t.drop(m) @ t.w @ t.drop(m))),
    ),
    (
        "fun n => ridge_excess p_lt1 (X := W) (y := h) (w := ridge) x n",
        (),
        lambda t: both(ridge_loss(t, t.x) - ridge_loss(t, t.ridge)),
    ),
    (
        "fun n1 n2 => proj1 (ridge_minimiser p_gt0 p_lt1 (X := W) (y := h) (w := ridge) x n1 n2)",
        (),
        lambda t: (ridge_loss(t, t.ridge), ridge_loss(t, t.x)),
    ),
    (
        "glm_no_labels (fun z => z ^+ 3) y x (h i0) q0",
        (),
        lambda t: both(t.mean(lambda m: (t.y @ t.drop(m)) ** 3) - (t.y @ t.x) ** 3),
    ),
    (
        "averaged_gradient f (fun b => b%:R) (total_coin p) two0",
        (),
        lambda t: (
            both(t.mean(lambda m: sum(map(t.pick, m)) / 2)),
            both(t.cov(lambda m: sum(map(t.pick, m)) / 2, lambda m: sum(m) / t.two)),
        ),
    ),
    (
        "mean_masked_gram W i0 i0 q0",
        (),
        lambda t: both(t.mean(lambda m: t.w[0, 0] * (m[0] / t.q) ** 2)),
    ),
]

GRADIENTS = [
    (
        "congr1 (fun q : {poly rat} => q.[r]) (expected_derivative p (fun m : mask units =>"
        " (dropout p x m i0 * dropout p y m i1)%:P * 'X^2))",
        (),
        lambda t: both(2 * t.r * t.mean(lambda m: t.drop(m)[0] * (t.y * m / t.q)[1])),
    ),
    (
        "mean_gradient q0 W x y i0 i1",
        (),
        lambda t: both(t.mean(lambda m: gradient(t, m)[0, 1])),
    ),
    (
        "cov_gradient q0 W x y i0 i1 i0",
        (),
        lambda t: both(t.cov(lambda m: gradient(t, m)[0, 0], lambda m: gradient(t, m)[1, 0])),
    ),
    (
        "mask_memory (p := p) (I := units) (encode := fun m => (m i0, m i1))"
        " (decode := fun s g i => g i * factor p (if i == i0 then s.1 else s.2))",
        (),
        lambda t: both(len(t.masks(2))),
    ),
    (
        backward("input", FORWARD.format("W k j", "fx"))
        + " (p := p) (W := W) (x := fx) (m := one_kept)",
        ("fy", remainder(FORWARD.format("W k j", "fy")), "r"),
        lambda t: half_squares(t, t.w @ ((t.x + t.r * t.y) * [1, 0] / t.q)),
    ),
    (
        backward("weights", FORWARD.format("fW (k, j)", "x"))
        + " (p := p) (W := fW) (x := x) (m := one_kept)",
        ("fV", remainder(FORWARD.format("fV (k, j)", "x")), "r"),
        lambda t: half_squares(t, (t.w + t.r * t.v) @ (t.x * [1, 0] / t.q)),
    ),
    (
        backward("elementwise", "x k * y k + y k") + " (c := x) (b := y) (x := fy)",
        ("fx", remainder("x k * x k"), "r"),
        lambda t: half_squares(t, t.x * (t.y + t.r * t.x) + t.y),
    ),
    (
        backward("dropconnect", CONNECTED.format("fW"))
        + " (p := p) (W := fW) (x := x) (M := diagonal)",
        ("fV", remainder(CONNECTED.format("fV")), "r"),
        lambda t: half_squares(t, np.diag(t.w + t.r * t.v) * t.x / t.q),
    ),
]
