"""Print the built book into one PDF, _build/dropout-verified.pdf.

The pages are joined into one (single_page.py) and printed by a headless Chromium: what is on paper
was executed and verified as what is on the screen. Two passes, because the numbers of the pages are
known only after the first. Nothing may stick out: what is too wide is scaled, or the build stops.
"""

import argparse
import re
from pathlib import Path

import yaml
from pypdf import PdfReader

from book.extensions import site
from book.scripts import build_book
from book.scripts.chromium import launched
from book.scripts.single_page import assemble

ROOT = build_book.ROOT
TARGET = Path("_build") / "dropout-verified.pdf"
WIDTH = 650  # CSS pixels of the text on A4, a little less than the paper gives
SMALLEST = 0.6  # no formula and no table is scaled below this
FIT = (ROOT / "print" / "fit.js").read_text(encoding="utf-8")


def colophon(root):
    """Return the lines below the title."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    lines = [config["author"], site.verified_with(root)]
    lines += ["Text and figures under CC BY 4.0, code under MIT.", "Code of figures is left out."]
    return config["title"], "".join(f"<p>{line}</p>" for line in lines)


def destinations(reader):
    """Map each anchor of the PDF to the number of its page, from 1."""
    return {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def printed(page):
    """Return the PDF of an open page as bytes."""
    return page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)


def number_contents(html, numbers):
    """Put the numbers of the pages into the contents."""
    return re.sub(
        r'data-anchor="([^"]+)">\d+<',
        lambda match: f'data-anchor="{match[1]}">{numbers[match[1]]}<',
        html,
    )


def open_sheet(browser, path):
    """Open the single page as it will be printed; return it once its formulas are set."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light")
    page.emulate_media(media="print")
    page.goto(path.as_uri(), timeout=300_000)
    page.evaluate("() => window.MathJax?.startup?.promise")
    faults = page.evaluate(FIT, SMALLEST)
    if faults:
        raise SystemExit("These stick out of the page:\n  " + "\n  ".join(faults))
    return page


def build(browser, root=ROOT, target=None):
    """Print the book with a running browser; return the path of the PDF."""
    build_book.build(root)
    target = target or root / TARGET
    sheet = root / "_build" / "pdf" / "book.html"
    sheet.parent.mkdir(exist_ok=True)
    html = assemble(root, *colophon(root))
    draft = target.with_suffix(".draft.pdf")
    for last in (False, True):
        sheet.write_text(html, encoding="utf-8")
        page = open_sheet(browser, sheet)
        draft.write_bytes(printed(page))
        page.close()
        if not last:
            html = number_contents(html, destinations(PdfReader(draft)))
    draft.replace(target)
    return target


def main(argv=None):
    """Print the book and say where it is."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(argv)
    with launched() as browser:
        path = build(browser)
    pages = len(PdfReader(path).pages)
    print(f"The book is printed: {path.relative_to(ROOT)}, {pages} pages")


if __name__ == "__main__":
    main()
