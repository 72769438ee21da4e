"""Dropout of features for a whole sequence."""

from .common import check_floating, check_p, keep_mask, masked, overridable

__all__ = ["variational_dropout"]


@overridable
def variational_dropout(
    input, p=0.5, training=True, inplace=False, batch_first=True, *, generator=None
):
    """Inverted dropout with one mask for all steps of a sequence.

    Parameters
    ----------
    input : Tensor, shape (N, T, F), or (T, N, F) if not `batch_first`
        Activations of N sequences of T steps.
    p, training, inplace, generator
        As for `dropout`.
    batch_first : bool
        Whether the sequences are on the first axis. The mask has shape (N, 1, F), else (1, N, F).

    Returns
    -------
    Tensor
        As for `dropout`.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`.
    RuntimeError
        If `input` has not three axes, or is not floating point and 0 < p < 1.

    References
    ----------
    Gal and Ghahramani (2016, recurrent networks).
    """
    p = check_p(p)
    if input.dim() != 3:
        wanted = "(N, T, F)" if batch_first else "(T, N, F)"
        raise RuntimeError(f"variational_dropout takes {wanted}, got shape {tuple(input.shape)}")
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    check_floating(input, "variational_dropout(p={})", p)
    shape = list(input.shape)
    shape[1 if batch_first else 0] = 1
    return masked(input, keep_mask(input, shape, p, generator), 1 / (1 - p), inplace)
