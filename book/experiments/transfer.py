"""Networks that were trained on one task and are trained on from there, in several ways.

As in `networks`, the seeds are the first axis of every tensor.
"""

import numpy as np
import torch
from torch import nn

from .networks import SeedDropout, SeedLinear, stream

__all__ = ["RANK", "SeedTuned", "features", "tuned"]

RANK = 4  # of a LoRA adapter


class SeedTuned(nn.Module):
    """A pretrained linear layer for each seed that is trained on: (S, B, in) to (S, B, out).

    Its weights are fixed values plus a change, which starts at zero and is what is trained, so
    that decoupled decay of the change pulls to the pretrained weights, and dropout of the change
    is mixout (``thm-mixout``, part 1).

    Parameters
    ----------
    layer : SeedLinear
        The pretrained layer; it is not changed.
    rngs : sequence of numpy.random.Generator
        One for each seed, for masks and the start of an adapter.
    way : {"all", "to zero", "LoRA", "head only"}
        Whether all weights change; all, with the pretrained values as the start of the change
        and zero as the fixed values; an adapter of rank `RANK` beside fixed weights; or none.
    mixout, lora_dropout : float
        Probabilities that the change of a weight, drawn for a batch, and that an input of the
        adapter is dropped.
    """

    def __init__(self, layer, rngs, *, way="all", mixout=0.0, lora_dropout=0.0):
        super().__init__()
        weight, bias = layer.weight.detach(), layer.bias.detach()
        self.way = way
        fixed = weight, bias
        if way == "to zero":
            fixed = torch.zeros_like(weight), torch.zeros_like(bias)
        for name, value in zip(("weight", "bias"), fixed, strict=True):
            self.register_buffer(name, value.clone())
        self.mixed, self.adapted = (SeedDropout(p, rngs) for p in (mixout, lora_dropout))
        if way == "LoRA":
            _, fan_in, fan_out = weight.shape
            down = [rng.standard_normal((fan_in, RANK)) / np.sqrt(fan_in) for rng in rngs]
            self.down = nn.Parameter(torch.tensor(np.stack(down), dtype=weight.dtype))
            self.up = nn.Parameter(torch.zeros(len(down), RANK, fan_out, dtype=weight.dtype))
        elif way != "head only":
            self.change = nn.Parameter(weight - self.weight)
            self.bias_change = nn.Parameter(bias - self.bias)

    def forward(self, x):
        """Apply the layer of each seed to the rows of that seed."""
        if self.way in ("all", "to zero"):
            weight = self.weight + self.mixed(self.change)
            return torch.baddbmm(self.bias + self.bias_change, x, weight)
        found = torch.baddbmm(self.bias, x, self.weight)
        if self.way == "LoRA":
            found = found + self.adapted(x) @ self.down @ self.up
        return found


def tuned(net, seeds, way, given):
    """Return a network that starts as a pretrained one, with dropout where a candidate has it.

    Its last layer, the head, is kept and all of it is trained, whatever is fixed below.

    Parameters
    ----------
    net : torch.nn.Module
        The pretrained network, of linear layers with ReLU between them.
    seeds : sequence of int
        They draw the adapters' start and the masks.
    way : str
        As for `SeedTuned`.
    given : dict
        Of the candidate are taken ``mixout``, ``LoRA dropout``, ``dropout``, in front of every
        layer, and ``head dropout``, in front of the head.

    Returns
    -------
    torch.nn.Sequential
        Takes (S, B, in) to (S, B, out).
    """
    masks = [stream(seed, "masks") for seed in seeds]
    everywhere = given.get("dropout", 0.0)
    noise = {"mixout": given.get("mixout", 0.0), "lora_dropout": given.get("LoRA dropout", 0.0)}
    *layers, head = linear(net)
    parts = []
    for layer in layers:
        parts += [SeedDropout(everywhere, masks), SeedTuned(layer, masks, way=way, **noise)]
        parts += [nn.ReLU()]
    parts += [SeedDropout(given.get("head dropout", everywhere), masks)]
    whole = "to zero" if way == "to zero" else "all"
    return nn.Sequential(*parts, SeedTuned(head, masks, way=whole, mixout=noise["mixout"]))


def linear(net):
    """Linear layers of a network, from the input to the output."""
    return [layer for layer in net.modules() if isinstance(layer, SeedLinear)]


@torch.no_grad()
def features(net, x):
    """What the hidden layers of a network make of rows, (S, N, in) to (S, N, width)."""
    found = torch.as_tensor(x)
    for layer in linear(net)[:-1]:
        found = layer(found).relu()
    return found.numpy()
