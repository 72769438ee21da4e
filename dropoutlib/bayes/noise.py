"""The random numbers of a prediction: the same, however its passes are cut into chunks.

A forward pass asks for noise at a number of places, its *sites*, in a fixed order. Each site has
a stream of its own, derived from the seed and from the site's place in that order. A stream is
drawn in groups of samples whose size depends on the site's shape only, and handed out from there
one sample or many at a time.
"""

import hashlib
import math
from typing import NamedTuple

import numpy as np

from ..masks import sample_mask

__all__ = ["DivergenceError", "Noise", "Site"]

GROUP_BYTES = 1 << 18  # of noise drawn at once, unless one sample takes more


class DivergenceError(RuntimeError):
    """A pass did not ask for the noise that the first one asked for."""


class Site(NamedTuple):
    """What one stochastic call of a forward pass asks for."""

    kind: str  # "keep": a mask; "uniform" on [0, 1); "normal"
    shape: tuple
    p: float | None = None  # probability that "keep" drops


class Seed(np.random.bit_generator.ISeedSequence):
    """Seed of a stream: a hash of the prediction's seed and of the stream's place.

    As good as NumPy's, and quicker.
    """

    def __init__(self, entropy, place):
        self.text = entropy.to_bytes(16, "little") + place.to_bytes(8, "little")

    def generate_state(self, n_words, dtype=np.uint32):
        """Words that the bit generator starts from, at most 64 bytes of them."""
        size = n_words * np.dtype(dtype).itemsize
        return np.frombuffer(hashlib.blake2b(self.text, digest_size=size).digest(), dtype)


class Noise:
    """The sites that passes come to, in order, and their streams.

    Parameters
    ----------
    entropy : int
        The seed.
    total : int
        Number of samples that each stream will be asked for.
    rows : list of Site, optional
        Sites of a batch of one. If given, the same noise serves all rows of a batch.
    """

    def __init__(self, entropy, total, rows=None):
        self.entropy = entropy
        self.total = total
        self.rows = rows
        self.streams = {}
        self.position = 0

    @property
    def sites(self):
        """Sites found so far, in order."""
        return [stream.site for stream in self.streams.values()]

    def begin(self):
        """Start a pass."""
        self.position = 0

    def stream(self, site):
        """The stream of a pass's next site, which is `site`."""
        if self.rows is not None:
            site = self._one_row(site)
        key = self.position, site  # a site that changes its shape between passes is another one
        if key not in self.streams:
            bits = np.random.SFC64(Seed(self.entropy, len(self.streams)))
            self.streams[key] = Stream(site, np.random.Generator(bits), self.total)
        self.position += 1
        return self.streams[key]

    def take(self):
        """Noise of the next sample for each site."""
        return [stream.take(1)[0] for stream in self.streams.values()]

    def skip(self, sites):
        """Leave out a sample, which asked for noise at these sites."""
        self.begin()
        for site in sites:
            self.stream(site).take(1)

    def _one_row(self, site):
        """The site of a batch of one, once it differs in nothing but the length of one axis."""
        row = self.rows[self.position] if self.position < len(self.rows) else None
        if row is None or (row.kind, row.p) != (site.kind, site.p):
            raise DivergenceError(f"a batch asked for {site}, a single row for {row}")
        pairs = zip(row.shape, site.shape, strict=False)
        if len(row.shape) != len(site.shape) or [a for a, b in pairs if a != b] not in ([], [1]):
            raise DivergenceError(f"shape {site.shape} has no axis for rows of shape {row.shape}")
        return row


class Stream:
    """Noise of one site for samples 0, 1, 2, ..., whatever the portions it is taken in."""

    def __init__(self, site, rng, total):
        self.site = site
        self.rng = rng
        self.left = total  # samples not yet drawn
        self.group = max(1, GROUP_BYTES // max(1, self.nbytes))
        self.ready = ()

    @property
    def nbytes(self):
        """Bytes that the noise of one sample takes."""
        return math.prod(self.site.shape) * (1 if self.site.kind == "keep" else 8)

    def take(self, count):
        """Noise of the next `count` samples, samples first: uint8 for "keep", or float64."""
        parts = []
        while count:
            if not len(self.ready):
                self.ready = self._draw(min(self.group, self.left))
            parts.append(self.ready[:count])
            self.ready = self.ready[count:]
            count -= len(parts[-1])
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _draw(self, count):
        self.left -= count
        kind, shape, p = self.site
        shape = (count, *shape)
        if kind == "keep":
            return sample_mask(shape, p, rng=self.rng).view(np.uint8)
        return self.rng.random(shape) if kind == "uniform" else self.rng.standard_normal(shape)
