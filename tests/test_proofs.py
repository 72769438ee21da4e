"""The formal proofs: what is stored of them, and that they compile where Rocq is."""

import json
import os
import re

import pytest

from book.scripts import formal, proof_mutants, proofs_page, rocq
from book.scripts.build_ledger import ROOT

needs_rocq = pytest.mark.skipif(
    not rocq.available() and os.environ.get("CI") != "true", reason=rocq.INSTALL
)


def test_what_is_stored_belongs_to_the_sources():
    stored = formal.stored()
    found = formal.theorems()
    assert stored["sources"] == formal.digest(), "run `make proofs`"
    assert [entry["name"] for entry in stored["theorems"]] == [theorem.name for theorem in found]
    page = (ROOT / formal.PAGE).read_text(encoding="utf-8")
    assert page == proofs_page.page(), "run `make proofs`"


def test_nothing_is_admitted_and_every_theorem_is_labelled():
    for file in formal.files():
        text = (ROOT / formal.PROOFS / file).read_text(encoding="utf-8")
        for word in ("Admitted", "admit", "Axiom", "Parameter", "Conjecture"):
            assert word not in text, f"{file} says {word}"
        labelled = [theorem for theorem in formal.theorems() if theorem.file == file]
        assert text.count("\nTheorem ") == len(labelled), f"a theorem of {file} has no label"


def test_the_proof_that_is_read_is_the_one_that_is_compiled():
    page = (ROOT / "backmatter" / "reading-a-proof.md").read_text(encoding="utf-8")
    source = (ROOT / formal.PROOFS / "Formulation.v").read_text(encoding="utf-8")
    blocks = re.findall(r"```coq\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        assert block in source, block


def test_every_label_of_a_proof_is_one_of_the_book():
    unknown = {theorem.label for theorem in formal.theorems()} - formal.labels().keys()
    assert not unknown, f"no statement shows what is proved under {', '.join(sorted(unknown))}"


def test_forty_statements_are_proved_for_every_n():
    assert len(formal.labels()) >= 40


def test_every_theorem_has_a_wrong_form_that_its_proof_refuses():
    found = json.loads((ROOT / proof_mutants.MUTANTS).read_text(encoding="utf-8"))
    for file in formal.files():
        assert found[file]["sources"] == formal.digest(ROOT, file), (
            f"{file} has changed: run `make proofs-mutants`"
        )
    refused = {name for file in found.values() for name in file["refused"]}
    assert refused == {theorem.name for theorem in formal.theorems()}


@needs_rocq
def test_the_proofs_compile_and_rest_on_what_is_stored():
    assert rocq.run() == formal.stored()
