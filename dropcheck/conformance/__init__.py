"""Examine a dropout layer of any framework, and say how far the report can be trusted.

`run` takes a class or the name of one and returns a `Result`; ``python -m dropcheck`` and the
fixture ``dropout_conformance`` of pytest do the same. Each check says what it proves and what it
misses (``python -m dropcheck --list``). A layer without faults gets any with probability at most
1e-6 in a full run. An adapter for another framework is a class of about twenty lines: see
`Adapter`.
"""

from .adapters import Adapter, NotOffered
from .registry import CHECKS, KINDS
from .result import Outcome, Result
from .running import run

__all__ = ["CHECKS", "KINDS", "Adapter", "NotOffered", "Outcome", "Result", "run"]
