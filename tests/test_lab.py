"""JupyterLab as Binder starts it: the preface opens as text, and every chapter runs in it.

The environment is made by `make labtest` from the list that Binder takes.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

import nbformat
import pages
import pytest
import waiting

from book.scripts import notebooks
from book.scripts.build_book import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.browser]
browser = pages.browser
JUPYTER = ROOT / ".venv" / "lab" / "bin" / "jupyter"
TOKEN = "reader"
PATIENCE = 300_000  # milliseconds for a page of JupyterLab, whose own scripts are large
FOLDERS = ("backmatter", "chapters", "interactive")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a JupyterLab and its folder, a copy of the book: no chapter is overwritten."""
    if not JUPYTER.exists():
        pytest.skip("`make labtest` builds the environment first")
    root = tmp_path_factory.mktemp("lab")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "index.md", root)
    for path in (root / "chapters").glob("*.ipynb"):  # what is seen afterwards, this run has made
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    log = root / "server.log"
    command = [JUPYTER, "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    options = [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"]
    # Nobody's settings, and no notebooks that somebody left open.
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(root / "config")}
    with open(log, "w", encoding="utf-8") as file:
        server = subprocess.Popen([*command, *options], stdout=file, stderr=file, env=environment)
        try:
            yield address(server, log), root
        finally:
            server.terminate()
            server.wait(60)


def address(server, log):
    for _ in range(120):
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8"))
        if found:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{found[0]}/api", timeout=5)
                return found[0]
        assert server.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.5)
    raise TimeoutError(log.read_text(encoding="utf-8"))


@contextlib.contextmanager
def opened(browser, lab, path):
    with browser.new_context(viewport=pages.DESKTOP) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        # A workspace of its own: in a shared one the notebooks of other tests open again.
        workspace = f"{lab[0]}/lab/workspaces/{re.sub(r'[^a-z]', '-', path)}"
        page.goto(f"{workspace}/tree/{path}?token={TOKEN}", wait_until="domcontentloaded")
        yield page


def test_preface_opens_as_text(browser, lab):
    with opened(browser, lab, "index.md") as page:
        preface = page.locator(".jp-MarkdownViewer, .jp-RenderedMarkdown").first
        preface.get_by_role("heading", name="Dropout, Verified").wait_for()
        preface.locator(".katex, mjx-container").first.wait_for()  # MyST's formulas are set
        text = preface.inner_text()
        assert ":::" not in text
        assert "{prf:ref}" not in text
        assert "$p$" not in text


def code_of(name):
    """The code cells of a chapter as it is stored; there are none in the introduction."""
    stored = json.loads(notebooks.notebook_path(name).read_text(encoding="utf-8"))
    return [cell for cell in stored["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", [name for name in notebooks.names() if code_of(name)])
def test_chapter_runs_from_top_to_bottom(browser, lab, name):
    code = code_of(name)
    with opened(browser, lab, f"chapters/{name}.ipynb") as page:
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
        # The indicator says so before there is a kernel, too; no dialog asks to restart none.
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_text("Restart Kernel and Run All Cells…").click()
        page.get_by_role("button", name="Confirm Kernel Restart").click()
        ran = waiting.all_run(page, lab[1] / "chapters" / f"{name}.ipynb")
    for number, (cell, before) in enumerate(zip(ran, code, strict=True), start=1):
        assert cell["execution_count"] == number, cell["source"]
        assert printed(cell) == printed(before), cell["source"]


def printed(cell):
    return "".join(
        "".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream"
    )
