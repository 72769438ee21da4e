"""Continuous integration runs the two commands, and tries what pyproject.toml supports."""

import json
import re
import tomllib

import pytest
import yaml

from book.scripts import support
from book.scripts.versions import ROOT, pinned_python, pins

TEXT = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
JOBS = yaml.safe_load(TEXT)["jobs"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def commands(job):
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_matrix_is_what_pyproject_supports():
    oldest, *newest = support.matrix()
    assert (
        f"numpy>={oldest['numpy'].removeprefix('numpy==').removesuffix('.*')}"
        in (PROJECT["dependencies"])
    )
    assert (
        f"torch>={oldest['torch'].removeprefix('torch==').removesuffix('.*')}"
        in (PROJECT["optional-dependencies"]["torch"])
    )
    assert PROJECT["requires-python"] == f">={oldest['python']}"
    assert [entry["python"] for entry in newest] == support.pythons(PROJECT)
    assert all(entry["numpy"] == "numpy" and entry["torch"] == "torch" for entry in newest)


def test_versions_of_python_are_ordered_as_numbers():
    listed = [f"{support.PYTHON}{version}" for version in ("3", "3.11", "3.9", "3.10")]
    assert support.pythons({"classifiers": listed}) == ["3.9", "3.10", "3.11"]


def test_the_pinned_set_is_supported():
    assert pinned_python() in support.pythons(PROJECT)
    pinned = pins()
    for bound in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["torch"]):
        name, lowest = support.parted(bound)
        assert support.key(pinned[name]) >= support.key(lowest)


def test_workflow_names_no_version_itself():
    shown = re.sub(r"uses: \S+@v\d+", "", TEXT)
    assert re.findall(r"\d+\.\d+", shown) == []


def test_two_commands_run_on_three_systems():
    job = JOBS["book"]
    assert [name.partition("-")[0] for name in job["strategy"]["matrix"]["os"]] == [
        "ubuntu",
        "macos",
        "windows",
    ]
    told = re.findall(r"^make (\w+) +#", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert told[:2] == ["book", "test"]
    assert {f"make {verb}" for verb in told[:2]} <= set(commands("book"))
    assert "--nbval" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_pages_are_published_from_what_was_verified():
    assert JOBS["publish"]["needs"] == "book"
    assert "refs/heads/main" in JOBS["publish"]["if"]
    assert JOBS["publish"]["permissions"]["pages"] == "write"
    (upload,) = [step for step in JOBS["book"]["steps"] if "upload-artifact" in str(step)]
    assert upload["with"]["path"] == "_build/html"


@pytest.mark.parametrize("extra", re.findall(r"book\[(\w+)\]", TEXT))
def test_extras_that_the_workflow_installs_exist(extra):
    book = tomllib.loads((ROOT / "book" / "pyproject.toml").read_text(encoding="utf-8"))
    assert extra in book["project"]["optional-dependencies"]


def test_script_prints_what_a_workflow_reads():
    lines = dict(line.split("=", 1) for line in support.lines())
    assert lines["python"] == pinned_python()
    assert json.loads(lines["matrix"]) == {"include": support.matrix()}
