"""The fixture ``dropout_conformance`` of pytest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .result import Result

__all__ = ["dropout_conformance"]


@pytest.fixture
def dropout_conformance() -> Callable[..., Result]:
    """Return a function that examines a layer, and fails the test with the report of its faults.

    It takes the arguments of `dropcheck.conformance.run`::

        def test_my_dropout(dropout_conformance):
            dropout_conformance("mypkg:MyDropout", kind="path")
    """
    from .running import run  # here, so that pytest starts without it

    def examine(target: Any, **keywords: Any) -> Result:
        result = run(target, **keywords)
        if not result:
            pytest.fail(str(result), pytrace=False)
        return result

    return examine
