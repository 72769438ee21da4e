"""The programs that change statements, tests and library: one change at a time, as they say."""

import ast
import itertools
import json
import signal

import alterations
import mutants
import mutate_claims_plugin
import numpy as np
import pytest
from mutants import shared_functions, summary

SOURCE = '''
"""A module."""
LIMIT = 3

def f(x, y=2):
    """Return 1."""
    if x > y and x != LIMIT:
        raise ValueError("1")
    return -x * y

class A:
    def g(self):
        def inner():
            return 1 + 1
        return inner() if self else None
'''


def test_each_mutant_is_one_change():
    found = list(mutants.mutants(SOURCE))
    original = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in found:
        changed = ast.unparse(mutant.tree).splitlines()
        assert len(changed) == len(original)
        assert sum(a != b for a, b in zip(original, changed, strict=True)) == 1
    assert {mutant.function for mutant in found} == {"", "f", "A.g"}
    said = {mutant.what for mutant in found}
    assert {"3 -> 4", "x > y -> x >= y", "-x * y -> -x / y", "1 + 1 -> 1 - 1"} <= said
    assert not any("Return" in what or "ValueError" in what for what in said)


def test_what_is_skipped_is_not_changed():
    found = list(mutants.mutants(SOURCE, lambda node: isinstance(node, ast.ClassDef)))
    assert {mutant.function for mutant in found} == {"", "f"}


@pytest.fixture
def library(monkeypatch, tmp_path):
    """Two files to be changed, and one of tests."""
    for name, source in (("a.py", SOURCE), ("b.py", SOURCE.replace("3", "4")), ("test_a.py", "")):
        (tmp_path / name).write_text(source)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "DEAD", tmp_path / "dead.json")
    monkeypatch.setattr(mutants.calls_plugin, "LIBRARY", ("a.py", "b.py"))
    mutants.fingerprint.cache_clear()
    yield tmp_path
    mutants.fingerprint.cache_clear()


def test_a_sample_holds_the_smaller_ones_and_a_change_of_a_function_concerns_it_alone(library):
    def keys(count, seed, files=("a.py", "b.py")):
        return [key for key, file, _ in mutants.sample(count, seed) if file in files]

    drawn = keys(12, 0)
    assert len(set(drawn)) == 12
    assert keys(5, 0) == drawn[:5] != keys(5, 1)
    first, second = keys(99, 0, ["a.py"]), keys(99, 0, ["b.py"])
    assert first
    assert second
    (library / "b.py").write_text(SOURCE.replace("3", "4").replace("x * y", "x + y"))
    assert keys(99, 0, ["a.py"]) == first
    new = [one for one in mutants.sample(99, 0) if one[0] not in {*first, *second}]
    assert {(file, mutant.function) for _, file, mutant in new} == {("b.py", "f")}


@pytest.mark.parametrize("name", ["a.py", "b.py", "test_a.py"])
def test_a_death_stands_while_library_and_test_are_as_they_were(library, name):
    dead = {}
    mutants.keep("key", "test_a.py::test", dead)
    assert mutants.stands("key", dead)
    assert not mutants.stands("another", dead)
    assert json.loads(mutants.DEAD.read_text()) == dead
    (library / name).write_text("LIMIT = 5\n")
    mutants.fingerprint.cache_clear()
    assert not mutants.stands("key", dead)
    assert mutants.known("key", dead, ["test_a.py::test"]) == ["test_a.py::test"]
    assert mutants.known("key", dead, []) == mutants.known("another", dead, ["test_a.py::test"])


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (True, {"negated"}),
        (3, {"times 2", "times 1/2", "times -1", "plus 1", "minus 1"}),
        (0.0, {"plus 1"}),
        (np.arange(3), {"times 2", "times 1/2", "times -1", "plus 1", "one entry changed",
                        "entries moved"}),
        ({1, 2}, {"one element fewer"}),
        ("word", set()),
    ],
)  # fmt: skip
def test_alterations_are_other_values(value, names):
    found = list(alterations.alterations(value))
    assert {name for name, _, _ in found} == names
    assert not any(alterations.same(value, changed) for _, changed, _ in found)


