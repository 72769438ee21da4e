"""What every test shares: one seed, set on the command line, for all that is random."""

import zlib

import numpy as np
import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--seed",
        type=int,
        default=0,
        help="reseed every random test (default 0); the suite must pass for any seed",
    )


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
