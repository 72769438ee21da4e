"""Leave of the theme's icons those that the pages show: eleven of two thousand.

The theme brings FontAwesome three times: as a script of 1.5 MB, as fonts, and as a rule of its
style sheet for each icon. One font with the icons that occur does the same. The theme writes its
tags in templates that it does not let one replace, so that this is done to the built pages.
"""

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SCRIPT = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>\s*")
FONT = Path("_static") / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
STYLE = Path("_static") / "styles" / "pydata-sphinx-theme.css"
SHOWN = re.compile(r"\bfa-[a-z0-9-]+")
# .fa-list:before,.fa-list-squares:before{content:"\f03a"}
RULE = re.compile(r'((?:\.fa-[\w-]+:{1,2}before,?)+)\{content:"\\?([^"]+)"\}')
VARIABLE = re.compile(r'--pst-icon-[\w-]+:"(.)"')
# The faces of the fonts that are taken away, and in the one that stays the form that is.
FACE = re.compile(r"@font-face\{[^}]*(?:fa-regular|fa-brands)[^}]*\}")
COMPRESSED = re.compile(r'url\([^)]*fa-solid-900\.woff2\) format\("woff2"\),')


def of_style(style, shown):
    """Return a style sheet without the rules of icons not in `shown`, and the signs of the rest."""
    signs = set()

    def kept(rule):
        if shown.isdisjoint(SHOWN.findall(rule[1])):
            return ""
        signs.add(int(rule[2], 16) if len(rule[2]) > 1 else ord(rule[2]))
        return rule[0]

    style = COMPRESSED.sub("", FACE.sub("", style))
    return RULE.sub(kept, style), signs


def draw_few(path, signs):
    """Leave in a font the given signs."""
    font = TTFont(path)
    cut = subset.Subsetter()
    cut.populate(unicodes=signs)
    cut.subset(font)
    font.save(path)


def lighten(app, exception):
    """Take off the built pages what no icon of theirs needs."""
    root = Path(app.outdir)
    if exception or app.builder.format != "html":
        return
    shown = set()
    for page in root.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        shown |= set(SHOWN.findall(text))
        page.write_text(SCRIPT.sub("", text), encoding="utf-8")
    for script in [*(root / "_static").glob("*.js"), *(root / "_static/scripts").glob("*theme.js")]:
        shown |= set(SHOWN.findall(script.read_text(encoding="utf-8")))
    style, signs = of_style((root / STYLE).read_text(encoding="utf-8"), shown)
    (root / STYLE).write_text(style, encoding="utf-8")
    # The style sheet names some icons by their sign, where a rule of the theme's own shows one.
    signs |= {int(sign, 16) for sign in re.findall(r'content:"\\(f[0-9a-f]{3})"', style)}
    # Others stand in its variables, such as the icon of a box.
    signs |= {ord(sign) for sign in VARIABLE.findall(style)}
    draw_few(root / FONT, signs)
    unused = [path for path in (root / FONT).parent.iterdir() if path.name != FONT.name]
    for path in [*unused, *(root / "_static" / "scripts").glob("fontawesome.js*")]:
        path.unlink()


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
