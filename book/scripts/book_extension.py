"""What the book needs of Sphinx beyond its settings, in six hooks.

An extension rather than a step after the build, because each hook must see what only Sphinx
knows: the settings before pages are written, docstrings before they are parsed, the end of a
build. So whichever command builds the book, its pages are whole.
"""

import importlib
import inspect
import pkgutil
import re
import shutil
from functools import cache
from pathlib import Path
from types import ModuleType

import mathjax
from build_ledger import statements
from sphinx.ext.autodoc.mock import mock

import dropoutlib

# Of the package's 24 MB: the component that reads TeX, its fonts, and the small extensions that
# it fetches when a formula first uses, say, \cancel.
MATHJAX_PARTS = (
    "LICENSE",
    "es5/tex-mml-chtml.js",
    "es5/input/tex/extensions",
    "es5/output/chtml/fonts/woff-v2",
)
REPOSITORY_OPTIONS = (
    "launch_buttons",
    "use_edit_page_button",
    "use_issues_button",
    "use_repository_button",
    "use_source_button",
)
ICON_SCRIPT = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>\s*")
# A label, with the word before it that a reference brings itself: "Definition 1.2".
LABEL = re.compile(r"(?:\b(?:Definition|Proposition|Statement|Theorem) )?``([a-z0-9-]+)``")


def drop_dead_buttons(app, config):
    """Take the buttons away that would lead nowhere: all without a repository, Colab off GitHub."""
    theme = config.html_theme_options
    if not theme.get("repository_url"):
        for option in REPOSITORY_OPTIONS:
            theme.pop(option, None)
    elif "github.com" not in theme["repository_url"]:
        theme["launch_buttons"].pop("colab_url", None)


def public_modules(mocked):
    """Names of the library's modules, each followed by the modules that it makes public."""
    names = []
    with mock(mocked):
        for found in pkgutil.iter_modules(dropoutlib.__path__, "dropoutlib."):
            module = importlib.import_module(found.name)
            inner = [getattr(module, name) for name in module.__all__]
            names += [found.name, *(m.__name__ for m in inner if isinstance(m, ModuleType))]
    return names


def list_modules(app, docname, source):
    """Give every public module its section on the library page, so that none is forgotten."""
    if docname == "backmatter/api":
        source[0] += "".join(
            f"\n## `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
            for name in public_modules(app.config.autodoc_mock_imports)
        )


@cache
def statement_labels(root):
    """Labels that the chapters define; a docstring may name one of a chapter not yet written."""
    return {statement.label for statement in statements(Path(root))}


def link_statements(app, what, name, obj, options, lines):
    """Make the label of a statement in a docstring a link to the statement."""
    known = statement_labels(str(app.srcdir))

    def link(match):
        return f":prf:ref:`{match[1]}`" if match[1] in known else match[0]

    lines[:] = [LABEL.sub(link, line) for line in lines]


def show_constructor(app, what, name, obj, options, signature, returns):
    """Give a class its constructor's signature, which a mocked base hides behind `__new__`."""
    if what == "class" and signature == "(*args, **kwargs)":
        constructor = inspect.signature(obj.__init__)
        shown = list(constructor.parameters.values())[1:]  # without self
        return str(constructor.replace(parameters=shown)), returns
    return None


def copy_mathjax(app, exception):
    """Put MathJax among the built files.

    It cannot lie in a static path: Jupyter Book would load each of its scripts on every page.
    """
    if exception or app.builder.format != "html":
        return
    source = Path(mathjax.__file__).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, destination, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, destination)


def drop_icon_script(app, exception):
    """Leave the icons to the theme's font: its script of 1.5 MB would draw the same ten again.

    The theme writes the tag in a template that it does not let one replace.
    """
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(ICON_SCRIPT.sub("", text), encoding="utf-8")
    for unused in (Path(app.outdir) / "_static" / "scripts").glob("fontawesome.js*"):
        unused.unlink()


def setup(app):
    """Connect the hooks."""
    app.connect("config-inited", drop_dead_buttons)
    app.connect("source-read", list_modules)
    app.connect("autodoc-process-docstring", link_statements)
    app.connect("autodoc-process-signature", show_constructor)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", drop_icon_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
