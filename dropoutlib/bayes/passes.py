"""Forward passes under control: every stochastic call in them takes its noise from outside.

A mode of torch sees each call of a torch function that a model's Python code makes, in this
thread alone. What is stochastic goes to a handler, all else runs as it is. What the first pass
calls before it asks for noise is the same in every pass, so later ones take the results there.
"""

import functools
import itertools
import sys
import weakref
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._C import _functorch as functorch
from torch.nn.modules.dropout import _DropoutNd
from torch.overrides import TorchFunctionMode

from .._modules import ATOMS
from .stochastic import HANDLERS
from .streams import ReuseError, Site
from .trees import tensors

DIGITS = {torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}  # of a number in [1/2, 1)
DATA: Any = torch.Tensor.data
UNTRACKED = {DATA.__get__, DATA.__set__}  # changes that leave no trace
PLAIN = (*ATOMS, complex, np.generic, bytes, type(...))


class Pass(TorchFunctionMode):
    """A forward pass that is run in full.

    `noise` is called with the place of a call among those that draw, from 0, and with its `Site`;
    it returns an array or a tensor that broadcasts to the site's shape. `active` are the modules
    that may call dropout functions.
    """

    def __init__(self, noise, active):
        super().__init__()
        self.noise, self.active, self.steps = noise, active, []
        self.drawn, self.dropped = 0, False
        self.vmaps = _vmaps()  # of the engine; others are the model's, whose noise is torch's

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None and kwargs.get("out") is None and _vmaps() == self.vmaps:
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
        owner, frame = caller()
        if owner not in self.active:
            place = f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
            raise ValueError(
                f"{func.__name__}(p={p}, training={training}) in {place} cannot be switched: "
                f"{_what_it_is(owner)}, so that it would be {'on' if training else 'off'} in every "
                "prediction. Use a module such as nn.Dropout, or say which module shall be in "
                "training mode, too: also=[module]"
            )
        self.dropped = self.dropped or bool(training)

    def draw(self, kind, shape, dtype, device, p=None):
        """Noise of this shape, as a tensor of the call's own."""
        site = Site(kind, tuple(shape), p)
        self.step(site)
        noise = torch.as_tensor(self.noise(self.drawn, site))
        self.drawn += 1
        if kind == "uniform" and dtype in DIGITS:  # where rounding could give 1
            scale = 2.0 ** DIGITS[dtype]
            noise = torch.floor(noise * scale) / scale
        return noise.expand(shape).to(device, dtype, copy=True)

    def step(self, *step):
        """Note a site or a call that the pass comes to."""
        self.steps += step

    def overwrite(self, input, output):
        """What a stochastic function that changes its input returns."""
        return input.copy_(output)


