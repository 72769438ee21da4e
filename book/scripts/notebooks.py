"""What a chapter's executed notebook is made of, and how to tell that it is out of date.

A chapter has a source, manuscript/NAME.md, and a product, chapters/NAME.ipynb. The product is
the same bytes each time: cell ids count the cells, JSON keys are sorted, and no time, no program
and no version of Python is stored. It carries a stamp of all it depends on: the text, the
modules of the library and of the experiments that its run imported, the stored results of each
experiment that it names, the versions of the packages that compute or draw, and its own outputs.
So a stale figure or an output changed by hand is noticed without running anything; that the
outputs are *true* is for a fresh run to show (`pytest --nbval chapters`).

The stamp's versions are held against constraints.txt, not against what happens to be installed:
the stored book belongs to the pins, and whoever has other versions sees in nbval whether its
numbers hold there too. A local build such as "2.13.0+cpu" counts as the release 2.13.0.
"""

import hashlib
import json
import re
from pathlib import Path

import nbformat
import yaml
from jupytext.myst import MystMetadataParsingError, myst_to_notebook

from book.scripts.colab import with_install_cell
from book.scripts.versions import ROOT, pins

STAMP = "dropoutlib_build"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# The packages of this project that a chapter may import.
OWN_PACKAGES = ("book", "dropcheck", "dropoutlib")
# An experiment that a chapter names in its code, such as "R1".
EXPERIMENT = re.compile(r"""["']([RS]\d+)["']""")
# Stored by `make bench`; a chapter names one as benchmarks.load("results").
BENCHMARKS = ("book/benchmarks/results.json", "book/benchmarks/peers.json")
# Packages whose version can change a number or a pixel of a chapter.
RESULT_PACKAGES = ("matplotlib", "numpy", "scikit-learn", "scipy", "statsmodels", "sympy", "torch")


def names(root=ROOT):
    """Names of all chapters that have a manuscript, sorted."""
    return sorted(path.stem for path in (root / "manuscript").glob("*.md"))


def manuscript_path(name, root=ROOT):
    """Where the source of a chapter is."""
    return root / "manuscript" / f"{name}.md"


def notebook_path(name, root=ROOT):
    """Where the product of a chapter is."""
    return root / "chapters" / f"{name}.ipynb"


def read_manuscript(name, root=ROOT):
    """Return the manuscript as a notebook without outputs, and the line where each cell starts.

    Raises
    ------
    ValueError
        If the text is not UTF-8, or the options of a cell cannot be read.
    """
    text = manuscript_path(name, root).read_text(encoding="utf-8")
    try:
        notebook = myst_to_notebook(text, add_source_map=True)
    except (MystMetadataParsingError, yaml.YAMLError) as error:
        raise ValueError(str(error)) from error
    lines = notebook.metadata["source_map"]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{name}-{number}"
    notebook.cells, lines = with_install_cell(notebook.cells, lines, name, root)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    return notebook, lines


def render(notebook):
    """Return the text of a notebook's file."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def sha256(data):
    """Hexadecimal digest of a string or of bytes."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def library_digest(module, root=ROOT):
    """Digest of a module of the library, or None if there is no such module any more.

    The data files beside a module count as part of it.
    """
    base = root.joinpath(*module.split("."))
    source = base / "__init__.py"
    if not source.exists():  # a folder of old bytecode may bear a module's name
        source = base.with_suffix(".py")
    if not source.exists():
        return None
    data = sorted(source.parent.glob("*.mplstyle")) if module.endswith(".plotting") else []
    return sha256("".join(path.read_text(encoding="utf-8") for path in (source, *data)))


def results_digests(manuscript, root=ROOT):
    """Digest of the stored results of each experiment that the text of a manuscript names.

    Those of benchmarks go by the path of their file.
    """
    files = {
        id: sorted((root / "book" / "experiments" / "results").glob(f"*/{id}.json"))
        for id in sorted(set(EXPERIMENT.findall(manuscript)))
    }
    files |= {
        path: [root / path]
        for path in BENCHMARKS
        if f'benchmarks.load("{Path(path).stem}")' in manuscript
    }
    return {
        name: sha256("".join(path.read_text("utf-8") for path in paths))
        for name, paths in files.items()
        if paths
    }


