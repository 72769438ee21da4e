"""What is folded on a page, what stays, how much is visible code, and how pictures are seen."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pages
import pytest
from docutils import nodes

from book.extensions import folding, panels
from book.scripts.build_book import ROOT
from book.scripts.ledger_page import Row

browser = pages.browser
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))

# Visible code and printed output may take this share of a chapter's height.
SHARE = {"implementation": 0.40}

# On a screen of 1280 by 900 the first picture begins within two screens.
FIRST_PICTURE = 1800  # pixels
PICTURES = """() => {
  const shown = [...document.querySelectorAll("article :is(img, svg[aria-label])")]
    .filter((e) => e.getBoundingClientRect().height > 0 && !e.closest("details:not([open])"));
  return Math.min(...shown.map((e) => e.getBoundingClientRect().top + scrollY));
}"""

SMALLEST_LETTER = 8  # pixels, of a figure on a phone
LETTERS = re.compile(r"scale\(([\d.]+) -")  # outlines are a hundred times as large as the letters
FIGURES = """async () => {
  document.querySelectorAll("details").forEach((e) => (e.open = true));
  const figures = [...document.querySelectorAll("article a.enlarge img.only-light")];
  for (const figure of figures) {
    figure.loading = "eager";
    await figure.decode();
  }
  return figures.map((e) => [e.currentSrc, e.getBoundingClientRect().width]);
}"""

HEIGHTS = """() => {
  const article = document.querySelector("article");
  const open = (e) => e.getBoundingClientRect().height > 0 && !e.closest("details:not([open])");
  const height = (selector) => [...article.querySelectorAll(selector)].filter(open)
    .reduce((sum, e) => sum + e.getBoundingClientRect().height, 0);
  return [height(".cell_input, .cell_output .output:is(.text_plain, .stream)"),
          article.getBoundingClientRect().height];
}"""


def cell(source, *outputs, classes=()):
    """A cell as the notebook extension makes it."""
    node = nodes.container(classes=["cell", *classes], nb_element="cell_code")
    node += nodes.container("", nodes.literal_block(source, source), classes=["cell_input"])
    if outputs:
        node += nodes.container("", *outputs, classes=["cell_output"])
    return node


def visible(node):
    """Texts of a cell outside of what is folded."""
    found, depth = [], 0
    for part in node:
        text = part.astext()
        depth += text.startswith("<details") - text.startswith("</details")
        if not depth and not text.startswith("</details"):
            found.append(text)
    return found


@pytest.mark.parametrize(
    ("made", "kind", "left"),
    [
        (cell("import math\nx = 1"), "setup", []),
        (cell("x = 1"), "code", []),
        (cell("print(dropcheck.identity(a, b))", nodes.Text("passed")), "check", []),
        (cell("print(2)", nodes.Text("2")), "result", ["2"]),
        (cell("plot()", nodes.Text("n = 3"), nodes.image(alt="A curve.")), "figure", ["A curve."]),
    ],
)
def test_code_is_folded_and_results_stay(made, kind, left):
    before = made.astext()
    folding.fold(made, None)
    assert f'class="fold fold-{kind}"' in made[0].astext()
    assert visible(made) == left
    words = before.split()
    assert all(word in made.astext() for word in words)


def printed(text):
    return nodes.literal_block(text, text, classes=["output", "stream"])


@pytest.mark.parametrize(
    ("made", "summary"),
    [
        (cell("print(2)", printed("2")), "Code of these numbers"),
        (cell("print(t)", printed("row\n" * folding.LONG)), "The table, and its code"),
        (cell("show_source(f)", nodes.Text("def f(): …")), "The library’s own code for it"),
        (
            cell("show_source(f)\nprint(f())", nodes.Text("def f(): …"), printed("2")),
            "The library’s own code for it, and what it prints",
        ),
    ],
)
def test_the_line_of_a_fold_says_if_what_was_printed_is_in_it(made, summary):
    folding.fold(made, None)
    assert f"<summary>{summary}</summary>" in made[0].astext()


def test_a_table_below_a_table_has_a_name_of_its_own():
    tables = [cell("print(t)", printed("row\n" * folding.LONG)) for _ in range(4)]
    nodes.section("", *tables[:3], nodes.paragraph(text="So it is."), tables[3])
    for table in tables:
        folding.fold(table, None)
    first, *further, last = (table[0].astext() for table in tables)
    assert all("<summary>The table, and its code</summary>" in one for one in (first, last))
    assert all(f"<summary>{folding.FURTHER}</summary>" in one for one in further)


def test_a_badge_counts_what_the_ledger_has():
    row = Row("thm-x", "X", "theorem", ("**identity**: …", "**formal**: …"), ("1/p",), ())
    assert folding.badge(row) == ("✓ verified 2 ways · 1 wrong form rejected · for every n")
    made = cell("dropcheck.bound(a, b)")
    folding.fold(made, row)
    assert "verified 2 ways" in made[0].astext()


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(browser, request):
    """The name of each chapter, and its page opened."""
    name = request.param.stem
    with pages.watched(browser, "file://") as (page, _):
        page.goto((ROOT / "_build" / "html" / "chapters" / f"{name}.html").as_uri())
        yield name, page


@pytest.mark.browser
def test_text_takes_most_of_a_chapter(chapter):
    name, page = chapter
    code, height = page.evaluate(HEIGHTS)
    assert code / height <= SHARE.get(name, 0.25)
    assert page.locator("details.fold[open]").count() == 0


@pytest.mark.browser
def test_a_chapter_opens_with_a_picture(chapter):
    assert chapter[1].evaluate(PICTURES) <= FIRST_PICTURE


@pytest.mark.browser
def test_letters_of_figures_are_read_on_a_phone(chapter):
    _, page = chapter
    page.set_viewport_size(pages.PHONE)
    for source, shown in page.evaluate(FIGURES):
        svg = Path(urlsplit(source).path).read_text(encoding="utf-8")
        width = float(panels.SIZE.search(svg)[1])
        letters = [100 * float(scale) * shown / width for scale in LETTERS.findall(svg)]
        assert min(letters, default=SMALLEST_LETTER) >= SMALLEST_LETTER, Path(source).name
