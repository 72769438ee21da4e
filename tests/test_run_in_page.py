"""Cells that run in the page: what decides which, where Python comes from, and a browser trial."""

import hashlib
import json
import zipfile

import nbformat
import pages
import pytest

from book import page_kernel
from book.extensions import pyodide
from book.scripts import fetch_pyodide, notebooks
from book.scripts.build_book import ROOT

browser = pages.browser
HTML = ROOT / "_build" / "html"
SCRIPTS = HTML / "_static" / "interactive"
EMBEDDED = (SCRIPTS / "pyodide" / "python.js").exists()
RUN_HERE = ("ensemble", "formulation", "noise", "variants")
BUDGET = 10_000  # bytes that a page may weigh more before Run is pressed
LOADING = 120_000  # milliseconds, on a machine that does other work as well
ENDED = "n => /Done|Ended|Stopped|could not|verdict|ight/.test(statusOf(n))"

FETCH = "python -m book.scripts.fetch_pyodide"

needs_python = pytest.mark.skipif(
    not EMBEDDED, reason="the built book brings no Python along: make book PYODIDE=1"
)


def sources(name):
    """Code cells of a stored chapter."""
    notebook = nbformat.read(notebooks.notebook_path(name), as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


# ---- What decides where a cell runs -----------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("import numpy as np\nfrom dropoutlib.masks import sample_mask", set()),
        ("from book import exercises\nimport dropcheck", set()),
        ("import torch", {"torch"}),
        ("from dropoutlib import nn", {"torch"}),
        ("from dropoutlib.models import MLPWithDropout", {"torch"}),
        ("def late():\n    from scipy.special import erfcx", {"scipy"}),
        ("%pip install anything", {"IPython"}),
    ],
)
def test_what_a_cell_needs(source, needs):
    assert pyodide.lacking(source) == needs


def test_chapters_that_run_in_the_page_reach_nothing_beyond_it_in_their_first_cell():
    for name in RUN_HERE:
        needs = [pyodide.lacking(source) for source in sources(name)]
        assert not needs[0]
        assert "torch" not in frozenset().union(*needs)


def test_the_packages_that_come_along_are_small_and_hold_no_experiments(tmp_path):
    data = pyodide.houses()
    assert data == pyodide.houses()
    assert len(data) < 250_000
    (tmp_path / "houses.zip").write_bytes(data)
    names = zipfile.ZipFile(tmp_path / "houses.zip").namelist()
    assert {"book/book.mplstyle", "book/exercises/registry.py", "dropcheck/report.py"} <= {*names}
    left_out = ("book/experiments/", "book/scripts/", "dropcheck/conformance/")
    assert not [name for name in names if name.startswith(left_out)]


# ---- Where Python comes from ------------------------------------------------------------------

LOCK = {
    "packages": {
        "numpy": {"file_name": "n.whl", "sha256": hashlib.sha256(b"n").hexdigest(), "depends": []},
        "matplotlib": {
            "file_name": "m.whl",
            "sha256": hashlib.sha256(b"m").hexdigest(),
            "depends": ["Six", "numpy"],
        },
        "six": {"file_name": "s.whl", "sha256": hashlib.sha256(b"s").hexdigest(), "depends": []},
        "other": {"file_name": "o.whl", "sha256": "0", "depends": []},
    }
}


def carrier(folder, **contents):
    path = folder / "carrier.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(f"deep/inside/{name}.whl", data)
    return path


def test_only_what_the_lock_names_is_taken(tmp_path):
    archive = carrier(tmp_path, n=b"n", m=b"m", s=b"s", o=b"o")
    found = fetch_pyodide.take(archive, fetch_pyodide.wanted(LOCK))
    assert found == {"n.whl": b"n", "m.whl": b"m", "s.whl": b"s"}


def test_a_file_that_is_not_what_the_lock_names_is_refused(tmp_path):
    archive = carrier(tmp_path, n=b"n", m=b"changed", s=b"s")
    with pytest.raises(ValueError, match=r"not what .* names: m\.whl"):
        fetch_pyodide.take(archive, fetch_pyodide.wanted(LOCK))


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"lacks m\.whl"):
        fetch_pyodide.take(carrier(tmp_path, n=b"n", s=b"s"), fetch_pyodide.wanted(LOCK))


