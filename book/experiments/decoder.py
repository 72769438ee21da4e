"""A transformer that predicts the next symbol, for several seeds at once, and where it drops.

As in `networks`, the seeds are the first axis of every tensor and the rows the second.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .networks import SeedDropout, SeedLinear, stream

__all__ = ["SeedDecoder"]


class SeedDecoder(nn.Module):
    """A pre-norm decoder for each seed: symbols (S, B, T) to logits (S, B, symbols, T).

    In training it drops with one probability the embedding, the weights of attention, and what
    each branch adds (Vaswani et al. 2017). Positions enter as a penalty on the scores of attention
    that grows with the distance (Press et al. 2022), from one head to the next half as steep.

    Parameters
    ----------
    symbols : int
        How many there are.
    width, heads, depth : int
        Of the states; heads of attention, blocks.
    seeds : sequence of int
        One network for each. Its weights do not depend on what is dropped.
    p : float
        Probability of dropping.

    Raises
    ------
    ValueError, TypeError
        For a wrong probability.
    """

    def __init__(self, symbols, *, width, heads, depth, seeds, p=0.0):
        super().__init__()
        weights = [stream(seed, "weights") for seed in seeds]
        self.drop = SeedDropout(p, [stream(seed, "masks") for seed in seeds])
        self.heads, self.width = heads, width
        embed = [0.1 * rng.standard_normal((symbols, width), np.float32) for rng in weights]
        self.embed = nn.Parameter(torch.from_numpy(np.stack(embed)))
        sizes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
        self.blocks = nn.ModuleList(
            nn.ModuleList(SeedLinear(*size, weights) for size in sizes) for _ in range(depth)
        )
        self.last = SeedLinear(width, symbols, weights)
        with torch.no_grad():
            # He initialisation is for ReLU; and what all branches add has the variance of one.
            for qkv, out, _, down in self.blocks:
                qkv.weight.mul_(0.5**0.5)
                out.weight.mul_((4 * depth) ** -0.5)
                down.weight.mul_((4 * depth) ** -0.5)
            self.last.weight.mul_(0.1)

    def forward(self, x):
        """Predict what follows each symbol from it and those before; drop in training."""
        seeds, rows, length = x.shape
        symbols = self.embed.shape[1]
        own = x + symbols * torch.arange(seeds)[:, None, None]
        hidden = self.drop(F.embedding(own, self.embed.flatten(0, 1)))
        hidden = hidden.flatten(1, 2)  # a token a row, as linear layers want them
        for qkv, out, up, down in self.blocks:
            mixed = self._attend(qkv(self._norm(hidden)).unflatten(1, (rows, length)))
            hidden = hidden + self.drop(out(mixed.flatten(1, 2)))
            hidden = hidden + self.drop(down(F.gelu(up(self._norm(hidden)))))
        logits = self.last(self._norm(hidden))
        return logits.unflatten(1, (rows, length)).transpose(2, 3)

    def _norm(self, x):
        return F.layer_norm(x, (self.width,))

    def _attend(self, qkv):
        """Average the values of a token and those before it: (S, B, T, 3 n) to (S, B, T, n)."""
        query, key, value = qkv.unflatten(3, (3, self.heads, -1)).movedim(3, 0).transpose(3, 4)
        score = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        places = torch.arange(score.shape[-1])
        distance = places[:, None] - places
        steepness = 2.0 ** (1 - torch.arange(self.heads))[:, None, None]
        score = (score - steepness * distance).masked_fill(distance < 0, -torch.inf)
        share = self.drop(score.softmax(dim=-1))
        return (share @ value).transpose(2, 3).flatten(3)
