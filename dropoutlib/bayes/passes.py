"""Forward passes under control: every stochastic call in them takes its noise from outside.

A mode of torch sees each call of a torch function that a model's Python code makes, in this
thread alone. What is stochastic goes to a handler, all else runs as it is. What the first pass
calls before it asks for noise is the same in every pass, so later ones take the results there.
"""

import collections
import functools
import sys
import weakref
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from .stochastic import HANDLERS
from .streams import DivergenceError, Site
from .trees import tensors

__all__ = ["FirstPass", "Pass", "RepeatedPass", "ReuseError"]

DIGITS = {torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}  # of a number in [1/2, 1)
DATA: Any = torch.Tensor.data
UNTRACKED = {DATA.__get__, DATA.__set__}  # changes that leave no trace
PLAIN = (
    int,
    float,
    complex,
    str,
    bytes,
    np.generic,
    torch.dtype,
    torch.device,
    type(None),
    type(...),
)


class ReuseError(RuntimeError):
    """Later passes cannot share what this one computed."""


class Pass(TorchFunctionMode):
    """A forward pass that is run in full.

    `draw` takes a `Site` and returns its noise for this pass, an array or a tensor that broadcasts
    to the site's shape. `active` are the modules that may call dropout functions.
    """

    def __init__(self, draw, active):
        super().__init__()
        self.source, self.active, self.dropped = draw, active, False

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None and kwargs.get("out") is None:
            output = handler(self, func, *args, **kwargs)
            if output is not NotImplemented:
                return output
        return self.call(func, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic, or not under control."""
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

    def noise_of(self, site):
        """Noise of the next site, which is this one."""
        return self.source(site)

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site."""
        noise = torch.as_tensor(self.noise_of(Site(kind, tuple(shape), p)))
        if kind == "uniform" and dtype in DIGITS:  # where rounding could give 1
            scale = 2.0 ** DIGITS[dtype]
            noise = torch.floor(noise * scale) / scale
        return noise.expand(shape).to(device, dtype)

    def finish(self, input, output, inplace):
        """Return the output of a stochastic function that may have to change its input."""
        return input.copy_(output) if inplace else output


class FirstPass(Pass):
    """The pass that finds out what the others can share, what they do, and what they need.

    `given` are arguments, parameters and buffers, which no pass may change. At its end there are
    `calls`, all calls as far as they are the same in every pass; `beginning`, the results of those
    before the first noise; `sites`, each with the number of calls before it; and `peak`, the
    largest number of bytes at one time that tensors took behind the first noise.
    """

    def __init__(self, draw, active, given):
        super().__init__(draw, active)
        self.calls, self.beginning, self.sites = [], [], []
        self.peak = self._bytes = 0
        self._watched = _versions(given)
        self._users = collections.Counter()  # number of living tensors by storage
        self._replaced = {}  # storages that should have changed in place, kept from reuse

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if self._replaced and not self._replaced.keys().isdisjoint(_storages((args, kwargs))):
            raise ReuseError("what a stochastic function changed in place is used again")
        return super().__torch_function__(func, types, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic, and remember it."""
        if func in UNTRACKED:
            raise ReuseError("a tensor may be changed without a trace")
        result = func(*args, **kwargs)
        self.calls.append((func, _plain(args), _plain(kwargs)))
        if self.sites:
            self._count(result)
        else:
            self.beginning.append(_kept(result))
        return result

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site; the first ends the beginning."""
        if not self.sites:
            self.beginning = [kept() for kept in self.beginning]
            self._watched += _versions(tensors(self.beginning))
        self.sites.append((len(self.calls), Site(kind, tuple(shape), p)))
        noise = super().draw(kind, shape, dtype, device, p)
        self._count(noise)
        return noise

    def finish(self, input, output, inplace):
        """Return the output; its input must not be used again if it should have changed."""
        if inplace:
            shared = _storages(input)
            if not shared:  # it is the tensor of many passes, and shared by no others
                return input.copy_(output)
            self._replaced.update(dict.fromkeys(shared, input))
        return output

    def check_shared(self, output):
        """Raise `ReuseError` if a later pass would find the beginning changed."""
        if any(tensor._version != version for tensor, version in self._watched):
            raise ReuseError("what passes would share was changed in one")
        if self._replaced and not self._replaced.keys().isdisjoint(_storages(output)):
            raise ReuseError("what a stochastic function changed in place is the output")

    def _count(self, tree):
        """Count the bytes of tensors for as long as they live."""
        for tensor in tensors(tree):
            for address, size in _storages(tensor).items():
                self._users[address] += 1
                if self._users[address] == 1:
                    self._bytes += size
                    self.peak = max(self.peak, self._bytes)
                weakref.finalize(tensor, self._release, address, size).atexit = False

    def _release(self, address, size):
        self._users[address] -= 1
        if not self._users[address]:
            self._bytes -= size


class RepeatedPass(Pass):
    """A pass that takes the beginning from the first one, and must do the same as that.

    `noise` has the noise of each site, in order.
    """

    def __init__(self, first, noise):
        super().__init__(None, first.active)
        self.first, self.noise = first, noise
        self.position = self.drawn = 0

    def call(self, func, args, kwargs):
        """Run what is not stochastic, or take its result from the first pass."""
        first, position = self.first, self.position
        done = func, _plain(args), _plain(kwargs)
        if position >= len(first.calls) or first.calls[position] != done:
            raise DivergenceError(f"a pass called {done}, the first one something else")
        self.position += 1
        return (
            first.beginning[position] if position < len(first.beginning) else func(*args, **kwargs)
        )

    def check(self, func, p, training):
        """Nothing: the first pass has done it."""

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape for the next site."""
        asked = self.position, Site(kind, tuple(shape), p)
        if self.drawn >= len(self.noise) or self.first.sites[self.drawn] != asked:
            raise DivergenceError(f"a pass asked for {asked}, the first one for something else")
        return super().draw(kind, shape, dtype, device, p)

    def noise_of(self, site):
        """Noise of the next site, which is this one."""
        self.drawn += 1
        return self.noise[self.drawn - 1]

    def finish(self, input, output, inplace):
        """Return the output: the first pass has seen that its input is not used again."""
        return output

    def check_end(self):
        """Raise `DivergenceError` if the first pass did more."""
        if (self.position, self.drawn) != (len(self.first.calls), len(self.noise)):
            raise DivergenceError("a pass ended earlier than the first one")


def _kept(result):
    """A function that gives the result of a call, which it does not keep alive.

    A tensor that nobody holds when the first noise is drawn cannot be used after it. In its place
    goes a tensor that looks the same and takes no memory.
    """
    if type(result) is not torch.Tensor or result.layout is not torch.strided:
        return lambda: result
    shape, dtype, device, alive = result.shape, result.dtype, result.device, weakref.ref(result)
    dead = functools.partial(torch.empty, (), dtype=dtype, device=device)
    return lambda: dead().expand(shape) if (tensor := alive()) is None else tensor


def _storages(tree):
    """Bytes of the memory of the tensors in a tree, by address.

    Tensors of many passes at once, which vmap makes, have none, nor have sparse ones.
    """
    found = {}
    for tensor in tensors(tree):
        try:
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        except (NotImplementedError, RuntimeError):
            continue
    return found


def _versions(given):
    """Tensors and how often they were changed; those of inference mode cannot be, outside."""
    return [(tensor, tensor._version) for tensor in given if not tensor.is_inference()]


def _plain(value):
    """What passes can be compared by: numbers and the like, but for tensors only that they are."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return [(key, _plain(item)) for key, item in value.items()]
    if isinstance(value, slice):
        return _plain((value.start, value.stop, value.step))
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return value if isinstance(value, PLAIN) else type(value)


def _caller():
    """The module whose code is running, or None, and the frame in which it does."""
    frame = start = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, nn.Module):
            return owner, frame
        frame = frame.f_back
    return None, start
