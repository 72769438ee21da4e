"""Dropout with a relaxed mask, differentiable in its probability."""

import torch

from .common import check_floating, drawn, overridable, wide_dtype

__all__ = ["concrete_dropout"]


@overridable
def concrete_dropout(input, logit, temperature=0.1, training=True, *, generator=None):
    """Inverted dropout with a relaxed mask: input * (1 - z) / (1 - p) in training.

    z = sigmoid((logit p + logit U) / t) with U uniform on (0, 1), drawn for each unit.

    Parameters
    ----------
    input : Tensor
        Floating-point activations of any shape.
    logit : Tensor, shape ()
        Logit of the drop probability p; it receives a gradient.
    temperature : float
        Temperature t of the relaxation.
    training : bool
        Whether to drop; True by default, as for all functions here.
    generator : torch.Generator, optional
        Source of the noise; by default PyTorch's global generator of the device.

    Returns
    -------
    Tensor
        Of the shape and dtype of `input`, which is returned itself if not `training`.

    Raises
    ------
    RuntimeError
        If `input` is not floating point.

    References
    ----------
    Gal, Hron and Kendall (2017).
    """
    if not training:
        return input
    check_floating(input, "concrete_dropout(temperature={})", temperature)
    dtype = wide_dtype(input.device)
    uniform = drawn(torch.rand, input.shape, dtype, input.device, generator)
    # The draw may be 0, whose logit is infinite; it is never 1.
    noise = torch.logit(uniform, eps=torch.finfo(dtype).tiny)
    # 1 - sigmoid(a) is sigmoid(-a), without cancellation.
    keep = torch.sigmoid(-(logit + noise) / temperature)
    return input * (keep / torch.sigmoid(-logit)).to(input.dtype)
