"""Gradient checks: the derived tolerance covers the numerical error and little more."""

import numpy as np
import pytest

from dropcheck import gradient

METHODS = ["complex-step", "central"]

# f and its gradient, by name.
FUNCTIONS = {
    "cubic": (lambda x: np.sum(x**3), lambda x: 3 * x**2),
    "product": (lambda x: np.prod(x), lambda x: np.prod(x) / x),
    "sine": (lambda x: np.sum(np.sin(x)), np.cos),
    "exponential": (lambda x: np.sum(np.exp(x / 2)), lambda x: np.exp(x / 2) / 2),
    "softplus": (lambda x: np.sum(np.log(1 + np.exp(x))), lambda x: 1 / (1 + np.exp(-x))),
    "rational": (lambda x: np.sum(1 / (1 + x**2)), lambda x: -2 * x / (1 + x**2) ** 2),
    "constant": (lambda x: 0 * np.sum(x) + 3, np.zeros_like),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_gradients_pass_at_many_points(rng, name, method):
    f, grad = FUNCTIONS[name]
    for _ in range(60):
        x = rng.normal(size=4)
        assert gradient(f, grad, x, method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "constant"])
def test_gradients_off_by_little_fail(rng, name, method):
    """A relative error of 1e-6 is caught: the tolerance is near the numerical error."""
    f, grad = FUNCTIONS[name]
    x = rng.uniform(0.5, 1.5, size=4)
    report = gradient(f, grad(x) * (1 + 1e-6), x, method=method)
    assert not report
    assert report.error > report.rounding
    assert report.rounding < (1e-7 if method == "central" else 1e-12)


def test_a_missing_factor_of_the_dropout_gradient_fails(rng):
    """L = sum((W (x m / q))^2) / 2: the gradient needs the same mask and the factor 1/q twice."""
    W, x, q = rng.normal(size=(3, 5)), rng.normal(size=5), 0.7
    mask = np.array([True, False, True, True, False])

    def loss(x):
        return np.sum((W @ (x * mask / q)) ** 2) / 2

    delta = W.T @ (W @ (x * mask / q))
    for method in METHODS:
        assert gradient(loss, delta * mask / q, x, method=method)
        assert not gradient(loss, delta * mask, x, method=method)
        assert not gradient(loss, delta / q, x, method=method)
        assert not gradient(loss, delta * np.roll(mask, 1) / q, x, method=method)


def test_the_truncation_error_is_part_of_the_tolerance():
    """Where f''' is large the central difference is off by more than rounding explains."""
    x = np.array([0.5])
    report = gradient(
        lambda x: np.sum(np.sin(30 * x)), 30 * np.cos(30 * x), x, method="central", ulps=1
    )
    assert report
    assert report.error > 1e-8  # h^2 30^3 / 6
    assert report.error <= report.rounding < 3 * report.error


def test_a_central_difference_divides_by_the_step_really_taken(rng):
    """Of a line through its root nothing is rounded but x + h, which must not count."""
    for root in rng.uniform(1, 2, size=30):
        report = gradient(lambda x, root=root: 1e6 * (x - root), 1e6, root, method="central")
        assert report
        assert report.error < 1e-8


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("method", METHODS)
def test_steps_follow_the_size_of_x(rng, size, method):
    x = size * rng.uniform(1, 2, size=3)
    assert gradient(lambda x: np.sum(x**3), 3 * x**2, x, method=method)
    assert not gradient(lambda x: np.sum(x**3), 3.0001 * x**2, x, method=method) or size < 1


def test_complex_step_is_exact_to_rounding(rng):
    x = rng.normal(size=5)
    report = gradient(lambda x: np.sum(np.exp(x) / np.sqrt(1 + x**4)), _squire_like, x)
    assert report
    assert report.error < 1e-13


def _squire_like(x):
    root = np.sqrt(1 + x**4)
    return np.exp(x) / root - np.exp(x) * 2 * x**3 / root**3


def test_a_large_value_raises_no_alarm(rng):
    """Rounding is that of the value, a million times the gradient."""
    for _ in range(100):
        x = rng.normal(size=2)
        assert gradient(lambda x: np.sum(np.sin(x)) + 1e6, np.cos, x, method="central")


@pytest.mark.parametrize("method", METHODS)
def test_terms_that_cancel_raise_no_alarm(method):
    """The value is near 0, the rounding that of its terms, whichever variable they belong to."""
    for k in range(200):
        x = np.array([1.0, 1e6 + k / 7, 1e6 + k / 7])
        assert gradient(lambda x: x[0] / 3 + x[1] / 7 - x[2] / 7 - 1 / 3, [1 / 3, 1 / 7, -1 / 7],
                        x, method=method)  # fmt: skip


def test_relu_away_from_its_kink(rng):
    x = rng.uniform(0.5, 1, size=6) * [1, -1, 1, -1, 1, -1]
    for method in METHODS:
        assert gradient(lambda x: np.sum(np.maximum(x, 0) ** 2), 2 * np.maximum(x, 0), x,
                        method=method)  # fmt: skip
        assert not gradient(lambda x: np.sum(np.maximum(x, 0) ** 2), 2 * x, x, method=method)


def test_shapes_of_any_rank(rng):
    X = rng.normal(size=(2, 3))
    assert gradient(lambda X: np.sum(X @ X.T), 2 * X.sum(axis=0) * np.ones((2, 1)), X)
    assert gradient(lambda x: x**2, 6.0, 3.0)
    assert gradient(lambda x: np.sum(x), np.ones(0), np.ones(0))


def test_nan_never_passes():
    for method in METHODS:
        assert not gradient(lambda x: np.sum(x), [np.nan, 1.0], [1.0, 2.0], method=method)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"grad": [1.0]}, r"shape \(2,\) of x, got shape \(1,\)"),
        ({"f": lambda x: x}, r"must return a number, got shape \(2,\)"),
        ({"f": lambda x: np.sum(np.abs(x))}, "imaginary part"),
        ({"method": "forward"}, "method='forward'"),
    ],
)
def test_bad_calls_say_what_is_wrong(call, error):
    arguments = {"f": lambda x: np.sum(x), "grad": [1.0, 1.0], "x": [1.0, 2.0]} | call
    with pytest.raises(ValueError, match=error):
        gradient(**arguments)


def test_x_is_left_alone():
    x = np.array([1.0, 2.0])

    def greedy(x):
        x *= 2
        return np.sum(x)

    for method in METHODS:
        assert gradient(greedy, [2.0, 2.0], x, method=method)
    assert np.array_equal(x, [1.0, 2.0])
