"""The scorecard: what is stored of each layer, and no fault that was not confirmed."""

import copy
import json
import os
import sys

import pytest
from bs4 import BeautifulSoup

from book import scorecard
from book.extensions import scorecard as page
from book.scripts import build_scorecard
from book.scripts.versions import ROOT
from dropcheck.conformance import CHECKS
from dropcheck.conformance.registry import FAMILY

LAYERS, FAULTS, RESULTS = scorecard.layers(), scorecard.faults(), scorecard.results()
# Checks that came after a row which cannot be examined again; what a row lacks its page says.
LATER: set[str] = set()
TEXT = (ROOT / "backmatter" / "scorecard.md").read_text(encoding="utf-8")


def soup(text):
    return BeautifulSoup(text, "html.parser")


def test_every_layer_was_examined():
    assert {entry["id"] for entry in LAYERS} == set(RESULTS) - {"faults"}
    assert len({entry["framework"] for entry in LAYERS}) >= 10
    assert {entry["environment"] for entry in LAYERS} == set(scorecard.requirements())


def test_numbers_and_code_are_written_as_in_the_text():
    assert [page.counted(1, status) for status in page.MARKS] == [
        "1 fault",
        "1 note",
        "1 holds",
        "1 not run",
    ]
    assert [page.counted(2, status) for status in page.MARKS] == [
        "2 faults",
        "2 notes",
        "2 hold",
        "2 not run",
    ]
    assert page.marked("with ``a < b``") == "with <code>a &lt; b</code>"
    assert "``" not in page.proofs()


@pytest.mark.parametrize("entry", LAYERS, ids=lambda entry: entry["id"])
def test_what_is_stored_has_every_check_of_the_suite(entry):
    stored = RESULTS[entry["id"]]
    assert stored["run"] == entry["run"]
    names = [outcome["name"] for outcome in stored["outcomes"]]
    wanted = {name for name, check in CHECKS.items() if stored["kind"] in check.kinds}
    assert len(set(names)) == len(names)
    earlier = stored["suite"] != scorecard.digest(entry)
    assert wanted - set(names) == (LATER & wanted if earlier else set())
    assert set(names) <= wanted
    assert stored["versions"]
    assert stored["false_alarm"] < FAMILY


def test_every_fault_was_shown_again_and_every_card_is_a_fault():
    cards = {
        (layer, name)
        for fault in FAULTS
        for layer in fault["found"]
        for name in fault["found"][layer]
    }
    seen = {
        (entry["id"], outcome["name"])
        for entry in LAYERS
        for outcome in RESULTS[entry["id"]]["outcomes"]
        if outcome["status"] == "fault"
    }
    assert cards == seen


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["id"])
def test_five_lines_show_a_fault_and_were_run(fault):
    assert len(fault["code"].strip().splitlines()) <= 5
    assert max(map(len, fault["code"].splitlines())) <= 100
    assert RESULTS["faults"][fault["id"]]["code"] == fault["code"]
    assert RESULTS["faults"][fault["id"]]["printed"]


def test_our_layers_have_no_fault():
    ours = [entry for entry in LAYERS if entry["framework"] == "this book"]
    assert ours
    for entry in ours:
        assert all(outcome["status"] != "fault" for outcome in RESULTS[entry["id"]]["outcomes"])


def test_each_mark_leads_to_what_was_seen():
    made = soup(page.render(TEXT))
    marks = made.select("table.scorecard td a")
    assert len(marks) > 9 * len(LAYERS)
    for mark in marks:
        row = made.select_one(mark["href"].replace(".", r"\."))
        assert row.name == "tr"
    assert len(made.select("table.scorecard tbody tr")) == len(LAYERS)
    assert len(made.select(".scorecard-fault")) == len(FAULTS)
    assert len(made.select(".scorecard-checks dt")) == len(CHECKS)


def test_what_an_earlier_suite_found_is_marked(monkeypatch):
    changed = copy.deepcopy(RESULTS)
    gone = changed["ours"]["outcomes"].pop()["name"]
    changed["ours"]["suite"] = "0"
    monkeypatch.setattr(scorecard, "results", lambda: changed)
    made = soup(page.render(TEXT))
    assert "an earlier version of the suite" in made.select_one("#scorecard-ours").text
    assert gone in made.select_one("#scorecard-ours").text
    assert "* an earlier version of the suite" in made.select_one("table.scorecard caption").text
    names = [row.text for row in made.select("table.scorecard th[scope=row]")]
    assert "this book nn.Dropout*" in names


def test_a_fault_without_confirmation_stops_the_build(monkeypatch):
    changed = copy.deepcopy(RESULTS)
    changed["ours"]["outcomes"][0]["status"] = "fault"
    monkeypatch.setattr(scorecard, "results", lambda: changed)
    with pytest.raises(ValueError, match=r"ours: .* is stored as a fault, and no lines"):
        page.render(TEXT)


def test_lines_that_show_nothing_confirm_nothing(capsys):
    fault = {"code": "print('seen')\nassert 1 == 1"}
    assert build_scorecard.confirm(fault, sys.executable) == "seen"
    mended = {"code": "print('seen')\nassert 1 == 2"}
    assert build_scorecard.confirm(mended, sys.executable) is None
    assert "AssertionError" in capsys.readouterr().err


def test_what_is_stored_is_not_examined_again(tmp_path, monkeypatch):
    monkeypatch.setattr(build_scorecard, "RESULTS", tmp_path)
    monkeypatch.setattr(scorecard, "digest", lambda _: "now")
    entry = {"id": "mine", "run": "planted_layers:Good --kind element --only zero-or-scaled"}
    monkeypatch.setattr(
        build_scorecard,
        "surroundings",
        lambda _: {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )
    assert build_scorecard.examine(entry, sys.executable, False).startswith("0 faults")
    stored = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    assert [outcome["status"] for outcome in stored["outcomes"]] == ["holds"]
    assert build_scorecard.examine(entry, sys.executable, False) == "stored already"
    broken = {"id": "none", "run": "planted_layers:None --kind element"}
    told = build_scorecard.examine(broken, sys.executable, False)
    assert told.startswith("could not be examined: cannot be examined: 'planted_layers' has no")
