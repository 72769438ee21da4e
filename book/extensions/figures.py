"""Show each figure of a chapter in the colours of the page, and link it to its picture.

The notebooks store a figure for a white ground; here a second file is made of it for a dark one, of
which a browser loads the one that is shown. A script opens it over the page. Its size is written
down too, so that the text below does not move when the picture comes.
"""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from book.extensions.panels import SIZE, rows, stacked
from book.plotting import on_dark, pixels_on_dark

PICTURE = re.compile(r'<img (?P<rest>[^>]*?src="\.\./(?P<file>_images/[^"]+\.svg)"[^>]*?) ?/>')
IMAGE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")
NARROW = "screen and (max-width: 720px)"
SCALE = 1.6  # pixels at most for 1/72 inch: letters of 10 points get the 16 pixels of the text


def dark(svg):
    """Return a figure for a dark page, with the images in it."""

    def changed(match):
        with Image.open(io.BytesIO(base64.b64decode(match[0]))) as picture:
            pixels = np.asarray(picture.convert("RGBA"))
        file = io.BytesIO()
        Image.fromarray(pixels_on_dark(pixels)).save(file, format="png", optimize=True)
        return base64.b64encode(file.getvalue()).decode()

    return IMAGE.sub(changed, on_dark(svg))


def size(svg):
    """Return the width and the height of a figure as attributes of its element."""
    width, height = (round(SCALE * float(side)) for side in SIZE.search(svg).groups())
    return f'width="{width}" height="{height}"'


def themed(html, root):
    """Return a page whose pictures come in two themes, lead to themselves and say their size.

    Parameters
    ----------
    html : str
        A page of a folder below `root`.
    root : pathlib.Path
        The built book, into which the other pictures are written.
    """

    def image(match, theme, svg, file, strips):
        (root / file).write_text(svg, encoding="utf-8")
        source = match["rest"].replace(match["file"], file.as_posix())
        shown = f'<img class="only-{theme}" {source} {size(svg)} loading="lazy"/>'
        if strips is None:
            return shown
        narrow = file.with_name(f"{file.stem}-narrow.svg")
        tall = stacked(svg, strips)
        (root / narrow).write_text(tall, encoding="utf-8")
        named = f'srcset="../{narrow.as_posix()}" {size(tall)}'
        return f'<picture><source media="{NARROW}" {named}/>{shown}</picture>'

    def linked(match):
        light = Path(match["file"])
        svg = (root / light).read_text(encoding="utf-8")
        other = light.with_name(f"{light.stem}-dark.svg")
        strips = rows(svg)
        both = image(match, "light", svg, light, strips)
        both += image(match, "dark", dark(svg), other, strips)
        return f'<a class="enlarge" href="../{light.as_posix()}">{both}</a>'

    return PICTURE.sub(linked, html)


def link_figures(app, exception):
    """Link the figures of all chapters, once their pictures are there."""
    root = Path(app.outdir)
    if exception or app.builder.format != "html":
        return
    for page in (root / "chapters").glob("*.html"):
        page.write_text(themed(page.read_text(encoding="utf-8"), root), encoding="utf-8")


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", link_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
