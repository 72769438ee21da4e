"""Link each figure of a chapter to its picture, which a script then opens over the page.

Its size is written down too, so that the text below does not move when the picture comes.
"""

import re
from pathlib import Path

from PIL import Image

PICTURE = re.compile(r'<img (?P<rest>[^>]*?src="\.\./(?P<file>_images/[^"]+)"[^>]*?) ?/>')


def enlarge(html, root):
    """Return a page whose pictures lead to themselves and say how large they are."""

    def linked(match):
        with Image.open(root / match["file"]) as picture:
            width, height = picture.size
        image = f'<img {match["rest"]} width="{width}" height="{height}" loading="lazy"/>'
        return f'<a class="enlarge" href="../{match["file"]}">{image}</a>'

    return PICTURE.sub(linked, html)


def link_figures(app, exception):
    """Link the figures of all chapters, once their pictures are there."""
    root = Path(app.outdir)
    if exception or app.builder.format != "html":
        return
    for page in (root / "chapters").glob("*.html"):
        page.write_text(enlarge(page.read_text(encoding="utf-8"), root), encoding="utf-8")


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", link_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
