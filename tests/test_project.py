"""What stands in two places says the same in both."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
HOUSES = [
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for folder in (".", "dropcheck", "book")
]
PROJECT = HOUSES[0]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned():
    return {canonical(line.split("==")[0]) for line in read("constraints.txt").splitlines()}


def test_every_dependency_has_an_exact_version():
    lists = [
        items
        for house in HOUSES
        for items in (house["dependencies"], *house.get("optional-dependencies", {}).values())
    ]
    names = {re.match(r"[\w.-]+", item)[0] for items in lists for item in items}
    own = {house["name"] for house in HOUSES}
    assert {canonical(name) for name in names} - own <= pinned()


def test_houses_have_one_version_one_author_and_one_python():
    for key in ("version", "authors", "requires-python", "license"):
        assert all(house[key] == PROJECT[key] for house in HOUSES)


def test_binder_takes_the_project_s_own_lists():
    options = [line for line in read(".binder/requirements.txt").splitlines() if line[0] != "#"]
    assert options == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "-c ../constraints.txt",
        "-e .",
        "-e dropcheck",
        "-e book[lab]",
    ]
    python = read(".binder/runtime.txt").strip().removeprefix("python-")
    assert f"(Python {python})" in read("constraints.txt").splitlines()[0]
    assert PROJECT["requires-python"] == f">={python}"


def test_repository_has_one_address():
    address = CONFIG["repository"]["url"]
    assert CITATION.get("repository-code", "") == address
    pages = CONFIG["html"]["baseurl"]
    urls = {"Repository": address, "Documentation": pages}
    for house in HOUSES:
        assert house.get("urls", {}) == {name: url for name, url in urls.items() if url}


def test_citation_is_that_of_this_version():
    assert CITATION["title"] == CONFIG["title"]
    assert CITATION["version"] == PROJECT["version"]
    assert CITATION["authors"] == PROJECT["authors"] == [{"name": CONFIG["author"]}]
    assert f"Version {PROJECT['version']}, {CONFIG['copyright']}." in read("README.md")


def test_licenses_are_there():
    assert PROJECT["license-files"] == ["LICENSE"]
    assert CITATION["license"] == [PROJECT["license"], "CC-BY-4.0"]
    assert read("LICENSE").startswith("MIT License")
    assert "CC-BY-4.0" in read("LICENSE-text")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "index.md", ".ci/run"])
def test_commands_that_pages_name_exist(page):
    verbs = set(re.findall(r"^(\w+):.*##", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", read(page), re.MULTILINE))
    assert named
    assert named <= verbs


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_files_that_pages_name_exist(page):
    named = set(re.findall(r"[`(]([\w./-]+\.(?:cff|md|png|toml|txt|yml))[`)]", read(page)))
    assert named
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def entries(docstring):
    """What the lists of parameters and attributes in a docstring begin a line with."""
    for body in re.findall(r"(?ms)^(?:Param|Attrib)\w+\n-+\n(.*?)(?=^\w+\n---|\Z)", docstring):
        yield from re.findall(r"(?m)^\S.*", body)


@pytest.mark.parametrize("house", ["dropoutlib", "dropcheck", "book"])
def test_lists_of_parameters_hold_no_sentence(house):
    """A sentence behind the last one would stand on the page as one more parameter."""
    found = []
    for file in (ROOT / house).rglob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        kinds = (ast.FunctionDef, ast.ClassDef)
        texts = (ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds))
        found += [entry for text in texts for entry in entries(text)]
    assert found
    assert [entry for entry in found if not re.fullmatch(r"[\w*, ]+( : .+)?", entry)] == []
