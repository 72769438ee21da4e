"""What a reader types, evaluated in Python: the answers of fields as answers for the judges.

math.js reads a formula and writes it down as nested calls; Python evaluates those, with vectors as
columns, so that nothing of the comparison is shared but the reading.
"""

import math
from fractions import Fraction

import numpy as np

# A node of math.js as a Python expression of calls.
EXPLICIT = """(field, text) => {
  const names = { "+": "add", "-": "subtract", "*": "times", "/": "over", "^": "power",
                  ".*": "each", "./": "share", ".^": "power", "'": "transpose" };
  const say = (node) => {
    if (node.isConstantNode) return `number("${node.value}")`;
    if (node.isSymbolNode) return `letter("${node.name}")`;
    if (node.isParenthesisNode) return say(node.content);
    const parts = node.args.map(say).join(", ");
    return node.isFunctionNode ? `${node.fn.name}(${parts})` : `${names[node.op]}(${parts})`;
  };
  return say(bookJudge.explicit(field, text));
}"""


def lower(value):
    """A matrix of one entry is a number."""
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def power(base, exponent):
    """Powers of a number, or of the entries of a vector; whole exponents stay exact."""
    if isinstance(exponent, Fraction):
        exponent = int(exponent) if exponent.denominator == 1 else float(exponent)
    return base**exponent


def smooth(function):
    """A function of one number, of floats entry by entry."""
    return lambda value: function(np.asarray(value, dtype=float))[()]


def diag(value):
    """The diagonal of a matrix as a column, or the matrix with this column on its diagonal."""
    return np.diag(value[:, 0]) if value.shape[1] == 1 else np.diag(value)[:, None]


def times(one, other):
    """Product of numbers, or of matrices."""
    both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    return lower(one @ other) if both else one * other


CALLS = {
    "abs": abs,
    "add": lambda *parts: parts[0] if len(parts) == 1 else parts[0] + parts[1],
    "subtract": lambda *parts: -parts[0] if len(parts) == 1 else parts[0] - parts[1],
    "times": times,
    "over": lambda one, other: one / other,
    "each": lambda one, other: one * other,
    "share": lambda one, other: one / other,
    "power": power,
    "transpose": lambda value: value.T if isinstance(value, np.ndarray) else value,
    "diag": diag,
    "dot": lambda one, other: lower(one.T @ other),
    "sum": lambda value: value.sum(),
    "prod": lambda value: value.prod(),
    "inv": lambda value: np.linalg.inv(value.astype(float)),
    "min": min,
    "max": max,
    "sign": np.sign,
    "number": Fraction,
    **{name: smooth(getattr(np, name)) for name in ("exp", "log", "log2", "log10", "cos", "sin")},
    "sqrt": smooth(np.sqrt),
}


def evaluate(expression, letters):
    """Value of an expression of calls, for letters that may be vectors or matrices."""

    def letter(name):
        if name in letters:
            value = letters[name]
            column = isinstance(value, np.ndarray) and value.ndim == 1
            return value[:, None] if column else value
        if name == "q":
            return 1 - letters["p"]
        return {"pi": math.pi, "e": math.e}[name]

    value = lower(eval(expression, {**CALLS, "letter": letter, "__builtins__": {}}))
    column = isinstance(value, np.ndarray) and value.shape[1] == 1
    return value[:, 0] if column else value
