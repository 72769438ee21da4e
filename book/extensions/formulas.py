"""Bring MathJax into the built book, so that formulas are set without a network.

It cannot lie in a static path: Jupyter Book would load each of its scripts on every page.
"""

import shutil
from pathlib import Path

import mathjax

# Of the package's 24 MB: what reads TeX and sets it, its fonts, what screen readers read, and the
# small extensions that are fetched when a formula first uses, say, \cancel. The ready-made bundle
# is heavier by the half, for a menu and for input in MathML.
COMPONENTS = ("core", "input/tex", "output/chtml", "a11y/assistive-mml")
PARTS = (
    "LICENSE",
    "es5/startup.js",
    *(f"es5/{name}.js" for name in COMPONENTS),
    "es5/output/chtml/fonts/tex.js",
    "es5/input/tex/extensions",
    "es5/output/chtml/fonts/woff-v2",
)


def copy_mathjax(app, exception):
    """Put MathJax among the built files."""
    if exception or app.builder.format != "html":
        return
    source = Path(mathjax.__file__).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, destination, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, destination)


def name_components(app, config):
    """Tell MathJax what to load; the scripts of the pages add what they need."""
    config.mathjax3_config = {**(config.mathjax3_config or {}), "loader": {"load": COMPONENTS}}


def setup(app):
    """Connect the hooks."""
    app.connect("config-inited", name_components)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