@needs_python
def test_what_was_fetched_is_what_the_lock_names():
    folder = fetch_pyodide.FOLDER
    files = fetch_pyodide.wanted(json.loads((folder / fetch_pyodide.LOCK).read_text("utf-8")))
    fetch_pyodide.verify({name: (folder / name).read_bytes() for name in files}, files)
    packages = {name.split("-")[0]: name.split("-")[1] for name in files}
    assert (packages["numpy"], packages["matplotlib"]) == ("2.0.2", "3.8.4")


# ---- What a cell does with the interpreter, in any Python -------------------------------------


@pytest.fixture
def written():
    """What a cell wrote, as (kind, text)."""
    return []


@pytest.fixture
def emit(written):
    return lambda kind, text: written.append((kind, text))


def test_names_stay_and_the_last_value_is_shown(written, emit):
    names = {}
    assert page_kernel.run("a = 20\nprint('set')", emit, names)
    assert page_kernel.run("a + 1", emit, names)
    assert "".join(text for _, text in written) == "set\n21\n"


def test_an_error_tells_its_last_line_first(written, emit):
    assert not page_kernel.run("def f():\n    return 1 / 0\nprint('before')\nf()", emit, {})
    kinds = [kind for kind, _ in written if kind != "text"]
    assert kinds == ["error", "trace"]
    assert dict(written)["error"] == "ZeroDivisionError: division by zero"
    assert "return 1 / 0" in dict(written)["trace"]
    assert "page_kernel" not in dict(written)["trace"]


def test_a_syntax_error_is_told_too(written, emit):
    assert not page_kernel.run("a = (", emit, {})
    assert dict(written)["error"].startswith("SyntaxError")


def test_a_cell_that_prints_without_end_leaves_the_page_room(written, emit):
    source = "for _ in range(300): print('x' * 999)\nraise OSError"
    assert not page_kernel.run(source, emit, {})
    shown = "".join(text for kind, text in written if kind == "text")
    told = f"\n… {page_kernel.LONGEST} characters; what follows is not shown.\n"
    assert shown.endswith(told)
    assert len(shown) == page_kernel.LONGEST + len(told)
    assert dict(written)["error"] == "OSError"
    assert page_kernel.run("print('again')", emit, {})
    assert written[-2:] == [("text", "again"), ("text", "\n")]


def test_a_figure_that_cannot_be_drawn_is_an_error_of_its_cell_alone(written, emit):
    names = {}
    source = "from matplotlib import pyplot\na = 3\npyplot.figure().suptitle('$\\\\frac{$')"
    assert not page_kernel.run(source, emit, names)
    assert [kind for kind, _ in written if kind != "text"] == ["error", "trace"]
    assert dict(written)["error"].startswith("ValueError")
    written.clear()
    assert page_kernel.run("a", emit, names)
    assert "".join(text for _, text in written) == "3\n"
    assert page_kernel.run("pyplot.figure();", emit, names)
    assert [kind for kind, _ in written].count("image") == 1


RIGHT = (
    "import math\ndef rate(p, steps):\n"
    "    return lambda t: p * (1 - math.cos(math.pi * min(t / steps, 1))) / 2"
)
WRONG = "lambda p, steps: lambda t: p * min(t / steps, 1)"
SCHEDULE = "ex-implementation-schedule"


@pytest.mark.parametrize(("answer", "verdict"), [(RIGHT, True), (WRONG, False), ("1 / 0", None)])
def test_own_code_is_judged(answer, verdict, emit):
    assert page_kernel.judge(SCHEDULE, answer, emit) is verdict


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", "ValueError: there is no answer yet"),
        ("3", f"TypeError: check('{SCHEDULE}', …) expects"),
    ],
)
def test_what_cannot_be_judged_gets_no_verdict(answer, says, written, emit):
    assert page_kernel.judge(SCHEDULE, answer, emit) is None
    assert dict(written)["error"].startswith(says)


# ---- In a browser, from disk, without a network -----------------------------------------------


