"""Take scripts off the pages that need them late or not at all.

Bootstrap is loaded by `_static/on-use.js` when a reader first needs it, the script of tabs stays
where there are tabs, and that of FontAwesome, 1.5 MB, goes: a font draws the icons as well. Of the
other scripts the remarks go. The theme writes its tags in templates that it does not let one
replace, so that this is done to the built pages.
"""

import re
from pathlib import Path

BOOTSTRAP = re.compile(r"<(?:link|script)\b[^>]*/scripts/bootstrap\.js[^>]*>(?:</script>)?\s*")
ICONS = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>\s*")
# A remark on lines of its own that is no licence.
REMARK = re.compile(
    r"^[ \t]*(?://[^\n]*|/\*(?!!)(?:(?!\*/|[Ll]icen|[Cc]opyright).)*\*/[ \t]*)\n",
    re.MULTILINE | re.DOTALL,
)
TABS = re.compile(r"<script\b[^>]*/design-tabs\.js[^>]*></script>\s*")


def lighten(text):
    """Return the text of a page without what it does not need at once."""
    text = ICONS.sub("", BOOTSTRAP.sub("", text))
    return text if 'class="sd-tab-' in text else TABS.sub("", text)


def lighten_pages(app, exception):
    """Lighten every built page."""
    if exception or app.builder.format != "html":
        return
    root = Path(app.outdir)
    for page in root.rglob("*.html"):
        page.write_text(lighten(page.read_text(encoding="utf-8")), encoding="utf-8")
    static = root / "_static"
    for path in (static / "scripts").glob("fontawesome.js*"):
        path.unlink()
    for path in [*static.glob("*.js"), *(static / "interactive").glob("*.js")]:
        path.write_text(REMARK.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app):
    """Connect the hook."""
    app.connect("build-finished", lighten_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
