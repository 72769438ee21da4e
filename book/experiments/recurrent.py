"""A recurrent network for several seeds at once, with the ways in which such ones drop.

As in `networks`, the seeds are the first axis of every tensor and the rows the second; the steps
of a sequence are the third.
"""

import numpy as np
import torch
from torch import nn

from dropoutlib.masks import check_probability, sample_mask

from .networks import SeedDropout, SeedLinear, stream

__all__ = ["KINDS", "SeedRecurrent"]

KINDS = ("non-recurrent", "shared mask", "zoneout", "weight drop")


def _lstm(own, fed, weight, _, memory, state):
    """Return memory and state of the next step."""
    new, gates = torch.baddbmm(own, fed, weight).tensor_split((state.shape[2],), dim=2)
    enter, keep, leave = gates.sigmoid().chunk(3, dim=2)
    memory = keep * memory + enter * torch.tanh(new)
    return memory, leave * torch.tanh(memory)


def _gru(own, fed, weight, bias, state):
    """Return the next state; the reset gate stands behind the matrix and its bias."""
    inner, units = torch.baddbmm(bias, fed, weight), state.shape[2]
    reset, keep = (own + inner)[..., units:].sigmoid().chunk(2, dim=2)
    new = torch.tanh(own[..., :units] + reset * inner[..., :units])
    return (new + keep * (state - new),)


# How a cell steps, how many layers feed its gates and its candidate, and what it carries on.
CELLS = {"LSTM": (_lstm, 4, 2), "GRU": (_gru, 3, 1)}


class SeedRecurrent(nn.Module):
    """An LSTM or GRU for each seed, and a linear layer on its last state.

    It takes (S, B, T, d + 1) to (S, B, C). The last channel says which steps are there, as in
    `sequences.sequences`. Biases are zero, and one for the gate that keeps the memory or, in a
    GRU, the state. The GRU is that of PyTorch, whose reset gate multiplies what the weights make
    of the state; that of Cho et al. (2014) multiplies the state.

    Parameters
    ----------
    inputs, units, classes : int
        Channels without the last, width of the state, outputs.
    seeds : sequence of int
        One network for each. Its weights do not depend on what is dropped.
    kind : str, optional
        What is dropped in training: ``"non-recurrent"``, inputs and the last state, a fresh mask
        a step (Zaremba et al. 2014); ``"shared mask"``, inputs, fed back states and the last
        state, one mask a sequence (Gal and Ghahramani 2016); ``"zoneout"``, states and memories
        that stay as they were, of which evaluation takes the mean (Krueger et al. 2017);
        ``"weight drop"``, weights between states, one mask a batch (Merity et al. 2018).
    p : float
        Probability of dropping.
    cell : str
        One of `CELLS`. A GRU has no memory, so that zoneout is of states alone.

    Raises
    ------
    ValueError, TypeError
        For another kind or a wrong probability.
    """

    def __init__(self, inputs, units, classes, seeds, *, kind=None, p=0.0, cell="LSTM"):
        super().__init__()
        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS} or None, got {kind!r}")
        self.kind, self.p, self.units = kind, check_probability(p), units
        weights = [stream(seed, "weights") for seed in seeds]
        self.rngs = [stream(seed, "masks") for seed in seeds]
        self.step, layers, self.carried = CELLS[cell]
        self.into, self.within = (SeedLinear(n, layers * units, weights) for n in (inputs, units))
        self.out = SeedLinear(units, classes, weights)
        self.ends = SeedDropout(p if kind in ("non-recurrent", "shared mask") else 0.0, self.rngs)
        with torch.no_grad():
            for layer in (self.into, self.within):
                layer.weight.mul_(0.5**0.5)  # He initialisation is for ReLU
            self.into.bias[..., 2 * units : 3 * units] = 1.0
        # In an LSTM a second bias would add nothing; that of a GRU is reset.
        self.within.bias.requires_grad_(cell == "GRU")

    def forward(self, x):
        """Read the sequences; drop in training."""
        length = x[..., -1].sum(dim=2).long()
        steps, x = x.shape[2], x[..., :-1]
        kind = self.kind if self.training and self.p > 0 else None
        if kind == "shared mask":
            x = x * self._mask(x.shape[1], 1, x.shape[3])
        elif kind == "non-recurrent":
            x = x * self._mask(*x.shape[1:])
        gates = self.into(x.flatten(1, 2)).unflatten(1, x.shape[1:3]).unbind(2)
        fed = self._mask(x.shape[1], self.units) if kind == "shared mask" else None
        weight = self.within.weight
        if kind == "weight drop":
            weight = weight * self._mask(*weight.shape[1:])
        stays = self._stays(steps, x.shape[1])
        carried = [x.new_zeros(*x.shape[:2], self.units)] * self.carried
        states = []
        for step, own in enumerate(gates):
            state = carried[-1] if fed is None else carried[-1] * fed
            fresh = self.step(own, state, weight, self.within.bias, *carried)
            if stays is not None:
                fresh = [
                    new + share * (old - new)
                    for share, old, new in zip(stays[step], carried, fresh, strict=True)
                ]
            carried = fresh
            states.append(carried[-1])
        end = (length - 1)[:, :, None, None].expand(-1, -1, 1, self.units)
        last = torch.stack(states, dim=2).gather(2, end)[:, :, 0]
        return self.out(self.ends(last))

    def _mask(self, *shape):
        """Entries 0 and 1/q of each seed, (S, …)."""
        keep = np.stack([sample_mask(shape, self.p, rng=rng) for rng in self.rngs])
        return torch.from_numpy(keep).to(self.into.weight.dtype).div_(1 - self.p)

    def _stays(self, steps, rows):
        """How far what each step carries on stays: entries 0 and 1, or in evaluation p."""
        if self.kind != "zoneout" or self.p == 0:
            return None
        if not self.training:
            return [(self.p,) * self.carried] * steps
        shape = (steps, self.carried, rows, self.units)
        stays = np.stack([~sample_mask(shape, self.p, rng=rng) for rng in self.rngs], axis=2)
        return torch.from_numpy(stays).to(self.into.weight.dtype)
