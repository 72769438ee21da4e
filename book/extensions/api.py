"""Make the pages of the library and the checks from their docstrings, with links to statements.

Each public module has a page of its own, which `_toc.yml` lists; its file holds the title alone.
"""

import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType

from sphinx.ext.autodoc.mock import mock
from sphinx.pycode import ModuleAnalyzer

import dropoutlib
from book.scripts.build_ledger import statements

PAGE = "backmatter/api"
# What chapters state in closed form, and nobody else needs.
CLOSED_FORMS = (
    "book.ensemble",
    "book.noise",
    "book.gradients",
    "book.variants",
    "book.bayesian",
)
# Titles of the index, with what tells of a module that it stands below one.
GROUPS = {
    "The library": lambda name: name.startswith("dropoutlib."),
    "The checks": lambda name: name.split(".")[0] == "dropcheck",
    "The book\N{RIGHT SINGLE QUOTATION MARK}s own helpers": lambda name: name.startswith("book."),
}
LITERAL = re.compile("``")
ALIAS = "Alias for field number"  # what Python says of each field of a named tuple
# All modules were once on one page: an address of then is that of its module's page now.
FORWARD = """\
<script>
(() => {
  const name = location.hash.slice(1).replace(/^module-/, "");
  const page = [...document.querySelectorAll('article a[href*="api/"]')]
    .map((link) => link.getAttribute("href").split("#")[0])
    .filter((href) => `${name}.`.startsWith(`${href.slice(4, -5)}.`))
    .sort((a, b) => b.length - a.length)[0];
  if (page) location.replace(page + location.hash);
})();
</script>
"""
# A label, with the word before it that a reference brings itself: "Definition 1.2".
LABEL = re.compile(r"(?:\b(?:Definition|Proposition|Statement|Theorem) )?``([a-z0-9-]+)``")


def public_modules(mocked):
    """Names of the modules to document: the library, the checks, exercises, closed forms.

    A room is followed by the modules that it makes public. The checks offer all they have at
    their front door, so they are one section, as are the exercises.
    """
    names = []
    with mock(mocked):
        for found in pkgutil.iter_modules(dropoutlib.__path__, "dropoutlib."):
            if found.name.startswith("dropoutlib._"):
                continue
            module = importlib.import_module(found.name)
            inner = [getattr(module, name) for name in module.__all__]
            names += [found.name, *(m.__name__ for m in inner if isinstance(m, ModuleType))]
    return [*names, "dropcheck", "dropcheck.conformance", "book.exercises", *CLOSED_FORMS]


def entry(name):
    """A line of the index: a module with a link to its page, and what its docstring says first."""
    doc = inspect.getdoc(importlib.import_module(name)).splitlines()[0]
    return f"- [`{name}`]({Path(PAGE).name}/{name}.md): {LITERAL.sub('`', doc)}"


def index(mocked, order):
    """The index of the modules in MyST Markdown, in three lists, as `order` has them."""
    known = sorted(public_modules(mocked), key=order.index)
    lines = []
    with mock(mocked):
        for title, belongs in GROUPS.items():
            lines += ["", f"## {title}", "", *map(entry, filter(belongs, known))]
    return "\n".join([*lines, "", FORWARD])


def data(module):
    """Entries of what a module offers that is neither called nor a module, with its comments.

    A package takes such data from a module of its own, where the comment ``#:`` stands that
    autodoc looks for in the package. The source is read without an import, since who builds the
    book may lack what a module needs.
    """
    lines = []
    for name in module.__all__:
        if callable(value := getattr(module, name)) or isinstance(value, ModuleType):
            continue
        for path in Path(module.__path__[0]).glob("*.py"):
            analyzer = ModuleAnalyzer.for_file(path, f"{module.__name__}.{path.stem}")
            if said := analyzer.find_attr_docs().get(("", name)):
                lines += [f".. py:data:: {name}", f"   :module: {module.__name__}", ""]
                lines += [*(f"   {line}" for line in said), ""]
    return lines


def list_modules(app, docname, source):
    """Fill the index and the page of each module."""
    mocked = app.config.autodoc_mock_imports
    if docname == PAGE:
        toctree = app.env.external_site_map[PAGE].child_files()
        source[0] += index(mocked, [Path(file).name for file in toctree])
    elif docname.startswith(f"{PAGE}/"):
        name = Path(docname).name
        with mock(mocked):
            lines = data(importlib.import_module(name))
        lines = [f".. automodule:: {name}", "   :members:", "", *lines]
        source[0] += "\n".join(["", "```{eval-rst}", *lines, "```", ""])


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
        shown = [  # without self; types would link to what other projects document
            parameter.replace(annotation=parameter.empty)
            for parameter in list(constructor.parameters.values())[1:]
        ]
        signature = inspect.Signature(shown)
        return str(signature), returns
    return None


def leave_out_aliases(app, what, name, obj, skip, options):
    """Leave out the fields of a named tuple, which its docstring tells of; None is no opinion."""
    return True if (getattr(obj, "__doc__", None) or "").startswith(ALIAS) else None


def setup(app):
    """Connect the hooks."""
    app.connect("source-read", list_modules)
    app.connect("autodoc-process-docstring", link_statements)
    app.connect("autodoc-skip-member", leave_out_aliases)
    app.connect("autodoc-process-signature", show_constructor)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