class FirstPass(Pass):
    """The pass that finds out what the others can share, what they do, and what they need.

    `given` are arguments, parameters and buffers, which no pass may change. At its end there are
    `steps`, all calls and sites as far as they are the same in every pass; `beginning`, the results
    of the calls before the first site; and `peak`, the largest number of bytes at one time that
    tensors took behind it.
    """

    def __init__(self, noise, active, given):
        super().__init__(noise, active)
        self.beginning, self.peak = [], 0
        self.used = []  # references to the tensors of each call
        self._watched, self._given = _versions(given), {id(tensor) for tensor in given}
        self._living = []  # references to tensors behind the first site
        self._replaced = {}  # storages that should have changed in place, kept from reuse

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.used.append([*map(weakref.ref, tensors((args, kwargs)))])
        if self._reuses((args, kwargs)):
            raise ReuseError("what a stochastic function changed in place is used again")
        return super().__torch_function__(func, types, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic, and remember it."""
        if func in UNTRACKED:
            raise ReuseError("a tensor may be changed without a trace")
        result = func(*args, **kwargs)
        self.step((func, plain((args, kwargs))))
        if self.drawn:
            self._count(result)
        else:
            self.beginning.append(_kept(result))
        return result

    def draw(self, *asked):
        """Noise of this shape, whose memory counts; the first ends the beginning."""
        if not self.drawn:
            self.beginning = [kept() for kept in self.beginning]
            self._watched += _versions(tensors(self.beginning))
        noise = super().draw(*asked)
        self._count(noise)
        return noise

    def overwrite(self, input, output):
        """Return the output; its input must not be used again, as it should have changed."""
        self._replaced.update(dict.fromkeys(_storages(input), input))
        return output

    def check_shared(self, output, model):
        """Raise `ReuseError` if a later pass would find the beginning changed.

        Note what the pass left in the model, from which no later one must go on: tensors, and
        whatever else would tell passes apart if it changed once more, such as their number.
        """
        held = [*map(vars, model.modules())]
        self.left = {id(one): one for one in tensors(held) if id(one) not in self._given}
        self.state = plain(held)
        changed = any(tensor._version != version for tensor, version in self._watched)
        if changed or self._reuses(output):
            raise ReuseError("what passes would share was changed in one")

    def _reuses(self, tree):
        return self._replaced and not self._replaced.keys().isdisjoint(_storages(tree))

    def _count(self, tree):
        """Count the bytes of tensors for as long as they live."""
        self._living = [one for one in self._living if one() is not None]
        self._living += map(weakref.ref, tensors(tree))
        self.peak = max(self.peak, sum(_storages([one() for one in self._living]).values()))


class RepeatedPass(Pass):
    """A pass that takes the beginning from the first one, and must do the same as that.

    `values` has the noise of each site, in order.
    """

    def __init__(self, first, values):
        super().__init__(lambda place, site: values[place], first.active)
        self.first, self._used = first, iter(first.used)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        # Where the first pass used it as well it is of the beginning, and not of the last pass.
        if self.first.left:
            before = next(self._used, ())
            for one, used in itertools.zip_longest(tensors((args, kwargs)), before):
                if id(one) in self.first.left and (used is None or used() is not one):
                    raise ReuseError("a pass goes on from what another left in the model")
        return super().__torch_function__(func, types, args, kwargs)

    def call(self, func, args, kwargs):
        """Run what is not stochastic, or take its result from the first pass."""
        self.step((func, plain((args, kwargs))))
        done, beginning = len(self.steps), self.first.beginning
        return beginning[done - 1] if done <= len(beginning) else func(*args, **kwargs)

    def step(self, *step):
        """Take a step, or none to end; raise `ReuseError` if the first one's was another."""
        done = len(self.steps)
        if self.first.steps[done : done + 1] != [*step]:
            raise ReuseError(f"a pass came to {step}, the first one to something else")
        self.steps += step

    def overwrite(self, input, output):
        """Return the output: the first pass has seen that its input is not used again."""
        return output

    def end(self, model):
        """End where the first pass did, with nothing else counted or kept in the model."""
        self.step()
        if plain([*map(vars, model.modules())]) != self.first.state:
            raise ReuseError("passes may differ by what the model counts or keeps of them")


def _vmaps():
    """How many calls of `torch.func.vmap` are under way."""
    levels = functorch.get_interpreter_stack() or ()
    return sum(level.key() == functorch.TransformType.Vmap for level in levels)


def _what_it_is(owner):
    """Why what calls a dropout function is not switched with the model."""
    if owner is None:
        return "it is called outside of all modules"
    if isinstance(owner, _DropoutNd):
        return f"this {type(owner).__name__} is none of the model's modules, as in an nn.ModuleList"
    return f"{type(owner).__name__} is not a dropout layer"


def plain(value, flat=None):
    """What calls of passes can be compared by: numbers and the like, but of others the type.

    It is one list, since the garbage collector goes through each that is kept.
    """
    flat = [] if flat is None else flat
    if isinstance(value, (tuple, list, dict)):
        flat.extend((type(value), len(value)))
        for item in itertools.chain(*value.items()) if isinstance(value, dict) else value:
            if type(item) in ATOMS:  # as most are
                flat.append(item)
            else:
                plain(item, flat)
    elif isinstance(value, slice):
        plain((value.start, value.stop, value.step), flat)
    elif isinstance(value, np.ndarray):
        flat.append(value.tobytes())
    else:
        flat.append(value if isinstance(value, PLAIN) else type(value))
    return flat


def _kept(result):
    """A function that gives the result of a call, which it does not keep alive.

    A tensor that nobody holds when the first noise is drawn cannot be used after it. In its place
    goes one that looks the same and takes no memory.
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


def caller():
    """The module whose code is running, or None, and the frame in which it does.

    Not in `Pass.check` itself, whose frame would then hold itself and all that it leads to.
    """
    frame = start = sys._getframe(1)
    while frame and not isinstance(frame.f_locals.get("self"), nn.Module):
        frame = frame.f_back
    return (frame.f_locals["self"], frame) if frame else (None, start)
