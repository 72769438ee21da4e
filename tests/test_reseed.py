"""The programs that run tests many times, under other seeds or on mutants, in forks of one process.

They are tried on a folder of two small files, in a process of their own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from book.scripts import seeds

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="they fork, as Windows cannot")
TESTS = Path(__file__).parent
ROOT = TESTS.parent
CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=0)
    parser.addoption("--alter")

@pytest.fixture
def seed(request):
    return request.config.getoption("--seed")
"""
DRAWN = """
seen = []

def test_odd_seeds_fail(seed):
    seen.append(seed)
    assert seed % 2 == 0

def test_no_other_seed_was_here(seed):
    assert seen == [seed]
"""
LIBRARY = """
LIMIT = 3

def least(x):
    return x if x < LIMIT else LIMIT

def unused(x):
    return x + 1
"""
CALLED = """
import library

def test_small():
    assert library.least(1) == 1

def test_large():
    assert library.least(4) == 3
"""
SEEDS = """
import json, pytest, reseed, sys
found, (tests, wanted) = {}, map(json.loads, sys.argv[1:])
store = lambda seed, failed, tests: found.update({seed: [failed, tests]})
options = ["-s", "-q", "-p", "no:cacheprovider"]
pytest.main([*options, *tests], plugins=[reseed.Seeds(wanted, store)])
print(json.dumps(found))
"""
MUTANTS = """
import json, pathlib, mutants
mutants.ROOT = pathlib.Path.cwd()
file = mutants.ROOT / "library.py"
runs = [["test_it.py::test_small"], ["test_it.py::test_large"]]
found = {one.what: mutants.noticed(runs, file, one) for one in mutants.mutants(file.read_text())}
found["as it is"] = mutants.noticed(runs)
print(json.dumps(found))
"""


def ran(program, folder, *given, **files):
    """What a program prints last, run in a folder with these files, from these arguments."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    path = os.pathsep.join(map(str, (folder, TESTS, ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", program, *map(json.dumps, given)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": ""},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_each_seed_runs_apart_and_its_failures_are_kept(tmp_path):
    found = ran(SEEDS, tmp_path, [], [1, 2, 3], conftest=CONFTEST, test_it=DRAWN)
    odd = ["test_it.py::test_odd_seeds_fail"], 2
    kept = {seed: ([*failed], tests) for seed, (failed, tests) in found.items()}
    assert kept == {"1": odd, "2": ([], 2), "3": odd}


def test_a_mutant_is_noticed_by_the_test_that_fails_on_it(tmp_path):
    found = ran(MUTANTS, tmp_path, conftest=CONFTEST, library=LIBRARY, test_it=CALLED)
    assert found == {
        "3 -> 4": "test_it.py::test_large",
        "x < LIMIT -> x <= LIMIT": "",  # where both are the same
        "x + 1 -> x - 1": "",
        "1 -> 2": "",
        "as it is": "",
    }


def test_the_sentence_counts_each_seed_once_and_those_that_failed():
    runs = [
        {"tests": None, "day": "2020-01-01", "seeds": {"1": [], "2": ["a"]}},
        {"tests": 7, "day": "2020-01-02", "seeds": {"3": []}},
    ]
    assert (
        seeds.said(runs[:1])
        == "under 2 seeds up to 2020-01-01, with fewer tests than there are now. "
        "Under 1 of them a test failed."
    )
    assert (
        seeds.said(runs)
        == "under 3 seeds, the last 1 on 2020-01-02 with 7 tests. Under 1 of them a test failed."
    )
    assert seeds.said(runs[1:]).endswith("No test failed under any.")
    runs.append({"tests": 5, "left_out": 2, "day": "2020-01-03", "seeds": {"4": []}})
    assert "the last 1 on 2020-01-03 with 5 tests, all but the 2 that take longest" in seeds.said(
        runs
    )
    assert seeds.complete(runs) == {"1", "2", "3"}
    again = [*runs, {"tests": 7, "day": "2020-01-04", "seeds": {"2": [], "4": []}}]
    assert seeds.failures(again) == seeds.failures(runs)  # what failed once is told for good


def test_what_failed_under_a_seed_was_mended():
    """Whatever failed under any seed passes under all of those seeds."""
    found = {seed: tests for seed, tests in seeds.failures(seeds.stored(ROOT)).items() if tests}
    tests = sorted({test for tests in found.values() for test in tests})
    again = ran(SEEDS, ROOT, tests, [*map(int, found)])
    assert again == {seed: [{}, len(tests)] for seed in found}
