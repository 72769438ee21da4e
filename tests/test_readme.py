"""What the README shows does what it says."""

import re

import torch

import dropoutlib
from book.scripts.versions import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_library_in_ten_lines():
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    lines = [line for line in block.splitlines() if line]
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 100
    torch.manual_seed(0)
    found = {}
    exec(block, found)
    assert set(found["y"].ravel()) == {0.0, 2.0}
    assert (found["dx"] == found["y"]).all()
    assert found["samples"].shape == (100, 8, 3)
    assert found["doubt"].shape == (8,)
    assert (found["doubt"] > 0).all()


def test_every_room_is_in_the_table():
    listed = re.findall(r"^\| `dropoutlib\.(\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(listed) == list(dropoutlib._ROOMS)


def test_folders_of_the_table_exist():
    folders = re.findall(r"^\| `([\w/]+/)` \|", TEXT, re.MULTILINE)
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)
