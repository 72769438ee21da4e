"""Where a figure of several panels is parted, and that its rows show all that stands in it."""

import io
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pages
import pytest
from bs4 import BeautifulSoup

from book.extensions import figures, panels
from book.plotting import DARK_GROUND, use_book_style
from book.scripts.figures import compact

browser = pages.browser


def drawn(columns=2, draw=lambda axes: None, **options):
    with mpl.rc_context():
        use_book_style()
        figure, axes = plt.subplots(1, columns, squeeze=False, **options)
        for one in axes.flat:
            one.plot([0, 1], [1000, 2000], label="a line")
            one.set(ylabel="height", xlabel="width")
        draw(axes[0])
        file = io.BytesIO()
        figure.savefig(file, format="svg", bbox_inches="tight")
        plt.close(figure)
    return compact(file.getvalue().decode())


def cross(axes):
    axes[0].set_title("a title that goes on over the panel beside it " * 2)


def connect(axes):
    axes[0].annotate("", (0.5, 0.5), (1.9, 0.5), "axes fraction", arrowprops={"arrowstyle": "-"})


def bare(axes):
    for one in axes[1:]:
        one.tick_params(labelleft=False)
        one.set_ylabel("")


def pictures(axes):
    for one in axes:
        one.set(xticks=[], yticks=[], xlabel="", ylabel="")


def scale_of_colours(axes):
    axes[-1].figure.colorbar(axes[-1].scatter([0, 1], [0, 1], c=[0, 1]), label="how much")


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_panels_are_parted_between_them(columns):
    width = 3.6 * 72
    rows = panels.rows(drawn(columns, figsize=(3.6 * columns, 3)))
    ((first, end, _), *others) = [strip for row in rows for strip in row]
    assert (first, len(rows), len(others)) == (0, columns, columns - 1)
    for number, (low, high, _) in enumerate(others, start=1):
        assert low == end
        assert low / width == pytest.approx(number, abs=0.1)
        end = high
    assert end == pytest.approx(columns * width, rel=0.05)


def test_a_panel_without_numbers_has_those_of_the_panel_beside_it():
    whole, shared = panels.rows(drawn(3)), panels.rows(drawn(3, bare))
    assert [len(row) for row in whole] == [1, 1, 1]
    assert [len(row) for row in shared] == [1, 2, 2]
    names = shared[1][0]
    assert shared[2][0] == names
    assert names[0] == 0
    assert 30 < names[1] < 70  # numbers of four digits and the name beside them


def test_a_picture_without_an_axis_has_no_numbers_of_another_panel():
    svg = drawn(2, lambda axes: axes[1].set(xticks=[], yticks=[], xlabel="", ylabel=""))
    assert [len(row) for row in panels.rows(svg)] == [1, 1]


def test_small_panels_stand_beside_each_other():
    rows = panels.rows(drawn(5, pictures, figsize=(7.2, 3)))
    assert [len(row) for row in rows] == [3, 2]
    assert max(row[-1][1] - row[0][0] for row in rows) <= panels.ROW


def test_a_scale_of_colours_stays_beside_its_panel():
    svg = drawn(2, scale_of_colours)
    assert len(panels.rows(svg)) == 2
    assert panels.rows(svg)[0][0][1] == pytest.approx(panels.rows(svg)[1][0][0])
    assert panels.rows(drawn(1, scale_of_colours)) is None


@pytest.mark.parametrize(
    "svg",
    [
        drawn(1),
        drawn(2, cross),
        drawn(2, connect),
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 500 100'><path/></svg>",
    ],
    ids=["one panel", "a long title", "a line from one to the other", "a drawing"],
)
def test_what_belongs_together_is_not_parted(svg):
    assert panels.rows(svg) is None


def corner(axes):
    bare(axes)
    for one in axes:
        one.set(xlim=(0, 1), ylim=(1000, 2000))


