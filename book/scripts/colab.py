"""The cell with which a notebook installs the book's packages where they are missing, as on Colab.

There is one only once `_config.yml` says where the repository is. It stands before the first code
cell and is not shown on the pages; where they are installed it does nothing. The book's own package
brings the stored experiments and benchmarks along.
"""

from pathlib import Path

import nbformat
import yaml

SOURCE = """\
# Where one of the book's packages is missing, as on Colab, this installs them.
import importlib.util

if not all(map(importlib.util.find_spec, ("book", "dropcheck", "dropoutlib"))):
    address = "git+{url}@{branch}"
    %pip install --quiet "$address" "$address#subdirectory=dropcheck" \\
        "dropout-verified[experiments] @ $address#subdirectory=book"\
"""


def repository(root):
    """Address and branch of the repository, or None while no address is set."""
    config = Path(root) / "_config.yml"
    if not config.exists():
        return None
    stated = yaml.safe_load(config.read_text(encoding="utf-8")).get("repository", {})
    return (stated["url"].rstrip("/"), stated["branch"]) if stated.get("url") else None


def with_install_cell(cells, lines, name, root):
    """Return the cells of a notebook and their lines with the installing cell, if there is one."""
    found = repository(root)
    code = next((i for i, cell in enumerate(cells) if cell.cell_type == "code"), None)
    if found is None or code is None:
        return cells, lines
    url, branch = found
    cell = nbformat.v4.new_code_cell(
        SOURCE.format(url=url, branch=branch),
        id=f"{name}-install",
        metadata={"tags": ["remove-cell"]},
    )
    return [*cells[:code], cell, *cells[code:]], [*lines[:code], lines[code], *lines[code:]]
