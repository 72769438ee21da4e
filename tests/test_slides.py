"""`make slides`: a slide for every section, all of it on the screen, and nothing from elsewhere."""

import re

import pages
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book.scripts import build_slides

ROOT = build_slides.ROOT
SCREEN = {"width": 1280, "height": 720}
browser = pages.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("slides")


@pytest.fixture(scope="module")
def titles(folder):
    return build_slides.build(target=folder)


def letters(text):
    """What is left of a title however its formulas and quotes are set."""
    return re.sub(r"[^a-z]", "", re.sub(r"\\\w+|\{\w+\}", "", text.lower()))


@pytest.mark.parametrize("name", build_slides.DECKS)
def test_every_section_has_a_slide_in_its_order(titles, name):
    text = (ROOT / "manuscript" / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)  # no remarks of code
    stated = re.findall(r"^##? (.+)$", text, re.MULTILINE)
    stated = [letters(title) for title in stated if title not in build_slides.LEFT_OUT]
    assert list(dict.fromkeys(map(letters, titles[name]))) == stated


@pytest.mark.parametrize("name", build_slides.DECKS)
def test_slides_hold_every_statement_and_no_code(titles, folder, name):
    deck = BeautifulSoup((folder / f"{name}.html").read_text("utf-8"), "html.parser")
    text = (ROOT / "manuscript" / f"{name}.md").read_text(encoding="utf-8")
    stated = re.findall(r"^:{3,}\{prf:(?!proof)\w+\}[^\n]*\n:label: (\S+)$", text, re.MULTILINE)
    assert [box["id"] for box in deck.select(".proof.admonition")] == stated
    assert not deck.select(".slide :is(pre, .cell, .answer-field)")
    assert all(section.get_text().strip() for section in deck.select(".slide"))
    named = [tag.get("src") or tag.get("srcset") for tag in deck.select("figure :is(img, source)")]
    assert [name for name in named if not (folder / name).is_file()] == []
    leading_out = "[src^='..'], [href^='..'], [srcset], [data-src^='..']"
    assert not deck.select(leading_out), "the folder could not be carried away"
    count = len(titles[name])
    numbers = [section["data-number"] for section in deck.select(".slide")]
    assert numbers == [f"{number} / {count}" for number in range(1, count + 1)]


def test_the_folder_lists_its_decks_also_those_of_another_run(tmp_path):
    for name in ("practice", "ensemble"):
        text = f"<title>About {name}</title><p class=slide></p><p class=slide></p>"
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    build_slides.index(tmp_path)
    build_slides.index(tmp_path)  # which is no deck itself
    page = BeautifulSoup((tmp_path / "index.html").read_text("utf-8"), "html.parser")
    listed = [(item.a["href"], item.a.text, item.span.text) for item in page.select("li")]
    assert listed == [
        ("ensemble.html", "About ensemble", "2 slides"),
        ("practice.html", "About practice", "2 slides"),
    ]


def test_the_list_of_decks_leads_to_each_in_the_order_of_the_book(titles, folder):
    page = BeautifulSoup((folder / "index.html").read_text("utf-8"), "html.parser")
    assert [link["href"] for link in page.select("a")] == [f"{name}.html" for name in titles]
    assert [link.text for link in page.select("a")] == [found[0] for found in titles.values()]


def test_a_picture_is_the_one_that_was_drawn_as_svg_and_else_that_of_the_page(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "b.png").write_bytes(b"stored")
    (tmp_path / "fig-a.svg").write_text("<svg/>")
    figures = "".join(
        f'<figure id="fig-{name}"><img src="../_images/{name}.png"/></figure>' for name in "ab"
    )
    article = BeautifulSoup(figures, "html.parser")
    build_slides.with_pictures(article, tmp_path, tmp_path, tmp_path / "slides")
    sources = [image["src"] for image in article.select("img")]
    assert sources == ["figures/fig-a.svg", "figures/fig-b.png"]
    assert (tmp_path / "slides" / sources[1]).read_bytes() == b"stored"


