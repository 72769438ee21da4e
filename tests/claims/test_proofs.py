"""The formal proofs: what Rocq found when it compiled them is stored, and read here.

No part is named: a theorem may prove any part of its statement, or a step of its proof.

`tests/test_proofs.py` compares it with a run where Rocq is installed.
"""

from dataclasses import dataclass

import pytest

from book.scripts import formal, rocq


@dataclass(frozen=True)
class Proved:
    """The stored theorems of one statement."""

    theorems: list
    fresh: bool  # whether the sources are those that were compiled
    method: str = "formal"

    @property
    def passed(self):
        """Whether they were compiled as they stand and rest on nothing that is not allowed."""
        used = {axiom for theorem in self.theorems for axiom in theorem["axioms"]}
        return self.fresh and bool(self.theorems) and used <= rocq.CLASSICAL

    def __str__(self):
        rests_on = sorted({axiom for theorem in self.theorems for axiom in theorem["axioms"]})
        names = ", ".join(f"`{theorem['name']}`" for theorem in self.theorems)
        outcome = "passed" if self.passed else "FAILED, run `make proofs`"
        return f"formal: {outcome}, {names} for every n, p and x; axioms: {formal.spoken(rests_on)}"


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(label, marks=pytest.mark.claim(label, method="formal", parts=()))
        for label in formal.labels()
    ],
)
def test_proved_for_every_n(claim, label):
    fresh = formal.stored()["sources"] == formal.digest()
    claim.holds(Proved(formal.labels()[label], fresh))
    assert not Proved(formal.labels()[label], fresh=False).passed
