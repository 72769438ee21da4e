"""Inverted dropout of whole channels: one mask entry a channel, repeated along the map."""

import warnings

from .common import check_floating, check_p, keep_mask, masked, overridable

__all__ = ["dropout1d", "dropout2d", "dropout3d", "feature_shape"]

# From the caller of the public function over its wrapper and the check to the warning.
STACKLEVEL = 4


@overridable
def dropout1d(input, p=0.5, training=True, inplace=False, *, generator=None):
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
    return _drop_channels(input, axes - 1, p, training, inplace, generator)


@overridable
def dropout2d(input, p=0.5, training=True, inplace=False, *, generator=None):
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
    return _drop_channels(input, 2, p, training, inplace, generator)


@overridable
def dropout3d(input, p=0.5, training=True, inplace=False, *, generator=None):
    """Drop whole channels of volumes: input (N, C, D, H, W) or (C, D, H, W).

    Parameters, return value and errors as for `dropout`. As in PyTorch another number of axes
    gives a UserWarning and is read as without a batch, (C, ...); none at all is a RuntimeError.
    """
    axes = input.dim()
    if axes not in (4, 5):
        _warn(_deprecated("dropout3d", axes, "(N, C, D, H, W) or (C, D, H, W)"))
    return _drop_channels(input, 2 if axes == 5 else 1, p, training, inplace, generator)


def feature_shape(input, leading=2):
    """Shape of a mask with one entry for each index of the leading axes.

    Raises
    ------
    RuntimeError
        If there are fewer axes than that.
    """
    if input.dim() < leading:
        raise RuntimeError(
            f"Feature dropout requires at least 2 dimensions in the input, got {input.dim()}"
        )
    return input.shape[:leading] + (1,) * (input.dim() - leading)


def _drop_channels(input, leading, p, training, inplace, generator):
    p = check_p(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    check_floating(input, "dropout(p={})", p)
    keep = keep_mask(input, feature_shape(input, leading), p, generator)
    return masked(input, keep, 1 / (1 - p), inplace)


def _deprecated(name, axes, wanted):
    return (
        f"{name}: Received a {axes}-D input to {name}, which is deprecated: the shape should be "
        f"{wanted}. Call dropout to drop single units."
    )


def _warn(text):
    warnings.warn(text, UserWarning, stacklevel=STACKLEVEL)
