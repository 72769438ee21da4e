"""Dropout as functions of tensors. All are on by default: pass ``training=module.training``."""

import torch

from ..masks import check_probability

__all__ = ["dropout", "standard_dropout"]


def check_p(p):
    """Return the drop probability as a float, or raise PyTorch's own error.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean, an array or a tensor.
    TypeError
        If `p` is not a number.
    """
    return check_probability(p, "dropout probability has to be between 0 and 1, but got {p}")


def keep_mask(input, shape, p, generator=None):
    """Draw a boolean mask on the device of `input`, True with probability 1 - p.

    The draw is a factory call, the one kind that works under every randomness mode of `vmap`.
    It has 53 random bits (24 on devices without float64), so that P(drop) is p rounded to them.
    """
    dtype = torch.float32 if input.device.type == "mps" else torch.float64
    return torch.rand(shape, dtype=dtype, device=input.device, generator=generator) >= p


def dropout(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Inverted dropout: input * m / q in training, the input itself otherwise.

    Definition ``def-inverted`` of the book.

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
    return _multiply(input, p, 1 / (1 - p), inplace, generator)


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
    return _multiply(input, p, 1.0, inplace, generator)


def _multiply(input, p, scale, inplace, generator):
    """`input` times a fresh mask and the scale. One byte a unit, the mask, is kept for backward."""
    if not input.is_floating_point():
        wanted = input.type().split(".")[-1].removesuffix("Tensor")
        raise RuntimeError(
            f"dropout(p={p}) scales its input: result type Float can't be cast to the desired "
            f"output type {wanted}"
        )
    keep = keep_mask(input, input.shape, p, generator)
    output = input.mul_(keep) if inplace else input * keep
    return output if scale == 1 else output.mul_(scale)
