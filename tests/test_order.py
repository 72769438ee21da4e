"""No statement is used before it is stated, in the order of the table of contents."""

import re

from book.scripts import build_ledger

#: Statements that are used; a chapter may point ahead to an experiment, an exercise or a figure.
USED = ("def-", "thm-", "approx-")
#: It proves nothing, and says of each sentence where that is done.
OUTLOOK = "introduction"
REFERENCE = re.compile(r"\{prf:ref\}`(?:[^`<]*<)?(?P<label>[\w-]+)>?`")


def references_ahead(chapters):
    """(chapter, line, label) of each use before its statement, given {name: text} in order."""
    stated = {}
    for place, text in enumerate(chapters.values()):
        for match in build_ledger.STATEMENT.finditer(text):
            label = re.search(r"^:label:[ \t]*(\S+)", match["body"], re.MULTILINE)
            if label and match["directive"] != "proof":
                stated[label[1]] = (place, match.start())
    for place, (name, text) in enumerate(chapters.items()):
        for match in REFERENCE.finditer(text):
            label = match["label"]
            if label.startswith(USED) and stated[label] > (place, match.start()):
                yield name, text.count("\n", 0, match.start()) + 1, label


def test_no_statement_is_used_before_it_is_stated():
    chapters = {
        name: (build_ledger.ROOT / "manuscript" / f"{name}.md").read_text(encoding="utf-8")
        for name in build_ledger.chapters()
        if name != OUTLOOK
    }
    assert list(references_ahead(chapters)) == []


def test_a_use_before_the_statement_is_found():
    stated = ":::{prf:theorem} T\n:label: thm-t\n:::\n"
    used = "By {prf:ref}`thm-t` and {prf:ref}`words <thm-t>`.\n"
    assert list(references_ahead({"a": stated + used, "b": used})) == []
    assert list(references_ahead({"a": used, "b": stated})) == [("a", 1, "thm-t")] * 2
