"""Precision and weight decay: each other's inverse, the factor between conventions, bad input."""

import doctest

import pytest

from book.bayesian import model_precision, model_weight_decay, prior
from dropoutlib import _checks


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.005, 0.5, 0.9])
def test_the_two_functions_are_inverse(p, inverted):
    decay = model_weight_decay(p, 0.3, 250, 2.5, inverted)
    assert model_precision(p, 0.3, 250, decay, inverted) == pytest.approx(2.5, rel=1e-14)


@pytest.mark.parametrize(("p", "factor"), [(0.005, 1.01), (0.5, 4.0)])
def test_conventions_differ_by_the_square_of_the_keep_probability(p, factor):
    ratio = model_weight_decay(p, 1, 10, 1) / model_weight_decay(p, 1, 10, 1, inverted=False)
    assert ratio == pytest.approx(1 / (1 - p) ** 2)
    assert ratio == pytest.approx(factor, rel=1e-3)


def test_published_value():
    """Equation 7 of Gal and Ghahramani, p l^2 / (2 N lambda) with p = 0.95 the keep rate."""
    assert model_precision(0.05, 1e-2, 455, 1e-6, inverted=False) == pytest.approx(
        0.95 * 1e-4 / (2 * 455 * 1e-6)
    )


def test_without_dropout_the_conventions_agree():
    assert model_precision(0, 2.0, 7, 0.1) == model_precision(0, 2.0, 7, 0.1, inverted=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1.0, 1.0, 10, 0.1), ValueError, "below 1"),
        ((-0.1, 1.0, 10, 0.1), ValueError, "p=-0.1"),
        ((0.5, 0.0, 10, 0.1), ValueError, "length_scale=0.0"),
        ((0.5, 1.0, 0, 0.1), ValueError, "n=0"),
        ((0.5, 1.0, 10.0, 0.1), TypeError, "n=10.0"),
        ((0.5, 1.0, True, 0.1), TypeError, "n=True"),
        ((0.5, 1.0, 10, 0.0), ValueError, "weight_decay=0.0"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        model_precision(*arguments)
    with pytest.raises(ValueError, match="tau=inf"):
        model_weight_decay(0.5, 1.0, 10, float("inf"))


def test_examples():
    assert doctest.testmod(prior).failed == 0


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_what_is_not_positive_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^sigma must be positive and finite, got sigma="):
        _checks.check_positive(tau=1, sigma=value)
