"""`make figures`: each figure as SVG, with its words, the same bytes each time."""

import nbformat
import small_book

from book.scripts import build_figures, build_notebooks
from book.scripts.notebooks import names, notebook_path


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


def test_captions_are_read_without_the_book():
    root = build_figures.ROOT
    caption = "Of {numref}`fig-a`, at the limit\nof {prf:ref}`thm-variance-does-not-shrink`."
    assert build_figures.spoken(caption, root) == (
        "Of fig-a.svg, at the limit of the theorem "
        "“The variance of dropout converges with the weights”."
    )
    for name in names():
        notebook = nbformat.read(notebook_path(name), as_version=4)
        captions = [caption for _, caption, _, _ in build_figures.drawn(notebook)]
        assert not any("}`" in build_figures.spoken(one, root) for one in captions)
