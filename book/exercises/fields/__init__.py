"""The fields of all chapters: importing a chapter's module enters them."""

import importlib
import pkgutil

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

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
