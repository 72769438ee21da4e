"""A build gives the same bytes whoever runs it; one that fails says where, and loses nothing."""

import asyncio
import io
import os
import shlex
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from IPython.core.interactiveshell import InteractiveShell
from small_book import CHAPTER, change, copy_scripts, plant, write_chapter

from book.scripts import build_notebooks, figures, notebook_kernel, notebooks, versions
from book.scripts.progress import Progress


@pytest.fixture
def book(tmp_path):
    """Return a small book with a stored notebook that must survive whatever goes wrong."""
    root = plant(tmp_path)
    notebooks.notebook_path("tiny", root).write_text("the last good one")
    return root


def stored(root, name="tiny"):
    return notebooks.notebook_path(name, root).read_bytes()


def is_untouched(root):
    return os.listdir(root / "chapters") == ["tiny.ipynb"] and stored(root) == b"the last good one"


def test_notebook_installs_the_library_where_it_is_missing(book):
    """On Colab, that is; only once there is an address to install it from."""
    asyncio.run(build_notebooks.build("tiny", book))
    assert "pip" not in stored(book).decode()
    config = "repository: {url: https://github.com/reader/book, branch: main}\n"
    (book / "_config.yml").write_text(config)
    assert notebooks.stale_inputs("tiny", book)
    asyncio.run(build_notebooks.build("tiny", book))
    notebook = nbformat.reads(stored(book), as_version=4)
    first, second = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    assert first.outputs == []  # here the library is there
    assert first.metadata["tags"] == ["remove-cell"]
    assert second.execution_count == 2
    assert notebooks.stale_inputs("tiny", book) == []
    assert build_notebooks.check(["tiny"], book) == []
    # Where the library is missing, the cell asks pip for it.
    asked = []
    shell = InteractiveShell()
    shell.run_line_magic = lambda magic, line, **_: asked.append((magic, line))
    shell.run_cell(first.source.replace('"dropoutlib"', '"no_such_library"'), silent=True)
    assert len(asked) == 1
    assert asked[0][0] == "pip"
    address = "git+https://github.com/reader/book@main"
    assert shlex.split(shell.var_expand(asked[0][1]))[2:] == [
        address,
        f"{address}#subdirectory=dropcheck",
        f"dropout-verified[experiments] @ {address}#subdirectory=book",
    ]


def test_same_bytes_whoever_builds_and_beside_whatever(book, tmp_path, monkeypatch, capsys):
    cell = "import os\nprint(os.environ['OMP_NUM_THREADS'], list({'a', 'b', 'c', 'd', 'e'}))"
    write_chapter(book, "order", cell)
    assert build_notebooks.main(["--jobs", "1"], book) == 0
    first = [stored(book), stored(book, "order")]
    assert build_notebooks.main([], book) == 0
    assert "tiny is fresh" in capsys.readouterr().out
    profile = tmp_path / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "mine.py").write_text("import numpy; numpy.random.default_rng = None")
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 50")
    for name, value in {
        "IPYTHONDIR": tmp_path / "ipython",
        "MATPLOTLIBRC": tmp_path / "matplotlibrc",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "2",
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": "/nowhere",
    }.items():
        monkeypatch.setenv(name, str(value))
    assert build_notebooks.main(["--force", "--jobs", "2"], book) == 0
    assert [stored(book), stored(book, "order")] == first


def test_no_program_version_or_time_is_stored(book):
    assert build_notebooks.main([], book) == 0
    notebook = nbformat.read(notebooks.notebook_path("tiny", book), 4)
    assert set(notebook.metadata) == {"kernelspec", "language_info", notebooks.STAMP}
    assert notebook.metadata["language_info"] == {"name": "python"}
    assert [cell.id for cell in notebook.cells] == ["tiny-0", "tiny-1", "tiny-2"]
    assert [set(cell.metadata) for cell in notebook.cells] == [set(), set(), {"mystnb"}]
    (svg,) = (out.data["image/svg+xml"] for out in notebook.cells[2].outputs if "data" in out)
    assert figures.compact(svg) == svg
    assert "Matplotlib" not in svg
    assert "date" not in svg


