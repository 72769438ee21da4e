"""What the sources of the formal proofs state, and what the last run of Rocq found of it."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from book.scripts.build_ledger import ROOT, statements

PROOFS = Path("proofs")
STORED = PROOFS / "theorems.json"
PAGE = Path("backmatter") / "proofs.md"
THEOREM = re.compile(
    r"\(\*\* \[(?P<label>[\w-]+)\] (?P<words>(?:(?!\*\)).)*)\*\)\n"
    r"(?P<statement>Theorem (?P<name>\w+)(?:(?!\nProof).)*)\nProof",
    re.DOTALL,
)
CONTEXT = re.compile(
    r"^(?:Variables?|Hypothes[ie]s|Local Notation|Definition|Fixpoint) .*?\.$",
    re.MULTILINE | re.DOTALL,
)
DEFINED = re.compile(r"^(?:Definition|Fixpoint) (\w+).*?\.$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^(Section|End) (\w+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Theorem:
    """A theorem of the proofs, as its source states it."""

    label: str  # of the statement in the book
    name: str
    file: str
    words: str  # what it states
    context: str  # the variables, hypotheses and definitions of its section
    statement: str


def files(root=ROOT):
    """Names of the source files in the order in which they are compiled."""
    lines = (root / PROOFS / "_CoqProject").read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line.endswith(".v")]


def theorems(root=ROOT):
    """Every labelled theorem of the sources, in order."""
    found, defined = [], {}
    for file in files(root):
        text = (root / PROOFS / file).read_text(encoding="utf-8")
        if file != "Mask.v":  # the words of that file are known to the reader
            defined |= {definition[1]: definition[0] for definition in DEFINED.finditer(text)}
        for match in THEOREM.finditer(text):
            found.append(
                Theorem(
                    label=match["label"],
                    name=match["name"],
                    file=file,
                    words=" ".join(match["words"].split()),
                    context=_context(text[: match.start()], match["statement"], defined),
                    statement=match["statement"],
                )
            )
    return found


def _context(before, statement, defined):
    """What the open section has declared so far, after what is defined elsewhere and used."""
    opened = list(SECTION.finditer(before))
    inside = ""
    if opened and opened[-1][1] == "Section":
        inside = "\n".join(CONTEXT.findall(before[opened[-1].end() :]))
    used, seen = [], {match[1] for match in DEFINED.finditer(inside)}
    waiting = re.findall(r"\w+", f"{inside} {statement}")
    while waiting:
        name = waiting.pop(0)
        if name in defined and name not in seen:
            seen.add(name)
            used.insert(0, defined[name])
            waiting += re.findall(r"\w+", defined[name])
    return "\n".join([*used, inside] if inside else used)


def digest(root=ROOT, *only):
    """Hash of all sources, or of some: whether what is stored belongs to them."""
    whole = hashlib.sha256()
    for file in only or files(root):
        whole.update((root / PROOFS / file).read_bytes())
    return whole.hexdigest()


def stored(root=ROOT):
    """Return what the last run found."""
    return json.loads((root / STORED).read_text(encoding="utf-8"))


def labels(root=ROOT):
    """Map each label of the book to its stored theorems; those to come are left out."""
    known = {statement.label for statement in statements(root)}
    found = {}
    for entry in stored(root)["theorems"]:
        if entry["label"] in known:
            found.setdefault(entry["label"], []).append(entry)
    return found


def spoken(names):
    """Say which axioms a theorem rests on."""
    return "none" if not names else "those of the classical reals"
