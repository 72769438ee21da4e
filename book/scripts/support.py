"""Print what a workflow tries the book and the libraries with, one ``name=value`` a line.

The numbers stand elsewhere, once. In pyproject.toml: the lowest supported NumPy and PyTorch as
bounds of the dependencies, the versions of Python as classifiers; the newest is what the index
has. In constraints.txt: the Python that the book was verified with.
"""

import json
import re
import tomllib

from book.scripts.versions import ROOT, pinned_python

PYTHON = "Programming Language :: Python :: "
BOUND = re.compile(r"([\w-]+)>=([\d.]+)")


def pythons(project):
    """Versions of Python that are supported, in ascending order."""
    found = (entry.removeprefix(PYTHON) for entry in project["classifiers"] if PYTHON in entry)
    return sorted((version for version in found if "." in version), key=key)


def key(version):
    """Order of versions: 3.9 before 3.11."""
    return tuple(map(int, version.split(".")))


def lowest(project):
    """Lowest version of NumPy and of PyTorch, as pip takes it."""
    bounds = [*project["dependencies"], *project["optional-dependencies"]["torch"]]
    return {name: f"{name}=={bound}.*" for name, bound in map(parted, bounds)}


def parted(requirement):
    """Name and lowest version of a requirement such as ``numpy>=1.26``."""
    return BOUND.fullmatch(requirement).groups()


def matrix(root=ROOT):
    """Return what is tried: the lowest of all together, and the newest with every Python."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    versions = pythons(project)
    newest = [{"python": python, "numpy": "numpy", "torch": "torch"} for python in versions]
    return [{"python": versions[0], **lowest(project)}, *newest]


def lines():
    """Return what is printed."""
    return [f"python={pinned_python()}", f"matrix={json.dumps({'include': matrix()})}"]


if __name__ == "__main__":
    print("\n".join(lines()))
