"""The checks, one concern a module; importing them enters them into the list.

A docstring says what a check proves and what it misses, and both go into the report.
"""

from . import (
    affine,
    arguments,
    backward,
    blocks,
    dtypes,
    ends,
    independence,
    modes,
    noise,
    rates,
    seeds,
    shapes,
    values,
)

__all__ = [
    "affine",
    "arguments",
    "backward",
    "blocks",
    "dtypes",
    "ends",
    "independence",
    "modes",
    "noise",
    "rates",
    "seeds",
    "shapes",
    "values",
]
