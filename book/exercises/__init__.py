"""Check an answer of your own to an exercise of the book, without looking at the solution.

The checks are those of `dropcheck`: a formula is compared in exact arithmetic with the
average over all masks, so that a form that only looks different passes, and a wrong one does not.
"""

from . import (  # noqa: F401 (they enter their exercises)
    bayesian,
    ensemble,
    formulation,
    gradients,
    implementation,
    mistakes,
    noise,
    practice,
    predictions,
    sequences,
    systems,
    variants,
)
from .registry import check, expected, labels

__all__ = ["check", "expected", "labels"]
