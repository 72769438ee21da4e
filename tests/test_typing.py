"""Everything that users can call says what it takes and what it gives; `make test` runs mypy."""

import importlib
import inspect
import pkgutil

import pytest

import dropcheck
import dropoutlib
from dropcheck import conformance


def public_modules():
    """Front doors of the library and of the checks, and the public modules behind them."""
    yield dropoutlib.__name__
    yield dropcheck.__name__
    yield conformance.__name__
    for found in pkgutil.iter_modules(dropoutlib.__path__, "dropoutlib."):
        if not found.name.startswith("dropoutlib._"):
            module = importlib.import_module(found.name)
            yield found.name
            for name in module.__all__:
                if inspect.ismodule(inner := getattr(module, name)):
                    yield inner.__name__


def missing(function, name):
    """What a signature leaves unsaid, as one line each; a method's own object needs no type."""
    found = inspect.signature(function)
    for parameter in found.parameters.values():
        if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls"):
            yield f"{name}: {parameter.name}"
    if found.return_annotation is found.empty and not name.endswith(".__init__"):
        yield f"{name}: what it returns"


def callables(item, name):
    """The functions behind a public name: itself, or what its class defines for all to call."""
    if inspect.isclass(item):
        for attribute, value in vars(item).items():
            value = value.fget if isinstance(value, property) else inspect.unwrap(value)
            value = getattr(value, "__func__", value)  # of a static or a class method
            ours = inspect.isfunction(value) and value.__module__.startswith(
                ("dropcheck", "dropoutlib")
            )
            if ours and (not attribute.startswith("_") or attribute in ("__init__", "__call__")):
                yield value, f"{name}.{attribute}"
    elif inspect.isfunction(inspect.unwrap(item)):
        yield item, name


def unsaid(module):
    """Everything that the public names of a module leave unsaid."""
    for name in module.__all__:
        for function, where in callables(getattr(module, name), name):
            yield from missing(function, where)


@pytest.mark.parametrize("name", list(public_modules()))
def test_public_signatures_are_complete(name):
    assert list(unsaid(importlib.import_module(name))) == []


def test_what_is_unsaid_is_noticed():
    class Half:
        def __init__(self, p):
            self.p = p

        @property
        def kept(self) -> float:
            return 1 - self.p

        @staticmethod
        def draw(n: int, *sizes):
            return n, sizes

        def _private(self, x):
            return x

    module = type(dropoutlib)("small")
    module.__all__, module.Half = ["Half"], Half
    for function in (Half.__init__, Half.draw, Half.kept.fget):
        function.__module__ = "dropoutlib.small"
    assert list(unsaid(module)) == [
        "Half.__init__: p",
        "Half.draw: sizes",
        "Half.draw: what it returns",
    ]
