"""One network out of those that were trained together, as ordinary modules of torch."""

import torch
from torch import nn

from .networks import SeedDropout, SeedLinear

__all__ = ["single"]


@torch.no_grad()
def single(net, position):
    """Copy the network of one seed, so that `dropoutlib.bayes.mc_samples` can draw from it.

    Parameters
    ----------
    net : torch.nn.Sequential
        Made by `networks.mlp`, with Bernoulli noise.
    position : int
        Which of its seeds.

    Returns
    -------
    torch.nn.Sequential
        Takes (B, in) to (B, out), in evaluation mode.
    """
    return nn.Sequential(*(_copy(layer, position) for layer in net)).eval()


def _copy(layer, position):
    if isinstance(layer, SeedDropout):
        return nn.Dropout(layer.p)
    if not isinstance(layer, SeedLinear):
        return layer
    weight, bias = layer.weight[position], layer.bias[position, 0]
    found = nn.Linear(*weight.shape, dtype=weight.dtype)
    found.weight.copy_(weight.T)
    found.bias.copy_(bias)
    return found
