"""The formal proofs: compiled where Rocq is, and their statements tied to numbers."""

import itertools
import json
import os
import re
from fractions import Fraction

import numpy as np
import pytest

from book.scripts import formal, proof_mutants, proofs_page, rocq
from book.scripts.build_ledger import ROOT
from dropoutlib import masks

needs_rocq = pytest.mark.skipif(
    not rocq.available() and os.environ.get("CI") != "true", reason=rocq.INSTALL
)


def test_what_is_stored_belongs_to_the_sources():
    stored = formal.stored()
    found = formal.theorems()
    assert stored["sources"] == formal.digest(), "run `make proofs`"
    assert [entry["name"] for entry in stored["theorems"]] == [theorem.name for theorem in found]
    page = (ROOT / formal.PAGE).read_text(encoding="utf-8")
    assert page == proofs_page.page(), "run `make proofs`"


def test_nothing_is_admitted_and_every_theorem_is_labelled():
    for file in formal.files():
        text = (ROOT / formal.PROOFS / file).read_text(encoding="utf-8")
        for word in ("Admitted", "admit", "Axiom", "Parameter", "Conjecture"):
            assert word not in text, f"{file} says {word}"
        labelled = [theorem for theorem in formal.theorems() if theorem.file == file]
        assert text.count("\nTheorem ") == len(labelled), f"a theorem of {file} has no label"


