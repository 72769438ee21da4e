"""Residual networks whose branches are dropped in training, more of them with depth."""

import numpy as np
import torch
from torch import nn

from dropoutlib.masks import check_probability, sample_mask

from ..images import splits
from ..networks import SeedLinear, stream
from ..registry import experiment
from ..training import error_and_nll, fit

ARMS = ("none", "stochastic depth")


class SeedBlock(nn.Module):
    """x + f(x) m / q with f = linear, ReLU, linear, and one mask entry m for each row."""

    def __init__(self, width, p, weights, masks, scale):
        super().__init__()
        self.branch = nn.Sequential(
            SeedLinear(width, width, weights), nn.ReLU(), SeedLinear(width, width, weights)
        )
        with torch.no_grad():
            self.branch[2].weight.mul_(scale)
        self.p, self.rngs = check_probability(p), list(masks)

    def forward(self, x):
        """Drop the branch in training; in evaluation it is always there (``thm-droppath``)."""
        if not self.training or self.p == 0:
            return x + self.branch(x)
        keep = np.stack([sample_mask((x.shape[1], 1), self.p, rng=rng) for rng in self.rngs])
        return x + self.branch(x) * torch.from_numpy(keep).to(x.dtype).div_(1 - self.p)


def residual(pixels, width, blocks, last, seeds):
    """A residual network for each seed; block l of L is dropped with probability p_L l / L."""
    weights = [stream(seed, "weights") for seed in seeds]
    masks = [stream(seed, "masks") for seed in seeds]
    layers = [SeedLinear(pixels, width, weights)]
    for number in range(1, blocks + 1):
        p = last * number / blocks
        layers.append(SeedBlock(width, p, weights, masks, blocks**-0.5))
    return nn.Sequential(*layers, nn.ReLU(), SeedLinear(width, 10, weights))


@experiment(
    "S3",
    title="Fashion-MNIST: stochastic depth in a residual network of fully connected blocks",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1002),
    settings={
        "data": "fashion_mnist",
        "held_out": None,
        "rows": 2000,
        "width": 64,
        "blocks": 8,
        "last": 0.5,
        "epochs": 30,
        "batch_size": 50,
        "optimizer": "adam",
        "lr": 0.001,
    },
    pilot={"held_out": 10000},
    small={
        "data": "mnist_5k",
        "held_out": 1000,
        "rows": 1000,
        "width": 32,
        "blocks": 4,
        "epochs": 20,
    },
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def stochastic_depth(seeds, arm, *, data, held_out, rows, width, blocks, last, **step):
    """Train a residual network with or without stochastic depth.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "stochastic depth"}
    data, held_out, rows
        As for `images.splits`.
    width, blocks : int
        Units of a layer, and number of residual blocks.
    last : float
        Probability of dropping the last block; it rises linearly with depth (Huang et al. 2016).
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        ``error`` and ``nll`` of each seed, in evaluation mode.
    """
    x, y, x_test, y_test = splits(data, held_out, seeds, rows)
    net = residual(x.shape[2], width, blocks, 0.0 if arm == "none" else last, seeds)
    fit(net, x, y, seeds, **step)
    return error_and_nll(net, x_test, y_test)
