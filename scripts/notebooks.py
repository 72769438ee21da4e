"""What an executed notebook was built from, and what may be wrong with a stored one.

A chapter has a source, manuscript/NAME.md, and a product, chapters/NAME.ipynb. The product
carries a stamp of all it depends on: the text, the modules of the library that its run
imported, the pinned versions of the packages that compute or draw, and its own outputs. So a
stale figure or an output changed by hand is noticed without running anything; that the outputs
are *true* is for a fresh run to show (`pytest --nbval chapters`).
"""

import hashlib
import json
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
STAMP = "dropoutlib_build"
# Packages whose version can change a number or a pixel of a chapter.
RESULT_PACKAGES = ("matplotlib", "numpy", "scikit-learn", "scipy", "statsmodels", "sympy", "torch")
# Sums over threads differ in the last digits, and hash order in the order of sets.
KERNEL_ENVIRONMENT = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
FORBIDDEN_MARKS = re.compile(r"nbval[-_](ignore|skip|raises|check)|raises-exception", re.IGNORECASE)
UNSTABLE = {
    "a memory address": re.compile(r"\b0x[0-9a-f]{6,}"),
    "an absolute path": re.compile(r"(?<![\w.])/(home|root|tmp|usr|var|Users|private)/"),
    "a wall-clock time": re.compile(r"\b\d+(\.\d+)? ?(µs|us|ms|ns|seconds?)\b"),
}
MIN_ALT = 20
MAX_COLUMNS = 88  # what the page shows without scrolling


def names(root=ROOT):
    """Names of all chapters that have a manuscript, sorted."""
    return sorted(path.stem for path in (root / "manuscript").glob("*.md"))


def manuscript_path(name, root=ROOT):
    """Where the source of a chapter is."""
    return root / "manuscript" / f"{name}.md"


def notebook_path(name, root=ROOT):
    """Where the product of a chapter is."""
    return root / "chapters" / f"{name}.ipynb"


def sha256(data):
    """Hexadecimal digest of a string or of bytes."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def pins(root=ROOT):
    """Exact version of each package in constraints.txt, names in lower case."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {name.strip().lower(): version.strip() for name, version in pairs}


def library_digest(module, root=ROOT):
    """Digest of a module of the library, or None if there is no such module any more.

    The data files beside a module count as part of it.
    """
    base = root.joinpath(*module.split("."))
    source = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not source.exists():
        return None
    data = sorted(source.parent.glob("*.mplstyle")) if module.endswith(".plotting") else []
    return sha256(b"".join(path.read_bytes() for path in (source, *data)))


def outputs_digest(notebook):
    """Digest of all stored sources and outputs."""
    cells = [
        [cell.source, cell.execution_count, cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return sha256(json.dumps(cells, sort_keys=True))


def stamp(name, modules, versions, notebook, root=ROOT):
    """Record what the run of a chapter depended on."""
    return {
        "library": {module: library_digest(module, root) for module in sorted(modules)},
        "manuscript": sha256(manuscript_path(name, root).read_text(encoding="utf-8")),
        "outputs": outputs_digest(notebook),
        "versions": dict(sorted(versions.items())),
    }


def stale_inputs(name, root=ROOT):
    """Say what has changed since the notebook was built; an empty list means it is fresh."""
    path = notebook_path(name, root)
    if not path.exists():
        return [f"chapters/{name}.ipynb does not exist"]
    notebook = nbformat.read(path, as_version=4)
    recorded = notebook.metadata.get(STAMP)
    if recorded is None:
        return [f"chapters/{name}.ipynb was not written by build_notebooks.py"]
    faults = []
    if recorded["manuscript"] != sha256(manuscript_path(name, root).read_text(encoding="utf-8")):
        faults.append(f"manuscript/{name}.md has changed")
    faults += [
        f"{module} has changed"
        for module, digest in recorded["library"].items()
        if digest != library_digest(module, root)
    ]
    faults += [
        f"{package} was {version}, constraints.txt pins {pins(root).get(package)}"
        for package, version in recorded["versions"].items()
        if version != pins(root).get(package)
    ]
    if recorded["outputs"] != outputs_digest(notebook):
        faults.append(f"a cell or an output of chapters/{name}.ipynb was changed after the build")
    return faults


def orphans(root=ROOT):
    """Notebooks without a manuscript."""
    stored = sorted(path.stem for path in (root / "chapters").glob("*.ipynb"))
    return [
        f"chapters/{name}.ipynb has no manuscript" for name in stored if name not in names(root)
    ]


def content_faults(name, root=ROOT):
    """What no reader should meet: cells out of order, unstable outputs, figures without text."""
    notebook = nbformat.read(notebook_path(name, root), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    faults = []
    if counts != list(range(1, len(code) + 1)):
        faults.append(f"{name}: cells were not run once each, from top to bottom: {counts}")
    for number, cell in enumerate(code, start=1):
        faults += [f"{name}, cell {number}: {fault}" for fault in _cell_faults(cell)]
        if _figures(cell) and not (_printed(cell) or any(map(_printed, code[number : number + 1]))):
            faults.append(f"{name}, cell {number}: no printed number stands beside the figure")
    return faults


def _cell_faults(cell):
    marks = " ".join([cell.source, *cell.metadata.get("tags", [])])
    if FORBIDDEN_MARKS.search(marks):
        yield "its outputs are kept from comparison"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"it raised {output.ename}"
        if output.get("name") == "stderr":
            yield f"it wrote to stderr: {output.text.strip().splitlines()[0]}"
    if any(len(line) > MAX_COLUMNS for line in f"{cell.source}\n{_printed(cell)}".splitlines()):
        yield f"a line of code or output is longer than {MAX_COLUMNS} columns"
    for what, pattern in UNSTABLE.items():
        if pattern.search(_printed(cell)):
            yield f"it prints {what}"
    if _figures(cell):
        options = cell.metadata.get("mystnb", {})
        figure = options.get("figure", {})
        if not (figure.get("caption") and figure.get("name")):
            yield "its figure has no caption or no name"
        if len(options.get("image", {}).get("alt", "")) < MIN_ALT:
            yield f"its figure has no text alternative of at least {MIN_ALT} characters"


def _figures(cell):
    return [output for output in cell.outputs if "image/png" in output.get("data", {})]


def _printed(cell):
    texts = [output.get("text", "") for output in cell.outputs]
    data = [output.get("data", {}) for output in cell.outputs]
    texts += [entry.get("text/plain", "") for entry in data if "image/png" not in entry]
    return "\n".join(texts)
