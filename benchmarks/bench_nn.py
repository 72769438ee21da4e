"""`dropoutlib.nn.Dropout` against ``torch.nn.Dropout``, from one unit to ten million.

Run as ``python benchmarks/bench_nn.py``, on one core. A ratio above 1 means that ours is quicker.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from timing import compare, table

from dropoutlib import nn

__all__ = ["one_core", "rows"]

P = 0.3
SIZES = (1, 10, 100, 1_000, 10_000, 32_768, 100_000, 1_000_000, 4_000_000, 10_000_000)
# Sizes that are also timed at once after a pass of the other method, as in training, where other
# work runs between; in a loop of its own each finds in the caches what it left there.
BETWEEN = (1_000, 100_000, 4_000_000)
# A round of small tensors repeats them until the clock can tell, but not for ever.
UNITS, MOST = 300_000, 300


def rows(sizes=SIZES, rounds=25):
    """Compare training steps, forward and backward, and forward passes without gradient.

    Returns
    -------
    list of timing.Row
        float32, p = 0.3, torch first; the milliseconds of small tensors are of many passes.
    """
    found = []
    for size in sizes:
        x, grad = torch.randn(size, requires_grad=True), torch.ones(size)
        repeats = max(1, min(MOST, UNITS // size))
        for case, run in (("training step", _training_step), ("forward", _forward)):
            pair = {
                name: _passes(run, module, x, grad, repeats)
                for name, module in (("torch", torch.nn.Dropout(P)), ("dropoutlib", nn.Dropout(P)))
            }
            baseline = "torch", pair.pop("torch")
            options = {"rounds": rounds, "units": repeats * size}
            name = f"{case}, {size} units"
            found += compare(name, baseline, pair, **options)
            if size in BETWEEN:
                name = f"in turns: {name}"
                found += compare(name, baseline, pair, settling=0, **options)
    return found


def _passes(run, module, x, grad, repeats):
    def passes():
        for _ in range(repeats):
            run(module, x, grad)

    return passes


def _training_step(module, x, grad):
    module(x).backward(grad)
    x.grad = None


def _forward(module, x, grad):
    with torch.no_grad():
        module(x)


def one_core():
    """Use one thread, on one core."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    one_core()
    print(table(rows()))
