"""Compile the formal proofs with Rocq, and ask it on which axioms each theorem rests."""

import re
import shutil
import subprocess
from pathlib import Path

from book.scripts.build_ledger import ROOT
from book.scripts.formal import PROOFS, digest, files, theorems

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


def compile_all(root=ROOT, more=()):
    """Compile what changed since the last time, then `more`, in a folder of its own."""
    folder = root / BUILT
    folder.mkdir(parents=True, exist_ok=True)
    current = set()
    for file in (*files(root), *more):
        source, copy = (root / PROOFS / file).read_text("utf-8"), folder / file
        if not copy.with_suffix(".vo").exists() or copy.read_text("utf-8") != source:
            for compiled in folder.glob("*.vo"):  # it, and all after it, which may need it
                if compiled.stem not in current:
                    compiled.unlink()
            copy.write_text(source, encoding="utf-8")
            coqc(file, root)
        current.add(copy.stem)


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
