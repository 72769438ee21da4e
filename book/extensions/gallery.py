"""Make a gallery of the mistakes: a card each, that asks before it answers, and an overview.

A card is a section whose label begins with `mistake-` and that holds a question to guess at. What
follows the question becomes a fold. It is open in the page as written, so that a reader without
scripts has the answer, and closed by a script of one line before it is painted.
"""

from docutils import nodes

ROOM = "mistake-overview"
CAUGHT = "Caught by"
OPEN = '<details class="answer" open><summary>Answer</summary>'
CLOSE = "</details><script>document.currentScript.previousElementSibling.open = false;</script>"


def label_of(section):
    """The label of a card, or None if the section is none."""
    return next((name for name in section["ids"] if name.startswith("mistake-")), None)


def raw(html):
    """A piece of HTML as a node."""
    return nodes.raw("", html, format="html")


def fold_answer(card):
    """Put all that follows a card's question into a fold."""
    guess = next(part for part in card if "guess" in part.get("classes", ()))
    card["classes"].append("mistake")
    card.insert(card.index(guess) + 1, raw(OPEN))
    card.append(raw(CLOSE))


def how_caught(card):
    """The line of a card that says how its mistake is found."""
    for paragraph in card.findall(nodes.paragraph):
        if paragraph.astext().startswith(CAUGHT):
            return [nodes.Text(CAUGHT), *(part.deepcopy() for part in paragraph.children[1:])]
    raise ValueError(f'{label_of(card)} has no line "{CAUGHT}"')


def entry(card):
    """A card of the overview: the claim, which leads to its section, and how it is caught."""
    title = card.next_node(nodes.title)
    link = nodes.reference(
        "", "", *(part.deepcopy() for part in title), internal=True, refid=label_of(card)
    )
    line = nodes.paragraph("", "", *how_caught(card))
    return nodes.list_item("", nodes.paragraph("", "", link), line)


def overview(sections):
    """The cards of all sections, under the titles of these."""
    groups = []
    for section in sections:
        cards = [part for part in section.findall(nodes.section) if label_of(part)]
        if cards:
            title = section.next_node(nodes.title).astext()
            groups.append(nodes.paragraph("", title, classes=["group"]))
            groups.append(nodes.bullet_list("", *map(entry, cards)))
    return nodes.container("", *groups, classes=[ROOM], is_div=True)


def link_by_label(app, doctree):
    """Let a card's own link and its place in the contents be its label, which stays."""
    for card in doctree.findall(nodes.section):
        if label := label_of(card):
            card["ids"] = [label, *(name for name in card["ids"] if name != label)]


def lay_out(app, doctree, docname):
    """Lay out a page that has room for an overview of mistakes."""
    if app.builder.format != "html":
        return
    for room in [node for node in doctree.findall(nodes.raw) if ROOM in node.astext()]:
        sections = [part for part in room.parent if isinstance(part, nodes.section)]
        room.parent.replace(room, overview(sections))
        for card in [part for part in doctree.findall(nodes.section) if label_of(part)]:
            fold_answer(card)


def setup(app):
    """Connect the hooks, the first before Sphinx collects the contents."""
    app.connect("doctree-read", link_by_label, priority=400)
    app.connect("doctree-resolved", lay_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
