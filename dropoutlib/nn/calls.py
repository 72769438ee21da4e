"""Dropout that a forward pass calls as a function, read from the code of the pass.

Nothing is run. What is found is what the code may do, whichever branch a call takes; what hides
behind names that only a run resolves is not found.
"""

from __future__ import annotations

import ast
import collections
import functools
import gc
import inspect
import random
import re
import textwrap
import types
from typing import Any, NamedTuple

import numpy as np

# Functions of torch and of this library that drop, and the position of p in a call.
FUNCTIONS = {
    **dict.fromkeys(("dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d"), 1),
    **dict.fromkeys(("alpha_dropout", "alpha_dropout_", "feature_alpha_dropout"), 1),
    **dict.fromkeys(("feature_alpha_dropout_", "feature_dropout", "feature_dropout_"), 1),
    **dict.fromkeys(("native_dropout", "standard_dropout", "gaussian_dropout"), 1),
    **dict.fromkeys(("variational_dropout", "concrete_dropout", "drop_path", "drop_block2d"), 1),
    **{"dropconnect_linear": 3, "scaled_dot_product_attention": 4},
    "multi_head_attention_forward": 10,
}
# Arguments of other functions, such as those that compute attention, that are a drop probability.
ARGUMENTS = {"dropout", "dropout_p", "dropout_prob", "dropout_rate", "drop_prob", "drop_rate"}
_NAMED = re.compile(f"(^|_)({'|'.join(ARGUMENTS)})$")  # such as attention_dropout
RANDOM = {
    *("rand", "rand_like", "randn", "randn_like", "randint", "randint_like", "randperm"),
    *("bernoulli", "bernoulli_", "uniform_", "normal", "normal_", "multinomial", "poisson"),
    *("random_", "exponential_", "geometric_", "cauchy_", "log_normal_", "rsample"),
    *("random", "uniform"),  # of Python and NumPy
}
LIBRARIES = ("torch", "dropoutlib")  # whose own functions are known by name


class Use(NamedTuple):
    """A call that may drop, or is given the p of a layer.

    `paths` are the attributes of the module that may give p, such as ``dropout`` or ``drop.p``;
    without any, p is the constant in the code, or None if it comes from elsewhere.
    """

    function: str
    paths: tuple[str, ...]
    p: float | None
    place: str


class Code(NamedTuple):
    """What a forward pass does, in the order of its code."""

    uses: list[Use]
    reads: list[Use]  # calls, of anything, that are given the p of a layer
    called: list[str]  # attributes that are called
    attributes: list[str]  # attributes that are read
    noise: list[str]  # places where random numbers are drawn


def is_rate(path: str) -> bool:
    """Whether an attribute is called as drop probabilities are."""
    name = path.rpartition(".")[2]
    return "drop" in name or name in ("p", "prob", "rate")


def in_library(thing: Any) -> bool:
    """Whether a class or function is torch's or this library's."""
    return (getattr(thing, "__module__", None) or "").partition(".")[0] in LIBRARIES


def probability(name: str, args: Any, kwargs: Any) -> Any:
    """The drop probability that a call of one of `FUNCTIONS` is given, or has by default."""
    given = dict(enumerate(args)) | kwargs
    default = 0.0 if name.startswith("scaled_dot") else 0.5
    names = ("p", "dropout_p", "drop_prob", FUNCTIONS[name])
    return next((given[key] for key in names if key in given), default)


