"""Bring the interactive figures into the pages that hold one, and into no other page.

A page holds a figure as `<div class="interactive" data-figure="NAME">`, with a sentence inside
for readers without JavaScript. The scripts are classic ones, because a browser loads no module
over file://, and they lie outside the static path, whose every script Jupyter Book would load on
every page.
"""

import re
import shutil
from pathlib import Path

FOLDER = "interactive"
FIGURE = re.compile(r'data-figure="([a-z-]+)"')
GUESS = 'class="guess admonition'
ANSWERS = 'class="answers"'
SCORECARD = 'class="scorecard"'
ROWS = 'class="row-filter"'
# Data of a figure: stored as JSON, handed over as a script, for a page from disk may fetch nothing.
DATA = {"mc": "mc-networks.json"}
# A zero that JSON needs before a point and a script does not: an eighth of the numbers' length.
LEADING = re.compile(r"(?<=[\[,])(-?)0(?=\.\d)")
# What a figure needs besides the shared script.
NEEDS = {"training": "learning"}


def attach_scripts(app, pagename, templatename, context, doctree):
    """Add the scripts of the figures on this page, the shared one first."""
    body = context.get("body") or ""
    # Verdicts and marks share the colours of the figures.
    if any(part in body for part in (GUESS, ANSWERS, SCORECARD)):
        app.add_css_file(f"{FOLDER}/playground.css")
    if GUESS in body:
        app.add_js_file(f"{FOLDER}/guess.js", priority=600)
    if ROWS in body:
        app.add_css_file(f"{FOLDER}/rows.css")
        app.add_js_file(f"{FOLDER}/rows.js", priority=600)
    figures = dict.fromkeys(FIGURE.findall(body))
    if not figures:
        return
    app.add_css_file(f"{FOLDER}/playground.css")
    app.add_js_file(f"{FOLDER}/shared.js", priority=600)
    for figure in figures:
        if figure in DATA:
            app.add_js_file(f"{FOLDER}/{Path(DATA[figure]).stem}.js", priority=601)
        if figure in NEEDS:
            app.add_js_file(f"{FOLDER}/{NEEDS[figure]}.js", priority=601)
        app.add_js_file(f"{FOLDER}/{figure}.js", priority=602)


def copy_scripts(app):
    """Put scripts, style and data among the built files."""
    source, target = Path(app.srcdir) / FOLDER, Path(app.outdir) / "_static" / FOLDER
    if app.builder.format != "html" or not source.exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    for file in [*source.glob("*.js"), *source.glob("*.css")]:
        shutil.copy2(file, target)
    for name, file in DATA.items():
        data = LEADING.sub(r"\1", (source / file).read_text(encoding="utf-8").strip())
        script = target / f"{Path(file).stem}.js"
        script.write_text(f"playground.data.{name} = {data};\n", encoding="utf-8")


def setup(app):
    """Connect the hooks. Files are copied first, for Sphinx takes a checksum of each it links."""
    app.connect("html-page-context", attach_scripts)
    app.connect("builder-inited", copy_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
