"""Render the ledger: which statement of the book is verified by what, and how surely.

The statements come from the manuscripts, the evidence from running the claim tests:
nothing on the page is typed by hand. ``--check`` compares instead of writing.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from book.scripts.versions import ROOT

PAGE = Path("backmatter") / "ledger.md"

NO_CONTROL = "no control"  # in place of wrong forms, where no stored data could refuse the claim
EXACT = {"identity", "symbolic", "enumeration"}
# kind: (prefix of the label, proof directives that may carry it, what the kind demands)
KINDS = {
    "definition": ("def", {"definition"}, "a check on the same mask"),
    "theorem": (
        "thm",
        {"theorem", "lemma", "corollary", "proposition"},
        "an exact method (identity, symbolic or enumeration) and a second method",
    ),
    "approximation": ("approx", {"proposition"}, "a measured slope or a bound that was tried"),
    "empirical": ("emp", {"observation"}, "a paired experiment"),
    "contested": ("contested", {"conjecture"}, "the part that can be run, run"),
}
STATEMENT = re.compile(
    r"^(?P<fence>:{3,}|`{3,})\{prf:(?P<directive>\w+)\}[ \t]*(?P<title>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Statement:
    """A labelled statement of a manuscript."""

    label: str
    title: str
    directive: str
    chapter: str
    body: str

    @property
    def parts(self):
        """Numbers of its parts, which a numbered list gives; a statement without one has one."""
        found = re.findall(r"^(\d+)\. ", self.body, re.MULTILINE)
        return tuple(range(1, len(found) + 1)) or (1,)

    @property
    def kind(self):
        """Kind that the label's prefix announces, or None."""
        prefix = self.label.split("-")[0]
        return next((kind for kind, (start, *_) in KINDS.items() if start == prefix), None)


def chapters(root=ROOT):
    """Names of the chapters in the order of the table of contents."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [Path(file).name for file in files if file.startswith("chapters/")]


def statements(root=ROOT):
    """Every statement of every manuscript, in reading order; proofs are not statements."""
    found = []
    for chapter in chapters(root):
        text = (root / "manuscript" / f"{chapter}.md").read_text(encoding="utf-8")
        for match in STATEMENT.finditer(text):
            if match["directive"] == "proof":
                continue
            label = re.search(r"^:label:[ \t]*(\S+)", match["body"], re.MULTILINE)
            found.append(
                Statement(
                    label=label[1] if label else "",
                    title=match["title"].strip(),
                    directive=match["directive"],
                    chapter=chapter,
                    body=match["body"],
                )
            )
    return found


def statement_faults(statement):
    """What is wrong with the statement itself: its label, its directive, its link to the ledger."""
    name = statement.label or f"untitled {statement.directive} '{statement.title}'"
    if statement.kind is None:
        prefixes = ", ".join(prefix for prefix, *_ in KINDS.values())
        return [f"{name}: its label must start with one of {prefixes}"]
    faults = []
    if statement.directive not in KINDS[statement.kind][1]:
        faults.append(f"{name}: a {statement.kind} cannot stand in prf:{statement.directive}")
    if f"(#ledger-{statement.label})" not in statement.body:
        faults.append(f"{name}: it does not link to its ledger row, #ledger-{statement.label}")
    return faults


def evidence_faults(statement, claims):
    """What the statement's kind demands and its claim tests do not give.

    `claims` are dictionaries with the keys label, method, rejects and test.
    """
    own = [claim for claim in claims if claim["label"] == statement.label]
    methods = {claim["method"] for claim in own}
    if not own:
        return [f"{statement.label} ({statement.kind}): no test claims it"]
    met = {
        "definition": "same-mask" in methods,
        "theorem": bool(methods & EXACT) and len(methods) >= 2,
        "approximation": bool(methods & {"slope", "bound"}),
        "empirical": "paired-experiment" in methods,
        "contested": True,
    }[statement.kind]
    faults = []
    if not met:
        faults.append(
            f"{statement.label} ({statement.kind}): needs {KINDS[statement.kind][2]}, "
            f"has {', '.join(sorted(methods))}"
        )
    shown = {part for claim in own for part in claim.get("parts", (1,))}
    faults += [
        f"{statement.label} ({statement.kind}): no test claims its part {part}"
        for part in statement.parts
        if part not in shown
    ]
    faults += [
        f"{statement.label} ({statement.kind}): tests claim a part {part}, which it does not have"
        for part in sorted(shown - set(statement.parts))
    ]
    # What no stored data could refuse has no control, and the ledger says so.
    if methods != {"paired-experiment"} and not any(claim["rejects"] for claim in own):
        faults.append(f"{statement.label} ({statement.kind}): no wrong form is shown rejected")
    return faults


def unknown_labels(found, claims):
    """Tests that claim a label which no manuscript has."""
    known = {statement.label for statement in found}
    return [
        f"{claim['test']}: claims '{claim['label']}', which no manuscript states"
        for claim in claims
        if claim["label"] not in known
    ]


def run_claims(*pytest_args, root=ROOT):
    """Run (or with --collect-only, only list) the claim tests; return their records."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "claims.json"
        command = [sys.executable, "-m", "pytest", "tests/claims", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, f"--claims-out={out}", *pytest_args],
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONUTF8": "1"},
        )
        if done.returncode:
            raise SystemExit(f"the claim tests fail, the ledger stays as it is\n{done.stdout}")
        return json.loads(out.read_text(encoding="utf-8"))


