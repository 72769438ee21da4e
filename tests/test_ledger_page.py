"""The page of the ledger: each row says what its statement says, and the filter finds rows."""

from itertools import pairwise

import pages
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.core import publish_from_doctree
from docutils.utils import new_document

from book.extensions import ledger
from book.scripts import build_ledger, ledger_page

browser = pages.browser
PAGE = build_ledger.ROOT / "_build" / "html" / "backmatter" / "ledger.html"
VISIBLE = "table.ledger > tbody:visible"


def parsed(page):
    """The page without the places where a long name may break: the ledger's names have none."""
    return BeautifulSoup(page.read_text("utf-8").replace("<wbr>", ""), "html.parser")


@pytest.fixture(scope="module")
def soup():
    return parsed(PAGE)


def words(tag):
    return tag.get_text(" ").split()


def test_each_row_says_what_its_chapter_says(soup):
    chapters = {}
    for statement in build_ledger.statements():
        if statement.chapter not in chapters:
            page = PAGE.parent.parent / "chapters" / f"{statement.chapter}.html"
            chapters[statement.chapter] = parsed(page)
        block = chapters[statement.chapter].find(id=statement.label).section
        block.select_one(f'a[href$="#ledger-{statement.label}"]').parent.decompose()
        row = soup.find(id=f"ledger-{statement.label}").find_parent("tbody")
        assert words(row.select_one(".statement")) == words(block), statement.label
        assert f"kind-{statement.kind}" in row["class"]


def test_rows_bring_no_anchor_of_a_chapter(soup):
    ids = [tag["id"] for tag in soup.select("article [id]")]
    assert len(ids) == len(set(ids))


@pytest.mark.browser
def test_filter_finds_rows_and_keeps_its_choices_in_the_address(browser):
    records = ledger_page.rows(build_ledger.ROOT)
    with pages.watched(browser, PAGE.parent.parent.as_uri()) as (page, faults):
        page.goto(PAGE.as_uri())
        assert page.locator(VISIBLE).count() == len(records)
        for kind, number in ledger_page.kinds(build_ledger.ROOT).items():
            page.select_option("[name=kind]", kind)
            assert page.locator(VISIBLE).count() == number
            assert f"{number} of {len(records)}" in page.locator(".row-filter p").inner_text()
        page.reload()
        assert page.locator(VISIBLE).count() == number
        page.get_by_role("button", name="Show all").click()
        page.select_option("[name=method]", "slope")
        page.select_option("[name=chapter]", "formulation")
        wanted = [
            statement.label
            for statement in build_ledger.statements()
            if statement.chapter == "formulation"
            and "slope" in ledger.methods_of(records[statement.label])
        ]
        shown = page.locator(f"{VISIBLE} [id^=ledger-]")
        assert [tag.get_attribute("id") for tag in shown.all()] == [f"ledger-{x}" for x in wanted]
        page.get_by_role("button", name="Show all").click()
        page.locator("[name=words]").fill("kept units binomial")
        assert page.locator("tbody:has(#ledger-thm-active-units)").is_visible()
        assert 0 < page.locator(VISIBLE).count() < 5
        page.locator("[name=words]").fill("zebra")
        assert page.locator(VISIBLE).count() == 0
        assert page.locator("section[class*=chapter-] h2:visible").count() == 0
        page.evaluate("location.hash = 'ledger-thm-variance'")  # a link to a row shows it
        page.locator("tbody:has(#ledger-thm-variance)").wait_for()
        assert faults == []


@pytest.mark.browser
def test_without_javascript_all_rows_show_and_no_filter(browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(PAGE.as_uri())
        assert page.locator(VISIBLE).count() == len(build_ledger.statements())
        assert not page.locator(".row-filter").is_visible()


@pytest.mark.browser
def test_on_a_phone_the_checks_stand_below_each_other(browser):
    with pages.watched(browser, PAGE.parent.parent.as_uri()) as (page, _):
        page.set_viewport_size(pages.PHONE)
        page.goto(PAGE.as_uri())
        row = page.locator("table.ledger > tbody").nth(3)
        boxes = [cell.bounding_box() for cell in row.locator("td").all()]
        assert all(box["width"] > 300 for box in boxes)
        for above, below in pairwise(boxes):
            assert below["y"] >= above["y"] + above["height"] - 1


def test_tests_are_linked_once_the_repository_has_an_address(monkeypatch):
    assert ledger.test_addresses(build_ledger.ROOT) == {}
    found = ("https://example.org/book", "main")
    monkeypatch.setattr(ledger, "repository", lambda root: found)
    addresses = ledger.test_addresses(build_ledger.ROOT)
    tests = {
        name.strip("`")
        for row in ledger_page.rows(build_ledger.ROOT).values()
        for name in row.tests
    }
    assert tests <= set(addresses)
    items = [nodes.list_item("", nodes.paragraph("", "", nodes.literal("", "test_x")))]
    row = nodes.row("", nodes.entry("", nodes.bullet_list("", *items)))
    ledger.unwrap(row)
    ledger.link_tests(row, {"test_x": "https://example.org/x"})
    document = new_document("")
    document += row[0][0]
    html = publish_from_doctree(document, writer_name="html5").decode()
    link = BeautifulSoup(html, "html.parser").select_one("li > a")
    assert (link["href"], link.code.string) == ("https://example.org/x", "test_x")
