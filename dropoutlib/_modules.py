"""A twin of a model: what is done to its modes, hooks and forward passes is not done to the model.

So these can be changed while other threads use the model, whose parameters the twin may share.
"""

from __future__ import annotations

import collections
import copy
import functools
import random
import types
import weakref
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

ATOMS = {bool, int, float, str, type(None), torch.dtype, torch.device}
# Which a twin shares, or has copies of; the copy of an optimizer is that of the copied parameters.
STATES = (nn.Parameter, torch.Generator, np.random.Generator, random.Random, torch.optim.Optimizer)
EMPTY = {dict, list, collections.OrderedDict}


def shadow(model: nn.Module, *, share: bool = True) -> dict[nn.Module, nn.Module]:
    """Twins of the modules of a model, with its parameters and with copies of its buffers.

    What modules hold goes over as it is, but for what leads back to modules of the model: lists,
    dictionaries, bound methods, partial functions and closures then lead to the twins. The twin
    of a compiled module is that of what it was made from, since compiled code does not see what is
    done to a twin; scripted modules are copied as a whole, parameters included.

    The model is only read, and each twin is of the class and in the mode of its module. With
    `share` they have the parameters, generators and optimizers themselves, else copies, parameters
    without gradients and hooks. A hook or function that has the model as a global variable goes on
    to use the model itself. A ValueError tells of parameters without a shape, since the twin's
    first pass would be the model's.
    """
    twins = _Twins(ATOMS.union(STATES), ()) if share else _Twins(ATOMS, STATES)
    modules = list(model.modules())
    for module in modules:
        if not isinstance(module, torch.jit.ScriptModule):
            twins.put(module, object.__new__(type(module)))
        elif id(module) not in twins.known:
            for part, twin in zip(module.modules(), copy.deepcopy(module).modules(), strict=True):
                twins.put(part, twin)
    for module in reversed(modules):  # what is compiled may be compiled itself
        if "_orig_mod" in module._modules:
            twins.put(module, twins.of(module._modules["_orig_mod"]))
    for module in modules:
        if "_orig_mod" not in module._modules and not isinstance(module, torch.jit.ScriptModule):
            twins.fill(module)
    return {module: twins.of(module) for module in modules}


def switch(module: nn.Module, training: bool) -> None:
    """Set the mode of one module alone, past what its class may make of it."""
    if isinstance(module, torch.jit.ScriptModule):  # whose attributes are not in Python
        module.training = training
    else:
        vars(module)["training"] = training


def is_changed(module: nn.Module) -> bool:
    """Whether a module may do anything, being compiled, or having hooks or a forward of its own."""
    hooks = module._forward_hooks or module._forward_pre_hooks
    return bool(hooks or module._compiled_call_impl or "forward" in vars(module))


class _Twins:
    """What stands for what. Originals are kept, so that none gets the address of another."""

    def __init__(self, atoms, copied):
        self.atoms, self.copied, self.known = atoms, copied, {}

    def put(self, value, twin):
        self.known[id(value)] = (value, twin)
        return twin

    def of(self, value: Any) -> Any:
        """What stands for a value: the value itself, unless it leads to the model."""
        kind = type(value)
        if kind in self.atoms:
            return value
        if id(value) in self.known:
            return self.known[id(value)][1]
        if isinstance(value, self.copied):
            memo = None
            if isinstance(value, torch.optim.Optimizer):  # whose parameters are those of the twins
                for group in value.param_groups:
                    self.container(group["params"], enumerate(group["params"]))
                memo = {key: twin for key, (_, twin) in self.known.items()}
            twin = self.put(value, copy.deepcopy(value, memo))
            if isinstance(value, nn.Parameter):  # which torch copies without its attributes
                vars(twin).update(vars(value))
            return twin
        if kind is types.MethodType:
            owner = self.of(value.__self__)
            return value if owner is value.__self__ else types.MethodType(value.__func__, owner)
        if kind is weakref.ref:
            return weakref.ref(self.of(value())) if id(value()) in self.known else value
        if kind is functools.partial:
            function, args, named = map(self.of, (value.func, value.args, value.keywords))
            return self.put(value, functools.partial(function, *args, **named))
        if kind is types.FunctionType and value.__closure__:
            return self.function(value)
        if kind in (list, tuple):
            return self.container(value, enumerate(value))
        if isinstance(value, dict):
            return self.container(value, [*value.items()])
        return value

    def container(self, value, items):
        """A list, tuple or dictionary, itself if all that it holds stands for itself."""
        self.put(value, value)  # it may hold itself
        parts = {key: part for key, part in items if type(part) not in self.atoms}
        changed = {key: twin for key, part in parts.items() if (twin := self.of(part)) is not part}
        if not changed:
            return value
        if type(value) is tuple:
            return self.put(value, tuple(changed.get(i, part) for i, part in enumerate(value)))
        twin = self.put(value, copy.copy(value))
        for key, part in changed.items():
            twin[key] = part
        return twin

    def function(self, value):
        """A function, whose closure may have the model in it."""
        cells = tuple(types.CellType() for _ in value.__closure__)
        twin = types.FunctionType(
            value.__code__, value.__globals__, value.__name__, value.__defaults__, cells
        )
        vars(twin).update(vars(value))
        twin.__kwdefaults__ = value.__kwdefaults__
        self.put(value, twin)
        same = True
        for cell, own in zip(value.__closure__, cells, strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # it has none yet
                continue
            own.cell_contents = self.of(content)
            same = same and own.cell_contents is content
        return self.put(value, value) if same else twin

    def fill(self, module):
        """Give the twin of a module what the module has."""
        twin = vars(self.of(module))
        buffers = [*module._buffers.values()]
        if any(map(is_lazy, [*module._parameters.values(), *buffers])):
            raise ValueError(f"{module} has parameters without a shape: run the model once")
        for buffer in buffers:
            if buffer is not None and id(buffer) not in self.known:
                self.put(buffer, buffer.detach().clone())
        for name, value in vars(module).copy().items():  # to which another thread may add
            if type(value) in self.atoms:
                twin[name] = value
                continue
            if type(value) in EMPTY and not value:  # most of what a module has
                twin[name] = type(value)()
                continue
            if type(value) is torch.Tensor and id(value) not in self.known:  # as good as a buffer
                self.put(value, value.detach().clone())
            own = self.of(value)
            # What is added to a list or dictionary of the one is not added to that of the other.
            twin[name] = copy.copy(own) if own is value and isinstance(own, (list, dict)) else own
        twin["_compiled_call_impl"] = None
        forward = getattr(twin.get("forward"), "_torchdynamo_orig_callable", None)
        if forward is not None:
            twin["forward"] = self.of(forward)
        elif hasattr(type(module).forward, "_torchdynamo_orig_callable"):
            forward = type(module).forward._torchdynamo_orig_callable
            twin["forward"] = types.MethodType(forward, self.of(module))
