"""What is stored of a picture, and what the comparison of two tolerates and what it does not."""

import base64
import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pages
import pytest
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from PIL import Image

from book.scripts import figure_differences, figures

browser = pages.browser
LOOK = 20  # of 255, of a tile at nearly three times the size of print


def drawn(draw, size=(5, 3), format="svg", **settings):
    """Draw a figure as a chapter does; return it as text, a PNG picture in base64."""
    with mpl.rc_context({"figure.dpi": 144, **settings}):
        figure, axes = plt.subplots(figsize=size)
        draw(axes)
        file = io.BytesIO()
        figure.savefig(file, format=format)
        plt.close(figure)
    data = file.getvalue()
    return data.decode() if format == "svg" else base64.b64encode(data).decode()


def dots(axes, moved=0.0):
    heights = np.random.default_rng(0).random(200)
    heights[100] += moved
    axes.plot(heights, ".", markersize=4)


def wave(axes):
    axes.plot(np.sin(np.arange(400) / 20))


def pixels(axes, changed=False):
    image = np.random.default_rng(0).random((32, 32))
    image[20, 20] = 1 - image[20, 20] if changed else image[20, 20]
    axes.imshow(image, interpolation="nearest")


def everything(axes):
    """Bars, a band, levels, dots, letters of mathematics and along an axis, a curve, an image."""
    x = np.linspace(0, 1, 30)
    axes.fill_between(x, x, x**2, alpha=0.3)
    axes.errorbar(x, x**2, yerr=0.1, fmt="s", capsize=3, label=r"$\frac{a_i}{\sqrt{b}}$")
    axes.contour(np.add.outer(x, x**2), levels=4, extent=(0, 1, 0, 1))
    axes.scatter(x, 1 - x, c=x, s=50 * x)
    axes.annotate("here", (0.2, 0.4), (0.6, 0.9), arrowprops={"arrowstyle": "->"})
    axes.imshow([[0, 1], [1, 0]], extent=(0.7, 0.9, 0.1, 0.3))
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="y", title="a < b & c")
    axes.legend()


def outline(letters):
    """Draw a path through three or four points by so many commands, named as in SVG."""
    codes = {"M": Path.MOVETO, "L": Path.LINETO, "C": Path.CURVE4, "Z": Path.CLOSEPOLY}
    points = [(0.1, 0.1), (0.4, 0.9), (0.6, 0.9), (0.9, 0.1)]

    def draw(axes):
        path = Path(points[: len(letters)], [codes[letter] for letter in letters])
        axes.add_patch(PathPatch(path, fill=False))

    return draw


def monte_carlo(seed):
    """Draw keep rates measured on ten thousand masks each: two seeds differ by about 0.005."""

    def draw(axes):
        rates = np.linspace(0, 1, 11)
        axes.plot(rates, np.random.default_rng(seed).binomial(10_000, rates) / 10_000, "o")

    return draw


# ---- What is stored ------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [wave, dots, pixels, everything])
def test_what_is_stored_is_the_same_each_time_and_lighter(draw):
    first, second = drawn(draw), drawn(draw)
    assert first != second  # time and names differ
    stored = figures.compact(first)
    assert stored == figures.compact(second) == figures.compact(stored)
    assert len(stored) < 0.8 * len(first)
    for remark in ("metadata", "Matplotlib", "date", "<!--", "<text"):
        assert remark not in stored


def test_two_pictures_share_no_name_and_each_refers_to_its_own():
    one, other = figures.compact(drawn(everything)), figures.compact(drawn(wave))
    names = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other)]
    assert names[0].isdisjoint(names[1])
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', one)) == names[0]


