"""Compile the formal proofs, ask which axioms each rests on, and write their page.

What is stored in proofs/theorems.json is what the ledger and the book read, so that neither
needs Rocq; ``--check`` compares it with a run instead of writing it. ``--mutants`` changes
constants in each statement and shows that its proof then fails.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from book.scripts.build_ledger import ROOT, statements

PROOFS = Path("proofs")
STORED = PROOFS / "theorems.json"
MUTANTS = PROOFS / "mutants.json"
PAGE = Path("backmatter") / "proofs.md"
BUILT = Path("_build") / "proofs"
INSTALL = (
    "Rocq is not installed, so the formal proofs were not compiled; on Debian and Ubuntu: "
    "apt install coq libcoq-mathcomp-algebra-tactics libcoq-mathcomp-analysis, elsewhere: "
    "opam install coq-mathcomp-algebra-tactics coq-mathcomp-analysis"
)
# What the reals of MathComp-Analysis rest on; nothing else may appear.
CLASSICAL = {
    "propositional_extensionality",
    "functional_extensionality_dep",
    "constructive_indefinite_description",
}
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


def available():
    """Whether a compiler and the libraries it needs are installed."""
    if shutil.which("coqc") is None:
        return False
    where = subprocess.run(["coqc", "-where"], capture_output=True, text=True).stdout.strip()
    return (Path(where) / "user-contrib/mathcomp/analysis/exp.vo").exists()


def coqc(file, root=ROOT):
    """Compile one file of the build folder and return what it printed."""
    done = subprocess.run(
        ["coqc", "-w", "none", "-Q", ".", "Dropout", file],
        cwd=root / BUILT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{file} does not compile\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_all(root=ROOT):
    """Compile what changed since the last time, in a folder that holds nothing else."""
    folder = root / BUILT
    folder.mkdir(parents=True, exist_ok=True)
    changed = False
    for file in files(root):
        source, copy = (root / PROOFS / file).read_text("utf-8"), folder / file
        changed |= not copy.with_suffix(".vo").exists() or copy.read_text("utf-8") != source
        if changed:  # and all after it, which may need it
            copy.with_suffix(".vo").unlink(missing_ok=True)
            copy.write_text(source, encoding="utf-8")
            coqc(file, root)


def axioms(found, root=ROOT):
    """Map the name of each theorem to the axioms that it rests on, by asking Rocq.

    A file is asked as a whole first, since what is closed together is closed one by one.
    """
    answers = {}
    for file in files(root):
        own = [theorem.name for theorem in found if theorem.file == file]
        if own and set(_ask(file, [f"({', '.join(f'@{name}' for name in own)})"], root)) == {()}:
            answers |= dict.fromkeys(own, ())
        else:
            answers |= zip(own, _ask(file, [f"@{name}" for name in own], root), strict=True)
    return answers


def _ask(file, terms, root):
    """Return the axioms of each of the terms over one file."""
    lines = [f"From Dropout Require Import {Path(file).stem}.", "Unset Printing Notations."]
    for number, term in enumerate(terms):
        lines += [f"Definition asked{number} := {term}.", f"Print Assumptions asked{number}."]
    (root / BUILT / "Assumptions.v").write_text("\n".join([*lines, ""]), encoding="utf-8")
    answers = re.split(r"(?=^Axioms:|^Closed under)", coqc("Assumptions.v", root), flags=re.M)[1:]
    assert len(answers) == len(terms), f"{file}: {len(terms)} asked, {len(answers)} answered"
    return [tuple(re.findall(r"^(?:\w+\.)*(\w+)\s*:(?!$)", text, re.M)) for text in answers]


def run(root=ROOT):
    """Compile everything; return what is to be stored."""
    found = theorems(root)
    compile_all(root)
    rests_on = axioms(found, root)
    for theorem in found:
        if surplus := set(rests_on[theorem.name]) - CLASSICAL:
            raise SystemExit(f"{theorem.name} rests on {', '.join(sorted(surplus))}")
    entries = [
        {"label": theorem.label, "name": theorem.name, "file": theorem.file}
        | {"axioms": sorted(rests_on[theorem.name])}
        for theorem in found
    ]
    return {"sources": digest(root), "theorems": entries}


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


# ---- Mutants ------------------------------------------------------------------------------------

FORMS = 2  # that are tried of each theorem
CHANGES = [  # (what it is called, pattern, replacement), tried on the last match first
    ("q/p for p/q", r"p / q\b", "q / p"),
    ("q/p for p/q", r"p / \(1 - p\)", "(1 - p) / p"),
    ("q twice for p q", r"p \* q\b", "q * q"),
    ("q twice for p q", r"p \* \(1 - p\)", "(1 - p) * (1 - p)"),
    ("no 1/q", r" / q\b", ""),
    ("q for p", r"\bp \^\+", "(1 - p) ^+"),
    ("p for q", r"\(1 - p\) \*", "p *"),
    ("p for q", r"\bq \*", "p *"),
    ("p for q", r"\bq \^\+", "p ^+"),
    ("p for q", r"fun l _ => 1 - p l", "fun l _ => p l"),
    ("p for q", r"\(1 - gamma\)", "gamma"),
    ("another exponent", r"\^\+ 2", "^+ 3"),
    ("another exponent", r"\^\+ ", "^+ 2 ^+ "),
    ("no division", r" / (?:T|k|4|N|2)%:R", ""),
    ("plus for minus", r" - ", " + "),
    ("a factor too many", r"= 1\b", "= 1 + 1"),
    ("one for zero", r"= 0\b", "= 1"),
    ("zero for one", r"1 / ", "(1 + 1) / "),
    ("a factor 2", r"\* factor p", "* (1 + 1) * factor p"),
    ("a factor 2", r"delta j \* c j", "(1 + 1) * (delta j * c j)"),
    ("a factor 2", r"delta kj\.1 \*", "(1 + 1) * delta kj.1 *"),
    ("a factor 2", r"= expect P f\.", "= (1 + 1) * expect P f."),
    ("a factor 2", r"= var P f\.", "= (1 + 1) * var P f."),
    ("a factor 2", r"= x i\.", "= (1 + 1) * x i."),
    ("a factor 2", r"q \*: ", "(1 + 1) *: "),
    ("a factor 2", r"= sigmoid \(", "= sigmoid (1 + "),
    ("a factor 2", r"= \\sum_j", "= (1 + 1) * \\\\sum_j"),
    ("a factor 2", r"\\sum_S c S \* \\prod_\(i in S\) x i", "0"),
    ("a factor 2", r"bernoulli p m \*: \(L m\)", "(1 + 1) *: (L m)"),
    ("a factor 2", r"= #\|\S+\|%:R \* q", "= #|I|%:R"),
    ("a factor 2", r"c \* \\sum_r B k r \* A", r"(1 + 1) * c * \\sum_r B k r * A"),
    ("a factor 2", r"= #\|I\|%:R\^-1", "= (1 + 1) * #|I|%:R^-1"),
    ("the other sign", r"\(fun x => var", "(fun x => - var"),
    ("strict for weak", r" <= ", " < "),
    ("3 for 2", r"\(2 \^", "(3 ^"),
    ("the other sign", r"!= 0", "== 0"),
]


def mutants(theorem):
    """Yield wrong forms of a statement: what was changed, and the changed text.

    The last place behind the binders is changed, which nearly always is in the conclusion.
    """
    head, colon, claim = _split(theorem.statement)
    for what, pattern, replacement in CHANGES:
        places = list(re.finditer(pattern, claim))
        if places:
            place = places[-1]
            changed = claim[: place.start()] + place.expand(replacement) + claim[place.end() :]
            yield what, head + colon + changed


def _split(statement):
    """Part a statement into its name and binders, the colon, and what it claims."""
    depth = 0
    for place, character in enumerate(statement):
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(character, 0)
        if character == ":" and depth == 0:
            return statement[:place], ":", statement[place + 1 :]
    raise ValueError(f"no colon in {statement!r}")


def try_mutants(root=ROOT):
    """Try the proof of every theorem on wrong forms of it; return what was refused.

    One session a file: a wrong form is stated, the proof run on it and given up, and the
    session goes on with the true one. Files that did not change are not tried again.
    """
    compile_all(root)
    stored_results = root / MUTANTS
    before = json.loads(stored_results.read_text("utf-8")) if stored_results.exists() else {}
    found = {}
    for file in files(root):
        if file in before and before[file]["sources"] == digest(root, file):
            found[file] = before[file]
            continue
        refused = {}
        text = (root / BUILT / file).read_text(encoding="utf-8")
        tried, script, position = [], ["Set Default Timeout 30."], 0
        for theorem, match in zip(
            [theorem for theorem in theorems(root) if theorem.file == file],
            THEOREM.finditer(text),
            strict=True,
        ):
            proof = text[match.end("statement") : text.index("Qed.", match.end()) + 4]
            script.append(text[position : match.start("statement")])
            position = match.start("statement")
            for number, (what, wrong) in enumerate(islice(mutants(theorem), FORMS)):
                name = f"{theorem.name}_wrong{number}"
                script.append(wrong.replace(f"Theorem {theorem.name}", f"Theorem {name}", 1))
                script.append(f'idtac "stated {name}".\n{proof}\nAbort All.\nCheck {name}.')
                tried.append((theorem, what, name))
        script.append(text[position:])
        session = subprocess.run(
            ["coqtop", "-q", "-w", "none", "-Q", ".", "Dropout"],
            cwd=root / BUILT,
            input="\n".join(script),
            capture_output=True,
            text=True,
        )
        for theorem, what, name in tried:
            accepted = re.search(rf"^{name}\s*$", session.stdout, re.MULTILINE)
            if f"stated {name}\n" in session.stdout and not accepted:
                refused.setdefault(theorem.name, []).append(what)
            else:
                print(f"{theorem.name}: '{what}' {'proved' if accepted else 'not stated'}")
        found[file] = {"sources": digest(root, file), "refused": refused}
        stored_results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


# ---- The page -----------------------------------------------------------------------------------


def page(root=ROOT):
    """Return the page of the formal statements as MyST Markdown."""
    entries = {entry["name"]: entry for entry in stored(root)["theorems"]}
    known = {statement.label: statement for statement in statements(root)}
    found = theorems(root)
    mask = (root / PROOFS / "Mask.v").read_text(encoding="utf-8")
    lines = [
        "<!-- Written by book/scripts/build_proofs.py from proofs/: edit those, then run",
        "     `make proofs`. -->",
        "",
        "# Formal statements",
        "",
        f"{len(found)} theorems in `proofs/` are checked by Rocq, "
        "for every number of units, every $p$ and every input.",
        f"{len({theorem.label for theorem in found} & known.keys())} statements of the book "
        "have at least one; a theorem may prove a part of the statement, as its words say.",
        "[](methods.md) says what that guarantees, "
        "and [](reading-a-proof.md) reads one of them line by line.",
        "",
        "What is stated over a field `F` holds for rational and real numbers alike.",
        "Statements about floating point, samplers, integrals and limits are not here: "
        "their numbers are no elements of a field, or they need analysis that would hide them.",
        "Other methods of [the ledger](ledger.md) verify those.",
        "",
        "The files compile with the versions of Debian 12 (Coq 8.16, MathComp 1.15) "
        "and of Debian 13 (Coq 8.20, MathComp 2.3).",
        "",
        "All statements use these words:",
        "",
        "```coq",
        *re.findall(r"^Definition .*?\.$", mask, re.MULTILINE | re.DOTALL),
        "```",
        "",
    ]
    for file in files(root):
        own = [theorem for theorem in found if theorem.file == file]
        if not own:
            continue
        title = re.search(r"^\(\*\* \* (\w+)", (root / PROOFS / file).read_text("utf-8"), re.M)[1]
        lines += [f"## {title}", ""]
        for label in dict.fromkeys(theorem.label for theorem in own):
            if label in known:
                lines += [f"(formal-{label})=", f"### {known[label].title}", ""]
                lines += [f"{{prf:ref}}`{label}`, [its row in the ledger](#ledger-{label}).", ""]
            else:
                lines += [f"### `{label}`", "", "The chapter with this statement is to come.", ""]
            for theorem in own:
                if theorem.label == label:
                    lines += _entry(theorem, entries[theorem.name])
    return "\n".join(lines)


def _entry(theorem, entry):
    shown = "\n\n".join(part for part in (theorem.context, theorem.statement) if part)
    return [
        f"`{theorem.name}`, axioms: {spoken(entry['axioms'])}.",
        f"{in_words(theorem.words)}",
        "",
        "```coq",
        shown,
        "```",
        "",
    ]


def in_words(words):
    """Protect what Markdown would read as markup."""
    return re.sub(r"([*_|<>])", r"\\\1", words)


def main(argv=None):
    """Compile, then write what was found, or with --check compare it with what is stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is stored")
    parser.add_argument("--mutants", action="store_true", help="try wrong forms of every theorem")
    arguments = parser.parse_args(argv)
    if not available():
        if os.environ.get("CI") == "true":
            raise SystemExit(INSTALL)
        print(INSTALL)
        return
    if arguments.mutants:
        found = try_mutants()
        refused = [forms for file in found.values() for forms in file["refused"].values()]
        print(f"{sum(map(len, refused))} wrong forms of {len(refused)} theorems refused")
        return
    found = run()
    for entry in found["theorems"]:
        print(f"{entry['label']:32} {entry['name']:32} axioms: {spoken(entry['axioms'])}")
    if arguments.check:
        if found != stored():
            raise SystemExit(f"{STORED} is stale; run `make proofs`")
        return
    (ROOT / STORED).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (ROOT / PAGE).write_text(page(), encoding="utf-8")
    count = len({entry["label"] for entry in found["theorems"]})
    print(f"{len(found['theorems'])} theorems for {count} labels; wrote {STORED} and {PAGE}")


if __name__ == "__main__":
    main()
