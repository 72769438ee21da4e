"""Dropping weights beside dropping the units in front of them."""

import torch
from torch import nn

from dropoutlib.masks import check_probability, sample_mask

from ..images import splits
from ..networks import mlp, stream
from ..registry import experiment
from ..training import error_and_nll, fit

ARMS = ("none", "dropconnect", "dropout")


class SeedDropConnect(nn.Module):
    """A `networks.SeedLinear` whose weights are dropped, for each row of the input by itself."""

    def __init__(self, linear, p, rngs):
        super().__init__()
        self.linear, self.p, self.rngs = linear, check_probability(p), list(rngs)

    def forward(self, x):
        """Drop in training; in evaluation use the mean weights (``thm-dropconnect-moments``)."""
        if not self.training or self.p == 0:
            return self.linear(x)
        weights = self.linear.weight / (1 - self.p)
        found = []
        # One seed after the other: the dropped weights of one stay near the core.
        for own, weight, rng in zip(x, weights, self.rngs, strict=True):
            keep = torch.from_numpy(sample_mask((len(own), *weight.shape), self.p, rng=rng))
            found.append(torch.einsum("bi,bij->bj", own, keep.to(x.dtype) * weight))
        return torch.stack(found) + self.linear.bias


def connect(net, p, seeds):
    """Drop, in networks that `networks.mlp` made, weights of all layers behind hidden units."""
    masks = [stream(seed, "masks") for seed in seeds]
    for position in range(4, len(net), 3):  # behind noise, linear, ReLU, noise, and so on
        net[position] = SeedDropConnect(net[position], p, masks)


@experiment(
    "S2",
    title="MNIST: DropConnect between no dropout and dropout",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1002),
    settings={
        "data": "mnist",
        "held_out": None,
        "rows": 1000,
        "hidden": 96,
        "p": 0.5,
        "epochs": 40,
        "batch_size": 20,
        "optimizer": "adam",
        "lr": 0.001,
    },
    pilot={"held_out": 10000},
    small={"data": "mnist_5k", "held_out": 1000, "rows": 1000, "hidden": 32, "epochs": 20},
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def dropconnect(seeds, arm, *, data, held_out, rows, hidden, p, **step):
    """Train 784-n-n-10; what is dropped is behind the first hidden layer and behind the second.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "dropconnect", "dropout"}
        Dropping weights of the last two layers, with a mask for each row, or their inputs.
    data, held_out, rows
        As for `images.splits`.
    hidden : int
        Width n of both hidden layers.
    p : float
        Probability of dropping.
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        ``error`` and ``nll`` of each seed, in evaluation mode.
    """
    x, y, x_test, y_test = splits(data, held_out, seeds, rows)
    net = mlp((x.shape[2], hidden, hidden, 10), seeds, p_hidden=p if arm == "dropout" else 0.0)
    if arm == "dropconnect":
        connect(net, p, seeds)
    fit(net, x, y, seeds, **step)
    return error_and_nll(net, x_test, y_test)
