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
from .memory import Kept, Memory, storages, tensors
from .noise import DivergenceError, Site

__all__ = ["FirstPass", "Pass", "RepeatedPass", "ReuseError"]

DIGITS = {torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}  # of a number in [1/2, 1)


class ReuseError(RuntimeError):
    """A tensor that passes would share is changed in place, or one that was is used again."""


class Pass(TorchFunctionMode):
    """A forward pass that is run in full.

    Parameters
    ----------
    noise : callable
        Takes a `Site` and returns its noise for this pass, a tensor that broadcasts to the
        site's shape.
    active : set of Module
        The modules that may call dropout functions.
    """

    def __init__(self, noise, active):
        super().__init__()
        self.noise = noise
        self.active = active

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None:
            with self:  # so that what the handler calls is seen, too
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
        owner, place = _caller()
        if owner not in self.active:
            raise ValueError(
                f"{func.__name__}(p={p}, training={training}) in {place} cannot be switched: "
                f"{type(owner).__name__} is not a dropout layer, so that it would be "
                f"{'on' if training else 'off'} in every prediction. Use a module such as "
                "nn.Dropout, or say which module shall be in training mode, too: also=[module]"
            )

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site."""
        noise = self.noise(Site(kind, tuple(shape), p))
        if kind == "uniform" and dtype in DIGITS:  # where rounding could give 1
            scale = 2.0 ** DIGITS[dtype]
            noise = torch.floor(noise * scale) / scale
        noise = noise.to(device, dtype)
        return noise if noise.shape == shape else noise.expand(shape)

    def finish(self, input, output, inplace):
        """Return the output of a stochastic function that may have to change its input."""
        return input.copy_(output) if inplace else output


class FirstPass(Pass):
    """The pass that finds out what the others can share, and what they need.

    Parameters
    ----------
    noise, active
        As for `Pass`.

    Attributes
    ----------
    beginning : list of (callable, result), or None
        The calls before the first noise, once there was one.
    memory : Memory
        What the results of the later calls take.
    """

    def __init__(self, noise, active):
        super().__init__(noise, active)
        self.beginning = None
        self.memory = Memory()
        self._calls = []
        self._versions = []
        self._replaced = {}  # storages that should have changed in place, kept from reuse

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if self._replaced and not self._replaced.keys().isdisjoint(storages((args, kwargs))):
            raise ReuseError("what a stochastic function changed in place is used again")
        return super().__torch_function__(func, types, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic, and remember it."""
        result = func(*args, **kwargs)
        if self.beginning is None:
            self._calls.append((func, Kept(result)))
        else:
            self.memory.add(result)
        return result

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site; the first ends the beginning."""
        if self.beginning is None:
            with torch._C.DisableTorchFunction():
                self.beginning = [(func, kept.result()) for func, kept in self._calls]
                self._versions = [(t, t._version) for _, r in self.beginning for t in tensors(r)]
        return super().draw(kind, shape, dtype, device, p)

    def finish(self, input, output, inplace):
        """Return the output; its input must not be used again if it should have changed."""
        if inplace:
            with torch._C.DisableTorchFunction():
                self._replaced[input.untyped_storage().data_ptr()] = input
        return output

    def check_shared(self, output):
        """Raise `ReuseError` if a later pass would find the beginning changed."""
        if any(tensor._version != version for tensor, version in self._versions):
            raise ReuseError("a result from before the first noise was changed after it")
        if not self._replaced.keys().isdisjoint(storages(output)):
            raise ReuseError("what a stochastic function changed in place is the output")


class RepeatedPass(Pass):
    """A pass that takes the beginning from the first one.

    Parameters
    ----------
    noise, active
        As for `Pass`.
    beginning : list of (callable, result)
        That of a `FirstPass`.
    """

    def __init__(self, noise, active, beginning):
        super().__init__(noise, active)
        self.beginning = beginning
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

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site."""
        if self.position != len(self.beginning):
            raise DivergenceError("a pass asked for noise earlier than the first one")
        return super().draw(kind, shape, dtype, device, p)

    def finish(self, input, output, inplace):
        """Return the output: the first pass has seen that its input is not used again."""
        return output


def _caller():
    """The module whose code is running, or None, and the place in the code."""
    frame = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, nn.Module):
            code = frame.f_code
            return owner, f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"
        frame = frame.f_back
    return None, "a function"