def test_independence_is_read_off_the_calls():
    calls = {
        f"tests/{name}": {"seconds": 1, "calls": called}
        for name, called in {
            "a": ["book/ensemble/x.py:f", "dropoutlib/masks.py:mask_weights"],
            "b": ["book/ensemble/x.py:f", "dropcheck/exact.py:identity"],
            "c": ["dropoutlib/layers/y.py:g", "dropoutlib/masks.py:mask_weights"],
        }.items()
    }
    records = [
        {"label": "thm-1", "method": "identity", "test": "a"},
        {"label": "thm-1", "method": "slope", "test": "b"},
    ]
    assert shared_functions(calls, records) == {"thm-1": ["book/ensemble/x.py:f"]}
    records.append({"label": "thm-1", "method": "monte-carlo", "test": "c"})
    assert shared_functions(calls, records) == {"thm-1": []}


def test_summary_counts_verdicts_and_keeps_reasons():
    record = {
        "test": "claims/t.py::test_a[1]",
        "altered": [["check(x times 2)", "accepted"], ["check(x plus 1)", "rejected"]],
        "explained": {"check(x times": "it is homogeneous"},
    }
    assert summary([record, {**record, "altered": []}]) == {
        "tests": 1,
        "verdicts": {"accepted": 1, "rejected": 1},
        "accepted": {"test_a: check(x times": "it is homogeneous"},
    }


def test_tests_are_chosen_by_what_they_call_the_quickest_of_each_first(library):
    seconds = {"t.py::a[1]": 2.0, "t.py::a[2]": 1.0, "t.py::b": 3.0, "t.py::c": 9.0}
    calls = {test: {"seconds": time, "calls": ["a.py:f"]} for test, time in seconds.items()}
    calls["t.py::module"] = {"seconds": 0.0, "calls": ["a.py:g"]}

    def chosen(function, budget):
        return mutants.tests_of(library / "a.py", function, calls, budget)

    own = ["t.py::a[2]", "t.py::b", "t.py::c", "t.py::a[1]"]
    assert chosen("f", 99) == [*own, "t.py::module"]
    assert chosen("f", 5) == ["t.py::a[2]", "t.py::b", "t.py::module"]
    assert chosen("f", 0.5) == ["t.py::a[2]"]
    assert chosen("h", 1.5) == chosen("", 1.5) == ["t.py::module", "t.py::a[2]"]


def example(claim):
    def right(v):
        return 2 * v

    claim.holds(right, rounding=3)
    claim.identity(right, right, 7)
    claim.rejects("half", lambda v: 4 * v)
    claim.wrong = lambda v: 5 * v


def test_of_a_claim_test_what_its_wrong_forms_alone_need_is_left_as_it_is():
    first = example.__code__.co_firstlineno

    def changes(*entered):
        found = mutate_claims_plugin.bodies(example, {("example", first), *entered})
        return {(line - first, what) for line, what, _ in found}

    right, unused = {(2, "2 * v -> 2 / v"), (2, "2 -> 3")}, {(7, "5 * v -> 5 / v"), (7, "5 -> 6")}
    assert changes() == set()
    assert changes(("right", first + 1)) == right
    assert changes(("right", first + 1), ("<lambda>", first + 7)) == right | unused


def test_what_a_claim_test_does_not_notice_is_one_row_of_the_page():
    test = "tests/claims/t.py::test_a[1]"
    survivors = [[test, 3, "1 -> 2"], [test, 4, "x | y -> x & y"], [test, 5, "1 -> 2"]]
    rows = [*mutants.unnoticed([*survivors, ["t.py::test_b", 1, "3 -> 4"]], {"test_a": "data"})]
    assert rows == [
        "| `test_a` | `1 -> 2` 2 times, `x \\| y -> x & y` | data |",
        "| `test_b` | `3 -> 4` | not explained |",
    ]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such timer")
def test_a_changed_loop_without_end_is_stopped():
    with pytest.raises(TimeoutError), mutate_claims_plugin.limited(0.01):
        sum(1 for _ in itertools.count())
    assert sum(1 for _ in range(10**6)) == 10**6  # takes longer, and is not limited any more
