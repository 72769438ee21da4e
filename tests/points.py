"""A random rational point in Python and in Rocq, and the means over masks there.

The masks and their weights are the library's. What `script` writes lets Rocq evaluate both
sides of a theorem at the point, by the rules of proofs/Evaluate.v.
"""

from fractions import Fraction

import numpy as np
import pytest

from book.scripts import rocq
from book.scripts.build_ledger import ROOT
from dropoutlib import masks

RULES = ("Listed.v", "Evaluate.v", "EvaluateReals.v")
MODULES = "Mask Formulation Ensemble Bayesian Noise Gradients Variants Mistakes Systems Evaluate"

# What the ties speak of beside numbers; y, x, h and so on are those of the point.
WORDS = r"""
Notation f := (fun kept : bool => if kept then x i0 else x i1).
Notation all_kept := [ffun _ : 'I_2 => true].
Notation none_kept := [ffun _ : 'I_2 => false].
Notation noise := (fun e : bool => if e then x i0 else - x i0).
Notation redrawn := (fun m : {ffun 'I_2 -> bool} =>
  (0 < kept m)%N%:R * bernoulli p m / (1 - p ^+ 2)).
Notation one_kept := [ffun i : 'I_2 => i == i0].
Notation mW := (\matrix_(i < 2, j < 2) W i j).
Notation rx := (\row_(i < 2) x i).
Notation ry := (\row_(i < 2) y i).
Notation cx := (\col_(i < 2) x i).
Notation rows := (fun k : 'I_2 => \row_(i < 2) W k i).
Notation fx := [ffun i : 'I_2 => x i].
Notation inputs := (fun t => \col_(i < 2) ((~~ ((t == 0%N) && (i == i1)))%:R * x i)).
Notation slope := (fun (_ : nat) (z : 'cV_2) => z - \col_i y i).
Notation chosen := (fun S : {set 'I_2} => if i0 \in S then if i1 \in S then y i0 else y i1
  else if i1 \in S then h i0 else h i1).
Notation squares := (fun (S : {set 'I_2}) (z : {ffun 'I_2 -> rat}) =>
  chosen S * \prod_(i in S) z i ^+ 2).
Notation fy := [ffun i : 'I_2 => y i].
Notation fW := [ffun ki : 'I_2 * 'I_2 => W ki.1 ki.2].
Notation fV := [ffun ki : 'I_2 * 'I_2 => V ki.1 ki.2].
Notation diagonal := [ffun ki : 'I_2 * 'I_2 => ki.1 == ki.2].
Notation half_squares := (fun z : {ffun 'I_2 -> rat} => (\sum_k (z k - h k) ^+ 2) / 2%:R).
Notation layers := (fun (l : 'I_2) i j => if l == i0 then W i j else V i j).
Notation biases := (fun (l : 'I_2) i => if l == i0 then y i else h i).
""".strip().split("\n")


class Point:
    """Numbers for layers of two units, and the exact means over their masks."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)

        def draw(*shape):
            tops, bottoms = rng.integers(1, 6, (2, *shape))
            signs = rng.choice([-1, 1], shape)
            return np.vectorize(lambda a, b: Fraction(int(a), int(b)), otypes=[object])(
                tops * signs, bottoms
            )

        self.p = Fraction(int(rng.integers(1, 5)), 5)
        self.q = 1 - self.p
        self.r = Fraction(int(rng.integers(1, 7)), 7)  # another one, for a second law
        self.x, self.y, self.h = draw(2), draw(2), draw(2)
        self.w, self.v = draw(2, 2), draw(2, 2)
        self.half, self.two = Fraction(1, 2), Fraction(2)
        self.row = self.x / sum(self.x) if sum(self.x) else np.array([self.half, self.half])
        self.sorted = np.array(sorted(abs(self.x), reverse=True))
        t = abs(self.x[0])  # a parameter of the alphas for which the factor is rational at p = 1/5
        self.alpha = np.array([5 / (5 / t + t), (5 / t - t) / 2])
        gram = self.w.T @ self.w
        a, b, c, d = (gram + self.p / self.q * np.diag(np.diag(gram))).flat
        e, f = self.w.T @ self.h
        self.ridge = np.array([d * e - b * f, a * f - c * e]) / (a * d - b * c)

    def masks(self, units):
        """All masks of so many units."""
        return masks.enumerate_masks(units).astype(int).astype(object)

    def mean(self, function, units=2, p=None):
        """Mean of a function of the mask, an array of zeros and ones, over all masks."""
        p = self.p if p is None else p
        every = self.masks(units)
        weights = masks.mask_weights(every.astype(bool), p)
        return sum(w * function(mask) for w, mask in zip(weights, every, strict=True))

    def cov(self, f, g=None, units=2):
        """Covariance of two functions of the mask; the variance where only one is given."""
        g = g or f
        return self.mean(lambda m: f(m) * g(m), units) - self.mean(f, units) * self.mean(g, units)

    def drop(self, m):
        """Masked activations."""
        return self.x * m / self.q

    def coin(self, function, p=None):
        """Mean of a function of one unit, 1 where it is kept."""
        return self.mean(lambda m: function(m[0]), 1, p)

    def spread(self, f, g=None):
        """Covariance of two functions of one unit; the variance where only one is given."""
        g = g or f
        return self.coin(lambda k: f(k) * g(k)) - self.coin(f) * self.coin(g)

    def moment(self, order):
        """Central moment of the factor m/q."""
        return self.coin(lambda k: (k / self.q - 1) ** order)

    def noise(self, e):
        """Noise of mean zero: the term `noise`."""
        return self.x[0] if e else -self.x[0]

    def pick(self, k):
        """One number for a unit that is kept, and another for a dropped one: the term `f`."""
        return self.x[0] if k else self.x[1]


def value_of(value):
    """Write what both sides are, or nested pairs of it, as a term: fractions as Rocq's `Q`."""
    if isinstance(value, tuple):
        return f"({', '.join(map(value_of, value))})"
    if isinstance(value, int):
        return f"{value}%N"
    return f"({number(value)})%Q"


