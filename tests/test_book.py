"""The built book, in a real browser without network."""

import functools
import http.server
import importlib
import pkgutil
import re
import threading

import build_book
import pages
import pytest
import yaml
from bs4 import BeautifulSoup

import dropoutlib

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


def test_every_public_name_is_on_the_library_page():
    found = anchors(HTML / "backmatter" / "api.html")
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.iter_modules(dropoutlib.__path__, "dropoutlib.")
        if not module.name.startswith("dropoutlib._")
    ]
    names = {f"{module.__name__}.{name}" for module in modules for name in module.__all__}
    names = {name for name in names if f"module-{name}" not in found}  # a module in a module
    assert names <= found
