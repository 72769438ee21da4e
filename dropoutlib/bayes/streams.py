"""The random numbers of a prediction: the same, however its passes are run.

A pass asks for noise at a number of places, its *sites*, in a fixed order. Each site has a
stream of its own, seeded by the prediction's seed and by the place of the site in that order. A
stream is drawn in groups of samples whose size depends on the shape of its site alone, and
handed out from there one sample or many at a time.
"""

import functools
import hashlib
import math
import random
from typing import NamedTuple

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..masks import fill_mask
from .trees import tensors

__all__ = ["DivergenceError", "OwnGenerator", "Site", "Stream", "Streams", "python_noise"]

GROUP_BYTES = 1 << 18  # of noise drawn at once, unless one sample takes more


class DivergenceError(RuntimeError):
    """A pass did not do what the first one did."""


class Site(NamedTuple):
    """What one stochastic call of a pass asks for."""

    kind: str  # "keep": a mask; "uniform" on [0, 1); "normal"
    shape: tuple[int, ...]
    p: float | None = None  # probability that "keep" drops


class _Seed(np.random.bit_generator.ISeedSequence):
    """Seed of a stream, a hash of the prediction's seed and a place: quicker than NumPy's."""

    def __init__(self, entropy, place):
        self.text = entropy.to_bytes(16, "little") + place.to_bytes(8, "little")

    def generate_state(self, n_words, dtype=np.uint32):
        """Words that the bit generator starts from, at most 64 bytes of them."""
        size = n_words * np.dtype(dtype).itemsize
        return np.frombuffer(hashlib.blake2b(self.text, digest_size=size).digest(), dtype)


class Stream:
    """Noise of one site for samples 0, 1, 2, ..., whatever the portions it is taken in."""

    def __init__(self, site, entropy, place, total):
        self.site = site
        self.rng = np.random.Generator(np.random.SFC64(_Seed(entropy, place)))
        self.left = total  # samples not yet drawn
        self.ready = np.empty((0, *site.shape), bool if site.kind == "keep" else float)
        self.group = max(1, GROUP_BYTES // max(1, self.nbytes))

    @property
    def nbytes(self):
        """Bytes that the noise of one sample takes."""
        return math.prod(self.site.shape) * self.ready.itemsize

    def take(self, count):
        """Noise of the next `count` samples, samples first: bool for "keep", or float64."""
        taken = np.empty_like(self.ready, shape=(count, *self.site.shape))
        done = 0
        while done < count:
            group = min(self.group, self.left)
            if not len(self.ready) and group <= count - done:  # no need to be drawn ahead
                part = self._draw(taken[done : done + group])
            else:
                if not len(self.ready):
                    self.ready = self._draw(np.empty_like(taken, shape=(group, *self.site.shape)))
                part, self.ready = np.split(self.ready, [count - done])
                taken[done : done + len(part)] = part
            done += len(part)
        return taken

    def _draw(self, out):
        """Fill `out` with the noise of the next group of samples."""
        self.left -= len(out)
        if self.site.kind == "keep":
            return fill_mask(out, self.site.p, self.rng)
        if self.site.kind == "uniform":
            return self.rng.random(out=out)
        return self.rng.standard_normal(out=out)


class Streams:
    """The streams of all sites that passes come to, in order.

    Parameters
    ----------
    entropy : int
        The seed, of 128 bits.
    total : int
        Number of samples that each stream will be asked for.
    of_row : list of Site, optional
        Sites of a batch of one. If given, all rows of a batch get the same noise.
    """

    def __init__(self, entropy, total, of_row=None):
        self.entropy, self.total, self.of_row = entropy, total, of_row
        self.streams = {}
        self.begin_sample()

    @property
    def sites(self):
        """Sites found so far, in order."""
        return [stream.site for stream in self.streams.values()]

    def begin_sample(self):
        """Start the first pass of another sample."""
        self._drawn = {}
        self.begin_pass()

    def begin_pass(self):
        """Start a pass of the same sample: it gets the same noise."""
        self._position = 0

    def draw(self, site):
        """Noise of this sample for the next site of the pass."""
        if self.of_row is not None:
            site = self._one_row(site)
        key = self._position, site  # a site that changes its shape between passes is another one
        self._position += 1
        if key not in self.streams:
            self.streams[key] = Stream(site, self.entropy, len(self.streams), self.total)
        if key not in self._drawn:
            (self._drawn[key],) = self.streams[key].take(1)
        return self._drawn[key]

    def take(self, count):
        """Noise of the next `count` samples for each of the sites, samples first."""
        return [stream.take(count) for stream in self.streams.values()]

    def _one_row(self, site):
        """The site of a batch of one, once it differs in nothing but the length of one axis."""
        row = self.of_row[self._position] if self._position < len(self.of_row) else None
        if row is None or (row.kind, row.p) != (site.kind, site.p):
            raise DivergenceError(f"a batch asked for {site}, a single row for {row}")
        pairs = zip(row.shape, site.shape, strict=False)
        if len(row.shape) != len(site.shape) or [a for a, b in pairs if a != b] not in ([], [1]):
            raise DivergenceError(f"shape {site.shape} has no axis for rows of shape {row.shape}")
        return row


class OwnGenerator(TorchDispatchMode):
    """Lets operations draw from a generator of the pass's own, beneath all functions of torch.

    It takes the place of torch's global ones, which other threads may be using, and of a layer's
    own.
    """

    def __init__(self, seed=0):
        super().__init__()
        self.seed, self.generators = seed, {}

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # or torch wraps each operation, and imports its compiler for that

    @property
    def drew(self):
        """Whether anything was drawn."""
        return bool(self.generators)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags or _without_dropout(
            func, args, kwargs
        ):
            return func(*args, **kwargs)
        own = _with_generator(func)
        if own is None:
            raise ValueError(
                f"{func} draws from torch's global generator and takes no other, so that its noise "
                "cannot follow the seed of a prediction; draw it with torch.rand or torch.randn"
            )
        given = (tensor.device for tensor in tensors((args, kwargs)))
        device = torch.device(next(given, kwargs.get("device") or "cpu"))
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return own(*args, **{**kwargs, "generator": self.generators[device]})


def python_noise(model):
    """States of the generators of Python and NumPy that a model may draw from."""
    held = [value for module in model.modules() for value in vars(module).values()]
    states = [value.bit_generator.state for value in held if isinstance(value, np.random.Generator)]
    states += [value.getstate() for value in held if isinstance(value, random.Random)]
    _, legacy, *rest = np.random.get_state()  # noqa: NPY002 what a model may still use
    return repr(states), random.getstate(), legacy.tobytes(), rest


def _without_dropout(func, args, kwargs):
    """Whether an operation would draw for dropout alone, as attention, and drops nothing."""
    names = [argument.name for argument in func._schema.arguments]
    given = dict(zip(names, args, strict=False)) | kwargs
    return "dropout_p" in names and given.get("dropout_p", 0.0) == 0


@functools.cache
def _with_generator(func):
    """The form of a random operation that takes a generator, or None."""
    names = {argument.name for argument in func._schema.arguments} | {"generator"}
    packet = func.overloadpacket
    forms = (func, *(getattr(packet, name) for name in packet.overloads()))
    return next((f for f in forms if {a.name for a in f._schema.arguments} == names), None)
