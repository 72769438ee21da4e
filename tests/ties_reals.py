"""Theorems over the reals at a random point: term, and both sides with many digits.

Rocq writes each side as an expression in exp and ln, with the sums over masks written out.
"""

import re

import mpmath
import numpy as np
import points

DIGITS = mpmath.mp.clone()
DIGITS.dps = 40
MODULES = "Mask Formulation Ensemble Softmax Evaluate EvaluateReals"
REALS = """
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import boolp classical_sets reals topology normedtype derive realfun.
From mathcomp Require Import sequences exp.
""".strip()
NOTATIONS = """
Notation i0 := (ord0 : 'I_2).
Notation i1 := (lift ord0 ord0 : 'I_2).
Notation f := (fun kept : bool => if kept then x i0 else x i1).
Notation pick := (fun (kept : bool) k => if kept then P i0 k else P i1 k).
""".strip()


def softmax(z):
    """Softmax of numbers of mpmath."""
    powers = [DIGITS.exp(v) for v in z]
    return np.array(powers) / sum(powers)


def sigmoid(z):
    """Logistic sigmoid."""
    return 1 / (1 + DIGITS.exp(-z))


def entropy(g):
    """Entropy of a distribution."""
    return -sum(v * DIGITS.log(v) for v in g)


def divergence(g, h):
    """Kullback-Leibler divergence of g from h."""
    return sum(v * (DIGITS.log(v) - DIGITS.log(w)) for v, w in zip(g, h, strict=True))


def nwgm(mean, members):
    """Normalised weighted geometric mean of the member distributions, by their logarithms."""
    logs = [mean(lambda m, k=k: DIGITS.log(members(m)[k])) for k in range(2)]
    return softmax(logs)[0]


def information(t):
    """Mean divergence of two distributions, the rows of `rows`, from their mean."""
    rows = t.rows
    average = t.coin(lambda k: rows[1 - k])
    return average, t.coin(lambda k: divergence(rows[1 - k], average))


# both sides of an equation; of an inequality, zero and what is not below it
TIES = [
    (
        "nwgm_sigmoid (coin p) f",
        lambda t: 2 * [nwgm(t.coin, lambda k: [sigmoid(t.pick(k)), 1 - sigmoid(t.pick(k))])],
    ),
    (
        "weight_scaling_softmax p W y x i0",
        lambda t: 2 * [nwgm(t.mean, lambda m: softmax(t.w @ (m * t.x) + t.y))],
    ),
    (
        "rdrop_ge0 (u := P i0) (v := P i1)",
        lambda t: [0, divergence(*t.rows) + divergence(*t.rows[::-1])],
    ),
    ("entropy_decomposition (coin p) pick", lambda t: 2 * [entropy(information(t)[0])]),
    ("information_ge0 (P := coin p) (f := pick)", lambda t: [0, information(t)[1]]),
]


class Real(points.Point):
    """The point with numbers of mpmath, and two distributions."""

    def __init__(self, seed):
        super().__init__(seed)
        self.rows = np.abs(self.v) / np.abs(self.v).sum(axis=1, keepdims=True)
        self.exact = {"x": self.x, "y": self.y, "W": self.w, "P": self.rows}
        self.rational = self.p
        convert = np.vectorize(lambda a: DIGITS.mpf(a.numerator) / a.denominator, otypes=[object])
        self.x, self.y, self.w, self.rows = map(convert, (self.x, self.y, self.w, self.rows))

    def mean(self, function, units=2, p=None):
        """Mean over all masks, with weights of the library."""
        every = self.masks(units)
        weights = points.masks.mask_weights(every.astype(bool), self.rational)
        return sum(
            DIGITS.mpf(w.numerator) / w.denominator * function(mask)
            for w, mask in zip(weights, every, strict=True)
        )


def expression(number):
    """Write a fraction as an expression of proofs/EvaluateReals.v."""
    top, bottom = number.as_integer_ratio()
    size = f"(Mul (Nat {abs(top)}) (Inv (Nat {bottom})))"
    return f"(Opp {size})" if top < 0 else size


def rows(values):
    """Write an array of fractions as lists of expressions."""
    if isinstance(values, list):
        return f"[:: {'; '.join(map(rows, values))}]"
    return expression(values)


def script(point):
    """Return a file in which Rocq writes both sides of each theorem as expressions."""
    lines = [
        REALS,
        f"From Dropout Require Import {MODULES}.",
        "Local Open Scope ring_scope.",
        "Set Printing Depth 100000.",
        "Section Points.",
        "Variable R : realType.",
        f"Notation p := (real R {expression(point.rational)}).",
    ]
    for name, value in point.exact.items():
        kind = ("rvec", "rmat")[value.ndim - 1]
        size = " ".join(map(str, value.shape))
        lines.append(f"Notation {name} := (@{kind} R {rows(value.tolist())} {size}).")
    lines += [NOTATIONS, "Goal True."]
    lines += [f"tell R ({theorem})." for theorem, _ in TIES]
    return "\n".join([*lines, "exact: I.", "Qed.", "End Points.", ""])


OPERATIONS = {
    "Nat": DIGITS.mpf,
    "Add": lambda a, b: a + b,
    "Mul": lambda a, b: a * b,
    "Opp": lambda a: -a,
    "Inv": lambda a: 1 / a,
    "Exp": DIGITS.exp,
    "Ln": DIGITS.log,
}


def number(text):
    """Compute an expression as Rocq prints it."""
    stack = [[]]
    for word in re.findall(r"[()]|\w+", text):
        if word == "(":
            stack.append([])
        elif word == ")":
            name, *arguments = stack.pop()
            stack[-1].append(OPERATIONS[name](*arguments))
        else:
            stack[-1].append(int(word) if word.isdigit() else word)
    ((value,),) = stack
    return value


def sides(printed):
    """Numbers of all sides that Rocq printed."""
    return [number(text) for text in printed.split(";")[:-1]]
