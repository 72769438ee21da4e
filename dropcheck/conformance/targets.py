"""From the name of a layer to the layer, and what its name says of its kind."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from .registry import KINDS

__all__ = ["guess_kind", "guess_spatial", "load", "name_of"]

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


# Modules that were read from a file, by the name under which Python knows them.
FILES: dict[str, str] = {}


def load(name: str) -> Any:
    """Return what ``module:Name`` or ``file.py:Name`` names.

    Modules are looked for in the current folder first. What ends in ``.py`` is a file, also where
    a package of its name stands beside it; what it imports is looked for in its folder as well.

    Raises
    ------
    ValueError
        If the name has no colon, or the module, the file or the name in it is not there.
    """
    module, colon, attribute = name.rpartition(":")
    if not colon or not module or not attribute or attribute.endswith(".py"):
        raise ValueError(
            "a layer is named as module:Name or file.py:Name, such as torch.nn:Dropout, "
            f"got {name!r}"
        )
    found = _file(module) if module.endswith(".py") else _module(module)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ValueError(f"{module!r} has no {attribute!r}") from None
    return found


def name_of(target: Any) -> str:
    """Return the name by which `load` finds a class or a function."""
    module = FILES.get(target.__module__, target.__module__)
    return f"{module}:{getattr(target, '__qualname__', type(target).__name__)}"


def _module(name: str) -> ModuleType:
    """Import a module, or say in one sentence why it cannot be."""
    _search(Path.cwd())
    try:
        return importlib.import_module(name)
    except Exception as error:  # of the module's own code, too
        raise _cannot(name, error) from error


def _file(name: str) -> ModuleType:
    """Read a file as a module, once, under a name that no package has."""
    path = Path(name).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {name!r}")
    known = str(path).replace(".", "_")  # a dot would make it a part of a package, for pickle too
    if known in sys.modules:
        return sys.modules[known]
    _search(path.parent)
    spec = importlib.util.spec_from_file_location(known, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{name!r} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[known], FILES[known] = module, str(path)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[known], FILES[known]
        raise _cannot(name, error) from error
    return module


def _search(folder: Path) -> None:
    """Let imports look into a folder first."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _cannot(name: str, error: Exception) -> ValueError:
    """What is said of a module whose import raised an error."""
    told = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
    return ValueError(f"cannot import {name!r}: {told}")


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