def test_asserts_and_warnings_are_not_switched_off(book, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    write_chapter(book, "a", "assert 1 == 2, 'not equal'")
    write_chapter(book, "b", "import warnings\nwarnings.warn('careful')")
    assert build_notebooks.main(["a", "b"], book) == 1
    message = capsys.readouterr().err
    assert "AssertionError: not equal" in message
    assert "UserWarning: careful" in message


def test_stamp_knows_a_run_of_many_modules(book):
    cell = "import sys, numpy\nsys.modules.update({f'm{i}': numpy for i in range(2000)})"
    write_chapter(book, "tiny", f"from dropoutlib import tiny\n{cell}")
    assert build_notebooks.main([], book) == 0
    stamp = nbformat.read(notebooks.notebook_path("tiny", book), 4).metadata[notebooks.STAMP]
    assert list(stamp["library"]) == ["dropoutlib", "dropoutlib.tiny"]
    assert stamp["versions"] == {"numpy": versions.pins(book)["numpy"]}


def test_edit_while_a_chapter_runs_makes_it_stale(book, capsys):
    edit = "open('../dropoutlib/tiny.py', 'w').write('FACTOR = 3')"
    write_chapter(book, "tiny", f"from dropoutlib import tiny\n_ = {edit}")
    assert build_notebooks.main([], book) == 1
    assert "tiny: dropoutlib.tiny has changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("y = 1\n1 / 0", "ZeroDivisionError: division by zero\n  in: 1 / 0"),
        ("import os; os._exit(1)", "the kernel died"),
        ("import warnings; warnings.warn('careful')", "it wrote to stderr"),
        ("import time; time.sleep(60)", "it ran longer than 3 s"),
    ],
)
def test_failing_cell_is_named_and_nothing_is_lost(book, cell, complaint, capsys, monkeypatch):
    monkeypatch.setattr(notebook_kernel, "CELL_TIMEOUT", 3)
    drawing = CHAPTER.partition("---\nimport ")[2].partition("\n```")[0]
    change(book / "manuscript" / "tiny.md", f"import {drawing}", f"print(2)\n{cell}")
    assert build_notebooks.main(["tiny"], book) == 1
    message = capsys.readouterr().err
    assert "tiny failed, its last notebook stays" in message
    assert "manuscript/tiny.md:21, code cell 2 ('print(2)')" in message
    assert complaint in message
    assert is_untouched(book)


def test_unreadable_manuscript_is_named_and_others_are_built(book, capsys):
    change(book / "manuscript" / "tiny.md", "mystnb:", "mystnb: [")
    write_chapter(book, "other", "print(1)")
    assert build_notebooks.main([], book) == 1
    message = capsys.readouterr().err
    assert "manuscript/tiny.md cannot be read" in message
    assert "other built" in message
    assert stored(book) == b"the last good one"


def test_full_disk_is_told_and_nothing_is_lost(book, monkeypatch, capsys):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert build_notebooks.main([], book) == 1
    message = capsys.readouterr().err
    assert "tiny failed, its last notebook stays\n  [Errno 28] No space left" in message
    assert is_untouched(book)


def test_interrupted_write_leaves_the_last_file(book, monkeypatch):
    def fail(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeyboardInterrupt):
        build_notebooks.replace(notebooks.notebook_path("tiny", book), "half a notebook")
    assert is_untouched(book)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal can be sent on Windows")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_stops_everything_at_once(book, number):
    for name in ("a", "b", "c"):
        write_chapter(book, name, "open('here', 'w').close()\nimport time\ntime.sleep(60)")
    copy_scripts(book)
    running = subprocess.Popen(
        [sys.executable, "-m", "book.scripts.build_notebooks", "a", "b", "c"],
        cwd=book,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with running:
        deadline = time.monotonic() + 60
        while not (book / "chapters" / "here").exists():
            assert running.poll() is None, running.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        kernels = psutil.Process(running.pid).children()
        running.send_signal(number)
        output, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "no notebook is half written" in output
    assert "Traceback" not in output
    assert "died" not in output
    assert kernels
    assert not any(kernel.is_running() for kernel in kernels)
    (book / "chapters" / "here").unlink()
    assert is_untouched(book)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (
            Terminal(),
            "\r\033[K[0/1] tiny: cell 2 of 5, 0 s\r\033[K[1/1] tiny built in 1.0 s\n\r\033[K",
        ),
        (io.StringIO(), "tiny: cell 2 of 5, 0 s\n[1/1] tiny built in 1.0 s\n"),
    ],
)
def test_progress_names_chapter_and_cell(stream, expected, monkeypatch):
    async def work():
        async with Progress(1, stream) as progress:
            progress.cell("tiny", 2, 5)
            while not stream.getvalue():
                await asyncio.sleep(0)
            progress.done("tiny", "tiny built in 1.0 s")

    monkeypatch.setattr(Progress, "INTERVALS", (0.01, 0.01))
    asyncio.run(work())
    assert stream.getvalue() == expected
