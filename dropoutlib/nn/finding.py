"""What drops in a model: one notion of "a dropout layer and its p" for all of the library."""

from __future__ import annotations

import functools
import numbers
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import nn

from .._modules import is_changed
from . import calls

# By the name of the class, which scripted modules keep, of torch's layers and of ours.
KINDS = {
    **dict.fromkeys(("Dropout", "StandardDropout"), "element"),
    **dict.fromkeys(("Dropout1d", "Dropout2d", "Dropout3d"), "channel"),
    **{"GaussianDropout": "gaussian", "AlphaDropout": "alpha"},
    **{"FeatureAlphaDropout": "feature alpha", "DropPath": "path", "DropBlock2d": "block"},
    **{"DropConnectLinear": "connect", "ConcreteDropout": "concrete"},
    **{"VariationalDropout": "sequence", "MultiheadAttention": "attention"},
    **{"RNNBase": "recurrent", "_DropoutNd": "unknown"},
}

PARTS = {  # of the names of functions and of other classes
    **{"path": "path", "depth": "path", "block": "block", "alpha": "alpha"},
    **dict.fromkeys(("dropout1d", "dropout2d", "dropout3d"), "channel"),
    "dropout ": "element",
}


class Found(NamedTuple):
    """Something in a model that drops, or would with another p. Its text is a sentence about it.

    Attributes
    ----------
    name, module : str, Module
        The module that has the probability, or calls the function, and its dotted name.
    kind : str
        What is dropped: element, channel, path, block, alpha, feature alpha, gaussian, connect,
        concrete, sequence, attention, recurrent; functional for entries, by a call; unknown.
    p : float or None
        The probability of dropping, of several the largest; None if only a run could tell.
    attribute : str or None
        Where `module` holds `p`, such as ``dropout`` or ``config.dropout``; None if it cannot be
        set, being a constant in the code or part of a scripted module.
    reach : str
        ``"call"``: `module` drops when it is called, in its own training mode. ``"read"``: its
        `p` is read by `owner` and it is never called; ``"either"``: the code has both.
        ``"function"``: `owner` calls a function that drops.
    owner, place : Module, str
        The module whose mode decides, and the line of its code, if that is another's.
    guessed : bool
        Whether it is taken for dropout only since it draws random numbers, or for its name.
    """

    name: str
    module: nn.Module
    kind: str
    p: float | None
    attribute: str | None
    reach: str
    owner: nn.Module
    place: str = ""
    guessed: bool = False

    def holder(self) -> tuple[Any, str]:
        """The object that has `p` as an attribute, and its name; a ValueError if there is none."""
        if self.attribute is None:
            raise ValueError(f"there is no attribute to set p by: {self}")
        *path, last = self.attribute.rsplit(".", 1)
        return _at(self.module, path[0]) if path else self.module, last

    def __str__(self) -> str:
        name = f"{self.name or 'the model itself'} ({type(self.module).__name__})"
        p = "unknown p" if self.p is None else f"p={self.p:.4g}"
        text = f"{name}, {self.kind} dropout with {p}"
        if self.attribute not in (None, "p"):
            text += f" in its attribute {self.attribute}"
        if self.place:
            verb = "called as a function" if self.reach == "function" else "read"
            text += f", {verb} by {type(self.owner).__name__} in {self.place}"
        return text + (" (a guess)" if self.guessed else "")


class Modes(NamedTuple):
    """All that drops, the modules that are to be in training mode for it, and what stays off."""

    training: set[nn.Module]
    off: list[Found]
    found: list[Found]


