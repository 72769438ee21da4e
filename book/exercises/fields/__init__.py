"""The fields of all chapters: importing a chapter's module enters them."""

from . import (  # noqa: F401 (they enter their fields)
    bayesian,
    ensemble,
    evidence,
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
from .kinds import (
    FIELDS,
    GENERAL,
    Checklist,
    Choice,
    Code,
    Field,
    Formula,
    Numbers,
    exported,
)

__all__ = [
    "FIELDS",
    "GENERAL",
    "Checklist",
    "Choice",
    "Code",
    "Field",
    "Formula",
    "Numbers",
    "exported",
]
