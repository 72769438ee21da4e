"""Make the pages searchable by section, from disk as well, in place of Sphinx's search.

Sphinx's index knows which page holds a word, not which section, and a page opened from disk may
not fetch the text that an excerpt is made of. So the text of every section goes into one script,
which `_static/search.js` loads together with the engine, MiniSearch, once a reader searches.
"""

import json
import re
import shutil
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, SoupStrainer

WORDS = Path("interactive") / "search.yml"
ENGINE = Path("interactive") / "vendor" / "minisearch.js"
#: What an address can lead to besides a section: an answer, a rule, a term, a statement, a name.
ENTRIES = (
    "table.guide:not(.left-out) > tbody[id], dl.glossary > dt[id], dl.py > dt[id], "
    "div.proof.admonition[id]:not(#proof)"
)
#: Scripts of Sphinx's search, which the theme loads on every page, with the index of 230 KB.
REPLACED = ("searchtools.js", "language_data.js", "searchindex.js")
TAG = re.compile(rf'\s*<script src="[^"]*(?:{"|".join(map(re.escape, REPLACED))})[^"]*"></script>')
SIMPLE = re.compile(r"[\w\s.,=+\-/<>()]*")
SPACED = re.compile(r"(?<=[(\[“])\s+|\s+(?=[,.;:?!)\]”])")
NAME = re.compile(r"[A-Za-z_]\w{2,}")
HEADINGS = ("h1", "h2", "h3", "h4")
NOT_PROSE = {"script", "style", "nav", "svg"}
NOT_PROSE_CLASSES = {
    *("cell_output", "headerlink", "toctree-wrapper", "interval", "unless"),
    "statement",  # what the ledger repeats of a chapter, to which a search leads
    "scorecard-seen",  # the same names of checks for every layer
    "highlight-yaml",  # a study's registration, which the text beside it tells
}
#: How far each method can be trusted, in the ledger: its own filter finds methods; and, in the
#: answers and the guide, effect and setting of each verdict, in words that most rows share.
BESIDE = (
    "table.ledger td:first-child:not([colspan]), td:has(> .interval), td:has(> .interval) + td, "
    "section.answer summary, section.answer caption, section.answer thead"
)


def words_of(tag):
    """Return the text of an element, its words parted by one space as in print."""
    return SPACED.sub("", " ".join(tag.get_text(" ").split()))


def heading_of(entry):
    """Return the heading, question or title within an entry, None if it has none."""
    return entry.find(HEADINGS) or entry.select_one("tr.question, .admonition-title")


def title_of(entry):
    """Return the title of an entry: its heading, its question, its name or its own words."""
    if "sig" in entry.get("class", ()):
        return entry["id"]
    found = heading_of(entry) or entry
    advice = entry.name == "tbody" and entry.select_one("tr.what strong")  # of the guide
    parts = [found, advice] if advice else [found]
    return ": ".join(words_of(part) for part in parts)


def plain(formula):
    r"""Return a formula as text: p for ``\(p\)``, and dots for one that needs to be set."""
    text = formula.get_text().strip()
    text = text.removeprefix("\\(").removesuffix("\\)").strip()
    return text if SIMPLE.fullmatch(text) else "…"


def is_not_prose(tag):
    """Whether a part of a page is no text to search, such as what a cell printed."""
    return tag.name in NOT_PROSE or not NOT_PROSE_CLASSES.isdisjoint(tag.get("class", ()))


def entries(html, tables=True):
    """Yield the searchable parts of a page, the innermost first.

    Parameters
    ----------
    html : str
        A built page.
    tables : bool
        Whether what stands in tables is searched, too.

    Yields
    ------
    tuple of str
        Anchor, title, prose and code of a part, without the parts within it.
    """
    whole_names = html.replace("<wbr>", "")  # see book/extensions/typography.py
    article = BeautifulSoup(whole_names, "html.parser", parse_only=SoupStrainer("article")).article
    if article is None:
        return
    numbers = [] if tables else article("table")
    for unwanted in [*article.find_all(is_not_prose), *article.select(BESIDE), *numbers]:
        unwanted.decompose()
    for formula in article.find_all(["span", "div"], class_="math"):
        formula.replace_with(f" {plain(formula)} ")
    sections = [s for s in article.select("section[id]") if s.find(HEADINGS, recursive=False)]
    for entry in reversed([*sections, *article.select(ENTRIES)]):
        # A name that was given is shorter than one that is made of the title.
        names = [entry, *entry.find_all("span", id=True, recursive=False)]
        anchor, title = min((name["id"] for name in names), key=len), title_of(entry)
        whole = entry
        if entry.name == "dt":  # its definition stands behind it
            whole = entry.find_next_sibling("dd") or entry
        elif heading := heading_of(entry):
            heading.decompose()
        code = {}  # each name once, in order
        for block in whole.find_all("pre"):
            code |= dict.fromkeys(NAME.findall(block.extract().get_text()))
        text = words_of(whole)
        said = set(NAME.findall(text))  # found there already, and weighs more
        yield anchor, title, text, " ".join(name for name in code if name not in said)
        whole.decompose()


def records(outdir, pages, weights, of_numbers):
    """Return for each page its name, title, weight and parts, as `entries` gives these.

    The tables of those `of_numbers` are left out.
    """
    found = []
    for page in pages:
        html = (Path(outdir) / f"{page}.html").read_text(encoding="utf-8")
        parts = list(entries(html, page not in of_numbers))[::-1]
        if not parts:
            continue
        top, title, *_ = parts[0]
        weight = next((weights[name] for name in weights if page.startswith(name)), 1)
        kept = [
            ["" if anchor == top else anchor, *part]
            for anchor, *part in parts
            if any(part[1:])  # text or code
        ]
        found.append([page, title, weight, kept])
    return found


def write(app, exception):
    """Write index and engine, and take the scripts of Sphinx's search off the pages."""
    outdir, source = Path(app.outdir), Path(app.srcdir) / WORDS
    if exception or app.builder.format != "html" or not source.exists():
        return
    words = yaml.safe_load(source.read_text(encoding="utf-8"))
    found = records(outdir, sorted(app.env.found_docs), words["weights"], words["of_numbers"])
    known = {
        f"{page}.html#{anchor}".rstrip("#") for page, *_, parts in found for anchor, *_ in parts
    }
    if missing := [path for row in words["first"] for path in row["show"] if path not in known]:
        raise ValueError(f"{WORDS} names {', '.join(missing)}: no page has such a part to search")
    data = {"synonyms": words["synonyms"], "first": words["first"], "pages": found}
    target = outdir / "_static" / "search"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(Path(app.srcdir) / ENGINE, target)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    (target / "index.js").write_text(f"window.bookSearch = {text};\n", encoding="utf-8")
    for page in outdir.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        page.write_text(TAG.sub("", html), encoding="utf-8")
    for name in REPLACED:
        for folder in (outdir, outdir / "_static"):
            (folder / name).unlink(missing_ok=True)


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
