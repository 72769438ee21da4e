"""The report of a check, and the promises that hold for the whole of `dropcheck`."""

import doctest
import importlib
import inspect
import math
import pkgutil

import pytest

import dropcheck
from dropcheck.report import Report

MODULES = [module.name for module in pkgutil.iter_modules(dropcheck.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_the_docstrings_are_true(name):
    module = importlib.import_module(f"dropcheck.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", dropcheck.__all__)
def test_every_public_name_has_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(dropcheck, name))


def test_all_is_sorted_and_complete():
    public = {
        name
        for name, value in vars(dropcheck).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert list(dropcheck.__all__) == sorted(public)


def test_a_report_is_its_verdict_and_cannot_be_changed():
    report = Report(passed=False, method="identity")
    assert not report
    with pytest.raises(AttributeError):
        report.passed = True


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"passed": True, "false_pass": 2.71e-18}, "x: passed, false pass <= 2.8e-18"),
        ({"passed": False, "false_pass": 2.71e-18}, "x: rejected"),
        ({"passed": True, "rounding": 0.0, "error": 0.0}, "x: passed, exact"),
        ({"passed": True, "rounding": 3e-15, "error": 1e-16}, "x: passed, rounding <= 1e-14"),
        ({"passed": True, "rounding": 1e-14, "error": 1e-16}, "x: passed, rounding <= 1e-14"),
        (
            {"passed": False, "rounding": 3e-15, "error": 0.123456},
            "x: rejected, off by 0.1235, rounding <= 1e-14",
        ),
        (
            {"passed": False, "rounding": math.nan, "error": math.nan},
            "x: rejected, off by nan, rounding <= nan",
        ),
        (
            {"passed": True, "false_alarm": 1e-6, "power": 0.99999},
            "x: passed, false alarm <= 1e-06, power >= 0.9999",
        ),
        (
            {"passed": True, "estimate": 2.0004, "interval": (1.9, 2.1)},
            "x: passed, 2 in [1.9, 2.1]",
        ),
        (
            {"passed": False, "estimate": 2.2, "interval": (1.9, 2.1)},
            "x: rejected, 2.2 not in [1.9, 2.1]",
        ),
        (
            {"passed": True, "cases": 7, "ratio": 0.98765},
            "x: passed, 7 cases, largest ratio 0.9877",
        ),
    ],
)
def test_a_report_is_one_stable_line(fields, line):
    assert str(Report(method="x", **fields)) == line


def test_printed_bounds_are_rounded_to_the_safe_side(rng):
    for value in 10.0 ** rng.uniform(-30, -0.5, size=300):
        text = str(Report(passed=True, method="x", false_pass=value, rounding=value))
        rounding, false_pass = (float(part.split("<= ")[1]) for part in text.split(", ")[1:])
        assert value <= false_pass <= 1.1 * value
        assert value <= rounding < 10 * value
        power = str(Report(passed=True, method="x", power=1 - value)).split(">= ")[1]
        assert 0 <= (1 - value) - float(power) < 1e-4
