"""Make decks of slides from the built chapters, into _build/slides: a file a chapter, offline.

A section becomes slides under its title, which says the result: its figures, then its statements,
each with the badge of its checks. Code, proofs and exercises stay in the book. Nothing is rendered
anew: text and numbers are those of the built pages, and figures those that build_figures writes.
"""

import argparse
import json
import shutil
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup

from book.extensions import formulas
from book.extensions.interactive import DATA, NEEDS
from book.scripts import build_book, build_figures

ROOT = build_book.ROOT
TARGET = Path("_build") / "slides"
# Ten minutes, and the chapters of theory.
DECKS = ("introduction", "formulation", "ensemble", "noise", "variants", "gradients", "bayesian")
LEFT_OUT = {"Exercises", "Five questions", "Sources", "Where to go on"}
STATEMENTS = ("axiom", "conjecture", "corollary", "definition", "lemma", "observation")
STATEMENTS += ("proposition", "theorem")
STYLES = (
    "basic.css",
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "proof.css",
    "book.css",
    "interactive/playground.css",
)
# Slides are light and wide: of a figure they take neither the dark picture nor the narrow one.
USELESS = "a.headerlink, .section-number, script, img.only-dark, picture > source"
MATHJAX = json.dumps({"loader": {"load": formulas.COMPONENTS}})
SLIDES = ROOT / "print"


def is_statement(tag):
    """Whether a tag is the box of a statement and not of its proof."""
    return "proof" in tag.get("class", ()) and bool({*tag["class"]} & {*STATEMENTS})


def is_figure(tag):
    """Whether a tag is a drawn figure or one to operate."""
    return tag.name == "figure" or "data-figure" in tag.attrs


def is_running_text(tag):
    """Whether a tag is a paragraph that stands in no box."""
    inside = tag.find_parent(["figure", "details", "aside", "div"], class_=True)
    return tag.name == "p" and not inside and "run-note" not in tag.get("class", ())


def sections(article):
    """Yield the title of each section and what of it may stand on a slide, in order."""
    title, found = None, []
    for tag in article.find_all(["h1", "h2", "figure", "div", "p", "table"]):
        if tag.name in ("h1", "h2"):
            if title:
                yield title, found
            title, found = " ".join(tag.get_text().split()), []
        elif is_statement(tag) or is_figure(tag) or is_running_text(tag) or tag.name == "table":
            found.append(tag)
    if title:
        yield title, found


def bodies(found, opening):
    """Contents of the slides of a section: figures and statements, else a table or first words."""
    boxes = [tag for tag in found if is_figure(tag) or is_statement(tag)]
    tables = [tag for tag in found if tag.name == "table"]
    words = [tag for tag in found if tag.name == "p" and len(tag.get_text()) > 40]
    shown = words[:1] if opening else boxes or tables[:1] or words[:1]
    return [str(tag) for tag in shown] or [""]


def bare(article):
    """Take away what only a page can use; links become their words."""
    for useless in article.select(USELESS):
        useless.decompose()
    for link in article.find_all("a"):
        link.unwrap()
    return article


def with_pictures(article, html, figures, target):
    """Copy the pictures of the figures beside the slides, as SVG where one was drawn."""
    folder = target / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for figure in article.find_all("figure", id=True):
        picture = figure.img
        drawn = figures / f"{figure['id']}.svg"
        stored = drawn if drawn.exists() else html / "chapters" / picture["src"]
        file = folder / f"{figure['id']}{stored.suffix}"
        shutil.copy2(stored, file)
        picture["src"] = f"figures/{file.name}"


def scripts(article):
    """Files of the figures to operate that a deck holds, the shared one first."""
    names = dict.fromkeys(tag["data-figure"] for tag in article.select("[data-figure]"))
    needed = []
    for name in names:
        needed += [Path(DATA[name]).stem] if name in DATA else []
        needed += [NEEDS[name]] if name in NEEDS else []
        needed.append(name)
    return ["shared", *dict.fromkeys(needed)] if needed else []


