"""Mutants: one operator, comparison, constant or condition of a source file changed at a time.

``python tests/mutants.py library [N] [SEED]`` changes `dropoutlib` and the closed forms of the book
at N random places, and runs the tests that call the changed function, the quickest first. A mutant
that no test notices survives. It can be stopped and started again.
``python tests/mutants.py statements`` puts the altered statements of `alterations` to the exact
checks, ``tests`` changes the bodies of the claim tests, and ``shared`` reads off their calls which
methods of a theorem are independent.

Verdicts are stored in tests/mutants.json, with the reasons, under "explained", why a survivor
changes nothing (by file, line and change); the page backmatter/mutants.md is written from them.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import datetime
import functools
import gc
import hashlib
import importlib.abc
import importlib.util
import inspect
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import calls_plugin
import pytest
import reseed

from book.scripts import build_ledger, seeds

if sys.platform != "win32":  # which has no fork either
    import resource

ROOT = build_ledger.ROOT
CALLS = ROOT / "_build" / "mutants" / "calls.json"
DEAD = CALLS.with_name("dead.json")
BODIES = CALLS.with_name("bodies.json")
STORED = ROOT / "tests" / "mutants.json"
PAGE = ROOT / "backmatter" / "mutants.md"
BUDGET = 30.0  # seconds of tests that a mutant has to survive; the quickest come first
PATIENCE = 3600  # seconds of the clock for what waits; what computes is stopped after 3 budgets
QUICK = 5.0  # seconds of them that are tried at first
FIRST = 60  # tests that are tried before the others are collected
SINCE = "not noticed in that run"  # so begins the reason of a change that a test notices now
# What needs the built book, a browser or minutes says nothing of the library that others do not.
LEFT_OUT = ("book", "build", "pages", "pdf", "lab", "figures", "interactive", "notebooks", "data",
            "experiments", "studies", "benchmarks", "guide", "search", "typography", "project",
            "ledger", "advice", "answers", "statistics", "nn_compile", "mutants", "proofs",
            "packages", "typing", "conformance", "run_in_page", "scorecard", "slides", "tuning",
            "registration", "weight", "panels", "plotting", "catalogue", "reading_aids",
            "fields", "fine_tuning", "repeated_text", "uncertainty")  # fmt: skip

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One change of one file, inside one function or at the level of the module."""

    line: int
    function: str
    what: str
    whole: ast.Module
    change: Callable[[], Callable[[], None]]

    @property
    def tree(self) -> ast.Module:
        """The changed tree: a copy, made when asked for, since most mutants are never run."""
        undo = self.change()
        try:
            return copy.deepcopy(self.whole)
        finally:
            undo()


def mutants(source: str, skip: Callable[[ast.AST], bool] = lambda node: False) -> Iterator[Mutant]:
    """Every mutant of a source text, line by line, but of the nodes that are skipped."""
    tree = ast.parse(source)
    spots = [
        (node, function, *change)
        for node, function in _code(tree, skip)
        for change in _changes(node)
    ]
    spots.sort(key=lambda spot: (spot[0].lineno, spot[0].col_offset))
    for node, function, what, change in spots:
        yield Mutant(node.lineno, function, what, tree, change)


IGNORED_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
IGNORED = (ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr)


