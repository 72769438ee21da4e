"""A slow notebook is waited for, a stuck one is named; with a clock and a page that are made up."""

import json
import re
from types import SimpleNamespace

import pytest
import waiting

SOURCES = ("import numpy", "slow()\nmore()", "print(3)")


class Lab:
    """A page on which time passes only while it is waited on, and what it saves at which time."""

    def __init__(self, path, saves):
        self.path, self.saves, self.now = path, saves, 0
        self.keyboard = SimpleNamespace(press=self.save)

    def clock(self):
        """Seconds since the start."""
        return self.now

    def wait_for_timeout(self, milliseconds):
        """Let the time pass."""
        self.now += milliseconds / 1000

    def save(self, keys):
        """Write what the browser would save now."""
        assert keys == "Control+s"
        past = [text for moment, text in self.saves if moment <= self.now]
        if past:
            self.path.write_text(past[-1], encoding="utf-8")


def notebook(ended, outputs=(), error_in=None):
    """Text of a notebook of which so many cells have ended, with the output of the next."""
    cells = [{"cell_type": "markdown", "source": "# Title"}]
    for number, source in enumerate(SOURCES):
        said = [{"output_type": "stream", "text": text} for text in outputs if number == ended]
        said += [{"output_type": "error", "ename": "ValueError"}] if number == error_in else []
        count = number + 1 if number < ended else None
        cells.append(
            {"cell_type": "code", "source": source, "execution_count": count, "outputs": said}
        )
    return json.dumps({"cells": cells})


def wait(tmp_path, *saves, patience=300):
    lab = Lab(tmp_path / "chapter.ipynb", saves)
    return lab, waiting.all_run(lab, lab.path, patience=patience, clock=lab.clock)


def test_slow_cells_are_waited_for_as_long_as_they_end(tmp_path):
    lab, code = wait(
        tmp_path, (0, notebook(0)), (280, notebook(1)), (560, notebook(2)), (840, notebook(3))
    )
    assert [cell["execution_count"] for cell in code] == [1, 2, 3]
    assert 840 <= lab.now <= 842


def test_a_cell_that_goes_on_writing_is_waited_for(tmp_path):
    lab, code = wait(
        tmp_path,
        (0, notebook(1)),
        (250, notebook(1, ["one"])),
        (500, notebook(1, ["one", "two"])),
        (750, notebook(3)),
    )
    assert len(code) == 3
    assert lab.now >= 750


def test_a_stuck_cell_is_named(tmp_path):
    with pytest.raises(AssertionError, match=re.escape("code cell 2 of 3 ('slow()') did not end")):
        wait(tmp_path, (0, notebook(0)), (100, notebook(1)))


def test_a_cell_that_raises_is_named_at_once(tmp_path):
    lab = Lab(tmp_path / "chapter.ipynb", [(0, notebook(1, error_in=1))])
    with pytest.raises(AssertionError, match=r"code cell 2 of 3 \('slow\(\)'\)\n.*ValueError"):
        waiting.all_run(lab, lab.path, clock=lab.clock)
    assert lab.now == waiting.PAUSE


def test_half_a_file_is_read_again(tmp_path):
    _, code = wait(tmp_path, (0, notebook(2)[:-40]), (10, notebook(3)))
    assert len(code) == 3


def test_a_notebook_that_nobody_saves_is_named(tmp_path):
    with pytest.raises(AssertionError, match=r"chapter\.ipynb, which nobody saved"):
        wait(tmp_path)
