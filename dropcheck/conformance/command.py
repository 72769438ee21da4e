"""The command ``python -m dropcheck module:Layer``."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .adapters import ADAPTERS
from .registry import KINDS, ordered
from .running import run

__all__ = ["main"]

EPILOG = (
    "Exit status: 0 when all checks that ran hold, 1 when there is a fault, 2 when the layer "
    "cannot be examined."
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dropcheck", description="Examine a dropout layer.", epilog=EPILOG
    )
    parser.add_argument(
        "target", nargs="?", help="module:Layer or file.py:Layer, such as torch.nn:Dropout"
    )
    parser.add_argument("--kind", choices=KINDS, help="by default what the name suggests")
    parser.add_argument("--p", type=float, default=0.3, help="drop probability (default 0.3)")
    named = f"{', '.join(ADAPTERS)}, or module:Adapter; by default that of the class"
    parser.add_argument("--adapter", help=named)
    parser.add_argument("--argument", help="name under which the layer takes its probability")
    parser.add_argument("--keep", action="store_true", help="it is the probability of keeping")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="further argument"
    )
    parser.add_argument("--spatial", type=int, help="axes behind the channels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="CHECK", help="run this check alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as HTML")
    parser.add_argument("--list", action="store_true", help="list the checks and what they miss")
    return parser


def _options(pairs: Sequence[str]) -> dict[str, Any]:
    """Further arguments: Python's literals, and everything else as text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, got {pair!r}")
        try:
            found[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            found[name] = value
    return found


def _list() -> None:
    for entry in ordered():
        print(f"{entry.name} ({', '.join(entry.kinds)})\n    {entry.title}")
        print(f"    Proves: {entry.proves}\n    Misses: {entry.misses}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine the layer that the arguments name, print the report and return the exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.list:
        _list()
        return 0
    if asked.target is None:
        parser.error("name a layer, such as torch.nn:Dropout")
    for path in (asked.json, asked.html):
        if path and (path.is_dir() or not path.parent.is_dir()):
            parser.error(f"cannot write {path}: name a file in a folder that is there")
    live = sys.stderr.isatty()
    try:
        result = run(
            asked.target,
            kind=asked.kind,
            p=asked.p,
            adapter=asked.adapter,
            argument=asked.argument,
            keep=asked.keep,
            options=_options(asked.set),
            spatial=asked.spatial,
            seed=asked.seed,
            only=asked.only,
            progress=(lambda name: print(f"\r{name:<40}", end="", file=sys.stderr))
            if live
            else None,
        )
    except (ImportError, ValueError) as error:
        print(f"cannot be examined: {error}", file=sys.stderr)
        return 2
    if live:
        print(f"\r{'':<40}\r", end="", file=sys.stderr)
    print(result)
    if asked.json:
        asked.json.write_text(result.to_json() + "\n", encoding="utf-8")
    if asked.html:
        asked.html.write_text(result.to_html(), encoding="utf-8")
    if not result.examined:
        print("cannot be examined: no check could be run to its end", file=sys.stderr)
        return 2
    return 0 if result else 1
