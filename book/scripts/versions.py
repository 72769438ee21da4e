"""The exact versions of constraints.txt, for all that states or compares them.

Apart from the notebooks, because the pages are built
where nothing that runs notebooks is installed.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pinned_python(root=ROOT):
    """Version of Python that constraints.txt was verified with, or None if it does not say."""
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    found = re.search(r"\(Python ([\d.]+)\)", text)
    return found[1] if found else None


def pins(root=ROOT):
    """Exact version of each package in constraints.txt, names in lower case."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {name.strip().lower(): version.strip() for name, version in pairs}
