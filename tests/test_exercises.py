"""Answers to exercises: the right one passes, in another form too, and wrong ones do not."""

import doctest
import re
from fractions import Fraction
from math import ceil, comb

import nbformat
import numpy as np
import pytest

from book import exercises
from book.exercises import registry
from book.exercises.fields import FIELDS
from book.scripts.notebooks import ROOT
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


def typical(n, p):
    needed, missing = 0, Fraction(99, 100)
    light = p < Fraction(1, 2)
    for k in sorted(range(n + 1), reverse=light):
        weight = p ** (n - k) * (1 - p) ** k
        taken = min(comb(n, k), max(0, ceil(missing / weight)))
        needed, missing = needed + taken, missing - taken * weight
    return needed


def threshold(alpha, strength):
    counts = np.arange(1, len(alpha) + 1)
    candidates = strength * np.cumsum(alpha) / (1 + strength * counts)
    return candidates[np.flatnonzero(alpha > candidates)[-1]]


def both_variances(w, x, y, p):
    s, u = p / (1 - p), w * x
    laws = ((1 + s) ** 2, (1 + s) ** 3), (1 + 3 * s, 1 + 6 * s + 3 * s**2)
    mean = x * (u * (1 + s) - y)
    return [
        x**2 * (u**2 * fourth - 2 * u * y * third + y**2 * (1 + s)) - mean**2
        for third, fourth in laws
    ]


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
    "ex-ensemble-typical": ([typical], [lambda n, p: ceil(0.99 * 2**n), lambda n, p: 2**n]),
    "ex-ensemble-unweighted": (
        [lambda p: (1 / (2 * (1 - p)), 1 / (2 * (1 - p)) ** 2)],
        [
            lambda p: (1 / (2 * (1 - p)), 1 / (2 * (1 - p))),
            lambda p: (2 * (1 - p), 4 * (1 - p) ** 2),
        ],
    ),
    "ex-ensemble-steep": ([4 * np.log(1 + np.sqrt(2))], [2 * np.log(1 + np.sqrt(2)), 4.0]),
    "ex-ensemble-passes": ([(2500, 475)], [(2500, 500), (10_000, 475)]),
    "ex-bayesian-passes": ([(51, 5001), (50, 5000)], [(201, 20001), (101, 10001), (26, 2501)]),
    "ex-bayesian-mask-entropy": (
        [lambda n, p: -n * (p * np.log(p) + (1 - p) * np.log(1 - p))],
        [lambda n, p: n * np.log(2), lambda n, p: -n * p * np.log(p)],
    ),
    "ex-bayesian-smoothing": (
        [lambda K, sigma, x: K * sigma**2 * (x @ x)],
        [lambda K, sigma, x: sigma**2 * (x @ x), lambda K, sigma, x: K * sigma**2],
    ),
    "ex-bayesian-falling-rate": (
        [lambda x, S, w, tau: x @ np.linalg.solve(S, x) / (tau * np.sum((w * x) ** 2))],
        [lambda x, S, w, tau: x @ np.linalg.solve(S, x) / np.sum((w * x) ** 2)],
    ),
    "ex-bayesian-activations": (
        [{"absolute value", "softplus", "identity", "leaky ReLU"}],
        [{"softplus", "identity"}, set(), {"absolute value", "softplus", "identity", "ELU"}],
    ),
    "ex-noise-copies": (
        [lambda k, p: k / (k + p / (1 - p))],
        [lambda k, p: 1 / (1 + p / (1 - p)), lambda k, p: k / (k + p)],
    ),
    "ex-noise-constant": ([lambda p: 1 - p], [lambda p: 1, lambda p: 1 / (1 - p)]),
    "ex-noise-poisson": (
        [lambda z, p: np.prod(p + (1 - p) * np.exp(z / (1 - p))) - np.exp(z.sum())],
        [lambda z, p: np.prod(p + (1 - p) * np.exp(z)) - np.exp(z.sum())],
    ),
    "ex-noise-plateau": (
        [lambda k, p: p**k * np.log(2)],
        [lambda k, p: p * np.log(2), lambda k, p: (1 - p) ** k * np.log(2)],
    ),
    "ex-noise-threshold": (
        [threshold],
        [lambda alpha, strength: strength / 2, lambda alpha, strength: strength * alpha.sum()],
    ),
    "ex-noise-per-sample": ([[[0.375, -0.125], [-0.125, 0.375]]], [np.eye(2), np.zeros((2, 2))]),
    "ex-gradients-two-masks": (
        [lambda W, x, y, p: np.outer(W @ x - y, x)],
        [lambda W, x, y, p: np.outer(W @ x - y, x) + p / (1 - p) * W * x**2],
    ),
    "ex-gradients-stationary": (
        [(Fraction(74, 549), Fraction(196, 549))],
        [(0.4, 0.2), (Fraction(196, 549), Fraction(74, 549))],
    ),
    "ex-gradients-shared": ([lambda N: N], [lambda N: 1, lambda N: N**2]),
    "ex-gradients-gaussian": (
        [lambda w, x, y, p: both_variances(w, x, y, p)],
        [
            lambda w, x, y, p: both_variances(w, x, y, p)[::-1],
            lambda w, x, y, p: both_variances(w, x, y, p)[:1] * 2,
        ],
    ),
    "ex-gradients-signal": (
        [lambda n: np.sqrt(n - 1) / (1 + np.sqrt(n - 1))],
        [lambda n: 0.5, lambda n: 1 - 1 / n],
    ),
    "ex-gradients-no-mask": (
        [lambda output, g, p: g * (output != 0) / (1 - p)],
        [lambda output, g, p: g * (output != 0), lambda output, g, p: g / (1 - p)],
    ),
    "ex-gradients-entropy": (
        [lambda p: -p * np.log2(p) - (1 - p) * np.log2(1 - p)],
        [lambda p: 1.0, lambda p: -p * np.log(p) - (1 - p) * np.log(1 - p)],
    ),
    "ex-implementation-words": ([(256 / 255, 2 * 65536 / 65535)], [(1, 2), (257 / 256, 2.0)]),
    "ex-implementation-together": (
        [lambda u, b: u * (1 - u) / b**2],
        [lambda u, b: u * (1 - u) / b, lambda u, b: u / b**2],
    ),
    "ex-implementation-double": (
        [lambda p: p >= 0.5 or (p * 2.0**53).is_integer()],
        [lambda p: True, lambda p: p >= 0.5],
    ),
    "ex-implementation-schedule": (
        [lambda p, steps: lambda t: p * (1 - np.cos(np.pi * min(t / steps, 1))) / 2],
        [
            lambda p, steps: lambda t: p * min(t / steps, 1),
            lambda p, steps: lambda t: p * (1 - np.cos(np.pi * t / steps)) / 2,
        ],
    ),
    "ex-implementation-passes": ([400], [20, 100, 1600]),
    "ex-sequences-scale": (
        [lambda q, T: q ** (-1 / T)],
        [lambda q, T: 1 / q, lambda q, T: q ** (1 / T - 1), lambda q, T: q ** (1 / T)],
    ),
    "ex-sequences-keys": (
        [lambda n, p: (1 - p**n) / (n * (1 - p))],
        [lambda n, p: (1 + 0 * p) / n, lambda n, p: 1 / (1 + (n - 1) * (1 - p))],
    ),
    "ex-sequences-null": (
        [
            lambda s, p, share, first, mean, target: (
                s * target + (1 - s) * ((1 - p) * share * first + p * mean) / ((1 - p) * share + p)
            )
        ],
        [
            lambda s, p, share, first, mean, target: s * target + (1 - s) * mean,
            lambda s, p, share, first, mean, target: (
                s * target + (1 - s) * ((1 - p) * first + p * mean)
            ),
        ],
    ),
    "ex-systems-rollout": (
        [lambda k, d, e, p: ((1 - p) * (k - e) ** 2 + p * (d - e) ** 2) / (e * (1 - e))],
        [
            lambda k, d, e, p: (1 - p) * (k - e) ** 2 / (e * (1 - e)),
            lambda k, d, e, p: p * (1 - p) * (k - d) ** 2 / (e * (1 - e)),
        ],
    ),
    "ex-systems-behind": (
        [lambda A, B, x, c, p: p / (1 - p) * c**2 * ((A @ x) ** 2 * (B**2).sum(axis=0)).sum()],
        [
            lambda A, B, x, c, p: p / (1 - p) * c**2 * ((B @ A) ** 2 @ x**2).sum(),
            lambda A, B, x, c, p: p / (1 - p) * c * ((A @ x) ** 2 * (B**2).sum(axis=0)).sum(),
        ],
    ),
    "ex-systems-workers": (
        [lambda N, share: N * (1 - share) / (1 - N * share)],
        [lambda N, share: N, lambda N, share: N / (1 + (N - 1) * share)],
    ),
    "ex-systems-window": (
        [lambda n, p: (1 - p**n) / (1 - p)],
        [lambda n, p: 1 / (1 - p), lambda n, p: 1 - p**n],
    ),
    "ex-systems-bits": ([14], [13, 15, 8]),
    "ex-mistakes-realised": ([lambda n, p: 1 - p**n], [lambda n, p: 1, lambda n, p: 1 - p]),
    "ex-mistakes-below": ([0.5 * 0.7 / 0.3], [0.5 * 0.3 / 0.7, 0.5]),
    "ex-mistakes-passes": ([50], [49, 51, 100]),
    "ex-practice-relu": (
        [lambda p: (1 - p) / (1 + p / (np.pi - 1))],
        [lambda p: 1 - p, lambda p: (1 - p) / (1 + p / np.pi)],
    ),
    "ex-practice-half": ([lambda p, v: v / p], [lambda p, v: v, lambda p, v: v / (1 - p)]),
    "ex-predictions-threshold": ([(2, 0)], [(3, 1), (2, 1), (0, 2), (2.5, 0.5)]),
    "ex-predictions-calibrated": ([(0, 0.5)], [(0, 1), (0.5, 0.5)]),
    "ex-predictions-temperature": ([0.01], [0.1, 0.02]),
}