def _code(
    tree: ast.AST, skip: Callable[[ast.AST], bool], function: str = ""
) -> Iterator[tuple[ast.AST, str]]:
    """Nodes that do something, with their function: no docstrings, annotations or messages."""
    for name, field in ast.iter_fields(tree):
        if name in IGNORED_FIELDS:
            continue
        for node in field if isinstance(field, list) else [field]:
            if not isinstance(node, ast.AST) or isinstance(node, IGNORED) or skip(node):
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                continue
            inside = function
            if isinstance(node, DEFINITIONS) and not function.endswith("()"):
                mark = "()" if isinstance(node, ast.FunctionDef) else ""
                inside = ".".join(filter(None, [function, node.name])) + mark
            if hasattr(node, "lineno"):
                yield node, inside.removesuffix("()")
            yield from _code(node, skip, inside)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable]]:
    """(description, change) for each way to change a node; a change returns its undoing."""
    before = ast.unparse(node)
    if (isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in SWAPS) or isinstance(
        node, ast.BoolOp
    ):
        yield from _one(node, "op", SWAPS[type(node.op)](), before)
    elif isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            ops = [*node.ops]
            ops[k] = SWAPS[type(op)]()
            yield from _one(node, "ops", ops, before)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Invert)):
        yield from _one(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else None, before)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _one(node, "operand", ast.UnaryOp(ast.Not(), node.operand), before)
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        if isinstance(node.test, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            return  # changed by itself
        test = ast.UnaryOp(ast.Not(), node.test)
        yield from _one(node, "test", test, ast.unparse(node.test))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield from _one(node, "value", not node.value, before)
        elif isinstance(node.value, (int, float)):
            yield from _one(node, "value", node.value + 1, before)


def _one(node: ast.AST, name: str, new: object, before: str) -> Iterator[tuple[str, Callable]]:
    """One change of one field, and how to describe and undo it."""
    old = getattr(node, name)
    if new is None:
        return

    def change():
        setattr(node, name, new)

        def undo():
            setattr(node, name, old)

        return undo

    undo = change()
    shown = node.test if isinstance(node, (ast.If, ast.IfExp, ast.While)) else node
    after = ast.unparse(ast.fix_missing_locations(shown))
    undo()
    yield f"{_short(before)} -> {_short(after)}", change


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


# Mutants of the library.


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import one module from a mutant's tree."""

    def __init__(self, name: str, file: Path, tree: ast.Module) -> None:
        self.name, self.file, self.tree = name, file, tree

    def find_spec(self, name, path=None, target=None):
        """Take over the import of the one module."""
        if name != self.name:
            return None
        package = self.file.name == "__init__.py"
        spec = importlib.util.spec_from_loader(
            name, self, origin=str(self.file), is_package=package
        )
        if package:
            spec.submodule_search_locations = [str(self.file.parent)]
        return spec

    def exec_module(self, module):
        """Run the mutant in the module's place."""
        module.__file__ = str(self.file)
        exec(compile(self.tree, str(self.file), "exec"), module.__dict__)


def module_name(file: Path) -> str:
    """Dotted name of a file of the library."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def record_calls(tests: list[str]) -> dict:
    """What each of the tests calls: as it is stored, and recorded for those that are new.

    An old record may miss a call, and with it a test that would notice a mutant: it makes more
    mutants survive, and none die.
    """
    calls = json.loads(CALLS.read_text(encoding="utf-8")) if CALLS.exists() else {}
    names = [f"tests/test_{name}" for name in LEFT_OUT]
    new = [test for test in tests if test not in calls and not test.startswith(tuple(names))]
    if new:
        CALLS.parent.mkdir(parents=True, exist_ok=True)
        fresh, listed = CALLS.with_name("fresh.json"), CALLS.with_name("tests.txt")
        listed.write_text("\n".join(new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", f"@{listed}", "-q", "-p", "calls_plugin"]
        command += ["--alter=none", "-p", "no:cacheprovider", f"--calls-out={fresh}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the tests fail before anything is changed\n{done.stdout[-3000:]}")
        calls |= json.loads(fresh.read_text(encoding="utf-8"))
        CALLS.write_text(json.dumps(calls, indent=0), encoding="utf-8")
    return {test: calls[test] for test in tests if test in calls}


COLLECT = """
import json, sys, sysconfig
import pytest

class Listed:
    def pytest_collection_finish(self, session):
        self.tests = [item.nodeid for item in session.items]

listed, others = Listed(), sysconfig.get_path("purelib")
sys.stdout = open("/dev/null", "w")
code = pytest.main(["tests", "-q", "--collect-only", "-p", "no:cacheprovider",
                    "-m", "not lab and not browser"], plugins=[listed])
modules = [name for name, module in sys.modules.items()
           if (getattr(module, "__file__", None) or "").startswith(others)]
sys.__stdout__.write(json.dumps([int(code), listed.tests, modules]))
"""


def collect() -> list[str]:
    """The tests there are; what they import from elsewhere is then imported here, too.

    The mutants are run in forks of this process, which need not import it again.
    """
    done = subprocess.run(
        [sys.executable, "-c", COLLECT], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    code, tests, modules = json.loads(done.stdout)
    if code:
        raise SystemExit("the tests cannot be collected")
    for name in modules:
        with contextlib.suppress(Exception), warnings.catch_warnings():  # e.g. plugins of others
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    return tests


def tests_of(file: Path, function: str, calls: dict, budget: float) -> list[str]:
    """Tests that call the function, then others that call anything of its module.

    The quickest come first, and one case of every test before another one has a second. The
    others serve where the record is older than the function.
    """
    near = []
    for test, entry in calls.items():
        called = [call.split(":") for call in entry["calls"]]
        names = {name for path, name in called if path == str(file.relative_to(ROOT))}
        if names:
            near.append((bool(function) and function not in names, entry["seconds"], test))
    turns: Counter[tuple[bool, str]] = Counter()
    in_turns = []
    for other, duration, test in sorted(near):
        kind = other, test.split("[")[0]
        in_turns.append((other, turns[kind], duration, test))
        turns[kind] += 1
    chosen, seconds = [], 0.0
    for *_, duration, test in sorted(in_turns):
        if not chosen or seconds + duration <= budget:
            seconds += duration
            chosen.append(test)
    return chosen


def stages(tests: list[str]) -> list[list[str]]:
    """The tests in two runs: of the file with most of them the quickest FIRST, then the others.

    A file that calls a function often is mostly its own, and notices most mutants alone.
    """
    own, _ = Counter(test.split("::")[0] for test in tests).most_common(1)[0]
    first = [test for test in tests if test.split("::")[0] == own][:FIRST]
    rest = [test for test in tests if test not in set(first)]
    return [stage for stage in (first, rest) if stage]


def noticed(runs: list[list[str]], file: Path | None = None, mutant: Mutant | None = None) -> str:
    """The test that fails on a mutant, or on the library itself, in a process of its own.

    It is "" where all runs pass, and "import" where no test is to blame: the mutant cannot be
    imported, or does not come to an end.
    """
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(file, mutant, runs, sender)
    )
    process.start()
    sender.close()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        return "import"
    try:
        return receiver.recv()
    except EOFError:
        return "import"


def _run(file: Path | None, mutant: Mutant | None, runs: list[list[str]], sender) -> None:
    # Seconds of computing and not of the clock: a busy machine must not look like an endless loop.
    resource.setrlimit(resource.RLIMIT_CPU, (int(3 * BUDGET), int(3 * BUDGET)))
    if mutant is not None:
        sys.meta_path.insert(0, Replaced(module_name(file), file, mutant.tree))
    os.chdir(ROOT)
    found, failures = "", reseed.Failures()
    options = ["-q", "-p", "no:cacheprovider", "--alter=none", "-W", "ignore"]
    options += ["-x"] if mutant is not None else []
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        for tests in runs:
            if pytest.main([*options, *tests], plugins=[failures]):
                found = " ".join(failures.failed) or "import"
                break
    sender.send(found)
    sender.close()
    os._exit(0)


# Most mutants change the code of functions alone. They are put in the place of that code in forks
# of one process that has imported and collected everything, which takes no time.


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and all those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def exchange(file: Path, mutant: Mutant) -> dict[types.CodeType, types.CodeType] | None:
    """Map the codes of functions to those of a mutant; None where other code changes, too.

    That is the module's or a class's own, run by the import alone: a constant, a default.
    """

    def bare(code: types.CodeType) -> tuple:
        constants = [c for c in code.co_consts if not isinstance(c, types.CodeType)]
        return code.co_name, code.co_code, list(map(repr, constants)), code.co_names

    sources = file.read_text(encoding="utf-8"), mutant.tree
    olds, news = ([*codes(compile(one, str(file), "exec", 0, True))] for one in sources)
    if [old.co_qualname for old in olds] != [new.co_qualname for new in news]:
        return None  # a function within what is never run now
    pairs = [*zip(olds, news, strict=True)]
    changed = [old for old, new in pairs if bare(old) != bare(new)]
    alone = all(old.co_flags & inspect.CO_OPTIMIZED for old in changed)
    return {old: new for old, new in pairs if old != new} if changed and alone else None


class Quick:
    """Run the mutants of functions in forks of the process that has collected the tests.

    What the functions gave during the collection is not changed, so that mutants of those that
    were called then are left to `noticed`, as are those that survive the quickest tests.
    """

    def __init__(self, wanted: list, calls: dict, dead: dict) -> None:
        self.wanted, self.calls, self.dead = wanted, calls, dead
        self.called: set[tuple[str, str]] = set()
        sys.setprofile(self._note)

    def _note(self, frame, event, argument) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(calls_plugin.WATCHED):
            name = frame.f_code.co_qualname.split(".<locals>")[0]
            self.called.add((frame.f_code.co_filename, name))

    def pytest_collection_finish(self, session) -> None:
        """End the note of what is called."""
        sys.setprofile(None)
        self.items = {item.nodeid: item for item in session.items}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session) -> bool:
        """Take the place of the loop over the tests."""
        functions = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)]
        for key, name, mutant in self.wanted:
            file, start = ROOT / name, time.perf_counter()
            exchanged = exchange(file, mutant)
            if exchanged is None or (str(file), mutant.function) in self.called:
                continue
            tests = tests_of(file, mutant.function, self.calls, QUICK)
            tests = known(key, self.dead, self.items) + tests

            def mutate(file=file, exchanged=exchanged):
                resource.setrlimit(resource.RLIMIT_CPU, (int(3 * BUDGET), int(3 * BUDGET)))
                signal.alarm(PATIENCE)
                for one in functions:
                    if one.__code__.co_filename == str(file):
                        one.__code__ = exchanged.get(one.__code__, one.__code__)

            failed = reseed.in_fork([self.items[test] for test in tests], mutate, stop=True)
            if failed is None or failed:
                keep(key, " ".join(failed or ["import"]), self.dead)
            seconds, by = time.perf_counter() - start, " ".join(failed or [])
            print(f"{seconds:5.1f} s {name}:{mutant.line} {mutant.what}  {by}", flush=True)
        return True


def quickly(wanted: list, calls: dict, dead: dict) -> None:
    """Run `Quick` in a process of its own."""
    options = ["-q", "-s", "-p", "no:cacheprovider", "--alter=none", "-W", "ignore"]
    houses = sorted({test.split("::")[0] for test in calls})

    def run() -> None:
        pytest.main([*options, *houses], plugins=[Quick(wanted, calls, dead)])

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()


def digest(*parts: object) -> str:
    """Short fingerprint of what is given."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def files() -> list[Path]:
    """The files of the library and of the closed forms."""
    houses = [ROOT / house for house in calls_plugin.LIBRARY]
    return [
        file
        for house in houses
        for file in sorted([house] if house.is_file() else house.rglob("*.py"))
    ]


@functools.cache
def fingerprint(test: str = "") -> str:
    """Of the library and its checks as they are, and of the file of a test."""
    file = ROOT / test.split("::")[0]
    checks = sorted((ROOT / "dropcheck").glob("*.py"))
    sources = [*files(), *checks, *([file] if file.is_file() else [])]
    return digest(*(source.read_text(encoding="utf-8") for source in sources))


def keep(key: str, by: str, dead: dict) -> None:
    """Store which test noticed a mutant, and what library and test were then."""
    dead[key] = {"by": by, "state": fingerprint(by)}
    DEAD.write_text(json.dumps(dead, indent=0), encoding="utf-8")


def stands(key: str, dead: dict) -> bool:
    """Whether a mutant was noticed in the library as it is, by a test as it is."""
    return key in dead and dead[key]["state"] == fingerprint(dead[key]["by"])


def known(key: str, dead: dict, tests: Container[str]) -> list[str]:
    """The test that noticed a mutant before something changed: it is likely to do so again."""
    return [dead[key]["by"]] if key in dead and dead[key]["by"] in tests else []


def sample(count: int, seed: int) -> list[tuple[str, str, Mutant]]:
    """(key, file, mutant) of so many mutants at random, a larger sample holding a smaller one.

    They are those with the smallest digests of file, function and change, which are the keys: a
    change of one function changes the sample in that function alone.
    """
    drawn = []
    for file in files():
        source, name = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
        twins: Counter[tuple[str, str]] = Counter()
        for mutant in mutants(source):
            place = (mutant.function, mutant.what)
            drawn.append((digest(seed, name, *place, twins[place]), name, mutant))
            twins[place] += 1
    drawn.sort(key=lambda entry: entry[0])
    return drawn[:count]


def library(count: int, seed: int, without: list[str]) -> list[dict]:
    """Verdicts on so many random mutants of the library, less those of some files.

    Each death is stored as it happens, and stands while library and test are as they were.
    Afterwards its test is tried first, which is quick, and the others where it passes. What
    survived is tried again, since there may be new tests.
    """
    calls = record_calls(collect())
    ours = {module_name(file) for file in files()} & set(sys.modules)
    if ours:
        raise SystemExit(f"the mutants of {sorted(ours)} would not be imported")
    drawn = [one for one in sample(count, seed) if one[1] not in without]
    dead = json.loads(DEAD.read_text(encoding="utf-8")) if DEAD.exists() else {}
    quickly([one for one in drawn if not stands(one[0], dead)], calls, dead)
    dead = json.loads(DEAD.read_text(encoding="utf-8")) if DEAD.exists() else {}
    found = []
    for number, (key, name, mutant) in enumerate(drawn, start=1):
        file = ROOT / name
        tests = tests_of(file, mutant.function, calls, BUDGET)
        start = time.perf_counter()
        if not stands(key, dead) and tests:
            first = known(key, dead, calls)
            if by := noticed([*([first] if first else []), *stages(tests)], file, mutant):
                keep(key, by, dead)
        dies = stands(key, dead)
        found.append(
            {
                "file": name,
                "function": mutant.function,
                "line": mutant.line,
                "change": mutant.what,
                "source": file.read_text(encoding="utf-8").splitlines()[mutant.line - 1].strip(),
                "tests": len(tests),
                "survives": not dies,
            }
        )
        verdict = "dies" if dies else "SURVIVES"
        print(
            f"{number:4} {verdict:8} {time.perf_counter() - start:5.1f} s {len(tests):4} tests  "
            f"{name}:{mutant.line} {mutant.what}  {dead[key]['by'] if dies else ''}",
            flush=True,
        )
    killers = sorted({dead[key]["by"] for key, _, _ in drawn if stands(key, dead)} & set(calls))
    if killers and (failed := noticed(stages(killers))):
        raise SystemExit(f"they fail on the library as it is, too: {failed}")
    return found


# Whether two methods of a theorem are independent.

# What they may share: the masks, their weights and their sampler, and what looks at arguments.
SHARED = (
    *(f"masks.py:{name}" for name in ("enumerate_masks", "mask_weights")),
    "subnetworks.py:iterate_masks",
    "masks.py:sample_mask",
    "_checks.py:",
    ":check_",
    ":_",
)


def shared_functions(calls: dict, records: list[dict]) -> dict[str, list[str]]:
    """Functions of the library that an exact method and another one of a theorem both call.

    Of all pairs of its tests the one that shares least; an empty list is independence.
    """

    def library_calls(test: str) -> set[str]:
        found = calls["tests/" + test]["calls"]
        return {
            call
            for call in found
            if call.startswith(calls_plugin.LIBRARY) and not any(part in call for part in SHARED)
        }

    least: dict[str, list[str]] = {}
    known = [record for record in records if "tests/" + record["test"] in calls]
    for one in known:
        if not one["label"].startswith("thm-") or one["method"] not in build_ledger.EXACT:
            continue
        for other in known:
            if other["label"] == one["label"] and other["method"] != one["method"]:
                both = sorted(library_calls(one["test"]) & library_calls(other["test"]))
                if len(both) < len(least.get(one["label"], [*both, ""])):
                    least[one["label"]] = both
    return least


# Mutants of the statements, and the page.


def statements() -> dict:
    """Put altered statements to the exact checks; count verdicts, list what is accepted and why."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "claims.json"
        command = [sys.executable, "-m", "pytest", "tests/claims", "-q", "-m", "claim"]
        command += ["-p", "no:cacheprovider", "--alter=only", f"--claims-out={out}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"a check accepts an altered statement\n{done.stdout[-3000:]}")
        records = json.loads(out.read_text(encoding="utf-8"))
    return summary(records)


def claim_tests() -> dict:
    """Change the bodies of the claim tests with an exact method; see what their verdicts ignore."""
    BODIES.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "tests/claims", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "mutate_claims_plugin", "--alter=none", f"--mutate-claims={BODIES}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"the claim tests fail\n{done.stdout[-3000:]}")
    return changed_bodies(json.loads(BODIES.read_text(encoding="utf-8")))


def changed_bodies(found: dict) -> dict:
    """Counts over claim tests whose file, library and checks are the same, and their survivors."""
    there = {
        test: entry for test, entry in sorted(found.items()) if entry["state"] == fingerprint(test)
    }
    return {
        "files": sorted({Path(test.split("::")[0]).name for test in there}),
        "tests": len(there),
        "mutants": sum(entry["tried"] for entry in there.values()),
        "cut": sum(entry["cut"] for entry in there.values()),
        "survivors": [[test, *one] for test, entry in there.items() for one in entry["survivors"]],
    }


def summary(records: list[dict]) -> dict:
    """Verdicts on the altered statements of a run, and those that were accepted, by test."""
    verdicts = Counter(verdict for record in records for _, verdict in record["altered"])
    accepted = {}
    for record in records:
        names = {name for name, verdict in record["altered"] if verdict == "accepted"}
        for start, why in record["explained"].items():
            if any(name.startswith(start) for name in names):
                accepted[f"{record['test'].split('::')[1].split('[')[0]}: {start.strip()}"] = why
    checks = sum(1 for record in records if record["altered"])
    return {"tests": checks, "verdicts": dict(sorted(verdicts.items())), "accepted": accepted}


def _in_cell(text: str) -> str:
    """Text as a cell of a table may hold it."""
    return text.replace("|", "\\|")


def unnoticed(survivors: list, kinds: dict[str, str]) -> Iterator[str]:
    """A row for each claim test with the changes of it that it does not notice, and their kind."""
    changes: dict[str, Counter[str]] = {}
    for test, _, what in survivors:
        changes.setdefault(test.split("::")[1].split("[")[0], Counter())[what] += 1
    for test, counted in changes.items():
        listed = ", ".join(
            f"`{what}`" + (f" {times} times" if times > 1 else "")
            for what, times in counted.items()
        )
        yield f"| `{test}` | {_in_cell(listed)} | {kinds.get(test, 'not explained')} |"


def closed(place: str) -> str:
    """The beginning of a call, which stands for several, with dots and a bracket at its end."""
    return place if place.count("(") == place.count(")") else f"{place}…)"


def _place(entry: dict) -> str:
    """The key of a change of the library among those that are explained."""
    return f"{entry['file']}: {entry['source']}: {entry['change']}"


def page(stored: dict, runs: list[dict]) -> str:
    """The page of the back matter, as MyST Markdown."""
    altered, changed, bodies = stored["statements"], stored["library"], stored["tests"]
    verdicts = altered["verdicts"]
    alive = [
        (entry, stored["explained"].get(_place(entry), "not explained"))
        for entry in changed
        if entry["survives"]
    ]
    since = [why for _, why in alive if why.startswith(SINCE)]
    days = stored["days"]
    failed = sorted(test for tests in seeds.failures(runs).values() for test in tests)
    lines = [
        "<!-- Written by tests/mutants.py from its runs: run `make mutants`. -->",
        "",
        "# What the checks refuse",
        "",
        "A check that accepts everything proves nothing.",
        "So statements and library are changed on purpose, and the checks have to notice.",
        "",
        "## Altered statements",
        "",
        f"From the statements of {altered['tests']} tests, those with an exact method, "
        f"{sum(verdicts.values())} others were made by rules: "
        "a value or a formula times 2, 1/2 or -1, plus 1, or times one of its own arguments a, "
        "as a, 1/a, 1 - a or 1/(1 - a); one entry changed, entries moved, a hypothesis negated.",
        f"On {days['statements']}, {verdicts.get('rejected', 0)} were rejected, "
        f"{verdicts.get('refused', 0)} could not be computed, and "
        f"{verdicts.get('accepted', 0)} were accepted, which are true as well:",
        "",
        *(f"- `{closed(where)}`: {why}." for where, why in sorted(altered["accepted"].items())),
        "",
        "## Changes of the library",
        "",
        f"{len(changed)} random changes, each of one operator, comparison, constant or condition "
        "of `dropoutlib` and of the closed forms that the chapters state, were run by the tests "
        f"that call the function, one case of each first, up to {BUDGET:.0f} seconds of them.",
        f"On {days['library']}, {len(changed) - len(alive)} were noticed, {len(alive)} were not"
        + (f"; of these {len(since)} are now:" if since else ":"),
        "",
        ":::{table}",
        ":class: stacked",
        "",
        "| place | change | why |",
        "|---|---|---|",
        *(
            f"| `{entry['file']}`, line {entry['line']} | `{_in_cell(entry['change'])}` | {why} |"
            for entry, why in alive
        ),
        ":::",
    ]
    lines += [
        "",
        "## Changes of the claim tests",
        "",
        f"In the bodies of {bodies['tests']} exact tests, those of "
        f"{', '.join(f'`{name}`' for name in bodies['files'])}, single operators and numbers were "
        f"changed, too, in {bodies['cut']} of them not all, since their time was over.",
        "Wrong forms, assumptions on symbols and the number of variables were left as they are.",
        f"On {days['tests']}, of {bodies['mutants']} changes {len(bodies['survivors'])} left the "
        "verdict as it is.",
        "A change of what a statement says would show a check of something against itself.",
        "",
        ":::{table}",
        ":class: stacked",
        "",
        "| test | changes that it does not notice | what is changed |",
        "|---|---|---|",
        *unnoticed(bodies["survivors"], stored["kinds"]),
        ":::",
        "",
        "## Second methods",
        "",
        "Two methods of a theorem are called independent here when their tests call no function of "
        "the library in common but those that list, weigh and draw masks or look at arguments.",
        f"On {days['shared']}, of {len(stored['shared'])} theorems "
        f"{sum(not both for both in stored['shared'].values())} had two such methods"
        + (", and these had not:" if any(stored["shared"].values()) else "."),
        "",
        *(
            f"- {{prf:ref}}`{label}`, whose tests share "
            + ", ".join(f"`{call.split(':')[1]}`" for call in both)
            for label, both in sorted(stored["shared"].items())
            if both
        ),
        "",
        "## Other seeds",
        "",
        f"The claim tests that draw anything were run {seeds.said(runs)}",
        "",
        *(
            f"- `{test.split('::')[1]}`, {count} time{'s' * (count > 1)}"
            for test, count in Counter(failed).items()
        ),
        "",
        *(["They were mended; a test runs them again under these seeds.", ""] if failed else []),
    ]
    return "\n".join(lines)


def today() -> str:
    """The day, and the commit of what is changed."""
    day, command = datetime.date.today().isoformat(), ["git", "describe", "--always", "--dirty"]
    with contextlib.suppress(OSError):  # there may be no git
        done = subprocess.run([*command, "--exclude=*"], cwd=ROOT, capture_output=True, text=True)
        if not done.returncode:
            return f"{day} (commit {done.stdout.strip()})"
    return day


def main(argv: list[str] | None = None) -> None:
    """Run what is asked for, store the verdicts, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("library", "statements", "tests", "shared", "page"))
    parser.add_argument("count", type=int, nargs="?", default=200)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--without", nargs="*", default=[], help="files left out, as from the root")
    arguments = parser.parse_args(argv)
    fresh = {}
    if arguments.what == "library":
        fresh["library"] = library(arguments.count, arguments.seed, arguments.without)
    elif arguments.what == "shared":
        records = build_ledger.run_claims("--collect-only")
        fresh["shared"] = shared_functions(record_calls(collect()), records)
    elif arguments.what == "tests":
        fresh["tests"] = claim_tests()
    elif arguments.what == "statements":
        fresh["statements"] = statements()
    stored = json.loads(STORED.read_text(encoding="utf-8")) | fresh
    stored["days"] |= dict.fromkeys(fresh, today())
    STORED.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(stored, seeds.stored(ROOT)), encoding="utf-8")


if __name__ == "__main__":
    main()
