"""Compile the formal proofs, ask which axioms each rests on, and write their page.

What is stored in proofs/theorems.json is what the ledger and the book read, so that neither
needs Rocq; ``--check`` compares it with a run instead of writing it. ``--mutants`` changes
constants in each statement and shows that its proof then fails.
"""

import argparse
import json
import os

from book.scripts.build_ledger import ROOT
from book.scripts.formal import PAGE, STORED, spoken, stored
from book.scripts.proof_mutants import try_mutants
from book.scripts.proofs_page import page
from book.scripts.rocq import INSTALL, available, run


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
