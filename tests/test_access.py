"""Every built page for every reader: axe-core's rules, weight, first paint, nothing that jumps."""

from pathlib import Path

import axe_playwright_python
import pages
import pytest
from bs4 import BeautifulSoup
from test_book import HTML, PAGES

browser = pages.browser
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
every_page = pytest.mark.parametrize("page_name", PAGES)
GRAVE = ("serious", "critical")
HEAVIEST = 1_500_000  # bytes of a page and its pictures, without what all pages share
FIRST_PAINT = 1.0  # seconds on an idle machine, from disk
MOST_ELEMENTS = 12_000  # of a page as it is opened, and while it is read to its end
SHIFT = 0.05  # of the layout while a page loads; browsers call 0.1 good
SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.value)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 200);
})"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


RUN = """(rules) => axe.run(
  // MathJax makes thousands of elements that are alike, and hidden from screen readers.
  { include: [["html"]], exclude: [["mjx-container"]] },
  { resultTypes: ["violations"], ...rules },
)"""
CONTRAST = ["color-contrast"]
WITHOUT_CONTRAST = {"rules": {"color-contrast": {"enabled": False}}}


def violations(page, theme, rules=None):
    """Violations of axe-core's rules that keep somebody from reading, as sentences."""
    page.evaluate("theme => (document.documentElement.dataset.theme = theme)", theme)
    found = page.evaluate(RUN, rules or {})["violations"]
    return [
        f"{theme}: {violation['id']}: {node['html'][:120]}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def opened(page, url):
    page.set_viewport_size(pages.DESKTOP)
    page.goto(url)
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.add_style_tag(content="* { animation: none !important; transition: none !important; }")
    page.evaluate(AXE)


@every_page
@pytest.mark.browser
def test_page_keeps_nobody_out(browser, page_name):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        opened(page, f"{HTML.as_uri()}/{page_name}")
        # Folded and unfolded: what is hidden is not examined. A theme changes colours only.
        faults = violations(page, "light", WITHOUT_CONTRAST)
        page.evaluate(pages.CHECKS)
        page.evaluate("checks.content()")
        faults += violations(page, "light")
        faults += violations(page, "dark", {"runOnly": CONTRAST})
        assert faults == []


@pytest.mark.browser
def test_a_barrier_is_found(browser, tmp_path):
    (tmp_path / "page.html").write_text(
        '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>'
        '<div role="list"><a href="#x">no item</a></div><p style="color: #bbb">pale</p>'
        "<button></button></main>",
        encoding="utf-8",
    )
    with pages.watched(browser, "file://") as (page, _):
        opened(page, (tmp_path / "page.html").as_uri())
        found = " ".join(violations(page, "light"))
    for rule in ("aria-required-children", "button-name", "color-contrast"):
        assert rule in found


@pytest.mark.browser
def test_buttons_show_the_focus_and_say_what_they_open(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.goto(f"{HTML.as_uri()}/chapters/noise.html")
        page.keyboard.press("Tab")  # what is focused from now on is so by keyboard
        buttons = page.locator(".bd-header-article button:visible").all()
        for button in buttons:
            button.focus()
            ring = button.evaluate("e => getComputedStyle(e).outlineStyle")
            assert ring == "solid", button.get_attribute("aria-label")
        folded = page.locator("button.toggle-button").all()
        names = {button.get_attribute("aria-label") for button in folded}
        solutions = page.locator(".solution .admonition-title").count()
        assert len(names) == solutions + 1
        assert {"Hint", "Solution to Exercise 3.1 (Copies of an input)"} <= names
        assert len(buttons) >= 4 <= solutions


@every_page
def test_page_is_light(page_name):
    path = HTML / page_name
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    pictures = soup.select("img:not(.only-dark)")  # of two, one is loaded
    files = {(path.parent / picture["src"]).resolve() for picture in pictures}
    assert path.stat().st_size + sum(file.stat().st_size for file in files) < HEAVIEST


@every_page
@pytest.mark.browser
def test_page_is_painted_soon_and_does_not_jump(browser, page_name):
    def painted(page):
        page.evaluate("() => window.MathJax?.startup?.promise")
        assert page.evaluate(SHIFTS) < SHIFT
        return page.evaluate(PAINT)

    address = f"{HTML.as_uri()}/{page_name}"
    assert pages.soonest(browser, HTML.as_uri(), address, painted, FIRST_PAINT) < FIRST_PAINT


@pytest.mark.parametrize("page_name", [name for name in PAGES if name.startswith("chapters/")])
@pytest.mark.browser
def test_formulas_are_set_near_the_view_and_all_on_demand(browser, page_name):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto(f"{HTML.as_uri()}/{page_name}")
        page.evaluate("() => window.MathJax.startup.promise")
        page.wait_for_timeout(500)
        assert page.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS
        page.evaluate("() => window.bookFormulas.all()")
        assert page.locator("article .math:not(:has(mjx-container))").count() == 0
        assert page.locator("mjx-container[tabindex='0']").count() == 0
        assert faults == []


@pytest.mark.parametrize("page_name", ["backmatter/ledger.html", "chapters/noise.html"])
@pytest.mark.browser
def test_formulas_far_from_the_view_are_let_go(browser, page_name):
    """The two pages with the most formulas, read from the beginning to the end and back."""
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto(f"{HTML.as_uri()}/{page_name}")
        page.evaluate("() => window.MathJax.startup.promise")
        first = page.locator("article .math").first
        first.scroll_into_view_if_needed()
        first.locator("mjx-container").wait_for()
        seen = 0
        while page.evaluate("scrollY + innerHeight < document.documentElement.scrollHeight - 2"):
            page.evaluate("scrollBy(0, 0.9 * innerHeight)")
            page.wait_for_timeout(150)
            seen = max(seen, page.evaluate("document.querySelectorAll('*').length"))
        assert seen < MOST_ELEMENTS
        assert first.locator("mjx-container").count() == 0
        first.scroll_into_view_if_needed()
        first.locator("mjx-container").wait_for()
        page.evaluate("() => window.bookFormulas.all()")
        assert page.locator("article .math:not(:has(mjx-container))").count() == 0
        assert page.locator("mjx-merror").count() == 0  # TeX that was let go is whole
        assert faults == []


@pytest.mark.browser
def test_a_jump_is_noticed(browser, tmp_path):
    (tmp_path / "page.html").write_text(
        "<!doctype html><title>x</title><div id=top></div><p style='height: 300px'>text</p>"
        "<script>setTimeout(() => (document.getElementById('top').style.height = '300px'), 300)"
        "</script>"
    )
    with pages.watched(browser, "file://") as (page, _):
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_timeout(600)
        assert page.evaluate(SHIFTS) > SHIFT
