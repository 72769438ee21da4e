"""Alpha dropout: what is dropped becomes SELU's limit, and an affine map restores the moments."""

import torch

from ...layers.alpha import DROPPED, affine
from .channel import feature_shape
from .common import check_floating, check_p, keep_mask, overridable, wide_dtype

__all__ = ["alpha_dropout", "feature_alpha_dropout"]


@overridable
def alpha_dropout(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Alpha dropout for networks with SELU: a (x m + alpha' (1 - m)) + b in training.

    Inputs of mean 0 and variance 1 keep both, in expectation over the masks (``thm-alpha``);
    a and b are those of `dropoutlib.layers.alpha_affine`. Parameters, return value and errors
    as for `dropout`. Unlike ``torch.nn.functional.alpha_dropout`` it is on by default, as all
    functions here are, and `inplace` is honoured. Source: Klambauer et al. (2017),
    "New dropout technique".
    """
    return _drop(input, input.shape, p, training, inplace, generator)


@overridable
def feature_alpha_dropout(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Alpha dropout of whole channels: input of shape (N, C, ...), mask (N, C, 1, ...).

    As `alpha_dropout`, and RuntimeError for fewer than two axes where something is dropped.
    """
    return _drop(input, None, p, training, inplace, generator)


def _drop(input, shape, p, training, inplace, generator):
    p = check_p(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:  # a and b have no limit there
        return input.mul_(0) if inplace else input * 0
    check_floating(input, "alpha_dropout(p={})", p)
    keep = keep_mask(input, feature_shape(input) if shape is None else shape, p, generator)
    if torch.compiler.is_compiling():  # which would guard what follows from a symbol, rounded
        p = torch.full((), p, dtype=wide_dtype(input.device), device=input.device)
    a, b = affine(p)
    # On what is kept b, on what is dropped a alpha' + b: rounded once.
    kept, dropped = (
        torch.as_tensor(value, dtype=input.dtype, device=input.device)
        for value in (b, a * DROPPED + b)
    )
    output = input.mul_(keep) if inplace else input * keep
    return output.mul_(a).add_(torch.where(keep, kept, dropped))
