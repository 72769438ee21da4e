"""Write every figure of the book as SVG into _build/figures, with its caption and its licence.

The figures are those of the stored notebooks. Letters are drawn as paths, so that a slide shows
them whatever fonts it has.
"""

import argparse
import re
from html import escape

import nbformat

from book.scripts import ledger_page
from book.scripts.notebooks import names, notebook_path
from book.scripts.versions import ROOT

TARGET = ROOT / "_build" / "figures"
LICENCE = "From Dropout, Verified, by The dropoutlib contributors, under CC BY 4.0."
REFERENCE = re.compile(r"\{(numref|prf:ref)\}`([\w-]+)`")


def drawn(notebook):
    """Yield name, caption, text and SVG of each figure of a stored notebook."""
    for cell in notebook.cells:
        options = cell.metadata.get("mystnb", {})
        for output in cell.get("outputs", []):
            if svg := output.get("data", {}).get("image/svg+xml"):
                figure = options["figure"]
                alt = options.get("image", {}).get("alt", "")
                yield figure["name"], figure["caption"], alt, svg


def spoken(caption, root):
    """Return a caption whose references are words: numbers exist in the built book alone."""

    def words(reference):
        role, label = reference.groups()
        if role == "numref":
            return f"{label}.svg"
        row = ledger_page.rows(root)[label]
        return f"the {row.kind} “{row.title}”"

    return REFERENCE.sub(words, " ".join(caption.split()))


def described(svg, caption, alt):
    """Return a picture that says what it shows, and under which licence."""
    # Browsers know links by their new name, programs for slides by their old one as well.
    svg = svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
    svg = svg.replace(' href="', ' xlink:href="')
    words = f"<title>{escape(alt)}</title><desc>{escape(caption)} {escape(LICENCE)}</desc>"
    return re.sub(r"(<svg\b[^>]*>)", lambda tag: f"{tag[1]}\n{words}", svg, count=1)


def write(name, target=TARGET, root=ROOT):
    """Write the figures of one chapter; return their names and captions."""
    notebook = nbformat.read(notebook_path(name, root), as_version=4)
    target.mkdir(parents=True, exist_ok=True)
    found = []
    for figure, caption, alt, svg in drawn(notebook):
        caption = spoken(caption, root)
        (target / f"{figure}.svg").write_text(described(svg, caption, alt), encoding="utf-8")
        found.append((figure, caption))
    return found


def main(argv=None):
    """Write the figures of the chapters asked for, and list them with their captions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters, by default all")
    lines = [f"# Figures\n\n{LICENCE}\n"]
    for name in parser.parse_args(argv).names or names():
        lines += [f"- `{figure}.svg`: {caption}" for figure, caption in write(name)]
    (TARGET / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines) - 1} figures are in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
