"""Altered statements: what a check must refuse besides the wrong forms that its test names.

From the arguments of a check that holds, others are made by rules: a number or a formula times
2, 1/2 or -1 or plus 1, a formula times one of its own arguments a, 1/a, 1 - a or 1/(1 - a) (so p,
q, 1/p and 1/q), one entry changed, entries in another order, an index or an exponent one larger
or smaller, a hypothesis negated. Each is put to the check in place of the right one.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

HALF = Fraction(1, 2)
Altered = tuple[str, Any, Callable[[], bool]]


def alterations(value: Any) -> Iterator[Altered]:
    """Yield (name, altered value, whether it turned out to be the same).

    The last is asked after the check has run: of a formula it is known only by then.
    """
    if isinstance(value, (bool, np.bool_)):
        yield "negated", not value, never
    elif isinstance(value, np.ndarray) and value.size:
        yield from _of_result(value)
    elif isinstance(value, (numbers.Number, sympy.Basic)):
        yield from _of_result(value)
        if isinstance(value, numbers.Integral):
            yield "minus 1", value - 1, never
    elif isinstance(value, (set, frozenset)) and value:
        yield "one element fewer", value - {max(value, key=str)}, never
    elif isinstance(value, (list, tuple)) and len(value):
        for name, changed, same in alterations(value[-1]):
            yield f"last {name}", type(value)([*value[:-1], changed]), same
    elif inspect.isroutine(value):
        yield from _of_formula(value)


def never() -> bool:
    """Say that an alteration is another value without doubt."""
    return False


def _of_result(value: Any) -> Iterator[Altered]:
    """Alterations of a number or an array of them that differ from it."""
    for name, change in RULES.items():
        changed = change(value)
        if changed is not None and not same(value, changed):
            yield name, changed, never


def _of_formula(formula: Callable[..., Any]) -> Iterator[Altered]:
    """Alterations of what a function returns."""
    for name, change in (RULES | FACTORS).items():
        used: list[bool] = []

        def altered(*arguments, change=change, name=name, used=used, **options):
            result = formula(*arguments, **options)
            if name in FACTORS:
                factor = _own(arguments)
                changed = None if factor is None else change(factor) * result
            else:
                changed = change(result)
            if changed is None:
                return result
            used.append(not same(result, changed))
            return changed

        yield name, altered, lambda used=used: not any(used)


def _own(arguments: tuple) -> Any:
    """The last argument that is a number, or the last entry of a point; or None."""
    for argument in reversed(arguments):
        if isinstance(argument, np.ndarray) and argument.ndim == 1 and argument.dtype == object:
            return argument[-1]
        if isinstance(argument, (numbers.Number, sympy.Basic)):
            return argument
    return None


def _scaled(factor: Any) -> Callable[[Any], Any]:
    """A rule that multiplies, and negates what holds truths only."""

    def change(value):
        if isinstance(value, (tuple, list, str, bytes, type(None))):
            return None
        if np.asarray(value).dtype == bool:
            return ~np.asarray(value)
        exact = np.asarray(value).dtype.kind not in "fc"
        return value * (factor if exact else float(factor))

    return change


def _plus_one(value: Any) -> Any:
    if isinstance(value, (tuple, list, str, bytes, type(None))):
        return None
    if np.asarray(value).dtype == bool:
        return None
    return value + 1


def _one_entry(value: Any) -> Any:
    """The last entry plus 1, or negated."""
    if not isinstance(value, np.ndarray) or not value.size or not value.ndim:
        return None
    changed = value.copy()
    last = changed.reshape(-1)
    last[-1] = ~last[-1] if value.dtype == bool else last[-1] + 1
    return last.reshape(value.shape)


def _rolled(value: Any) -> Any:
    """The entries in another order."""
    if not isinstance(value, np.ndarray) or value.size < 2:
        return None
    return np.roll(value.reshape(-1), 1).reshape(value.shape)


RULES: dict[str, Callable[[Any], Any]] = {
    "times 2": _scaled(2),
    "times 1/2": _scaled(HALF),
    "times -1": _scaled(-1),
    "plus 1": _plus_one,
    "one entry changed": _one_entry,
    "entries moved": _rolled,
}
FACTORS: dict[str, Callable[[Any], Any]] = {
    "times a": lambda a: a,
    "times 1/a": lambda a: 1 / a,
    "times 1 - a": lambda a: 1 - a,
    "times 1/(1 - a)": lambda a: 1 / (1 - a),
}


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal, entry by entry."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    pairs = zip(one.flat, other.flat, strict=True)
    return all(getattr(a, "value", a) == getattr(b, "value", b) for a, b in pairs)
