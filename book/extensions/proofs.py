"""Fold the formal statements of a theorem under it, beside a reading in words."""

import html
from pathlib import Path

from docutils import nodes

from book.scripts import formal
from book.scripts.build_ledger import KINDS

DIRECTIVES = {directive for _, directives, _ in KINDS.values() for directive in directives}
FOLD = """\
<details class="formal-statement">
<summary>Formal statement, proved for every <i>n</i> (axioms: {axioms})</summary>
{theorems}
<p><a href="{page}#formal-{label}">With its variables and definitions</a></p>
</details>
"""


def fold(label, found, entries, page):
    """Return the fold of one statement as HTML."""
    theorems = "\n".join(
        f"<p>{html.escape(theorem.words)}</p>\n"
        f'<pre tabindex="0">{html.escape(theorem.statement)}</pre>'
        for theorem in found
    )
    axioms = sorted({axiom for entry in entries for axiom in entry["axioms"]})
    return FOLD.format(axioms=formal.spoken(axioms), theorems=theorems, page=page, label=label)


def add_folds(app, doctree):
    """Put a fold behind each statement that has formal ones."""
    root = Path(app.srcdir)
    docname = app.env.docname
    if not docname.startswith("chapters/") or not (root / formal.STORED).exists():
        return
    app.env.note_dependency(str(root / formal.STORED))
    stored = formal.labels(root)
    found = {}
    for theorem in formal.theorems(root):
        found.setdefault(theorem.label, []).append(theorem)
    page = f"{'../' * docname.count('/')}{formal.PAGE.with_suffix('.html').as_posix()}"
    for node in list(doctree.findall(nodes.Admonition)):
        label = node.get("label", "")
        if label in stored and node.get("realtype") in DIRECTIVES:
            text = fold(label, found[label], stored[label], page)
            node.parent.insert(node.parent.index(node) + 1, nodes.raw("", text, format="html"))


def setup(app):
    """Connect the hook."""
    app.connect("doctree-read", add_folds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
