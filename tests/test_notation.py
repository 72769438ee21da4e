"""The page of notation has every letter of every statement, and each once for a chapter."""

import re

import pytest

from book.scripts import build_ledger

PAGE = build_ledger.ROOT / "backmatter" / "notation.md"
THROUGHOUT = ("Dropout", "Sizes", "Networks and training")
TABLES = {
    "formulation": "Formulation",
    "ensemble": "Ensembles",
    "noise": "Penalties",
    "variants": "Variants",
    "gradients": "Gradients",
    "bayesian": "Bayesian reading",
    "implementation": "Implementation",
    "systems": "Systems",
    "sequences": "Sequences",
    "practice": "Batch normalisation",
    "evidence": "Evidence",
    "predictions": "Predictions",
    "mistakes": "Mistakes",
}
GREEK = {
    *(
        "alpha",
        "beta",
        "gamma",
        "delta",
        "varepsilon",
        "eta",
        "theta",
        "kappa",
        "lambda",
        "mu",
        "nu",
    ),
    *("xi", "pi", "rho", "sigma", "tau", "phi", "psi", "omega", "ell"),
    *("Gamma", "Delta", "Lambda", "Sigma", "Phi", "Psi", "Omega"),
}
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(.+?)(?<!\\)\$", re.DOTALL)
WORDS = re.compile(r"\\(?:operatorname\*?|text|mathrm|mathbb|mathcal|begin|end)\s*\{[^}]*\}")


def letters(text):
    """Latin and Greek letters of the formulas in `text`, without names of functions."""
    found = set()
    for displayed, inline in MATH.findall(text):
        formula = WORDS.sub(" ", displayed or inline)
        found.update(f"\\{name}" for name in re.findall(r"\\([A-Za-z]+)", formula) if name in GREEK)
        found.update(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", formula)))
    return found


def symbols(heading):
    """The first column of the table under `heading`, one entry for each row."""
    section = re.search(
        rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert section, f"{PAGE.name} has no section {heading}"
    rows = [line for line in section[1].splitlines() if line.startswith("| ")]
    return [
        row.split(" | ")[0].removeprefix("| ") for row in rows if not row.startswith("| symbol")
    ]


CHAPTERS = sorted({statement.chapter for statement in build_ledger.statements()})


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_letter_of_a_statement_is_explained(chapter):
    listed = symbols(TABLES[chapter]) + [row for name in THROUGHOUT for row in symbols(name)]
    explained = letters(" ".join(listed))
    for statement in build_ledger.statements():
        if statement.chapter == chapter:
            missing = letters(statement.body) - explained
            assert not missing, f"{statement.label} uses {sorted(missing)}, not in {PAGE.name}"


@pytest.mark.parametrize("heading", [*THROUGHOUT, *TABLES.values()])
def test_no_symbol_has_two_rows(heading):
    found = [symbol for row in symbols(heading) for symbol in row.split(", ")]
    assert len(found) == len(set(found)), sorted(found)


def test_a_letter_that_is_not_explained_is_found():
    assert letters("$\\beta_j$ and $$\\operatorname{Var} x \\text{ in nats}$$") == {
        "\\beta",
        "j",
        "x",
    }
