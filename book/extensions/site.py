"""What makes pages a site: buttons, the numbers of the landing page, the date, previews, 404.

All of it is taken from what the project already knows: the stored ledger, constraints.txt, the
history of the repository. What needs the address of the site is left out while there is none.
"""

import html
import re
from pathlib import Path
from urllib.parse import quote, urljoin

from docutils import nodes

from book.scripts import ledger_page, seeds
from book.scripts.build_book import last_change
from book.scripts.build_ledger import statements
from book.scripts.colab import repository
from book.scripts.versions import pinned_python, pins

# Tokens that the colours of code leave as they are: half the elements of a chapter.
PLAIN_TOKEN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
# The others, thousands in a chapter, get a name of one letter instead of four.
TOKEN = re.compile(r'<span class="([a-z][a-z0-9]?)">([^<]*)</span>')
# A class for programs that colour code: nothing on the pages looks for it on a formula.
FORMULA = 'class="math notranslate nohighlight"'
DESCRIPTION = 200  # characters, about what a preview shows
SHOWN = {"numpy": "NumPy", "torch": "PyTorch", "jupyter-book": "Jupyter Book"}
COUNTS = '<div class="ledger-counts"></div>'
SEEDS = '<div class="seeds-run"></div>'
LAUNCH = '<div class="launch-links"></div>'
EXAMPLE = '<div class="ledger-example"></div>'
REPOSITORY_OPTIONS = (
    "launch_buttons",
    "use_edit_page_button",
    "use_issues_button",
    "use_repository_button",
    "use_source_button",
)
NOT_FOUND = """\
<section>
<h1>No such page</h1>
<p>Nothing is at this address. It may be mistyped, or the page may have moved.</p>
<p>The <a href="{home}">first page</a> lists all chapters, and the search is in the sidebar.</p>
</section>
"""


def drop_dead_buttons(app, config):
    """Take the buttons away that would lead nowhere: all without a repository, Colab off GitHub."""
    theme = config.html_theme_options
    if not theme.get("repository_url"):
        for option in REPOSITORY_OPTIONS:
            theme.pop(option, None)
    elif "github.com" not in theme["repository_url"]:
        theme["launch_buttons"].pop("colab_url", None)


def verified_with(root):
    """Say in one sentence what the stored book was executed and verified with."""
    pinned, python = pins(Path(root)), pinned_python(Path(root))
    versions = [f"Python {python}"] if python else []
    versions += [f"{shown} {pinned[name]}" for name, shown in SHOWN.items() if name in pinned]
    day = last_change(Path(root))
    sentences = [f"Last changed on {day}."] if day else []
    if versions:
        sentences.append(f"Verified with {', '.join(versions)}.")
    return " ".join(sentences)


def extend_footer(app, config):
    """Add to the licence in the footer what the book was verified with."""
    options = config.html_theme_options
    sentence = f'<p class="verified">{html.escape(verified_with(app.srcdir))}</p>'
    options["extra_footer"] = options.get("extra_footer", "") + sentence


# ---- The landing page ---------------------------------------------------------------------------


def count_cards(root):
    """Cards with the numbers of the ledger, as MyST Markdown."""
    counts, kinds = ledger_page.counts(root), ledger_page.kinds(root)
    nouns = {"empirical": "experiment", "contested": "contested claim"}
    shares = [
        f"{number} {nouns.get(kind, kind)}{'s' if number > 1 else ''}"
        for kind, number in kinds.items()
    ]
    rows = ledger_page.rows(root)
    methods = len({method.split("**")[1] for row in rows.values() for method in row.methods})
    formal = sum(any("**formal**" in method for method in row.methods) for row in rows.values())
    untested = sum(statement.label not in rows for statement in statements(Path(root)))
    cards = [
        (counts["statements"], "statements", ", ".join(shares)),
        (
            counts["tests"],
            "tests verify them",
            f"by {methods} methods, exact ones first"
            + (f"; {formal} are proved for every n" if formal else ""),
        ),
        (counts["wrong"], "wrong forms rejected", "by the check that accepts the right one"),
        (untested, "statements without a test", "one would fail the test suite"),
    ]
    lines = [":::::{grid} 2 2 4 4", ":class-container: counts", ":gutter: 2", ""]
    for number, what, more in cards:
        lines += ["::::{grid-item}", f"**{number}**", f"{what}", "", more, "::::", ""]
    return "\n".join([*lines, ":::::"])


