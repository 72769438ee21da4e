"""What helps a reader of the built pages: figures that open, cards and tooltips, links back."""

import pages
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont

from book.extensions import backlinks, icons
from book.scripts import build_book

browser = pages.browser
HTML = build_book.ROOT / "_build" / "html"


def opened(page, name):
    page.goto((HTML / name).as_uri())


@pytest.mark.browser
@pytest.mark.parametrize("way", ["Escape", "tap"])
def test_a_figure_opens_large_enough_to_be_read_on_a_phone(browser, way):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.set_viewport_size(pages.PHONE)
        opened(page, "chapters/evidence.html")
        link = page.locator("article a.enlarge").first
        link.scroll_into_view_if_needed()  # what lies below the first view is loaded then
        link.locator("img:visible").evaluate("e => e.decode()")
        box = link.locator("img:visible").bounding_box()
        shape = link.locator("img:visible").evaluate("e => e.naturalWidth / e.naturalHeight")
        assert box["width"] <= pages.PHONE["width"]
        assert box["width"] / box["height"] == pytest.approx(shape, rel=0.02)
        link.click()
        picture = page.locator("dialog.enlarged img:visible")
        assert picture.bounding_box()["width"] >= 700
        assert picture.get_attribute("alt")
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            picture.click(position={"x": 90, "y": 90})
        assert page.locator("dialog").filter(has=page.locator("img")).count() == 0
        assert faults == []


def test_each_figure_of_a_chapter_leads_to_itself_and_has_its_size():
    for path in (HTML / "chapters").glob("*.html"):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for link in soup.select("article a.enlarge"):
            light, dark = link.select("img")
            assert link["href"] == light["src"] == dark["src"].replace("-dark.svg", ".svg")
            assert light["alt"] == dark["alt"]
            assert [light["class"], dark["class"]] == [["only-light"], ["only-dark"]]
            for picture in (light, dark):
                assert int(picture["width"]) > int(picture["height"]) / 3
        assert len(soup.select('article img[src*="_images/"]')) == 2 * len(
            soup.select("article a.enlarge")
        )


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_panels_stand_below_each_other_on_a_phone(browser, theme):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.set_viewport_size(pages.PHONE)
        page.emulate_media(color_scheme=theme)
        opened(page, "chapters/noise.html")
        picture = page.locator("article a.enlarge picture img:visible").first
        picture.scroll_into_view_if_needed()
        picture.evaluate("(e) => e.decode()")
        assert "-narrow.svg" in picture.evaluate("e => e.currentSrc")
        box = picture.bounding_box()
        assert box["height"] > box["width"]
        assert box["width"] <= pages.PHONE["width"]
        shape = picture.evaluate("e => e.naturalWidth / e.naturalHeight")
        assert box["width"] / box["height"] == pytest.approx(shape, rel=0.02)
        hint = picture.evaluate("e => getComputedStyle(e.closest('a'), '::after').content")
        assert "side by side" in hint
        picture.click()
        enlarged = page.locator("dialog.enlarged img:visible")
        assert "-narrow" not in enlarged.evaluate("e => e.currentSrc")
        assert faults == []


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_is_loaded_in_the_theme_that_is_shown(browser, theme):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        asked = set()
        page.on("request", lambda request: asked.add(request.url))
        page.emulate_media(color_scheme=theme)
        opened(page, "chapters/variants.html")
        links = page.locator("article a.enlarge")
        assert links.count() > 1
        for number in range(links.count()):
            links.nth(number).scroll_into_view_if_needed()
            picture = links.nth(number).locator("img:visible")
            picture.evaluate("(e) => e.decode()")
            assert picture.get_attribute("class") == f"only-{theme}"
        page.wait_for_load_state("networkidle")
        dark = {url.endswith("-dark.svg") for url in asked if "/_images/" in url}
        assert dark == {theme == "dark"}
        assert faults == []


