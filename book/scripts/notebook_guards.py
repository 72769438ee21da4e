"""What may be wrong with a stored notebook besides its age: faults that nbval does not see."""

import re

import nbformat
import yaml

from book.scripts.notebooks import ROOT, names, notebook_path

# Words that keep outputs from comparison, in a comment or as a tag.
FORBIDDEN_MARKS = re.compile(
    r"nbval[-_](ignore|skip|raises|check)|raises-exception|VALIDATE_IGNORE", re.IGNORECASE
)
UNSTABLE = {
    "a memory address": re.compile(r"\b0x[0-9a-f]{6,}"),
    "an absolute path": re.compile(
        r"(?<![\w.])/(home|root|tmp|usr|var|opt|mnt|srv|Users|private|Volumes)/|\b[A-Z]:\\"
    ),
    "a wall-clock time": re.compile(
        r"\b\d+(\.\d+)? ?(µs|us|ms|ns|seconds?)\b|\b\d+\.\d+ ?s\b|Wall time|CPU times"
    ),
}
MIN_ALT = 20
MAX_FIGURE = 80_000  # bytes: what has more lines or dots than that is drawn with `rasterized=True`
MAX_COLUMNS = 88  # what the page shows without scrolling


def contents_faults(root=ROOT):
    """Differences between the chapters in the table of contents and the manuscripts."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    listed = {file.split("/")[1] for file in _files(contents) if file.startswith("chapters/")}
    written = set(names(root))
    return [f"_toc.yml lists chapters/{name}, without manuscript" for name in listed - written] + [
        f"manuscript/{name}.md is not in _toc.yml" for name in written - listed
    ]


def _files(node):
    """Every `file:` at any depth of a table of contents."""
    if isinstance(node, dict):
        node = [node["file"] if key == "file" else value for key, value in node.items()]
    if isinstance(node, list):
        return [file for entry in node for file in _files(entry)]
    return [node] if isinstance(node, str) else []


def content_faults(name, root=ROOT):
    """What no reader should meet: cells out of order, unstable outputs, figures without text."""
    notebook = nbformat.read(notebook_path(name, root), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    faults = []
    if counts != list(range(1, len(code) + 1)):
        faults.append(f"{name}: cells were not run once each, from top to bottom: {counts}")
    for number, cell in enumerate(code, start=1):
        faults += [f"{name}, cell {number}: {fault}" for fault in _cell_faults(cell, root)]
        if _figures(cell) and not (_printed(cell) or any(map(_printed, code[number : number + 1]))):
            faults.append(f"{name}, cell {number}: no printed number stands beside the figure")
    return faults


def _cell_faults(cell, root):
    marks = " ".join([cell.source, *cell.metadata.get("tags", [])])
    if FORBIDDEN_MARKS.search(marks):
        yield "its outputs are kept from comparison"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"it raised {output.ename}"
        if output.get("name") == "stderr":
            yield f"it wrote to stderr: {output.text.strip().splitlines()[0]}"
    printed = _printed(cell)
    if any(len(line) > MAX_COLUMNS for line in f"{cell.source}\n{printed}".splitlines()):
        yield f"a line of code or output is longer than {MAX_COLUMNS} columns"
    for what, pattern in UNSTABLE.items():
        if pattern.search(printed) or (what == "an absolute path" and str(root) in printed):
            yield f"it prints {what}"
    if _figures(cell):
        yield from _figure_faults(cell)


def _figure_faults(cell):
    options = cell.metadata.get("mystnb", {})
    figure = options.get("figure", {})
    if not (figure.get("caption") and figure.get("name")):
        yield "its figure has no caption or no name"
    if len(options.get("image", {}).get("alt", "")) < MIN_ALT:
        yield f"its figure has no text alternative of at least {MIN_ALT} characters"
    if len(_figures(cell)) > 1:
        yield "it draws more than one figure, for one caption and one name"
    if any(set(data) - {"text/plain"} != {"image/svg+xml"} for data in _figures(cell)):
        yield "its figure is no SVG picture, and only those are compared"
    for data in _figures(cell):
        if len(data.get("image/svg+xml", "")) > MAX_FIGURE:
            yield f"its figure has more than {MAX_FIGURE} bytes: rasterise what is dense in it"


def _figures(cell):
    data = [output.get("data", {}) for output in cell.outputs]
    return [entry for entry in data if any(kind.startswith("image/") for kind in entry)]


def _printed(cell):
    """Return the text that a cell shows, apart from what stands in for a picture."""
    texts = [output.get("text", "") for output in cell.outputs]
    for output in cell.outputs:
        data = output.get("data", {})
        if data not in _figures(cell):
            texts += [text for kind, text in data.items() if kind.startswith("text/")]
    return "\n".join(texts)
