"""Say of a term and of a source which chapters use it, and give the glossary its letters.

All of it is read off the built pages, whose links are the uses.
"""

import re
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup

GLOSSARY = "backmatter/glossary.html"
SOURCES = "backmatter/bibliography.html"
USE = re.compile(r"(?:glossary\.html#(?P<term>term-.+)|bibliography\.html#(?P<source>cite-.+))$")
TERM = re.compile(r'<dt id="(term-[^"]+)">(.)')
#: What closes the entry that begins with an anchor.
END = {"term": "</dd>", "cite": "</div>"}


def place_of(link):
    """Anchor of the innermost section or statement around a link."""
    holder = link.find_parent(["section", "div"], id=lambda name: name and name != "proof-content")
    return holder["id"]


def uses(root, pages):
    """Map each anchor of a term or a source to (address, title) of where a page first links it."""
    found = {}
    for page in pages:
        soup = BeautifulSoup((root / page).read_text(encoding="utf-8"), "html.parser")
        title = soup.select_one("article h1").get_text().removesuffix("#")
        seen = set()
        for link in soup.select("article a[href]"):
            match = USE.search(link["href"])
            anchor = match and (match["term"] or match["source"])
            if anchor and anchor not in seen:
                seen.add(anchor)
                found.setdefault(anchor, []).append((f"../{page}#{place_of(link)}", title))
    return found


def with_uses(html, found):
    """Return a page whose entries say where they are used."""
    for anchor, places in found.items():
        start = html.find(f'id="{anchor}"')
        if start < 0:
            continue
        end = html.index(END[anchor[:4]], start)
        links = ", ".join(f'<a href="{escape(to)}">{escape(title)}</a>' for to, title in places)
        html = f'{html[:end]}<p class="used-in">Used in {links}.</p>\n{html[end:]}'
    return html


def with_letters(html):
    """Return the glossary with its letters above it, each a link to its first term."""
    first = {}
    for anchor, letter in TERM.findall(html):
        first.setdefault(letter.upper(), anchor)
    links = "\n".join(f'<a href="#{anchor}">{letter}</a>' for letter, anchor in first.items())
    room = '<dl class="simple glossary">'
    return html.replace(room, f'<nav class="letters" aria-label="Letters">{links}</nav>\n{room}', 1)


def link_back(app, exception):
    """Extend the two pages, after all others have taken from them what they show elsewhere."""
    root = Path(app.outdir)
    if exception or app.builder.format != "html" or not (root / GLOSSARY).exists():
        return
    pages = [f"{page}.html" for page in app.env.found_docs if page.startswith("chapters/")]
    order = list(app.env.toctree_includes.get(app.config.root_doc, ()))
    pages.sort(key=lambda page: order.index(page.removesuffix(".html")))
    found = uses(root, pages)
    for page in (GLOSSARY, SOURCES):
        html = with_uses((root / page).read_text(encoding="utf-8"), found)
        html = with_letters(html) if page == GLOSSARY else html
        (root / page).write_text(html, encoding="utf-8")


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", link_back, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
