"""The source that a chapter prints is the library's own, without what would hide its idea."""

import ast
import functools
import inspect

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import dropcheck
from book import noise
from book.scripts import notebooks
from book.showing import show_source, source_of
from dropoutlib import layers, masks


def halved(x, n=2):
    """Halve `x`.

    Raises
    ------
    ValueError
        For a negative one.
    """
    # A root of it is taken below.
    if x < 0:
        raise ValueError(
            f"x must not be negative, got {x}",
        )
    # The idea.
    half = x / n

    if half > 1:
        return 1
    return half


def refuse(x):
    """Refuse whatever is not one."""
    if x != 1:
        raise ValueError(x)


class Documented:
    """Only documented."""


class Pair:
    """Two numbers."""

    first = 1  # with a "string"

    @property
    def sum(self):
        """Their sum."""
        if self.first is None:
            raise ValueError("no first")
        return self.first + 1

    @functools.cache  # noqa: B019
    def twice(self):
        """Twice the first."""
        return 2 * self.first


def test_docstring_and_checks_are_left_out_and_nothing_else():
    assert source_of(halved) == (
        "def halved(x, n=2):\n    # The idea.\n    half = x / n\n\n"
        "    if half > 1:\n        return 1\n    return half"
    )


def test_what_is_the_point_can_be_kept():
    assert source_of(halved, docstrings=True, checks=True) == inspect.getsource(halved).rstrip()
    assert '"""Halve' not in source_of(halved, checks=True)
    assert "# A root of it" in source_of(halved, checks=True)
    assert "raise" not in source_of(halved, docstrings=True)


def test_methods_properties_and_classes_stand_at_the_margin():
    assert source_of(Pair.sum) == "@property\ndef sum(self):\n    return self.first + 1"
    assert source_of(Pair.twice).endswith("def twice(self):\n    return 2 * self.first")
    whole = source_of(Pair)
    assert whole.startswith('class Pair:\n    first = 1  # with a "string"\n\n    @property')
    assert '"""' not in whole


def test_a_body_of_nothing_else_keeps_its_docstring():
    assert source_of(Documented) == 'class Documented:\n    """Only documented."""'


def test_a_check_is_shown_where_it_is_all_there_is():
    assert source_of(refuse) == "def refuse(x):\n    if x != 1:\n        raise ValueError(x)"


def test_what_has_no_source_says_so():
    with pytest.raises(TypeError):
        source_of(len)


@pytest.mark.parametrize(
    "module", [dropcheck, layers, masks, noise], ids=lambda module: module.__name__
)
def test_every_public_source_stays_the_same_program(module):
    def bare(tree):
        """Take out what `source_of` leaves out, on the tree instead of the lines."""
        for node in ast.walk(tree):
            if isinstance(getattr(node, "body", None), list) and not isinstance(node, ast.Module):
                kept = [s for k, s in enumerate(node.body) if not is_docstring(node, k)]
                node.body = [s for s in kept if not guards(s)] or kept or node.body
        return ast.dump(tree)

    def is_docstring(node, k):
        constant = isinstance(node.body[k], ast.Expr) and isinstance(
            node.body[k].value, ast.Constant
        )
        return k == 0 and constant and not isinstance(node, ast.Module)

    def guards(statement):
        match statement:
            case ast.If(body=[ast.Raise()], orelse=[]):
                return True
        return False

    for name in module.__all__:
        item = getattr(module, name)
        if inspect.isfunction(item) or inspect.isclass(item):
            assert bare(ast.parse(source_of(item))) == bare(ast.parse(inspect.getsource(item))), (
                name
            )


def test_one_display_holds_markdown_and_the_plain_text():
    InteractiveShell.instance()
    with capture_output() as captured:
        show_source(halved, Pair.sum)
    (output,) = captured.outputs
    assert set(output.data) == {"text/markdown", "text/plain"}
    code = output.data["text/plain"]
    assert output.data["text/markdown"] == f"```python\n{code}\n```"
    assert code == f"{source_of(halved)}\n\n{source_of(Pair.sum)}"


def test_chapters_print_sources_through_the_one_helper():
    users = []
    for name in notebooks.names():
        cells = notebooks.read_manuscript(name)[0].cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        assert "getsource" not in code, name
        users += [name] if "show_source(" in code else []
    assert len(users) > 5
