"""A call of a model that is watched: what draws random numbers in it, and where."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import random
import threading
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _python_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from .._checks import hint_to_unpack
from .._modules import shadow
from .calls import FUNCTIONS

# Kinds of layers that give something else than they drop.
INSIDE = ("attention", "connect", "recurrent")
# Variables by which PyTorch 2.6 tells that a mode is on; 2.13 looks at those of the thread.
WALKS = hasattr(_python_dispatch, "any_torch_dispatch_mode_on_stack")
NOTED = [] if WALKS else [name for name in vars(_python_dispatch) if name.startswith("_is_in_")]


class Draw(NamedTuple):
    """Random numbers that a call drew: by which operator, in which module, and which they were."""

    operator: str
    module: nn.Module
    values: tuple[torch.Tensor, ...]

    def equal(self, other: Draw) -> bool:
        """Whether another call drew the same numbers."""
        return self.operator == other.operator and all(map(torch.equal, self.values, other.values))


@contextlib.contextmanager
def forked(tensors):
    """Put random states back: those of Python, NumPy, and torch on the devices of the tensors."""
    own, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002 # what models draw from
    others = {tensor.device for tensor in tensors if tensor.device.type not in ("cpu", "meta")}
    kind = next((device.type for device in others), "cuda")
    try:
        with torch.random.fork_rng(others, device_type=kind):
            yield
    finally:
        random.setstate(own)
        np.random.set_state(numbers)  # noqa: NPY002


def leaves(value):
    """The tensors in lists, dictionaries, data classes and nested tensors."""
    for leaf in tree_leaves(value):
        if isinstance(leaf, torch.Tensor):
            yield from leaf.unbind() if leaf.is_nested else (leaf,)
        elif _is_data(leaf):
            yield from leaves(vars(leaf))


def version(tensor):
    """How often a tensor was written to, where that is counted."""
    return None if tensor.is_inference() else tensor._version


def comes_from(tensor, other):
    """Whether a tensor was computed from another, as far as gradients know."""
    nodes, seen, wanted = [tensor.grad_fn], {None}, other.grad_fn
    while nodes:
        node = nodes.pop()
        if node not in seen:
            seen.add(node)
            nodes += [before for before, _ in node.next_functions]
    return wanted is not None and wanted in seen


class Call:
    """A call of a twin of a model, in which parameters and generators of layers are copies, too.

    After a pass `draws` has all that it drew; `drew` the number of draws in the calls of each
    module, None for one that was not called; `inputs` the arguments by position of the last call
    of each; and `dropped` what layers and functions of dropout gave: module, tensor, its version.
    """

    def __init__(self, model, found, args, kwargs):
        self.twins = shadow(model, share=False)
        self.twin, self.given = self.twins[model], (args, kwargs)
        self.names = {twin: name for name, twin in self.twin.named_modules()}
        calls = (one for one in found if one.reach in ("call", "either"))
        self.layers = {self.twins[one.module] for one in calls if one.kind not in INSIDE}
        for module in self.names:
            if not isinstance(module, torch.jit.ScriptModule):
                module.register_forward_pre_hook(self._enter, prepend=True)
                module.register_forward_hook(self._leave, always_call=True)

    def run(self):
        """The output of one pass, after which all that the pass noted is here."""
        self.stack, self.draws, self.dropped = [], [], []
        self.drew, self.inputs = dict.fromkeys(self.names), {}
        args, kwargs = tree_map(_cloned, self.given)
        # In evaluation mode a mode for functions would keep attention from its fused path.
        functions = _Functions(self) if self.twin.training else contextlib.nullcontext()
        with hint_to_unpack(args), Draws(self), functions:
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
        self.dropped += [(module, tensor, version(tensor)) for tensor in leaves(output)]


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


class ThreadMode(TorchDispatchMode):
    """A mode beneath torch's operators, of this thread alone.

    Torch's own say that they are on in variables of the process. Threads that leave theirs in
    another order than they entered them leave these set, and torch compiles nothing any more.
    Here they are set, where a version of torch reads them, while such a mode is on in any thread.
    """

    lock, on = threading.Lock(), 0  # on in how many places of all threads
    before: ClassVar[dict[str, bool]] = {}

    def __enter__(self):
        with self.lock:
            if not ThreadMode.on:
                ThreadMode.before = {name: vars(_python_dispatch)[name] for name in NOTED}
            ThreadMode.on += 1
            vars(_python_dispatch).update(dict.fromkeys(NOTED, True))
        _python_dispatch._push_mode(self)
        return self

    def __exit__(self, *error):
        _python_dispatch._pop_mode()
        with self.lock:
            ThreadMode.on -= 1
            if not ThreadMode.on:
                vars(_python_dispatch).update(ThreadMode.before)


class Draws(ThreadMode):
    """Notes each operator that draws random numbers."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        result = operator(*args, **(kwargs or {}))
        if draws(operator, args, kwargs or {}):
            # What is drawn in place is also scaled in place.
            values = tuple(map(torch.clone, leaves(result)))
            self.call.draws.append(Draw(str(operator), self.call.module, values))
        return result


def draws(operator, args, kwargs):
    """Whether a call of an operator draws random numbers."""
    if torch.Tag.nondeterministic_seeded not in operator.tags:
        return False
    names = (argument.name for argument in operator._schema.arguments)
    given = {argument.name: argument.default_value for argument in operator._schema.arguments}
    given |= dict(zip(names, args, strict=False)) | kwargs
    training = given.get("train", given.get("training", True))
    return given.get("dropout_p", 1) != 0 and training is not False


def _is_data(value):
    """Whether a value is an object of a data class whose attributes can be seen and replaced."""
    known = isinstance(value, (type, nn.Module))
    return dataclasses.is_dataclass(value) and not known and hasattr(value, "__dict__")


def _cloned(value):
    """A tensor or data class that may be written to, from which no gradient goes further."""
    if isinstance(value, torch.Tensor):
        return value.detach().requires_grad_(value.requires_grad).clone()
    if not _is_data(value):
        return value
    twin = copy.copy(value)
    vars(twin).update(tree_map(_cloned, vars(value)))
    return twin


def same_memory(tensor, other):
    """Whether two tensors are, or are views of, the same numbers."""
    if not tensor.numel() or not tensor.layout is other.layout is torch.strided:
        return False
    return tensor.untyped_storage()._cdata == other.untyped_storage()._cdata
