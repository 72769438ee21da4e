"""Monte Carlo dropout: `mc_samples` against a plain loop of 100 full passes.

Run as ``python benchmarks/bench_mc.py``, on one thread.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from timing import compare, table
from torch import nn

from dropoutlib.bayes.closed_form import analytic
from dropoutlib.bayes.sampling import mc_samples

__all__ = ["rows"]

T = 100
CASES = {"MLP 784-512-512-10": (1, 64), "convolutional, dropout in head": (1, 32)}


def rows(rounds=9):
    """Compare the ways to get 100 samples, for two networks and two batches each.

    Returns
    -------
    list of timing.Row
        The loop is the baseline. The closed form, where there is one, is no sample at all.
    """
    torch.set_num_threads(1)
    return [row for name, sizes in CASES.items() for n in sizes for row in _case(name, n, rounds)]


def _case(name, batch, rounds):
    torch.manual_seed(0)
    convolutional = not name.startswith("MLP")
    model = _convolutional() if convolutional else _perceptron()
    x = torch.randn(batch, 1, 28, 28) if convolutional else torch.randn(batch, 784)
    candidates = {"mc_samples": lambda: mc_samples(model, x, T)}
    if convolutional:
        candidates["analytic"] = lambda: analytic(model, x)
    return compare(
        f"{name}, batch {batch}", ("loop", lambda: _loop(model, x)), candidates, rounds=rounds
    )


def _perceptron():
    return nn.Sequential(
        *(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.3)),
        *(nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.3)),
        nn.Linear(512, 10),
    )


def _convolutional():
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(0.3)),
        nn.Linear(128, 10),
    )


def _loop(model, x):
    """What everybody writes: dropout layers in training mode, and T passes."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        return torch.stack([model(x) for _ in range(T)])


if __name__ == "__main__":
    print(table(rows()))
