"""The fields of all chapters: importing a chapter's module enters them."""

from . import formulation  # noqa: F401
from .kinds import FIELDS, GENERAL, Choice, Field, Formula, Numbers, exported

__all__ = ["FIELDS", "GENERAL", "Choice", "Field", "Formula", "Numbers", "exported"]
