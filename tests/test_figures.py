"""What the comparison of pictures tolerates and what it does not."""

import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from book.scripts import figures


def drawn(draw, size=(5, 3), **settings):
    """Draw a figure as a chapter does; return it as base64 PNG."""
    with mpl.rc_context({"figure.dpi": 144, **settings}):
        figure, axes = plt.subplots(figsize=size)
        draw(axes)
        file = io.BytesIO()
        figure.savefig(file, format="png")
        plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def dots(axes, moved=0.0):
    heights = np.random.default_rng(0).random(200)
    heights[100] += moved
    axes.plot(heights, ".", markersize=4)


def wave(axes):
    axes.plot(np.sin(np.arange(400) / 20))


def monte_carlo(seed):
    """Draw keep rates measured on ten thousand masks each: two seeds differ by about 0.005."""

    def draw(axes):
        rates = np.linspace(0, 1, 11)
        axes.plot(rates, np.random.default_rng(seed).binomial(10_000, rates) / 10_000, "o")

    return draw


def test_same_drawing_has_distance_zero():
    assert figures.distance(drawn(dots), drawn(dots)) == 0


def test_another_rounding_of_the_same_lines_is_tolerated():
    plain, other = drawn(wave), drawn(wave, **{"path.simplify": False})
    assert 0 < figures.distance(plain, other) < figures.TOLERANCE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dots, lambda axes: dots(axes, moved=0.3)),
        (monte_carlo(1), monte_carlo(2)),
        (wave, lambda axes: axes.plot(np.sin(np.arange(400) / 20.1))),
        (lambda axes: axes.set_title("0.123"), lambda axes: axes.set_title("0.124")),
    ],
)
def test_small_change_of_what_is_shown_is_noticed(one, other):
    assert figures.distance(drawn(one), drawn(other)) > 2 * figures.TOLERANCE


def test_pictures_of_other_sizes_differ():
    assert figures.distance(drawn(wave), drawn(wave, size=(5, 3.1))) == float("inf")


def test_remarks_are_dropped_and_pixels_kept():
    png = drawn(wave)
    bare = figures.without_remarks(png)
    assert "Software" in Image.open(io.BytesIO(base64.b64decode(png))).info
    assert "Software" not in Image.open(io.BytesIO(base64.b64decode(bare))).info
    assert figures.distance(png, bare) == 0
    assert figures.without_remarks(bare) == bare


def test_other_file_is_refused():
    with pytest.raises(ValueError, match="not a PNG"):
        figures.without_remarks(base64.b64encode(b"GIF89a").decode())
