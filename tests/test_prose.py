"""What the prose must not do: claim a frequency without a source, or hide a result in a title."""

import re

import pytest

from book.scripts import build_ledger

PAGES = [
    *sorted((build_ledger.ROOT / "manuscript").glob("*.md")),
    *(build_ledger.ROOT / name for name in ("index.md", "README.md")),
    *(build_ledger.ROOT / "interactive" / f"{name}.yml" for name in ("guide", "answers")),
    build_ledger.ROOT / "interactive" / "answers.md",
    *(
        build_ledger.ROOT / "backmatter" / name
        for name in ("glossary.md", "judging.md", "methods.md")
    ),
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


#: Sections that have no result, or whose title a reader knows from every chapter.
PLAIN = {"All verdicts", "Exercises", "Sources", "What goes wrong"}
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)


def short_titles(text):
    """Titles of sections that are too short to say what was found."""
    titles = HEADING.findall(CODE.sub("", text))
    return [title for title in titles if len(title.split()) < 4 and title not in PLAIN]


@pytest.mark.parametrize(
    "page",
    # The cards of the mistakes have the mistake for a title.
    [page for page in PAGES if page.parent.name == "manuscript" and page.stem != "mistakes"],
    ids=lambda page: page.name,
)
def test_titles_of_sections_say_the_result(page):
    assert short_titles(page.read_text(encoding="utf-8")) == []


def test_a_title_that_hides_its_result_is_found():
    assert short_titles("## Both\n\n### Dropout lowers the loss\n\n## Sources\n") == ["Both"]


@pytest.mark.parametrize(
    ("word", "chapter"),
    [
        ("overfitting", "formulation"),
        ("co-adaptation", "formulation"),
        ("keep_prob", "formulation"),
        ("bagging", "ensemble"),
        ("LSTM", "variants"),
        ("CNN", "variants"),
        ("MC dropout", "bayesian"),
        ("PPO ratio", "systems"),
        ("merge_and_unload", "systems"),
        ("LoRA", "systems"),
        ("gradient checkpointing", "systems"),
        ("DDP", "systems"),
        ("tensor parallel", "systems"),
        ("FlashAttention", "systems"),
        ("ONNX", "systems"),
        ("torch.compile", "systems"),
        ("max pooling", "systems"),
        ("weight decay at the same time", "systems"),
        ("LSTM", "sequences"),
        ("GRU", "sequences"),
        ("variational dropout", "sequences"),
        ("recurrent_dropout", "sequences"),
        ("zoneout", "sequences"),
        ("DropHead", "sequences"),
        ("DropKey", "sequences"),
        ("DropEdge", "sequences"),
        ("GCN", "sequences"),
        ("PatchDropout", "sequences"),
        ("mixout", "sequences"),
        ("classifier-free guidance", "sequences"),
        ("SimCSE", "sequences"),
        ("CNN", "practice"),
        ("LLM", "practice"),
        ("which $p$", "practice"),
        ("early stopping", "practice"),
        ("early stopping", "evidence"),
    ],
)
def test_words_that_readers_search_for_are_in_the_text(word, chapter):
    text = (build_ledger.ROOT / "manuscript" / f"{chapter}.md").read_text(encoding="utf-8")
    assert re.search(rf"(?<!\w){re.escape(word)}", CODE.sub("", text), re.IGNORECASE)
