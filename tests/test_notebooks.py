"""The stored notebooks are fresh and whole, and each guard notices what it is there for."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from small_book import change, copy_scripts, edit, plant

from book.scripts import build_notebooks, notebook_guards, notebooks


def test_there_are_chapters_and_the_contents_list_them():
    assert notebooks.names()
    assert notebook_guards.contents_faults() == []


@pytest.mark.parametrize("name", notebooks.names())
def test_notebook_is_fresh_and_whole(name):
    assert notebooks.stale_inputs(name) == []
    assert notebook_guards.content_faults(name) == []


def test_every_notebook_has_a_manuscript():
    assert notebooks.orphans() == []


def test_digest_is_of_the_module_beside_an_empty_folder_of_its_name(tmp_path):
    (tmp_path / "lib" / "room").mkdir(parents=True)
    assert notebooks.library_digest("lib.room", tmp_path) is None
    (tmp_path / "lib" / "room.py").write_text("1\n", encoding="utf-8")
    assert notebooks.library_digest("lib.room", tmp_path) == notebooks.sha256("1\n")


@pytest.mark.parametrize("file", ["pyproject.toml", "Makefile", ".ci/run"])
def test_nothing_is_sanitized_before_comparison(file):
    text = (notebooks.ROOT / file).read_text(encoding="utf-8")
    assert "sanitize" not in text
    assert "nbval-lax" not in text


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = plant(tmp_path_factory.mktemp("built"))
    assert build_notebooks.main([], root) == 0
    return root


@pytest.fixture
def book(built, tmp_path):
    """Return a copy of the small book, already built."""
    return shutil.copytree(built, tmp_path / "book")


def pytest_nbval(root, *options):
    """Run `pytest --nbval chapters` on the small book, under the project's own conftest."""
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(notebooks.ROOT / name, root)
    copy_scripts(root)
    command = [sys.executable, "-m", "pytest", "--nbval", "chapters", *options]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=root, capture_output=True, text=True
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadfile")])
def test_fresh_book_passes_every_guard(book, monkeypatch, options):
    assert build_notebooks.check(["tiny"], book) == []
    assert notebook_guards.contents_faults(book) == []
    monkeypatch.setenv("MPLBACKEND", "agg")  # a user's own setting, under which no figure appears
    status, output = pytest_nbval(book, *options)
    assert status == 0, output
    assert "2 passed" in output


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("manuscript/tiny.md", "rng(1)", "rng(2)", "tiny: manuscript/tiny.md has changed"),
        ("dropoutlib/tiny.py", "2", "3", "tiny: dropoutlib.tiny has changed"),
        (
            "book/experiments/results/full/R1.json",
            "1",
            "2",
            "the stored results of R1 have changed",
        ),
        ("constraints.txt", "numpy==", "numpy==9", "tiny: numpy was"),
        ("chapters/tiny.ipynb", "# Tiny", "# Huge", "text, code or metadata was changed"),
        ("chapters/tiny.ipynb", "five random", "ten random", "text, code or metadata was changed"),
        ("chapters/tiny.ipynb", "{", "<<<<<<<", "tiny: chapters/tiny.ipynb cannot be read"),
        ("chapters/tiny.ipynb", "dropoutlib_build", "b", "was not written by build_notebooks.py"),
    ],
)
def test_change_without_rebuilding_is_noticed(book, file, old, new, complaint, capsys):
    change(book / file, old, new)
    (fault,) = notebooks.stale_inputs("tiny", book)
    assert complaint in fault
    assert build_notebooks.main(["--check"], book) == 1
    assert complaint in capsys.readouterr().out


def test_local_build_counts_as_its_release(book):
    notebook = nbformat.read(notebooks.notebook_path("tiny", book), as_version=4)
    recorded = notebooks.stamp({"library": {}}, [], {"torch": "2.13.0+cpu"}, notebook)
    assert recorded["versions"] == {"torch": "2.13.0"}


def test_missing_notebook_is_noticed(book):
    notebooks.notebook_path("tiny", book).unlink()
    (fault,) = notebooks.stale_inputs("tiny", book)
    assert fault == "tiny: chapters/tiny.ipynb does not exist"


def test_orphan_is_noticed_and_kept(book):
    orphan = book / "chapters" / "gone.ipynb"
    shutil.copy(notebooks.notebook_path("tiny", book), orphan)
    assert notebooks.orphans(book) == ["chapters/gone.ipynb has no manuscript"]
    assert build_notebooks.main(["--check"], book) == 1
    assert orphan.exists()


