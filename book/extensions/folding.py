"""Fold what a reader does not need at first: the code of checks, of figures, and of the setting up.

A chapter is a notebook, and a notebook shows its code. On the page the text comes first: each code
cell becomes a line that opens it, and that says what is inside. What a check prints folds with its
code, under a badge with what the ledger knows of the statement before it; a figure stays, and so
does a printed result that is no check. A cell tagged `shown` stays open.

The notebooks are not changed, and nothing that is folded is left out: search and print have it.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes

from book.extensions import gallery
from book.scripts import ledger_page

CHECK = re.compile(r"\bdropcheck\.")
SOURCE = re.compile(r"^show_source\(", re.MULTILINE)
SETUP = re.compile(r"^(?:import|from) \w", re.MULTILINE)
SHOWN = "tag_shown"
LONG = 12  # lines
STATEMENTS = re.compile(r"^(?:approx|contested|def|emp|thm)-")


def badge(row):
    """What the ledger knows of a statement, in a line."""
    ways, wrong = len(row.methods), len(row.wrong)
    parts = [f"✓ verified {ways} way{'s' if ways != 1 else ''}"]
    if wrong:
        parts.append(f"{wrong} wrong form{'s' if wrong != 1 else ''} rejected")
    if any(method.startswith("**formal**") for method in row.methods):
        parts.append("for every n")
    return " · ".join(parts)


def outputs_of(cell):
    """The container of what a cell printed and drew, or None."""
    return next((part for part in cell if "cell_output" in part.get("classes", ())), None)


def input_of(cell):
    """The node that holds a cell's code, as it stands or hidden by its tag."""
    for part in cell:
        if "cell_input" in part.get("classes", ()) or type(part).__name__ == "HideCodeCellNode":
            return part
    return None


def has_picture(outputs):
    """Whether a cell drew something."""
    return any(
        True for _ in outputs.findall(lambda node: isinstance(node, (nodes.image, nodes.figure)))
    )


def prints(outputs):
    """Whether a cell printed something, and did not show the library's source alone."""
    return any("stream" in node.get("classes", ()) for node in outputs.findall(nodes.Element))


def is_long(kind, outputs):
    """Whether a printed result is a table to look things up in, and not a few numbers to read."""
    return kind == "result" and outputs.astext().count("\n") >= LONG


def kind_of(cell, source):
    """What a cell is for: check, figure, library, setup, code or result."""
    outputs = outputs_of(cell)
    if outputs is not None and has_picture(outputs):
        return "figure"
    if SOURCE.search(source):
        return "library"
    if CHECK.search(source):
        return "check"
    if outputs is None:
        return "setup" if SETUP.search(source) else "code"
    return "result"


SUMMARY = {
    "code": "Code that what follows uses",
    "figure": "Code of the figure",
    "library": "The library’s own code for it",
    "result": "Code of these numbers",
    "setup": "Code that sets up the chapter",
    "check": "The check, as it ran",
}
# Where what was printed is folded too, so that one who reads of its columns finds them.
WITH_PRINT = {
    "library": "The library’s own code for it, and what it prints",
    "result": "The table, and its code",
}
FURTHER = "A further table, and its code"  # right below another


def folded(parts, kind, summary):
    """Nodes between the tags of a closed `<details>`."""
    return [
        nodes.raw(
            "",
            f'<details class="fold fold-{kind}"><summary>{escape(summary)}</summary>',
            format="html",
        ),
        *parts,
        nodes.raw("", "</details>", format="html"),
    ]


def follows_a_table(cell):
    """Whether nothing stands between a cell and a folded table above it."""
    at = cell.parent.index(cell) if cell.parent else 0
    above = cell.parent[at - 1].astext() if at else ""
    tables = (WITH_PRINT["result"], FURTHER)
    return any(f"<summary>{escape(name)}</summary>" in above for name in tables)


def fold(cell, row, example=False):
    """Fold one cell; `row` is that of the statement before it in the ledger, or None.

    What an example prints is what it is there for, so that it stays, even if it is a check's.
    """
    code, outputs = input_of(cell), outputs_of(cell)
    source = next((node.astext() for node in code.findall(nodes.literal_block)), "")
    kind = kind_of(cell, source)
    if example and kind == "check":
        kind = "result"
    if type(code).__name__ == "HideCodeCellNode":  # ours takes the place of the theme's
        cell.replace(code, code.children)
        code = input_of(cell)
    summary = SUMMARY[kind]
    if kind == "check" and row is not None:
        summary = f"{badge(row)}: the check, as it ran"
    inside = [code]
    cell.remove(code)
    if outputs is not None and (kind in ("check", "library") or is_long(kind, outputs)):
        inside.append(outputs)
        cell.remove(outputs)
        summary = WITH_PRINT.get(kind, summary) if prints(outputs) else summary
        if summary == WITH_PRINT["result"] and follows_a_table(cell):
            summary = FURTHER
    elif outputs is not None and kind == "figure":
        printed = [part for part in outputs if not has_picture(part)]
        for part in printed:
            outputs.remove(part)
        if printed:
            inside.append(nodes.container("", *printed, classes=["cell_output", "docutils"]))
    cell[0:0] = folded(inside, kind, summary)


def fold_cells(app, doctree, docname):
    """Fold the cells of a chapter, and say under each statement how it was verified."""
    if app.builder.format != "html" or not docname.startswith("chapters/"):
        return
    written = (Path(app.srcdir) / ledger_page.PAGE).exists()
    rows = ledger_page.rows(app.srcdir) if written else {}
    label = None
    for node in list(doctree.findall(nodes.Element)):
        if STATEMENTS.match(node.get("label", "")) and "proof" in node.get("classes", ()):
            label = node["label"]
            for link in node.findall(nodes.reference):
                if link.get("refuri", "").endswith(f"#ledger-{label}") and label in rows:
                    link.children = [
                        nodes.inline("", badge(rows[label]), classes=["badge-verified"])
                    ]
        elif node.get("nb_element") == "cell_code" and SHOWN not in node["classes"]:
            card = gallery.label_of(node.parent)
            fold(node, rows.get(label), example=card is not None and label is None)
            # The badge stands at the first check behind a statement.
            if "fold-check" in node[0].astext():
                label = None


def setup(app):
    """Connect the hook."""
    app.connect("doctree-resolved", fold_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
