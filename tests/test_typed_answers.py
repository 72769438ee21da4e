"""What people type into an answer field: how it is read, what is refused, and what is said then."""

import re

import numpy as np
import pages
import pytest
import test_answer_fields as answers

from book.exercises.fields import FIELDS, Formula

browser = pages.browser
field_page, engine = answers.field_page, answers.engine
pytestmark = pytest.mark.browser

# A field, and right answers to it as somebody writes them who knows no rules.
RIGHT = {
    ("formulation-skewness", 0): [
        r"\frac{p(2p-1)}{(1-p)^2}",
        r"$\frac{p\left(2p-1\right)}{q^{2}}$",
        "P(2P-1)/(1-P)^2",
        "[p(2p-1)]/[q^2]",
        "= p(2p−1)q⁻²",
        "p⋅(2p-1)/q**2.",
        "-pq(1-2p)/q^3",
        r"\frac pq\cdot\frac{2p-1}q",
        r"\frac{\frac{p}{q}}{\frac{q}{2p-1}}",
        r"\cfrac{p}{\cfrac{q^2}{2p-1}}",
        r"{p(2p-1) \over (1-p)^2}",
        r"p\left(2p-1\right)\Big/(1-p)^2",
        r"p\,(2p-1)~/~q^2",
        "p（2p－1）／（1－p）²",
        "p(2p ‐ 1)/(1‑p)²",
        "p\u2009(2p\u00a0−\u00a01)\u200b/(1−p)²",
        "p(2p-1):(1-p)²",
        "`p(2p-1)/(1-p)^2`",
    ],
    ("ensemble-unweighted", 0): [
        r"\tfrac12 \cdot \frac1q",
        "½/q",
        "0,5/(1-p)",
        ".5q^{-1}",
        "1⁄2 ⋅ 1⁄q",
        "1∕(2q)",
        "0{,}5/q",
        r"\frac 1 2 \frac 1 q",
        r"\nicefrac{1}{2q}",
        r"1\cdot1\div(2q)",
    ],
    ("ensemble-unweighted", 1): ["q^−2/4", "¼·q^-2", r"\bigl(\frac1{2q}\bigr)^2"],
    # Where e is a letter, 2e+1 is no number of the form 2e+1.
    ("systems-rollout", 0): [
        "(q(k-e)^2+p(d-e)^2)(1-e)/(e(e^2-2e+1))",
        "(q(k²−2ek+e²)+p(d²−2de+e²))/(e−e²)",
    ],
    ("noise-plateau", 0): ["0,5·2p^k ln(2)", r"p^k\ln2"],
    ("noise-copies", 0): ["kq/(kq+p)", "k:(k+p:q)", r"\frac{k}{k+\frac pq}"],
    ("variants-sequence", 0): [
        "p/q*x´x",
        "p/q*x‘x",
        "p/q*x ᵀx",
        r"\frac pq x^\prime x",
        r"\frac pq x^{\mathsf T}x",
        r"\frac{p}{q}\lVert\mathbf{x}\rVert_2^2",
        r"\frac pq\|\boldsymbol{x}\|^2",
        "p/q*‖x‖₂²",
        "p/q*||x||_2^2",
        "p/(1-p) * x.T @ x",
        "p/(1-p)*np.linalg.norm(x)**2",
    ],
    ("practice-relu", 0): [r"\frac{\pi-1}{\frac\pi q-1}"],
    ("bayesian-mask-entropy", 0): [
        "-npln(p)-nqln(q)",
        "-n(p ln p + q ln q)",
        r"-n\left(p\ln p + q\log q\right)",
    ],
    ("bayesian-smoothing", 0): [
        "K σ² |x|²",
        "Kσ²‖x‖²",
        r"K \sigma^2 x^T x",
        "k sigma^2 (x_1^2 + x2²)",
    ],
    ("bayesian-falling-rate", 0): ["xᵀ S^{-1} x / (τ*sum(w²⊙x²))"],
    ("formulation-covariance", 0): [
        r"\frac{p}{q} W \operatorname{diag}(x)^2 W^\top",
        r"\frac{p}{q}\,W\,\mathrm{diag}(x)^{2}\,W^{\mathsf T}",
        "p/q*W @ np.diag(x**2) @ W.T",
    ],
    ("formulation-silent", 0): ["1−(1−pⁿ)ᴮ", "1-(1-pⁿ)^b", r"1-\left(1-p^{n}\right)^{B}"],
    ("formulation-shared-mask", 0): ["v'Wx + (p/q)(v_1 W_{11} x_1 + v2 W22 x2)"],
    ("formulation-relu-gap", 0): ["−pb", "p|b|", "(1-p)*ReLU(wx/(1-p)+b) - ReLU(w x + b)"],
    ("gradients-signal", 0): [r"\frac{\sqrt{n-1}}{1+\sqrt{n-1}}", "√(n−1)/(1+√(n−1))"],
    ("gradients-entropy", 0): [
        r"-p\log_2 p-(1-p)\log_2(1-p)",
        "-p log₂ p - q lb q",
        r"-p\,\mathrm{log}_2 p-q\,\mathrm{log}_2q",
        "-p log(p, 2) - q log(q,2)",
    ],
    ("gradients-no-mask", 0): ["g sgn(h)/q"],
    ("noise-poisson", 0): ["(p+qe^{z_1/q})(p+q e^(z₂/q)) − exp(z₁+z₂)"],
    ("noise-threshold", 0): [
        "λA/(1+nλ)",
        r"\frac{\lambda A}{1+n\lambda}",
        r"\frac\lambda{1+n\lambda}A",
        r"\lambda A \over 1+\lambda n",
    ],
    ("sequences-scale", 0): [r"\sqrt[T]{1/q}", "(1-p)^{-1/t}"],
    ("systems-behind", 0): ["c² (p/q) ‖B diag(Ax)‖²"],
    ("systems-workers", 0): ["N(1-ρ)/(1-Nρ)", r"\frac{N(1-\rho)}{1-N\rho}"],
    ("variants-depth", 0): ["L(1+q_L)/2"],
    ("variants-alpha", 1): ["a²q(ν+p(μ−d)²)", r"a^2 q(\nu + p(\mu-d)^2)"],
}
NUMBERS = {
    ("formulation-recipe", 0): [["0,2", "0,064", "1.5625·10^-3", "90 %", ".8"]],
    ("ensemble-typical", 0): [
        ["1,038,091", "263 847", "3497"],
        ["1.038.091", "263’847", "3.497,0"],
        ["1'038'091", "263_847", "+3,497.0"],
    ],
    ("ensemble-steep", 0): [
        ["4 ln(1+√2)"],
        ["3,5255"],
        [r"4\ln(1+\sqrt2)"],
        ["4·ln(1+√2) ≈ 3,53"],
    ],
    ("implementation-half", 0): [["10⁵"], ["1/1e-5"], ["100 000"], ["100.000,0"], ["100,000.0"]],
    ("formulation-silent", 1): [["n = 28"], ["２８"], ["28,0"]],
    ("noise-per-sample", 0): [["⅜", "−⅛", "-0,125", r"\frac38"]],
}
UNREAD = [
    ("formulation-skewness", 0, "1/2q", "two ways"),
    ("formulation-skewness", 0, "1/2√q", "two ways"),
    ("formulation-skewness", 0, "p(2p-1)/(1-p)(1-p)", "two ways"),
    ("formulation-skewness", 0, "I don't know", "no letter “I” here, but p and q"),
    ("formulation-skewness", 0, "true", "no letter “true”"),
    ("formulation-skewness", 0, "NaN", "no letter “NaN”"),
    ("formulation-skewness", 0, '"a"', 'The sign “"” is not read'),
    ("formulation-skewness", 0, "#p", "The sign “#” is not read"),
    ("formulation-skewness", 0, "2½p", "The sign “½” is not read"),
    ("formulation-skewness", 0, "1÷2q", "two ways"),
    ("formulation-skewness", 0, "1:2q", "two ways"),
    ("systems-rollout", 0, "1/2e+1", "two ways"),
    ("formulation-skewness", 0, "$$", "Write a formula first"),
    ("formulation-skewness", 0, "\u200b", "Write a formula first"),
    ("formulation-skewness", 0, "i", "no letter “i” here, but p and q"),
    ("formulation-skewness", 0, "l", "no letter “l” here, but p and q"),
    ("formulation-skewness", 0, "sqrt(p,q)", "in sqrt(…) is read without commas"),
    ("formulation-skewness", 0, "p" + "+p" * 1000, "too long to be read: 2000 signs"),
    ("formulation-skewness", 0, "0x1F", "a number in it is not one"),
    ("formulation-silent", 1, ["28 28"], "what begins with “28” does not fit"),
    ("formulation-skewness", 0, "((p", "a parenthesis is not closed"),
    ("formulation-skewness", 0, "log^2", "Write log(…), with parentheses"),
    ("formulation-skewness", 0, "9^9^9", "too large"),
    ("formulation-skewness", 0, "(p^9999)^9999", "too large"),
    ("variants-sequence", 0, "(p/q) Σ x_t²", "sum(x^2)"),
    ("variants-sequence", 0, "(p/q) x_t^2", "x for all of x_t, and x1 for the first"),
    ("variants-correlation", 0, "sum(w1*w2)", "the shapes do not fit; .* multiplies entry"),
    ("formulation-silent", 1, ["28 units"], "a number without “units”"),
    ("formulation-silent", 1, ["2,500"], "write 2500 or 2.500"),
    ("formulation-silent", 1, [""], "Write a number first"),
]


