"""A residual network of convolutions for several seeds at once, and what is dropped in it.

As in `networks`, the seeds are the first axis of every tensor and the rows the second.
"""

import functools
import itertools

import torch.nn.functional as F
from torch import nn

from .networks import SeedDropout, SeedLinear, stream
from .structures import SeedBatchNorm, SeedConv, StructuredDropout

__all__ = ["INSIDE", "SeedResidual"]

# What may be dropped between the two convolutions of a block.
INSIDE = {
    "units": SeedDropout,
    "channels": StructuredDropout,
    "blocks": functools.partial(StructuredDropout, block=3),
}


class SeedResidual(nn.Module):
    """A residual network for each seed: images (S, B, H, W) to logits (S, B, classes).

    Each block adds a branch of normalisation, ReLU and convolution, twice. Stages follow each
    other; from the second on, the first block of a stage halves the side of its maps, and what
    it adds to is every second place of them, with channels of zeros behind its own.

    Parameters
    ----------
    seeds : sequence of int
        One network for each. Its weights do not depend on what is dropped.
    channels : sequence of int
        Of the maps in each stage, ascending.
    depth : int
        Blocks of a stage.
    inside : {"units", "channels", "blocks"}
        What is dropped between the two convolutions of a block, in front of the second.
    p : float
        With which probability.
    paths : sequence of float
        Probability of dropping the branch of each block, from the input to the output, one draw
        for each row.
    classes : int

    Raises
    ------
    ValueError, TypeError
        For a wrong probability.
    """

    def __init__(self, seeds, channels, depth, *, inside="units", p=0.0, paths=None, classes=10):
        super().__init__()
        weights, masks = ([stream(s, purpose) for s in seeds] for purpose in ("weights", "masks"))
        self.first = SeedConv(1, channels[0], weights)
        paths = iter(paths or [0.0] * depth * len(channels))
        sizes = [channels[0], *(size for size in channels for _ in range(depth))]
        self.blocks = nn.ModuleList(
            SeedBlock(*pair, INSIDE[inside](p, masks), next(paths), weights, masks)
            for pair in itertools.pairwise(sizes)
        )
        self.norm = SeedBatchNorm(len(weights), sizes[-1])
        self.last = SeedLinear(sizes[-1], classes, weights)

    def forward(self, x):
        """Classify images; drop in training."""
        x = self.first(x.unsqueeze(2))
        for block in self.blocks:
            x = block(x)
        return self.last(F.relu(self.norm(x)).mean(dim=(3, 4)))


class SeedBlock(nn.Module):
    """x + f(x) with f twice normalisation, ReLU, convolution, one `dropout` in front of the last.

    With more channels `out` than `channels`, both terms have half the side.
    """

    def __init__(self, channels, out, dropout, path, weights, masks):
        super().__init__()
        self.more = out - channels
        self.stride = 2 if self.more else 1
        self.branch = nn.Sequential(
            SeedBatchNorm(len(weights), channels),
            nn.ReLU(),
            SeedConv(channels, out, weights, self.stride),
            SeedBatchNorm(len(weights), out),
            nn.ReLU(),
            dropout,
            SeedConv(out, out, weights),
            StructuredDropout(path, masks, axes=1),
        )

    def forward(self, x):
        """Add the branch; drop in training."""
        same = F.pad(x[..., :: self.stride, :: self.stride], [0, 0, 0, 0, 0, self.more])
        return same + self.branch(x)