@pytest.mark.browser
def test_paper_shows_the_light_page_and_the_reader_finds_the_dark_one_again(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.emulate_media(color_scheme="dark")
        opened(page, "chapters/noise.html")
        page.evaluate("""() => addEventListener("beforeprint", () => {
          const link = document.querySelector("a.enlarge");
          window.onPaper = [...link.querySelectorAll("img")].map((one) => one.checkVisibility());
        })""")
        page.pdf()
        light = page.locator("a.enlarge img.only-light").first
        assert light.evaluate("one => one.naturalWidth") > 0  # loaded, though never seen
        assert page.evaluate("onPaper") == [True, False]  # the light one alone
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert faults == []


@pytest.mark.browser
def test_the_link_in_the_title_of_a_folded_box_opens_and_closes_nothing(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        opened(page, "chapters/noise.html")
        boxes = page.locator("div.solution.toggle")
        hidden = """boxes => boxes.map((box) => box.classList.contains("toggle-hidden"))"""
        # By the keyboard: what still loads may move a place between a pointer's aim and its click.
        boxes.nth(0).locator("button.toggle-button").press("Enter")
        before = boxes.evaluate_all(hidden)
        boxes.nth(1).locator(".admonition-title a").press("Enter")
        page.wait_for_url("**/noise.html#ex-*")
        assert boxes.evaluate_all(hidden) == before == [False] + [True] * (len(before) - 1)
        assert faults == []


@pytest.mark.browser
def test_end_leads_to_the_end_of_a_page_of_formulas(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        opened(page, "chapters/noise.html")
        page.wait_for_timeout(500)
        page.keyboard.press("End")
        page.wait_for_timeout(3000)
        rest = "document.documentElement.scrollHeight - innerHeight - scrollY"
        assert page.evaluate(rest) <= 1


@pytest.mark.browser
def test_a_formula_wider_than_a_phone_is_broken_and_whole_again_on_a_wide_page(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.set_viewport_size(pages.PHONE)
        opened(page, "chapters/noise.html")
        formula = page.locator("#thm-noise-moments div.math")
        formula.scroll_into_view_if_needed()
        formula.locator("mjx-mtr").first.wait_for()  # MathJax's row of a table
        assert formula.locator("mjx-mtr").count() == 4  # four moments, a wide space between two
        box = formula.locator("mjx-container")
        assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 2
        assert formula.get_attribute("tabindex") is None
        page.set_viewport_size(pages.DESKTOP)
        formula.locator("mjx-container:not(:has(mjx-mtr))").wait_for()
        assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 2
        assert faults == []


@pytest.mark.browser
def test_preview_stays_inside_the_window(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.set_viewport_size({"width": 1000, "height": 420})
        opened(page, "interactive/playground.html")
        link = page.locator('article a[href$="#thm-conventions-agree"]').first
        link.scroll_into_view_if_needed()
        link.focus()
        page.get_by_role("tooltip").wait_for()
        page.wait_for_timeout(500)
        box = page.get_by_role("tooltip").bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 420


@pytest.mark.browser
def test_escape_closes_a_tooltip_of_the_theme(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        opened(page, "chapters/noise.html")
        page.locator(".theme-switch-button:visible").first.hover()
        page.locator(".tooltip.show").wait_for()
        page.keyboard.press("Escape")
        assert page.locator(".tooltip.show").count() == 0


@pytest.mark.browser
def test_a_tooltip_goes_when_the_pointer_leaves_a_button_that_was_pressed(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        opened(page, "chapters/noise.html")
        button = page.locator(".btn-fullscreen-button:visible").first
        button.hover()
        page.locator(".tooltip.show").wait_for()
        button.click()
        page.wait_for_timeout(300)
        page.mouse.move(600, 600)
        page.wait_for_timeout(700)
        assert page.locator(".tooltip.show").count() == 0


@pytest.mark.browser
def test_a_page_without_formulas_prints_without_an_error(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        opened(page, "backmatter/bibliography.html")
        page.evaluate("window.bookFormulas.all()")
        assert faults == []


def test_terms_and_sources_lead_back_to_where_they_are_used():
    glossary = BeautifulSoup((HTML / backlinks.GLOSSARY).read_text("utf-8"), "html.parser")
    sources = BeautifulSoup((HTML / backlinks.SOURCES).read_text("utf-8"), "html.parser")
    for soup, anchor in ((glossary, "term-inverted-dropout"), (sources, "cite-wager2013dropout")):
        entry = soup.find(id=anchor)
        entry = entry.find_next_sibling("dd") if anchor.startswith("term") else entry
        found = [link["href"] for link in entry.select(".used-in a")]
        assert found, anchor
        for href in found:
            page, _, place = href.removeprefix("../").partition("#")
            chapter = BeautifulSoup((HTML / page).read_text("utf-8"), "html.parser")
            assert chapter.find(id=place).select_one(f'a[href$="#{anchor}"]'), href
    letters = [link.get_text() for link in glossary.select(".letters a")]
    assert letters == sorted(set(letters))
    assert "$" not in sources.select_one("article").get_text()


def test_the_icons_of_boxes_are_in_the_font_that_is_left():
    named = set(icons.VARIABLE.findall((HTML / icons.STYLE).read_text("utf-8")))
    assert len(named) > 5
    assert {ord(sign) for sign in named} & set(TTFont(HTML / icons.FONT).getBestCmap()) >= {
        0xF05A,  # a note
        0xF0EB,  # a question to guess at
        0xF0F3,  # any other box
    }
