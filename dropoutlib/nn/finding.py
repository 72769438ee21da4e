"""What drops in a model: one notion of "a dropout layer and its p" for all of the library."""

import functools
import numbers
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import nn

from . import calls

__all__ = ["Found", "Modes", "find", "modes"]

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


class Found(NamedTuple):
    """Something in a model that drops, or would with another p.

    Parameters
    ----------
    name : str
        Dotted name of `module` in the model, empty for the model itself.
    module : Module
        The module that has the probability, or calls the function.
    kind : str
        What is dropped: element, channel, path, block, alpha, feature alpha, gaussian, connect,
        concrete, sequence, attention, recurrent; functional for single entries by a function call;
        unknown.
    p : float or None
        The probability of dropping, None if it cannot be known without running the model.
    attribute : str or None
        Where `module` holds `p`, such as ``p``, ``dropout``, ``config.dropout``; None if it cannot
        be set, since it is a constant in the code, or a scripted module.
    reach : str
        ``"call"``: `module` drops when it is called, in its own training mode. ``"read"``: its
        `p` is read by `owner` and it is never called; ``"either"``: the code has both.
        ``"function"``: `owner` calls a function that drops.
    owner : Module
        The module whose mode decides.
    place : str
        File and line of the call or the reading, empty if `reach` is ``"call"``.
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
        """The object that has `p` as an attribute, and the attribute's name.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.attribute is None:
            raise ValueError(f"there is no attribute to set p by: {self}")
        *path, last = self.attribute.split(".")
        return _at(self.module, path), last

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
    """Which modules have dropout on when they alone are in training mode, and what stays off."""

    training: set[nn.Module]
    off: list[Found]


def find(model: nn.Module) -> list[Found]:
    """All that drops in a model, in the order of ``modules()``, each layer once.

    Layers are known by their class: those of torch, of this library and what derives from them.
    For all others the code of the forward pass is read, not run: it tells dropout that is called
    as a function, and layers whose p is read but which are not called. A module without children
    and parameters whose code draws random numbers is a layer, such as those of timm and
    torchvision.

    Parameters
    ----------
    model : Module
        The model, in any mode; it is neither run nor changed.

    Returns
    -------
    list of Found

    Raises
    ------
    TypeError
        If `model` is not a Module.

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
    found, read = [], {}
    for name, module in model.named_modules():
        scripted = isinstance(module, torch.jit.ScriptModule)
        kind = KINDS.get(module.original_name) if scripted else _kind(type(module))
        if kind:
            found += _layer(name, module, kind, scripted)
        elif scripted:
            found += _scripted(name, module)
        elif isinstance(module, torch.fx.GraphModule):
            uses = calls.read_graph(module.graph)
            found += _functional(name, module, calls.Code(uses))
        elif type(module).__module__.partition(".")[0] != "torch" or "forward" in vars(module):
            code = calls.read(module)
            found += _functional(name, module, code)
            for use in code.reads:
                for path in use.paths:
                    read.setdefault(_at(module, path.split(".")[:-1]), (module, path, use, code))
    return [_seen(one, *read[one.module]) if one.module in read else one for one in found]


def modes(model: nn.Module, also: Iterable[nn.Module | type] = ()) -> Modes:
    """The modules that are to be in training mode so that dropout alone is on.

    Parameters
    ----------
    model : Module
        The model.
    also : iterable of Module or of type
        What else shall be in training mode, without its children.

    Returns
    -------
    Modes
        The set of modules, and what is known to drop and stays off, since the mode of the module
        that calls it may decide more than that: it is to be named in `also`.

    Examples
    --------
    >>> modes(nn.Sequential(nn.Linear(2, 2), nn.Dropout())).training
    {Dropout(p=0.5, inplace=False)}
    """
    also = tuple(also)
    types = tuple(kind for kind in also if isinstance(kind, type))
    asked = {m for m in model.modules() if isinstance(m, types) or any(m is one for one in also)}
    found = find(model)
    on = {one.module for one in found if one.reach in ("call", "either")}
    off = [one for one in found if one.reach != "call" and one.owner not in asked and one.p != 0]
    return Modes(on | asked, off)


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
    p = _number(getattr(module, attribute, None))
    return [Found(name, module, kind, p, None if scripted else attribute, "call", module)]


def _functional(name, module, code):
    """What a module of unknown class drops in its own forward pass."""
    bare = not (module._modules or module._parameters or isinstance(module, torch.fx.GraphModule))
    given = []
    held = [(path, _at(module, path.split("."))) for path in code.called]
    for use in (*code.uses, *(use for path, value in held for use in calls.held(path, value))):
        reads = [path for path in use.paths if path[-2:] == ".p"]
        if any(isinstance(_at(module, path.split(".")[:-1]), nn.Module) for path in reads):
            continue  # found as the layer that is read
        rates = [path for path in use.paths if _number(_at(module, path.split("."))) is not None]
        rates.sort(key=lambda path: not calls.is_rate(path.split(".")[-1]))
        path = rates[0] if rates else None
        p = _number(_at(module, path.split("."))) if path else use.p
        kind = _named(use.function, bare, type(module).__name__)
        given.append(Found(name, module, kind, p, path, "function", module, use.place))
    known = {one.attribute for one in given}
    if code.noise and ("training" in code.attributes or bare):
        p, path = _rate(module, code, known)
        kind = _named("", bare, type(module).__name__)
        guess = not (bare and "training" in code.attributes)
        given.append(Found(name, module, kind, p, path, "function", module, code.noise, guess))
    if bare and not given and "drop" in type(module).__name__.lower():
        p, path = _rate(module, code, known)
        given.append(Found(name, module, "unknown", p, path, "call", module, guessed=True))
    unique = {one.attribute or one.place: one for one in reversed(given)}
    given = [one for one in given if one is unique[one.attribute or one.place]]
    return [one._replace(reach="call", place="") for one in given] if bare else given


def _rate(module, code, known):
    """Value and name of the attribute that looks like a drop probability, or None twice."""
    for path in (*code.attributes, *vars(module)):
        p = _number(_at(module, path.split(".")))
        if calls.is_rate(path.split(".")[-1]) and p is not None and path not in known:
            return p, path
    return None, None


def _named(function, bare, kind):
    """Kind of dropout by a function, whose name or whose class tells."""
    names = f"{function} {kind}".lower()
    if "attention" in function or function == "a call":
        return "attention"
    if not bare and function.startswith("dropout"):
        return "functional"
    for part, known in (("path", "path"), ("depth", "path"), ("block", "block")):
        if part in names:
            return known
    kinds = {"dropout": "element", "alpha_dropout": "alpha", "drop_path": "path"}
    return kinds.get(function, "channel" if function[:-2] == "dropout" else "unknown")


def _seen(found, owner, path, use, code):
    """A layer whose p is read by the code of another."""
    reach = "either" if path.removesuffix(".p") in code.called else "read"
    return found._replace(reach=reach, owner=owner, place=use.place)


def _scripted(name, module):
    """Functions that drop in the code of a scripted module, which tells no more than that."""
    lines = str(module.graph).splitlines() if hasattr(module, "graph") else []
    drops = re.compile(r"(name=\"|aten::)(feature_)?(alpha_)?(dropout|scaled_dot_product)")
    return [
        Found(name, module, "functional", None, None, "function", module, "its scripted code")
        for line in lines
        if drops.search(line)
    ]


def _at(module: Any, path):
    """The value at the end of a path of attributes, or None."""
    for name in path:
        module = getattr(module, name, None)
    return module


def _number(value):
    """A probability as a float, or None if it is no number."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return float(value) if real else None
