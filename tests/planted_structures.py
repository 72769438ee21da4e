"""Layers that drop weights, blocks and attention: good ones, and one for each fault."""

import numpy as np
import planted_layers as units
import torch
from torch.nn import functional


class GoodWeights(torch.nn.Linear):
    """One mask for all rows of the input, and a bias that stays."""

    def __init__(self, inputs, outputs, p):
        super().__init__(inputs, outputs)
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in [0, 1], got {p}")
        self.p = p

    def dropped(self):
        return functional.dropout(self.weight, self.p, self.training)

    def forward(self, x):
        return functional.linear(x, self.dropped(), self.bias)


class WeightDrop(torch.nn.Module):
    """Around another module, as for recurrent networks: its weight is replaced for each pass."""

    def __init__(self, inputs, outputs, p):
        super().__init__()
        self.module, self.p = torch.nn.Linear(inputs, outputs), p
        raw = self.module.weight
        del self.module._parameters["weight"]
        self.raw = torch.nn.Parameter(raw.detach())

    def forward(self, x):
        self.module.weight = torch.nn.functional.dropout(self.raw, self.p, self.training)
        return self.module(x)


class DropsOutputs(GoodWeights):
    """Named a dropout of weights, it drops units."""

    def forward(self, x):
        y = functional.linear(x, self.weight, self.bias)
        return y * functional.dropout(torch.ones_like(y[:1]), self.p, self.training)


class Unscaled(GoodWeights):
    def dropped(self):
        if not self.training:
            return (1 - self.p) * self.weight
        return self.weight * (torch.rand_like(self.weight) >= self.p)


class Overwrites(GoodWeights):
    """The weights that were dropped are gone for good."""

    def dropped(self):
        with torch.no_grad():
            return self.weight.mul_(functional.dropout(torch.ones_like(self.weight), self.p))


class EvaluatesWithMasks(GoodWeights):
    def dropped(self):
        return functional.dropout(self.weight, self.p)


class GoodAttention(torch.nn.Module):
    """Attention with dropout of its probabilities."""

    def __init__(self, p):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in [0, 1], got {p}")
        self.p = p

    def dropped(self, chances):
        return functional.dropout(chances, self.p, self.training)

    def forward(self, query, key, value):
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
        return self.dropped(scores.softmax(-1)) @ value


class Renormalises(GoodAttention):
    """The rows are made to sum to 1 again."""

    def dropped(self, chances):
        kept = super().dropped(chances)
        return kept / kept.sum(-1, keepdim=True).clamp(min=1e-20)


class SharesHeads(GoodAttention):
    """All heads have one mask."""

    def dropped(self, chances):
        return chances * functional.dropout(torch.ones_like(chances[:, :1]), self.p, self.training)


class SharesQueries(GoodAttention):
    """All queries have one mask."""

    def dropped(self, chances):
        one = torch.ones_like(chances[:, :, :1])
        return chances * functional.dropout(one, self.p, self.training)


class DropsTheScores(GoodAttention):
    """What is dropped is a score, which then counts like any other of 0."""

    def forward(self, query, key, value):
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
        return functional.dropout(scores, self.p, self.training).softmax(-1) @ value


class GoodBlock(units.Good):
    """DropBlock, seeded where a block fits."""

    def __init__(self, p, block_size):
        super().__init__(p)
        self.b = block_size

    def rate(self, sides):
        b = self.b
        places = [side - b + 1 for side in sides]
        return min(self.p / b**2 * np.prod(sides) / np.prod(places), 1.0), places

    def factor(self, x):
        rate, places = self.rate(x.shape[2:])
        seeds = self.rng.random((*x.shape[:2], *places)) < rate
        kept = np.ones(x.shape, bool)
        for i in range(self.b):
            for j in range(self.b):
                kept[:, :, i : i + places[0], j : j + places[1]] &= ~seeds
        return kept * self.scale(kept)

    def scale(self, kept):
        return kept.size / max(kept.sum(), 1)


class SingleUnits(GoodBlock):
    """Units by themselves, at the rate of blocks."""

    def factor(self, x):
        kept = self.rng.random(x.shape) >= self.p
        return kept * self.scale(kept)


class ScalesAsUnits(GoodBlock):
    """What is kept is divided by 1 - p, as where no blocks overlap."""

    def scale(self, kept):
        return 1 / max(1 - self.p, 1e-30)


class CountsInHalf(GoodBlock):
    """The count of what is kept is infinite in half precision."""

    def forward(self, x, training=True):
        self.type = x.dtype
        return super().forward(x, training)

    def scale(self, kept):
        with np.errstate(over="ignore"):
            return kept.size / max(self.type.type(kept.sum()), 1)


class ForgetsTheBorder(GoodBlock):
    def rate(self, sides):
        return self.p / self.b**2, super().rate(sides)[1]


class BarsNotSquares(GoodBlock):
    """The blocks are one row high."""

    def factor(self, x):
        whole, self.b = self.b, 1
        rate, places = self.rate(x.shape[2:])
        self.b = whole
        gone = self.rng.random((*x.shape[:2], *places)) < rate / whole
        gone[..., 1:] |= gone[..., :-1].copy()
        return ~gone * self.scale(~gone)


GOOD = {"connect": GoodWeights, "block": GoodBlock, "attention": GoodAttention}

# Check, kind, what it must find, and the layer.
PLANTED = [
    ("dropped-together", "connect", "fault", DropsOutputs),
    ("zero-or-scaled", "connect", "fault", Unscaled),
    ("nothing-in-evaluation", "connect", "fault", Unscaled),
    ("nothing-in-evaluation", "connect", "fault", EvaluatesWithMasks),
    ("input-is-unchanged", "connect", "fault", Overwrites),
    ("zero-or-scaled", "attention", "fault", Renormalises),
    ("zero-or-scaled", "attention", "fault", DropsTheScores),
    ("dropped-together", "attention", "fault", SharesHeads),
    ("units-are-independent", "attention", "fault", SharesQueries),
    ("dropped-together", "block", "fault", SingleUnits),
    ("blocks-are-squares", "block", "fault", SingleUnits),
    ("blocks-are-squares", "block", "fault", BarsNotSquares),
    ("zero-or-scaled", "block", "fault", ScalesAsUnits),
    ("half-precision-values", "block", "fault", CountsInHalf),
    ("block-rate", "block", "fault", ForgetsTheBorder),
]