def read(module: Any) -> Code:
    """What the forward pass of a module does, in the code of its class, or of its own and hooks."""
    own = [vars(module)["forward"]] if "forward" in vars(module) else []
    own += [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
    return _read(type(module), own) if own else _read_class(module.__class__)


def held(path: str, value: Any) -> list[Use]:
    """The use of dropout that the attribute `path` is, if it is a function that drops."""
    function = _plain(value)
    name = getattr(function, "__name__", "")
    if name not in FUNCTIONS or not in_library(function):
        return []
    p = probability(name, getattr(value, "args", ()), getattr(value, "keywords", {}))
    return [Use(name, (), p, f"its attribute {path}")]


@functools.lru_cache(256)
def _read_class(kind):
    return _read(kind, [])


def _read(kind, own):
    """Code of the functions given and of the class's forward pass, and of methods they call."""
    code, seen, waiting = Code([], [], [], [], []), set(), [kind.forward, *own]
    while waiting:
        function = _plain(waiting.pop())
        if function in seen or type(function) is not types.FunctionType or in_library(function):
            continue
        seen.add(function)
        _Reader(function, code).read()
        for cls in kind.__mro__:  # all, since one may call that of the next
            waiting += [vars(cls)[name] for name in code.called if name in vars(cls)]
        waiting += _closure(function).values()
    return code


def _plain(function):
    """The function behind methods and wrappers, among them those of ``torch.compile``."""
    names = ("_torchdynamo_orig_callable", "__wrapped__", "func", "__func__")
    for _ in range(9):  # what has every attribute, as a mock does, never comes to an end
        inner = next(filter(callable, (getattr(function, name, None) for name in names)), None)
        if inner is None:
            break
        function = inner
    return function


def _closure(function):
    """The functions and modules that a function has from the function around it."""
    kinds = (types.FunctionType, types.ModuleType)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    held = {name: gc.get_referents(cell) for name, cell in cells}  # none if it is still empty
    return {name: value[0] for name, value in held.items() if value and type(value[0]) in kinds}


def drops(function, depth=3):
    """Whether a function of Python draws random numbers or drops, or one that it calls does."""
    function = _plain(function)
    if type(function) is not types.FunctionType or in_library(function):
        return False
    names = _names(function.__code__)
    inner = [function.__globals__.get(name) for name in names]
    if not any(map(_is_source, inner)):  # so that these are attributes of anything
        names -= {"random", "uniform"}
    drawn = names & (RANDOM | FUNCTIONS.keys())
    return bool(drawn) or (depth > 0 and any(drops(other, depth - 1) for other in inner))


def _is_source(thing):
    """Whether it is a module, generator or function of Python or NumPy that draws."""
    kinds = (random.Random, np.random.Generator, np.random.RandomState)
    known = any(thing is module for module in (random, np, np.random))
    return known or isinstance(getattr(thing, "__self__", thing), kinds)


def _names(code):
    """The names that bytecode mentions, in functions inside, too."""
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


class _Reader:
    """Reads one function."""

    def __init__(self, function, code):
        self.function, self.code = function, code
        self.closure = _closure(function)
        self.known = collections.ChainMap(self.closure, function.__globals__)
        self.me = next(iter(function.__code__.co_varnames), "self")
        self.values = {}  # local variable -> what is assigned to it

    def read(self):
        """Note all that the function does."""
        file = self.function.__code__.co_filename
        try:
            lines, start = inspect.getsourcelines(self.function)
            nodes = [*ast.walk(ast.parse(textwrap.dedent("".join(lines))))]
        except (OSError, SyntaxError, TypeError):  # typed at a prompt, or part of a longer line
            names = _names(self.function.__code__)
            place = f"{file}:{self.function.__code__.co_firstlineno}"
            self.code.uses.extend(Use(name, (), None, place) for name in names & FUNCTIONS.keys())
            self.code.attributes.extend(sorted(names))
            self.code.noise.extend([place] * bool(names & RANDOM))
            return
        for node in nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                for target in getattr(node, "targets", None) or [node.target]:
                    if isinstance(target, ast.Name) and node.value is not None:
                        self.values.setdefault(target.id, []).append(node.value)
        self.code.attributes.extend(path for node in nodes if (path := self._path(node)))
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            self._call(node, f"{file}:{start + node.lineno - 1}")

    def _call(self, node, place):
        chain, code = _chain(node.func), self.code
        given = [*node.args, *(word.value for word in node.keywords)]
        read = tuple(path for value in given for path in self._paths(value) if path[-2:] == ".p")
        if read:
            code.reads.append(Use(".".join(chain), read, None, place))
        if chain[:1] == [self.me]:
            code.called.append(".".join(chain[1:]))
            return
        owner = getattr(getattr(node.func, "value", None), "func", None)
        if _chain(owner) == ["super"]:
            code.called.append(node.func.attr)
            return
        if len(chain) == 1 and chain[0] in self.closure:
            return  # it is read by itself
        method = getattr(node.func, "attr", ""), None, False  # of what an expression gives
        name, target, known = self._resolve(chain) if chain else method
        if known and name in FUNCTIONS:
            values = self._argument(node, FUNCTIONS[name])
            if values or not name.startswith("scaled_dot"):  # the one that does not drop by itself
                self._use(name, values, place)
            return
        values = [word.value for word in node.keywords if self._is_given(word)]
        rates = [value for value in given if any(map(is_rate, self._paths(value)))]
        if name in RANDOM:
            code.noise.append(place)
        elif values:
            self._each(name or "attention", values, place)
        elif drops(target):
            if rates:
                self._each(name, rates, place)
            elif any("training" in self._paths(value) for value in given):
                self._use(name, given, place)
            else:
                code.noise.append(place)

    def _each(self, name, values, place):
        """Note a call that is given several probabilities, as of attention and of what it gives."""
        for value in values:
            self._use(name, [value], place)

    def _use(self, name, values, place):
        """Note a call by what its p may come from; 0.5 is the default of torch's functions."""
        paths = tuple(path for value in values for path in self._paths(value) if path != "training")
        p = None if values else 0.5
        if len(values) == 1 and not paths:
            numbers = [getattr(part, "value", None) for part in ast.walk(values[0])]
            p = max((value for value in numbers if type(value) in (int, float)), default=None)
        if p != 0:
            self.code.uses.append(Use(name, paths, p, place))

    def _is_given(self, word):
        """Whether a keyword, of any function, is given a drop probability from the module."""
        paths = self._paths(word.value)
        named = _NAMED.search(word.arg or "") and any(map(is_rate, paths))
        return bool(paths) if word.arg in ARGUMENTS else bool(named)

    def _argument(self, node, position):
        """The argument of a call that is called like p or has this position, in a list."""
        named = [word.value for word in node.keywords if word.arg in {"p", *ARGUMENTS}]
        return named or node.args[position : position + 1]

    def _paths(self, value, depth=2):
        """Attributes of the module that a value is made from, without those it is compared with."""
        path = self._path(value)
        if path or isinstance(value, ast.Compare):
            return [path] if path else []
        parts = ast.iter_child_nodes(value)
        if isinstance(value, ast.Name):
            parts, depth = self.values.get(value.id, []) if depth else [], depth - 1
        return [path for part in parts for path in self._paths(part, depth)]

    def _path(self, node):
        chain = _chain(node)
        return ".".join(chain[1:]) if chain[:1] == [self.me] else ""

    def _resolve(self, chain):
        """Name and object of a function that is called, and whether it is a library's."""
        if len(chain) == 1 and len(self.values.get(chain[0], [])) == 1:
            chain = _chain(self.values[chain[0]][0]) or chain
        name = next((part for part in reversed(chain) if part != "default"), "")
        root = target = self.known.get(chain[0])
        if root is None:  # imported in the function, or one of its variables
            return name, None, chain[0] in ("F", "functional", "nn", "torch")
        for part in chain[1:]:
            target = getattr(target, part, None)
        module = isinstance(root, types.ModuleType) and root.__name__.partition(".")[0]
        own = in_library(target) and hasattr(target, "__name__")  # which no object of a class has
        if own and name not in FUNCTIONS:  # imported under another name
            name = target.__name__
        return name, _plain(target), own or module in LIBRARIES


def _chain(node):
    """The names of ``a.b.c``, or none if it is anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []
