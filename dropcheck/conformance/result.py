"""What a run returns: its outcomes, as a table for the terminal, as JSON and as HTML."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from html import escape

__all__ = ["Outcome", "Result"]

MARKS = {"holds": "ok", "fault": "FAULT", "note": "note", "not run": "-"}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse}th,td{text-align:left;"
    "vertical-align:top;padding:.3rem .8rem;border-bottom:1px solid #8886}"
    ".fault{color:#c22;font-weight:600}.note{color:#a60}small{opacity:.75}"
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one check saw of one layer.

    Parameters
    ----------
    name, group, title, misses : str
        Of the check; `misses` is what it cannot see.
    status : str
        ``"holds"``, ``"fault"``, ``"note"`` or ``"not run"``.
    seen : str
        What was seen, with numbers.
    false_alarm : float
        Probability, at most, of a fault where there is none.
    power : float, optional
        Probability, at least, that the wrong form which the check names is found.
    seconds : float
        Processor time that it took.
    raised : bool
        Whether an error ended the check, which is then a fault.
    """

    name: str
    group: str
    title: str
    misses: str
    status: str
    seen: str
    false_alarm: float
    power: float | None
    seconds: float
    raised: bool


@dataclass(frozen=True, kw_only=True)
class Result:
    """A report on one layer. True in a boolean context when no fault was found.

    Printed, it is a table for the terminal.

    Parameters
    ----------
    target, kind, framework : str
        What was examined, as what, and in which framework.
    p : float
        Drop probability of the checks that need only one.
    versions : dict
        Version of each distribution that took part.
    seed : int
        Of the run.
    seconds : float
        Processor time that it took, with that of the processes it started.
    outcomes : tuple of Outcome
        One for each check that is for this kind.
    """

    target: str
    kind: str
    framework: str
    p: float
    versions: dict[str, str]
    seed: int
    seconds: float
    outcomes: tuple[Outcome, ...]

    def __bool__(self) -> bool:
        return not self.faults

    @property
    def faults(self) -> list[Outcome]:
        """The outcomes that are faults."""
        return [outcome for outcome in self.outcomes if outcome.status == "fault"]

    @property
    def examined(self) -> bool:
        """Whether any check was run to its end."""
        return not all(outcome.raised or outcome.status == "not run" for outcome in self.outcomes)

    @property
    def false_alarm(self) -> float:
        """Probability, at most, that a layer without faults gets any in this run."""
        return sum(outcome.false_alarm for outcome in self.outcomes)

    def summary(self) -> str:
        """Return one sentence with the counts."""
        counts = [
            f"{sum(outcome.status == status for outcome in self.outcomes)} {word}"
            for status, word in (("holds", "hold"), ("fault", "faults"), ("note", "notes"))
        ]
        left = sum(outcome.status == "not run" for outcome in self.outcomes)
        return f"{', '.join(counts)}, {left} not run; false alarm of the run <= {_up(self)}"

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        lines = [f"{self.target} as {self.kind} dropout, p = {self.p:g} ({versions})", ""]
        width = max((len(outcome.name) for outcome in self.outcomes), default=0)
        for outcome in self.outcomes:
            sure = "" if outcome.power is None else f" (power >= {_down(outcome.power)})"
            mark = MARKS[outcome.status]
            lines.append(f"{mark:<6}{outcome.name:<{width}}  {outcome.seen}{sure}")
        return "\n".join([*lines, "", self.summary()])

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps({**asdict(self), "false_alarm": self.false_alarm}, indent=1)

    def to_html(self) -> str:
        """Return a page of its own, with what each check cannot see."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        rows = "\n".join(
            f'<tr><td class="{outcome.status.replace(" ", "-")}">{MARKS[outcome.status]}</td>'
            f"<th scope=row>{escape(outcome.title)}</th><td>{escape(outcome.seen)}<br>"
            f"<small>Misses: {escape(outcome.misses)}</small></td></tr>"
            for outcome in self.outcomes
        )
        title = f"{escape(self.target)} as {self.kind} dropout"
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
            f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>"
            f"<h1>{title}</h1><p>p = {self.p:g}, seed {self.seed}; {escape(versions)}.</p>"
            f"<p>{escape(self.summary())}.</p><table>\n{rows}\n</table></html>\n"
        )


def _up(result: Result) -> str:
    """The family-wise false alarm with two digits, rounded up."""
    return f"{result.false_alarm * 1.05:.1e}"


def _down(power: float) -> str:
    """A power with four digits, rounded down."""
    return f"{int(power * 10_000) / 10_000:g}"
