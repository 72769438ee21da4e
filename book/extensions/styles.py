"""Leave of the style sheets the rules that a page can use: a third of what the theme brings.

A rule is kept when each class that its selector asks for is a class of a page or a word of a
script: what a script might yet write is not taken away.
"""

import re
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# What may hold a brace, a semicolon or a comma that parts nothing.
QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|url\([^)\"']*\)", re.DOTALL)
CLASSES = re.compile(r'\bclass="([^"]*)"')
WORD = re.compile(r"[A-Za-z_][\w-]*")
STEM = 4  # letters of a word such as "verdict-", to which a script adds the rest of a class
# What the pages use of Bootstrap, whose script names much more: tooltips and a menu.
BOOTSTRAP = {"bs-tooltip-auto", "fade", "show", "tooltip", "tooltip-arrow", "tooltip-inner"}
NESTED = re.compile(r"@(?:media|supports|layer|container)\b")  # rules stand inside
INNER = re.compile(r"\([^()]*\)")  # :not(.x) and :is(.x, .y) ask for none of their classes
ASKED = re.compile(r"\.((?:\\.|[\w-])+)")
DECLARED = re.compile(r"(?<=[;{])\s*(--[\w-]+)\s*:[^;{}]*(?:;|(?=\}))")
USED = re.compile(r"(?<=[\"'`(])\s*(--[\w-]+)")  # var(--name), getPropertyValue("--name")


class Known:
    """The classes that a page can have: those it has, and the words of the scripts."""

    def __init__(self, pages, scripts):
        found = {
            name for page in pages for group in CLASSES.findall(page) for name in group.split()
        }
        self.words = found.union(BOOTSTRAP, *(WORD.findall(script) for script in scripts))
        self.stems = tuple(w for w in self.words if w.endswith("-") and len(w) > STEM)

    def has(self, name):
        """Whether a class may occur."""
        return name in self.words or name.startswith(self.stems)


def hidden(style):
    """Return a style sheet of the same length in which nothing quoted has a sign of its own."""
    return QUOTED.sub(lambda match: "_" * len(match[0]), style)


def rules(style):
    """Yield what stands in a style sheet as pairs of a selector and a body, None if it has none."""
    start = depth = opened = 0
    for sign in re.finditer(r"[{};]", hidden(style)):
        if sign[0] == "{":
            depth += 1
            opened = sign.end() if depth == 1 else opened
        elif sign[0] == "}":
            depth -= 1
            if depth == 0:
                yield style[start : opened - 1].strip(), style[opened : sign.start()].strip()
                start = sign.end()
        elif depth == 0:  # @charset, @import
            yield style[start : sign.start()].strip(), None
            start = sign.end()


def selectors(text):
    """Split a list of selectors at the commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter, sign in zip(text, hidden(text), strict=True):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def asked(selector):
    """Classes without which a selector holds for nothing."""
    before = None
    while selector != before:
        selector, before = INNER.sub("", selector), selector
    return [name.replace("\\", "") for name in ASKED.findall(hidden(selector))]


def _kept(style, known):
    for selector, body in rules(style):
        if body is None:
            yield f"{selector};"
        elif NESTED.match(selector):
            inside = "".join(_kept(body, known))
            yield f"{selector}{{{inside}}}" if inside else ""
        elif selector.startswith("@"):  # a font, an animation
            yield f"{selector}{{{body}}}"
        else:
            some = [one for one in selectors(selector) if all(map(known.has, asked(one)))]
            yield f"{','.join(some)}{{{body}}}" if some else ""


def pruned(style, known):
    """Return a style sheet without comments and without rules for classes that cannot occur."""
    return "".join(_kept(COMMENT.sub("", style), known))


def without_unused(style, used):
    """Drop the custom properties that are declared and not in `used`."""
    parts, position = [], 0
    for match in DECLARED.finditer(hidden(style)):
        if match[1] not in used:
            parts.append(style[position : match.start()])
            position = match.end()
    return "".join([*parts, style[position:]])


def prune(root):
    """Prune every style sheet of a built book."""
    static = root / "_static"
    # Not the engines of formulas, algebra and Python, which bring styles of their own.
    folders = (static, static / "scripts", static / "interactive", static / "previews")

    def texts(paths):
        return [path.read_text(encoding="utf-8") for path in paths]

    pages = texts(root.rglob("*.html"))
    found = (path for folder in folders for path in folder.glob("*.js"))
    scripts = texts(path for path in found if path.name != "bootstrap.js")
    known = Known(pages, scripts)
    styles = {
        path: pruned(style, known) for path in static.rglob("*.css") for style in texts([path])
    }
    used = {name for text in (*pages, *scripts, *styles.values()) for name in USED.findall(text)}
    for path, style in styles.items():
        path.write_text(without_unused(style, used), encoding="utf-8")


def prune_styles(app, exception):
    """Prune the built book once its pages are as they will be."""
    if not exception and app.builder.format == "html":
        prune(Path(app.outdir))


def setup(app):
    """Connect the hook, behind all that write to the pages."""
    app.connect("build-finished", prune_styles, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
