"""Make one page of the whole built book, for print: the same pages, in the order of the contents.

Nothing is rendered anew. Each page's text is taken as it was built; its anchors get the page's name
in front, so that no two are alike, and links between pages become links within.
"""

import copy
import posixpath
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

# Left out on paper: what only a screen can use.
SCREEN_ONLY = (
    ".headerlink",
    "button",
    "script",
    "details.hide",  # code of figures, folded away on the pages
    ".actions",
    ".guide-form",
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
)


def contents(root):
    """Parts of the book as pairs of a caption and page names, the first page first."""
    toc = yaml.safe_load((Path(root) / "_toc.yml").read_text(encoding="utf-8"))
    parts = [("", [toc["root"]])]
    return parts + [
        (part["caption"], [entry["file"] for entry in part["chapters"]]) for part in toc["parts"]
    ]


def slug(page):
    """Anchor of a page within the single one."""
    return page.replace("/", "-")


def target(page, href, pages):
    """Where a link on `page` leads in the single page; None if not into the book."""
    if "://" in href or href.startswith("mailto:"):
        return href
    path, _, anchor = href.partition("#")
    other = (
        posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        if path
        else f"{page}.html"
    )
    if other.removesuffix(".html") not in pages:
        return None
    name = slug(other.removesuffix(".html"))
    return f"#{name}--{anchor}" if anchor else f"#{name}"


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
    section = soup.new_tag("section", id=slug(page), attrs={"class": "page"})
    section.extend(copy.copy(list(found.children)))
    return section


def headings(section, level=2):
    """Anchor, text and depth of the headings of a page, down to `level`."""
    for heading in section.find_all([f"h{depth}" for depth in range(1, level + 1)]):
        holder = heading.find_parent("section", id=True)
        yield holder["id"], " ".join(heading.get_text().split()), int(heading.name[1])


def assemble(root, title, colophon):
    """Return the page as HTML, and its headings as (anchor, text, depth, caption or None)."""
    root = Path(root)
    html = root / "_build" / "html"
    parts = contents(root)
    pages = [page for _, names in parts for page in names]
    shell = BeautifulSoup("<main></main>", "html.parser")
    entries = []
    for caption, names in parts:
        for number, page in enumerate(names):
            section = article(html, page, pages)
            found = list(headings(section, level=2 if page.startswith("chapters/") else 1))
            entries += [
                (*entry, caption if number == i == 0 else None) for i, entry in enumerate(found)
            ]
            shell.main.append(section)
    styles = "".join(f'<link rel="stylesheet" href="../html/_static/{name}">' for name in STYLES)
    figures = sorted({tag["data-figure"] for tag in shell.select("[data-figure]")})
    scripts = ["shared", "mc-networks", *figures] if figures else []
    scripts = "".join(
        f'<script src="../html/_static/interactive/{name}.js"></script>' for name in scripts
    )
    rows = "".join(
        (f'<li class="part">{caption}</li>' if caption else "")
        + f'<li class="depth-{depth}"><a href="#{anchor}"><span>{text}</span><span class="number" '
        f'data-anchor="{anchor}">000</span></a></li>'
        for anchor, text, depth, caption in entries
    )
    return (
        f'<!doctype html><html lang="en" data-theme="light" data-content_root="../html/"><head>'
        f'<meta charset="utf-8"><title>{title}</title>{styles}'
        '<link rel="stylesheet" href="../../print/print.css">'
        "<script>window.MathJax = {options: {enableMenu: false}, chtml: {scale: 0.95}};</script>"
        f'<script defer src="../html/_static/mathjax/es5/tex-mml-chtml.js"></script>{scripts}'
        f'</head><body><header class="cover"><img src="../html/_static/logo.svg" alt="">'
        f"<p class='title'>{title}</p>{colophon}</header>"
        f'<nav class="contents"><h1>Contents</h1><ol>{rows}</ol></nav>{shell}</body></html>'
    ), entries
