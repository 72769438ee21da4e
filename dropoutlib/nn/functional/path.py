"""Dropout of residual branches (stochastic depth)."""

from .common import check_floating, check_p, keep_mask, masked, overridable

__all__ = ["drop_path"]


@overridable
def drop_path(x, drop_prob=0.0, training=True, scale_by_keep=True, mode="row", *, generator=None):
    """Drop a residual branch for a whole sample: x m / q, one entry of m for each row of x.

    Behind a branch f it gives x + f(x) m / q, whose mean is x + f(x) (``thm-droppath``).

    Parameters
    ----------
    x : Tensor, shape (N, ...)
        Output of the branch.
    drop_prob : float
        Probability of dropping the branch, in [0, 1].
    training : bool
        Whether to drop; True by default, as for all functions here.
    scale_by_keep : bool
        Whether to divide by q. Without it the mean is x + q f(x).
    mode : {"row", "batch"}
        One draw for each sample, as in timm and torchvision, or one for the batch, as in
        Huang et al. (2016), section 3.
    generator : torch.Generator, optional
        Source of the mask; by default PyTorch's global generator of the device.

    Returns
    -------
    Tensor
        As for `dropout`.

    Raises
    ------
    ValueError, TypeError
        For a wrong `drop_prob` or `mode`.
    RuntimeError
        If `x` has no axis, or is not floating point and 0 < drop_prob < 1.
    """
    p = check_p(drop_prob, "drop probability has to be between 0 and 1, but got {p}")
    check_mode(mode)
    if not training or p == 0 or x.numel() == 0:
        return x
    if x.dim() == 0:
        raise RuntimeError("drop_path takes a batch of samples, got a tensor without axes")
    if p == 1:
        return x * 0
    check_floating(x, "drop_path(drop_prob={})", p)
    rows = x.shape[0] if mode == "row" else 1
    keep = keep_mask(x, (rows,) + (1,) * (x.dim() - 1), p, generator)
    return masked(x, keep, 1 / (1 - p) if scale_by_keep else None, False)


def check_mode(mode):
    """Raise torchvision's ValueError unless `mode` is "row" or "batch"."""
    if mode not in ("row", "batch"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
