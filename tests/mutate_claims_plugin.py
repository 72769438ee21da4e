"""Change the claim tests themselves, one operator or constant at a time, and see what still passes.

``pytest tests/claims -p mutate_claims_plugin --mutate-claims FILE`` runs each claim test, then each
mutant of its body, in one process. A mutant that passes shows a number or an operation that the
verdict does not rest on: data that may be any, or a check of something against itself.

FILE is written as each test ends; tests that it holds are run again only where they were changed.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import signal
import sys
import textwrap
import time
import warnings
from pathlib import Path

import ledger_plugin
import mutants
import numpy as np
import pytest

LIMIT = 5.0  # seconds of computing, for the mutants of each test
# Settings that say nothing of the statement; what is assumed of a symbol helps the algebra.
SETTINGS = {"strict", "rounding", "rng", "wrong"}
ASSUMED = {"positive", "nonnegative", "real", "integer"}


def pytest_addoption(parser):
    parser.addoption("--mutate-claims", help="hold the mutants that pass in this JSON file")


def beside_the_point(node):
    """Tell what may be another: a wrong form, and settings that say nothing of the statement."""
    if isinstance(node, ast.keyword):
        return node.arg in SETTINGS | ASSUMED
    return called(node) == "rejects"


@contextlib.contextmanager
def limited(seconds):
    """Raise TimeoutError after so many seconds of computing: a changed loop may have no end."""

    def stop(signum, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def called(node):
    """Name of the method or the module's function that a node calls, or None."""
    method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return node.func.attr if method else None


def bodies(function, entered):
    """(line, description, mutated function) for each mutant of a test.

    Functions within it that were not entered are left as they are.
    """
    source = textwrap.dedent(inspect.getsource(function))
    first, spare = inspect.getsourcelines(function)[1], set()

    def skipped(node):
        if called(node) == "identity":  # which may have more variables than the formulas need
            spare.update(node.args[2:])
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            lines = [node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]
            return (getattr(node, "name", "<lambda>"), first + min(lines) - 1) not in entered
        return node in spare or beside_the_point(node)

    for mutant in mutants.mutants(source, skipped):
        definition = mutant.tree.body[0]
        definition.decorator_list = []
        namespace = dict(function.__globals__)
        exec(compile(ast.fix_missing_locations(mutant.tree), "mutant", "exec"), namespace)
        yield first + mutant.line - 1, mutant.what, namespace[definition.name]


class Mutator:
    """Run the mutants of every claim test that passes."""

    def __init__(self, out):
        self.out = Path(out)
        self.found = json.loads(self.out.read_text()) if self.out.exists() else {}

    def pytest_collection_modifyitems(self, items):
        """Keep exact tests that were not tried with file, library and checks as they are."""

        def left(item):
            marker = item.get_closest_marker("claim")
            exact = marker and marker.kwargs["method"] in ledger_plugin.EXACT
            known = self.found.get(item.nodeid, {}).get("state")
            return exact and known != mutants.fingerprint(item.nodeid)

        items[:] = filter(left, items)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        """Run a claim test, and if it passes its mutants."""
        result = yield
        survivors, tried, cut = [], 0, False
        start, entered = time.process_time(), self._entered(pyfuncitem)
        for line, what, mutant in bodies(pyfuncitem.function, entered):
            cut = time.process_time() - start > LIMIT
            if cut:
                break
            tried += 1
            if self._passes(pyfuncitem, mutant):
                survivors.append([line, what])
        state = mutants.fingerprint(pyfuncitem.nodeid)
        found = {"state": state, "tried": tried, "cut": cut, "survivors": survivors}
        self.found[pyfuncitem.nodeid] = found
        self.out.write_text(json.dumps(self.found, indent=0), encoding="utf-8")
        return result

    def _passes(self, item, function):
        try:
            with limited(LIMIT):
                self._run(item, function).close()
        except (Exception, pytest.fail.Exception):
            return False
        return True

    def _entered(self, item):
        """Names and first lines of the functions that the test needs without its wrong forms."""
        file, entered = item.function.__code__.co_filename, set()

        def note(frame, event, argument):
            if event == "call" and frame.f_code.co_filename == file:
                entered.add((frame.f_code.co_name, frame.f_code.co_firstlineno))

        def nothing(*arguments, **options):
            """Take the place of a rejection."""

        with pytest.MonkeyPatch.context() as patch:
            for one in (ledger_plugin.Check, ledger_plugin.Claim):
                patch.setattr(one, "rejects", nothing)
            sys.setprofile(note)
            try:
                self._run(item, item.function)
            finally:
                sys.setprofile(None)
        return entered

    def _run(self, item, function):
        """Run a test, or a mutant of it, with a claim of its own, which is returned."""
        claim = ledger_plugin.of_item(item)
        arguments = {name: item.funcargs[name] for name in inspect.signature(function).parameters}
        arguments["claim"] = claim
        if "rng" in arguments:
            arguments["rng"] = np.random.default_rng(item.funcargs["seed"])
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if "monkeypatch" in arguments:
                arguments["monkeypatch"] = patch
            with np.errstate(all="ignore"):
                function(**arguments)
        return claim


def pytest_configure(config):
    if config.getoption("--mutate-claims"):
        config.pluginmanager.register(Mutator(config.getoption("--mutate-claims")))
