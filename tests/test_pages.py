"""The checks of built pages find each fault they look for, and none on a sound page."""

import pages
import pytest

browser = pages.browser

MATHJAX = '<span class="math"><mjx-container style="display: inline-block">x</mjx-container></span>'
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SOUND = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<style>
  html[data-theme="dark"] body {{ background: #111; color: #eee; }}
  .unseen {{ display: none; }}
</style></head>
<body><article><h1>A title</h1>
<p>Text, a formula {MATHJAX} and code that shows <code>\\(raw\\)</code> signs.</p>
<details><summary>folded</summary><p>text</p></details>
<img src="{PIXEL}" alt="A line that falls from left to right">
</article></body></html>
"""
# name: (what is put before the end of the article, what the fault must say)
BROKEN = {
    "raw inline formula": (r"<p>\(x\)</p>", "raw formula"),
    "raw display formula": ("<p>$$ x $$</p>", "raw formula"),
    "formula left to a missing script": ('<span class="math">x</span>', "formula not rendered"),
    "formula without size": (
        '<span class="math"><mjx-container style="display: none">x</mjx-container></span>',
        "formula not rendered",
    ),
    "formula with an error": ("<mjx-merror>?</mjx-merror>", "formula with an error"),
    "unknown macro": ('<mjx-mtext style="color: red">?</mjx-mtext>', "formula with an error"),
    "missing image": ('<img src="gone.png" alt="A line that falls">', "image not loaded"),
    "image without alt": (f'<img src="{PIXEL}">', "image without a text"),
    "file name for alt": (f'<img src="{PIXEL}" alt="../_images/ab12.png">', "without a text"),
    "empty words for alt": (f'<img src="{PIXEL}" alt="a figure">', "says nothing"),
    "second title": ("<h1>Another</h1>", "2 headings"),
    "pale text": ('<p style="color: #999; background: #fff">pale</p>', "contrast 2.85"),
    "black on black when dark": ('<p style="color: #000">black</p>', "in dark"),
    "wide element": ('<div style="width: 700px">wide</div>', "px wide on a screen of 390 px"),
    "folded wide element": (
        '<details><summary>more</summary><pre style="width: 700px">wide</pre></details>',
        "px wide on a screen of 390 px",
    ),
    "console error": ("<script>console.error('broken')</script>", "console: broken"),
    "script error": ("<script>undefined.x</script>", "script error"),
    "missing script": ('<script src="gone.js"></script>', "not loaded"),
    "another host": (
        '<script src="https://cdn.example.org/x.js"></script>',
        "asks another host: https://cdn.example.org/x.js",
    ),
}


def faults_of(browser, folder, text):
    (folder / "page.html").write_text(text, encoding="utf-8")
    with pages.watched(browser, folder.as_uri()) as (page, faults):
        return pages.inspect(page, faults, f"{folder.as_uri()}/page.html")


@pytest.mark.browser
def test_sound_page_has_no_fault(browser, tmp_path):
    assert faults_of(browser, tmp_path, SOUND) == []


@pytest.mark.browser
@pytest.mark.parametrize("name", BROKEN)
def test_fault_is_found(browser, tmp_path, name):
    insert, message = BROKEN[name]
    faults = faults_of(browser, tmp_path, SOUND.replace("</article>", f"{insert}</article>"))
    assert any(message in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_missing_browser_is_skipped_but_fails_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt install chromium"):
        pages.missing_browser()
