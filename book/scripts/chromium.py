"""A headless Chromium, for printing the book."""

import shutil
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO_GET_ONE = (
    "no browser is installed: on Debian `sudo apt install chromium`, "
    "elsewhere `.venv/bin/playwright install chromium`"
)


def find_browser(playwright):
    """Path of a Chromium on this machine, the system's before Playwright's own; None without."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def launched():
    """Give a running browser, or stop saying how to get one."""
    with sync_playwright() as playwright:
        path = find_browser(playwright)
        if path is None:
            raise SystemExit(HOW_TO_GET_ONE)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
