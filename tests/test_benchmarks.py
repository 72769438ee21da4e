"""What is stored of the benchmarks, and that the book shows no other numbers."""

import copy
import itertools
import json
import re

import pytest
import report
import timing

from book.scripts import notebooks

RESULTS, PEERS = report.load(), report.load(report.PEERS)


def ticking(**seconds):
    """A clock, and functions by whose calls it advances."""
    now = [0.0]
    calls = dict.fromkeys(seconds, 0)

    def clock():
        return now[0]

    def function(name):
        def call():
            calls[name] += 1
            now[0] += seconds[name]

        return call

    return clock, calls, {name: function(name) for name in seconds}


def test_ratios_and_medians():
    clock, calls, functions = ticking(base=0.02, quick=0.005, slow=0.04)
    rows = timing.compare(
        "case",
        ("base", functions.pop("base")),
        functions,
        rounds=4,
        units=10,
        clock=clock,
        settling=0.039,
    )
    assert [row.method for row in rows] == ["base", "quick", "slow"]
    assert [row.ratio for row in rows] == pytest.approx([1, 4, 0.5])
    assert [row.milliseconds for row in rows] == pytest.approx([20, 5, 40])
    assert {(row.rounds, row.units) for row in rows} == {(4, 10)}
    # Five rounds, each timed call after as many as take 0.039 s.
    assert calls == {"base": 5 * (1 + 2), "quick": 5 * (1 + 8), "slow": 5 * (1 + 1)}


def test_a_call_can_be_timed_after_another_candidates():
    clock, calls, functions = ticking(base=0.02, quick=0.005)
    base = "base", functions.pop("base")
    timing.compare("case", base, functions, rounds=4, clock=clock, settling=0.0)
    assert set(calls.values()) == {5}


def test_a_ratio_is_taken_within_a_round():
    """A machine that slows down by half in each round changes no ratio."""
    speed = itertools.count()
    now = [0.0]

    def work(amount):
        def call():
            now[0] += amount * 2.0 ** (next(speed) // 2)

        return call

    rows = timing.compare(
        "case",
        ("base", work(3.0)),
        {"quick": work(1.0)},
        rounds=6,
        clock=lambda: now[0],
        settling=0.0,
    )
    assert rows[1].low == rows[1].ratio == rows[1].high == pytest.approx(3)


def test_long_comparisons_have_fewer_rounds(monkeypatch):
    monkeypatch.setattr(timing, "BUDGET", 0.0)
    clock, _, functions = ticking(base=1.0)
    (row,) = timing.compare("case", ("base", functions["base"]), {}, rounds=50, clock=clock)
    assert row.rounds == timing.LEAST
    assert "base" in timing.table([row])


def test_stored_results_are_complete():
    groups = {row["group"] for row in RESULTS["rows"]}
    assert set(report.TITLES) - groups <= {"threads"}  # what a single core cannot compare
    assert {row["group"] for row in PEERS["rows"]} == set(report.PEER_TITLES)
    for row in RESULTS["rows"] + PEERS["rows"]:
        assert row["low"] <= row["ratio"] <= row["high"]
        assert row["milliseconds"] > 0
        assert row["rounds"] >= 2
    sizes = [row["case"] for row in RESULTS["rows"] if row["group"] == "sizes"]
    assert {f"forward, {10**k} units" for k in range(9)} == set(sizes)
    assert {"numpy", "torch", "python"} <= set(RESULTS["versions"])
    assert {"timm", "torchvision", "baal", "torch-uncertainty"} <= set(PEERS["versions"])


@pytest.mark.parametrize("results", [RESULTS, PEERS], ids=["own", "peers"])
def test_nothing_stored_names_the_machine(results):
    assert set(results["machine"]) == {
        "cores",
        "processor",
        "second_level_cache_kib",
        "system",
    }
    assert not re.search(r"\d", results["machine"]["processor"])


def test_page_is_made_from_the_results():
    assert report.PAGE.read_text(encoding="utf-8") == report.page(RESULTS, PEERS)
    assert len(list(report.goals(RESULTS))) == len(report.GOALS)


@pytest.mark.parametrize("position", [0, 5, -1])
def test_another_number_makes_another_page(position):
    changed = copy.deepcopy(RESULTS)
    changed["rows"][position]["milliseconds"] = 123.0
    assert report.page(changed, PEERS) != report.page(RESULTS, PEERS)
    assert "| 123 |" in report.page(changed, PEERS)
    others = copy.deepcopy(PEERS)
    others["rows"][position]["milliseconds"] = 123.0
    assert "| 123 |" in report.page(RESULTS, others)


def test_goals_are_judged():
    changed = copy.deepcopy(RESULTS)
    for ratio, verdict in ((8.0, True), (7.9, False)):
        report.row(changed, "goals", "forward, p = 0.3", "dropoutlib")["ratio"] = ratio
        assert next(report.goals(changed))[3] is verdict
    report.row(changed, "goals", "in copies, p = 0.3", "numpy.copyto")["ratio"] = 4.6
    assert f"MISSED  {report.GOALS[2][0]}: 4.6" in report.goals_text(changed)
    with pytest.raises(KeyError, match="no row"):
        report.row(changed, "goals", "forward", "nobody")


@pytest.mark.parametrize("path", notebooks.BENCHMARKS)
def test_chapter_is_stale_when_the_results_change(path, tmp_path):
    text = (notebooks.ROOT / "manuscript" / "implementation.md").read_text(encoding="utf-8")
    (tmp_path / "book" / "benchmarks").mkdir(parents=True)
    for name in notebooks.BENCHMARKS:
        (tmp_path / name).write_text((notebooks.ROOT / name).read_text("utf-8"), encoding="utf-8")
    before = notebooks.results_digests(text, tmp_path)[path]
    results = {**report.load(tmp_path / path), "rows": []}
    (tmp_path / path).write_text(json.dumps(results), encoding="utf-8")
    assert notebooks.results_digests(text, tmp_path)[path] != before
