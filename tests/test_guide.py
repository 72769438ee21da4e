"""The decision guide: every answer rests on the ledger, and every reader gets one."""

import itertools

import pages
import pytest
from bs4 import BeautifulSoup

from book.extensions import guide
from book.scripts import build_ledger, ledger_page
from book.scripts.build_book import ROOT

browser = pages.browser
GUIDE = guide.load(ROOT)
ROWS = ledger_page.rows(ROOT)
PAGE = ROOT / "_build" / "html" / "interactive" / "guide.html"


def rows_of_page():
    page = BeautifulSoup(PAGE.read_text(encoding="utf-8"), "html.parser")
    return page.select("table.guide tbody tr")


def test_every_answer_on_the_page_links_to_a_row_of_the_ledger():
    shown = rows_of_page()
    assert len(shown) == len(guide.supported(GUIDE, ROWS)) > 5
    for row in shown:
        links = [link["href"] for link in row.select('a[href*="ledger.html#ledger-"]')]
        assert links, row.get_text()
        assert {link.partition("#ledger-")[2] for link in links} <= set(ROWS)


def test_every_answer_says_what_speaks_against_it():
    for row in rows_of_page():
        assert "But:" in row.get_text()


def test_no_answer_waits_for_evidence():
    assert guide.missing(GUIDE, ROWS) == []


def test_answers_are_well_formed():
    ids = [answer["id"] for answer in GUIDE["answers"]]
    assert len(ids) == len(set(ids))
    prefixes = {start for start, *_ in build_ledger.KINDS.values()}
    for answer in GUIDE["answers"]:
        assert set(answer) <= {
            "id", "when", "where", "variant", "p", "because", "evidence", "sources", "dissent",
            "against",
        }  # fmt: skip
        assert all(answer[part] for part in ("where", "variant", "p", "because", "dissent"))
        for question, choices in answer["when"].items():
            assert set(choices) <= set(GUIDE["questions"][question]["options"])
        assert {label.partition("-")[0] for label in guide.labels(answer)} <= prefixes


def test_no_reader_is_left_without_an_answer():
    questions = GUIDE["questions"]
    for choices in itertools.product(*(question["options"] for question in questions.values())):
        chosen = dict(zip(questions, choices, strict=True))
        assert any(
            all(chosen[question] in wanted for question, wanted in answer["when"].items())
            for answer in GUIDE["answers"]
        ), chosen


def test_answer_without_evidence_is_left_out_and_breaks_nothing(tmp_path):
    (tmp_path / "interactive").mkdir()
    (tmp_path / "backmatter").mkdir()
    ledger = (ROOT / "backmatter" / "ledger.md").read_text(encoding="utf-8")
    (tmp_path / "backmatter" / "ledger.md").write_text(ledger, encoding="utf-8")
    (tmp_path / "references.bib").write_text("")
    answer = """
  - {id: %s, when: {a: [b]}, where: w, variant: v, p: "1", because: c, evidence: [%s], dissent: d,
     sources: {nobody2026x: Nobody (2026)}}"""
    (tmp_path / "interactive" / "guide.yml").write_text(
        "questions: {a: {ask: a, options: {b: c}}}\nanswers:"
        + answer % ("known", "thm-variance, emp-unknown")
        + answer % ("unknown", "emp-unknown")
    )
    text = guide.render(tmp_path)
    assert "#guide-known" in text
    assert "(#ledger-thm-variance)" in text
    assert "Nobody (2026)" in text
    assert "#guide-unknown" not in text
    assert "#ledger-emp-unknown" not in text
    assert guide.missing(guide.load(tmp_path), ROWS) == ["emp-unknown"]


@pytest.mark.browser
def test_form_leaves_the_answers_that_fit(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(PAGE.as_uri())
        rows = page.locator("table.guide tbody tr")
        total = rows.count()
        status = page.locator(".guide-form").get_by_role("status")
        assert status.inner_text() == f"All {total} answers are shown."
        page.get_by_role("radio", name="SELU activations").focus()
        page.keyboard.press("Space")
        fitting = [
            answer["id"]
            for answer in guide.supported(GUIDE, ROWS)
            if "selu" in answer["when"].get("layers", ["selu"])
        ]
        visible = rows.filter(visible=True)
        assert [row.locator("[id^=guide-]").get_attribute("id") for row in visible.all()] == [
            f"guide-{name}" for name in fitting
        ]
        assert "guide-selu" in [f"guide-{name}" for name in fitting]
        assert status.inner_text() == f"{len(fitting)} of {total} answers fit what you have."
        page.get_by_role("button", name="Begin again").click()
        page.wait_for_timeout(50)
        assert visible.count() == total
        assert faults == []


@pytest.mark.browser
def test_without_scripts_all_answers_are_a_table(browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(PAGE.as_uri())
        assert not page.locator(".guide-form").is_visible()
        rows = page.locator("table.guide tbody tr").filter(visible=True)
        assert rows.count() == len(guide.supported(GUIDE, ROWS))
