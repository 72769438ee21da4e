"""Variants that PyTorch has not: other conventions, noises, and things to drop."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from .._checks import check_choice
from ..layers.structured import seed_rate
from ._masking import (
    Noise,
    check_floating,
    check_p,
    draw,
    is_exporting,
    masked,
    multiply,
    overridable,
    random,
    settled,
    switch,
    times,
    wide_dtype,
)


@overridable
def standard_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Standard dropout: input * m in training, q * input otherwise.

    Definition ``def-standard`` of the book, after Srivastava et al. (2014), section 4.
    Parameters, return value and errors as for `dropout`; the input itself is returned only at
    p = 0.
    """
    p = check_p(p)
    if p == 0 or input.numel() == 0:
        return input
    if not training:
        check_floating(input, "standard_dropout(p={}, training=False)", p)
        return times(input, 1 - p, inplace)
    axes, name, scaled = range(input.dim()), "standard_dropout", is_exporting()
    output = masked(input, axes, p, True, inplace, generator, scaled=scaled, name=name)
    # So that q * input is what rewriters of exported graphs leave.
    return times(output, 1 - p) if scaled else output


@overridable
def gaussian_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Gaussian dropout: input * e with e ~ N(1, p/q) in training, the input itself otherwise.

    Mean and variance of the noise are those of `dropout` (``thm-gaussian-match``). Parameters,
    return value and errors as for `dropout`, but p = 1, where the variance is infinite, is a
    ValueError. Source: Srivastava et al. (2014), section 10.
    """
    p = check_p(p)
    if p == 1:
        raise ValueError("gaussian_dropout(p=1) would have infinite variance p/(1 - p)")
    done = settled(input, p, training, inplace, "gaussian_dropout")
    if done is not None:
        return done
    # Half precision would round the noise before it is scaled, and before it is applied.
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    noise = random(torch.randn, input.shape, dtype, input.device, generator)
    noise = noise * math.sqrt(p / (1 - p)) + 1
    if is_exporting():
        noise = torch.where(switch(input), noise, 1)
    return input.mul_(noise) if inplace else (input * noise).to(input.dtype)


@overridable
def variational_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    batch_first: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Inverted dropout with one mask for all steps of a sequence.

    Parameters
    ----------
    input : Tensor, shape (N, T, F), or (T, N, F) if not `batch_first`
        Activations of N sequences of T steps.
    p, training, inplace, generator
        As for `dropout`, also return value and errors; RuntimeError unless there are three axes.
    batch_first : bool
        Whether the sequences are on the first axis. The mask has shape (N, 1, F), else (1, N, F).
        Source: Gal and Ghahramani (2016, recurrent networks).
    """
    check_p(p)
    if input.dim() != 3:
        wanted = "(N, T, F)" if batch_first else "(T, N, F)"
        raise RuntimeError(f"variational_dropout takes {wanted}, got shape {tuple(input.shape)}")
    axes = (0, 2) if batch_first else (1, 2)
    return masked(input, axes, p, training, inplace, generator, name="variational_dropout")


@overridable
def drop_path(
    x: Tensor,
    drop_prob: float = 0.0,
    training: bool = False,
    scale_by_keep: bool = True,
    mode: str = "row",
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Drop a residual branch for a whole sample: x m / q, one entry of m for each row of x.

    Parameters
    ----------
    x : Tensor, shape (N, ...)
        Output of the branch.
    drop_prob, scale_by_keep, mode
        As for `dropoutlib.layers.DropPath`.
    training : bool
        Whether to drop; off by default, as in timm.
    generator : torch.Generator, optional
        As for `dropout`, also return value and errors. ValueError for a wrong `mode`, RuntimeError
        if `x` has no axis.
    """
    p = check_p(drop_prob, "drop")
    check_choice("mode", mode, "batch", "row")
    if training and p > 0 and x.dim() == 0:
        raise RuntimeError("drop_path takes a batch of samples, got a tensor without axes")
    axes = (0,) if mode == "row" else ()
    return masked(x, axes, p, training, False, generator, scaled=scale_by_keep, name="drop_path")


@overridable
def drop_block2d(
    input: Tensor,
    p: float = 0.5,
    block_size: int = 7,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Drop square blocks of each channel and rescale what is left.

    `dropoutlib.layers.DropBlock2d` says how, and what `p` is: less is dropped, since blocks overlap
    (``approx-dropblock``). Source: Ghiasi, Lin and Le (2018).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W)
        Feature maps.
    p, block_size
        As for `dropoutlib.layers.DropBlock2d`; ValueError if a block does not fit the maps.
    training, inplace, generator
        As for `dropout`, also return value and errors; RuntimeError unless there are four axes.
    """
    p = check_p(p)
    if input.dim() != 4:
        raise RuntimeError(f"drop_block2d takes (N, C, H, W), got shape {tuple(input.shape)}")
    if training and p > 0 and input.numel() > 0:
        gamma = seed_rate(p, block_size, *input.shape[2:])
    done = settled(input, p, training, inplace, "drop_block2d")
    if done is not None:
        return done
    places = (*input.shape[:2], *(side - block_size + 1 for side in input.shape[2:]))
    seeds, _, memory = draw(input, places, gamma, generator, scaled=False)
    padded = F.pad((~seeds).float(), [block_size - 1] * 4)
    keep = F.max_pool2d(padded, block_size, stride=1) == 0  # False in every block behind a seed
    kept = keep.sum(dtype=wide_dtype(input.device))
    # A Python number over a tensor would be its reciprocal times the number, rounded twice.
    scale = torch.full_like(kept, keep.numel()) / kept.clamp(min=1)
    return multiply(input, Noise(keep, scale, memory), inplace)


def r_drop_loss(logits1: Tensor, logits2: Tensor, labels: Tensor, alpha: float = 1.0) -> Tensor:
    """Cross-entropy of two passes plus (alpha/2) (KL(1||2) + KL(2||1)), mean over the rows.

    The penalty is zero exactly if the two predictions agree (``thm-rdrop``). Source: Liang et al.
    (2021), R-Drop.

    Parameters
    ----------
    logits1, logits2 : Tensor, shape (N, C)
        Logits of two passes with independent masks; gradients flow into both.
    labels : Tensor of int64, shape (N,)
        Classes from 0 to C - 1, or what ``torch.nn.functional.nll_loss`` raises.
    alpha : float
        Weight of the penalty; ValueError if it is negative, or the shapes differ.
    """
    if logits1.dim() != 2 or logits1.shape != logits2.shape:
        raise ValueError(
            "both passes must have one shape (N, C), got "
            f"{tuple(logits1.shape)} and {tuple(logits2.shape)}"
        )
    if not alpha >= 0:
        raise ValueError(f"alpha must be at least 0, got alpha={alpha!r}")
    log1, log2 = F.log_softmax(logits1, dim=1), F.log_softmax(logits2, dim=1)
    # Row by row the sum of this product is KL(1||2) + KL(2||1).
    disagreement = ((log1.exp() - log2.exp()) * (log1 - log2)).sum(dim=1).mean()
    return F.nll_loss(log1, labels) + F.nll_loss(log2, labels) + alpha / 2 * disagreement
