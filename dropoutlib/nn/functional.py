"""Dropout as functions of tensors, with the defaults of those whose place they take.

So as in PyTorch `alpha_dropout` and `feature_alpha_dropout`, and as in timm `drop_path`, are off
unless ``training=True``; the others are on. Pass ``training=module.training``. What PyTorch has
not itself stands in `variants` and `parametric`, and can be had from here, too.
"""

from __future__ import annotations

import warnings

import torch
from torch import Generator, Tensor

from ..layers.alpha import DROPPED, affine
from ._masking import (
    SMALLEST,
    check_p,
    draw,
    is_beyond,
    is_exporting,
    is_memory,
    mask_shape,
    masked,
    multiply,
    overridable,
    settled,
    switch,
    times,
    wide_dtype,
)
from .parametric import concrete_dropout, dropconnect_linear
from .variants import (
    drop_block2d,
    drop_path,
    gaussian_dropout,
    r_drop_loss,
    standard_dropout,
    variational_dropout,
)

__all__ = [
    "alpha_dropout",
    "concrete_dropout",
    "drop_block2d",
    "drop_path",
    "dropconnect_linear",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "r_drop_loss",
    "standard_dropout",
    "variational_dropout",
]

# Of a smaller input torch may keep the noise in the input's dtype instead of a mask in bytes: it
# is quicker, and eight KiB a layer are little.
FEW_BYTES = 1 << 13


@overridable
def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Inverted dropout: input * m / q in training, the input itself otherwise.

    Definition ``def-inverted`` of the book. On the CPU large masks come from
    `dropoutlib.masks.sample_mask`, seeded by the generator, and are not torch's of that seed. One
    byte a unit is kept for backward, or of an input of less than 8 KiB what the input takes.

    Parameters
    ----------
    input : Tensor
        Floating-point activations of any shape; nested ones without a `generator`.
    p : float
        Probability of dropping, in [0, 1].
    training : bool
        Whether to drop.
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
        For a wrong `p`; TypeError also if `input` is no tensor.
    RuntimeError
        If `input` is not floating point and 0 < p < 1; NotImplementedError if it is sparse.

    Examples
    --------
    >>> dropout(torch.ones(6), 0.5, generator=torch.Generator().manual_seed(0))
    tensor([0., 0., 2., 0., 0., 0.])
    """
    p = check_p(p)
    if is_exporting() and generator is None:  # as it is, off as well as on: rewriters look for it
        return (torch.dropout_ if inplace else torch.dropout)(input, p, training)
    nested = generator is None and not inplace
    done = settled(input, p, training, inplace, "dropout", nested=nested)
    if done is not None:
        return done
    compiling = torch.compiler.is_compiling()  # asked first, so that no size becomes a guard
    memory = not compiling and input.numel() >= SMALLEST and is_memory(input)
    own = memory or generator is not None or (inplace and type(input) is Tensor and not compiling)
    if own or is_beyond(input, 1 / (1 - p)):
        return multiply(input, draw(input, input.shape, p, generator, memory=memory), inplace)
    if not compiling and _is_to_keep_bytes(input):
        return torch.native_dropout(input, p, True)[0]
    return (torch.dropout_ if inplace else torch.dropout)(input, p, True)


@overridable
def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Drop whole channels of sequences: input of shape (N, C, L) or (C, L), mask (N, C, 1).

    Parameters, return value and errors as for `dropout`, and RuntimeError for another number
    of axes.
    """
    axes = input.dim()
    if axes not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {axes}D input; "
            "the shape has to be (N, C, L) or, without a batch, (C, L)."
        )
    return masked(input, range(axes - 1), p, training, inplace, generator)


@overridable
def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Spatial dropout, whole channels of images: input (N, C, H, W), mask (N, C, 1, 1).

    It is not `dropout` for images: the mean over a map keeps its full variance, where `dropout`
    averages most of it away (``thm-spatial-variance``). Parameters, return value and errors as
    for `dropout`. As in PyTorch any input of two axes or more is taken to begin with (N, C),
    three axes too; other than four axes give a UserWarning, and fewer than two a RuntimeError.
    Source: Tompson et al. (2015).
    """
    axes = input.dim()
    if axes == 3:
        _warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D "
            "dropout behavior is desired, so its shape is read as (N, C, L) and not (C, H, W). "
            "Call dropout1d to say so, or add an axis for the batch."
        )
    elif axes != 4:
        _warn(_deprecated("dropout2d", axes, "(N, C, H, W)"))
    return masked(input, (0, 1), p, training, inplace, generator)


@overridable
def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Drop whole channels of volumes: input (N, C, D, H, W) or (C, D, H, W).

    Parameters, return value and errors as for `dropout`. As in PyTorch another number of axes
    gives a UserWarning and is read as without a batch, (C, ...); none at all is a RuntimeError.
    """
    axes = input.dim()
    if axes not in (4, 5):
        _warn(_deprecated("dropout3d", axes, "(N, C, D, H, W) or (C, D, H, W)"))
    return masked(input, (0, 1) if axes == 5 else (0,), p, training, inplace, generator)


@overridable
def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Alpha dropout for networks with SELU: a (x m + alpha' (1 - m)) + b in training.

    Inputs of mean 0 and variance 1 keep both, in expectation over the masks (``thm-alpha``);
    a and b are those of `dropoutlib.layers.alpha_affine`. Parameters, return value and errors as
    for `dropout`, but it is off by default, as in PyTorch. Source: Klambauer et al. (2017), "New
    dropout technique".
    """
    return _drop_alpha(input, range(input.dim()), p, training, inplace, generator)


@overridable
def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Alpha dropout of whole channels: input of shape (N, C, ...), mask (N, C, 1, ...).

    As `alpha_dropout`, and RuntimeError for fewer than two axes where something is dropped.
    """
    return _drop_alpha(input, (0, 1), p, training, inplace, generator)


def _drop_alpha(input, axes, p, training, inplace, generator):
    p = check_p(p)
    done = settled(input, p, training, inplace, "alpha_dropout")  # a and b have no limit at p = 1
    if done is not None:
        return done
    keep = draw(input, mask_shape(input, axes), p, generator, scaled=False).mask
    if torch.compiler.is_compiling():  # which would guard what follows from a symbol, rounded
        p = torch.full((), p, dtype=wide_dtype(input.device), device=input.device)
    a, b = affine(p)
    if is_exporting():
        on = switch(input)
        a, b = torch.where(on, a, 1), torch.where(on, b, 0)
    # On what is kept b, on what is dropped a alpha' + b: rounded once.
    kept, dropped = (
        torch.as_tensor(value, dtype=input.dtype, device=input.device)
        for value in (b, a * DROPPED + b)
    )
    output = times(times(input, keep, inplace), a)
    return output.add_(torch.where(keep, kept, dropped))


def _deprecated(name, axes, wanted):
    return (
        f"{name}: Received a {axes}-D input to {name}, which is deprecated: the shape should be "
        f"{wanted}. Call dropout to drop single units."
    )


def _warn(text):
    # From the caller of the public function over its wrapper and its body to here.
    warnings.warn(text, UserWarning, stacklevel=4)


def _is_to_keep_bytes(input):
    """Whether it matters what torch keeps for backward; the masks are the same either way."""
    return (
        torch.is_grad_enabled()
        and input.requires_grad
        and input.numel() * input.element_size() >= FEW_BYTES
        and input.device.type == "cpu"  # elsewhere torch keeps bytes by itself
        and not input.is_nested
    )
