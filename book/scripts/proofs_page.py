"""The page of the formal statements: each as its source states it, beside a reading in words."""

import re

from book.scripts.build_ledger import ROOT, statements
from book.scripts.formal import PROOFS, files, spoken, stored, theorems


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
        "for every number of units, $p$ and input that their hypotheses allow.",
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
        "The proofs compile with the versions of Debian 12 (Coq 8.16, MathComp 1.15) "
        "and of Debian 13 (Coq 8.20, MathComp 2.3); "
        "the rules that evaluate them at points need the first.",
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