def judged(engine, name, number, answer):
    return answers.judge(engine, f"ex-{name}", number, answer)


@pytest.mark.parametrize(("name", "number"), [*RIGHT, *NUMBERS])
def test_right_answers_are_accepted_as_people_type_them(engine, name, number):
    for answer in (RIGHT | NUMBERS)[name, number]:
        found = judged(engine, name, number, answer)
        assert found["right"], (answer, found["says"])


@pytest.mark.parametrize(("name", "number", "answer", "part"), UNREAD)
def test_what_cannot_be_read_gets_no_verdict_but_a_word_on_how_to_write_it(
    engine, name, number, answer, part
):
    found = judged(engine, name, number, answer)
    assert not found["right"]
    assert found["unread"]
    assert part in found["says"]


@pytest.mark.parametrize(
    ("name", "number", "answer", "says"),
    [
        ("formulation-skewness", 0, "1/(p + q - 1)", "Not equal: it divides by zero."),
        ("implementation-words", 0, ["1.00392", "2.00003"], "Close, but not exact enough."),
        (
            "formulation-skewness",
            0,
            "1e400p",
            "Not equal. At p = 1/3 yours is too long to be shown, and it should be -1/4.",
        ),
        ("formulation-silent", 1, ["21"], "Not right."),
        # A power of W is a product or one entry by entry: only where both are one it is read.
        ("formulation-covariance", 0, "W*diag(x)^2*W'/q", None),
        ("noise-plateau", 0, "0,5 p^k", None),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(engine, name, number, answer, says):
    found = judged(engine, name, number, answer)
    assert not found["right"]
    assert "unread" not in found
    assert says is None or found["says"] == says


def test_the_letter_e_of_a_field_is_no_constant_and_its_formula_is_compared_exactly(engine):
    assert judged(engine, "systems-rollout", 0, "(q(k-e)^2+p(d-e)^2)/(e(1-e))")["bound"] < 1e-9
    assert judged(engine, "noise-poisson", 0, FIELDS["ex-noise-poisson"][0].right[1])["right"]


def test_numbers_near_the_ends_are_no_reason_to_reject_a_right_formula(engine):
    for _ in range(100):  # log(1 + p^3) has lost its digits where p is small
        assert judged(engine, "noise-plateau", 0, "log(2^(p^k))")["right"]


# ---- Right formulas with one change, in every field ----------------------------------------------

CHANGES = [("+", "-"), ("-", "+"), ("*", "+"), ("p", "q"), ("q", "p"), ("1", "2"), ("2", "3")]


def changed(generator, text):
    """A right form with a random sign, letter or number exchanged, or a factor put in front."""
    places = [
        text[:i] + new + text[i + 1 :]
        for i, sign in enumerate(text)
        for old, new in CHANGES
        if sign == old
    ]
    return str(generator.choice([*places, f"3*({text})", f"({text}) + 1/9", f"({text})/7"]))


def drawn(generator, kind):
    """A value of a letter."""
    if isinstance(kind, tuple):
        return int(generator.choice(kind))
    if isinstance(kind, int):
        return generator.uniform(0.2, 0.9, kind)
    if re.fullmatch(r"\d+x\d+", kind):
        return generator.uniform(0.2, 0.9, [int(n) for n in kind.split("x")])
    if "A*A'" in kind:
        root = generator.uniform(0.2, 0.9, (3, 3))
        return root @ root.T + np.eye(3)
    return generator.uniform(0.1, 0.6)


def apart(generator, one, other, field):
    """Whether two forms differ at a random point; None where that cannot be told."""
    for _ in range(5):
        given = {name: drawn(generator, kind) for name, kind in field.letters.items()}
        if "b" in given and "w" in given:
            given["b"] = -0.5 * given["w"] * given["x"]
        try:
            with np.errstate(all="ignore"):
                a, b = np.asarray(one(**given), float), np.asarray(other(**given), float)
        except (ArithmeticError, TypeError, ValueError, np.linalg.LinAlgError):
            return None
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return None
        if a.shape != b.shape or np.max(np.abs(a - b)) > 1e-6 * np.max(np.abs(b)):
            return True
    return False


@pytest.mark.parametrize(("label", "number"), answers.FORMULAS)
def test_a_right_formula_with_one_change_is_rejected(engine, rng, label, number):
    field = FIELDS[label][number]
    assert isinstance(field, Formula)
    right = answers.in_python(engine, label, number, field.right[0])
    tried = 0
    for _ in range(12):
        text = changed(rng, str(rng.choice(field.right)))
        if answers.judge(engine, label, number, text).get("unread"):
            continue
        if not apart(rng, answers.in_python(engine, label, number, text), right, field):
            continue
        assert not answers.judge(engine, label, number, text)["right"], text
        tried += 1
    assert tried >= 3
