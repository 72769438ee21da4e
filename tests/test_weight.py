"""What a chapter loads, how soon it can be used, and what was taken away to get there."""

import urllib.parse
from pathlib import Path

import pages
import pytest
from fontTools.ttLib import TTFont
from test_book import HTML, PAGES

from book.extensions import formulas, icons, on_use, styles

browser = pages.browser
every_chapter = pytest.mark.parametrize(
    "page_name", [name for name in PAGES if name.startswith("chapters/")]
)
HEAVIEST = 1_500_000  # bytes of all files that a chapter asks for while it is read to its end
USABLE = 2.0  # seconds on an idle machine until the formulas in view are set, from disk
SET = """() => [...document.querySelectorAll("article .math")].every((math) => {
  const { top, bottom } = math.getBoundingClientRect();
  const seen = math.checkVisibility() && bottom > 0 && top < innerHeight;
  return !seen || math.querySelector("mjx-container");
})"""


def read_to_its_end(page):
    while page.evaluate("scrollY + innerHeight < document.documentElement.scrollHeight - 2"):
        page.evaluate("scrollBy({ top: 0.9 * innerHeight, behavior: 'instant' })")
        page.wait_for_timeout(100)
    page.wait_for_load_state("networkidle")


@every_chapter
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.browser
def test_chapter_is_light_with_everything_it_loads(browser, page_name, scheme):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        asked = set()
        page.on("request", lambda request: asked.add(request.url.partition("?")[0]))
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{HTML.as_uri()}/{page_name}")
        read_to_its_end(page)
        paths = [
            Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
            for url in asked
            if url.startswith("file:")
        ]
        weights = {path.relative_to(HTML).as_posix(): path.stat().st_size for path in paths}
        assert page_name in weights
        assert sum(weights.values()) < HEAVIEST, sorted(weights.items(), key=lambda one: -one[1])
        assert faults == []


@every_chapter
@pytest.mark.browser
def test_chapter_can_be_used_soon(browser, page_name):
    def formulas_set(page):
        page.wait_for_function(SET)
        return page.evaluate("performance.now()")

    address = f"{HTML.as_uri()}/{page_name}"
    assert pages.soonest(browser, HTML.as_uri(), address, formulas_set, USABLE) < USABLE


# ---- Scripts that are loaded on use --------------------------------------------------------------


def test_tags_of_scripts_that_nothing_needs_at_once_are_taken_off():
    page = (
        '<link rel="preload" as="script" href="../_static/scripts/bootstrap.js?digest=1" />\n'
        '<script defer src="../_static/scripts/bootstrap.js?digest=1"></script>\n'
        '<script src="../_static/scripts/fontawesome.js?digest=1"></script>\n'
        '<script data-x="y" src="../_static/design-tabs.js?v=1"></script>\n'
        '<script src="../_static/doctools.js"></script>'
    )
    assert on_use.lighten(page) == '<script src="../_static/doctools.js"></script>'
    tabs = f'{page}<div class="sd-tab-set"></div>'
    assert "design-tabs.js" in on_use.lighten(tabs)


def test_remarks_of_scripts_go_and_licences_stay():
    script = (
        "// what follows\nlet a = 'x'; // kept\n  /* a\n remark */\n/*! by them */\n"
        "/* Copyright: they */\nlet b = `/* ${a} */`;\n"
    )
    assert on_use.REMARK.sub("", script) == (
        "let a = 'x'; // kept\n/*! by them */\n/* Copyright: they */\nlet b = `/* ${a} */`;\n"
    )


@pytest.mark.parametrize("way", ["pointer", "tap", "keyboard"])
@pytest.mark.browser
def test_menu_opens_though_its_script_is_loaded_on_use(browser, way):
    with pages.watched(browser, HTML.as_uri()) as (page, faults):
        page.goto(f"{HTML.as_uri()}/chapters/introduction.html")
        assert page.evaluate("window.bootstrap === undefined")
        button = page.locator('[data-bs-toggle="dropdown"]:visible').first
        if way == "pointer":
            button.click()
        elif way == "tap":  # a click that nothing announces
            button.evaluate("(e) => e.click()")
        else:
            button.focus()
            page.wait_for_function("window.bootstrap")
            page.keyboard.press("Enter")
        page.locator(".dropdown-menu.show").wait_for()
        assert button.get_attribute("aria-expanded") == "true"
        assert faults == []


@pytest.mark.browser
def test_button_leads_back_to_the_top(browser):
    with pages.watched(browser, HTML.as_uri()) as (page, _):
        page.set_viewport_size({"width": 390, "height": 844})  # the theme hides it on wide pages
        page.goto(f"{HTML.as_uri()}/chapters/formulation.html")
        button = page.locator("#pst-back-to-top")
        # Formulas set above may move the page up a little, which shows the button: on, then.
        for top in (3000, 3200, 3400, 3600):
            page.evaluate(f"scrollTo({{ top: {top}, behavior: 'instant' }})")
            page.wait_for_timeout(100)
        assert not button.is_visible()
        page.mouse.wheel(0, -400)
        button.click()
        page.wait_for_function("scrollY === 0")


# ---- Style sheets --------------------------------------------------------------------------------

