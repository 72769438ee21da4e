"""Bring the answer fields into the pages whose exercises have some.

The data come from `book.exercises.fields`, where each field is declared once for both languages.
What reads a formula is vendored under interactive/vendor; a page loads it when a field is used.
"""

import re
import shutil
from pathlib import Path

from book.exercises.fields import FIELDS, GENERAL, exported
from book.extensions.page_data import data_script

FOLDER = "interactive"
VENDOR = "vendor/mathjs"
EXERCISE = re.compile(r'id="(ex-[a-z-]+)"')
ENGINE = (f"{VENDOR}/math.js", "spelling.js", "reading.js", "judge.js")


def data(labels, static):
    """What a page gets: the fields of its exercises, and where the engine lies."""
    return {
        "fields": {label: exported(label) for label in labels},
        "general": GENERAL,
        "scripts": [f"{static}/{FOLDER}/{name}" for name in ENGINE],
    }


def attach_fields(app, pagename, templatename, context, doctree):
    """Put data and script of the fields into a page that holds their exercises."""
    body = context.get("body") or ""
    labels = [label for label in dict.fromkeys(EXERCISE.findall(body)) if label in FIELDS]
    if not labels:
        return
    static = context["pathto"]("_static", resource=True).rstrip("/")
    context["body"] = body + data_script("answer-fields", data(labels, static))
    app.add_css_file(f"{FOLDER}/playground.css")
    app.add_css_file(f"{FOLDER}/fields.css")
    app.add_js_file(f"{FOLDER}/fields.js", priority=600)


def copy_engine(app):
    """Put what reads formulas among the built files, with its licence."""
    source = Path(app.srcdir) / FOLDER / VENDOR
    if app.builder.format == "html" and source.exists():
        shutil.copytree(source, Path(app.outdir) / "_static" / FOLDER / VENDOR, dirs_exist_ok=True)


def setup(app):
    """Connect the hooks."""
    app.connect("html-page-context", attach_fields)
    app.connect("builder-inited", copy_engine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
