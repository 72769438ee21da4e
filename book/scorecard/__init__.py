"""What the conformance suite found of other projects' layers: the list, and the stored results.

Both are read where the page is built, in a checkout; the wheel leaves them out.
"""

import json
from pathlib import Path

__all__ = ["FOLDER", "faults", "layers", "requirements", "results"]

FOLDER = Path(__file__).resolve().parent


def _yaml(name):
    import yaml  # here: the layers of this package are imported where there is none

    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def requirements():
    """Return what pip installs into each environment, one command a line."""
    return _yaml("frameworks.yml")["environments"]


def layers():
    """Return the layers to examine, in the order of the table."""
    return _yaml("frameworks.yml")["layers"]


def faults():
    """Return what was found, with five lines that show it without the suite."""
    return _yaml("faults.yml")


def results():
    """Return what is stored of each layer, by its id, and of the five lines, under "faults"."""
    paths = sorted((FOLDER / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
