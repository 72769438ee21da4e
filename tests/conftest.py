"""What every test shares: one seed for all that is random, and the claims of the ledger."""

import re
import zlib

import numpy as np
import pytest
from ledger_plugin import EXACT, Collector, claim, of_item

__all__ = ["claim"]


def pytest_addoption(parser):
    parser.addoption(
        "--seed",
        type=int,
        default=0,
        help="reseed every random test (default 0); the suite must pass for any seed",
    )
    parser.addoption("--claims-out", help="write the records of the claim tests to this JSON file")
    parser.addoption(
        "--alter",
        choices=("none", "exact", "only", "all"),
        default="none",
        help="put altered statements to the exact checks of the claims (and run only these), or "
        "to all; record which they accept",
    )
    parser.addoption(
        "--drawn-only",
        action="store_true",
        help="run only tests that --seed can change",
    )
    parser.addoption(
        "--ledger-check",
        action="store_true",
        help="after a full run, fail when the stored ledger differs from what the run shows",
    )

    parser.addoption(
        "--libraries",
        action="store_true",
        help="only the tests of dropoutlib and dropcheck, which need nothing of the book",
    )


def pytest_ignore_collect(collection_path, config):
    """With --libraries, leave out the claims of the book and whatever imports a part of it."""
    if not config.getoption("--libraries") or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    of_the_book = re.search(r"^(?:from|import) (?:book|pages|small_book)\b", text, re.MULTILINE)
    return True if of_the_book or "claims" in collection_path.parts else None


def pytest_configure(config):
    config.pluginmanager.register(Collector(config))


def pytest_collection_modifyitems(config, items):
    kept = items
    if config.getoption("--drawn-only"):
        kept = [item for item in kept if "seed" in getattr(item, "fixturenames", ())]
    if config.getoption("--alter") == "only":
        kept = [item for item in kept if (found := of_item(item)) and found.method in EXACT]
    if kept is not items:
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


@pytest.fixture
def seed(request):
    """An integer seed of this test's own, which `--seed` changes."""
    mixed = np.random.SeedSequence(
        [request.config.getoption("--seed"), zlib.crc32(request.node.nodeid.encode())]
    )
    return int(mixed.generate_state(1)[0])


@pytest.fixture
def rng(seed):
    """A `numpy.random.Generator` of this test's own, which `--seed` reseeds."""
    return np.random.default_rng(seed)
