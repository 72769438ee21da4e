"""Let the cells of a page run in it, where nothing that they import is beyond a page.

The imports decide, here and not in a list: those of the cells, and of the modules of the book that
they reach. There is no PyTorch for WebAssembly; a chapter that needs it, or needs something else
that is not loaded in its first cell, says where else it runs. Interpreter, NumPy and Matplotlib
come from the built files if `make book PYODIDE=1` put them there, and otherwise from their public
address, both when a reader presses Run. The book's own packages always come from the built files.
"""

import ast
import base64
import gzip
import importlib.util
import io
import json
import os
import sys
import zipfile
from functools import cache
from pathlib import Path

from docutils import nodes

from book.extensions.page_data import data_script
from book.scripts import fetch_pyodide

FOLDER = "interactive"
HOUSES = ("book", "dropcheck", "dropoutlib")
# Rooms that no cell needs which runs in a page.
LEFT_OUT = {
    *(f"book/{room}" for room in ("benchmarks", "build", "data", "experiments", "extensions")),
    *("book/scorecard", "book/scripts", "dropcheck/conformance"),
}
LOADED = {"IPython", "matplotlib", "numpy", *HOUSES}  # book/page_kernel.py stands in for IPython
NAMES = {"torch": "PyTorch", "scipy": "SciPy"}
ADDRESS = f"https://cdn.jsdelivr.net/pyodide/v{fetch_pyodide.VERSION}/full/"
CELL = '<div class="cell docutils container">'
CODE_FIELD = '"kind":"code"'


def embedded(app):
    """Folder of the interpreter that is to be put into the pages, or None."""
    folder = Path(app.srcdir) / "_build" / "pyodide"
    return folder if os.environ.get("PYODIDE") and folder.exists() else None


# ---- What a cell needs ------------------------------------------------------------------------


def place(module):
    """File of a module of this book, or None."""
    house, *rest = module.split(".")
    if house not in HOUSES:
        return None
    path = Path(importlib.util.find_spec(house).origin).parent.joinpath(*rest)
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.exists()), None)


def imports(body, package=""):
    """Modules that statements import when they run, but not within functions."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            module = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield module
            parts = [f"{module}.{name.name}" for name in node.names]
            yield from (part for part in parts if place(part))
        elif isinstance(node, ast.Try | ast.With):
            yield from imports(node.body, package)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from imports([*node.body, *node.orelse], package)


@cache
def beyond(module):
    """Packages that a page does not load and that a module needs, itself or through others."""
    found, waiting, seen = set(), [module], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        top = name.partition(".")[0]
        if top not in LOADED and top not in sys.stdlib_module_names:
            found.add(top)
        if file := place(name):
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            tree = ast.parse(file.read_text(encoding="utf-8"))
            waiting.extend(imports(tree.body, package))
            if "." in name:
                waiting.append(name.rpartition(".")[0])
    return frozenset(found)


def lacking(source):
    """Packages that a page does not load and that a cell needs."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic command
        return frozenset({"IPython"})
    found = (beyond(module) for module in imports(ast.walk(tree)))
    return frozenset().union(*found)


def cells(doctree):
    """Sources of the code cells that a page shows, in order."""
    for part in doctree.findall(nodes.container):
        if "cell_input" in part["classes"]:
            yield next(part.findall(nodes.literal_block)).astext()


# ---- What a page gets -------------------------------------------------------------------------


def spoken(packages):
    """Names of packages in a sentence."""
    *others, last = sorted(NAMES.get(name, name) for name in packages)
    return f"{', '.join(others)} and {last}" if others else last


def elsewhere(packages, launched):
    """What a chapter says whose code cannot run in its page."""
    places = "on Binder or Colab (the rocket above)" if launched else "with <code>make lab</code>"
    return (
        f"The code of this chapter needs {spoken(packages)}, not loaded by a page: run it {places}."
    )


def here(origin):
    """What a chapter says whose code can run in its page."""
    return (
        "The code of this chapter can be changed and run here: <em>Run</em> first loads Python "
        f"from {origin}, and nothing is loaded before; <em>Stop</em> ends a cell that hangs."
    )


def attach(app, pagename, templatename, context, doctree):
    """Put the buttons into a page whose cells can run in it, or a sentence where they cannot."""
    sources = list(cells(doctree)) if doctree is not None else []
    body = context.get("body") or ""
    asks = CODE_FIELD in body
    if not sources and not asks:
        return
    needs = [lacking(source) for source in sources]
    everything = frozenset().union(*needs)
    refused = "torch" in everything or (needs and needs[0])
    app.add_css_file(f"{FOLDER}/run.css")
    origin = "this book’s own files" if embedded(app) else "cdn.jsdelivr.net (about 20 MB)"
    if sources:  # in the page, and not by the script: what comes later would move the text
        launched = app.config.html_theme_options.get("repository_url")
        note = elsewhere(everything, launched) if refused else here(origin)
        # Where its code begins: a chapter begins with what it is about.
        body = body.replace(CELL, f'<p class="run-note">{note}</p>\n{CELL}', 1)
    if not refused or asks:
        runs = {
            "cells": not refused,
            "lacks": {i: spoken(need) for i, need in enumerate(needs) if need and not refused},
            **shared(app, origin, context["pathto"]("_static", resource=True).rstrip("/")),
        }
        body += data_script("page-python", runs)
        app.add_js_file(f"{FOLDER}/run.js", priority=603)  # behind the fields
    context["body"] = body


def shared(app, origin, static):
    """Where the kernel lies and what is said while it loads, the same on all pages."""
    names = ("houses", "python") if embedded(app) else ("houses",)
    return {
        "kernel": f"{static}/{FOLDER}/kernel.js",
        "scripts": [f"{static}/{FOLDER}/pyodide/{name}.js" for name in names],
        "address": ADDRESS,
        "size": f"Loading Python from {origin} …",
    }


# ---- The built files --------------------------------------------------------------------------


def houses():
    """The book's packages as a zip, the same bytes at every build."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for house in HOUSES:
            root = Path(importlib.util.find_spec(house).origin).parent
            for file in sorted(root.rglob("*")):
                inside = file.relative_to(root)
                kept = f"{house}/{inside.parts[0]}" not in LEFT_OUT
                if kept and file.suffix in {".py", ".mplstyle"}:
                    name = f"{house}/{inside.as_posix()}"
                    archive.writestr(zipfile.ZipInfo(name), file.read_bytes(), 8)
    return data.getvalue()


def script(name, data):
    """A classic script that hands over a file: a page from disk may fetch nothing."""
    text = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f"(window.bookFiles ??= {{}})[{json.dumps(name)}] = {json.dumps(text)};\n"


def copy_files(app):
    """Put what Run loads among the built files."""
    if app.builder.format != "html" or not (Path(app.srcdir) / FOLDER).exists():
        return
    target = Path(app.outdir) / "_static" / FOLDER / "pyodide"
    target.mkdir(parents=True, exist_ok=True)
    (target / "houses.js").write_text(script("houses.zip", houses()), encoding="ascii")
    if folder := embedded(app):
        with open(target / "python.js", "w", encoding="ascii") as bundle:
            bundle.writelines(script(f.name, f.read_bytes()) for f in sorted(folder.iterdir()))


def setup(app):
    """Connect the hooks."""
    app.connect("html-page-context", attach)
    app.connect("builder-inited", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
