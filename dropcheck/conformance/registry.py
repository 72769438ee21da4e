"""What a check is, what it finds, and the list of all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .subject import Subject

__all__ = [
    "BINARY",
    "CHECKS",
    "GROUPS",
    "KINDS",
    "ZERO",
    "Check",
    "Finding",
    "check",
    "fault",
    "holds",
    "note",
    "ordered",
    "share",
]

# Columns of the scorecard, in their order.
GROUPS = (
    "ends",
    "values",
    "rate",
    "independence",
    "gradient",
    "seeds",
    "types",
    "shapes",
    "modes",
    "arguments",
)
#: Kinds of dropout that there are checks for.
KINDS = ("element", "channel", "path", "alpha", "gaussian", "connect", "block", "attention")
# Those whose dropped units are 0, and those of which each unit is dropped or kept.
ZERO = ("element", "channel", "path", "connect", "block", "attention")
BINARY = (*ZERO, "alpha")
# Probability, at most, that a full run reports any fault of a layer that has none.
FAMILY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check saw.

    Parameters
    ----------
    status : str
        ``"holds"``, ``"fault"``, ``"note"`` (worth knowing, but a matter of convention) or
        ``"not run"``.
    seen : str
        What was seen, with numbers, in one sentence.
    false_alarm : float
        Probability, at most, that this finding is a fault of a layer that has none.
    power : float, optional
        Probability, at least, that the wrong form which the check names would be found.
    """

    status: str
    seen: str
    false_alarm: float = 0.0
    power: float | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its name, what it is about, and what its docstring says of it."""

    name: str
    group: str
    kinds: tuple[str, ...]
    function: Callable[[Subject], Finding]
    title: str
    proves: str
    misses: str
    random: bool


#: All checks, from name to `Check`, in the order in which they were entered.
CHECKS: dict[str, Check] = {}


def check(
    group: str, *, kinds: tuple[str, ...] = KINDS, random: bool = False
) -> Callable[[Callable[[Subject], Finding]], Callable[[Subject], Finding]]:
    """Enter a function into the list of checks.

    Parameters
    ----------
    group : str
        Column of the scorecard.
    kinds : tuple of str
        Kinds of layers that it is for.
    random : bool
        Whether it takes a share of the family-wise false alarm.

    Raises
    ------
    ValueError
        If the docstring does not say, after its title, what the check proves and what it misses.
    """

    def enter(function: Callable[[Subject], Finding]) -> Callable[[Subject], Finding]:
        text = " ".join((function.__doc__ or "").split())
        found = re.fullmatch(r"(.+?\.) Proves: (.+?) Misses: (.+)", text)
        if found is None:
            raise ValueError(
                f"the docstring of {function.__name__} must be a title that ends with a period, "
                "then 'Proves: …' and 'Misses: …'"
            )
        name = function.__name__.replace("_", "-")
        CHECKS[name] = Check(
            name=name,
            group=group,
            kinds=kinds,
            function=function,
            title=found[1],
            proves=found[2],
            misses=found[3],
            random=random,
        )
        return function

    return enter


def ordered() -> list[Check]:
    """All checks, in the order of their groups."""
    return sorted(CHECKS.values(), key=lambda entry: GROUPS.index(entry.group))


def share() -> float:
    """The part of the family-wise false alarm that each random check may spend."""
    return FAMILY / sum(entry.random for entry in CHECKS.values())


def holds(seen: str, false_alarm: float = 0.0, power: float | None = None) -> Finding:
    """Return that the layer does what it should."""
    return Finding(status="holds", seen=seen, false_alarm=false_alarm, power=power)


def fault(seen: str, false_alarm: float = 0.0, power: float | None = None) -> Finding:
    """Return that it does not."""
    return Finding(status="fault", seen=seen, false_alarm=false_alarm, power=power)


def note(seen: str, false_alarm: float = 0.0, power: float | None = None) -> Finding:
    """Return what is worth knowing and no fault."""
    return Finding(status="note", seen=seen, false_alarm=false_alarm, power=power)
