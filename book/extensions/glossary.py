"""Link a term of the glossary where a chapter first uses it, and preview what links lead to.

A reader of a built page hovers over a link to a statement or a term and sees it. The previews lie
in one script that is loaded at the first hover, for a page from disk may fetch nothing else.
"""

import json
import re
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes

from book.scripts.build_ledger import KINDS

# Terms that have another sense as well; a chapter links them by hand with {term}.
AMBIGUOUS = {"activation", "convention", "inference", "power", "unit"}
# Text in these is left alone: it is a link already, no prose, or short enough to need no link.
CLOSED = (
    nodes.Admonition,  # statements, proofs and exercises among them
    nodes.Titular,
    nodes.caption,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.table,
)
PREVIEWS = Path("_static") / "previews" / "statements.js"
LABEL = re.compile(rf"^(?:{'|'.join(start for start, *_ in KINDS.values())})-[\w-]+$")


def terms(app):
    """Terms of the glossary in lower case with the page and the anchor of each."""
    objects = app.env.get_domain("std").objects
    return {
        name.lower(): place
        for (kind, name), place in objects.items()
        if kind == "term" and name.lower() not in AMBIGUOUS
    }


def in_prose(text):
    """Whether a text node stands in a paragraph, outside all that is left alone."""
    paragraph, node = False, text.parent
    while node is not None:
        if isinstance(node, CLOSED):
            return False
        paragraph = paragraph or isinstance(node, nodes.paragraph)
        node = node.parent
    return paragraph


def link_terms(app, doctree, docname):
    """Link each term of the glossary at its first use in a chapter."""
    if not docname.startswith("chapters/"):
        return
    places = terms(app)
    if not places:
        return
    longest_first = sorted(places, key=len, reverse=True)
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, longest_first))})s?\b", re.IGNORECASE)
    linked = {
        reference["refuri"].partition("#")[2]
        for reference in doctree.findall(nodes.reference)
        if "#term-" in reference.get("refuri", "")
    }
    for text in [node for node in doctree.findall(nodes.Text) if in_prose(node)]:
        replacement, position = [], 0
        for match in pattern.finditer(text):
            page, anchor = places[match[1].lower()]
            if anchor in linked:
                continue
            linked.add(anchor)
            uri = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
            link = nodes.reference("", match[0], internal=True, refuri=uri, classes=["term"])
            replacement += [nodes.Text(text[position : match.start()]), link]
            position = match.end()
        if replacement:
            text.parent.replace(text, [*replacement, nodes.Text(text[position:])])


def preview_of(page, tag):
    """HTML of what a link leads to, without its own links and anchors, and its formulas as TeX."""
    if tag.name == "dt":
        part = BeautifulSoup(f"<div>{tag}{tag.find_next_sibling('dd')}</div>", "html.parser").div
    else:
        part = BeautifulSoup(str(tag), "html.parser").find()
    for headerlink in part.find_all(class_="headerlink"):
        headerlink.decompose()
    for link in part.find_all("a"):
        if "#ledger-" in link.get("href", "") and link.parent.get_text() == link.get_text():
            link.parent.decompose()  # the line that leads to the ledger
        else:
            link.unwrap()
    for inner in [part, *part.find_all(id=True)]:
        inner.attrs.pop("id", None)
    return str(part)


def write_previews(app, exception):
    """Collect the statements and the terms from the built pages."""
    if exception or app.builder.format != "html":
        return
    previews, root = {}, Path(app.outdir)
    for page in sorted(app.env.found_docs):
        path = root / f"{page}.html"
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        found = soup.find_all("div", class_="proof", id=LABEL)
        found += soup.find_all("dt", id=re.compile("^term-"))
        previews |= {f"{page}.html#{tag['id']}": preview_of(page, tag) for tag in found}
    target = root / PREVIEWS
    target.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(previews, ensure_ascii=False)
    target.write_text(f"window.bookPreviews = {data};\n", encoding="utf-8")


def setup(app):
    """Connect the hooks."""
    app.connect("doctree-resolved", link_terms)
    app.connect("build-finished", write_previews)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
