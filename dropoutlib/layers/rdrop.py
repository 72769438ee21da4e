"""R-Drop: two passes through one network, and a penalty on their disagreement."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import finite


def r_drop_loss(
    logits1: ArrayLike, logits2: ArrayLike, labels: ArrayLike, alpha: float = 1.0
) -> tuple[float, NDArray, NDArray]:
    """Cross-entropy of two passes plus (alpha/2) (KL(1||2) + KL(2||1)), with gradients.

    The penalty is zero exactly if the two predictions agree (``thm-rdrop``). Source: Liang et al.
    (2021), R-Drop.

    Parameters
    ----------
    logits1, logits2 : array_like, shape (N, C)
        Logits of two passes with independent masks.
    labels : array_like of int, shape (N,)
        Classes from 0 to C - 1.
    alpha : float
        Weight of the penalty, at least 0.

    Returns
    -------
    loss : float
        Mean over the rows.
    grad1, grad2 : ndarray, shape (N, C)
        Its gradients with respect to the logits.

    Raises
    ------
    ValueError
        If the shapes differ or are empty, a logit is not finite, a label is no class, or `alpha`
        is negative.
    """
    logits1, logits2 = finite("logits1", logits1, 2), finite("logits2", logits2, 2)
    labels = np.asarray(labels)
    if logits1.size == 0 or logits1.shape != logits2.shape:
        raise ValueError(
            f"both passes must have one shape (N, C), got {logits1.shape} and {logits2.shape}"
        )
    rows, classes = logits1.shape
    whole = labels.dtype.kind in "iu" and labels.shape == (rows,)
    if not whole or not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(f"labels must be {rows} classes from 0 to {classes - 1}, got {labels!r}")
    if not alpha >= 0:
        raise ValueError(f"alpha must be at least 0, got alpha={alpha!r}")
    log1, log2 = _log_softmax(logits1), _log_softmax(logits2)
    p1, p2, own = np.exp(log1), np.exp(log2), (np.arange(rows), labels)
    gap = log1 - log2
    disagreement = (p1 - p2) * gap  # its sum is KL(1||2) + KL(2||1)
    loss = np.mean(-log1[own] - log2[own] + alpha / 2 * disagreement.sum(axis=1))
    target = np.zeros_like(p1)
    target[own] = 1
    grads = []
    for mine, other, lead in ((p1, p2, gap), (p2, p1, -gap)):
        centred = mine * (lead - np.sum(mine * lead, axis=1, keepdims=True))
        grads.append((mine - target + alpha / 2 * (centred + mine - other)) / rows)
    return float(loss), *grads


def _log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