def render(found, claims, title_of):
    """Return the ledger page as MyST Markdown.

    `claims` are the records of a full run: label, method, rejects, held, test.
    `title_of` maps a chapter's name to its title.
    """
    wrong_forms = {(claim["label"], form) for claim in claims for form in claim["rejects"]}
    lines = [
        "<!-- Written by book/scripts/build_ledger.py from the manuscripts and a run of the claim",
        "     tests: edit those, then run `make ledger`. -->",
        "",
        "# Ledger",
        "",
        f"The book makes {len(found)} labelled statements in "
        f"{sum(len(statement.parts) for statement in found)} parts.",
        f"{len(claims)} tests verify them and show {len(wrong_forms)} wrong forms rejected by the "
        "very check that accepts the right one.",
        "",
        "Each row names the methods that verified the statement when this page was written,",
        "and how far each can be trusted: see [](methods.md).",
        "",
    ]
    for chapter in dict.fromkeys(statement.chapter for statement in found):
        lines += [f"## {title_of[chapter]}", "", ":::{list-table}", ":class: ledger"]
        lines += [":header-rows: 1", ":widths: 22 32 18 28", ""]
        lines += _row("Statement", "Verified by", "Wrong forms rejected", "Tests")
        for statement in found:
            if statement.chapter == chapter:
                own = [claim for claim in claims if claim["label"] == statement.label]
                lines += _statement_row(statement, own)
        lines += [":::", ""]
    return "\n".join(lines)


def _statement_row(statement, claims):
    label = statement.label
    reference = f"[]{{#ledger-{label}}}{{prf:ref}}`{label}`"
    what = f"{reference}: {statement.title} ({statement.kind}, `{label}`)"
    checks = {}  # the parameters of one test share a line
    for claim in claims:
        key = claim["method"], claim["test"].split("[")[0], tuple(claim.get("parts", (1,)))
        checks.setdefault(key, []).extend(claim["held"])
    methods = [
        f"**{method}**{_parts(statement, parts)}: {'; '.join(dict.fromkeys(held))}"
        for (method, _, parts), held in checks.items()
    ]
    wrong = dict.fromkeys(form for claim in claims for form in claim["rejects"])
    tests = [f"`{test.split('::')[1]}`" for _, test, _ in checks]
    cells = (methods, wrong or [NO_CONTROL], tests)
    return _row(what, *(_items(cell) for cell in cells))


def _parts(statement, parts):
    """Say which parts a test verifies, where a statement has several and the test names some."""
    if len(statement.parts) == 1 or not parts:
        return ""
    return f" of {'part' if len(parts) == 1 else 'parts'} {', '.join(map(str, parts))}"


def trust(report):
    """Say how far a passed check can be trusted, in numbers that no other machine changes.

    What a sample happened to give and how much was rounded is not among them.
    """
    if report.method == "slope":
        return f"order {report.estimate:.2f}"
    if report.method == "bound":
        tightest = "" if report.ratio is None else f", tightest ratio {report.ratio:.2g}"
        return f"{report.cases} cases{tightest}"
    parts = str(report).removeprefix(f"{report.method}: passed").lstrip(", ").split(", false alarm")
    return f"false alarm{parts[1]}" if len(parts) > 1 else parts[0] or "passed"


def _items(texts):
    """Return a list inside a cell, so that an item may wrap and still be one."""
    return "\n    ".join(f"* {text}" for text in texts)


def _row(*cells):
    first, *others = cells
    return [f"* - {first}", *(f"  - {cell}" for cell in others)]


def chapter_titles(root=ROOT):
    """Map each chapter's name to the first heading of its manuscript."""
    return {
        chapter: re.search(
            r"^# (.+)$", (root / "manuscript" / f"{chapter}.md").read_text("utf-8"), re.MULTILINE
        )[1]
        for chapter in chapters(root)
    }


def page(claims, root=ROOT):
    """Return the whole page for the records `claims` of a full run."""
    return render(statements(root), claims, chapter_titles(root))


def main(argv=None):
    """Write the page, or with --check fail when it is not what a run gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the stored page")
    arguments = parser.parse_args(argv)
    text = page(run_claims())
    target = ROOT / PAGE
    if arguments.check:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{PAGE} is stale; run `make ledger`")
        return
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
