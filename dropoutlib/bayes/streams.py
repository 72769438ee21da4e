"""The random numbers of a prediction: the same, however its passes are run.

A pass asks for noise at a number of places, its *sites*, in a fixed order. Each site has a stream
of its own, seeded by the prediction's seed and by the place of the site in that order, and drawn
in groups of samples whose size depends on the shape of the site alone.
"""

import functools
import hashlib
import math
from typing import NamedTuple

import numpy as np

from ..masks import fill_mask

GROUP_BYTES = 1 << 18  # of noise drawn at once, unless one sample takes more


class ReuseError(RuntimeError):
    """Later passes cannot share what the first one computed, or do not do what it did."""


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
        size = n_words * np.dtype(dtype).itemsize  # at most 64, the longest digest
        return np.frombuffer(hashlib.blake2b(self.text, digest_size=size).digest(), dtype)


class Stream:
    """Noise of one site for samples 0, 1, 2, ..., whatever the portions it is taken in."""

    def __init__(self, site, entropy, place, total):
        self.site, self.left = site, total  # of which so many samples are not yet drawn
        self.rng = np.random.Generator(np.random.SFC64(_Seed(entropy, place)))
        self.ready = np.empty((0, *site.shape), bool if site.kind == "keep" else float)
        self.nbytes = math.prod(site.shape) * self.ready.itemsize  # of one sample
        self.group = max(1, GROUP_BYTES // max(1, self.nbytes))

    def take(self, count):
        """Noise of the next `count` samples, samples first: bool for "keep", or float64."""
        parts = []
        while count or not parts:
            if count and not len(self.ready):
                self.ready = self._draw(min(self.group, self.left))
            parts.append(self.ready[:count])
            self.ready = self.ready[count:]
            count -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _draw(self, count):
        self.left -= count
        out = np.empty_like(self.ready, shape=(count, *self.site.shape))
        if self.site.kind == "keep":
            return fill_mask(out, self.site.p, self.rng)
        draw = self.rng.random if self.site.kind == "uniform" else self.rng.standard_normal
        return draw(out=out)


class Streams:
    """The streams of all sites that passes come to, in order.

    They are seeded by `entropy`, of 128 bits, and will be asked for `total` samples. With
    `of_row`, the sites of a batch of one, all rows of a batch get the same noise.
    """

    def __init__(self, entropy, total, of_row=None):
        self.entropy, self.total, self.of_row = entropy, total, of_row
        self.streams = {}

    def sample(self):
        """The next sample: noise by place and `Site`, the same for every pass that asks."""
        return functools.cache(lambda place, site: self.at(place, site).take(1)[0])

    def take(self, count):
        """Noise of the next `count` samples for each of the sites, samples first."""
        return [stream.take(count) for stream in self.streams.values()]

    def at(self, place, site):
        """The stream of a site, in the order in which they are first asked for."""
        if self.of_row is not None:
            site = self._one_row(place, site)
        key = place, site  # a site that changes its shape between passes is another one
        if key not in self.streams:
            self.streams[key] = Stream(site, self.entropy, len(self.streams), self.total)
        return self.streams[key]

    def _one_row(self, place, site):
        """The site of a batch of one, once it differs in nothing but the length of one axis."""
        row = self.of_row[place] if place < len(self.of_row) else Site("none", ())
        alike = (row.kind, row.p, len(row.shape)) == (site.kind, site.p, len(site.shape))
        pairs = zip(row.shape, site.shape, strict=False)
        if not alike or [a for a, b in pairs if a != b] not in ([], [1]):
            raise ReuseError(f"a batch asked for {site}, a single row for {row}")
        return row