def find(model: nn.Module) -> list[Found]:
    """All that drops in a model, in the order of ``modules()``, each layer once.

    Layers are known by their class: those of torch, of this library and what derives from them.
    For all others the code of the forward pass is read, not run: it tells dropout that is called
    as a function, and layers whose p is read but which are not called. A module without children
    and parameters whose code draws random numbers is a layer, such as those of timm and
    torchvision.

    The model, in any mode, is neither run nor changed; what is no Module is a TypeError.

    Examples
    --------
    >>> layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1)
    >>> for found in find(nn.Sequential(nn.Dropout(0.5), nn.LSTM(8, 8, 2, dropout=0.2), layer)):
    ...     print(found.name, found.kind, found.p, found.attribute)
    0 element 0.5 p
    1 recurrent 0.2 dropout
    2.self_attn attention 0.1 dropout
    2.dropout element 0.1 p
    2.dropout1 element 0.1 p
    2.dropout2 element 0.1 p
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    found: list[Found] = []
    read: dict[nn.Module, tuple[str, nn.Module, str]] = {}
    for name, module in model.named_modules():
        scripted = isinstance(module, torch.jit.ScriptModule)
        own = is_changed(module) or isinstance(module, torch.fx.GraphModule)
        kind = KINDS.get(module.original_name) if scripted else _kind(module.__class__)
        if kind:
            found += _layer(name, module, kind, scripted)
        elif scripted:
            found += _scripted(name, module)
        elif own or not calls.in_library(type(module)):
            code = calls.read(module)
            found += _functional(name, module, code)
            for use in code.reads:
                for path in use.paths:
                    layer = path.removesuffix(".p")
                    reach = "either" if layer in code.called else "read"
                    read.setdefault(_at(module, layer), (reach, module, use.place))
    for i, one in enumerate(found):
        if one.reach == "call" and one.module in read:
            reach, owner, place = read[one.module]
            found[i] = one._replace(reach=reach, owner=owner, place=place)
    return found


def modes(model: nn.Module, also: nn.Module | type | Iterable[nn.Module | type] = ()) -> Modes:
    """The modules that are to be in training mode so that dropout alone is on.

    What else shall be, without its children, can be named in `also`, by module or by type. It is
    for what is known to drop and stays off otherwise, since the mode of the module that calls it
    may decide more than that.
    """
    also = (also,) if isinstance(also, (type, nn.Module)) else tuple(also)
    types = tuple(kind for kind in also if isinstance(kind, type))
    asked = {m for m in model.modules() if isinstance(m, types) or any(m is one for one in also)}
    for one in also:
        if not (isinstance(one, type) or any(one is module for module in asked)):
            kinds = f"this {type(one).__name__} is no module of {type(model).__name__} and no type"
            raise ValueError(f"also=[...] says what shall be in training mode: {kinds}")
    found = find(model)
    on = {one.module for one in found if one.reach in ("call", "either")}
    off = [one for one in found if one.reach != "call" and one.owner not in asked and one.p != 0]
    return Modes(on | asked, off, found)


@functools.lru_cache(1024)
def _kind(cls):
    """Kind of a layer that is known by its class, or None."""
    for base in cls.__mro__:
        if base.__name__ in KINDS and base.__module__.partition(".")[0] in calls.LIBRARIES:
            return KINDS[base.__name__]
    return None


def _layer(name, module, kind, scripted):
    """A layer known by its class, if it can drop."""
    if kind == "recurrent" and module.num_layers == 1:
        return []  # dropout is between its layers
    attribute = "dropout" if kind in ("attention", "recurrent") else "p"
    p = _number(module, attribute)
    return [Found(name, module, kind, p, None if scripted else attribute, "call", module)]


def _scripted(name, module):
    """Functions that drop in the code of a scripted module, which tells no more than that."""
    drops = re.compile(r"(name=\"|aten::)(feature_)?(alpha_)?(dropout|scaled_dot_product)")
    count = len(drops.findall(str(module.graph))) if hasattr(module, "graph") else 0
    one = Found(name, module, "functional", None, None, "function", module, "its scripted code")
    return [one] * count


def _functional(name, module, code):
    """What a module of unknown class drops in its own forward pass."""
    cls = type(module).__name__
    # A module that holds nothing else is a layer, whose mode decides nothing else.
    bare = not (module._modules or module._parameters or isinstance(module, torch.fx.GraphModule))
    given = {}

    def add(function, p, path, place, guessed=False):
        kind = _named(function, cls, bare)
        reach, place = ("call", "") if bare else ("function", place)
        value = path and _at(module, path)
        single = not (isinstance(value, (list, tuple, dict)) or callable(value))
        own = path if single else None  # a number cannot take the place of a list or function
        one = Found(name, module, kind, p, own, reach, module, place, guessed)
        given.setdefault(path or (place, function, p), one)

    def rate(paths):
        """The attribute that gives p: the first number, rather one that is called like a rate."""
        paths = [path for path in paths if _number(module, path) is not None]
        return min(paths, key=lambda path: not calls.is_rate(path), default=None)

    held = [(path, _at(module, path)) for path in code.called]
    held = [part for part in held if not isinstance(part[1], nn.Module)]
    for use in (*code.uses, *(use for part in held for use in calls.held(*part))):
        values = [_at(module, path) for path in use.paths if calls.is_rate(path)]
        flags = values and all(isinstance(value, (bool, torch.Tensor)) for value in values)
        if flags and use.function not in calls.FUNCTIONS:  # or masks, of a function of others
            continue
        rates = [path.removesuffix(".p") for path in use.paths if calls.is_rate(path)]
        if not any(isinstance(_at(module, path), nn.Module) for path in rates):  # found by itself
            path = rate(use.paths) or next(filter(calls.is_rate, use.paths), None)
            add(use.function, _number(module, path) if path else use.p, path, use.place)
    switched = "training" in code.attributes
    own = [path for path, value in held if path in vars(module) and calls.drops(value)]
    noise = [*code.noise, *(f"its attribute {path}" for path in own)]
    noisy = bool(noise) and (switched or bare)
    if noisy or (bare and not given and "drop" in cls.lower()):
        names = (*code.attributes, *vars(module))
        rates = [name for name in names if calls.is_rate(name) and name not in given]
        some = [name for name in rates if 0 < (_number(module, name) or 0) <= 1]
        path = rate(some or rates)  # 0 is that of noise only where all are 0
        sure = noisy and switched and bare
        add("", _number(module, path), path, "".join(noise[:1]), not sure)
    return [*given.values()]


def _named(function, cls, bare):
    """Kind of dropout by a function, whose name or whose class tells."""
    if "attention" in function:
        return "attention"
    if function.startswith("dropout") and not bare:
        return "functional"
    text = f"{function} {cls}".lower()
    return next((kind for part, kind in PARTS.items() if part in text), "unknown")


def _at(module: Any, path: str) -> Any:
    """The value of an attribute of a module, or of one of its attributes, or None."""
    try:
        return functools.reduce(getattr, path.split("."), module)
    except Exception:  # a property may raise anything
        return None


def _number(module, path):
    """The probability that an attribute is, or the largest of several, or None if it is none."""
    value = None if path is None else _at(module, path)
    if isinstance(value, (list, tuple, dict)):
        value = value.values() if isinstance(value, dict) else value
        value = max((one for one in value if isinstance(one, numbers.Real)), default=None)
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return float(value) if real else None
