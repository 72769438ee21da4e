"""Show each statement in its row of the ledger, and put a filter above the rows.

The ledger names statements and the checks they passed; what a statement says is taken from its
chapter, so that it is written once.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import new_document

from book.extensions import rows
from book.scripts import ledger_page
from book.scripts.build_ledger import KINDS, PAGE, chapter_titles, chapters, statements
from book.scripts.colab import repository

DOCUMENT = PAGE.with_suffix("").as_posix()
LINK = "#ledger-"


def methods_of(row):
    """Names of the methods that verified a statement, each once."""
    return list(dict.fromkeys(method.split("**")[1] for method in row.methods))


def form(root):
    """The filter as HTML: by chapter, kind, method and words."""
    found = {method for row in ledger_page.rows(root).values() for method in methods_of(row)}
    menus = [
        rows.menu("chapter", chapter_titles(root)),
        rows.menu("kind", {kind: kind for kind in KINDS}),
        rows.menu("method", {method: method for method in sorted(found)}),
    ]
    return rows.form("table.ledger > tbody", "statement", menus, "ridge, q^n")


def contents(env):
    """Map each label to what its statement says, as nodes that no link has been followed of."""
    found = {}
    for chapter in chapters(env.srcdir):
        for node in env.get_doctree(f"chapters/{chapter}").findall(nodes.Element):
            if "proof" in node.get("classes", ()) and node.get("label"):
                found[node["label"]] = next(node.findall(nodes.section)).children
    return found


def without_names(node):
    """Copy a part of a statement; its anchors and the numbers of formulas stay in the chapter."""
    copied = node.deepcopy()
    for part in copied.findall(nodes.Element):
        for name in ("ids", "names", "dupnames", "backrefs"):
            part[name] = []
        if "refdoc" in part:  # links lead on from here
            part["refdoc"] = DOCUMENT
        if isinstance(part, nodes.math_block):
            part["label"] = part["number"] = None
    return copied


def is_ledger_link(node):
    """Whether a paragraph is the line of a statement that leads to the ledger."""
    return isinstance(node, nodes.paragraph) and any(
        part.get("reftarget", "").startswith(LINK[1:]) for part in node.findall(nodes.Element)
    )


def said(app, parts):
    """What a statement says, with its links as seen from the ledger."""
    page = new_document("")
    page += [without_names(part) for part in parts if not is_ledger_link(part)]
    app.env.resolve_references(page, DOCUMENT, app.builder)
    return nodes.container("", *page.children, classes=["statement"], is_div=True)


def typeset(row):
    """Write the signs of the checks as a reader does."""
    for text in list(row.findall(nodes.Text)):
        text.parent.replace(text, nodes.Text(text.replace("<=", "≤").replace(">=", "≥")))


def unwrap(row):
    """Take the paragraphs out of lists of one line an item: an element each, and there are many."""
    for item in row.findall(nodes.list_item):
        if len(item) == 1 and isinstance(item[0], nodes.paragraph):
            item[:] = item[0].children


def test_addresses(root):
    """Map the name of each claim test to its source in the repository, once that has an address."""
    found = repository(root)
    if found is None:
        return {}
    url, branch = found
    folder = Path("tests") / "claims"
    return {
        name: f"{url}/blob/{branch}/{(folder / file.name).as_posix()}"
        for file in sorted((Path(root) / folder).glob("*.py"))
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }


def link_tests(row, addresses):
    """Link the tests that a row names to their source."""
    for name in list(row[-1].findall(nodes.literal)):
        if name.astext() in addresses:
            # As HTML: a reference of docutils may not stand in an item without its paragraph.
            link = f'<a class="reference external" href="{escape(addresses[name.astext()])}">'
            code = f'<code class="docutils literal notranslate">{escape(name.astext())}</code>'
            name.parent.replace(name, nodes.raw("", f"{link}{code}</a>", format="html"))


def laid_out(row, record, statement):
    """The body of the table for one statement: what it says, and below it what verified it."""
    first, *others = row.children
    entry = nodes.entry("", *first.children, statement, morecols=len(others) - 1)
    classes = [f"kind-{record.kind}", *(f"method-{name}" for name in methods_of(record))]
    return nodes.tbody("", nodes.row("", entry), nodes.row("", *others), classes=classes)


def label_of(row):
    """The label of the statement that a row is about."""
    names = (name for part in row.findall(nodes.inline) for name in part["ids"])
    return next(name for name in names if name.startswith("ledger-")).removeprefix("ledger-")


def lay_out(app, doctree, docname):
    """Give each row of the ledger what its statement says, across the columns of the checks."""
    if app.builder.format != "html" or docname != DOCUMENT:
        return
    tables = [node for node in doctree.findall(nodes.table) if "ledger" in node["classes"]]
    if not tables:  # a statement, of which `said` has the links resolved
        return
    records, parts = ledger_page.rows(app.srcdir), contents(app.env)
    addresses = test_addresses(app.srcdir)
    chapter_of = {statement.label: statement.chapter for statement in statements(app.srcdir)}
    for table in tables:
        group = table.next_node(nodes.tgroup)
        del group[0]  # the column of the statements
        group["cols"] -= 1
        head, body = group.next_node(nodes.thead), group.next_node(nodes.tbody)
        del head[0][0]
        group.remove(body)
        for row in list(body):
            label = label_of(row)
            typeset(row)
            unwrap(row)
            link_tests(row, addresses)
            group += laid_out(row, records[label], said(app, parts[label]))
        table.parent["classes"].append(f"chapter-{chapter_of[label]}")
    app.env.get_domain("math").data["has_equations"][DOCUMENT] = True  # so that MathJax is loaded
    first = tables[0].parent
    room = nodes.raw("", form(app.srcdir), format="html")
    first.parent.insert(first.parent.index(first), room)


def setup(app):
    """Connect the hook, after those that set the type of a page."""
    app.connect("doctree-resolved", lay_out, priority=700)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
