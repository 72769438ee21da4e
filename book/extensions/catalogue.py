"""Render the catalogue of variants from interactive/catalogue.yml, as one table.

The table is written in Markdown, so that formulas, sources and statements are what they are
elsewhere. It is whole without a script; a script sorts and filters its rows.
"""

from html import escape
from pathlib import Path

import yaml

PAGE = "interactive/catalogue"
ROOM = '<div class="catalogue-table"></div>'
UNVERIFIED = "not verified here"
COLUMNS = ("Variant", "In training", "Mean and variance", "In evaluation", "Code and statement")
ORDERS = {"": "as listed", "name": "by name", "year": "by year"}


def load(root):
    """Families and variants of the page."""
    path = Path(root) / "interactive" / "catalogue.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def row(variant):
    """Return one row of the table, a list of cells that are lists of paragraphs."""
    verified = variant["statement"] != UNVERIFIED
    statement = f"{{prf:ref}}`{variant['statement']}`" if verified else f"*{UNVERIFIED}*"
    return [
        [
            f"**{variant['name']}**",
            f"[{variant['family']}]{{.family}}",
            f"{{cite:t}}`{variant['source']}`",
        ],
        [variant["formula"]],
        [f"Mean: {variant['mean']}", f"Variance: {variant['variance']}"],
        [variant["inference"]],
        [variant["implemented"], statement],
    ]


def table(variants):
    """Return the table as the directive `list-table`."""
    lines = ["```{list-table} Variants of dropout", ":header-rows: 1", ":class: catalogue", ""]
    for cells in [[[column] for column in COLUMNS], *map(row, variants)]:
        for number, paragraphs in enumerate(cells):
            first, *others = paragraphs
            lines.append(f"{'  ' if number else '* '}- {first}")
            for paragraph in others:
                lines += ["", f"    {paragraph}"]
    return "\n".join([*lines, "```"])


def choices(label, name, options):
    """Return a choice of the form above the table."""
    items = "".join(f'<option value="{escape(v)}">{escape(t)}</option>' for v, t in options)
    return f'<label>{label}<select name="{name}">{items}</select></label>'


def form(families):
    """Return the form that sorts and filters, hidden where no script runs."""
    verified = {"": "all", "yes": "verified", "no": UNVERIFIED}
    return "\n".join(
        [
            '<form class="catalogue-filter">',
            choices("Family", "family", [("", "all"), *((f, f) for f in families)]),
            choices("Verified", "verified", verified.items()),
            choices("Order", "order", ORDERS.items()),
            '<label>Words<input name="words" type="search"></label>',
            '<button type="reset">Show all</button>',
            '<p role="status"></p>',
            "</form>",
        ]
    )


def render(root):
    """Return form and table, to stand between empty lines."""
    found = load(root)
    return f"{form(found['families'])}\n\n{table(found['variants'])}"


def fill(app, docname, source):
    """Put the table where the page has room for it."""
    if docname == PAGE:
        source[0] = source[0].replace(ROOM, render(app.srcdir))


def attach(app, pagename, templatename, context, doctree):
    """Add script and style to the page; the files are copied with those of the figures."""
    if pagename == PAGE:
        app.add_css_file("interactive/catalogue.css")
        app.add_js_file("interactive/catalogue.js", priority=600)


def setup(app):
    """Connect the hooks."""
    app.connect("source-read", fill)
    app.connect("html-page-context", attach)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