def deck(name, html, figures, target):
    """Write the deck of one chapter; return the titles of its slides."""
    page = BeautifulSoup((html / "chapters" / f"{name}.html").read_text("utf-8"), "html.parser")
    article = bare(page.select_one("article.bd-article").extract())
    with_pictures(article, html, figures, target)
    slides = []
    for number, (title, found) in enumerate(sections(article)):
        if title not in LEFT_OUT:
            slides += [(title, body) for body in bodies(found, opening=number == 0)]
    text = "".join(
        f'<section class="slide" data-number="{number} / {len(slides)}"><div class="content">'
        f"<h2>{escape(title)}</h2>{body}</div></section>"
        for number, (title, body) in enumerate(slides, start=1)
    )
    names = scripts(article)
    styles = [f'<link rel="stylesheet" href="_static/{style}">' for style in STYLES]
    loaded = [f'<script src="_static/interactive/{script}.js"></script>' for script in names]
    (target / f"{name}.html").write_text(
        '<!doctype html><html lang="en" class="math-ready" data-theme="light" data-mode="light">'
        f'<head><meta charset="utf-8"><title>{escape(slides[0][0])}</title>{"".join(styles)}'
        f'<link rel="stylesheet" href="slides.css"><script>window.MathJax = {MATHJAX};</script>'
        '<script defer src="_static/mathjax/es5/startup.js"></script>'
        f'{"".join(loaded)}<script defer src="slides.js"></script></head>'
        f'<body><main class="bd-article">{text}</main>'
        f"<footer>{escape(build_figures.LICENCE)}</footer></body></html>",
        encoding="utf-8",
    )
    return [title for title, _ in slides]


def index(target):
    """Write the list of the decks in a folder, also of those made before."""
    order = {name: number for number, name in enumerate(DECKS)}
    decks = (file for file in target.glob("*.html") if file.stem != "index")
    items = []
    for file in sorted(decks, key=lambda file: (order.get(file.stem, len(order)), file.stem)):
        page = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        count = len(page.select(".slide"))
        items.append(
            f'<li><a href="{file.name}">{escape(page.title.string)}</a> '
            f"<span>{count} slides</span></li>"
        )
    (target / "index.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Slides</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="slides.css"></head><body class="decks"><main>'
        "<h1>Dropout, Verified: slides</h1><p>Arrow keys or a remote turn them; a browser prints"
        f" a deck, a page for each slide.</p><ul>{''.join(items)}</ul>"
        f"<p>{escape(build_figures.LICENCE)}</p></main></body></html>",
        encoding="utf-8",
    )


def copy_static(html, target):
    """Give the decks what they load, so that their folder can be carried away."""
    for name in ("slides.css", "slides.js"):
        shutil.copy2(SLIDES / name, target)
    for name in ("mathjax", "interactive"):
        shutil.copytree(
            html / "_static" / name,
            target / "_static" / name,
            ignore=shutil.ignore_patterns("pyodide", "vendor"),  # no slide runs code or judges
            dirs_exist_ok=True,
        )
    for name in STYLES:
        (target / "_static" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(html / "_static" / name, target / "_static" / name)


def build(names=DECKS, root=ROOT, target=None):
    """Write decks of chapters of the built book; return their titles by chapter."""
    html, target = root / "_build" / "html", target or root / TARGET
    target.mkdir(parents=True, exist_ok=True)
    copy_static(html, target)
    titles = {name: deck(name, html, root / "_build" / "figures", target) for name in names}
    index(target)
    return titles


def main(argv=None):
    """Write the figures and the decks, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="chapters, by default those of theory"
    )
    names = parser.parse_args(argv).names or DECKS
    for name in names:
        build_figures.write(name)
    for name, titles in build(names).items():
        print(f"{TARGET / name}.html: {len(titles)} slides")
    print(f"{TARGET / 'index.html'} lists them")


if __name__ == "__main__":
    main()
