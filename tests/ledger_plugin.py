"""Let a test say which statement of the book it verifies, and hold it to what it says.

A claim test carries ``@pytest.mark.claim(label, method=…, rejects=(…))`` and asks for the
fixture `claim`. It must show that the statement holds and that every wrong form it names
is rejected; otherwise it fails. The records of a run are what the ledger is made of.
"""

import json
from pathlib import Path

import pytest

from book.scripts import build_ledger


class Claim:
    """What one test claims, and what it has shown so far."""

    def __init__(self, nodeid, label, *, method, rejects=()):
        if isinstance(rejects, str):
            raise pytest.UsageError(f"{nodeid}: rejects must be a tuple, got {rejects!r}")
        self.test = nodeid.removeprefix("tests/")
        self.label, self.method, self.named = label, method, tuple(rejects)
        self.held, self.shown = [], []

    def holds(self, report):
        """Assert that the check of the statement passes."""
        assert report.passed, f"{self.label} does not hold: {report}"
        assert report.method == self.method, f"marked {self.method}, checked by {report.method}"
        self.held.append(build_ledger.trust(report))

    def rejects(self, wrong_form, report):
        """Assert that the same check, given the named wrong form, fails."""
        assert wrong_form in self.named, f"'{wrong_form}' is not among rejects={self.named}"
        assert report.method == self.method, "a wrong form must fail the same check"
        assert not report.passed, f"{self.label}: the check accepts the wrong form '{wrong_form}'"
        self.shown.append(wrong_form)

    def close(self):
        """Assert that all that was claimed was also shown."""
        assert self.held, f"{self.test} claims {self.label} but checks nothing"
        missing = set(self.named) - set(self.shown)
        assert not missing, f"{self.test} names wrong forms it never tries: {sorted(missing)}"

    def record(self):
        """Return the record for the ledger."""
        return {
            "label": self.label,
            "method": self.method,
            "rejects": list(self.named),
            "held": self.held,
            "test": self.test,
        }


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
