"""Dropout that a forward pass calls as a function, read from the code of the pass.

Nothing is run. What is found is what the code may do, whichever branch a call takes; what code
hides, behind names that only its run resolves, is not found.
"""

import ast
import dis
import functools
import inspect
import textwrap
import types
from typing import Any, NamedTuple

__all__ = ["Code", "Use", "held", "is_rate", "read", "read_graph"]

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
RANDOM = {
    *("rand", "rand_like", "randn", "randn_like", "randint", "randint_like", "randperm"),
    *("bernoulli", "bernoulli_", "uniform_", "normal", "normal_", "multinomial", "poisson"),
    *("random_", "exponential_", "geometric_", "cauchy_", "log_normal_", "rsample"),
}
LIBRARIES = ("torch", "dropoutlib")  # whose own functions are known by name


class Use(NamedTuple):
    """A call that may drop.

    `paths` are the attributes of the module that may give p, such as ``dropout`` or ``drop.p``;
    without any, p is the constant, or None if it comes from elsewhere.
    """

    function: str
    paths: tuple[str, ...]
    p: float | None
    place: str


class Code(NamedTuple):
    """What a forward pass does: its uses of dropout, and what it calls, reads and draws."""

    uses: tuple[Use, ...]
    reads: tuple[Use, ...] = ()  # calls, of anything, that are given the p of a layer
    called: frozenset[str] = frozenset()  # attributes that are called
    attributes: tuple[str, ...] = ()  # attributes that are read
    noise: str | None = None  # the place where random numbers are drawn, if they are


def is_rate(name: str) -> bool:
    """Whether an attribute is called as drop probabilities are."""
    return "drop" in name or name in ("p", "prob", "rate")


def read(module: Any) -> Code:
    """What the forward pass of a module does, in the code of its class or of the module itself."""
    own = vars(module).get("forward")
    return _read(type(module), getattr(own, "__func__", own))


def read_graph(graph: Any) -> tuple[Use, ...]:
    """The uses of dropout in a graph of `torch.fx` or of ``torch.export``."""
    uses = []
    for node in graph.nodes:
        schema = getattr(node.target, "_schema", None)
        name = schema.name.partition("::")[2] if schema else getattr(node.target, "__name__", "")
        if node.op == "call_function" and name in FUNCTIONS:
            given = dict(enumerate(node.args)) | node.kwargs
            default = 0.0 if name.startswith("scaled_dot") else 0.5
            p = given.get("p", given.get("dropout_p", given.get(FUNCTIONS[name], default)))
            if p != 0:
                uses.append(Use(name, (), p, f"its graph, node {node.name}"))
    return tuple(uses)


def held(path: str, value: Any) -> list[Use]:
    """The use of dropout that an attribute is, if it is a function, or part of one."""
    function = _plain(value)
    name = getattr(function, "__name__", "")
    if not (callable(value) and name in FUNCTIONS and _library(function)):
        return []
    given = dict(enumerate(getattr(value, "args", ()))) | getattr(value, "keywords", {})
    return [Use(name, (), given.get("p", given.get(FUNCTIONS[name])), f"its attribute {path}")]


@functools.lru_cache(1024)
def _read(kind: type, own: Any) -> Code:
    """Code of `own`, or of the class's forward pass, and of the methods that it calls."""
    waiting, seen, parts = [own or kind.forward], set(), []
    while waiting:
        function = _plain(waiting.pop())
        code = getattr(function, "__code__", None)
        if code is None or code in seen or _library(function):
            continue
        seen.add(code)
        parts.append(_Reader(function))
        for name in parts[-1].methods:
            waiting += [vars(base)[name] for base in kind.__mro__ if name in vars(base)]
        cells = (cell.cell_contents for cell in function.__closure__ or () if _filled(cell))
        waiting += [value for value in cells if isinstance(value, types.FunctionType)]
    return Code(
        tuple(use for part in parts for use in part.uses),
        tuple(use for part in parts for use in part.reads),
        frozenset(name for part in parts for name in part.methods),
        tuple(dict.fromkeys(name for part in parts for name in part.attributes)),
        next((part.noise for part in parts if part.noise), None),
    )


