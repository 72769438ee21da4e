"""Monte Carlo dropout: `mc_samples` against a plain loop of 100 full passes.

Run as ``python benchmarks/bench_mc.py``, on one core.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib

import torch
from timing import compare, table
from torch import nn

from dropoutlib.bayes.active import only_dropout_active
from dropoutlib.bayes.closed_form import analytic
from dropoutlib.bayes.sampling import mc_samples

__all__ = ["CASES", "T", "loop", "rows"]

T, P = 100, 0.3


def rows(rounds=25):
    """Compare the ways to get 100 samples, for several networks and sizes of a batch.

    Returns
    -------
    list of timing.Row
        The loop is the baseline. The closed form, where there is one, is no sample at all.
    """
    torch.set_num_threads(1)
    found = []
    for name, (build, shape, sizes, head) in CASES.items():
        for batch in sizes:
            torch.manual_seed(0)
            model, x = build(), torch.randn(batch, *shape)
            candidates = {"mc_samples": lambda model=model, x=x: mc_samples(model, x, T)}
            if head:
                candidates["analytic"] = lambda model=model, x=x: analytic(model, x)
            first = "loop", lambda model=model, x=x: loop(model, x)
            found += compare(f"{name}, batch {batch}", first, candidates, rounds=rounds)
    return found


def loop(model, x):
    """What everybody writes: dropout layers in training mode, and T passes."""
    with only_dropout_active(model), torch.no_grad(), _no_fast_path():
        return torch.stack([model(x) for _ in range(T)])


@contextlib.contextmanager
def _no_fast_path():
    """Attention in the form that has dropout: torch has another one for evaluation."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _perceptron():
    return nn.Sequential(
        *(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(P)),
        *(nn.Linear(512, 512), nn.ReLU(), nn.Dropout(P)),
        nn.Linear(512, 10),
    )


def _convolutional():
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(P)),
        nn.Linear(128, 10),
    )


def _spatial():
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Dropout2d(P), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Dropout2d(P), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(1568, 10)),
    )


def _dropout_first():
    return nn.Sequential(
        *(nn.Dropout(P), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(P), nn.Linear(512, 10)),
    )


def _tiny():
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(P), nn.Linear(8, 1))


class _Residual(nn.Module):
    """A model that is no sequence."""

    def __init__(self):
        super().__init__()
        self.first, self.drop = nn.Linear(64, 256), nn.Dropout(P)
        self.inner, self.head = nn.Linear(256, 256), nn.Linear(256, 10)

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = h + self.drop(torch.relu(self.inner(self.drop(h))))
        return self.head(h)


class _Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(16, 32, 2, dropout=P, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


def _transformer():
    layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=P, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


# name: what builds it, shape of a row, sizes of a batch, whether there is a closed form
CASES = {
    "MLP 784-512-512-10": (_perceptron, (784,), (1, 64, 256), False),
    "convolutional, dropout in head": (_convolutional, (1, 28, 28), (1, 32), True),
    "convolutional, dropout of maps": (_spatial, (1, 28, 28), (1, 32), False),
    "MLP, dropout first": (_dropout_first, (784,), (1, 512), False),
    "MLP 3-8-1": (_tiny, (3,), (1, 64), True),
    "residual": (_Residual, (64,), (1, 64), False),
    "LSTM": (_Recurrent, (20, 16), (1, 32), False),
    "transformer": (_transformer, (16, 64), (1, 16), False),
}


if __name__ == "__main__":
    print(table(rows()))