def outputs_digest(notebook):
    """Digest of all stored outputs and of the order in which their cells were run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return sha256(render([[cell.execution_count, cell.outputs] for cell in code]))


def input_digests(name, root=ROOT):
    """Digests of the manuscript and of every module of the library and of the experiments.

    Taken before a run, so that what is edited while it lasts makes its product stale.
    """
    found = (path for package in OWN_PACKAGES for path in (root / package).rglob("*.py"))
    files = (path.relative_to(root) for path in found)
    parts = (
        path.parent.parts if path.stem == "__init__" else path.with_suffix("").parts
        for path in files
    )
    modules = sorted(".".join(part) for part in parts)
    manuscript = manuscript_path(name, root).read_text(encoding="utf-8")
    return {
        "library": {module: library_digest(module, root) for module in modules},
        "manuscript": sha256(manuscript),
        "results": results_digests(manuscript, root),
    }


def stamp(digests, modules, versions, notebook):
    """Record what the run of a chapter depended on, of all that it could have."""
    library = digests["library"]
    return digests | {
        "library": {module: library[module] for module in library if module in modules},
        "outputs": outputs_digest(notebook),
        "versions": {package: version.split("+")[0] for package, version in versions.items()},
    }


def stale_inputs(name, root=ROOT):
    """Say what has changed since the notebook was built; an empty list means it is fresh."""
    path = notebook_path(name, root)
    if not path.exists():
        return [f"{name}: chapters/{name}.ipynb does not exist"]
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # half a merge, half a download: nbformat raises many kinds
        return [f"{name}: chapters/{name}.ipynb cannot be read: {type(error).__name__}"]
    recorded = notebook.metadata.get(STAMP)
    if recorded is None:
        return [f"{name}: chapters/{name}.ipynb was not written by build_notebooks.py"]
    faults = [*_changed_inputs(name, recorded, root)]
    if recorded["outputs"] != outputs_digest(notebook):
        faults.append("an output was changed after the build")
    if not faults and render(_rebuilt(name, notebook, root)) != path.read_text(encoding="utf-8"):
        faults.append("its text, code or metadata was changed after the build")
    return [f"{name}: {fault}" for fault in faults]


def _changed_inputs(name, recorded, root):
    manuscript = manuscript_path(name, root).read_text(encoding="utf-8")
    if recorded["manuscript"] != sha256(manuscript):
        yield f"manuscript/{name}.md has changed"
    # A chapter built before there were experiments has recorded none.
    before, now = recorded.get("results", {}), results_digests(manuscript, root)
    for id in sorted(before.keys() | now.keys()):
        if before.get(id) != now.get(id):
            yield f"the stored results of {id} have changed"
    for module, digest in recorded["library"].items():
        if digest != library_digest(module, root):
            yield f"{module} has changed"
    pinned = pins(root)
    for package, version in recorded["versions"].items():
        if version != pinned.get(package):
            yield f"{package} was {version}, constraints.txt pins {pinned.get(package)}"


def _rebuilt(name, stored, root):
    """Put the stored outputs and stamp on what the manuscript gives now."""
    notebook, _ = read_manuscript(name, root)
    notebook.metadata[STAMP] = stored.metadata[STAMP]
    for fresh, old in zip(notebook.cells, stored.cells, strict=False):
        if fresh.cell_type == old.cell_type == "code":
            fresh.execution_count, fresh.outputs = old.execution_count, old.outputs
    return notebook


def orphans(root=ROOT):
    """Notebooks without a manuscript."""
    stored = sorted(path.stem for path in (root / "chapters").glob("*.ipynb"))
    return [
        f"chapters/{name}.ipynb has no manuscript" for name in stored if name not in names(root)
    ]
