"""Render the catalogue of variants from interactive/catalogue.yml, as one table.

The table is written in Markdown, so that formulas, sources and statements are what they are
elsewhere. The form above it filters and sorts the rows.
"""

from pathlib import Path

import yaml

from book.extensions import rows

PAGE = "interactive/catalogue"
ROOM = '<div class="catalogue-table"></div>'
UNVERIFIED = "not verified here"
COLUMNS = ("Variant", "In training", "Mean and variance", "In evaluation", "Code and statement")
TRIED = ("emp-", "contested-")  # kinds of statement that were seen, and prove nothing of a row
VERIFIED = {"yes": "verified", "tried": "only tried", "no": UNVERIFIED}
ORDERS = {"": "as listed", "name": "by name", "year": "by year"}


def load(root):
    """Families and variants of the page."""
    path = Path(root) / "interactive" / "catalogue.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def slug(family):
    """Return the name of a family as part of a class."""
    return family.replace(" ", "-")


def row(variant):
    """Return one row of the table, a list of cells that are lists of paragraphs."""
    if variant["statement"] == UNVERIFIED:
        statement = f"[*{UNVERIFIED}*]{{.verified-no}}"
    else:
        standing = "tried" if variant["statement"].startswith(TRIED) else "yes"
        statement = f"[{{prf:ref}}`{variant['statement']}`]{{.verified-{standing}}}"
    return [
        [
            f"**{variant['name']}**",
            f"[{variant['family']}]{{.family .family-{slug(variant['family'])}}}",
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


def form(families):
    """Return the form that sorts and filters."""
    menus = [
        rows.menu("family", {slug(family): family for family in families}),
        rows.menu("verified", VERIFIED),
        rows.menu("order", ORDERS),
    ]
    return rows.form("table.catalogue > tbody > tr", "variant", menus)


def render(root):
    """Return form and table, to stand between empty lines."""
    found = load(root)
    return f"{form(found['families'])}\n\n{table(found['variants'])}"


def fill(app, docname, source):
    """Put the table where the page has room for it."""
    if docname == PAGE:
        source[0] = source[0].replace(ROOM, render(app.srcdir))


def setup(app):
    """Connect the hook."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
