"""What the conformance suite found of other projects' layers: the list, and the stored results.

Both are read where the page is built, in a checkout; the wheel leaves them out.
"""

import hashlib
import json
from pathlib import Path

__all__ = ["FOLDER", "digest", "faults", "layers", "requirements", "results"]

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


def digest(entry):
    """Return what tells one version of the suite and of the layers from another.

    Adapters of other frameworks, which take no part in examining this layer, are left out.
    """
    found = hashlib.sha256()
    checks = FOLDER.parents[1] / "dropcheck"
    judges = [checks / f"{name}.py" for name in ("concentration", "montecarlo", "report")]
    folders = (checks / "conformance", FOLDER / "layers")
    for path in (*judges, *(path for folder in folders for path in sorted(folder.rglob("*.py")))):
        others = path.parent.name == "adapters" and path.stem.startswith("for_")
        own = ("for_numpy", "for_keras", f"for_{entry['environment']}")
        if not others or path.stem.startswith(own):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def results():
    """Return what is stored of each layer, by its id, and of the five lines, under "faults"."""
    paths = sorted((FOLDER / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
