"""Wrong forms of the formal statements, each with one place changed: its proof must fail."""

import json
import re
import subprocess
from itertools import islice

from book.scripts.build_ledger import ROOT
from book.scripts.formal import PROOFS, THEOREM, digest, files, theorems
from book.scripts.rocq import BUILT, compile_all

MUTANTS = PROOFS / "mutants.json"
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
    ("one more", r"= sigmoid \(", "= sigmoid (1 + "),
    ("a factor 2", r"= \\sum_j", "= (1 + 1) * \\\\sum_j"),
    ("zero for the sum", r"\\sum_S c S \* \\prod_\(i in S\) x i", "0"),
    ("a factor 2", r"bernoulli p m \*: \(L m\)", "(1 + 1) *: (L m)"),
    ("no q", r"= #\|\S+\|%:R \* q", "= #|I|%:R"),
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
