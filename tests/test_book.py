"""The built book, in a real browser without network."""

import functools
import http.server
import importlib
import json
import re
import subprocess
import sys
import threading

import pages
import pytest
import yaml
from bs4 import BeautifulSoup

from book.extensions import api
from book.scripts import build_book, build_ledger, ledger_page, versions

browser = pages.browser
ROOT = build_book.ROOT
HTML = ROOT / "_build" / "html"
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if not path.relative_to(HTML).parts[0].startswith("_")
)
every_page = pytest.mark.parametrize("page_name", PAGES)


@pytest.fixture(scope="module")
def server():
    """Address of the book on a server of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def parsed(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_book_is_built_and_current():
    assert build_book.is_current(), "the built book is not what the sources say: run `make book`"


def test_every_page_of_the_contents_is_built():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(entry["file"] for part in toc["parts"] for entry in part["chapters"])]
    assert {f"{file}.html" for file in files} <= set(PAGES)


@every_page
@pytest.mark.browser
def test_page_from_disk(browser, page_name):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        assert pages.inspect(page, faults, f"{HTML.as_uri()}/{page_name}") == []


@pytest.mark.browser
def test_chapter_from_a_server(browser, server):
    chapter = next(name for name in PAGES if name.startswith("chapters/"))
    with pages.watched(browser, server) as (page, faults):
        assert pages.inspect(page, faults, f"{server}/{chapter}") == []


@pytest.mark.browser
@pytest.mark.parametrize("where", ["disk", "server"])
def test_search_finds_a_word_and_opens_the_page(browser, server, where):
    address = HTML.as_uri() if where == "disk" else server
    with pages.watched(browser, address) as (page, faults):
        page.goto(f"{address}/index.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("binomial")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=binomial", wait_until="load")
        page.locator("#search-results li a").first.click()
        page.wait_for_url(lambda url: "/search.html" not in url, wait_until="load")
        assert "binomial" in page.locator("article").inner_text().lower()
        assert faults == []


@pytest.mark.browser
def test_search_shows_excerpts_on_a_server(browser, server):
    with pages.watched(browser, server) as (page, faults):
        page.goto(f"{server}/search.html?q=binomial")
        page.locator("#search-results .context").first.wait_for()
        assert faults == []


@pytest.mark.browser
def test_reader_switches_between_light_and_dark(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto(f"{HTML.as_uri()}/index.html")
        ground = "getComputedStyle(document.body).backgroundColor"
        seen = set()
        for _ in range(3):  # as the system, light, dark
            page.locator(".theme-switch-button:visible").first.click()
            seen.add(page.evaluate("document.documentElement.dataset.theme"))
            seen.add(page.evaluate(ground))
        assert {"light", "dark", "rgb(255, 255, 255)"} < seen
        assert len(seen) == 4
        assert faults == []


@every_page
def test_links_lead_somewhere(page_name):
    path = HTML / page_name
    for tag in parsed(path).find_all(["a", "link", "script", "img"]):
        target = tag.get("href") or tag.get("src")
        if not target or re.match(r"(https|mailto|data|javascript):", target):
            continue
        assert not target.startswith(("http:", "//", "/")), target
        file, _, anchor = target.partition("#")
        other = (path.parent / file.partition("?")[0]).resolve() if file else path
        assert other.exists(), target
        if anchor and other.suffix == ".html":
            assert anchor in anchors(other), target


@functools.cache
def anchors(path):
    return {tag["id"] for tag in parsed(path).find_all(id=True)}


# ---- The first page, previews of links, the glossary --------------------------------------------


def test_first_page_counts_what_the_ledger_holds():
    rows = ledger_page.rows(ROOT)
    assert list(rows) == [statement.label for statement in build_ledger.statements()]
    numbers = [
        int(tag.strong.text) for tag in parsed(HTML / "index.html").select(".counts p:has(strong)")
    ]
    tests = sum(len(row.tests) for row in rows.values())
    wrong = sum(len(row.wrong) for row in rows.values())
    assert numbers == [len(rows), ledger_page.counts(ROOT)["tests"], wrong, 0]
    assert tests <= numbers[1]  # the parameters of one test share a line
    words = parsed(HTML / "index.html").select_one(".counts").get_text(" ")
    for kind, number in ledger_page.kinds(ROOT).items():
        noun = {"empirical": "experiment", "contested": "contested claim"}.get(kind, kind)
        assert f"{number} {noun}" in words


@pytest.mark.browser
@pytest.mark.parametrize("size", [pages.DESKTOP, pages.PHONE])
def test_first_screen_says_what_the_book_is_and_why_to_trust_it(browser, size):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.set_viewport_size(size)
        page.goto((HTML / "index.html").as_uri())
        for part in ("h1", ".lead", ".counts", ".actions a >> nth=0"):
            box = page.locator(f"article {part}").bounding_box()
            assert box["y"] + box["height"] <= size["height"], part


@every_page
def test_page_tells_others_what_it_is(page_name):
    head = parsed(HTML / page_name).head
    properties = {tag["property"]: tag["content"] for tag in head.find_all("meta", property=True)}
    assert properties["og:site_name"] == "Dropout, Verified"
    assert properties["og:title"]
    if page_name not in ("404.html", "search.html", "genindex.html"):
        assert len(properties["og:description"]) > 20
        assert head.find("meta", attrs={"name": "description"})["content"]


@every_page
def test_page_says_what_it_was_verified_with(page_name):
    line = parsed(HTML / page_name).select_one("footer .verified").get_text()
    assert f"NumPy {versions.pins()['numpy']}" in line
    assert f"PyTorch {versions.pins()['torch']}" in line
    if day := build_book.last_change():
        assert f"Last changed on {day}." in line


def test_every_statement_and_source_has_an_anchor_that_stays():
    chapters = {statement.chapter for statement in build_ledger.statements()}
    found = {chapter: anchors(HTML / "chapters" / f"{chapter}.html") for chapter in chapters}
    for statement in build_ledger.statements():
        assert statement.label in found[statement.chapter]
        assert f"ledger-{statement.label}" in anchors(HTML / "backmatter" / "ledger.html")
    keys = re.findall(r"^@\w+\{(\w+),", (ROOT / "references.bib").read_text("utf-8"), re.MULTILINE)
    cited = {name for name in anchors(HTML / "backmatter" / "bibliography.html") if "cite-" in name}
    assert cited
    assert cited <= {f"cite-{key}" for key in keys}


def test_terms_are_linked_where_a_chapter_first_uses_them():
    for chapter in (HTML / "chapters").glob("*.html"):
        links = [link["href"] for link in parsed(chapter).select("article a.term")]
        assert links, chapter
        assert len(links) == len(set(links)), chapter
        for link in links:
            assert link.startswith("../backmatter/glossary.html#term-")


@pytest.mark.browser
@pytest.mark.parametrize("way", ["hover", "focus"])
def test_link_to_a_statement_shows_it(browser, way):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto((HTML / "interactive" / "playground.html").as_uri())
        link = page.locator('article a[href$="#thm-variance"]').first
        getattr(link, way)()
        preview = page.get_by_role("tooltip")
        preview.locator("mjx-container").first.wait_for()
        assert "Variance of a masked activation" in preview.inner_text()
        assert preview.locator("a").count() == 0
        assert link.get_attribute("aria-describedby") == preview.get_attribute("id")
        box = preview.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= pages.DESKTOP["width"]
        page.keyboard.press("Escape")
        assert preview.count() == 0
        assert faults == []


def test_every_statement_and_term_has_a_preview():
    script = (HTML / "_static" / "previews" / "statements.js").read_text(encoding="utf-8")
    previews = json.loads(script.removeprefix("window.bookPreviews = ").rstrip().rstrip(";"))
    for statement in build_ledger.statements():
        shown = previews[f"chapters/{statement.chapter}.html#{statement.label}"]
        text = BeautifulSoup(shown, "html.parser").get_text()
        assert statement.title in text.replace("’", "'")  # typeset as an apostrophe
    terms = [name for name in anchors(HTML / "backmatter" / "glossary.html") if "term-" in name]
    assert {f"backmatter/glossary.html#{name}" for name in terms} <= set(previews)


@functools.cache
def documented():
    """Names of the public modules, and of each the names that it offers."""
    names = api.public_modules([])
    modules = {name: importlib.import_module(name) for name in names}
    return {
        name: [inner for inner in module.__all__ if f"{name}.{inner}" not in modules]
        for name, module in modules.items()
    }


def test_every_public_name_is_on_the_page_of_its_module_and_nothing_private():
    for name, offered in documented().items():
        found = {
            tag["id"]
            for tag in parsed(HTML / "backmatter" / "api" / f"{name}.html").select("dt.sig[id]")
        }
        assert {f"{name}.{inner}" for inner in offered} <= found, name
        assert not [anchor for anchor in found if re.search(r"\._[^_]", anchor)], name
        text = (HTML / "backmatter" / "api" / f"{name}.html").read_text("utf-8")
        assert api.ALIAS not in text, name
    pages_of = {path.stem for path in (HTML / "backmatter" / "api").glob("*.html")}
    assert pages_of == set(documented())


def test_pages_of_the_library_are_filled_where_only_the_book_is_to_be_built():
    code = (
        "import sys\n"
        "for name in ('pytest', 'sympy', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "from types import SimpleNamespace\n"
        "from book.extensions import api\n"
        "config = SimpleNamespace(autodoc_mock_imports=sys.argv[1].split())\n"
        "for name in sys.argv[2:]:\n"
        "    page = ['']\n"
        "    api.list_modules(SimpleNamespace(config=config), f'{api.PAGE}/{name}', page)\n"
        "    assert name in page[0]\n"
    )
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    mocked = " ".join(config["autodoc_mock_imports"])
    subprocess.run([sys.executable, "-c", code, mocked, *documented()], cwd=ROOT, check=True)


def test_index_of_the_library_has_a_line_for_each_module():
    entries = parsed(HTML / "backmatter" / "api.html").select("article section section li")
    assert {entry.a.get_text() for entry in entries} == set(documented())
    assert all(len(entry.get_text().split()) > 4 for entry in entries)


@pytest.mark.browser
def test_address_of_the_one_page_of_all_modules_leads_to_the_module(browser):
    wanted = {
        "dropoutlib.nn.functional.dropout": "dropoutlib.nn.functional",
        "dropoutlib.nn.Dropout": "dropoutlib.nn",
        "module-book.noise": "book.noise",
    }
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        for anchor, name in wanted.items():
            page.goto("about:blank")
            page.goto(f"{(HTML / 'backmatter' / 'api.html').as_uri()}#{anchor}")
            page.wait_for_url(f"**/api/{name}.html#{anchor}")
        assert faults == []


def test_sources_in_chapters_are_coloured_as_the_cells_are():
    shown = [
        block
        for chapter in (HTML / "chapters").glob("*.html")
        for block in parsed(chapter).select(".cell_output div.highlight-python .highlight")
    ]
    assert len(shown) > 20
    assert all(block.select_one("i.k, i.kn") for block in shown)
