"""The gallery of mistakes: each card asks, answers, says how it is caught, and has a link."""

import re

import pages
import pytest

from book.scripts.build_book import ROOT

browser = pages.browser
SOURCE = (ROOT / "manuscript" / "mistakes.md").read_text(encoding="utf-8")
PAGE = ROOT / "_build" / "html" / "chapters" / "mistakes.html"
CARDS = dict(re.findall(r"^\((mistake-[\w-]+)\)=\n(.*?)(?=^\([\w-]+\)=|^## )", SOURCE, re.M | re.S))


def test_the_chapter_counts_its_cards():
    assert len(CARDS) == 42
    assert "judge forty-two statements" in SOURCE


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_asks_and_answers(card):
    guess = re.search(
        r"^:::\{admonition\} True or false\?\n:class: guess\n(.*?)^:::$", card, re.M | re.S
    )
    choices = re.findall(r"^- (.*)$", guess[1], re.M)
    assert len(choices) >= 2
    assert sum(choice.endswith("]{.right}") for choice in choices) == 1
    assert not re.search(r"^\*(Right|Caught by)", card[: guess.end()], re.M)
    for part in (r"\*Right\.\*", r"\*Caught by\*"):
        assert len(re.findall(rf"^{part} ", card, re.M)) == 1


def test_the_right_choice_is_not_always_the_same():
    """Who always answers "false" is often wrong, or else a guess would teach nothing."""
    right = [re.search(r"^- \[(.*)\]\{\.right\}$", card, re.M)[1] for card in CARDS.values()]
    assert right.count("false") < len(right) / 2
    assert "true" in right


@pytest.fixture
def gallery(browser):
    with pages.watched(browser, "file://") as (page, faults):
        page.goto(PAGE.as_uri())
        yield page
        assert faults == []


@pytest.mark.browser
def test_the_overview_leads_to_every_card_by_its_label(gallery):
    links = gallery.locator(".mistake-overview li > p:first-child a").all()
    assert [link.get_attribute("href") for link in links] == [f"#{name}" for name in CARDS]
    for name in CARDS:
        card = gallery.locator(f"section.mistake#{name}")
        assert card.locator(".headerlink").first.get_attribute("href") == f"#{name}"
        assert re.match(r"\d+\.\d+\.\d+", card.locator(".section-number").inner_text())


@pytest.mark.browser
def test_an_answer_is_hidden_until_a_guess_is_made_by_keyboard(gallery):
    answers = gallery.locator("section.mistake > details.answer")
    assert answers.count() == len(CARDS)
    assert gallery.locator("details.answer[open]").count() == 0
    for name in CARDS:
        card = gallery.locator(f"section.mistake#{name}")
        card.locator("li button").last.press("Enter")
        assert card.locator("details.answer[open]").count() == 1
        assert card.locator("li.correct .right").count() == 1
        assert card.get_by_text("Right.", exact=True).is_visible()


@pytest.mark.browser
def test_a_link_into_an_answer_opens_it(gallery):
    gallery.goto(f"{PAGE.as_uri()}#thm-average-std")
    gallery.locator("#thm-average-std").wait_for()
    assert gallery.locator("details.answer[open]").count() == 1


@pytest.mark.browser
def test_without_scripts_all_answers_show(browser):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(PAGE.as_uri())
        assert page.locator("details.answer[open]").count() == len(CARDS)
        assert page.locator("section.mistake .choices").count() == 0


@pytest.mark.browser
def test_a_figure_in_an_answer_fills_it_once_it_is_opened(gallery):
    card = gallery.locator("section.mistake#mistake-dropout2d")
    card.locator("summary", has_text="Answer").first.press("Enter")
    picture = card.locator(".interactive svg[aria-label]")
    picture.wait_for()
    gallery.wait_for_function(
        "() => document.querySelector('#mistake-dropout2d .picture svg').clientWidth > 400"
    )