def open_page(page, name):
    page.goto((HTML / "chapters" / f"{name}.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    page.evaluate(
        "() => { window.bars = [...document.querySelectorAll('.run-bar')].filter("
        "bar => bar.querySelector('button'));"
        "window.statusOf = n => bars[n].querySelector('.run-status').textContent; }"
    )


def press(page, number, text="Run"):
    page.evaluate(
        "([n, text]) => [...bars[n].querySelectorAll('button')].find("
        "button => button.textContent === text).click()",
        [number, text],
    )


def run(page, number):
    """Press Run and return what the status says in the end."""
    press(page, number)
    page.wait_for_function(ENDED, arg=number, timeout=LOADING)
    return page.evaluate("n => statusOf(n)", number)


def output(page, number):
    """What stands under the code of the n-th cell that can run."""
    return page.evaluate(
        "n => bars[n].closest('.cell').querySelector('.run-output').innerText", number
    )


@pytest.mark.browser
def test_a_page_without_a_press_loads_no_python(browser):
    with pages.watched(browser, "file://") as (page, faults):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        open_page(page, "formulation")
        assert page.evaluate("bars.length") == len(sources("formulation"))
        loaded_by_run = ("/kernel.js", "/pyodide/houses.js", "/pyodide/python.js")
        assert not [url for url in asked if url.endswith(loaded_by_run)]
        data = page.evaluate("document.querySelector('script.page-python').outerHTML")
        assert faults == []
    added = [(SCRIPTS / name).stat().st_size for name in ("run.js", "run.css")]
    assert sum(added) + len(data.encode()) < BUDGET


@pytest.mark.browser
@pytest.mark.parametrize("name", ["gradients", "bayesian", "mistakes", "practice"])
def test_chapters_that_cannot_run_in_the_page_say_where_else(browser, name):
    with pages.watched(browser, "file://") as (page, faults):
        open_page(page, name)
        assert page.evaluate("bars.length") == 0
        note = page.locator("p:not(.run-note) ~ .run-note:has(+ .cell)").inner_text()
        assert ("SciPy" if name == "practice" else "PyTorch") in note
        assert "make lab" in note or "Binder" in note
        assert faults == []


@pytest.mark.browser
@pytest.mark.skipif(EMBEDDED, reason="the built book brings Python along")
def test_without_python_and_network_the_page_says_so(browser):
    with pages.watched(browser, "file://") as (page, _):
        open_page(page, "formulation")
        pressed = page.evaluate(  # at once: nothing is loaded yet that could be stopped
            "() => { const [run, stop] = bars[0].querySelectorAll('button'); run.click();"
            "stop.click(); return statusOf(0); }"
        )
        assert pressed == "Python is not there yet: press again in a moment."
        page.wait_for_function(ENDED, arg=0, timeout=LOADING)
        assert run(page, 0).startswith("Python could not be run")


@pytest.mark.browser
@pytest.mark.skipif(EMBEDDED, reason="the built book brings Python along")
@pytest.mark.skipif(not fetch_pyodide.is_complete(), reason=f"{FETCH} gets what answers")
def test_python_comes_from_its_public_address_when_run_is_pressed(browser):
    """The files that were fetched answer in place of the address."""

    def answer(route):
        file = fetch_pyodide.FOLDER / route.request.url.rpartition("/")[2]
        route.fulfill(path=file, headers={"Access-Control-Allow-Origin": "*"})

    with pages.watched(browser, "file://") as (page, faults):
        asked = []
        page.context.route(lambda url: url.startswith(pyodide.ADDRESS), answer)
        page.context.on("request", lambda request: asked.append(request.url))
        open_page(page, "formulation")
        assert not [url for url in asked if url.startswith("http")]
        assert run(page, 1) == "Done."
        assert faults == []


@pytest.fixture(scope="module")
def formulation(browser):
    """A chapter from disk, without network, in which Python runs."""
    with pages.watched(browser, "file://") as (page, faults):
        open_page(page, "formulation")
        assert run(page, 0) == "Done."
        yield page
        assert faults == []


def figure_cell(page):
    """Number of the first cell with a picture."""
    return page.evaluate("bars.findIndex(bar => bar.closest('.cell').querySelector('img'))")


@needs_python
@pytest.mark.browser
def test_a_cell_prints_what_is_stored_and_draws_its_figure_in_place(formulation):
    number = figure_cell(formulation)
    assert run(formulation, number) == "Done."
    picture = formulation.evaluate(
        "async n => { const img = bars[n].closest('.cell').querySelector('figure img');"
        "await img.decode(); return ["
        "img.src.slice(0, 22), img.naturalWidth > 400, img.alt.length > 20, img.hidden]; }",
        number,
    )
    assert picture == ["data:image/png;base64,", True, True, False]
    stored = formulation.evaluate(
        "n => [...bars[n].closest('.cell').querySelectorAll('.cell_output pre')].map("
        "pre => pre.textContent).join('').trim()",
        number,
    )
    assert output(formulation, number).strip() == stored != ""


@needs_python
@pytest.mark.browser
def test_a_reader_edits_a_cell_and_takes_it_back(formulation):
    before = formulation.evaluate("document.querySelectorAll('textarea').length")
    press(formulation, 1, "Edit")
    area = formulation.locator("textarea.run-code").first
    area.fill("import numpy as np\nprint('mine:', np.arange(4).sum())")
    area.press("Shift+Enter")
    formulation.wait_for_function(ENDED, arg=1, timeout=LOADING)
    assert output(formulation, 1).strip() == "mine: 6"
    press(formulation, 1, "Original")
    assert output(formulation, 1) == ""
    assert formulation.evaluate("document.querySelectorAll('textarea').length") == before


@needs_python
@pytest.mark.browser
def test_an_error_in_a_cell_begins_with_its_last_line(formulation):
    press(formulation, 2, "Edit")
    formulation.locator("textarea.run-code").first.fill("values = [1]\nvalues[3]")
    assert run(formulation, 2) == "Ended with an error."
    assert output(formulation, 2).startswith("IndexError: list index out of range")
    press(formulation, 2, "Original")


@needs_python
@pytest.mark.browser
def test_exercises_check_own_code_in_a_cell(formulation):
    press(formulation, 2, "Edit")
    formulation.locator("textarea.run-code").first.fill(
        "from book import exercises\n"
        "print(exercises.check('ex-formulation-skewness', lambda p: p * (2*p - 1) / (1 - p)**2))\n"
        "print(exercises.check('ex-formulation-skewness', lambda p: (2*p - 1) / (1 - p)))"
    )
    assert run(formulation, 2) == "Done."
    right, wrong = output(formulation, 2).strip().splitlines()
    assert right.startswith("identity: passed")
    assert wrong == "identity: rejected"
    press(formulation, 2, "Original")


@needs_python
@pytest.mark.browser
def test_a_cell_that_hangs_is_stopped_and_python_begins_anew(formulation):
    press(formulation, 1, "Edit")
    formulation.locator("textarea.run-code").first.fill("print('on')\nwhile True:\n    pass")
    press(formulation, 1)
    formulation.wait_for_function("statusOf(1) === 'Running …'", timeout=LOADING)
    press(formulation, 1, "Stop")
    assert formulation.evaluate("statusOf(1)").startswith(
        "Stopped. What the cells had defined is lost"
    )
    press(formulation, 1, "Original")
    assert run(formulation, 1) == "Done."


@needs_python
@pytest.mark.browser
def test_the_field_for_code_judges_an_answer(browser):
    with pages.watched(browser, "file://") as (page, faults):
        open_page(page, "implementation")
        assert page.evaluate("bars.length") == 1
        area = page.locator(".answer-code textarea")
        area.fill(RIGHT)
        assert run(page, 0) == "✓ Right."
        area.fill(WRONG)
        press(page, 0)
        page.wait_for_function("statusOf(0) === '✗ Not right yet.'", timeout=LOADING)
        area.fill("lambda p: (")
        press(page, 0)
        page.wait_for_function("statusOf(0) === 'There is no verdict.'", timeout=LOADING)
        assert "SyntaxError" in page.locator(".run-error").inner_text()
        assert faults == []


@needs_python
@pytest.mark.browser
@pytest.mark.parametrize("name", RUN_HERE)
def test_all_cells_of_a_chapter_run_in_the_page(browser, name):
    with pages.watched(browser, "file://") as (page, faults):
        open_page(page, name)
        last = page.evaluate("bars.length") - 1
        assert run(page, last) == "Done."  # and above it none failed, or the status would say so
        assert page.locator(".run-error").count() == 0
        assert faults == []
