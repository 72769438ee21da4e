"""Build the HTML book into _build/html; no notebook is executed.

Warnings are errors. The new book is made beside the old one and takes its place only when it is
whole, so that the last good book survives a failure, Ctrl-C and a full disk. Nothing is done when
nothing changed.
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

from book.scripts.versions import ROOT

# All that the pages are made of: the manuscripts because they name the statements that the API page
# links to, the two lists of packages because they decide what the builder is.
SOURCES = (
    "constraints.txt",
    "pyproject.toml",
    "_config.yml",
    "_toc.yml",
    "book",
    "dropcheck",
    "index.md",
    "references.bib",
    "_static",
    "backmatter",
    "chapters",
    "dropoutlib",
    "interactive",
    "manuscript",
    "proofs",
)
STAMP = ".built-from"
KEPT = "The last good one, if there is one, stays in place."


def fingerprint(root=ROOT):
    """Hash of the name and the content of every source file, and of the day the pages state.

    With PYODIDE=1, for which the pages bring Python along, it is another one.
    """
    digest = hashlib.sha256(f"{last_change(root)}\n{os.environ.get('PYODIDE', '')}\n".encode())
    for source in SOURCES:
        path = root / source
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(file.parts):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def last_change(root=ROOT):
    """Day of the last commit that touched a source, such as 2026-11-24; None without history."""
    command = ["git", "-C", root, "log", "-1", "--format=%cs", "--", *SOURCES]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
    except FileNotFoundError:  # no git
        return None
    return done.stdout.strip() or None


def is_current(root=ROOT):
    """Whether _build/html was built from exactly what is here now."""
    stamp = root / "_build" / "html" / STAMP
    return stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint(root)


def render(root, workshop):
    """Run Jupyter Book into `workshop`; return the folder of the pages, or stop with its messages.

    Every page is rendered anew: Sphinx repeats no warning for a page that it kept.
    """
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", "--nitpick", "--warningiserror", "--keep-going", "--quiet"]
    done = subprocess.run(
        [*command, f"--path-output={workshop}", root],
        capture_output=True,
        encoding="utf-8",
        # The extensions and the documented library are those of this checkout.
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )
    if done.returncode:
        raise SystemExit(f"{done.stderr.strip()}\n\nThe book was not built. {KEPT}")
    return workshop / "_build" / "html"


def replace(new, target):
    """Put the folder `new` where `target` is; whatever happens, one of the two stands there."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def build(root=ROOT):
    """Build the book unless it is current; return the path of its first page."""
    folder = root / "_build"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / ".lock"):  # a second build waits, and then has nothing to do
        if not is_current(root):
            start = time.monotonic()
            made_from = fingerprint(root)
            workshop = folder / "unfinished"
            shutil.rmtree(workshop, ignore_errors=True)  # a killed build could not clean up
            try:
                print("Building the book …", flush=True)
                pages = render(root, workshop)
                (pages / STAMP).write_text(made_from, encoding="utf-8")
                replace(pages, folder / "html")
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
            print(f"Built in {time.monotonic() - start:.0f} s.")
    return folder / "html" / "index.html"


def main(argv=None):
    """Build the book and say how to open it."""
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` runs
    try:
        page = build()
    except KeyboardInterrupt:
        raise SystemExit(f"\nInterrupted. {KEPT}") from None
    print(f"The book is ready: open {page.relative_to(ROOT)} in a browser, or\n  {page.as_uri()}")


if __name__ == "__main__":
    main()