@pytest.mark.browser
@pytest.mark.parametrize("draw", [wave, dots, pixels, everything])
def test_what_is_stored_looks_as_what_was_drawn(browser, draw):
    svg = drawn(draw)
    stored = figures.compact(svg)
    seen = []
    with pages.watched(browser, "about:") as (page, _):
        for text in (svg, stored, stored.replace("translate(", "translate(0.2 0.2) translate(")):
            data = base64.b64encode(text.encode()).decode()
            page.set_content(f'<img width="1000" src="data:image/svg+xml;base64,{data}">')
            page.evaluate("document.images[0].decode()")
            picture = page.locator("img").screenshot()
            seen.append(base64.b64encode(picture).decode())
    # Letters that stand elsewhere by a fifth of 1/72 inch are seen, a hundredth hardly.
    assert (
        figure_differences.pixel_distance(seen[0], seen[1])
        < LOOK
        < figure_differences.pixel_distance(seen[0], seen[2])
    )


# ---- How far two differ --------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [wave, dots, pixels, everything])
def test_same_drawing_does_not_differ(draw):
    assert figure_differences.difference(drawn(draw), drawn(draw)) is None


def test_another_rounding_of_the_same_lines_is_tolerated():
    plain, other = drawn(wave), drawn(wave, **{"path.simplify": False})
    assert figures.compact(plain) != figures.compact(other)
    assert figure_differences.difference(plain, other) is None


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        (dots, lambda axes: dots(axes, moved=0.3), "shifted"),
        (monte_carlo(1), monte_carlo(2), "shifted"),
        (wave, lambda axes: axes.plot(np.sin(np.arange(400) / 20.1)), "shifted"),
        (wave, lambda axes: axes.plot(np.sin(np.arange(400) / 20), linewidth=1.6), "styles"),
        (wave, lambda axes: axes.plot(np.sin(np.arange(400) / 20), color="C1"), "styles"),
        (wave, lambda axes: (wave(axes), axes.axhline(0)), "elements"),
        (wave, lambda axes: axes.plot(np.sin(np.arange(400) / 20), alpha=0.9), "styles"),
        (outline("MCCC"), outline("MLLL"), "kinds"),
        (outline("MLLZ"), outline("MLL"), "kinds"),
        (pixels, lambda axes: pixels(axes, changed=True), "pixels"),
        (lambda axes: axes.set_title("0.123"), lambda axes: axes.set_title("0.124"), "letters"),
    ],
)
def test_small_change_of_what_is_shown_is_noticed(one, other, how):
    assert how in figure_differences.difference(drawn(one), drawn(other))


def test_what_is_noticed_is_twice_what_is_tolerated(monkeypatch):
    monkeypatch.setattr(figure_differences, "TOLERANCE", 2 * figure_differences.TOLERANCE)
    assert figure_differences.difference(drawn(monte_carlo(1)), drawn(monte_carlo(2)))
    monkeypatch.setattr(figure_differences, "TOLERANCE", figure_differences.TOLERANCE / 4)
    assert (
        figure_differences.difference(drawn(wave), drawn(wave, **{"path.simplify": False})) is None
    )


def test_closing_a_line_that_is_back_at_its_start_draws_nothing():
    for ring, closed in (("M1 1L2 2L1 1", "M1 1L2 2L1 1Z"), ("M1 1l1 1l-1-1", "M1 1l1 1l-1-1z")):
        assert figures.path_kinds(ring) == figures.path_kinds(closed) == "MLZ"
    assert figures.path_kinds("M1 1L2 2L3 1Z") == "MLZ"
    assert figures.path_kinds("M1 1L2 2L3 1") == "ML"
    assert figures.path_kinds("M1 1M1 1L2 2L1 1M1 1L2 2L3 1") == "MMLZML"
    assert figures.path_kinds("") == ""


def test_pictures_of_other_sizes_differ():
    assert figure_differences.difference(drawn(wave), drawn(wave, size=(5, 3.1)))


def test_remarks_are_dropped_and_pixels_kept():
    png = drawn(wave, format="png")
    bare = figures.without_remarks(png)
    assert "Software" in Image.open(io.BytesIO(base64.b64decode(png))).info
    assert "Software" not in Image.open(io.BytesIO(base64.b64decode(bare))).info
    assert figure_differences.pixel_distance(png, bare) == 0
    assert figures.without_remarks(bare) == bare


def test_other_file_is_refused():
    with pytest.raises(ValueError, match="not a PNG"):
        figures.without_remarks(base64.b64encode(b"GIF89a").decode())
