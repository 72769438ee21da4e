"""The colours of figures: one owner, and as well seen on a dark page as on a light one."""

import itertools
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pages
import pytest
from test_book import HTML

from book import plotting
from book.experiments import registration, report, verdicts

browser = pages.browser
STYLE = Path(plotting.__file__).with_name("book.mplstyle").read_text(encoding="utf-8")
CYCLE = [f"#{c.lower()}" for c in re.findall(r'"([0-9A-F]{6})"', STYLE)]
LINES = 3  # contrast that WCAG 2 asks for of what is not text


def luminance(colour):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    ]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def of(colour):
    """Return what becomes of a colour on a dark page."""
    return re.search(
        r"stroke:(#\w{6})", plotting.on_dark(f'<svg ><path style="stroke:{colour}"/>')
    )[1]


def test_every_colour_of_the_style_has_one_for_the_dark():
    grey = {colour for colour in plotting.COLORS.values() if len(set(plotting._parts(colour))) == 1}
    colours = {colour.lower() for colour in {*plotting.COLORS.values(), *CYCLE} - grey}
    assert colours - {"#000000"} == set(plotting.DARK)


@pytest.mark.parametrize("colour", [*CYCLE, plotting.COLORS["reference"]])
def test_lines_are_seen_in_the_dark_as_well_as_in_the_light(colour):
    found = contrast(of(colour), plotting.DARK_GROUND)
    assert found >= min(LINES, contrast(colour, "#ffffff"))


def test_colours_in_the_dark_are_told_apart():
    dark = [of(colour) for colour in CYCLE]
    for one, other in itertools.combinations(dark, 2):
        assert np.abs(np.subtract(plotting._parts(one), plotting._parts(other))).sum() > 60


@pytest.mark.browser
def test_ground_and_letters_are_those_of_the_page(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.emulate_media(color_scheme="dark")
        page.goto((HTML / "chapters" / "introduction.html").as_uri())
        seen = page.evaluate(
            """() => [getComputedStyle(document.body).backgroundColor,
                      getComputedStyle(document.querySelector("article p")).color]"""
        )
    assert seen == [
        f"rgb({', '.join(map(str, plotting._parts(colour)))})"
        for colour in (plotting.DARK_GROUND, plotting.DARK_TEXT)
    ]


def test_white_and_black_become_ground_and_letters_and_grey_stays_between():
    assert of("#ffffff") == plotting.DARK_GROUND
    assert of("#000000") == plotting.DARK_TEXT
    ground, grid, grey, text = map(luminance, map(of, ("#ffffff", "#e6e6e6", "#666666", "#000000")))
    assert ground < grid < grey < text


def test_scales_names_and_what_is_no_colour_stay():
    svg = '<svg ><use href="#abcdef-1"/><path style="fill:#440154;stroke:none"/></svg>'
    changed = plotting.on_dark(svg)
    assert '"#abcdef-1"' in changed
    assert "fill:#440154" in changed
    assert f'<svg fill="{plotting.DARK_TEXT}" ' in changed


def test_dots_of_an_image_are_changed_and_scales_stay():
    kept, scale = [0, 114, 178, 90], [68, 1, 84, 255]
    pixels = np.array([[kept, [1, 112, 180, 255], scale]], np.uint8)
    changed = plotting.pixels_on_dark(pixels)
    dark = plotting._parts(plotting.DARK[plotting.COLORS["kept"].lower()])
    assert changed.tolist() == [[[*dark, 90], [*dark, 255], scale]]
    assert pixels[0, 0].tolist() == kept


def test_panels_show_the_registered_contrasts_of_their_measure(capsys):
    """Points and intervals are those that are judged, in the order of the registration."""
    report.three_panels("Q3", {"zoneout": "Z", "again": "control"}, Q4={"dropout": "D"})
    figure = plt.gcf()
    asked = {("Q3", "zoneout"), ("Q3", "again"), ("Q4", "dropout")}
    judged = [
        row
        for id in ("Q3", "Q4")
        for row in registration.judge(id)
        if (id, row.contrast.question) in asked
    ]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["Z", "control", "D"]
    for axes, (measure, scale) in zip(
        figure.axes, (("error", 100), ("nll", 1), ("scaled", 1)), strict=True
    ):
        wanted = [row for row in judged if row.contrast.better[1] == f"{measure}_best"]
        lines = axes.lines[1:]  # behind the line at zero
        for row, interval, middle in zip(wanted, lines[::2], lines[1::2], strict=True):
            assert list(interval.get_xdata()) == [scale * end for end in row.interval]
            assert list(middle.get_xdata()) == [scale * row.estimate]
    plt.close(figure)
    words = [row.word for row in judged]
    counts = {word: words.count(word) for word in verdicts.WORDS}
    assert capsys.readouterr().out == f"{counts}\n"