KNOWN = styles.Known(
    ['<p class="lead used-in"><b class="fa-list">x</b>'],
    ['e.className = "verdict-" + word; "open"'],
)


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        (".lead{a:b}", True),
        (".lead .gone{a:b}", False),
        ("p#name > a:hover{a:b}", True),
        (".open{a:b}", True),  # a word of a script
        (".verdict-supported{a:b}", True),  # which a script may put together
        (".verdict{a:b}", False),
        ("p:not(.gone){a:b}", True),
        ("p:is(.gone,.lead){a:b}", True),
        ("@font-face{a:b}", True),
        ("@keyframes gone{from{a:b}to{a:b}}", True),
        ('@import "x.css";', True),
        ("@media print{.lead{a:b}}", True),
        ("@media print{.gone{a:b}}", False),
        ('.lead{content:"}.gone{"}', True),
        ("@supports (a:b){@media print{.gone{a:b}}}", False),
    ],
)
def test_rules_stay_that_something_can_use(style, kept):
    assert styles.pruned(f"/* a {{ remark */{style}", KNOWN) == (style if kept else "")


def test_of_a_list_those_selectors_stay_that_something_can_use():
    assert styles.pruned(".gone, .lead{a:b}.used-in{a:b}", KNOWN) == ".lead{a:b}.used-in{a:b}"


def test_custom_properties_stay_that_something_reads():
    style = ':root{--a:1;--b:url("x;y}");--c:3}p{top:var(--a)}'
    used = set(styles.USED.findall(style))
    assert styles.without_unused(style, used) == ":root{--a:1;}p{top:var(--a)}"
    assert styles.USED.findall('getPropertyValue("--b") var( --c )') == ["--b", "--c"]


def test_signs_are_those_of_the_icons_whose_rules_stay():
    style = (
        '.fa-list:before{content:"\\f03a"}.fa-x:before,.fa-xmark:before{content:"\\f00d"}'
        '.fa-plus:before{content:"+"}.dropdown:after{content:"\\f107"}'
    )
    assert icons.signs_of(style) == {0xF03A, 0xF00D, ord("+"), 0xF107}
    assert icons.signs_of(styles.pruned(style, KNOWN)) == {0xF03A}


# ---- MathJax -------------------------------------------------------------------------------------

MODULE = (
    "function(t,e){var r,n=this&&this.__extends||(r=function(t,e){return r=Object.setPrototypeOf,"
    "r(t,e)},function(t,e){r(t,e),t.prototype=Object.create(e.prototype)}),"
    "o=this&&this.__read||function(t,e){if(e)return[')'];return Array.from(t)};"
    "function A(){}function B(){}B.prototype.x=1;n(A,B);"
    "t.push(Object.getPrototypeOf(A)===B,o([1]))}"
)
# As many that what they share outweighs what names it.
COPIES = 9
EACH = f"for (const module of [{','.join([MODULE] * COPIES)}])"
MODULES = f"{EACH} module(window.found = window.found ?? [])"
SCRIPT = f'!function(){{"use strict";{MODULES}}}();'


@pytest.mark.browser
def test_helpers_of_mathjax_stand_once_in_a_script_that_does_the_same(browser):
    shared = formulas.with_helpers_once(SCRIPT)
    assert "this&&this" not in shared
    assert shared.count("Object.setPrototypeOf") == 1
    assert shared.count("Array.from") == 1
    with pages.watched(browser, "about:") as (page, _):
        for script in (SCRIPT, shared):
            page.goto("about:blank")
            page.evaluate(script)
            assert page.evaluate("window.found") == [True, [1]] * COPIES


def test_a_script_without_helpers_stays():
    assert formulas.with_helpers_once("var a=1;") == "var a=1;"


def test_no_helper_stands_twice_in_the_built_scripts():
    scripts = HTML / "_static" / "mathjax" / "es5"
    for name in formulas.COMPONENTS:
        text = (scripts / f"{name}.js").read_text(encoding="utf-8")
        found = [match["name"] for match in formulas.HELPER.finditer(text)]
        assert len(found) == len(set(found)), name


def signs(ranges):
    """Code points of a list of ranges as a style sheet writes it."""
    parts = [part.strip().removeprefix("U+").split("-") for part in ranges.split(",")]
    return {n for part in parts for n in range(int(part[0], 16), int(part[-1], 16) + 1)}


def test_the_two_parts_of_a_font_of_mathjax_share_its_signs():
    fonts = HTML / "_static" / "mathjax" / "es5" / "output" / "chtml" / "fonts"
    usual, whole = (
        set(TTFont(fonts / "woff-v2" / name).getBestCmap())
        for name in (formulas.USUAL, formulas.FONT)
    )
    first, second = signs(formulas.USUAL_RANGE), signs(formulas.OTHER_RANGE)
    assert first.isdisjoint(second)
    assert whole <= first | second
    assert whole & first == usual
    script = (fonts / "tex.js").read_text(encoding="utf-8")
    assert script.count(formulas.USUAL) == script.count(formulas.FONT) == 1
    for name, ranges in ((formulas.USUAL, "USUAL_RANGE"), (formulas.FONT, "OTHER_RANGE")):
        face = script[script.index(name) :].partition("}")[0]
        assert f'"unicode-range":"{getattr(formulas, ranges)}"' in face
