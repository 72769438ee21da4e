"""Advice for structured networks: units, channels or blocks of a convolution, and DropPath."""

import torch.nn.functional as F
from torch import nn

from dropoutlib.schedules import linear_depth

from ..encoder import SeedEncoder
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
    """Train a transformer that reads an image row by row, and judge it in evaluation mode."""
    rates = linear_depth(PATHS[arm], depth, first_zero=True)
    net = nn.Sequential(
        nn.Unflatten(2, (SIDE, SIDE)), SeedEncoder(seeds, SIDE, SIDE, width, heads, rates)
    )
    return _train(net, seeds, **settings)
