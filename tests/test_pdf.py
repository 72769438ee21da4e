"""The printed book: whole, numbered, linked, and nothing beyond the edge of its paper."""

import re

import pages
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book.scripts import build_book, build_ledger, build_pdf, single_page

ROOT = build_book.ROOT
browser = pages.browser
pytestmark = pytest.mark.browser
A4 = (595, 842)  # points


@pytest.fixture(scope="module")
def pdf(browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    return PdfReader(build_pdf.build(browser, target=path))


@pytest.fixture(scope="module")
def texts(pdf):
    return [" ".join(page.extract_text().split()) for page in pdf.pages]


@pytest.fixture(scope="module")
def titles(pdf):
    """Anchor of the title of each page of the book, in the order of the contents."""
    sheet = BeautifulSoup((ROOT / "_build" / "pdf" / "book.html").read_text("utf-8"), "html.parser")
    return [entry["data-anchor"] for entry in sheet.select("nav .depth-1 .number")]


def test_book_is_printed_whole_on_a4(pdf, texts, titles):
    named = [page for _, names in single_page.contents(ROOT) for page in names]
    assert [title.partition("--")[0] for title in titles] == list(map(single_page.slug, named))
    anchors = build_pdf.destinations(pdf)
    starts = [anchors[title] for title in titles]
    assert starts == sorted(set(starts)), "every page of the book begins a sheet, in order"
    assert len(pdf.pages) > starts[-1] - 1
    for page in pdf.pages:
        assert [round(float(side)) for side in page.mediabox[2:]] == pytest.approx(A4, abs=1)
    for number, text in enumerate(texts[1:], start=2):
        assert re.search(rf"\b{number}\b", text), f"sheet {number} bears no number"


def test_every_statement_is_printed_with_its_number(texts):
    whole = " ".join(texts).replace("’", "'")  # typeset as apostrophes
    for statement in build_ledger.statements():
        title = re.sub(r"\$[^$]*\$", ".*?", re.escape(statement.title).replace(r"\$", "$"))
        kind = statement.directive.capitalize()
        assert re.search(rf"{kind} \d+\.\d+ ?\({title}\)", whole), statement.label


def test_contents_name_the_sheets_where_headings_are(pdf, texts, titles):
    anchors = build_pdf.destinations(pdf)
    texts = [text.replace("’", "'") for text in texts]
    contents = " ".join(texts[1 : anchors[titles[0]] - 1])
    chapters = [anchors[title] for title in titles if title.startswith("chapters-")]
    names = build_ledger.chapter_titles(ROOT)
    assert next(iter(names)) == "introduction"  # it bears no number
    for number, (sheet, name) in enumerate(zip(chapters, names.values(), strict=True)):
        heading = f"{number}. {name}" if number else name
        assert heading in texts[sheet - 1]
        assert re.search(rf"{re.escape(heading)} ?{sheet}\b", contents)


def outline_titles(entries):
    for entry in entries:
        if isinstance(entry, list):
            yield from outline_titles(entry)
        else:
            yield entry.title


def test_outline_has_all_chapters(pdf):
    shown = " ".join(outline_titles(pdf.outline)).replace("’", "'")
    for title in build_ledger.chapter_titles(ROOT).values():
        assert title in shown


def test_links_lead_to_a_place_in_the_book_or_to_a_stable_address(pdf):
    anchors = build_pdf.destinations(pdf)
    inner = outer = 0
    for page in pdf.pages:
        for annotation in page.get("/Annots") or []:
            link = annotation.get_object()
            if link.get("/Subtype") != "/Link":
                continue
            action = link.get("/A", {})
            if "/URI" in action:
                outer += 1
                assert action["/URI"].startswith("https://"), action["/URI"]
                continue
            place = link["/Dest"] if "/Dest" in link else action["/D"]
            if isinstance(place, str):
                assert place.removeprefix("/") in anchors, place
            inner += 1
    assert inner > 5 * len(build_ledger.statements())
    assert outer


def test_fonts_are_embedded(pdf):
    seen = 0
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            if font["/Subtype"] == "/Type3":  # its shapes are in it
                continue
            for inner in font.get("/DescendantFonts", [font]):
                descriptor = inner.get_object()["/FontDescriptor"].get_object()
                assert any(f"/FontFile{kind}" in descriptor for kind in ("", "2", "3")), font
                seen += 1
    assert seen


def test_no_formula_is_left_as_tex(texts):
    for text in texts:
        assert not re.search(r"\\(frac|mathbb|operatorname|lVert|tilde)\b", text), text[:200]


WIDE = {
    "code": f"<pre>{'x' * 200}</pre>",
    "p": f"<p>{'x' * 200}</p>",
    "formula is not set": '<span class="math">x</span>',
}


@pytest.mark.parametrize("name", WIDE)
def test_what_sticks_out_stops_the_print(browser, tmp_path, name):
    sheet = tmp_path / "book.html"
    sheet.write_text(f"<!doctype html><body style='margin: 0'><main>{WIDE[name]}</main></body>")
    with pytest.raises(SystemExit, match=name):
        build_pdf.open_sheet(browser, sheet)


def test_wide_table_is_scaled_to_the_paper(browser, tmp_path):
    sheet = tmp_path / "book.html"
    cells = "".join(f"<td>{'x' * 12}</td>" for _ in range(8))
    sheet.write_text(
        "<!doctype html><body style='margin: 0; font: 16px monospace'>"
        f"<main><div><table><tr>{cells}</tr></table></div></main></body>"
    )
    page = build_pdf.open_sheet(browser, sheet)
    assert page.locator("table").bounding_box()["width"] <= build_pdf.WIDTH
    page.close()


def test_links_between_pages_become_links_within():
    known = ["index", "chapters/one", "backmatter/ledger"]
    for href, expected in {
        "#thm-x": "#chapters-one--thm-x",
        "../backmatter/ledger.html#ledger-x": "#backmatter-ledger--ledger-x",
        "../index.html": "#index",
        "https://doi.org/10.1/x": "https://doi.org/10.1/x",
        "../_sources/one.ipynb": None,
        "../search.html": None,
    }.items():
        assert single_page.target("chapters/one", href, known) == expected
