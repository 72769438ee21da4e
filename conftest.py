"""What `pytest --nbval chapters` needs beyond nbval: the build's kernel, and figures compared.

nbval compares pictures not at all or letter by letter, but a figure has random names, and other
roundings elsewhere. Here each stored figure is held against the one that the run has just drawn.
"""

import os
from unittest import mock

import pytest


def is_notebook_cell(item):
    """Tell the items of nbval from tests."""
    return hasattr(item, "test_outputs")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Start the kernel of a notebook, before its first cell, in the environment of the build."""
    if not is_notebook_cell(item):
        return (yield)
    # Imported here: who tests the libraries alone has no Jupyter.
    from book.scripts.notebook_kernel import kernel_environment

    if "image/svg+xml" not in item.parent.skip_compare:  # held against the stored one below
        item.parent.skip_compare += ("image/svg+xml",)
    with mock.patch.dict(os.environ, kernel_environment(item.config.rootpath), clear=True):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """After a cell's text has passed, compare its figures."""
    result = yield
    if is_notebook_cell(item):
        from book.scripts.figure_differences import difference

        stored, fresh = _figures(item.cell.outputs), _figures(item.test_outputs)
        if len(stored) != len(fresh):
            item.raise_cell_error(f"{len(stored)} figures are stored, {len(fresh)} were drawn")
        for number, pair in enumerate(zip(stored, fresh, strict=True), start=1):
            if found := difference(*pair):
                item.raise_cell_error(
                    f"figure {number} is not what the code draws: {found}; "
                    "rebuild with `make notebooks`"
                )
    return result


def _figures(outputs):
    data = [output.get("data", {}) for output in outputs]
    return [entry["image/svg+xml"] for entry in data if "image/svg+xml" in entry]
