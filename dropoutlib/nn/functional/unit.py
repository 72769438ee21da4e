"""Dropout of single units, in both conventions, and with Gaussian noise."""

import math

import torch

from .common import check_floating, check_p, drawn, keep_mask, masked, overridable
from .sampler import SMALLEST, is_plain

__all__ = ["dropout", "gaussian_dropout", "standard_dropout"]

# Of a smaller input torch may keep the noise in the input's dtype instead of a mask in bytes: it
# is quicker, and one KiB a layer is little.
FEW_BYTES = 1 << 10


@overridable
def dropout(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Inverted dropout: input * m / q in training, the input itself otherwise.

    Definition ``def-inverted`` of the book. On the CPU large masks come from
    `dropoutlib.masks.sample_mask`, seeded by the generator. One byte a unit is kept for backward,
    or of an input of less than 1 KiB as much as the input takes.

    Parameters
    ----------
    input : Tensor
        Floating-point activations of any shape and layout.
    p : float
        Probability of dropping, in [0, 1].
    training : bool
        Whether to drop. As in ``torch.nn.functional.dropout`` the default is True.
    inplace : bool
        Whether to change `input` and return it.
    generator : torch.Generator, optional
        Source of the mask; by default PyTorch's global generator of the device.

    Returns
    -------
    Tensor
        Of the dtype of `input`, dense in its order of strides. `input` itself if nothing is to
        be dropped. At p = 1 zeros, with zero gradient. A dropped NaN or infinity becomes NaN,
        as in PyTorch.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`.
    RuntimeError
        If `input` is not floating point and 0 < p < 1.
    """
    p = check_p(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    if not inplace and generator is None and _is_torchs(input):
        check_floating(input, "dropout(p={})", p)
        if _is_to_keep_bytes(input):
            return torch.native_dropout(input, p, True)[0]
        return torch.dropout(input, p, True)
    return _multiply(input, p, 1 / (1 - p), inplace, generator)


@overridable
def standard_dropout(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Standard dropout: input * m in training, q * input otherwise.

    Definition ``def-standard`` of the book, after Srivastava et al. (2014), section 4.
    Parameters, return value and errors as for `dropout`; the input itself is returned only at
    p = 0.
    """
    p = check_p(p)
    if p == 0 or input.numel() == 0:
        return input
    if not training:
        return input.mul_(1 - p) if inplace else input * (1 - p)
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    return _multiply(input, p, None, inplace, generator)


@overridable
def gaussian_dropout(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Gaussian dropout: input * e with e ~ N(1, p/q) in training, the input itself otherwise.

    Mean and variance of the noise are those of `dropout` (``thm-gaussian-match``). Parameters,
    return value and errors as for `dropout`, but p = 1, where the variance is infinite, is a
    ValueError. Source: Srivastava et al. (2014), section 10.
    """
    p = check_p(p)
    if p == 1:
        raise ValueError("gaussian_dropout(p=1) would have infinite variance p/(1 - p)")
    if not training or p == 0 or input.numel() == 0:
        return input
    check_floating(input, "gaussian_dropout(p={})", p)
    # Half precision would round the noise before it is scaled.
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    noise = drawn(torch.randn, input.shape, dtype, input.device, generator)
    noise = (noise * math.sqrt(p / (1 - p)) + 1).to(input.dtype)
    return input.mul_(noise) if inplace else input * noise


def _is_torchs(input):
    """Whether torch's own kernel is the quicker one; it saves the same byte a unit."""
    if input.device.type not in ("cpu", "cuda"):
        return False
    # Asked first, so that no size is a guard of what is compiled.
    return torch.compiler.is_compiling() or input.numel() < SMALLEST or not is_plain(input)


def _is_to_keep_bytes(input):
    """Whether it matters what torch keeps for backward; the masks are the same either way."""
    if torch.compiler.is_compiling():
        return True
    small = input.numel() * input.element_size() < FEW_BYTES
    return not small and input.requires_grad and torch.is_grad_enabled()


def _multiply(input, p, scale, inplace, generator):
    check_floating(input, "dropout(p={})", p)
    return masked(input, keep_mask(input, input.shape, p, generator), scale, inplace)
