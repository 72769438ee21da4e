"""Let a test say which statement of the book it verifies, and hold it to what it says.

A claim test carries ``@pytest.mark.claim(label, method=…, rejects=(…))`` and asks for the
fixture `claim`. It binds each of its checks, a function of the statement::

    @claim
    def check(stated):
        return dropcheck.identity(left, stated, 4, rng=rng)

    check.holds(right)
    check.rejects("no 1/q", wrong)

so that the statement and its wrong forms meet one and the same callable. A test fails where a
statement is refused, a wrong form accepted, a check rejects without ever having accepted, or
less is shown than the mark names. The records of a run are what the ledger is made of.
"""

import inspect
import json
from pathlib import Path

import alterations
import pytest

from book.scripts import build_ledger

HOUSES = {"book", "dropcheck", "dropoutlib", "numpy"}
EXACT = {"identity", "enumeration", "symbolic", "exact-float", "same-mask"}
POWER = 0.999  # of a random check against the wrong form that it names


class Check:
    """One check of a claim: whatever it is given, statement or wrong form, meets one function.

    Parameters
    ----------
    claim : Claim
        The claim that it is a check of.
    function : callable
        Takes the statement, or a wrong form of it, and returns a report. What stands before
        the star of its signature is the statement; what stands behind it is the setting.
    parts : tuple of int
        Numbers of the statement's parts that it checks.
    """

    def __init__(self, claim, function, parts):
        if (getattr(function, "__module__", None) or "dropcheck").split(".")[0] in HOUSES:
            raise pytest.UsageError(
                f"{claim.test}: bind a function of the statement, not {function!r} itself, "
                "which takes statement and truth alike"
            )
        self.claim, self.function, self.parts = claim, function, parts
        self.accepted, self.refused = [], 0

    def holds(self, *statement, **setting):
        """Assert that the check accepts the statement, and with enough power if it is random."""
        report = self._report(statement, setting)
        claim = self.claim
        assert report.passed, f"{claim.label} does not hold: {report}"
        if report.method == "monte-carlo":
            assert report.power is not None, f"{claim.label}: a random check needs `wrong`"
            assert report.power >= POWER, f"{claim.label}: the check is too weak: {report}"
        self.accepted.append((statement, setting))
        claim.held.append(build_ledger.trust(report))
        claim.parts_held.update(self.parts)

    def rejects(self, wrong_form, *statement, **setting):
        """Assert that the same check refuses the named wrong form."""
        named = self.claim.named
        assert wrong_form in named, f"'{wrong_form}' is not among rejects={named}"
        report = self._report(statement, setting)
        assert not report.passed, (
            f"{self.claim.label}: the check accepts the wrong form '{wrong_form}'"
        )
        self.refused += 1
        self.claim.shown.append(wrong_form)

    def altered(self):
        """Put altered statements to the check, yield (name, verdict) of each.

        Verdicts are "rejected", "refused" with an error, and "accepted", which is a survivor.
        """
        for statement, setting in self.accepted:
            given = inspect.signature(self.function).bind(*statement, **setting)
            given.apply_defaults()
            kinds = inspect.signature(self.function).parameters
            for name, value in given.arguments.items():
                if kinds[name].kind is inspect.Parameter.KEYWORD_ONLY:
                    continue
                for change, altered, unchanged in alterations.alterations(value):
                    arguments = given.arguments | {name: altered}
                    try:
                        verdict = "rejected" if not self._call(arguments) else "accepted"
                    except Exception:  # whatever a wrong formula may lead to
                        verdict = "refused"
                    if not unchanged():
                        yield f"{self.function.__name__}({name} {change})", verdict

    def _call(self, arguments):
        """Call the function with a dictionary of all its arguments."""
        given = inspect.signature(self.function).bind_partial()
        given.arguments.update(arguments)
        return self.function(*given.args, **given.kwargs)

    def _report(self, statement, setting):
        report = self.function(*statement, **setting)
        method = self.claim.method
        assert report.method == method, f"marked {method}, checked by {report.method}"
        return report


