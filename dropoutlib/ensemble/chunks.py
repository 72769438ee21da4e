"""The masks in chunks, with their weights and values: what every exact average runs over."""

import time
from fractions import Fraction

import numpy as np

from ..masks import check_probability, enumerate_masks, iterate_masks, mask_weights
from .one_hidden_layer import OneHiddenLayer

__all__ = ["weighted_values"]

CHUNK_BYTES = 1 << 25  # values of f that are in memory together
MAX_CHUNK = 12  # at most 2^12 masks at a time, whose values mostly stay in cache
PROBE_SECONDS = 0.25  # how long to measure before the whole is estimated


def weighted_values(f, n, p, max_seconds):
    """Chunks of P(m), where it is not 0, and of the values of f that go with them."""
    check_probability(p)
    p = p if isinstance(p, Fraction) else Fraction(float(p))  # each weight is rounded only once
    by_count = mask_weights(np.tri(n + 1, n, -1, dtype=bool), p).astype(float)
    fast = isinstance(f, OneHiddenLayer)
    if fast and n != len(f.terms):
        raise ValueError(f"the net has {len(f.terms)} inputs, got n={n}")
    size = _checked(f(next(iterate_masks(n))[:1]), 1).nbytes
    chunk = min(MAX_CHUNK, max(1, (CHUNK_BYTES // max(1, size)).bit_length() - 1))
    kept = enumerate_masks(min(n, chunk)).sum(axis=1)
    start, measured = time.perf_counter(), False
    chunks = f.over_all_masks(chunk) if fast else map(f, iterate_masks(n, chunk))
    for number, values in enumerate(chunks):  # whose bits are the upper units of its masks
        values = _checked(values, len(kept))
        weights = by_count[kept + number.bit_count()]
        used = weights > 0  # not so at p = 0 and 1, where the other masks may have any value
        if used.all():
            yield weights, values
        elif used.any():
            yield weights[used], values[used]
        seconds = time.perf_counter() - start
        if not measured and seconds > min(PROBE_SECONDS, max_seconds):
            measured = True
            _check_patience(n, (number + 1) * len(kept), seconds, size, max_seconds)


def _checked(values, masks):
    """Values of f as float64, one for each mask."""
    values = np.asarray(values)
    if values.shape[:1] != (masks,):
        raise ValueError(
            f"f must return one value for each of {masks} masks, got shape {values.shape}"
        )
    values = values.astype(float, copy=False)
    if not np.isfinite(values).all():
        raise ValueError("f must be finite for every mask, got an infinite value or NaN")
    return values


def _check_patience(n, done, seconds, size, max_seconds):
    """Refuse what will take longer than it may, by what the first masks have taken."""
    total = 2.0 ** min(n, 1000)
    estimate = seconds * total / done
    if estimate > max_seconds:
        raise ValueError(
            f"n={n} units have 2^{n} = {total:.2g} subnetworks: about {estimate:.2g} seconds, more "
            f"than max_seconds={max_seconds:g}, and {total * size:.2g} bytes of values to look at; "
            "average fewer units, draw masks with sample_mask, or pass max_seconds=math.inf"
        )
