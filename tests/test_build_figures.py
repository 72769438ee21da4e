"""`make figures`: each figure as SVG, with its words, the same bytes each time."""

import small_book

from book.scripts import build_figures, build_notebooks


def test_figures_are_drawn_with_caption_text_and_licence_the_same_each_time(tmp_path):
    root = small_book.plant(tmp_path)
    assert build_notebooks.main([], root) == 0
    found = build_figures.write("tiny", tmp_path / "one", root)
    assert found == [("fig-tiny", "A line of random points.")]
    assert build_notebooks.main(["--force"], root) == 0
    build_figures.write("tiny", tmp_path / "other", root)
    svg = (tmp_path / "one" / "fig-tiny.svg").read_bytes()
    assert svg == (tmp_path / "other" / "fig-tiny.svg").read_bytes()
    text = svg.decode("utf-8")
    assert "<title>A line that joins five random points.</title>" in text
    assert f"A line of random points. {build_figures.LICENCE}</desc>" in text
    assert "<text" not in text  # letters are paths
    assert "date" not in text
