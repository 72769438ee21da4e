"""Fetch what the pages use from npm and verify it; for the owner of the book, readers have it.

interactive/vendor/packages.json names each package, its version and the digest that npm states for
it. A package is taken only if its archive has that digest, and of it only the files that are named.
"""

import argparse
import base64
import hashlib
import io
import json
import tarfile
import urllib.request
from pathlib import Path

from book.scripts.versions import ROOT

FOLDER = ROOT / "interactive" / "vendor"
REGISTRY = "https://registry.npmjs.org"


def packages(folder=FOLDER):
    """Vendored packages: name -> version, integrity and files."""
    return json.loads((folder / "packages.json").read_text(encoding="utf-8"))


def digest(data):
    """Digest as npm writes it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"


def unpack(archive, integrity, files):
    """Contents of the named files of a package; ValueError if it is another package."""
    if digest(archive) != integrity:
        raise ValueError(f"the archive has the digest {digest(archive)}, not {integrity}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {name: tar.extractfile(f"package/{name}").read() for name in files}


def changed(folder=FOLDER):
    """Vendored files that are missing or are not what was fetched."""
    found = []
    for name, package in packages(folder).items():
        for file, sha in package["files"].items():
            path = folder / name / Path(file).name
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha:
                found.append(f"{name}/{path.name}")
    return found


def main(argv=None):
    """Fetch all packages anew, or only compare what is here."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--registry", default=REGISTRY, help="address of the npm registry")
    parser.add_argument("--check", action="store_true", help="only compare the files that are here")
    options = parser.parse_args(argv)
    if not options.check:
        for name, package in packages().items():
            url = f"{options.registry.rstrip('/')}/{name}/-/{name}-{package['version']}.tgz"
            with urllib.request.urlopen(url) as answer:
                archive = answer.read()
            (FOLDER / name).mkdir(exist_ok=True)
            for file, data in unpack(archive, package["integrity"], package["files"]).items():
                (FOLDER / name / Path(file).name).write_bytes(data)
    if bad := changed():
        raise SystemExit(f"Not what packages.json says: {', '.join(bad)}")
    print("All vendored files are those of their packages.")


if __name__ == "__main__":
    main()
