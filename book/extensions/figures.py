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

from book.plotting import on_dark, pixels_on_dark

PICTURE = re.compile(r'<img (?P<rest>[^>]*?src="\.\./(?P<file>_images/[^"]+\.svg)"[^>]*?) ?/>')
IMAGE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")
SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
SCALE = 2  # pixels at most for 1/72 inch, so that letters of 10 points are those of the text


def dark(svg):
    """Return a figure for a dark page, with the images in it."""

    def changed(match):
        with Image.open(io.BytesIO(base64.b64decode(match[0]))) as picture:
            pixels = np.asarray(picture.convert("RGBA"))
        file = io.BytesIO()
        Image.fromarray(pixels_on_dark(pixels)).save(file, format="png", optimize=True)
        return base64.b64encode(file.getvalue()).decode()

    return IMAGE.sub(changed, on_dark(svg))


def themed(html, root):
    """Return a page whose pictures come in two themes, lead to themselves and say their size.

    Parameters
    ----------
    html : str
        A page of a folder below `root`.
    root : pathlib.Path
        The built book, into which the dark pictures are written.
    """

    def linked(match):
        light = Path(match["file"])
        svg = (root / light).read_text(encoding="utf-8")
        other = light.with_name(f"{light.stem}-dark.svg")
        (root / other).write_text(dark(svg), encoding="utf-8")
        width, height = (round(SCALE * float(side)) for side in SIZE.search(svg).groups())
        size = f'width="{width}" height="{height}" loading="lazy"'
        images = (
            f'<img class="only-{theme}" {match["rest"].replace(light.name, file.name)} {size}/>'
            for theme, file in (("light", light), ("dark", other))
        )
        return f'<a class="enlarge" href="../{light.as_posix()}">{"".join(images)}</a>'

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
