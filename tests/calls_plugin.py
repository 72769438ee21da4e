"""Record which functions of the library and of the checks each test calls, and how long it takes.

``pytest -p calls_plugin --calls-out FILE`` writes, for each test that passed, its seconds and the
functions as "dropoutlib/masks.py:mask_weights". The mutants are run by the tests that
call what was changed, and the independence of two methods is read off the same record.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# The library, and the closed forms that the chapters state.
CLOSED_FORMS = ("ensemble", "noise", "gradients.py", "variants.py", "bayesian")
LIBRARY = ("dropoutlib", *(f"book/{name}" for name in CLOSED_FORMS))
WATCHED = tuple(str(ROOT / house) for house in (*LIBRARY, "dropcheck"))


def pytest_addoption(parser):
    parser.addoption("--calls-out", help="write what each test calls to this JSON file")


class Recorder:
    """Watch the calls of each test by the profiler's hook."""

    def __init__(self, out):
        self.out, self.found = out, {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """Note the functions of the watched houses that are entered during the test."""
        called = set()

        def note(frame, event, argument):
            code = frame.f_code
            if event == "call" and code.co_filename.startswith(WATCHED):
                called.add((code.co_filename, code.co_qualname.split(".<locals>")[0]))

        start = time.perf_counter()
        sys.setprofile(note)
        try:
            result = yield
        finally:
            sys.setprofile(None)
        self.found[item.nodeid] = {
            "seconds": round(time.perf_counter() - start, 3),
            "calls": sorted(f"{Path(file).relative_to(ROOT)}:{name}" for file, name in called),
        }
        return result

    def pytest_sessionfinish(self):
        """Write the record."""
        Path(self.out).write_text(json.dumps(self.found, indent=0), encoding="utf-8")


def pytest_configure(config):
    if config.getoption("--calls-out"):
        config.pluginmanager.register(Recorder(config.getoption("--calls-out")))
