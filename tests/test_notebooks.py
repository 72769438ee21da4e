"""The stored notebooks are fresh and whole, and each guard notices what it is there for."""

import base64
import io
import os
import shutil
import subprocess
import sys

import build_notebooks
import nbformat
import notebooks
import numpy as np
import pytest
from PIL import Image

CHAPTER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Tiny

```{code-cell} ipython3
import numpy as np
from dropoutlib.tiny import FACTOR
print(f"{FACTOR * np.random.default_rng(1).random():.3f}")
```

```{code-cell} ipython3
---
mystnb:
  figure: {name: fig-tiny, caption: A line of random points.}
  image: {alt: "A line that joins five random points."}
---
import matplotlib.pyplot as plt
plt.plot(np.random.default_rng(1).random(5), linewidth=5)
print("five points")
```
"""


@pytest.mark.parametrize("name", notebooks.names())
def test_notebook_is_fresh_and_whole(name):
    assert notebooks.stale_inputs(name) == []
    assert notebooks.content_faults(name) == []


def test_every_notebook_has_a_manuscript():
    assert notebooks.orphans() == []


# A book of one small chapter, on which each guard is shown to bite.


def plant(root):
    """Write a manuscript, a library and the pins of a small book."""
    for folder in ("manuscript", "dropoutlib", "chapters"):
        (root / folder).mkdir()
    (root / "manuscript" / "tiny.md").write_text(CHAPTER)
    (root / "dropoutlib" / "__init__.py").write_text('"""Stand-in for the library."""\n')
    (root / "dropoutlib" / "tiny.py").write_text("FACTOR = 2\n")
    shutil.copy(notebooks.ROOT / "constraints.txt", root)
    return root


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = plant(tmp_path_factory.mktemp("built"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))
        build_notebooks.build("tiny", root)
    return root


@pytest.fixture
def book(built, tmp_path, monkeypatch):
    """Return a copy of the small book, already built."""
    root = tmp_path / "book"
    shutil.copytree(built, root)
    monkeypatch.setenv("PYTHONPATH", str(root))
    return root


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def edit(root, function):
    """Change the stored notebook as a hand would."""
    path = notebooks.notebook_path("tiny", root)
    notebook = nbformat.read(path, as_version=4)
    function([cell for cell in notebook.cells if cell.cell_type == "code"])
    nbformat.write(notebook, path)


def pytest_nbval(root):
    """Run `pytest --nbval chapters` on the small book, under the project's own conftest."""
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(notebooks.ROOT / name, root)
    shutil.copytree(notebooks.ROOT / "scripts", root / "scripts")
    command = [sys.executable, "-m", "pytest", "--nbval", "chapters", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_fresh_book_passes_every_guard(book):
    assert notebooks.stale_inputs("tiny", book) == []
    assert notebooks.content_faults("tiny", book) == []
    assert notebooks.orphans(book) == []
    status, output = pytest_nbval(book)
    assert status == 0, output
    assert "2 passed" in output


def test_rebuilding_gives_the_same_bytes(book):
    before = notebooks.notebook_path("tiny", book).read_bytes()
    build_notebooks.build("tiny", book)
    assert notebooks.notebook_path("tiny", book).read_bytes() == before


def test_fresh_chapter_is_skipped(book, capsys):
    assert build_notebooks.main([], book) == 0
    assert "tiny is fresh" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (
            "manuscript/tiny.md",
            "default_rng(1)",
            "default_rng(2)",
            "manuscript/tiny.md has changed",
        ),
        ("dropoutlib/tiny.py", "2", "3", "dropoutlib.tiny has changed"),
        ("constraints.txt", "numpy==", "numpy==9", "numpy was"),
    ],
)
def test_change_without_rebuilding_is_noticed(book, file, old, new, complaint):
    change(book / file, old, new)
    (fault,) = notebooks.stale_inputs("tiny", book)
    assert complaint in fault
    assert build_notebooks.main(["--check"], book) == 1


def test_missing_notebook_is_noticed(book):
    notebooks.notebook_path("tiny", book).unlink()
    assert notebooks.stale_inputs("tiny", book) == ["chapters/tiny.ipynb does not exist"]


def test_orphan_is_noticed_and_kept(book):
    orphan = book / "chapters" / "gone.ipynb"
    shutil.copy(notebooks.notebook_path("tiny", book), orphan)
    assert notebooks.orphans(book) == ["chapters/gone.ipynb has no manuscript"]
    assert build_notebooks.main(["--check"], book) == 1
    assert orphan.exists()