class Claim:
    """What one test claims, and what it has shown so far."""

    def __init__(self, nodeid, label, *, method, rejects=(), parts=(1,)):
        if isinstance(rejects, str):
            raise pytest.UsageError(f"{nodeid}: rejects must be a tuple, got {rejects!r}")
        self.test = nodeid.removeprefix("tests/")
        self.label, self.method, self.named = label, method, tuple(rejects)
        self.parts, self.parts_held = tuple(parts), set()
        self.held, self.shown, self.checks, self.altered = [], [], [], []
        self.explained = {}

    def __call__(self, function):
        """Bind a check of all the parts that the test names."""
        return self._bind(function, self.parts)

    def part(self, *numbers):
        """Return the binding of a check to some of them: ``@claim.part(2)``."""
        if not set(numbers) <= set(self.parts):
            raise pytest.UsageError(f"{self.test}: parts {numbers} are not among {self.parts}")
        return lambda function: self._bind(function, numbers)

    def _bind(self, function, parts):
        self.checks.append(Check(self, function, parts))
        return self.checks[-1]

    def holds(self, report):
        """Assert that a report of something stored passes: of an experiment, of a proof."""
        assert report.passed, f"{self.label} does not hold: {report}"
        assert report.method == self.method, f"marked {self.method}, checked by {report.method}"
        self.held.append(build_ledger.trust(report))
        self.parts_held.update(self.parts)

    def rejects(self, wrong_form, report):
        """Assert that a comparison of stored results fails; all else goes through a `Check`."""
        assert self.method == "paired-experiment", "reject through the check that accepts"
        assert wrong_form in self.named, f"'{wrong_form}' is not among rejects={self.named}"
        assert report.method == self.method, "a wrong form must fail the same check"
        assert not report.passed, f"{self.label}: the check accepts the wrong form '{wrong_form}'"
        self.shown.append(wrong_form)

    def close(self):
        """Assert that all that was claimed was also shown."""
        assert self.held, f"{self.test} claims {self.label} but checks nothing"
        missing = set(self.named) - set(self.shown)
        assert not missing, f"{self.test} names wrong forms it never tries: {sorted(missing)}"
        for check in self.checks:
            assert check.accepted or not check.refused, (
                f"{self.test}: '{check.function.__name__}' rejects, and never accepted anything"
            )
        unshown = set(self.parts) - self.parts_held
        assert not unshown, f"{self.test} names parts it never checks: {sorted(unshown)}"

    def survives(self, altered, why):
        """Say why the check accepts altered statements whose description starts like this."""
        self.explained[altered] = why

    def alter(self):
        """Put altered statements to every check; those it accepts must have been explained."""
        for check in self.checks:
            found = list(check.altered())
            if self.method == "bound":  # of two opposite alterations one is weaker, and true
                found = _by_parameter(found)
            self.altered += found
        for name, verdict in self.altered:
            why = next((w for start, w in self.explained.items() if name.startswith(start)), None)
            assert verdict != "accepted" or why, f"{self.test} accepts the altered {name}"

    def record(self):
        """Return the record for the ledger."""
        return {
            "label": self.label,
            "method": self.method,
            "parts": list(self.parts),
            "rejects": list(self.named),
            "held": self.held,
            "altered": self.altered,
            "explained": self.explained,
            "test": self.test,
        }


def _by_parameter(found):
    """One verdict for each parameter: rejected if any of its alterations is."""
    verdicts = {}
    for name, verdict in found:
        verdicts.setdefault(name.split(" ")[0] + ")", []).append(verdict)
    return [
        (name, "rejected" if "rejected" in given else given[0]) for name, given in verdicts.items()
    ]


def of_item(item):
    """Return the claim of a collected test, or None."""
    marker = item.get_closest_marker("claim")
    return Claim(item.nodeid, *marker.args, **marker.kwargs) if marker else None


@pytest.fixture
def claim(request):
    """Record what the marked test shows."""
    return of_item(request.node)


class Collector:
    """Gather the claims of a run, from this process or from its workers."""

    def __init__(self, config):
        self.out = config.getoption("--claims-out")
        self.check_page = config.getoption("--ledger-check") and config.getoption("--seed") == 0
        self.claims = {}
        self.alter = config.getoption("--alter")
        self.stale = False

    def pytest_collection_finish(self, session):
        """Note what each collected test claims."""
        for item in session.items:
            found = of_item(item)
            if found:
                if "claim" not in item.fixturenames:
                    raise pytest.UsageError(f"{item.nodeid}: marked as a claim, shows nothing")
                self.claims[found.test] = found.record()

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        """Fail a claim test that passed without showing all it claims."""
        result = yield  # raises when the test fails
        found = pyfuncitem.funcargs.get("claim")
        if found:
            found.close()
            if self.alter == "all" or (self.alter in ("exact", "only") and found.method in EXACT):
                found.alter()
            pyfuncitem.user_properties.append(("claim", found.record()))
        return result

    def pytest_runtest_logreport(self, report):
        """Take what a passed test has shown; a worker sends it with its report."""
        for name, record in report.user_properties:
            if name == "claim" and report.when == "call" and report.passed:
                self.claims[record["test"]] = record

    def pytest_sessionfinish(self, session):
        """Write the records, compare the stored page with them."""
        if hasattr(session.config, "workerinput"):
            return
        # The order in which workers finish must not show.
        records = [self.claims[test] for test in sorted(self.claims)]
        if self.out:
            Path(self.out).write_text(json.dumps(records), encoding="utf-8")
        if self.check_page and session.exitstatus == pytest.ExitCode.OK:
            page = build_ledger.ROOT / build_ledger.PAGE
            self.stale = page.read_text(encoding="utf-8") != build_ledger.page(records)
            if self.stale:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        """Say so when the stored page is stale."""
        if self.stale:
            terminalreporter.write_line(
                f"FAILED {build_ledger.PAGE} is stale: run `make ledger`", red=True
            )
