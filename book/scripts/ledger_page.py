"""Read the stored ledger back: what other pages say about it is taken from it."""

import re
from dataclasses import dataclass
from pathlib import Path

from book.scripts.build_ledger import KINDS, NO_CONTROL, PAGE

ROW = re.compile(
    r"^\* - \[\]\{#ledger-(?P<label>[\w-]+)\}\{prf:ref\}`[\w-]+`: (?P<title>.*) "
    r"\((?P<kind>\w+), `[\w-]+`\)\n"
    r"  - (?P<methods>(?:.*\n)*?)  - (?P<wrong>(?:.*\n)*?)  - (?P<tests>\*.*\n(?:    \*.*\n)*)",
    re.MULTILINE,
)
ITEM = re.compile(r"^ *\* (.*)$", re.MULTILINE)
SUMMARY = re.compile(
    r"The book makes (?P<statements>\d+) labelled statements(?: in \d+ parts)?\.\n"
    r"(?P<tests>\d+) tests verify them and show (?P<wrong>\d+) wrong forms rejected"
)


@dataclass(frozen=True)
class Row:
    """A statement in the ledger with the checks that verify it."""

    label: str
    title: str
    kind: str
    methods: tuple  # as printed: "**identity**: false pass <= 3.8e-19"
    wrong: tuple  # the wrong forms that its checks reject
    tests: tuple


def rows(root):
    """Rows of the stored ledger in the order of the page, a dictionary from label to row."""
    text = (Path(root) / PAGE).read_text(encoding="utf-8")
    found = {}
    for match in ROW.finditer(text):
        parts = (tuple(ITEM.findall(match[part])) for part in ("methods", "wrong", "tests"))
        parts = [tuple(item for item in part if item != NO_CONTROL) for part in parts]
        found[match["label"]] = Row(match["label"], match["title"], match["kind"], *parts)
    return found


def counts(root):
    """Numbers of statements, tests and rejected wrong forms, as the ledger itself states them."""
    match = SUMMARY.search((Path(root) / PAGE).read_text(encoding="utf-8"))
    return {name: int(number) for name, number in match.groupdict().items()}


def kinds(root):
    """Number of statements of each kind that occurs, in the order of `KINDS`."""
    found = [row.kind for row in rows(root).values()]
    return {kind: found.count(kind) for kind in KINDS if kind in found}