def never_run(cells):
    for cell in cells:
        cell.execution_count, cell.outputs = None, []


def out_of_order(cells):
    cells[0].execution_count, cells[1].execution_count = 2, 1


@pytest.mark.parametrize("damage", [never_run, out_of_order])
def test_run_order_is_noticed(book, damage):
    edit(book, damage)
    assert any("from top to bottom" in fault for fault in notebooks.content_faults("tiny", book))
    assert any("changed after the build" in fault for fault in notebooks.stale_inputs("tiny", book))


def alter_text(cells):
    cells[0].outputs[0].text = "0.999\n"


def alter_figure(cells):
    picture = io.BytesIO()
    (output,) = [output for output in cells[1].outputs if "data" in output]
    stored = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    Image.fromarray(np.asarray(stored)[:, ::-1]).save(picture, format="png")
    output.data["image/png"] = base64.b64encode(picture.getvalue()).decode()


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
    assert any("changed after the build" in fault for fault in notebooks.stale_inputs("tiny", book))


def test_library_change_that_alters_an_output_fails_nbval(book):
    change(book / "dropoutlib" / "tiny.py", "2", "3")
    status, output = pytest_nbval(book)
    assert status == 1
    assert "Cell outputs differ" in output


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ({"output_type": "stream", "name": "stderr", "text": "Warning: x"}, "wrote to stderr"),
        (
            {"output_type": "stream", "name": "stdout", "text": "<f at 0x7f12abcd>"},
            "memory address",
        ),
        ({"output_type": "stream", "name": "stdout", "text": "in /home/me/x"}, "absolute path"),
        ({"output_type": "stream", "name": "stdout", "text": "took 12.3 ms"}, "wall-clock time"),
        ({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}, "it raised E"),
    ],
)
def test_output_that_no_reader_should_meet_is_noticed(book, output, complaint):
    edit(book, lambda cells: cells[0].outputs.append(nbformat.from_dict(output)))
    assert any(complaint in fault for fault in notebooks.content_faults("tiny", book))


def hide(cells):
    cells[0].source = "# NBVAL_IGNORE_OUTPUT\n" + cells[0].source


def silence(cells):
    cells[1].outputs = [output for output in cells[1].outputs if "data" in output]


def drop_alt(cells):
    cells[1].metadata["mystnb"]["image"] = {"alt": "a plot"}


def drop_caption(cells):
    del cells[1].metadata["mystnb"]["figure"]


def widen(cells):
    cells[0].source += "  # " + 88 * "-"


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (hide, "kept from comparison"),
        (silence, "no printed number stands beside"),
        (drop_alt, "no text alternative"),
        (drop_caption, "no caption or no name"),
        (widen, "longer than 88 columns"),
    ],
)
def test_other_faults_of_content_are_noticed(book, damage, complaint):
    edit(book, damage)
    assert any(complaint in fault for fault in notebooks.content_faults("tiny", book))


# A build that fails says where, and leaves the last good notebook.


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "the kernel died"),
        ("import warnings; warnings.warn('careful')", "it wrote to stderr"),
    ],
)
def test_failing_cell_is_named_and_nothing_is_lost(book, cell, complaint, capsys):
    before = notebooks.notebook_path("tiny", book).read_bytes()
    change(book / "manuscript" / "tiny.md", 'print("five points")', cell)
    assert build_notebooks.main(["tiny"], book) == 1
    message = capsys.readouterr().err
    assert "manuscript/tiny.md:26, code cell 2 ('import matplotlib.pyplot as plt')" in message
    assert complaint in message
    assert sorted(os.listdir(book / "chapters")) == ["tiny.ipynb"]
    assert notebooks.notebook_path("tiny", book).read_bytes() == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_write_leaves_the_last_file(tmp_path, monkeypatch, error):
    target = tmp_path / "chapter.ipynb"
    target.write_text("the last good one")

    def fail(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        build_notebooks.replace(target, "half a notebook")
    assert os.listdir(tmp_path) == ["chapter.ipynb"]
    assert target.read_text() == "the last good one"


def test_unknown_chapter_is_refused(book, capsys):
    with pytest.raises(SystemExit, match="2"):
        build_notebooks.main(["nothing"], book)
    assert "no manuscript for nothing; there are tiny" in capsys.readouterr().err