def _plain(function: Any) -> Any:
    """The function behind wrappers, among them those of ``torch.compile``."""
    while True:
        inner = getattr(function, "_torchdynamo_orig_callable", None)
        inner = inner or getattr(function, "__wrapped__", None) or getattr(function, "func", None)
        inner = inner or getattr(function, "__func__", None)
        if inner is None:
            return function
        function = inner


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _library(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").partition(".")[0] in LIBRARIES


def _names(function: Any) -> set[str]:
    """The names that a function's bytecode mentions."""
    codes, names = [function.__code__], set()
    for code in codes:
        names.update(code.co_names)
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return names


def _drops(function: Any, depth: int = 3) -> bool:
    """Whether a function of Python draws random numbers or drops, or one that it calls does."""
    if not isinstance(function, types.FunctionType) or _library(function):
        return False
    names = _names(function)
    if names & (RANDOM | FUNCTIONS.keys()):
        return True
    inner = (_plain(function.__globals__.get(name)) for name in names)
    return depth > 0 and any(_drops(other, depth - 1) for other in inner)


class _Reader(ast.NodeVisitor):
    """Reads one function."""

    def __init__(self, function: types.FunctionType):
        self.function = function
        self.uses, self.reads, self.methods, self.attributes = [], [], [], []
        self.noise = None
        self.values = {}  # local variable -> what is assigned to it
        self.me = next(iter(inspect.signature(function).parameters), "self")
        code = function.__code__
        self.file, self.start = code.co_filename, code.co_firstlineno
        self.known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        try:
            lines, self.start = inspect.getsourcelines(function)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, SyntaxError, TypeError):  # typed at a prompt, or part of a longer line
            self._by_names()
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.values.setdefault(node.targets[0].id, []).append(node.value)
        self.visit(tree)

    def _by_names(self):
        for step in dis.get_instructions(self.function):
            if step.argval in FUNCTIONS:
                self.uses.append(Use(step.argval, (), None, f"{self.file}:{self.start}"))
        names = _names(self.function)
        self.attributes += sorted(names)
        if names & RANDOM:
            self.noise = f"{self.file}:{self.start}"

    def visit_Attribute(self, node):
        path = self._path(node)
        if path:
            self.attributes.append(path)
        self.generic_visit(node)

    def visit_Call(self, node):
        chain = _chain(node.func)
        place = f"{self.file}:{self.start + node.lineno - 1}"
        given = [*node.args, *(word.value for word in node.keywords)]
        if chain[:1] == [self.me] and len(chain) > 1:
            self.methods.append(".".join(chain[1:]))
        elif isinstance(node.func, ast.Attribute) and _is_super(node.func.value):
            self.methods.append(node.func.attr)
        else:
            self._function(node, chain, place, given)
        read = tuple(path for value in given for path in self._paths(value) if path[-2:] == ".p")
        if read:
            self.reads.append(Use(".".join(chain) or "a call", read, None, place))
        self.generic_visit(node)

    def _function(self, node, chain, place, given):
        """A call of what is no attribute of the module."""
        name = next((part for part in reversed(chain) if part != "default"), "")
        if not chain and isinstance(node.func, ast.Attribute):
            name = node.func.attr  # a method of what an expression gives
        target = self._resolve(chain)
        if chain and name in FUNCTIONS and self._is_library(chain, target):
            value = self._argument(node, FUNCTIONS[name], {"p", *ARGUMENTS})
            if value is not None:
                self._use(name, [value], place)
            elif not name.startswith("scaled_dot"):
                self.uses.append(Use(name, (), 0.5, place))  # the default of all others
            return
        if name in RANDOM:
            self.noise = self.noise or place
            return
        value = self._argument(node, None, ARGUMENTS)
        if value is not None:
            if not isinstance(value, ast.Constant) and self._paths(value):
                self._use(name or "a call", [value], place)
            return
        if not _drops(_plain(target)):
            return
        switched = any("training" in self._paths(value) for value in given)
        rates = [p for value in given for p in self._paths(value) if is_rate(p.split(".")[-1])]
        if switched or rates:
            self._use(name, given, place)
        else:
            self.noise = self.noise or place

    def _use(self, name, values, place):
        """Note a call by what its p may come from."""
        paths = tuple(path for value in values for path in self._paths(value) if path != "training")
        p = None
        if len(values) == 1 and not paths:
            numbers = [part.value for part in ast.walk(values[0]) if isinstance(part, ast.Constant)]
            p = max((value for value in numbers if type(value) in (int, float)), default=None)
        if p != 0:
            self.uses.append(Use(name, paths, p, place))

    def _argument(self, node, position, names):
        for word in node.keywords:
            if word.arg in names:
                return word.value
        if position is not None and position < len(node.args):
            return node.args[position]
        return None

    def _paths(self, value, depth=2):
        """Attributes of the module that a value is made from, without those it is compared with."""
        path = self._path(value)
        if path:
            return [path]
        if isinstance(value, ast.Name) and depth:
            parts = self.values.get(value.id, [])
            return [path for part in parts for path in self._paths(part, depth - 1)]
        if isinstance(value, ast.Compare):
            return []
        parts = ast.iter_child_nodes(value)
        return [path for part in parts for path in self._paths(part, depth)]

    def _path(self, node):
        chain = _chain(node)
        return ".".join(chain[1:]) if len(chain) > 1 and chain[0] == self.me else ""

    def _is_library(self, chain, target):
        root = self.known.get(chain[0])
        if root is None:  # imported in the function, or one of its variables
            return chain[0] in ("F", "functional", "nn", "torch")
        return _library(target) or getattr(root, "__name__", "").partition(".")[0] in LIBRARIES

    def _resolve(self, chain):
        """The object that a chain of names stands for outside of the function, or None."""
        if not chain:
            return None
        value = self.known.get(chain[0])
        for name in chain[1:]:
            value = getattr(value, name, None)
        return value


def _chain(node):
    """The names of ``a.b.c``, or none if it is anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _is_super(node):
    return isinstance(node, ast.Call) and _chain(node.func) == ["super"]
