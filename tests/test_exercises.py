"""Answers to exercises: the right one passes, in another form too, and wrong ones do not."""

import doctest
import re

import numpy as np
import pytest
from notebooks import ROOT

from dropoutlib import exercises
from dropoutlib.exercises import registry
from dropoutlib.layers import alpha_affine, block_seed_rate

MANUSCRIPTS = {path.stem: path.read_text("utf-8") for path in (ROOT / "manuscript").glob("*.md")}
DROPPED = -1.6732632423543772 * 1.0507009873554805


def covariance(W, x, p, factor=None):
    return (p / (1 - p) if factor is None else factor(p)) * (W * x**2) @ W.T


def shared_mask(v, W, x, p, extra=True):
    return v @ W @ x + extra * p / (1 - p) * (v @ (np.diag(W) * x))


def alpha(mu, nu, p, mean=True):
    a = alpha_affine(p)[0]
    center = a * (1 - p) * mu if mean else a * mu
    return center, a**2 * ((1 - p) * nu + p * (1 - p) * (mu - DROPPED) ** 2)


def cosine(one, other):
    return one @ other / np.sqrt((one @ one) * (other @ other))


RECIPE = {"p": 0.2, "rate": 0.064, "penalty": 0.0015625, "momentum": 0.9, "scale": 0.8}
SEED_RATE = 0.01940
# label: (right answers, wrong ones)
ANSWERS = {
    "ex-formulation-skewness": (
        [lambda p: p * (2 * p - 1) / (1 - p) ** 2, lambda p: p**3 / (1 - p) ** 2 - p],
        [lambda p: p * (1 - 2 * p) / (1 - p) ** 2, lambda p: (2 * p - 1) / (1 - p)],
    ),
    "ex-formulation-covariance": (
        [covariance, lambda W, x, p: p / (1 - p) * W @ np.diag(x**2) @ W.T],
        [
            lambda W, x, p: covariance(W, x, p, lambda p: p * (1 - p)),
            lambda W, x, p: np.diag(np.diag(covariance(W, x, p))),
        ],
    ),
    "ex-formulation-silent": (
        [lambda n, B, p: 1 - (1 - p**n) ** B, 28],
        [lambda n, B, p: B * p**n, lambda n, B, p: 1 - (1 - (1 - p) ** n) ** B, 27, 29],
    ),
    "ex-formulation-recipe": (
        [RECIPE],
        [
            RECIPE | {"p": 0.8},
            RECIPE | {"rate": 0.1},
            RECIPE | {"rate": 0.08},
            RECIPE | {"penalty": 0.001},
            RECIPE | {"momentum": 0.576},
            RECIPE | {"scale": 1},
        ],
    ),
    "ex-formulation-shared-mask": (
        [shared_mask],
        [
            lambda v, W, x, p: shared_mask(v, W, x, p, extra=False),
            lambda v, W, x, p: v @ W @ x / (1 - p),
        ],
    ),
    "ex-formulation-relu-gap": (
        [lambda w, x, b, p: -p * b],
        [lambda w, x, b, p: p * b, lambda w, x, b, p: 0, lambda w, x, b, p: -b],
    ),
    "ex-formulation-bits": ([(2, 1), [2.0, 1.0]], [(2, 2), (1, 1), (8.25, 1)]),
    "ex-variants-sequence": (
        [lambda x, p: (p / (1 - p) * (x**2).sum(), p / (1 - p) * x.sum() ** 2)],
        [
            lambda x, p: (p / (1 - p) * x.sum() ** 2, p / (1 - p) * (x**2).sum()),
            lambda x, p: (p / (1 - p) * (x**2).sum(), p * (1 - p) * x.sum() ** 2),
        ],
    ),
    "ex-variants-depth": (
        [lambda L, q: L - L * (1 - q) / 2],
        [lambda L, q: L - (L + 1) * (1 - q) / 2, lambda L, q: L * q],
    ),
    "ex-variants-dropblock": ([SEED_RATE], [0.3103, 0.25, block_seed_rate(0.25, 7, 14, 14)]),
    "ex-variants-alpha": ([alpha], [lambda mu, nu, p: alpha(mu, nu, p, mean=False)]),
    "ex-variants-correlation": (
        [
            lambda w1, w2, v: (
                (w1 * v) @ (w2 * v) / np.sqrt(((w1 * v) ** 2).sum() * ((w2 * v) ** 2).sum())
            )
        ],
        [
            lambda w1, w2, v: 0.0,
            lambda w1, w2, v: cosine(w1, w2),
        ],
    ),
}


def test_every_check_is_tried():
    assert sorted(ANSWERS) == exercises.labels()


@pytest.mark.parametrize("label", ANSWERS)
def test_right_answers_pass_and_wrong_ones_do_not(label):
    right, wrong = ANSWERS[label]
    for answer in right:
        report = exercises.check(label, answer)
        assert report, report
        assert (report.false_pass or 0) < 1e-15
    for answer in wrong:
        assert not exercises.check(label, answer), answer


@pytest.mark.parametrize("label", ANSWERS)
def test_answer_of_another_kind_is_told_what_is_expected(label):
    with pytest.raises(TypeError, match="expects"):
        exercises.check(label, None)


def test_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="no exercise 'ex-none' can be checked; there are ex-"):
        exercises.check("ex-none", 1)


@pytest.mark.parametrize("label", ANSWERS)
def test_exercise_says_how_to_check_an_answer_and_has_a_hint(label):
    text = MANUSCRIPTS[label.split("-")[1]]
    assert f":label: {label}\n" in text
    after = text.partition(f":label: {label}\n")[2]
    statement, _, rest = after.partition(f"```{{solution-start}} {label}\n")
    assert re.search(r"```\{admonition\} Hint\n:class: dropdown", statement), label
    solution = rest.partition("```{solution-end}")[0]
    assert re.search(rf'exercises\.check\(\s*"{label}"', solution), label


def test_examples():
    assert doctest.testmod(registry).failed == 0
