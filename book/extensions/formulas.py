r"""Bring MathJax into the built book, so that formulas are set without a network.

It cannot lie in a static path: Jupyter Book would load each of its scripts on every page.

The compiler of MathJax wrote the same helpers into each of its modules, `__extends` 124 times, a
sixth of what a page would read. Here each script has each of them once. And the font of the letters
of \mathbb is loaded without its 230 other signs, until a formula shows one.
"""

import re
import shutil
from pathlib import Path

import mathjax
from fontTools import subset
from fontTools.ttLib import TTFont

# Of the package's 24 MB: what reads TeX and sets it, its fonts, what screen readers read, and the
# small extensions that are fetched when a formula first uses, say, \cancel. The ready-made bundle
# is heavier by the half, for a menu and for input in MathML.
COMPONENTS = ("core", "input/tex", "output/chtml", "a11y/assistive-mml")
PARTS = (
    "LICENSE",
    "es5/startup.js",
    *(f"es5/{name}.js" for name in COMPONENTS),
    "es5/output/chtml/fonts/tex.js",
    "es5/input/tex/extensions",
    "es5/output/chtml/fonts/woff-v2",
)
# A helper that stands on its own: others refer to each other by the names that a module gave them.
HELPER = re.compile(
    r"(?P<local>\w+)=this&&this\.(?P<name>__(?:assign|extends|generator|read|spreadArray|values))\|\|"
)
# What ends each loop over the values of something; `__close` does the same.
LOOP_END = re.compile(
    r"finally\{try\{(\w+)&&!\1\.done&&\((\w+)=(\w+)\.return\)&&\2\.call\(\3\)\}"
    r"finally\{if\((\w+)\)throw \4\.error\}\}"
)
CLOSE = (
    "__close=function(step,values,failed){try{step&&!step.done&&values.return&&values.return()}"
    "finally{if(failed)throw failed.error}}"
)
MODULE = re.compile(r'Object\.defineProperty\((\w+),"__esModule",\{value:!0\}\)')
DECLARE = '__module=function(part){Object.defineProperty(part,"__esModule",{value:true})}'
FONT = "MathJax_AMS-Regular.woff"
# The part of it that most chapters need: letters, and the box that ends a proof.
USUAL = "MathJax_AMS-Usual.woff"
USUAL_SIGNS = (*range(0x100), 0x25A1)
USUAL_RANGE, OTHER_RANGE = "U+0-FF,U+25A1", "U+100-25A0,U+25A2-FFFF"
FACE = re.compile(
    r'("@font-face /\* \d+)( \*/":\{"font-family":"[^"]+",src:\'[^\']+)'
    rf"({FONT})([^']+')\}}"
)
WITHIN = re.compile(r"\((\w+)=function")  # __extends has a function of its own inside
STRING_OR_SIGN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[()\[\]{},;]")


def expression(script, start):
    """Return the JavaScript expression that begins at `start`."""
    depth = 0
    for sign in STRING_OR_SIGN.finditer(script, start):
        if sign[0] in "([{":
            depth += 1
        elif depth and sign[0] in ")]}":
            depth -= 1
        elif not depth and sign[0] in ")]},;":
            return script[start : sign.start()]
    raise ValueError("an expression of MathJax's scripts has no end")


def with_helpers_once(script):
    """Return a script of MathJax whose modules share their helpers."""
    helpers, parts, position = {}, [], 0
    for match in HELPER.finditer(script):
        body = expression(script, match.end())
        plain = re.sub(r"\b[a-zA-Z]\b", "_", body)  # modules differ in the names of variables
        within = "".join(f"{name}," for name in WITHIN.findall(body)[:1])
        local = match["local"]
        first = f"{match['name']}=function(){{var {within}{local}={body};return {local}}}()"
        if plain != helpers.setdefault(match["name"], (plain, first))[0]:
            continue
        parts += [script[position : match.start()], f"{local}={match['name']}"]
        position = match.end() + len(body)
    parts.append(script[position:])
    body = LOOP_END.sub(r"finally{__close(\1,\3,\4)}", "".join(parts))
    body = MODULE.sub(r"__module(\1)", body)
    declared = ",".join([*(first for _, first in helpers.values()), CLOSE, DECLARE])
    shared = f"!function(){{var {declared};\n{body}\n}}();\n"
    return min(script, shared, key=len)  # a small script has each helper once already


def with_two_faces(script):
    """Return a script of MathJax which, where it names the font, names its two parts."""

    def both(match):
        start, middle, file, end = match.groups()
        faces = (("a", USUAL, USUAL_RANGE), ("", file, OTHER_RANGE))
        return ",".join(
            f'{start}{mark}{middle}{part}{end},"unicode-range":"{signs}"}}'
            for mark, part, signs in faces
        )

    return FACE.sub(both, script)


def split_font(folder):
    """Write the usual signs of the font into a file of their own, beside it."""
    font = TTFont(folder / FONT)
    cut = subset.Subsetter(subset.Options(drop_tables=["FFTM"]))  # when it was made
    cut.populate(unicodes=USUAL_SIGNS)
    cut.subset(font)
    font.flavor = "woff"
    font.save(folder / USUAL)


def copy_mathjax(app, exception):
    """Put MathJax among the built files."""
    if exception or app.builder.format != "html":
        return
    source = Path(mathjax.__file__).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, destination, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, destination)
    split_font(target / "es5" / "output" / "chtml" / "fonts" / "woff-v2")
    for path in target.glob("**/*.js"):
        script = with_two_faces(path.read_text(encoding="utf-8"))
        path.write_text(with_helpers_once(script), encoding="utf-8")


def name_components(app, config):
    """Tell MathJax what to load; the scripts of the pages add what they need."""
    config.mathjax3_config = {**(config.mathjax3_config or {}), "loader": {"load": COMPONENTS}}


def setup(app):
    """Connect the hooks."""
    app.connect("config-inited", name_components)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
