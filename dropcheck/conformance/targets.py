"""From the name of a layer to the layer, and what its name says of its kind."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from .registry import KINDS

__all__ = ["guess_kind", "guess_spatial", "load"]

# The first that a name matches decides.
PATTERNS = (
    ("alpha", r"^alpha"),
    ("gaussian", r"gauss"),
    ("path", r"path|stochastic_?depth"),
    ("block", r"block"),
    ("connect", r"connect|weight_?drop"),
    ("attention", r"attention"),
    ("channel", r"[123]d$|spatial|channel"),
    ("element", r"drop"),
)


def load(name: str) -> Any:
    """Return what ``module:Name`` names; the current folder is searched first.

    Raises
    ------
    ValueError
        If the name has no colon or is of a file, or the module or the name in it is not there.
    """
    module, colon, attribute = name.partition(":")
    if not colon or not module or not attribute:
        raise ValueError(f"a layer is named as module:Name, such as torch.nn:Dropout, got {name!r}")
    if Path(module).is_file():
        raise ValueError(
            f"{module!r} is a file, not a module: go to its folder, and name "
            f"{Path(module).stem}:{attribute}"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
    except Exception as error:  # of the module's own code, too
        told = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"cannot import {module!r}: {told}") from error
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ValueError(f"{module!r} has no {attribute!r}") from None
    return found


def guess_kind(name: str) -> str:
    """Return the kind that the name of a layer suggests.

    Raises
    ------
    ValueError
        If it suggests none.

    Examples
    --------
    >>> guess_kind("Dropout"), guess_kind("Dropout2d"), guess_kind("StochasticDepth")
    ('element', 'channel', 'path')
    """
    for kind, pattern in PATTERNS:
        if re.search(pattern, name, re.IGNORECASE):
            return kind
    raise ValueError(
        f"the name {name!r} does not tell the kind of layer; say it with kind (--kind), one of "
        f"{', '.join(KINDS)}"
    )


def guess_spatial(name: str) -> int:
    """Return how many axes follow the channels, by the name of a layer: 2 unless it says so."""
    found = re.search(r"([123])d", name, re.IGNORECASE)
    return int(found[1]) if found else 2