def test_contents_that_differ_from_the_manuscripts_are_noticed(book):
    (book / "manuscript" / "tiny.md").rename(book / "manuscript" / "small.md")
    assert sorted(notebook_guards.contents_faults(book)) == [
        "_toc.yml lists chapters/tiny, without manuscript",
        "manuscript/small.md is not in _toc.yml",
    ]


def never_run(cells):
    for cell in cells:
        cell.execution_count, cell.outputs = None, []


def out_of_order(cells):
    cells[0].execution_count, cells[1].execution_count = 2, 1


@pytest.mark.parametrize("damage", [never_run, out_of_order])
def test_run_order_is_noticed(book, damage):
    edit(book, damage)
    (fault,) = notebooks.stale_inputs("tiny", book)
    assert "an output was changed after the build" in fault
    faults = notebook_guards.content_faults("tiny", book)
    assert any("from top to bottom" in fault for fault in faults)


def alter_text(cells):
    cells[0].outputs[0].text = "0.999\n"


def alter_figure(cells):
    """Move the line, which is the widest, down by a point."""
    (output,) = [output for output in cells[1].outputs if "data" in output]
    svg = output.data["image/svg+xml"]
    line = re.search(r'd="M[-\d.]+ ([-\d.]+)[^"]*" clip-path="[^"]*" style="[^"]*width:5[;"]', svg)
    lower = f"{float(line[1]) + 1:.2f}"
    output.data["image/svg+xml"] = svg.replace(line[0], line[0].replace(line[1], lower, 1))


def remove_figure(cells):
    cells[1].outputs = [output for output in cells[1].outputs if "data" not in output]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (alter_text, "Cell outputs differ"),
        (alter_figure, "figure 1 is not what the code draws"),
        (remove_figure, "Unexpected output fields"),
    ],
)
def test_altered_output_fails_nbval_and_the_stamp(book, damage, complaint):
    edit(book, damage)
    status, output = pytest_nbval(book)
    assert status == 1
    assert complaint in output
    (fault,) = notebooks.stale_inputs("tiny", book)
    assert "an output was changed after the build" in fault


def test_library_change_that_alters_an_output_fails_nbval(book):
    change(book / "dropoutlib" / "tiny.py", "2", "3")
    status, output = pytest_nbval(book)
    assert status == 1
    assert "Cell outputs differ" in output


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ({"output_type": "stream", "name": "stderr", "text": "Warning: x"}, "wrote to stderr"),
        ({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}, "it raised E"),
        ("<f at 0x7f12abcd>", "memory address"),
        ("in /home/me/x", "absolute path"),
        (r"in C:\Users\me", "absolute path"),
        ("took 12.3 ms", "wall-clock time"),
        ("it needed 1.5 s", "wall-clock time"),
    ],
)
def test_output_that_no_reader_should_meet_is_noticed(book, output, complaint):
    if isinstance(output, str):
        output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": output}}
    edit(book, lambda cells: cells[0].outputs.append(nbformat.from_dict(output)))
    assert any(complaint in fault for fault in notebook_guards.content_faults("tiny", book))


def hide(cells):
    cells[0].source = "# NBVAL_IGNORE_OUTPUT\n" + cells[0].source


def skip(cells):
    cells[1].metadata["tags"] = ["nbval-skip"]


def silence(cells):
    cells[1].outputs = [output for output in cells[1].outputs if "data" in output]


def drop_alt(cells):
    cells[1].metadata["mystnb"]["image"] = {"alt": "a plot"}


def drop_caption(cells):
    del cells[1].metadata["mystnb"]["figure"]


def double(cells):
    cells[1].outputs += cells[1].outputs


def turn_to_png(cells):
    data = cells[1].outputs[-1].data
    data["image/png"] = data.pop("image/svg+xml")


def add_png(cells):
    cells[1].outputs[-1].data["image/png"] = ""


def draw_much(cells):
    cells[1].outputs[-1].data["image/svg+xml"] += notebook_guards.MAX_FIGURE * " "


def widen(cells):
    cells[0].source += "  # " + 88 * "-"


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (hide, "kept from comparison"),
        (skip, "kept from comparison"),
        (silence, "no printed number stands beside"),
        (drop_alt, "no text alternative"),
        (drop_caption, "no caption or no name"),
        (double, "more than one figure"),
        (turn_to_png, "no SVG picture"),
        (add_png, "no SVG picture"),
        (draw_much, "rasterise what is dense"),
        (widen, "longer than 88 columns"),
    ],
)
def test_other_faults_of_content_are_noticed(book, damage, complaint):
    edit(book, damage)
    assert any(complaint in fault for fault in notebook_guards.content_faults("tiny", book))
