"""Run a cell of a chapter in the page that shows it, where Python is Pyodide in a worker.

What a cell prints, draws and evaluates to goes piece by piece to a function ``emit(kind, text)``
of the page: "text" as it is printed, "image" a PNG in base64, "error" the last line of an error,
and "trace" where it happened. Names of one cell are there for the next, as in a notebook.
"""

import ast
import base64
import importlib
import io
import linecache
import logging
import sys
import traceback
import types
from contextlib import redirect_stderr, redirect_stdout

__all__ = ["judge", "prepare", "run"]

NAMES = {"__name__": "__main__"}
CELL = "<cell {}>"
LONGEST = 100_000  # characters that a cell may print; a page with millions hears no button
_emit = None
_count = 0


class _Printed(io.TextIOBase):
    """A stream whose text goes to the page, up to so much that it can still be stopped."""

    left = LONGEST

    def writable(self):
        return True

    def write(self, text):
        if self.left > 0:
            _emit("text", text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                _emit("text", f"\n… {LONGEST} characters; what follows is not shown.\n")
        return len(text)


def prepare():
    """Do what would otherwise show up in the first cells: their stand-ins, the list of fonts."""
    _provide_display()
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    importlib.import_module("matplotlib.font_manager")


def run(source, emit, names=NAMES):
    """Run a cell and say whether it ended without an error.

    Parameters
    ----------
    source : str
    emit : function of (kind, text)
    names : dict
        What the cell sees and leaves behind.

    Returns
    -------
    bool
    """

    def cell():
        value = _execute(source, names)
        if value is not None:
            print(repr(value))

    return _guarded(cell, emit)


def judge(label, source, emit):
    """Run a reader's answer to an exercise and judge it; True, False, or None without a verdict.

    The answer is the value of the last line, or else what is defined or assigned last.
    """
    verdicts = []

    def answer():
        names = {}
        value = _execute(source, names)
        names.pop("__builtins__", None)
        if value is None and not names:
            raise ValueError("there is no answer yet: define one, for example a function")
        from book import exercises

        given = list(names.values())[-1] if value is None else value
        verdicts.append(exercises.check(label, given))
        print(verdicts[0])

    _guarded(answer, emit)
    return bool(verdicts[0]) if verdicts else None


def _guarded(action, emit):
    """Let an action write to the page and report its error there; whether there was none."""
    global _emit
    _emit = emit
    good, printed = True, _Printed()
    with redirect_stdout(printed), redirect_stderr(printed):
        for step in (action, _draw):  # a figure may fail only where it is drawn
            try:
                step()
            except BaseException as error:  # also KeyboardInterrupt, by which the page stops a cell
                _report(error)
                good = False
    return good


def _execute(source, names):
    """Run all statements; the value of the last one if it is an expression, as a notebook does."""
    global _count
    _count += 1
    file = CELL.format(_count)
    # What a traceback and `inspect.getsource` look up.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    tree = ast.parse(source, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), file, "eval"), names)
    return None if source.rstrip().endswith(";") else value


def _report(error):
    """The last line first; then the lines of the cell and of the library, without our own."""
    lines = traceback.format_exception_only(error)
    _emit("error", lines[-1].strip()[:LONGEST])
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if frame.filename != __file__]
    where = traceback.format_list(frames) + lines[:-1]
    if where:
        _emit("trace", "".join(where))


def _draw():
    """Hand over all open figures and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    try:
        for number in pyplot.get_fignums():
            data = io.BytesIO()
            pyplot.figure(number).savefig(data, format="png", bbox_inches="tight")
            _emit("image", base64.b64encode(data.getvalue()).decode())
    finally:
        pyplot.close("all")  # one that cannot be drawn would fail below the next cell again


def _display(*objects, raw=False):
    """Stand in for IPython's: print, of several forms the plain one."""
    for item in objects:
        print(item["text/plain"] if raw else repr(item))


def _provide_display():
    """Give chapters `IPython.display`, which Pyodide has only with megabytes of IPython."""
    if "IPython" in sys.modules:
        return
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    module.display = _display
    package.display = module
    package.get_ipython = lambda: None  # Matplotlib asks, as this is no IPython
    sys.modules |= {"IPython": package, "IPython.display": module}
