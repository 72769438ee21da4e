"""No sentence says how often something is said or done unless it says who found it so."""

import re

import pytest

from book.scripts import build_ledger

PAGES = [
    *sorted((build_ledger.ROOT / "manuscript").glob("*.md")),
    *(build_ledger.ROOT / name for name in ("index.md", "README.md")),
    *(build_ledger.ROOT / "interactive" / f"{name}.yml" for name in ("guide", "answers")),
    build_ledger.ROOT / "interactive" / "answers.md",
    *(build_ledger.ROOT / "backmatter" / name for name in ("glossary.md", "methods.md")),
]
#: Claims of frequency or of evidence that need a source, and words that stand for an argument.
EMPTY = re.compile(
    r"\b(often|usually|commonly|widely|frequently) "
    r"(said|stated|quoted|written|read|summed|confused|repeated|claimed|used)\b"
    r"|\b(it is well known|as is well known|obviously|clearly|of course|needless to say"
    r"|everybody|everyone knows|each of these forms circulates)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)


def empty_phrases(text):
    """What in the prose of a page asserts without a source."""
    return [match[0] for match in EMPTY.finditer(CODE.sub("", text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_frequency_without_a_source(page):
    assert empty_phrases(page.read_text(encoding="utf-8")) == []


def test_a_phrase_without_a_source_is_found():
    assert empty_phrases("It is often stated that dropout, of course, helps.") == [
        "often stated",
        "of course",
    ]
