"""Wait for a notebook that runs in a browser, as long as its cells end one after the other."""

import json
import time

PATIENCE = 300  # seconds for a single cell, on a machine that does other work as well
PAUSE = 2  # seconds between two looks at what is saved


def all_run(page, path, *, patience=PATIENCE, clock=time.monotonic):
    """Return the code cells that the browser saves, once the last one has run.

    They are read from the disk: a server that is asked while it saves takes the file away from
    itself, and shows an error. Slowness is no fault: the patience is for each cell, and begins
    anew whenever one has ended or has written something.

    Raises
    ------
    AssertionError
        When a cell raises, or writes nothing and does not end within `patience` seconds; the
        message names it.
    """
    code, seen, deadline = [], None, clock() + patience
    while True:
        page.wait_for_timeout(1000 * PAUSE)
        page.keyboard.press("Control+s")
        code = _saved(path) or code
        waiting = [number for number, cell in enumerate(code, start=1) if not _ended(cell)]
        for number, cell in enumerate(code, start=1):
            for output in cell["outputs"]:
                assert output["output_type"] != "error", f"{_name(code, number)}\n{output}"
        if code and not waiting:
            return code
        state = [(cell["execution_count"], cell["outputs"]) for cell in code]
        if state != seen:
            seen, deadline = state, clock() + patience
        where = _name(code, waiting[0]) if waiting else f"{path.name}, which nobody saved,"
        assert clock() < deadline, f"{where} did not end within {patience} s"


def _saved(path):
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (FileNotFoundError, json.JSONDecodeError):  # it is being written
        return []
    return [cell for cell in cells if cell["cell_type"] == "code"]


def _ended(cell):
    return cell["execution_count"] is not None


def _name(code, number):
    source = "".join(code[number - 1]["source"])
    return f"code cell {number} of {len(code)} ('{source.partition(chr(10))[0]}')"
