"""The conformance suite catches each planted fault, and passes what has none."""

import planted_layers as planted
import planted_structures as structures
import pytest

from dropcheck import conformance
from dropcheck.conformance import command
from dropcheck.conformance.registry import FAMILY, GROUPS, check

GOOD = planted.GOOD | structures.GOOD
PLANTED = planted.PLANTED + structures.PLANTED
# Faults that take PyTorch: a second derivative, inplace, and another library's generator.
IN_TORCH = {"second-derivative", "in-place-when-asked", "other-generators-are-left-alone"}
# What cannot be asked of layers in NumPy, and what is not asked of what is dropped inside.
INSIDE = {
    "in-place-when-asked",
    "half-precision-values",
    "rate-in-half-precision",
    "a-changed-p-is-used-as-a-whole",
}
NOT_RUN = dict.fromkeys(conformance.KINDS, IN_TORCH) | dict.fromkeys(
    ("connect", "attention"), INSIDE
)


@pytest.mark.parametrize("kind", conformance.KINDS)
def test_a_good_layer_has_no_fault(kind):
    result = conformance.run(GOOD[kind], kind=kind)
    assert result, str(result)
    assert {outcome.status for outcome in result.outcomes} <= {"holds", "not run", "note"}
    ran = {outcome.name for outcome in result.outcomes if outcome.status != "not run"}
    ours = {name for name, entry in conformance.CHECKS.items() if kind in entry.kinds}
    assert ours - ran == NOT_RUN[kind]
    assert result.false_alarm < FAMILY


@pytest.mark.parametrize(("name", "kind", "status", "layer"), PLANTED)
def test_a_planted_fault_is_caught(name, kind, status, layer):
    (outcome,) = conformance.run(layer, kind=kind, only=[name]).outcomes
    assert outcome.status == status, outcome.seen


def test_every_check_has_a_planted_fault():
    caught = {name for name, *_ in PLANTED}
    assert caught | IN_TORCH == set(conformance.CHECKS)


def test_every_check_says_what_it_proves_and_what_it_misses():
    for entry in conformance.CHECKS.values():
        assert entry.group in GROUPS
        assert len(entry.proves) > 20
        assert len(entry.misses) > 20
        assert set(entry.kinds) <= set(conformance.KINDS)


def test_a_check_without_what_it_misses_is_refused():
    def bare(subject):
        """Something holds. Proves: all of it."""

    with pytest.raises(ValueError, match="the docstring of bare must be a title"):
        check("ends")(bare)


def test_random_checks_say_their_power():
    names = [name for name, entry in conformance.CHECKS.items() if entry.random]
    for kind in ("element", "gaussian"):
        result = conformance.run(GOOD[kind], kind=kind, only=names)
        assert all(outcome.power > 0.99 for outcome in result.outcomes), str(result)
        assert all(outcome.false_alarm > 0 for outcome in result.outcomes)


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"kind": "elemental"}, "kind must be one of element, channel, path, alpha, gaussian"),
        ({"p": 1.0}, "p must lie between 0.02 and 0.98, got p=1.0"),
        ({"only": ["rate"]}, "there is no check 'rate'"),
        ({"adapter": "theano"}, "there is no adapter 'theano'"),
        ({}, "the name 'Good' does not tell the kind"),
    ],
)
def test_what_cannot_be_asked_is_said(keywords, told):
    keywords = {"kind": "element"} | keywords if keywords else {}
    with pytest.raises(ValueError, match=told):
        conformance.run(planted.Good, **keywords)


def test_errors_are_no_refusals_where_a_layer_never_runs(capsys):
    asked = ["--only", "rate-is-p", "--only", "no-probability-is-refused", "--kind", "element"]
    assert command.main(["planted_layers:RefusesToTrain", *asked]) == 2
    assert "no check could be run to its end" in capsys.readouterr().err


def test_a_module_that_fails_and_a_folder_that_is_not_there_are_told_of_at_once(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "fails_to_load.py").write_text("1 / 0", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert command.main(["fails_to_load:Dropout"]) == 2
    assert "cannot import 'fails_to_load': ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        command.main(["torch.nn:Dropout", "--json", str(tmp_path / "none" / "r.json")])
    assert "in a folder that is there" in capsys.readouterr().err