def test_of_a_figure_in_two_themes_and_shapes_a_slide_has_the_light_and_wide_one(tmp_path):
    (tmp_path / "fig-a.svg").write_text("<svg/>")
    pictures = "".join(
        f'<picture><source srcset="../_images/a-{theme}-narrow.svg"/>'
        f'<img class="only-{theme}" src="../_images/a-{theme}.svg"/></picture>'
        for theme in ("light", "dark")
    )
    article = BeautifulSoup(f'<figure id="fig-a">{pictures}</figure>', "html.parser")
    article = build_slides.bare(article)
    build_slides.with_pictures(article, tmp_path, tmp_path, tmp_path / "slides")
    assert [image["src"] for image in article.select("img")] == ["figures/fig-a.svg"]
    assert "_images" not in str(article)  # of the book, which a deck leaves behind


@pytest.mark.browser
@pytest.mark.parametrize("name", build_slides.DECKS)
def test_nothing_sticks_out_of_a_slide_and_nothing_is_fetched(browser, titles, folder, name):
    with pages.watched(browser, folder.as_uri()) as (page, faults):
        page.set_viewport_size(SCREEN)
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_function("document.documentElement.dataset.fitted", timeout=60_000)
        page.wait_for_timeout(1000)  # what is drawn late is fitted again
        outside = page.evaluate(
            """() => [...document.querySelectorAll(".slide")].map((slide, i) => {
              const room = slide.getBoundingClientRect();
              const parts = [...slide.querySelectorAll("h2, p, li, img, mjx-container, svg, td")]
                .filter((one) => one.checkVisibility() && !one.closest("mjx-assistive-mml"))
                .map((one) => one.getBoundingClientRect()).filter((box) => box.width);
              return [i, Math.max(...parts.map((box) => box.right)) - room.right,
                Math.max(...parts.map((box) => box.bottom)) - room.bottom,
                room.top - Math.min(...parts.map((box) => box.top))];
            }).filter(([, ...over]) => over.some((pixels) => pixels > 0))"""
        )
        assert outside == []
        cut = page.evaluate(
            """() => [...document.querySelectorAll("div.math")].filter((one) =>
              one.querySelector("mjx-math").getBoundingClientRect().width
              > one.getBoundingClientRect().width + 2).map((one) => one.textContent)"""
        )
        assert cut == []
        assert page.locator(".slide").count() == len(titles[name])
        assert page.locator(".math:not(:has(mjx-container))").count() == 0
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => window.scrollY >= window.innerHeight - 1")
        assert faults == []


@pytest.mark.browser
def test_a_remote_turns_slides_and_a_control_keeps_its_keys(browser, titles, folder):
    with pages.watched(browser, folder.as_uri()) as (page, faults):
        page.set_viewport_size(SCREEN)
        page.goto((folder / "introduction.html").as_uri())
        page.wait_for_function("document.documentElement.dataset.fitted", timeout=60_000)
        slide = "Math.round(scrollY / innerHeight)"
        page.keyboard.press("PageDown")
        page.wait_for_function(f"{slide} === 1")
        slider = page.get_by_role("slider").first
        slider.focus()
        before = slider.input_value()
        page.keyboard.press("ArrowRight")
        assert page.evaluate(slide) == 1
        assert slider.input_value() != before
        before = slider.input_value()
        page.keyboard.press("PageDown")
        page.wait_for_function(f"{slide} === 2")
        assert slider.input_value() == before
        unit = page.get_by_role("button", name="unit 1 of hidden layer 1")
        unit.focus()
        page.keyboard.press("Space")
        assert unit.get_attribute("aria-pressed") == "true"
        assert page.evaluate(slide) == 2
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"{slide} === 3")
        assert faults == []


def lowest_line(sheet):
    """The text of a printed page that stands lowest on it, also below its edge."""
    lines = []

    def note(text, around, matrix, *_):
        if text.strip():
            lines.append((around[1] * matrix[4] + around[3] * matrix[5] + around[5], text.strip()))

    sheet.extract_text(visitor_text=note)
    return min(lines)[1]


@pytest.mark.browser
def test_a_large_screen_prints_whole_slides_and_a_page_for_each(browser, titles, folder, tmp_path):
    with pages.watched(browser, folder.as_uri()) as (page, _):
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.goto((folder / "introduction.html").as_uri())
        page.wait_for_function("document.documentElement.dataset.fitted", timeout=60_000)
        page.pdf(path=tmp_path / "deck.pdf", prefer_css_page_size=True)
    printed = PdfReader(tmp_path / "deck.pdf").pages
    assert len(printed) == len(titles["introduction"])
    for number, sheet in enumerate(printed, start=1):
        assert lowest_line(sheet).startswith(("From Dropout", f"{number} / {len(printed)}"))
