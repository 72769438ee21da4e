"""Further layers for several seeds at once: batch normalisation and structured dropout.

As in `networks`, the seeds are the first axis of every tensor and the rows the second.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from dropoutlib.layers import block_seed_rate
from dropoutlib.masks import check_probability, sample_mask

from .networks import SeedLinear

__all__ = ["SeedBatchNorm", "SeedConv", "SeedShift", "StructuredDropout", "retake_statistics"]


class SeedBatchNorm(nn.Module):
    """Batch normalisation of each seed: (S, B, n) to (S, B, n), with gain and shift.

    Of maps, (S, B, n, H, W), it takes mean and variance over their places too. Training
    normalises by the mean and the biased variance of the batch, and evaluation by the running
    ones, which hold the unbiased variance, as in PyTorch.
    """

    def __init__(self, seeds, units, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(seeds, 1, units))
        self.bias = nn.Parameter(torch.zeros(seeds, 1, units))
        self.register_buffer("mean", torch.zeros(seeds, 1, units))
        self.register_buffer("variance", torch.ones(seeds, 1, units))

    def forward(self, x):
        """Normalise each unit of each seed."""
        if x.dim() == 5:
            return self._maps(x)
        mean, variance = self.mean, self.variance
        if self.training:
            mean = x.mean(dim=1, keepdim=True)
            variance = x.var(dim=1, keepdim=True, unbiased=False)
            rows = x.shape[1]
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance * rows / (rows - 1), self.momentum)
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias

    def _maps(self, x):
        stored = (each.view(-1) for each in (self.mean, self.variance, self.weight, self.bias))
        how = {"training": self.training, "momentum": self.momentum, "eps": self.eps}
        return _apart(F.batch_norm(_side_by_side(x), *stored, **how), len(x))


def _side_by_side(x):
    """Put the channels of all seeds beside each other: (S, B, C, H, W) to (B, S C, H, W)."""
    return x.transpose(0, 1).flatten(1, 2)


def _apart(x, seeds):
    """Undo `_side_by_side`."""
    return x.unflatten(1, (seeds, -1)).transpose(0, 1)


@torch.no_grad()
def retake_statistics(net, x):
    """Take the statistics of each normalisation from the rows x without dropout.

    Parameters
    ----------
    net : torch.nn.Sequential
        In evaluation mode; the statistics that training stored are replaced.
    x : ndarray, shape (S, N, d)
        Training rows.
    """
    hidden = torch.as_tensor(x)
    for layer in net:
        if isinstance(layer, SeedBatchNorm):
            layer.mean.copy_(hidden.mean(dim=1, keepdim=True))
            layer.variance.copy_(hidden.var(dim=1, keepdim=True))
        hidden = layer(hidden)


class StructuredDropout(nn.Module):
    """Inverted dropout of groups: one mask entry for all but the first `axes` axes of a seed.

    With ``axes=1`` it is DropPath, one draw for each row, and with ``axes=2`` and maps of shape
    (S, B, C, H, W) it drops channels. With `block` it drops squares of that side instead, and
    divides by the fraction of the maps that was kept (Ghiasi et al. 2018).
    """

    def __init__(self, p, rngs, axes=2, block=None):
        super().__init__()
        self.p, self.rngs, self.axes, self.block = check_probability(p), list(rngs), axes, block

    def forward(self, x):
        """Drop in training; in evaluation return the input."""
        if not self.training or self.p == 0:
            return x
        shape = tuple(x.shape[1:])
        if self.block is not None:
            return self._blocks(x, shape)
        shape = shape[: self.axes] + (1,) * (len(shape) - self.axes)
        keep = np.stack([sample_mask(shape, self.p, rng=rng) for rng in self.rngs])
        return x * torch.from_numpy(keep).to(x.dtype).div_(1 - self.p)

    def _blocks(self, x, shape):
        *maps, height, width = shape
        gamma = block_seed_rate(self.p, self.block, height, width)
        places = (*maps, height - self.block + 1, width - self.block + 1)
        seeds = ~np.stack([sample_mask(places, gamma, rng=rng) for rng in self.rngs])
        seeds = torch.from_numpy(seeds).to(x.dtype).flatten(0, 1)
        dropped = F.max_pool2d(F.pad(seeds, [self.block - 1] * 4), self.block, stride=1)
        keep = 1 - dropped.unflatten(0, x.shape[:2])
        kept = keep.mean(dim=(1, 2, 3, 4), keepdim=True).clamp(min=1e-6)
        return x * keep / kept


class SeedConv(nn.Module):
    """A 3 x 3 convolution for each seed, (S, B, C, H, W) to (S, B, out, ...), zero padding."""

    def __init__(self, channels, out, rngs, stride=1):
        super().__init__()
        self.linear, self.stride = SeedLinear(9 * channels, out, rngs), stride

    def forward(self, x):
        """Multiply the patches of each seed by its weights."""
        weight = self.linear.weight.transpose(1, 2).reshape(-1, x.shape[2], 3, 3)
        how = {"padding": 1, "stride": self.stride, "groups": len(x)}
        return _apart(F.conv2d(_side_by_side(x), weight, self.linear.bias.view(-1), **how), len(x))


class SeedShift(nn.Module):
    """Shift each image in training by up to `reach` pixels in both directions, at random.

    The label stays the same: (S, B, side * side) to the same shape, zeros come in at the edge.
    """

    def __init__(self, reach, side, rngs):
        super().__init__()
        self.reach, self.side, self.rngs = reach, side, list(rngs)

    def forward(self, x):
        """Shift in training; in evaluation return the input."""
        if not self.training or self.reach == 0:
            return x
        rows, side, reach = x.shape[1], self.side, self.reach
        steps = [rng.integers(-reach, reach + 1, size=(2, rows)) for rng in self.rngs]
        down, right = torch.from_numpy(np.stack(steps, axis=1)) + reach  # (2, S, B)
        padded = F.pad(x.unflatten(2, (side, side)), [reach] * 4)
        axis = torch.arange(side)
        which = torch.arange(len(self.rngs))[:, None, None, None]
        row = torch.arange(rows)[None, :, None, None]
        vertical = (down[..., None] + axis)[..., :, None]
        horizontal = (right[..., None] + axis)[..., None, :]
        return padded[which, row, vertical, horizontal].flatten(2)