def test_a_copy_of_numbers_ends_between_those_of_both_axes():
    svg = drawn(3, corner)
    root = ElementTree.fromstring(svg)
    named = {tag.get("id"): tag for tag in root.iter() if tag.get("id")}
    _, *rows = panels.rows(svg)
    for (left, right, foot), _ in rows:
        texts = [
            [next(panels._extents(tag, np.eye(3), named, axis)) for axis in (0, 1)]
            for tag in root
            if panels._is_text(tag)
        ]
        inside = [down for across, down in texts if left < across[1] and across[0] < right]
        below = [(top, bottom) for top, bottom in inside if bottom > foot]
        assert 0 < len(below) < len(inside)  # the lower axis begins with a number in the corner
        assert min(top for top, _ in below) >= foot


@pytest.mark.browser
def test_halves_show_what_the_whole_shows(browser):
    svg = drawn()
    rows = panels.rows(svg)
    ((_, at, _),), ((low, _, _),) = rows
    assert low == at
    width, height = (float(side) for side in panels.SIZE.search(svg).groups())
    tall = panels.stacked(svg, rows)
    broad, high = (float(side) for side in panels.SIZE.search(tall).groups())
    assert (broad, high) == pytest.approx((max(at, width - at), 2 * height), rel=1e-4)
    with pages.watched(browser, "about:") as (page, _):
        page.set_viewport_size({"width": 1200, "height": 900})

        def dark_pixels(picture, left, top, right, bottom):
            page.set_content(f"<body style='margin:0'>{picture}")
            return page.evaluate(
                """async ([left, top, right, bottom]) => {
                  const svg = document.querySelector("svg");
                  const image = new Image();
                  image.src = URL.createObjectURL(new Blob(
                    [new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" }));
                  await image.decode();
                  const canvas = new OffscreenCanvas(image.width, image.height);
                  const brush = canvas.getContext("2d");
                  brush.drawImage(image, 0, 0);
                  const scale = 96 / 72;
                  const box = [left, top, right - left, bottom - top].map((v) => v * scale);
                  const { data } = brush.getImageData(...box);
                  let sum = 0;
                  for (let i = 0; i < data.length; i += 4) sum += 255 - data[i + 1];
                  return sum;
                }""",
                [left, top, right, bottom],
            )

        whole = dark_pixels(svg, 0, 0, at, height), dark_pixels(svg, at, 0, width, height)
        parts = (
            dark_pixels(tall, 0, 0, at, height),
            dark_pixels(tall, 0, height, width - at, 2 * height),
        )
    assert parts == pytest.approx(whole, rel=0.02)
    assert min(whole) > 0


@pytest.mark.parametrize("columns", [1, 2])
def test_a_page_names_a_picture_for_each_theme_and_for_phones_where_it_is_parted(tmp_path, columns):
    (tmp_path / "_images").mkdir()
    svg = drawn(columns)
    (tmp_path / "_images" / "ab.svg").write_text(svg, encoding="utf-8")
    html = '<figure><img alt="Two lines rise." src="../_images/ab.svg" /></figure>'
    page = BeautifulSoup(figures.themed(html, tmp_path), "html.parser")
    light, dark = page.select("a.enlarge[href='../_images/ab.svg'] img[alt='Two lines rise.']")
    assert (light["src"], light["class"]) == ("../_images/ab.svg", ["only-light"])
    assert (dark["src"], dark["class"]) == ("../_images/ab-dark.svg", ["only-dark"])
    narrow = [tag["srcset"] for tag in page.select("picture > source:has(+ img)")]
    assert (
        narrow == ["../_images/ab-narrow.svg", "../_images/ab-dark-narrow.svg"][: 2 * (columns > 1)]
    )
    files = {tag.get("src") or tag.get("srcset") for tag in page.select("img, source")}
    for name in files:
        picture = (tmp_path / "_images" / name.rpartition("/")[2]).read_text(encoding="utf-8")
        assert (DARK_GROUND in picture) == ("dark" in name)
    assert (tmp_path / "_images" / "ab.svg").read_text(encoding="utf-8") == svg
    for tag in page.select("img, source"):
        picture = (tmp_path / "_images" / (tag.get("src") or tag["srcset"])[11:]).read_text("utf-8")
        width, height = (float(side) for side in panels.SIZE.search(picture).groups())
        assert int(tag["width"]) == pytest.approx(figures.SCALE * width, abs=1)
        assert int(tag["height"]) == pytest.approx(figures.SCALE * height, abs=1)
