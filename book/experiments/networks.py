"""Several networks of one shape, one for each seed, as a single tensor program.

Every tensor has the seeds as its first axis, so that a small network costs one call for all
seeds. Whatever is random comes from NumPy's generators, one for each seed and purpose: a seed
means the same weights, batches and masks alone, in company, and on every machine.
"""

import itertools
import zlib

import numpy as np
import torch
from torch import nn

from dropoutlib.masks import check_probability, sample_mask

__all__ = ["SeedDropout", "SeedLinear", "clip_norms", "mlp", "stream"]


def stream(seed, purpose):
    """Return the generator of a seed for a purpose: "weights", "order", "masks", and so on.

    Arms that share a purpose share its numbers, which is what pairs them.
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


class SeedLinear(nn.Module):
    """A linear layer for each seed: (S, B, in) to (S, B, out), He initialisation, zero bias."""

    def __init__(self, fan_in, fan_out, rngs):
        super().__init__()
        scale = np.sqrt(2 / fan_in)
        weights = [scale * rng.standard_normal((fan_in, fan_out)) for rng in rngs]
        dtype = torch.get_default_dtype()
        self.weight = nn.Parameter(torch.tensor(np.stack(weights), dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(len(weights), 1, fan_out))

    def forward(self, x):
        """Apply the layer of each seed to the rows of that seed."""
        return torch.baddbmm(self.bias, x, self.weight)


class SeedDropout(nn.Module):
    """Inverted dropout, the mask of each seed drawn by `dropoutlib.masks.sample_mask`.

    With ``gaussian=True`` the noise is N(1, p/q) instead (``thm-gaussian-match``).
    """

    def __init__(self, p, rngs, gaussian=False):
        super().__init__()
        self.p, self.rngs, self.gaussian = check_probability(p), list(rngs), gaussian

    def forward(self, x):
        """Drop in training; in evaluation return the input."""
        if not self.training or self.p == 0:
            return x
        shape, q = tuple(x.shape[1:]), 1 - self.p
        if self.gaussian:
            noise = [rng.standard_normal(shape, dtype=np.float32) for rng in self.rngs]
            factor = torch.from_numpy(np.stack(noise)).to(x.dtype)
            return x * factor.mul_((self.p / q) ** 0.5).add_(1)
        keep = np.stack([sample_mask(shape, self.p, rng=rng) for rng in self.rngs])
        return x * torch.from_numpy(keep).to(x.dtype).div_(q)


def mlp(sizes, seeds, *, p_hidden=0.0, p_input=0.0, gaussian=False, activation=nn.ReLU):
    """Fully connected networks, one a seed: linear, activation, dropout; the last one linear.

    Parameters
    ----------
    sizes : sequence of int
        Widths from the input to the output.
    seeds : sequence of int
        One network for each. Its weights do not depend on how much is dropped.
    p_hidden, p_input : float
        Probabilities of dropping a hidden unit and an input.
    gaussian : bool
        Whether the noise is Gaussian.
    activation : callable
        Makes the nonlinearity.

    Returns
    -------
    torch.nn.Sequential
        Takes (S, B, in) to (S, B, out).

    Raises
    ------
    ValueError, TypeError
        For a wrong probability.
    """
    weights = [stream(seed, "weights") for seed in seeds]
    masks = [stream(seed, "masks") for seed in seeds]
    layers = [SeedDropout(p_input, masks, gaussian)]
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        layers += [SeedLinear(fan_in, fan_out, weights), activation()]
        layers += [SeedDropout(p_hidden, masks, gaussian)]
    return nn.Sequential(*layers, SeedLinear(sizes[-2], sizes[-1], weights))


@torch.no_grad()
def clip_norms(net, limit):
    """Shrink the incoming weights of each hidden unit to a Euclidean norm of at most `limit`."""
    linear = [layer for layer in net.modules() if isinstance(layer, SeedLinear)]
    for layer in linear[:-1]:
        norms = layer.weight.norm(dim=1, keepdim=True)
        if norms.max() > limit:
            layer.weight.mul_((limit / norms).clamp(max=1))
