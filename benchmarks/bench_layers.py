"""The NumPy layers against ``torch.nn.functional``, from one unit to a hundred million.

Run as ``python benchmarks/bench_layers.py``, on one core. A ratio above 1 means quicker than the
baseline, which is the first method of a case.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from timing import compare, table
from torch.nn import functional

from dropoutlib import layers

__all__ = ["goals", "packing", "rows", "sizes", "variants"]

P = 0.3
UNITS = 4_000_000
SIZES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)


def rows(rounds=25):
    """All comparisons in float32, as a list of timing.Row."""
    return goals(rounds) + packing(rounds) + variants(rounds) + sizes(rounds=rounds)


def goals(rounds=25):
    """Compare passes over four million units with torch's, and with copying them."""
    x, grad, tensor = _data(UNITS)
    copy = np.empty_like(x)
    found = []
    for p in (P, 0.5):
        layer = layers.Dropout(p, rng=0)

        def forward(layer=layer):
            layer.forward(x)

        def copyto():
            np.copyto(copy, x)

        found += compare(
            f"forward, p = {p}",
            _torch(functional.dropout, tensor, p),
            {"dropoutlib": forward, "textbook NumPy": lambda p=p: _textbook(x, p)},
            rounds=rounds,
        )
        # The cost in copies of the same array: how much quicker the copy is.
        found += compare(
            f"in copies, p = {p}",
            ("dropoutlib", forward),
            {"numpy.copyto": copyto},
            rounds=rounds,
        )
    layer = layers.Dropout(P, rng=0)
    inputs, upstream = tensor.clone().requires_grad_(), torch.from_numpy(grad)

    def torchs():
        functional.dropout(inputs, P, training=True).backward(upstream)
        inputs.grad = None

    def ours():
        layer.forward(x)
        layer.backward(grad)

    return found + compare(
        f"training step, p = {P}", ("torch", torchs), {"dropoutlib": ours}, rounds=rounds
    )


def packing(rounds=25):
    """Compare masks of one bit and of one byte a unit, forward and backward."""
    x, grad, _ = _data(UNITS)

    def step(layer):
        return lambda: (layer.forward(x), layer.backward(grad))

    kept, packed = layers.Dropout(P, rng=0), layers.Dropout(P, rng=0, packed=True)
    return compare(
        "a byte or a bit", ("a byte", step(kept)), {"a bit": step(packed)}, rounds=rounds
    )


def variants(rounds=25):
    """Compare the other layers that torch has as functions."""
    shape = (64, 64, 32, 32)
    x, _, tensor = _data(np.prod(shape), shape)
    pairs = {
        "alpha": (layers.AlphaDropout, functional.alpha_dropout),
        "2d": (layers.Dropout2d, functional.dropout2d),
        "feature alpha": (layers.FeatureAlphaDropout, functional.feature_alpha_dropout),
    }
    found = []
    for name, (kind, function) in pairs.items():
        layer = kind(P, rng=0)
        ours = {"dropoutlib": lambda layer=layer: layer.forward(x)}
        found += compare(name, _torch(function, tensor, P), ours, rounds=rounds)
    return found


def sizes(chosen=SIZES, rounds=25):
    """Compare forward passes of all sizes that fit the memory; small ones are timed together."""
    found = []
    for size in chosen:
        if 20 * size > _free_bytes():  # five arrays in single precision
            print(f"skipped: {size} units need {20 * size / 2**30:.1f} GiB")
            continue
        x, _, tensor = _data(size)
        repeats, layer = max(1, min(300, 300_000 // size)), layers.Dropout(P, rng=0)
        _, torchs = _torch(functional.dropout, tensor, P)
        found += compare(
            f"forward, {size} units",
            ("torch", _repeated(torchs, repeats)),
            {"dropoutlib": _repeated(lambda layer=layer, x=x: layer.forward(x), repeats)},
            rounds=rounds,
            units=repeats * size,
        )
    return found


def _data(size, shape=None):
    """An input, a gradient, and the same input for torch."""
    x = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    x = x if shape is None else x.reshape(shape)
    return x, np.ones_like(x), torch.from_numpy(x)


def _torch(function, tensor, p):
    return "torch", lambda: function(tensor, p, training=True)


def _textbook(x, p):
    return x * np.random.default_rng(0).binomial(1, 1 - p, x.shape) / (1 - p)


def _repeated(function, times):
    def repeated():
        for _ in range(times):
            function()

    return repeated


def _free_bytes():
    """Memory that is free, where the system says so."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        return float("inf")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table(rows()))
