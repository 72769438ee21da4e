"""Building leaves a whole book in place whatever happens; buttons follow the repository."""

import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import yaml

from book.extensions import site
from book.scripts import build_book

CONFIG = (build_book.ROOT / "_config.yml").read_text(encoding="utf-8")
FILES = ("_config.yml", "_static", "references.bib")
NOTEBOOK = """{
 "cells": [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# One"]}],
 "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
 "nbformat": 4, "nbformat_minor": 5
}"""


@pytest.fixture
def small_book(tmp_path):
    """Folder of a book of two pages with the settings of the real one."""
    for name in FILES:
        source = build_book.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "index.md").write_text("# Preface\n")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "one.ipynb").write_text(NOTEBOOK)
    (tmp_path / "manuscript").mkdir()
    (tmp_path / "manuscript" / "one.md").write_text("# One\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts: [{chapters: [{file: chapters/one}]}]\n"
    )
    return tmp_path


def set_repository(folder, url):
    path = folder / "_config.yml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["repository"]["url"] = url
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


def chapter(folder):
    return (folder / "_build" / "html" / "chapters" / "one.html").read_text(encoding="utf-8")


def test_without_a_repository_there_is_no_button_to_one(small_book):
    set_repository(small_book, "")
    (small_book / "index.md").write_text(f"# Preface\n\n{site.LAUNCH}\n")
    build_book.build(small_book)
    for word in ("mybinder", "colab", "github", "gitlab", "source-repository"):
        assert word not in chapter(small_book).lower(), word
        assert word not in (small_book / "_build" / "html" / "index.html").read_text().lower()


def test_with_a_repository_its_buttons_appear(small_book):
    set_repository(small_book, "https://github.com/reader/book")
    (small_book / "index.md").write_text(f"# Preface\n\n{site.LAUNCH}\n")
    build_book.build(small_book)
    text = chapter(small_book)
    assert "https://mybinder.org/v2/gh/reader/book/main?urlpath=lab/tree/chapters/one.ipynb" in text
    assert (
        "https://colab.research.google.com/github/reader/book/blob/main/chapters/one.ipynb" in text
    )
    assert 'href="https://github.com/reader/book"' in text
    assert "https://github.com/reader/book/issues/new" in text
    preface = (small_book / "_build" / "html" / "index.html").read_text(encoding="utf-8")
    binder = "https://mybinder.org/v2/git/https%3A%2F%2Fgithub.com%2Freader%2Fbook/main"
    assert f"{binder}?urlpath=lab/tree/index.md" in preface


def test_colab_reads_from_github_only(small_book):
    set_repository(small_book, "https://gitlab.com/reader/book")
    build_book.build(small_book)
    text = chapter(small_book)
    assert "https://mybinder.org/v2/gl/reader%2Fbook/main" in text
    assert "colab" not in text.lower()


def test_what_needs_the_address_of_the_site_waits_for_it(small_book):
    build_book.build(small_book)
    html = small_book / "_build" / "html"
    assert not (html / "sitemap.xml").exists()
    assert "og:title" in chapter(small_book)
    assert "og:url" not in chapter(small_book)
    config = small_book / "_config.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('baseurl: ""', "baseurl: https://example.org/book/"), "utf-8")
    build_book.build(small_book)
    address = "https://example.org/book/"
    sitemap = ElementTree.parse(html / "sitemap.xml")
    assert [entry.text for entry in sitemap.iter() if entry.tag.endswith("loc")] == [
        f"{address}chapters/one.html",
        f"{address}index.html",
    ]
    for tag in (
        f'property="og:url" content="{address}chapters/one.html"',
        f'property="og:image" content="{address}_static/card.png"',
        f'rel="canonical" href="{address}chapters/one.html"',
    ):
        assert tag in chapter(small_book)
    assert (html / "_static" / "card.png").exists()
    # Served in place of pages at any depth, so that its links must not be relative to them.
    assert f'<base href="{address}"' in (html / "404.html").read_text(encoding="utf-8")


