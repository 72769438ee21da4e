"""Make one page of the whole built book, for print: the same pages, in the order of the contents.

Nothing is rendered anew. Each page's text is taken as it was built; its anchors get the page's name
in front, so that no two are alike, and links between pages become links within.
"""

import copy
import json
import posixpath
from html import escape
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from book.extensions import formulas

# Left out on paper: what only a screen can use.
SCREEN_ONLY = (
    ".headerlink",
    "button",
    "script",
    "picture > source",
    "img.only-dark",
    "details.hide",  # code of figures, folded away on the pages
    ".actions",
    ".guide-form",
    ".reader-progress",
    ".row-filter",
)
STYLES = (
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "proof.css",
    "exercise.css",
    "sphinx-design.min.css",
    "book.css",
    "interactive/playground.css",
    "interactive/rows.css",
)
MATHJAX = json.dumps(
    {"loader": {"load": formulas.COMPONENTS}, "options": {"processHtmlClass": "math"}}
)


def contents(root):
    """Parts of the book as pairs of a caption and page names, the first page first."""
    toc = yaml.safe_load((Path(root) / "_toc.yml").read_text(encoding="utf-8"))
    listed = [(part["caption"], part["chapters"]) for part in toc["parts"]]
    return [("", [toc["root"]])] + [
        (caption, [file for entry in entries for file in _files(entry)])
        for caption, entries in listed
    ]


def _files(entry):
    """A page of the contents and those below it."""
    return [entry["file"], *(file for part in entry.get("sections", ()) for file in _files(part))]


def slug(page):
    """Anchor of a page within the single one."""
    return page.replace("/", "-")


def target(page, href, pages):
    """Where a link on `page` leads in the single page; None if to what is not in it."""
    if "://" in href or href.startswith("mailto:"):
        return href
    path, _, anchor = href.partition("#")
    folder = posixpath.dirname(page)
    other = posixpath.normpath(posixpath.join(folder, path)) if path else page
    name = other.removesuffix(".html")
    if name not in pages:
        return None
    return f"#{slug(name)}--{anchor}" if anchor else f"#{slug(name)}"


def article(html, page, pages):
    """Return the text of one built page as a section of the single one."""
    soup = BeautifulSoup((html / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    found = soup.select_one("article.bd-article")
    for useless in found.select(", ".join(SCREEN_ONLY)):
        useless.decompose()
    for tag in found.find_all(id=True):
        tag["id"] = f"{slug(page)}--{tag['id']}"
    for attribute in ("for", "aria-labelledby", "aria-describedby"):
        for tag in found.find_all(attrs={attribute: True}):
            del tag[attribute]
    for link in found.find_all("a", href=True):
        where = target(page, link["href"], pages)
        if where is None:
            link.unwrap()
        else:
            link["href"] = where
    for picture in found.find_all("img"):
        if not picture["src"].startswith("data:"):
            picture["src"] = posixpath.normpath(
                posixpath.join("../html", posixpath.dirname(page), picture["src"])
            )
    for fold in found.find_all("details"):
        fold["open"] = ""
    section = soup.new_tag("section", id=slug(page), attrs={"class": "page bd-article"})
    section.extend(copy.copy(list(found.children)))
    return section


def headings(section, level=2):
    """Anchor, text and depth of the headings of a page, down to `level`."""
    for heading in section.find_all([f"h{depth}" for depth in range(1, level + 1)]):
        holder = heading.find_parent("section", id=True)
        yield holder["id"], " ".join(heading.get_text().split()), int(heading.name[1])


def listing(entries):
    """Return the table of contents, whose numbers are filled in once they are known."""
    rows = []
    for anchor, text, depth, caption in entries:
        rows += [f'<li class="part">{caption}</li>'] if caption else []
        number = f'<span class="number" data-anchor="{anchor}">000</span>'
        link = f'<a href="#{anchor}"><span>{escape(text)}</span>{number}</a>'
        rows.append(f'<li class="depth-{depth}">{link}</li>')
    return f'<nav class="book-contents"><h1>Contents</h1><ol>{"".join(rows)}</ol></nav>'


def assemble(root, title, colophon):
    """Return the single page as HTML: cover, contents and all pages of the book in `root`."""
    html = Path(root) / "_build" / "html"
    parts = contents(root)
    pages = [page for _, names in parts for page in names]
    shell = BeautifulSoup("<main></main>", "html.parser")
    entries = []
    for caption, names in parts:
        for page in names:
            section = article(html, page, pages)
            for entry in headings(section, 2 if page.startswith("chapters/") else 1):
                entries.append((*entry, caption))
                caption = None
            shell.main.append(section)
    static = "../html/_static"
    figures = list(dict.fromkeys(tag["data-figure"] for tag in shell.select("[data-figure]")))
    scripts = ["shared", "mc-networks", *figures] if figures else []
    styles = [f'<link rel="stylesheet" href="{static}/{name}">' for name in STYLES]
    loaded = [f'<script src="{static}/interactive/{name}.js"></script>' for name in scripts]
    return "".join(
        [
            '<!doctype html><html lang="en" class="math-ready" data-theme="light" ',
            f'data-content_root="../html/"><head><meta charset="utf-8"><title>{title}</title>',
            *styles,
            '<link rel="stylesheet" href="../../print/print.css">',
            f"<script>window.MathJax = {MATHJAX};</script>",
            f'<script defer src="{static}/mathjax/es5/startup.js"></script>',
            *loaded,
            f'</head><body><header class="cover"><img src="{static}/logo.svg" alt="">',
            f'<p class="title">{title}</p>{colophon}</header>',
            f"{listing(entries)}{shell}</body></html>",
        ]
    )
