"""Run a chapter on a fresh kernel, in surroundings that do not depend on who runs it.

`build_notebooks.py` and `pytest --nbval chapters` start their kernels in the same environment:
this checkout's library, one thread, no GPU, nobody's personal settings of IPython, Matplotlib or
Python. The working directory is chapters/, where a reader who opens the notebook is as well.
"""

import ast
import asyncio
import functools
import json
import os
import re
import tempfile
from pathlib import Path

import ipykernel.kernelspec
import matplotlib.font_manager  # finds the fonts, or a kernel would complain that it has to
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

CELL_TIMEOUT = 600
# As JSON, because the kernel cuts the repr of a list after 1000 entries; torch imports more.
IMPORTED = "__import__('json').dumps(sorted(__import__('sys').modules))"


class CellError(Exception):
    """A cell could not be run; the arguments are its position among all cells and the reason."""


class CurrentPython(KernelSpecManager):
    """Every kernel is the Python that runs this, whatever kernels the user has installed."""

    def get_kernel_spec(self, kernel_name):
        """Return the kernel of this environment."""
        return KernelSpec(**ipykernel.kernelspec.get_kernel_dict())


@functools.cache
def _profile():
    """A folder of IPython's settings in which nothing is set but the format of figures."""
    folder = tempfile.TemporaryDirectory(prefix="ipython-")
    settings = Path(folder.name, "profile_default", "ipython_kernel_config.py")
    settings.parent.mkdir()
    settings.write_text('c.InlineBackend.figure_formats = {"svg"}\n', encoding="utf-8")
    return folder


def kernel_environment(root):
    """Environment variables for a kernel that runs the chapters of the book in `root`."""
    # PYTHONOPTIMIZE would drop the asserts of a chapter, PYTHONWARNINGS hide its warnings, and
    # under PYTEST_CURRENT_TEST a kernel does not show what compiled code prints.
    steering = ("PYTHON", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return kept | {
        "CUDA_VISIBLE_DEVICES": "",
        "IPYTHONDIR": _profile().name,
        "MATPLOTLIBRC": os.path.join(matplotlib.get_data_path(), "matplotlibrc"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # Sums over threads differ in the last digits, and hash order in the order of sets.
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(root),
    }


async def execute(notebook, root, on_cell=lambda number, total: None):
    """Run every code cell, store its outputs, and return the modules that the run imported.

    Raises
    ------
    CellError
        If a cell raises, writes to stderr, takes too long or kills the kernel.
    """
    manager = AsyncKernelManager(kernel_spec_manager=CurrentPython())
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        km=manager,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    client.log.setLevel("CRITICAL")  # what goes wrong is told once, by CellError
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    try:
        await client.async_start_new_kernel(cwd=root / "chapters", env=kernel_environment(root))
        await client.async_start_new_kernel_client()
        for number, index in enumerate(code, start=1):
            on_cell(number, len(code))
            if message := await _run_cell(client, index):
                raise CellError(index, message)
        return await _imported(client)
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        if manager.has_kernel:
            await manager.shutdown_kernel(now=True)


async def _run_cell(client, index):
    """Run one cell; return what is wrong, or None."""
    cell = client.nb.cells[index]
    try:
        await client.async_execute_cell(cell, index)
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}{_failing_line(error.traceback)}"
    except CellTimeoutError:
        return f"it ran longer than {CELL_TIMEOUT} s"
    except DeadKernelError:
        if asyncio.current_task().cancelling():  # nbclient reports Ctrl-C as a dead kernel
            raise asyncio.CancelledError from None
        return "the kernel died"
    written = [output.text for output in cell.outputs if output.get("name") == "stderr"]
    return f"it wrote to stderr:\n{written[0].strip()}" if written else None


def _failing_line(traceback):
    """Quote the line of the cell that the traceback points at first, if it does."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", traceback)
    arrow = re.search(r"^-+> *\d+ (?P<source>.*)$", plain, re.MULTILINE)
    return f"\n  in: {arrow['source'].strip()}" if arrow else ""


async def _imported(client):
    reply = await client.kc.execute_interactive(
        "pass", silent=True, user_expressions={"modules": IMPORTED}, timeout=60
    )
    shown = reply["content"]["user_expressions"]["modules"]["data"]["text/plain"]
    return json.loads(ast.literal_eval(shown))
