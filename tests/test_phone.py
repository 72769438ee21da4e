"""What a narrow page does with what is wide: formulas are whole, and tables say what is in them."""

import pages
import pytest
from test_book import HTML, PAGES

browser = pages.browser
CHAPTERS = [name for name in PAGES if name.startswith("chapters/")]
TABLET = {"width": 1100, "height": 900}  # too narrow for the contents beside the text

SET = """async () => {
  document.querySelectorAll("details").forEach((e) => (e.open = true));
  document.querySelectorAll(".toggle-hidden").forEach((e) => e.classList.remove("toggle-hidden"));
  await window.bookFormulas.all();
}"""
# Of each formula that does not fit, its text: it is cut, or scrolls.
WIDER = """() => [...document.querySelectorAll("article .math")].filter((math) => {
  const edge = math.closest("table, article").getBoundingClientRect().right + 2; // a table scrolls
  const room = math.matches(".broken") ? Infinity : math.clientWidth + 3;
  return math.hasAttribute("tabindex")
    || [...math.querySelectorAll("mjx-container")].some((box) => {
      if (box.getAttribute("display")) return box.scrollWidth > box.clientWidth + 2;
      const { width, right } = box.firstElementChild.getBoundingClientRect();
      return right > edge || width > room;
    });
}).map((math) => math.textContent.trim().slice(0, 60))"""
# The smallest size of a formula, as a share of the size that matches the text.
SMALLEST = """() => Math.min(...[...document.querySelectorAll("article .math mjx-container")]
  .map((box) => {
    const text = parseFloat(getComputedStyle(box.closest(".math").parentElement).fontSize);
    return parseFloat(getComputedStyle(box).fontSize) / (text * parseFloat(box.dataset.size) / 100);
  }))"""
# Which share of a table each of its columns takes, and what is hidden to the right.
COLUMNS = """(table) => [
  [...table.querySelectorAll("thead th")].map((e) => e.offsetWidth / table.offsetWidth),
  table.parentElement.scrollWidth - table.parentElement.clientWidth,
]"""


@pytest.mark.browser
@pytest.mark.parametrize("page_name", CHAPTERS)
def test_no_formula_of_a_chapter_is_cut_or_tiny_on_a_phone(browser, page_name):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.set_viewport_size(pages.PHONE)
        page.goto(f"{HTML.as_uri()}/{page_name}")
        page.evaluate(SET)
        assert page.evaluate(WIDER) == []
        assert page.evaluate(SMALLEST) >= 0.7
        assert page.evaluate("document.documentElement.scrollWidth") <= pages.PHONE["width"]
        assert faults == []


@pytest.mark.browser
def test_a_formula_in_the_text_goes_on_in_the_next_line(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.set_viewport_size(pages.PHONE)
        page.goto(f"{HTML.as_uri()}/chapters/predictions.html")
        page.evaluate(SET)
        formula = page.locator("span.math.broken").first
        tops = formula.locator("mjx-container").evaluate_all(
            "all => new Set(all.map((e) => Math.round(e.getBoundingClientRect().top / 10))).size"
        )
        assert tops > 1
        mark = formula.evaluate("""(math) => {
          const range = document.createRange();
          range.selectNodeContents(math.nextSibling);
          const comma = range.getBoundingClientRect();
          const last = math.lastElementChild.getBoundingClientRect();
          return [comma.left - last.right, comma.bottom - last.bottom];
        }""")
        assert all(abs(away) < 15 for away in mark)  # what ends it is not alone in a line
        page.set_viewport_size(pages.DESKTOP)
        page.wait_for_function("!document.querySelector('span.math.broken')")
        assert page.evaluate(WIDER) == []
        assert faults == []


@pytest.mark.browser
def test_formulas_fit_when_the_contents_have_come_beside_the_text(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.set_viewport_size(TABLET)
        page.goto(f"{HTML.as_uri()}/chapters/variants.html")
        page.evaluate(SET)
        before = page.evaluate("document.querySelector('article').clientWidth")
        page.set_viewport_size(pages.DESKTOP)
        page.wait_for_timeout(1500)
        page.evaluate(SET)
        assert page.evaluate("document.querySelector('article').clientWidth") < before
        assert page.evaluate(WIDER) == []
        assert faults == []


@pytest.mark.browser
@pytest.mark.parametrize("page_name", CHAPTERS)
def test_the_table_of_wrong_forms_shares_its_width(browser, page_name):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.goto(f"{HTML.as_uri()}/{page_name}")
        for table in page.locator('section[id^="what-goes-wrong"] table').all():
            shares, hidden = table.evaluate(COLUMNS)
            assert min(shares) > 0.15
            assert hidden <= 0


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page_name", "section", "said"),
    [
        ("chapters/variants.html", "one-family", "in place of the dropped: "),
        ("chapters/systems.html", "a-graph-of-torch-export", "recorded in training: "),
    ],
)
def test_the_rows_of_a_wide_table_are_blocks_that_name_their_columns(
    browser, page_name, section, said
):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.set_viewport_size(pages.PHONE)
        page.goto(f"{HTML.as_uri()}/{page_name}")
        table = page.locator(f'section[id^="{section}"] table')
        assert table.evaluate("e => e.parentElement.scrollWidth - e.parentElement.clientWidth") <= 0
        heads = table.locator("thead th").evaluate_all(
            "all => all.map((e) => e.textContent.trim())"
        )
        cell = table.locator("tbody tr").first.locator("td").nth(2).locator("p")
        assert cell.evaluate("e => getComputedStyle(e, '::before').content") == f'"{said}"'
        assert said.strip(": ") == heads[2]
