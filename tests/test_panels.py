"""Where a figure with two panels is parted, and that each half shows all that stands in it."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
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


@pytest.mark.parametrize("columns", [2, 4])
def test_two_panels_are_parted_between_them(columns):
    svg = drawn(columns, figsize=(3.6 * columns, 3))
    assert 0.4 < panels.parting(svg) / (3.6 * columns * 72) < 0.6


@pytest.mark.parametrize(
    "svg",
    [
        drawn(1),
        drawn(3),  # no middle
        drawn(2, cross),
        drawn(2, connect),
        drawn(2, lambda axes: axes[1].tick_params(labelleft=False) or axes[1].set_ylabel("")),
    ],
    ids=["one panel", "three", "a long title", "a line from one to the other", "no numbers"],
)
def test_what_belongs_together_is_not_parted(svg):
    assert panels.parting(svg) is None


@pytest.mark.browser
def test_halves_show_what_the_whole_shows(browser):
    svg = drawn()
    at = panels.parting(svg)
    width, height = (float(side) for side in panels.SIZE.search(svg).groups())
    tall = panels.stacked(svg, at)
    halves = f"{tall[: tall.index('<svg', 1)]}"
    assert f'viewBox="0 0 {max(at, width - at):g} {2 * height:g}"' in halves
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
