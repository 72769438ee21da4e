"""Dropout of single weights of a linear map."""

import torch
import torch.nn.functional as F

from .common import check_p, drawn, keep_mask, overridable

__all__ = ["check_inference", "dropconnect_linear", "dropconnect_moments"]


@overridable
def dropconnect_linear(
    input, weight, bias=None, p=0.5, training=True, inference="mean", *, generator=None
):
    """Linear map with masked weights: x (W * M)^T / q + c in training.

    Each row of the input has a mask of its own; the bias c is never masked.

    Parameters
    ----------
    input : Tensor, shape (..., in)
        Rows x.
    weight : Tensor, shape (out, in)
        Weights W.
    bias : Tensor, shape (out,), optional
        Bias c.
    p : float
        Probability of dropping a weight, in [0, 1]. At p = 1 only the bias is left.
    training : bool
        Whether to drop.
    inference : {"mean", "gaussian"}
        What is returned if not `training`: the mean x W^T + c, or one draw from the normal law
        of equal mean and variance (`dropconnect_moments`). Average what the next nonlinearity
        makes of such draws to have the inference of Wan et al.
    generator : torch.Generator, optional
        Source of the masks and of the draws; by default PyTorch's global generator.

    Returns
    -------
    Tensor, shape (..., out)

    Raises
    ------
    ValueError, TypeError
        For a wrong `p` or `inference`; for Gaussian inference at p = 1.

    References
    ----------
    Wan et al. (2013). They leave the kept weights unscaled in training; see
    ``thm-conventions-agree`` for the translation.
    """
    p = check_p(p)
    check_inference(inference)
    if p == 0 or (not training and inference == "mean"):
        return F.linear(input, weight, bias)
    if not training:
        mean, variance = dropconnect_moments(input, weight, bias, p)
        noise = drawn(torch.randn, mean.shape, mean.dtype, mean.device, generator)
        # A row of zeros has no variance, and the root no slope there.
        return mean + noise * variance.clamp(min=torch.finfo(mean.dtype).tiny).sqrt()
    if p == 1:
        return F.linear(input, weight * 0, bias)
    keep = keep_mask(input, (*input.shape[:-1], *weight.shape), p, generator)
    output = torch.einsum("...oi,...i->...o", keep * (weight / (1 - p)), input)
    return output if bias is None else output + bias


def dropconnect_moments(input, weight, bias, p):
    """Mean x W^T + c and variance (p/q) (x * x)(W * W)^T over the masks of weights.

    Those of ``thm-dropconnect-moments``, with the kept weights divided by q.

    Parameters
    ----------
    input, weight, bias, p
        As for `dropconnect_linear`, p below 1.

    Returns
    -------
    mean, variance : Tensor, shape (..., out)

    Raises
    ------
    ValueError
        At p = 1, where the variance is infinite.
    """
    if p == 1:
        raise ValueError("DropConnect(p=1) would have infinite variance in proportion to p/(1 - p)")
    variance = F.linear(input.square(), weight.square()) * (p / (1 - p))
    return F.linear(input, weight, bias), variance


def check_inference(inference):
    """Raise ValueError unless `inference` is "mean" or "gaussian"."""
    if inference not in ("mean", "gaussian"):
        raise ValueError(f"inference has to be 'mean' or 'gaussian', but got {inference!r}")
