"""What is stored of the benchmarks, and that the book shows no other numbers."""

import copy
import itertools
import json
import re

import pytest
import report
import run
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


def test_ratios_and_medians_in_both_kinds_of_loop():
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
    assert [row.method for row in rows] == ["base", "quick", "slow"] * 2
    assert [row.loop for row in rows] == [timing.IN_TURN] * 3 + [timing.TIGHT] * 3
    assert [row.ratio for row in rows] == pytest.approx([1, 4, 0.5] * 2)
    assert [row.milliseconds for row in rows] == pytest.approx([20, 5, 40] * 2)
    assert {(row.rounds, row.units) for row in rows} == {(4, 10)}
    # Five rounds of one call in turn, and one after as many as take 0.039 s.
    assert calls == {"base": 5 * (2 + 2), "quick": 5 * (2 + 8), "slow": 5 * (2 + 1)}


def test_in_turn_a_call_follows_one_of_another_method_and_else_its_own():
    """A method that takes a second more after another one: the two loops tell them apart."""
    now, last = [0.0], [None]

    def work(name):
        def call():
            now[0] += 1.0 + (last[0] != name)
            last[0] = name

        return call

    rows = timing.compare(
        "case", ("one", work("one")), {"other": work("other")}, rounds=3, clock=lambda: now[0]
    )
    assert [(row.loop, row.milliseconds) for row in rows] == [
        *([(timing.IN_TURN, 2000.0)] * 2),
        *([(timing.TIGHT, 1000.0)] * 2),
    ]


def test_a_ratio_is_taken_within_a_round():
    """A machine that slows down by half in each round changes no ratio."""
    speed, now = itertools.count(), [0.0]

    def work(amount):
        def call():
            now[0] += amount * 2.0 ** (next(speed) // 4)

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


def test_of_several_processes_the_median_and_both_ends_are_kept():
    def of(ratio, milliseconds):
        return [timing.Row("case", "one", timing.TIGHT, milliseconds, ratio, 0.0, 99.0, 9)]

    (row,) = timing.merged([of(3.0, 1.0), of(1.0, 3.0), of(2.0, 7.0)])
    assert (row.ratio, row.low, row.high, row.milliseconds) == (2.0, 1.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="shorter"):
        timing.merged([of(3.0, 1.0), []])


def test_long_comparisons_have_fewer_rounds(monkeypatch):
    monkeypatch.setattr(timing, "BUDGET", 0.0)
    clock, _, functions = ticking(base=1.0)
    rows = timing.compare("case", ("base", functions["base"]), {}, rounds=50, clock=clock)
    assert {row.rounds for row in rows} == {timing.LEAST}
    assert "base" in timing.table(rows)


def test_stored_results_are_complete():
    groups = {row["group"] for row in RESULTS["rows"]}
    assert set(report.TITLES) == groups
    assert RESULTS["processes"] == run.PROCESSES == 3
    assert {row["group"] for row in PEERS["rows"]} == set(report.PEER_TITLES)
    for row in RESULTS["rows"] + PEERS["rows"]:
        assert row["low"] <= row["ratio"] <= row["high"]
        assert row["milliseconds"] > 0
        assert row["rounds"] >= 2
    sizes = [row["case"] for row in RESULTS["rows"] if row["group"] == "sizes"]
    assert {f"forward, {10**k} units" for k in range(9)} == set(sizes)
    assert {"numpy", "torch", "python"} <= set(RESULTS["versions"])
    assert {"timm", "torchvision", "baal", "torch-uncertainty"} <= set(PEERS["versions"])
    assert PEERS["processes"] == run.PROCESSES


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
    models = {row["case"] for row in PEERS["rows"] if row["group"] == "models"}
    assert {"BERT of transformers, batch 1", "LSTM, batch 32"} <= models
    assert len(list(report.goals(RESULTS, PEERS))) == len(report.GOALS) + len(models)


@pytest.mark.parametrize("position", [0, 5, -1])
def test_another_number_makes_another_page(position):
    changed = copy.deepcopy(RESULTS)
    changed["rows"][position]["milliseconds"] = 123.0
    assert report.page(changed, PEERS) != report.page(RESULTS, PEERS)
    assert "| 123 |" in report.page(changed, PEERS)
    others = copy.deepcopy(PEERS)
    others["rows"][position]["milliseconds"] = 123.0
    assert "| 123 |" in report.page(RESULTS, others)


def test_a_goal_is_reached_when_every_process_reaches_it_in_turn():
    changed = copy.deepcopy(RESULTS)
    names = "goals", "forward, p = 0.3", "dropoutlib"
    for low, verdict in ((6.0, True), (5.9, False)):
        report.row(changed, *names)["low"] = low
        report.row(changed, *names, timing.TIGHT)["low"] = 1.0
        assert next(report.goals(changed, PEERS))[-1] is verdict
    copies = report.row(changed, "goals", "in copies, p = 0.3", "numpy.copyto")
    copies |= {"ratio": 3.2, "low": 3.0, "high": 3.6}
    text = report.goals_text(changed, PEERS)
    assert f"MISSED  {report.GOALS[2][0]}: 3.2 (3 to 3.6) in turn" in text
    with pytest.raises(KeyError, match="no row"):
        report.row(changed, "goals", "forward", "nobody")


@pytest.mark.parametrize(
    ("ours", "rows", "ends", "verdict"),
    [
        ((2.0, 1.9, 2.1), (0.5, 0.4, 0.6), (0.5, 1 / 2.1, 1 / 1.9), True),  # the loop is the better
        ((2.0, 1.9, 2.1), (2.0, 1.9, 2.0), (1.0, 1.9 / 2.1, 2.0 / 1.9), True),
        ((2.0, 1.8, 2.1), (2.0, 1.9, 2.0), (1.0, 1.9 / 2.1, 2.0 / 1.8), False),
        ((0.95, 0.9, 1.0), (0.5, 0.5, 0.5), (1 / 0.95, 1.0, 1 / 0.9), False),
    ],
)
def test_models_of_others_are_held_against_the_better_of_loop_and_more_rows(
    ours, rows, ends, verdict
):
    """The ends of one spread against those of the other."""
    changed = copy.deepcopy(PEERS)
    for method, three in (("mc_samples", ours), ("more rows", rows)):
        row = report.row(changed, "models", "LSTM, batch 1", method)
        row |= dict(zip(("ratio", "low", "high"), three, strict=True))
    goals = {text: rest for text, *rest in report.goals(RESULTS, changed)}
    found, _, wish, reached = goals["LSTM, batch 1, mc_samples over the better of both"]
    assert [found[name] for name in ("ratio", "low", "high")] == pytest.approx(ends)
    assert (wish, reached) == ("at most 1.1", verdict)


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
