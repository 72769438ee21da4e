"""Print the library's own source in a chapter, so that a reader sees the code that ran.

What is printed is part of a cell's stored output: when the library changes, the notebook is stale.
"""

import ast
import inspect
import textwrap

from IPython.display import display

__all__ = ["show_source", "source_of"]


def show_source(*objects, docstrings=False, checks=False):
    """Show the source of functions, methods, properties or classes as coloured code.

    It is one display of two forms: Markdown, which the pages and JupyterLab colour as they colour
    the cells, light or dark, and the plain text for everything else.

    Parameters
    ----------
    *objects : function, method, property or class
        What to show, in this order.
    docstrings, checks : bool
        Whether to keep them, see `source_of`.
    """
    code = "\n\n".join(source_of(o, docstrings=docstrings, checks=checks) for o in objects)
    display({"text/markdown": f"```python\n{code}\n```", "text/plain": code}, raw=True)


def source_of(item, *, docstrings=False, checks=False):
    """Return the source of `item`, from the margin.

    Parameters
    ----------
    item : function, method, property or class
    docstrings : bool
        Whether to keep docstrings, which the text around says better.
    checks : bool
        Whether to keep the checks of arguments: statements ``if …: raise …`` and the comments
        right above them.

    Raises
    ------
    TypeError, OSError
        As `inspect.getsource`, for what has no source in Python.
    """
    item = item.fget if isinstance(item, property) else inspect.unwrap(item)
    source = textwrap.dedent(inspect.getsource(item)).rstrip()
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        body = node.body if isinstance(node, ast.stmt) and hasattr(node, "body") else []
        rest = body if docstrings else body[_has_docstring(node) :]
        if not checks:
            rest = [statement for statement in rest if not _is_check(statement)] or rest
        for statement in body:
            if rest and statement not in rest:  # what has nothing else keeps what it has
                _blank(lines, statement)
    return "\n".join(_without_gaps(lines))


def _has_docstring(node):
    owner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return owner and ast.get_docstring(node) is not None


def _is_check(statement):
    return (
        isinstance(statement, ast.If)
        and not statement.orelse
        and all(isinstance(inner, ast.Raise) for inner in statement.body)
    )


def _blank(lines, statement):
    """Mark the lines of a statement, the comment above it and the empty line after it as None."""
    start, end = statement.lineno - 1, statement.end_lineno
    while _is_check(statement) and (lines[start - 1] or "").lstrip().startswith("#"):
        start -= 1
    if end < len(lines) and not lines[end].strip():
        end += 1
    lines[start:end] = [None] * (end - start)


def _without_gaps(lines):
    """Leave out what is marked, and empty lines that then stand twice or at the end."""
    kept = []
    for line in lines:
        if line is not None and (line.strip() or (kept and kept[-1].strip())):
            kept.append(line)
    while not kept[-1].strip():
        kept.pop()
    return kept
