"""R-Drop: two passes through one network, and a penalty on their disagreement."""

import torch.nn.functional as F

__all__ = ["r_drop_loss"]


def r_drop_loss(logits1, logits2, labels, alpha=1.0):
    """Cross-entropy of two passes plus (alpha/2) (KL(1||2) + KL(2||1)), mean over the rows.

    The penalty is zero exactly if the two predictions agree (``thm-rdrop``). Gradients flow into
    both passes.

    Parameters
    ----------
    logits1, logits2 : Tensor, shape (N, C)
        Logits of two passes with independent masks.
    labels : Tensor of int64, shape (N,)
        Classes from 0 to C - 1.
    alpha : float
        Weight of the penalty, at least 0.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    ValueError
        If the shapes differ or `alpha` is negative. What ``torch.nn.functional.cross_entropy``
        raises for wrong labels passes through.

    References
    ----------
    Liang et al. (2021), R-Drop.
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
