"""Forward passes under control: every stochastic call in them takes its noise from outside.

A mode of torch sees each call of a torch function that a model's Python code makes. What is
stochastic goes to a handler, all else runs as it is. What the first pass calls before it asks for
noise is the same in every pass, so later ones take the results from there.
"""

import sys

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from .handlers import HANDLERS
from .memory import Kept, storages, tensors
from .noise import DivergenceError, Site

__all__ = ["FirstPass", "Pass", "RepeatedPass", "ReuseError"]

DIGITS = {torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}  # of a number in [1/2, 1)
UNTRACKED = {torch.Tensor.data.__get__, torch.Tensor.data.__set__}  # changes that leave no trace


class ReuseError(RuntimeError):
    """A tensor that passes would share is changed in place, or one that was is used again."""


class Pass(TorchFunctionMode):
    """A forward pass that is run in full.

    Parameters
    ----------
    source : callable
        Takes a `Site` and returns its noise for this pass, a tensor that broadcasts to the
        site's shape.
    active : set of Module
        The modules that may call dropout functions.

    Attributes
    ----------
    dropped : bool
        Whether a dropout function was called that drops anything.
    """

    def __init__(self, source, active):
        super().__init__()
        self.source = source
        self.active = active
        self.dropped = False

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None:
            output = handler(self, func, *args, **kwargs)
            if output is not NotImplemented:
                return output
        return self.call(func, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic."""
        return func(*args, **kwargs)

    def check(self, func, p, training):
        """Refuse dropout that no module switches: it is on for ever, or off for ever."""
        if p == 0:
            return
        owner, frame = _caller()
        if owner not in self.active:
            place = f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
            raise ValueError(
                f"{func.__name__}(p={p}, training={training}) in {place} cannot be switched: "
                f"{type(owner).__name__} is not a dropout layer, so that it would be "
                f"{'on' if training else 'off'} in every prediction. Use a module such as "
                "nn.Dropout, or say which module shall be in training mode, too: also=[module]"
            )
        self.dropped = self.dropped or bool(training)

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site."""
        noise = self.source(Site(kind, tuple(shape), p))
        if kind == "uniform" and dtype in DIGITS:  # where rounding could give 1
            scale = 2.0 ** DIGITS[dtype]
            noise = torch.floor(noise * scale) / scale
        if noise.shape != shape:
            noise = noise.expand(shape)
        return noise.to(device, dtype)

    def finish(self, input, output, inplace):
        """Return the output of a stochastic function that may have to change its input."""
        return input.copy_(output) if inplace else output


class FirstPass(Pass):
    """The pass that finds out what the others can share, and what they need.

    Parameters
    ----------
    source, active
        As for `Pass`.
    memory : Memory or Budget
        Told the results of the calls behind the first noise.
    inputs, state : sequence of Tensor
        Arguments of the model, and its parameters and buffers.

    Attributes
    ----------
    beginning : list of (callable, result), or None
        The calls before the first noise, once there was one.
    """

    def __init__(self, source, active, memory, inputs, state):
        super().__init__(source, active)
        self.beginning = None
        self.memory = memory
        self.inputs = inputs
        self._calls = []
        self._versions = _versions(state)
        self._replaced = {}  # storages that should have changed in place, kept from reuse

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if self._replaced and not self._replaced.keys().isdisjoint(storages((args, kwargs))):
            raise ReuseError("what a stochastic function changed in place is used again")
        return super().__torch_function__(func, types, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic, and remember it."""
        if func in UNTRACKED:
            raise ReuseError("a tensor may be changed without a trace")
        result = func(*args, **kwargs)
        if self.beginning is None:
            self._calls.append((func, Kept(result)))
        else:
            self.memory.add(result)
        return result

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site; the first ends the beginning."""
        if self.beginning is None:
            self.beginning = [(func, kept.result()) for func, kept in self._calls]
            self._versions += _versions(tensors([result for _, result in self.beginning]))
            self._versions += _versions(self.inputs)
        noise = super().draw(kind, shape, dtype, device, p)
        self.memory.add(noise)
        return noise

    def finish(self, input, output, inplace):
        """Return the output; its input must not be used again if it should have changed."""
        if inplace:
            shared = storages(input)
            if not shared:  # it is the tensor of many passes, and shared by no others
                return input.copy_(output)
            self._replaced.update(dict.fromkeys(shared, input))
        return output

    def check_shared(self, output):
        """Raise `ReuseError` if a later pass would find the beginning changed."""
        if any(tensor._version != version for tensor, version in self._versions):
            raise ReuseError("what passes would share was changed in one")
        if self._replaced and not self._replaced.keys().isdisjoint(storages(output)):
            raise ReuseError("what a stochastic function changed in place is the output")


class RepeatedPass(Pass):
    """A pass that takes the beginning from the first one.

    Parameters
    ----------
    source
        As for `Pass`.
    first : FirstPass
        The first one.
    """

    def __init__(self, source, first):
        super().__init__(source, first.active)
        self.beginning = first.beginning
        self.position = 0

    def call(self, func, args, kwargs):
        """Run what is not stochastic, or take its result from the first pass."""
        if self.position == len(self.beginning):
            return func(*args, **kwargs)
        known, result = self.beginning[self.position]
        if known is not func and known != func:
            raise DivergenceError(f"a pass called {func}, the first one {known}")
        self.position += 1
        return result

    def check(self, func, p, training):
        """Nothing: the first pass has done it."""

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site."""
        if self.position != len(self.beginning):
            raise DivergenceError("a pass asked for noise earlier than the first one")
        return super().draw(kind, shape, dtype, device, p)

    def finish(self, input, output, inplace):
        """Return the output: the first pass has seen that its input is not used again."""
        return output


def _versions(given):
    """Tensors and how often they were changed; those of inference mode cannot be, outside."""
    return [(tensor, tensor._version) for tensor in given if not tensor.is_inference()]


def _caller():
    """The module whose code is running, or None, and the frame in which it does."""
    frame = start = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, nn.Module):
            return owner, frame
        frame = frame.f_back
    return None, start
