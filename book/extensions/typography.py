"""Keep on one line what a browser would part: a formula from its comma, a number from its %.

An inline formula is a box to a browser, which may break the line before and after it, whatever
stands there. No style sheet can forbid that, so formula and punctuation get an element around
them in which no line is broken. Within a name of code a line may be broken, behind a low line
rather than within a word.
"""

import re

from docutils import nodes

OPENING = re.compile(r"[(\[“‘]+$")
# After a hyphen a line may be broken again: "n-" and "tuple".
CLOSING = re.compile(r"^(?:[)\]”’.,;:!?]+|-)")
PERCENT = re.compile(r"(?<=\d) (?=%)")
# Between letters, so that what begins or ends with low lines stays whole.
WORD_OF_NAME = re.compile(r"(?<=[a-z0-9])_(?=[a-z0-9])")
NAME = re.compile(r'(?<=<span class="pre">)[^<]*')
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
LEDGER = "backmatter/ledger"
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


def place_of(node):
    """Index of a node in its parent; two texts of the same words are equal to `index`."""
    return next(k for k, child in enumerate(node.parent) if child is node)


def keep_numbers(doctree):
    """Put a space that does not break between a number and its per cent sign."""
    for text in list(doctree.findall(nodes.Text)):
        if PERCENT.search(text) and not isinstance(text.parent, VERBATIM):
            text.parent[place_of(text)] = nodes.Text(PERCENT.sub(NO_BREAK_SPACE, text))


def keep_punctuation(doctree):
    """Wrap each inline formula together with the punctuation around it."""
    for formula in list(doctree.findall(nodes.math)):
        parent, place = formula.parent, place_of(formula)
        before = parent[place - 1] if place else None
        after = parent[place + 1] if place + 1 < len(parent) else None
        opening = OPENING.search(before) if isinstance(before, nodes.Text) else None
        closing = CLOSING.search(after) if isinstance(after, nodes.Text) else None
        if not opening and not closing:
            continue
        parent[place] = kept = nodes.inline(classes=["keep"])
        kept += formula
        if opening:
            parent[place - 1] = nodes.Text(before[: opening.start()])
            kept.insert(0, nodes.Text(opening[0]))
        if closing:
            parent[place + 1] = nodes.Text(after[closing.end() :])
            kept += nodes.Text(closing[0])


def part_names(body):
    """Return the HTML of a page that says where a name of code may be parted."""
    return NAME.sub(lambda name: WORD_OF_NAME.sub("_<wbr>", name[0]), body)


def part_names_of_page(app, pagename, templatename, context, doctree):
    """Say it in tables and text, once all others have seen the names whole."""
    if "body" in context and pagename != LEDGER:  # which has as many names as it can bear elements
        context["body"] = part_names(context["body"])


def set_type(app, doctree, docname):
    """Change what is written, not what is stored."""
    if app.builder.format == "html":
        keep_numbers(doctree)
        keep_punctuation(doctree)


def setup(app):
    """Connect the hooks."""
    app.connect("doctree-resolved", set_type)
    app.connect("html-page-context", part_names_of_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
