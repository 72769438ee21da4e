"""Bring MathJax into the built book, so that formulas are set without a network.

It cannot lie in a static path: Jupyter Book would load each of its scripts on every page.
"""

import shutil
from pathlib import Path

import mathjax

# Of the package's 24 MB: the component that reads TeX, its fonts, and the small extensions that
# it fetches when a formula first uses, say, \cancel.
PARTS = (
    "LICENSE",
    "es5/tex-mml-chtml.js",
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


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