def test_the_proof_that_is_read_is_the_one_that_is_compiled():
    page = (ROOT / "backmatter" / "reading-a-proof.md").read_text(encoding="utf-8")
    source = (ROOT / formal.PROOFS / "Formulation.v").read_text(encoding="utf-8")
    blocks = re.findall(r"```coq\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        assert block in source, block


def test_forty_statements_are_proved_for_every_n():
    assert len(formal.labels()) >= 40


def test_every_theorem_has_a_wrong_form_that_its_proof_refuses():
    found = json.loads((ROOT / proof_mutants.MUTANTS).read_text(encoding="utf-8"))
    for file in formal.files():
        assert found[file]["sources"] == formal.digest(ROOT, file), (
            f"{file} has changed: run `make proofs-mutants`"
        )
    refused = {name for file in found.values() for name in file["refused"]}
    assert refused == {theorem.name for theorem in formal.theorems()}


@needs_rocq
def test_the_proofs_compile_and_rest_on_what_is_stored():
    assert rocq.run() == formal.stored()


# ---- Both sides of a theorem, evaluated by Rocq, against enumeration ----------------------------


def term_of(number):
    """Write a fraction or an array of fractions as a term."""
    if isinstance(number, list):
        return f"[:: {'; '.join(map(term_of, number))}]"
    top, bottom = Fraction(number).as_integer_ratio()
    return f"({'- ' * (top < 0)}({digits(abs(top))} / {digits(bottom)}))"


def digits(number):
    """Write a natural number by its digits, for Rocq reads a numeral as so many strokes."""
    if number < 50:
        return f"{number}%:R"
    return f"({digits(number // 10)} * 10%:R + {number % 10}%:R)"


class Point:
    """A random rational point and the exact means over the masks of two units."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)

        def draw(*shape):
            values = np.array(
                [Fraction(int(a), int(b)) for a, b in rng.integers(1, 6, (int(np.prod(shape)), 2))],
                dtype=object,
            )
            values *= rng.choice([-1, 1], values.shape)
            return values.reshape(shape)

        self.p = Fraction(int(rng.integers(1, 5)), 5)
        self.q = 1 - self.p
        self.r = Fraction(int(rng.integers(1, 7)), 7)  # another one, for a second law
        self.x, self.y, self.h = draw(2), draw(2), draw(2)
        self.w, self.v = draw(2, 2), draw(2, 2)

    def mean(self, function):
        """Mean of a function of the mask, as an array of zeros and ones, over all masks."""
        total = Fraction(0)
        for mask in itertools.product((0, 1), repeat=2):
            kept = sum(mask)
            total += self.p ** (2 - kept) * self.q**kept * function(np.array(mask, dtype=object))
        return total

    def cov(self, f, g):
        """Covariance of two functions of the mask."""
        return self.mean(lambda m: f(m) * g(m)) - self.mean(f) * self.mean(g)

    def drop(self, m):
        """Masked activations."""
        return self.x * m / self.q

    def coin(self, function):
        """Mean of a function of one unit, 1 where it is kept."""
        return self.q * function(1) + self.p * function(0)

    def spread(self, f, g=None):
        """Covariance of two functions of one unit; the variance where only one is given."""
        g = g or f
        return self.coin(lambda k: f(k) * g(k)) - self.coin(f) * self.coin(g)

    def pick(self, k):
        """One number for a unit that is kept, and another for a dropped one: the term `f`."""
        return self.x[0] if k else self.x[1]

    def noise(self, order):
        """Central moment of the factor m/q."""
        return self.coin(lambda k: (k / self.q - 1) ** order)

    def mixed(self, k):
        """Mixout's weight."""
        return (k * self.x[0] + (1 - k) * self.x[1] - self.p * self.x[1]) / self.q


# theorem and its arguments, what enumeration gives for both of its sides
CASES = {
    "mean_dropout q0 x i0": lambda t: t.mean(lambda m: t.drop(m)[0]),
    "var_dropout q0 x i1": lambda t: t.cov(lambda m: t.drop(m)[1], lambda m: t.drop(m)[1]),
    "mean_norm_dropout q0 x": lambda t: t.mean(lambda m: sum(t.drop(m) ** 2)),
    "weight_scaling_shared p y W x 1 h": lambda t: t.mean(
        lambda m: sum(t.y * m * (t.w @ (m * t.h) + t.x)) + 1
    ),
    "cov_columns q0 W x i0 i1": lambda t: t.cov(
        lambda m: t.w[0] @ t.drop(m), lambda m: t.w[1] @ t.drop(m)
    ),
    "linear_penalty q0 W x y": lambda t: t.mean(lambda m: sum((t.y - t.w @ t.drop(m)) ** 2)),
    "matrix_factorisation q0 A U V": lambda t: t.mean(
        lambda m: (t.h[0] - (t.w[0] * m / t.q) @ t.v[0]) ** 2
    ),
    "expansion_exact_quadratic q0 1 y x W": lambda t: t.mean(
        lambda m: 1 + t.y @ t.drop(m) + t.drop(m) @ t.w @ t.drop(m)
    ),
    "mean_gradient q0 W x y i0 i1": lambda t: t.mean(
        lambda m: (t.w[0] @ t.drop(m) - t.y[0]) * t.drop(m)[1]
    ),
    "var_group_units q0 x 2%:R": lambda t: t.cov(
        lambda m: sum(t.drop(m)) / 2, lambda m: sum(t.drop(m)) / 2
    ),
    "dropconnect_inputs_cov q0 W x i0 i1": lambda t: t.cov(
        lambda m: t.w[0] @ (m * t.x), lambda m: t.w[1] @ (m * t.x)
    ),
    "mean_masked_gram W i0 i0 q0": lambda t: t.mean(lambda m: t.w[0, 0] * (m[0] / t.q) ** 2),
    "proj1 (mean_columns_entries q0 W x i0)": lambda t: t.mean(lambda m: t.w[0] @ t.drop(m)),
    "proj1 (var_linear_output y x p_gt0 p_lt1)": lambda t: t.cov(
        lambda m: t.y @ t.drop(m), lambda m: t.y @ t.drop(m)
    ),
    "var_group_whole q0 x 2%:R": lambda t: t.spread(lambda k: sum(t.x) * k / t.q / 2),
    "proj2 (mean_group q0 x 2%:R)": lambda t: t.coin(lambda k: sum(t.x) * k / t.q / 2),
    "proj1 (droppath_moments q0 (x i0) (x i1))": lambda t: t.coin(
        lambda k: t.x[0] + t.x[1] * k / t.q
    ),
    "proj2 (droppath_moments q0 (x i0) (x i1))": lambda t: t.spread(
        lambda k: t.x[0] + t.x[1] * k / t.q
    ),
    "droppath_cov q0 (x i0) (x i1) (y i0) (y i1)": lambda t: t.spread(
        lambda k: t.x[0] + t.x[1] * k / t.q, lambda k: t.y[0] + t.y[1] * k / t.q
    ),
    "output_dropout q0 (y i0) (x i0)": lambda t: t.coin(
        lambda k: (t.y[0] - t.x[0] * k / t.q) ** 2 - (t.y[0] - t.q * t.y[0] * k / t.q) ** 2
    ),
    "proj1 (mixout q0 (x i0) (x i1))": lambda t: t.coin(t.mixed),
    "proj2 (mixout q0 (x i0) (x i1))": lambda t: t.spread(t.mixed),
    "proj1 (recurrent_fresh (x i0) (x i1) 2 q0)": lambda t: t.mean(
        lambda m: t.x[1] * np.prod(t.x[0] * m / t.q)
    ),
    "proj2 (recurrent_fresh (x i0) (x i1) 2 q0)": lambda t: t.mean(
        lambda m: (t.x[1] * np.prod(t.x[0] * m / t.q)) ** 2
    ),
    "proj1 (recurrent_shared p (x i0) (x i1) two_gt0)": lambda t: t.coin(
        lambda k: t.x[1] * (t.x[0] * k / t.q) ** 2
    ),
    "proj2 (recurrent_shared p (x i0) (x i1) two_gt0)": lambda t: t.coin(
        lambda k: (t.x[1] * (t.x[0] * k / t.q) ** 2) ** 2
    ),
    "ambiguity (total_coin p) f (y i0)": lambda t: (t.coin(t.pick) - t.y[0]) ** 2,
    "mean_average (total_coin p) f two0": lambda t: t.mean(lambda m: sum(map(t.pick, m)) / 2),
    "mse_average (total_coin p) f two0": lambda t: t.mean(
        lambda m: (sum(map(t.pick, m)) / 2 - t.coin(t.pick)) ** 2
    ),
    "predictive_variance f (total_coin p) two0 one0": lambda t: t.mean(
        lambda m: sum((t.pick(k) - sum(map(t.pick, m)) / 2) ** 2 for k in m)
    ),
    "glm_no_labels (fun z => z ^+ 3) y x (h i0) q0": lambda t: (
        t.mean(lambda m: (t.y @ t.drop(m)) ** 3) - (t.y @ t.x) ** 3
    ),
    "proj1 (noise_mean_var i0 q0)": lambda t: t.coin(lambda k: k / t.q),
    "proj2 (noise_mean_var i0 q0)": lambda t: t.noise(2),
    "proj1 (noise_skewness i0 p0 q0)": lambda t: t.noise(3),
    "proj2 (noise_skewness i0 p0 q0)": lambda t: t.noise(3) ** 2 / t.noise(2) ** 3,
    "noise_kurtosis i0 p0 q0": lambda t: t.noise(4) / t.noise(2) ** 2 - 3,
    "proj2 (policy_ratio (pi := coin p) (pi' := coin r) (total_coin p) (total_coin r) coin0)": (
        lambda t: t.spread(lambda k: (1 - t.r) / t.q if k else t.r / t.p)
    ),
}


def script(point, cases, wrong=False):
    """Return a file that ties each theorem to its value, or to another one."""
    p = term_of(point.p)
    lines = [
        "From mathcomp Require Import all_ssreflect all_algebra ring.",
        "From Dropout Require Import Mask Formulation Ensemble Bayesian Noise.",
        "From Dropout Require Import Gradients Variants Systems Evaluate.",
        "Local Open Scope ring_scope.",
        f"Notation p := ({p} : rat).",
        f"Notation r := ({term_of(point.r)} : rat).",
        "Notation i0 := (ord0 : 'I_2).",
        "Notation i1 := (lift ord0 ord0 : 'I_2).",
        *(
            f"Lemma {name}. Proof. by vm_compute. Qed."
            for name in (
                "q0 : 1 - p != 0",
                "p0 : p != 0",
                "p_gt0 : 0 < p",
                "p_lt1 : p < 1",
                "two_gt0 : (0 < 2)%N",
                "two0 : 2%:R != 0 :> rat",
                "one0 : 2%:R - 1 != 0 :> rat",
            )
        ),
        "Lemma coin0 b : coin p b != 0. Proof. by case: b; vm_compute. Qed.",
    ]
    for name, value in (("x", point.x), ("y", point.y), ("h", point.h)):
        lines.append(f"Notation {name} := (@vec {term_of(value.tolist())} 2).")
    lines.append("Notation f := (fun kept : bool => if kept then x i0 else x i1).")
    matrices = {"W": point.w, "A": point.h[:1, None], "U": point.w[:1], "V": point.v[:1]}
    for name, value in matrices.items():
        size = " ".join(map(str, value.shape))
        lines.append(f"Notation {name} := (@mat {term_of(value.tolist())} {size}).")
    for term in cases:
        value = CASES[term](point) + wrong
        tie = f"tie ({term}) ({term_of(value)} : rat)"
        lines.append(f"Goal True. Proof. {f'Fail {tie}' if wrong else tie}. exact: I. Qed.")
    return "\n".join([*lines, ""])


def run_script(text):
    """Let Rocq run a file in the build folder; it stops at the first tie that fails."""
    rocq.compile_all()
    tactic = (ROOT / formal.PROOFS / "Evaluate.v").read_text(encoding="utf-8")
    (ROOT / rocq.BUILT / "Evaluate.v").write_text(tactic, encoding="utf-8")
    rocq.coqc("Evaluate.v")
    (ROOT / rocq.BUILT / "Points.v").write_text(text, encoding="utf-8")
    rocq.coqc("Points.v")


def test_the_page_counts_the_theorems_that_are_evaluated():
    labels = {theorem.name: theorem.label for theorem in formal.theorems()}
    names = {next(word for word in re.findall(r"\w+", case) if word in labels) for case in CASES}
    evaluated = {labels[name] for name in names}
    text = (ROOT / "backmatter" / "methods.md").read_text(encoding="utf-8")
    counted = re.search(r"(\d+) of them, under (\d+) labels, are also evaluated", text)
    assert counted, "the page does not say how many theorems are evaluated"
    assert tuple(map(int, counted.groups())) == (len(names), len(evaluated))


@needs_rocq
def test_both_sides_have_the_value_of_the_enumeration(seed):
    run_script(script(Point(seed), CASES))


@needs_rocq
def test_another_value_is_refused(seed):
    run_script(script(Point(seed), list(CASES)[::6], wrong=True))


def test_the_weights_of_the_enumeration_are_those_of_the_library(seed):
    point = Point(seed)
    means = {2: point.mean, 1: lambda f: point.coin(lambda k: f(np.array([k])))}
    for units, mean in means.items():
        library = masks.enumerate_masks(units)
        for mask, weight in zip(library, masks.mask_weights(library, point.p), strict=True):
            assert weight == mean(lambda m, mask=mask: int(all(m == mask)))