def git(folder, *arguments, day=None):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    moment = {"GIT_COMMITTER_DATE": f"{day}T12:00:00Z"} if day else {}
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)} | moment
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, env=environment)


def test_pages_state_the_day_of_their_last_change_and_the_versions(small_book):
    constraints = "# Pins (Python 3.11).\nnumpy==2.4.6\n"
    (small_book / "constraints.txt").write_text(constraints)
    build_book.build(small_book)
    assert "Last changed" not in chapter(small_book)
    assert "Verified with Python 3.11, NumPy 2.4.6." in chapter(small_book)
    git(small_book, "init", "-q")
    git(small_book, "add", ".")
    git(small_book, "commit", "-q", "-m", "A book", day="2026-02-03")
    (small_book / "NOTES").write_text("no source of the book")
    git(small_book, "add", ".")
    git(small_book, "commit", "-q", "-m", "Notes", day="2026-04-05")
    assert not build_book.is_current(small_book)
    build_book.build(small_book)
    assert "Last changed on 2026-02-03." in chapter(small_book)


def test_nothing_is_done_when_nothing_changed(small_book, monkeypatch):
    build_book.build(small_book)
    monkeypatch.setattr(build_book, "render", lambda *_: pytest.fail("it was built again"))
    assert build_book.build(small_book).exists()
    (small_book / "index.md").write_text("# Another preface\n")
    assert not build_book.is_current(small_book)


def test_a_warning_stops_the_build_and_keeps_the_last_good_book(small_book):
    build_book.build(small_book)
    (small_book / "index.md").write_text("# New\n\n{ref}`nowhere`\n")
    for _ in range(2):  # a second attempt must not pass for want of a repeated warning
        with pytest.raises(SystemExit, match=r"index\.md.*nowhere"):
            build_book.build(small_book)
    assert "Preface" in (small_book / "_build" / "html" / "index.html").read_text(encoding="utf-8")
    assert not (small_book / "_build" / "unfinished").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interruption_at_the_last_moment_keeps_the_last_good_book(tmp_path, monkeypatch, error):
    old, new = tmp_path / "html", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    (old / "index.html").write_text("old")
    rename = type(new).rename

    def failing(path, target):
        if path == new:
            raise error
        return rename(path, target)

    monkeypatch.setattr(type(new), "rename", failing)
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        build_book.replace(new, old)
    assert (old / "index.html").read_text() == "old"


# What the extra `html` does not bring: `make book` must not need it.
EXTENSIONS = [
    name
    for name in yaml.safe_load(CONFIG)["sphinx"]["config"]["extensions"]
    if name.startswith("book.")
]
NOT_FOR_PAGES = ("ipykernel", "jupytext", "matplotlib", "playwright", "psutil", "pytest", "torch")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_pages_need_nothing_that_runs_notebooks(extension):
    code = f"import sys; sys.modules.update(dict.fromkeys({NOT_FOR_PAGES})); import {extension}"
    subprocess.run([sys.executable, "-c", code], cwd=build_book.ROOT, check=True)


def test_answers_need_nothing_that_runs_experiments():
    # SciPy looks at what is loaded, so that nothing can be barred as above.
    code = (
        "import sys; from book.extensions import answers; answers.render('.'); "
        f"print({set(NOT_FOR_PAGES)} & set(sys.modules))"
    )
    run = [sys.executable, "-c", code]
    loaded = subprocess.run(run, cwd=build_book.ROOT, check=True, capture_output=True, text=True)
    assert loaded.stdout == "set()\n"


def test_every_extension_is_among_the_settings():
    folder = build_book.ROOT / "book" / "extensions"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("[!_]*.py")}
    # What has no such function is no extension but shared by some, such as rows.py.
    written = {f"book.extensions.{name}" for name, text in sources.items() if "def setup(" in text}
    assert written == set(EXTENSIONS)
