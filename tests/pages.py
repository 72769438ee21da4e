"""What must hold of a built page in a browser, as functions that return the faults they find."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from book.scripts.chromium import HOW_TO_GET_ONE, find_browser

CHECKS = Path(__file__).with_name("pages.js").read_text(encoding="utf-8")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# Work that tells how quick the machine is at the moment: setting plain text.
TEXT = """() => {
  const start = performance.now();
  for (let n = 0; n < 20; n += 1) {
    const box = document.body.appendChild(document.createElement("div"));
    box.innerHTML = "<p>a <b>b</b> <i>c</i> of words that a line breaks</p>".repeat(500);
    box.getBoundingClientRect();
    box.remove();
  }
  return performance.now() - start;
}"""
IDLE = 0.35  # seconds that it takes on an idle machine of two cores
TRIES = 5  # other work delays a page, and hastens none


def missing_browser():
    """Skip what needs a browser, saying how to get one; in CI fail, so that nothing is missed."""
    if os.environ.get("CI") == "true":
        pytest.fail(HOW_TO_GET_ONE)
    pytest.skip(HOW_TO_GET_ONE)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    with sync_playwright() as playwright:
        path = find_browser(playwright) or missing_browser()
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched(browser, allowed):
    """Open a page without network; give it, and the list that its errors are added to.

    Only addresses that start with `allowed` are served, everything else is refused and noted.
    """
    faults = []

    def refuse(route):
        faults.append(f"asks another host: {route.request.url}")
        route.abort()

    def not_loaded(request):
        # A browser that leaves a page gives up what it is still fetching, such as the icon.
        if request.failure != "net::ERR_ABORTED":
            faults.append(f"not loaded: {request.url}")

    def foreign(url):
        return not url.startswith((allowed, "data:", "blob:"))

    with browser.new_context(viewport=DESKTOP, color_scheme="light") as context:
        context.route(foreign, refuse)
        page = context.new_page()
        page.on("console", lambda m: m.type == "error" and faults.append(f"console: {m.text}"))
        page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
        page.on("requestfailed", not_loaded)
        page.on(
            "response",
            lambda answer: answer.status >= 400 and faults.append(f"not found: {answer.url}"),
        )
        yield page, faults


def soonest(browser, allowed, url, moment, limit):
    """Seconds until a page is so far, as an idle machine would have taken them.

    `moment` waits for it and gives its milliseconds. They are held against plain text that is set
    in the same tab just before, and the quickest of a few tries counts, or the first below `limit`.
    """
    found = []
    for _ in range(TRIES):
        with watched(browser, allowed) as (page, _):
            page.goto("about:blank")
            text = page.evaluate(TEXT)
            page.goto(url)
            found.append(moment(page) / text * IDLE)
        if found[-1] < limit:
            break
    return min(found)


def inspect(page, faults, url):
    """Load `url`, look at it in light, in dark and at a phone's width; return all faults."""
    page.set_viewport_size(DESKTOP)
    page.goto(url)
    page.evaluate(CHECKS)
    found = page.evaluate("checks.content()")
    for theme in ("light", "dark"):
        found += page.evaluate("theme => checks.contrast(theme)", theme)
    page.set_viewport_size(PHONE)
    found += page.evaluate("checks.width()")
    return [*faults, *found]
