"""Stochastic depth against timm and torchvision, where they are installed.

Run as ``python benchmarks/bench_peers.py``, on one core.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib

import torch
from timing import compare, table

from dropoutlib import nn

__all__ = ["missing", "rows"]

P = 0.2
SHAPE = (64, 197, 384)  # a batch of a small vision transformer
# package: (module, name of the layer), or None where another benchmark compares with it
PEERS = {
    "timm": ("timm.layers", "DropPath"),
    "torchvision": ("torchvision.ops", "StochasticDepth"),
    "baal": None,
    "torch-uncertainty": None,
}


def missing():
    """What is not installed, or does not fit this build of torch, and why."""
    reasons = {}
    for name in PEERS:
        try:
            importlib.import_module(name.replace("-", "_"))
        except ModuleNotFoundError as error:
            own = error.name == name.replace("-", "_")
            reasons[name] = "not installed" if own else f"needs {error.name}"
        except Exception as error:  # a build for another torch fails in ways of its own
            reasons[name] = f"cannot be imported ({type(error).__name__})"
    return reasons


def rows(rounds=25):
    """Compare a training step of a dropped branch; the first that is there is the baseline.

    Returns
    -------
    list of timing.Row
        Empty if there is nothing to compare with.
    """
    x, grad = torch.randn(SHAPE, requires_grad=True), torch.ones(SHAPE)
    absent, steps = missing(), {}
    for name, place in PEERS.items():
        if place and name not in absent:
            kind = getattr(importlib.import_module(place[0]), place[1])
            layer = kind(P, mode="row") if name == "torchvision" else kind(P)
            steps[name] = lambda layer=layer: _training_step(layer, x, grad)
    if not steps:
        return []
    baseline = next(iter(steps))
    ours = nn.DropPath(P)
    first = baseline, steps.pop(baseline)
    steps["dropoutlib"] = lambda: _training_step(ours, x, grad)
    return compare("stochastic depth, training step", first, steps, rounds=rounds)


def _training_step(module, x, grad):
    module(x).backward(grad)
    x.grad = None


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("skipped:", missing() or "none")
    print(table(rows()))
