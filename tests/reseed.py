"""Run the claim tests that draw anything under many seeds, and keep what was seen.

``python tests/reseed.py 1000`` runs the seeds 1 to 1000 under which tests/reseeded.json does not
hold all tests yet. It can be stopped at any time: each seed is stored as it ends. A test fails
under a seed where it rejects a true statement, accepts a wrong form, or was given an example that
tells no two apart.

The tests are imported and collected once; each seed then runs in a fork of that process, which
no other seed has touched. What torch imports only when it is used is imported here as well, or
each fork would do it anew.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import pickle
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch._dynamo  # noqa: F401 (what forks would import anew)

from book.scripts import build_ledger, seeds

ROOT = build_ledger.ROOT
WATCHED = ("tests/claims", "dropcheck", "dropoutlib", "book")
OPTIONS = ["-q", "-s", "-m", "claim", "--drawn-only", "--alter=none", "-p", "no:cacheprovider"]


def state() -> str:
    """Fingerprint of the claim tests and of the Python files that they may import."""
    files = [file for house in WATCHED for file in (ROOT / house).rglob("*.py")]
    files += [file for file in (ROOT / "tests").glob("*.py") if not file.match("test_*.py")]
    return hashlib.sha256(b"".join(map(Path.read_bytes, sorted(files)))).hexdigest()[:16]


class Failures:
    """Keep what pytest says of each test that fails."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a failure, or an error before or after the test."""
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext


def in_fork(
    items: list[pytest.Item], before: Callable[[], None], stop: bool = False
) -> dict[str, str] | None:
    """Tests that fail in a fork of this process, with what pytest says; None without an end.

    `before` is called there first; with `stop` the first failure ends it.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(receiver)
            before()
            found = Failures()
            items[0].config.pluginmanager.register(found)
            with open(os.devnull, "w") as nowhere, os.fdopen(sender, "wb") as pipe:
                os.dup2(nowhere.fileno(), 1)
                for item, after in zip(items, [*items[1:], None], strict=True):
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                    if stop and found.failed:
                        break
                pickle.dump(found.failed, pipe)
            os._exit(0)
        finally:  # whatever was raised, no second process goes on from here
            os._exit(1)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        answer = pipe.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1:
        raise SystemExit("a fork failed before its tests ended")
    return pickle.loads(answer) if answer else None


class Seeds:
    """Run the collected tests under each seed, in a fork of the process that collected them."""

    def __init__(self, wanted: list[int], store: Callable) -> None:
        self.wanted, self.store = wanted, store

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of the loop over the tests."""
        if session.testsfailed:  # an error of collection, which pytest then reports
            return True
        for seed in self.wanted:
            start = time.perf_counter()
            failed = in_fork(session.items, partial(setattr, session.config.option, "seed", seed))
            if failed is None:
                raise SystemExit(f"seed {seed}: the tests did not run to their end")
            self.store(seed, failed, len(session.items))
            seconds = time.perf_counter() - start
            print(f"seed {seed}: {seconds:.0f} s {' '.join(failed) or 'passed'}", flush=True)
            for why in failed.values():
                print(why, flush=True)
        return True


def main(argv: list[str]) -> None:
    """Run the seeds that are missing up to a number."""
    runs, now, file = seeds.stored(ROOT), state(), ROOT / seeds.STORED
    known = seeds.complete(runs)
    wanted = [n for n in range(1, int(argv[0] if argv else 1000) + 1) if str(n) not in known]

    def store(seed: int, failed: dict[str, str], tests: int) -> None:
        if not runs or runs[-1]["state"] != now or "left_out" in runs[-1]:
            runs.append({"tests": tests, "state": now, "seeds": {}})
        runs[-1]["day"] = datetime.date.today().isoformat()
        runs[-1]["seeds"][str(seed)] = sorted(failed)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(runs, indent=0) + "\n", encoding="utf-8")
        temporary.replace(file)

    os.chdir(ROOT)
    code = pytest.main(["tests/claims", *OPTIONS], plugins=[Seeds(wanted, store)])
    if code:
        raise SystemExit(f"the tests did not run: {code!r}")
    print(f"The claim tests that draw anything were run {seeds.said(runs)}")


if __name__ == "__main__":
    main(sys.argv[1:])
