"""Execute manuscript/NAME.md into chapters/NAME.ipynb, the same bytes each time.

The same bytes: cell ids count the cells, no time and no patch version of Python is stored,
every chapter runs on a fresh kernel with one thread, and JSON keys are sorted. A notebook is
replaced only by a complete one; whatever goes wrong before leaves the last good one in place.
"""

import argparse
import ast
import importlib.metadata
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from notebooks import (
    KERNEL_ENVIRONMENT,
    RESULT_PACKAGES,
    ROOT,
    STAMP,
    content_faults,
    manuscript_path,
    names,
    notebook_path,
    orphans,
    stale_inputs,
    stamp,
)

CELL_TIMEOUT = 600
IMPORTED = "sorted(__import__('sys').modules)"


class BuildError(Exception):
    """A chapter could not be built; the message names it, the cell and the error."""


def read_manuscript(name, root=ROOT):
    """Return the manuscript as a notebook without outputs."""
    text = manuscript_path(name, root).read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="md:myst")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{name}-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    return notebook


def execute(name, notebook, root=ROOT, on_cell=lambda number, total: None):
    """Run every cell on a fresh kernel; return the modules that the run imported.

    The working directory is chapters/, as for a reader and for `pytest --nbval`.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(root / "chapters")}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    with client.setup_kernel(env={**os.environ, **KERNEL_ENVIRONMENT}):
        for number, (index, cell) in enumerate(code, start=1):
            on_cell(number, len(code))
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                message = f"{error.ename}: {error.evalue}"
            except CellTimeoutError:
                message = f"it ran longer than {CELL_TIMEOUT} s"
            except DeadKernelError:
                message = "the kernel died"
            else:
                written = [out.text for out in cell.outputs if out.get("name") == "stderr"]
                message = f"it wrote to stderr:\n{written[0].strip()}" if written else None
            if message:
                raise BuildError(f"{_where(name, number, cell, root)}: {message}")
        reply = run_sync(client.kc.execute_interactive)(
            "pass", silent=True, user_expressions={"modules": IMPORTED}, timeout=60
        )
    listing = reply["content"]["user_expressions"]["modules"]["data"]["text/plain"]
    return ast.literal_eval(listing)


def _where(name, number, cell, root):
    """Name a cell: the chapter, its number, its place in the manuscript and its first line."""
    text = manuscript_path(name, root).read_text(encoding="utf-8")
    line = text[: max(text.find(cell.source), 0)].count("\n") + 1
    first = cell.source.splitlines()[0] if cell.source else ""
    return f"manuscript/{name}.md:{line}, code cell {number} ('{first}')"


def build(name, root=ROOT, on_cell=lambda number, total: None):
    """Build one chapter, or raise BuildError and leave its notebook as it was."""
    (root / "chapters").mkdir(exist_ok=True)
    notebook = read_manuscript(name, root)
    modules = execute(name, notebook, root, on_cell)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = output.data["image/png"].strip()
    library = [module for module in modules if module.split(".")[0] == "dropoutlib"]
    notebook.metadata[STAMP] = stamp(name, library, _versions(modules), notebook, root)
    nbformat.validate(notebook)
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    replace(notebook_path(name, root), text)


def _versions(modules):
    """Versions of the packages behind the imported modules that can change a result."""
    imported = {module.split(".")[0] for module in modules}
    owners = importlib.metadata.packages_distributions()
    packages = {owner.lower() for module in imported for owner in owners.get(module, [])}
    # "2.13.0+cpu" and "2.13.0" are one release; the pin names it without its build.
    return {
        package: importlib.metadata.version(package).split("+")[0]
        for package in packages & set(RESULT_PACKAGES)
    }


def replace(path, text):
    """Write `text` to `path` at once or, whatever interrupts it, not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _build_and_time(name, root):
    """Build one chapter in a worker, with a line for each cell on a terminal; return seconds."""
    start = time.perf_counter()

    def show(number, total):
        if sys.stderr.isatty():
            elapsed = time.perf_counter() - start
            print(f"\r{name}: cell {number} of {total}, {elapsed:.0f} s ", end="", file=sys.stderr)

    build(name, root, show)
    return time.perf_counter() - start


def build_all(wanted, root=ROOT, jobs=2):
    """Build the named chapters side by side; return the errors, one for each that failed."""
    errors = []
    with ProcessPoolExecutor(min(jobs, max(len(wanted), 1))) as pool:
        running = {pool.submit(_build_and_time, name, root): name for name in wanted}
        for done, future in enumerate(as_completed(running), start=1):
            name = running[future]
            try:
                print(f"[{done}/{len(wanted)}] {name} built in {future.result():.1f} s", flush=True)
            except (BuildError, OSError) as error:
                errors.append(f"{name} failed, its last notebook stays\n  {error}")
                print(f"[{done}/{len(wanted)}] {errors[-1]}", file=sys.stderr, flush=True)
    return errors


def main(argv=None, root=ROOT):
    """Build what is stale, or with --check only say what is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters, by default all")
    parser.add_argument("--check", action="store_true", help="build nothing, fail if stale")
    parser.add_argument("--force", action="store_true", help="build what is fresh as well")
    parser.add_argument("--jobs", type=int, default=2, help="chapters at a time (default 2)")
    arguments = parser.parse_args(argv)
    known = names(root)
    unknown = sorted(set(arguments.names) - set(known))
    if unknown:
        parser.error(f"no manuscript for {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = arguments.names or known
    stale = {name: stale_inputs(name, root) for name in wanted}
    if arguments.check:
        faults = [fault for found in stale.values() for fault in found] + orphans(root)
        faults += [
            fault
            for name in wanted
            if notebook_path(name, root).exists()
            for fault in content_faults(name, root)
        ]
        print("\n".join(faults) or f"{len(wanted)} notebooks are fresh")
        return int(bool(faults))
    todo = [name for name in wanted if stale[name] or arguments.force]
    for name in sorted(set(wanted) - set(todo)):
        print(f"{name} is fresh")
    return int(bool(build_all(todo, root, arguments.jobs)))


if __name__ == "__main__":
    sys.exit(main())