def number(value):
    """Write a fraction as a number of Rocq."""
    return "{} # {}".format(*Fraction(value).as_integer_ratio())


def row(values):
    """Write fractions, or rows of them, as a list of Rocq's."""
    if isinstance(values, list):
        return f"[:: {'; '.join(map(row, values))}]"
    return number(values)


def script(point, ties, fail=""):
    """Return a file in which each of the ties, (theorem, points, values), is tried.

    With ``fail="Fail "`` the file compiles where each of them is refused.
    """
    lines = [
        "From Coq Require Import QArith.",
        "From mathcomp Require Import all_ssreflect all_algebra.",
        f"From Dropout Require Import {MODULES}.",
        "Local Open Scope ring_scope.",
        f"Notation p := (rat_of ({number(point.p)})).",
        f"Notation r := (rat_of ({number(point.r)})).",
        "Notation units := [finType of 'I_2].",
        "Notation i0 := (ord0 : 'I_2).",
        "Notation i1 := (lift ord0 ord0 : 'I_2).",
    ]
    for name in ("x", "y", "h", "row", "sorted", "ridge", "alpha"):
        lines.append(f"Notation {name} := (@vec {row(getattr(point, name).tolist())}%Q 2).")
    for name, value in (("W", point.w), ("V", point.v)):
        lines.append(f"Notation {name} := (@mat {row(value.tolist())}%Q 2 2).")
    lines += WORDS
    for name, fact in {
        "q0": "1 - p != 0",
        "p0": "p != 0",
        "p_gt0": "0 < p",
        "p_ge0": "0 <= p",
        "p_lt1": "p < 1",
        "p_le1": "p <= 1",
        "two0": "2%:R != 0 :> rat",
        "one0": "2%:R - 1 != 0 :> rat",
        "some_units": "(0 < #|units|)%N",
    }.items():
        lines.append(f"Lemma {name} : {fact}. Proof. computed. Qed.")
    for theorem, points, values in ties:
        at = "".join(f"({one}, " for one in points) + "tt" + ")" * len(points)
        tie = f"{fail}tie ({theorem}) {at} {value_of(values)}"
        lines.append(f"Goal True. Proof. {tie}. exact: I. Qed.")
    return "\n".join([*lines, ""])


def run(text):
    """Let Rocq run a file in the build folder, behind the rules; it stops at the first failure."""
    rocq.compile_all(more=RULES)
    (ROOT / rocq.BUILT / "Points.v").write_text(text, encoding="utf-8")
    return rocq.coqc("Points.v")


def skip_without_first_mathcomp():
    """Skip where MathComp 2 is: the rules call structures by their names in MathComp 1.

    What compiles with neither is a fault of the installation, and is raised.
    """
    folder = ROOT / rocq.BUILT
    folder.mkdir(parents=True, exist_ok=True)
    # Both versions have a one of the rationals; only in the first their field has this name.
    for name, line in (("One", "Check (1%R : rat)."), ("Names", "Check rat_fieldType.")):
        text = f"From mathcomp Require Import all_algebra.\n{line}\n"
        (folder / f"{name}.v").write_text(text, encoding="utf-8")
    rocq.coqc("One.v")
    try:
        rocq.coqc("Names.v")
    except SystemExit:
        pytest.skip("the rules by which both sides are evaluated need MathComp 1, as in Debian 12")