def test_every_check_is_tried():
    assert sorted(ANSWERS) == exercises.labels()
    for label in ANSWERS:  # a chapter prints them indented, 88 columns wide
        assert len(exercises.expected(label)) <= 84


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


EXERCISES = [
    (name, label)
    for name, text in sorted(MANUSCRIPTS.items())
    for label in re.findall(r"^```\{exercise\}.*\n:label: (\S+)$", text, re.MULTILINE)
]


@pytest.mark.parametrize(("name", "label"), EXERCISES)
def test_exercise_has_a_folded_hint_and_its_solution_is_checked(name, label):
    after = MANUSCRIPTS[name].partition(f":label: {label}\n")[2]
    statement, _, rest = after.partition(f"```{{solution-start}} {label}\n")
    assert re.search(r"```\{admonition\} Hint\n:class: dropdown exercise-hint\n\n.", statement)
    solution = rest.partition("```{solution-end}")[0]
    if label in ANSWERS:
        assert re.search(rf'exercises\.check\(\s*"{label}"', solution), label


def test_every_check_belongs_to_an_exercise():
    assert set(ANSWERS) <= {label for _, label in EXERCISES}


def test_the_field_names_the_tests_that_the_solution_sees_fail():
    chapter = nbformat.read(ROOT / "chapters" / "mistakes.ipynb", as_version=4)
    (cell,) = (cell for cell in chapter.cells if cell.source.startswith("def mixed("))
    marks = cell.outputs[0].text.splitlines()
    (field,) = FIELDS["ex-mistakes-find"]
    options = (*field.right, *field.wrong)
    fails = {option.split()[1].rstrip(":"): option in field.right for option in options}
    order = ("first", "second", "third", "fourth")
    assert [fails[name] for name in order] == ["FAILS" in mark for mark in marks]


def test_examples():
    assert doctest.testmod(registry).failed == 0
