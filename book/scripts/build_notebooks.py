"""Execute manuscript/NAME.md into chapters/NAME.ipynb, the same bytes each time.

What is unchanged is skipped (see notebooks.py for what counts as a change). A notebook is
replaced only by a complete one: whatever goes wrong before leaves the last good one in place.
"""

import argparse
import asyncio
import importlib.metadata
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil

from book.scripts.figures import compact
from book.scripts.notebook_guards import content_faults
from book.scripts.notebook_kernel import CellError, execute
from book.scripts.notebooks import (
    RESULT_PACKAGES,
    ROOT,
    STAMP,
    input_digests,
    names,
    notebook_path,
    orphans,
    read_manuscript,
    render,
    stale_inputs,
    stamp,
)
from book.scripts.progress import Progress

MEMORY_FOR_TWO = 4e9  # bytes


class BuildError(Exception):
    """A chapter could not be built; the message names it, the cell and the error."""


async def build(name, root=ROOT, on_cell=lambda number, total: None):
    """Build one chapter, or raise BuildError or OSError and leave its notebook as it was."""
    (root / "chapters").mkdir(exist_ok=True)
    try:
        digests = input_digests(name, root)
        notebook, lines = read_manuscript(name, root)
    except ValueError as error:
        raise BuildError(f"manuscript/{name}.md cannot be read: {error}") from error
    try:
        modules = await execute(notebook, root, on_cell)
    except CellError as error:
        index, message = error.args
        raise BuildError(f"{_where(name, notebook, lines, index)}: {message}") from error
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/svg+xml" in output.get("data", {}):
                output.data["image/svg+xml"] = compact(output.data["image/svg+xml"])
    notebook.metadata[STAMP] = stamp(digests, modules, _versions(modules), notebook)
    nbformat.validate(notebook)
    replace(notebook_path(name, root), render(notebook))


def _where(name, notebook, lines, index):
    """Name a cell: the chapter, its place in the manuscript, its number and its first line."""
    number = sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])
    first = notebook.cells[index].source.partition("\n")[0]
    return f"manuscript/{name}.md:{lines[index]}, code cell {number} ('{first}')"


def _versions(modules):
    """Versions of the packages behind the imported modules that can change a result."""
    imported = {module.split(".")[0] for module in modules}
    owners = importlib.metadata.packages_distributions()
    packages = {owner.lower() for module in imported for owner in owners.get(module, [])}
    return {
        package: importlib.metadata.version(package) for package in packages & set(RESULT_PACKAGES)
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


async def build_all(wanted, root=ROOT, jobs=2):
    """Build the named chapters, `jobs` at a time; return what went wrong, for each that did."""
    errors, turn = [], asyncio.Semaphore(jobs)

    async def build_in_turn(name):
        async with turn:
            start = time.perf_counter()
            try:
                await build(name, root, lambda *cell: progress.cell(name, *cell))
            except (BuildError, OSError, RuntimeError) as error:
                errors.append(f"{name} failed, its last notebook stays\n  {error}")
                progress.done(name, errors[-1])
            else:
                progress.done(name, f"{name} built in {time.perf_counter() - start:.1f} s")

    async with Progress(len(wanted)) as progress, asyncio.TaskGroup() as group:
        for name in wanted:
            group.create_task(build_in_turn(name))
    return errors


def check(wanted, root=ROOT):
    """Say what is stale, misplaced or unfit in the stored notebooks, without running any."""
    stale = {name: stale_inputs(name, root) for name in wanted}
    faults = [fault for found in stale.values() for fault in found] + orphans(root)
    for name in wanted:
        if not stale[name]:
            faults += content_faults(name, root)
    return faults


def main(argv=None, root=ROOT):
    """Build what is stale, or with --check only say what is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters, by default all")
    parser.add_argument("--check", action="store_true", help="build nothing, fail if stale")
    parser.add_argument("--force", action="store_true", help="build what is fresh as well")
    parser.add_argument(
        "--jobs", type=int, help="chapters at a time (default 2, 1 if memory is low)"
    )
    arguments = parser.parse_args(argv)
    known = names(root)
    unknown = sorted(set(arguments.names) - set(known))
    if unknown:
        parser.error(f"no manuscript for {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = sorted(set(arguments.names)) or known
    if not arguments.check:
        todo = [name for name in wanted if arguments.force or stale_inputs(name, root)]
        for name in sorted(set(wanted) - set(todo)):
            print(f"{name} is fresh")
        jobs = arguments.jobs or 1 + (psutil.virtual_memory().available > MEMORY_FOR_TWO)
        try:
            if asyncio.run(build_all(todo, root, jobs)):
                return 1
        except KeyboardInterrupt:
            print("interrupted; no notebook is half written", file=sys.stderr)
            return 130
    faults = check(wanted, root)
    print("\n".join(faults) or "every notebook asked for is fresh", flush=True)
    return int(bool(faults))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sys.exit(main())
