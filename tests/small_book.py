"""A book of one small chapter, on which guards are shown to bite and builds to fail well."""

import shutil

import nbformat

from book.scripts import notebooks

FRONT_MATTER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
CHAPTER = f"""{FRONT_MATTER}
# Tiny

```{{code-cell}} ipython3
import numpy as np
from dropoutlib.tiny import FACTOR
experiment = "R1"
print(f"{{FACTOR * np.random.default_rng(1).random():.3f}}")
```

```{{code-cell}} ipython3
---
mystnb:
  figure: {{name: fig-tiny, caption: A line of random points.}}
  image: {{alt: "A line that joins five random points."}}
---
import matplotlib.pyplot as plt
plt.plot(np.random.default_rng(1).random(5), linewidth=5)
print("five points")
```
"""


def plant(root):
    """Write a manuscript, a library, a stored result and the pins of a small book."""
    for folder in ("manuscript", "dropoutlib", "chapters"):
        (root / folder).mkdir()
    write_chapter(root, "tiny", CHAPTER)
    (root / "dropoutlib" / "__init__.py").write_text('"""Stand-in for the library."""\n')
    (root / "dropoutlib" / "tiny.py").write_text("FACTOR = 2\n")
    stored = root / "book" / "experiments" / "results" / "full"
    stored.mkdir(parents=True)
    (stored / "R1.json").write_text('{"error": 1}\n')
    (root / "_toc.yml").write_text("parts: [{chapters: [{file: chapters/tiny}]}]\n")
    shutil.copy(notebooks.ROOT / "constraints.txt", root)
    return root


def copy_scripts(root):
    """Give the small book the scripts of the real one, to be run there as in a checkout."""
    source = notebooks.ROOT / "book"
    shutil.copy(source / "__init__.py", root / "book")
    shutil.copytree(source / "scripts", root / "book" / "scripts")


def write_chapter(root, name, text):
    """Write a manuscript; `text` that is no whole chapter becomes its only cell."""
    if not text.startswith("---"):
        text = f"{FRONT_MATTER}\n# {name}\n\n```{{code-cell}} ipython3\n{text}\n```\n"
    notebooks.manuscript_path(name, root).write_text(text)


def change(path, old, new):
    """Replace `old`, which must be there, by `new` in a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def edit(root, function):
    """Change the code cells of the stored notebook as a hand would."""
    path = notebooks.notebook_path("tiny", root)
    notebook = nbformat.read(path, as_version=4)
    function([cell for cell in notebook.cells if cell.cell_type == "code"])
    path.write_text(notebooks.render(notebook))
