"""A transformer that reads images as tokens, for several seeds at once, and what it drops.

As in `networks`, the seeds are the first axis of every tensor and the rows the second.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .networks import SeedLinear, stream
from .structures import StructuredDropout

__all__ = ["BRANCH", "ELEMENT", "SeedEncoder"]

# Leading axes of what a branch adds, (row, token, unit), that have draws of their own.
BRANCH = 1
ELEMENT = 3


class SeedEncoder(nn.Module):
    """A pre-norm encoder for each seed: tokens (S, B, T, d) to logits (S, B, classes).

    Positions are learned, and the mean over tokens is what is classified. In training each block
    drops what its two branches add, whole or by element, with a probability of its own.

    Parameters
    ----------
    seeds : sequence of int
        One network for each. Its weights do not depend on what is dropped.
    tokens, inputs : int
        T and d: tokens of an image, and numbers in each.
    width, heads : int
        Of the states, and heads of attention.
    rates : sequence of float
        Probability of dropping in each block, from the input to the output.
    axes : {BRANCH, ELEMENT}
        Whether one draw decides on all that a branch adds to a row, which is DropPath, or each of
        its numbers has one, which is dropout.
    classes : int

    Raises
    ------
    ValueError, TypeError
        For a wrong probability.
    """

    def __init__(self, seeds, tokens, inputs, width, heads, rates, *, axes=BRANCH, classes=10):
        super().__init__()
        weights, masks = ([stream(s, purpose) for s in seeds] for purpose in ("weights", "masks"))
        self.heads, self.width = heads, width
        self.embed = SeedLinear(inputs, width, weights)
        places = [0.1 * rng.standard_normal((1, tokens, width), np.float32) for rng in weights]
        self.position = nn.Parameter(torch.from_numpy(np.stack(places)))
        blocks = []
        for p in rates:
            sizes = ((width, 3 * width), (width, width), (width, 2 * width), (2 * width, width))
            linear = nn.ModuleList([SeedLinear(*size, weights) for size in sizes])
            drops = nn.ModuleList([StructuredDropout(p, masks, axes=axes) for _ in range(2)])
            blocks.append(nn.ModuleList([linear, drops]))
        self.blocks = nn.ModuleList(blocks)
        self.last = SeedLinear(width, classes, weights)

    def forward(self, x):
        """Classify images; drop in training."""
        x = _each(self.embed, x) + self.position
        for (qkv, out, up, down), (first, second) in self.blocks:
            x = x + first(_each(out, self._attend(_each(qkv, self._norm(x)))))
            x = x + second(_each(down, F.gelu(_each(up, self._norm(x)))))
        return self.last(self._norm(x).mean(dim=2))

    def _norm(self, x):
        return F.layer_norm(x, (self.width,))

    def _attend(self, qkv):
        triple = qkv.unflatten(3, (3, self.heads, -1)).movedim(3, 0).transpose(3, 4)
        mixed = F.scaled_dot_product_attention(*triple.flatten(1, 2))
        return mixed.unflatten(0, qkv.shape[:2]).transpose(2, 3).flatten(3)


def _each(layer, x):
    """Apply a layer of (S, B, n) to every token of (S, B, T, n)."""
    return layer(x.flatten(1, 2)).unflatten(1, x.shape[1:3])
