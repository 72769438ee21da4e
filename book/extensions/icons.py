"""Leave of the theme's font of icons those that the pages show: eleven of two thousand."""

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FONT = Path("_static") / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
STYLE = Path("_static") / "styles" / "pydata-sphinx-theme.css"
# .fa-list:before,.fa-list-squares:before{content:"\f03a"}, and rules of the theme's own
ICON = re.compile(r'\.fa-[\w-]+:{1,2}before\{content:"\\?([^"]+)"\}|content:"\\(f[0-9a-f]{3})"')
# The icon of a box is named by a variable: --pst-icon-info:"i".
VARIABLE = re.compile(r'--pst-icon-[\w-]+:"(.)"')
# The faces of the fonts that are taken away, and in the one that stays the form that is.
FACE = re.compile(r"@font-face\{[^}]*(?:fa-regular|fa-brands)[^}]*\}")
COMPRESSED = re.compile(r'url\([^)]*fa-solid-900\.woff2\) format\("woff2"\),')


def signs_of(style):
    """Return the code points of the icons that a style sheet still has rules or variables for."""
    found = [of_class or of_rule for of_class, of_rule in ICON.findall(style)]
    found += VARIABLE.findall(style)
    return {int(sign, 16) if len(sign) > 1 else ord(sign) for sign in found}


def draw_few(path, signs):
    """Leave in a font the given signs."""
    font = TTFont(path)
    cut = subset.Subsetter()
    cut.populate(unicodes=signs)
    cut.subset(font)
    font.save(path)


def lighten(app, exception):
    """Take from the built book the icons for which no rule is left."""
    root = Path(app.outdir)
    if exception or app.builder.format != "html":
        return
    style = COMPRESSED.sub("", FACE.sub("", (root / STYLE).read_text(encoding="utf-8")))
    (root / STYLE).write_text(style, encoding="utf-8")
    draw_few(root / FONT, signs_of(style))
    for path in (root / FONT).parent.iterdir():
        if path.name != FONT.name:
            path.unlink()


def setup(app):
    """Connect the hook, behind book/extensions/styles.py, which drops the rules of most icons."""
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
