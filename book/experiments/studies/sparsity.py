"""What dropout does to the hidden code of an autoencoder."""

import numpy as np
import torch

from ..images import splits
from ..networks import mlp
from ..registry import experiment
from ..training import fit, outputs

ARMS = {"none": 0.0, "dropout": 0.5}


@experiment(
    "R6",
    title="MNIST autoencoder: activity of the hidden units with and without dropout",
    arms=ARMS,
    seeds=range(5),
    pilot_seeds=range(1000, 1002),
    settings={
        "data": "mnist",
        "held_out": None,
        "rows": 2000,
        "hidden": 256,
        "epochs": 30,
        "batch_size": 50,
        "optimizer": "adam",
        "lr": 0.001,
    },
    pilot={"held_out": 10000},
    small={"data": "mnist_5k", "held_out": 1000, "rows": 1000, "hidden": 64},
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def sparsity(seeds, arm, *, data, held_out, rows, hidden, **step):
    """Train 784-n-784 with a ReLU to reproduce its input, by squared error.

    The mean image of the training rows is subtracted beforehand.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "dropout"}
        Whether half of the hidden units are dropped in training.
    data, held_out, rows
        As for `images.splits`.
    hidden : int
        Number n of hidden units.
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        On the rows to judge by, in evaluation mode: ``activation``, the mean of the hidden
        units; ``active``, the fraction of them above 0; ``hoyer``, the mean over rows of Hoyer's
        sparsity, 0 for equal units and 1 for a single active one, which no scale changes;
        ``rmse`` of the reconstructed pixels.
    """
    x, _, x_test, _ = splits(data, held_out, seeds, rows)
    # With inputs of which none is negative most units would be active on hardly any row.
    mean = x.mean(axis=1, keepdims=True)
    x, x_test = x - mean, x_test - mean
    pixels = x.shape[2]
    net = fit(mlp((pixels, hidden, pixels), seeds, p_hidden=ARMS[arm]), x, x, seeds, **step)
    codes = outputs(torch.nn.Sequential(*list(net)[:3]), x_test)  # input noise, linear, ReLU
    errors = (outputs(net, x_test) - x_test) ** 2
    return [
        {
            "activation": float(code.mean()),
            "active": float((code > 0).mean()),
            "hoyer": float(_hoyer(code).mean()),
            "rmse": float(np.sqrt(error.mean())),
        }
        for code, error in zip(codes, errors, strict=True)
    ]


def _hoyer(code):
    """(sqrt(n) - |h|_1 / |h|_2) / (sqrt(n) - 1) of each row (Hoyer 2004)."""
    root = np.sqrt(code.shape[1])
    length = np.sqrt((code**2).sum(axis=1))
    ratio = code.sum(axis=1) / np.where(length > 0, length, 1)
    return (root - np.where(length > 0, ratio, root)) / (root - 1)
