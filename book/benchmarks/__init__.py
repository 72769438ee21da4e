"""The stored results of `make bench`, where chapters find them, also from an installed wheel."""

import json
from pathlib import Path

__all__ = ["FOLDER", "load"]

FOLDER = Path(__file__).resolve().parent


def load(name):
    """Return what is stored: ``"results"`` of this library, or ``"peers"`` beside other ones."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
