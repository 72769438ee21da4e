"""Advice for structured networks: units, channels or blocks of a convolution, and DropPath."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from dropoutlib.schedules import linear_depth

from ..images import parts
from ..networks import SeedDropout, SeedLinear, stream
from ..registry import experiment
from ..structures import SeedConv, StructuredDropout
from ..training import fit, outputs
from .advice_mlp import judge

SIDE = 8  # of the digits
COMMON = {
    "data": "digits",
    "judged_by": "test",
    "rows": 200,
    "steps": 300,
    "batch_size": 50,
}
RUNS = {
    "seeds": range(10),
    "pilot_seeds": range(1000, 1003),
    "pilot": {"judged_by": "held out"},
    "small_seeds": range(2),
    "batch": 10,
    "tolerance": 0.25,
}


def _train(net, seeds, data, rows, judged_by, steps, batch_size, lr):
    """Train with Adam for a number of steps, and judge in evaluation mode."""
    x, y, x_judge, y_judge = parts(data, rows, seeds, judged_by)
    epochs = max(1, round(steps / (rows // batch_size)))
    fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, optimizer="adam", lr=lr)
    return judge(outputs(net, x_judge, batch_size=200), y_judge, outputs(net, x), y)


class ConvNet(nn.Module):
    """Two 3 x 3 convolutions of the digits, each with ReLU, dropout and max-pooling."""

    def __init__(self, seeds, channels, kind, p):
        super().__init__()
        weights, masks = ([stream(s, purpose) for s in seeds] for purpose in ("weights", "masks"))
        self.convolutions = nn.ModuleList(
            [SeedConv(1, channels, weights), SeedConv(channels, 2 * channels, weights)]
        )
        self.last = SeedLinear(2 * channels * (SIDE // 4) ** 2, 10, weights)
        self.dropouts = nn.ModuleList([_conv_dropout(kind, p, masks, block) for block in (3, 2)])

    def forward(self, x):
        """From (S, B, 64) to (S, B, 10)."""
        x = x.unflatten(2, (1, SIDE, SIDE))
        for convolution, dropout in zip(self.convolutions, self.dropouts, strict=True):
            x = dropout(F.relu(convolution(x)))
            x = F.max_pool2d(x.flatten(0, 1), 2).unflatten(0, x.shape[:2])
        return self.last(x.flatten(2))


def _conv_dropout(kind, p, masks, block):
    if kind == "channel":
        return StructuredDropout(p, masks)
    if kind == "block":
        return StructuredDropout(p, masks, block=block)
    return SeedDropout(p, masks)


CONVOLUTIONS = {
    f"{kind} p={p}": (kind, p)
    for kind, p in (
        ("unit", 0.0),
        ("unit", 0.1),
        ("unit", 0.3),
        ("channel", 0.1),
        ("channel", 0.3),
        ("block", 0.1),
    )
}


@experiment(
    "P5",
    title="Convolutions: units, channels or blocks dropped, with a small probability",
    arms=CONVOLUTIONS,
    settings=COMMON | {"channels": 6, "lr": 0.005},
    small={"channels": 4, "steps": 20},
    **RUNS,
)
def convolutions(seeds, arm, *, channels, **settings):
    """Train a convolutional network and judge it in evaluation mode."""
    return _train(ConvNet(seeds, channels, *CONVOLUTIONS[arm]), seeds, **settings)


class Transformer(nn.Module):
    """A pre-norm transformer that reads an image row by row; DropPath on both its branches."""

    def __init__(self, seeds, width, heads, rates):
        super().__init__()
        weights, masks = ([stream(s, purpose) for s in seeds] for purpose in ("weights", "masks"))
        self.heads, self.width = heads, width
        self.embed = SeedLinear(SIDE, width, weights)
        places = [0.1 * rng.standard_normal((1, SIDE, width), np.float32) for rng in weights]
        self.position = nn.Parameter(torch.from_numpy(np.stack(places)))
        blocks = []
        for p in rates:
            sizes = ((width, 3 * width), (width, width), (width, 2 * width), (2 * width, width))
            linear = nn.ModuleList([SeedLinear(*size, weights) for size in sizes])
            paths = nn.ModuleList([StructuredDropout(p, masks, axes=1) for _ in range(2)])
            blocks.append(nn.ModuleList([linear, paths]))
        self.blocks = nn.ModuleList(blocks)
        self.last = SeedLinear(width, 10, weights)

    def forward(self, x):
        """From (S, B, 64) to (S, B, 10)."""
        x = _rows(self.embed, x.unflatten(2, (SIDE, SIDE))) + self.position
        for (qkv, out, up, down), (first, second) in self.blocks:
            x = x + first(_rows(out, self._attend(_rows(qkv, self._norm(x)))))
            x = x + second(_rows(down, F.gelu(_rows(up, self._norm(x)))))
        return self.last(self._norm(x).mean(dim=2))

    def _norm(self, x):
        return F.layer_norm(x, (self.width,))

    def _attend(self, qkv):
        triple = qkv.unflatten(3, (3, self.heads, -1)).movedim(3, 0).transpose(3, 4)
        mixed = F.scaled_dot_product_attention(*triple.flatten(1, 2))
        return mixed.unflatten(0, qkv.shape[:2]).transpose(2, 3).flatten(3)


def _rows(layer, x):
    """Apply a layer of (S, B, n) to every token of (S, B, T, n)."""
    return layer(x.flatten(1, 2)).unflatten(1, x.shape[1:3])


PATHS = {f"p={p}": p for p in (0.0, 0.1, 0.3)}


@experiment(
    "P7",
    title="Transformers: DropPath with a small probability that grows with depth",
    arms=PATHS,
    settings=COMMON | {"width": 16, "heads": 2, "depth": 4, "lr": 0.005},
    small={"width": 8, "steps": 20},
    **RUNS,
)
def drop_path(seeds, arm, *, width, heads, depth, **settings):
    """Train a transformer and judge it in evaluation mode."""
    net = Transformer(seeds, width, heads, linear_depth(PATHS[arm], depth, first_zero=True))
    return _train(net, seeds, **settings)