def example(root, label="thm-variance"):
    """One row of the ledger told in words, as MyST Markdown; nothing if it has no such row."""
    row = ledger_page.rows(root).get(label)
    if row is None:
        return ""
    title = row.title[0].lower() + row.title[1:]
    methods = "; ".join(row.methods).replace("<=", "≤").replace(">=", "≥")
    wrong = "; ".join(f"*{form}*" for form in row.wrong)
    return (
        ":::{div} sample-row\n"
        f"For instance {{prf:ref}}`{label}`, {title}, is verified by {methods}.\n"
        f"Its checks refuse {wrong}: [its row in the ledger](#ledger-{label}).\n"
        ":::"
    )


def launch_links(root):
    """Where the notebooks run without installation; nothing while there is no repository."""
    found = repository(root)
    if found is None:
        return ""
    url, branch = found
    lab = f"https://mybinder.org/v2/git/{quote(url, safe='')}/{branch}?urlpath=lab/tree/index.md"
    return f"Without installing anything, [open the book on Binder]({lab})."


def seeds_run(root):
    """Say under how many seeds the claim tests were run, and under how many one failed."""
    return f"So far they were run {seeds.said(seeds.stored(Path(root)))}"


def fill_landing_page(app, docname, source):
    """Put the stored numbers where the first page and the page of methods have room for them."""
    if docname == "backmatter/methods" and SEEDS in source[0]:
        source[0] = source[0].replace(SEEDS, seeds_run(app.srcdir))
    if docname == app.config.root_doc:
        for room, fill in ((COUNTS, count_cards), (EXAMPLE, example), (LAUNCH, launch_links)):
            if room in source[0]:
                source[0] = source[0].replace(room, fill(app.srcdir))


# ---- Previews of links --------------------------------------------------------------------------


def description(doctree):
    """Return the first paragraph of a page, cut at a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text.split()) > 5:
            cut = f"{text[:DESCRIPTION].rpartition(' ')[0]} …"
            return text if len(text) <= DESCRIPTION else cut
    return ""


def describe(app, pagename, templatename, context, doctree):
    """Give a page its description and its Open Graph data."""
    properties = {
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
        "og:title": re.sub(r"<[^>]+>", "", context.get("title") or app.config.html_title),
    }
    text = description(doctree) if doctree else ""
    if text:
        properties["og:description"] = text
    if base := app.config.html_baseurl:
        properties["og:url"] = urljoin(base, f"{pagename}.html")
        properties["og:image"] = urljoin(base, "_static/card.png")
        properties["og:image:alt"] = "The logo: a mask of twenty units, those kept form a tick"
    tags = [
        f'<meta property="{name}" content="{html.escape(html.unescape(value))}" />'
        for name, value in properties.items()
    ]
    if text:
        tags.append(f'<meta name="description" content="{html.escape(text)}" />')
    if pagename == "404" and base:  # it is shown at addresses of any depth
        tags.insert(0, f'<base href="{html.escape(base)}" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def mend_roles(app, pagename, templatename, context, doctree):
    """Make the sources a list of items for screen readers; docutils gives them a retired role."""
    if 'class="citation-list"' in context.get("body", ""):
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def lighten_code(app, pagename, templatename, context, doctree):
    """Take away what the highlighting of code writes and no reader sees."""
    if "body" in context:
        body = TOKEN.sub(r'<i class="\1">\2</i>', PLAIN_TOKEN.sub(r"\1", context["body"]))
        context["body"] = body.replace(FORMULA, 'class="math notranslate"')


def add_pages(app):
    """Add the page that a server shows when there is none."""
    home = f"{app.config.root_doc}.html"
    yield "404", {"title": "No such page", "body": NOT_FOUND.format(home=home)}, "page.html"


def write_sitemap(app, exception):
    """List all pages for search engines, which want whole addresses."""
    base = app.config.html_baseurl
    if exception or app.builder.format != "html" or not base:
        return
    addresses = [urljoin(base, f"{page}.html") for page in sorted(app.env.found_docs)]
    entries = "".join(f"<url><loc>{html.escape(url)}</loc></url>\n" for url in addresses)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    )
    (Path(app.outdir) / "sitemap.xml").write_text(text, encoding="utf-8")


def setup(app):
    """Connect the hooks."""
    app.connect("config-inited", drop_dead_buttons)
    app.connect("config-inited", extend_footer)
    app.connect("source-read", fill_landing_page)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", mend_roles)
    app.connect("html-page-context", lighten_code)
    app.connect("html-collect-pages", add_pages)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
