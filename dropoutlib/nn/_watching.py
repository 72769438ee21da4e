"""A call of a model that is watched: what draws random numbers in it, and where."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from dropoutlib._modules import shadow

from .calls import FUNCTIONS

# Kinds of layers that give something else than they drop.
INSIDE = ("attention", "connect", "recurrent")


class Draw(NamedTuple):
    """Random numbers that a call drew: by which operator, in which module, and which they were."""

    operator: str
    module: nn.Module
    values: tuple[torch.Tensor, ...]

    def equal(self, other: Draw) -> bool:
        """Whether another call drew the same numbers."""
        pairs = [*zip(self.values, other.values, strict=False)]
        alike = self.operator == other.operator and all(a.shape == b.shape for a, b in pairs)
        return alike and all(a.equal(b) for a, b in pairs)


class Call:
    """A call of a twin of a model, in which generators of layers are copies, too.

    Attributes
    ----------
    draws : list of Draw
        All that the last pass drew.
    drew : dict
        From each module of the twin to the number of draws in its calls; None if it has none.
    inputs : dict
        From each module that was called to the arguments by position of its last call.
    dropped : list of tuple
        What layers and functions of dropout gave: module, tensor and the tensor's version.
    """

    def __init__(self, model, found, args, kwargs):
        self.twins = shadow(model)
        self.twin, self.given = self.twins[model], (args, kwargs)
        self.names = {twin: name for name, twin in self.twin.named_modules()}
        calls = (one for one in found if one.reach in ("call", "either"))
        self.layers = {self.twins[one.module] for one in calls if one.kind not in INSIDE}
        own = {}
        for module in self.names:
            for name, value in vars(module).items():
                if isinstance(value, torch.Generator):
                    own.setdefault(value, _copied(value))
                    vars(module)[name] = own[value]
            if not isinstance(module, torch.jit.ScriptModule):
                module.register_forward_pre_hook(self._enter, prepend=True)
                module.register_forward_hook(self._leave, always_call=True)

    def run(self):
        """The output of one pass, after which all that the pass noted is here."""
        self.stack, self.draws, self.dropped = [], [], []
        self.drew, self.inputs = dict.fromkeys(self.names), {}
        args, kwargs = tree_map_only(torch.Tensor, torch.clone, self.given)
        # In evaluation mode a mode for functions would keep attention from its fused path.
        functions = _Functions(self) if self.twin.training else contextlib.nullcontext()
        with Draws(self), functions:
            return self.twin(*args, **kwargs)

    @property
    def module(self):
        """The module whose forward pass is under way."""
        return self.stack[-1][0] if self.stack else self.twin

    def _enter(self, module, args):
        self.stack.append((module, len(self.draws)))
        self.inputs[module] = args

    def _leave(self, module, args, output):
        _, before = self.stack.pop()
        drawn = len(self.draws) - before
        self.drew[module] = (self.drew[module] or 0) + drawn
        if drawn and module in self.layers:
            self.drop(module, output)

    def drop(self, module, output):
        """Note what a layer or a function of dropout gives."""
        if isinstance(output, torch.Tensor):
            self.dropped.append((module, output, output._version))


class _Functions(TorchFunctionMode):
    """Notes what functions of dropout give."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def __torch_function__(self, function, types, args=(), kwargs=None):
        before, name = len(self.call.draws), getattr(function, "__name__", "")
        result = function(*args, **(kwargs or {}))
        drew = len(self.call.draws) > before
        if drew and name in FUNCTIONS and "attention" not in name and "connect" not in name:
            self.call.drop(self.call.module, result)
        return result


class Draws(TorchDispatchMode):
    """Notes each operator that draws random numbers."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        result = operator(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in operator.tags and _draws(operator, args, kwargs):
            values = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
            # What is drawn in place is also scaled in place.
            self.call.draws.append(
                Draw(str(operator), self.call.module, tuple(map(torch.clone, values)))
            )
        return result


def _draws(operator, args, kwargs):
    """Whether a call of an operator that can draw does."""
    names = (argument.name for argument in operator._schema.arguments)
    given = {argument.name: argument.default_value for argument in operator._schema.arguments}
    given |= dict(zip(names, args, strict=False)) | (kwargs or {})
    training = given.get("train", given.get("training", True))
    return given.get("dropout_p", 1) != 0 and training is not False


def _copied(generator):
    """A generator in the same state."""
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    return copy
