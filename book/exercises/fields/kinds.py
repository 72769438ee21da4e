"""What the pages ask under an exercise: the field, what it is compared with, and the wrong forms.

One source for both languages. The script of the pages reads it as JSON, and tests put each form
that is declared here before the judge in Python and before the script in a browser.

Expressions are written for math.js, which reads what a reader types: ``p*(2*p - 1)/q^2``. Vectors
are columns and ``W'`` is a transpose; ``x^2`` squares the entries of a vector. A reference may
also use what averages: ``E(f)`` is the mean of f over all masks, each with its probability ``P``,
``U(f)`` the unweighted mean over them, and ``Var(f)`` and ``Cov(f, g)`` follow from E. A mask m of
two units is the vector ``m``, and ``m1``, ``m2`` are its entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

# What a letter stands for: a number in (0, 1), any positive number, one of these numbers, a column
# of so many entries, or a matrix.
Letter = str | Sequence[int | float] | int
RATE, NUMBER = "rate", "number"


@dataclass(frozen=True)
class Formula:
    """A formula in some letters, compared with a reference at random points.

    Rational formulas are compared in exact arithmetic; others within `near`, relative to the
    reference. `right` are forms that must be accepted, which the pages do not get.
    """

    ask: str
    letters: Mapping[str, Letter]
    reference: str
    right: tuple[str, ...]
    wrong: Mapping[str, str]  # a form, and what to say to it
    masks: Mapping[str, int | str] = field(default_factory=dict)
    hidden: Mapping[str, Letter | str] = field(default_factory=dict)
    near: float = 1e-9
    kind: str = "formula"


@dataclass(frozen=True)
class Numbers:
    """One number or several, each with a name, held against `values` within `tolerance`.

    What is compared are the `measures`, expressions of the numbers that were given, as the judge
    in Python puts an answer into a condition; by default the numbers themselves.
    """

    ask: str
    names: Mapping[str, str]  # a letter, and what stands before its input
    values: tuple[str, ...]
    right: tuple[tuple[str, ...], ...]
    wrong: Mapping[tuple[str, ...], str]
    tolerance: float = 0.0
    measures: tuple[str, ...] = ()
    masks: Mapping[str, int | str] = field(default_factory=dict)
    kind: str = "numbers"


@dataclass(frozen=True)
class Choice:
    """Options of which one is right, or several; a wrong one has something to be said to it."""

    ask: str
    right: tuple[str, ...]
    wrong: Mapping[str, str]
    several: bool = False
    kind: str = "choice"


@dataclass(frozen=True)
class Code:
    """A few lines of Python, judged where Python runs."""

    ask: str
    kind: str = "code"


@dataclass(frozen=True)
class Checklist:
    """What a proof or an explanation must hold, for the reader to tick off."""

    criteria: tuple[str, ...]
    ask: str = "Tick what your answer holds"
    kind: str = "checklist"


Field = Formula | Numbers | Choice | Code | Checklist
FIELDS: dict[str, list[Field]] = {}

# What is tried after the wrong forms of a field: R is the reference. Where a field has no q, the
# forms with q are left out.
GENERAL = {
    "-(R)": "the sign is turned round",
    "q*(R)": "a factor 1/q is missing",
    "q^2*(R)": "a factor 1/q² is missing",
    "(R)/q": "there is one factor 1/q too many",
    "(R)/q^2": "there is a factor 1/q² too many",
    "2*(R)": "it is twice too large",
    "(R)/2": "it is half as large as it should be",
    "p*(R)": "there is one factor p too many",
    "(R)/p": "a factor p is missing",
}


def fields(label: str, *asked: Field) -> None:
    """Declare what the pages ask under the exercise of this label."""
    FIELDS[label] = list(asked)


def exported(label: str) -> list[dict]:
    """What a page gets of the fields of an exercise: everything but the right forms."""
    found = []
    for one in FIELDS[label]:
        data = {name: value for name, value in asdict(one).items() if value not in ({}, (), False)}
        if isinstance(one, Numbers):
            data["wrong"] = [[*form, says] for form, says in one.wrong.items()]
        if not isinstance(one, Choice):
            data.pop("right", None)
        found.append(data)
    return found
