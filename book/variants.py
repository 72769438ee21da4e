"""What follows for single variants: depth that is left, moments of weights, the loss of R-Drop.

The layers themselves are those of `dropoutlib.layers`, and R-Drop for training is
`dropoutlib.nn.r_drop_loss`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, check_count, check_probability, finite

from .exact import number_array

__all__ = ["dropconnect_moments", "expected_depth", "r_drop_loss"]


def expected_depth(layers: int, last_keep: float) -> float:
    """Return the expected number of residual blocks kept under linearly decaying survival.

    Block l of L `layers`, at least 1, survives with probability 1 - (l/L)(1 - q_L), where q_L is
    `last_keep` (Huang et al. 2016, equation 4); the sum over l is L - (L + 1)(1 - q_L)/2
    (``thm-droppath``). ValueError or TypeError for a wrong number.

    Examples
    --------
    >>> expected_depth(54, 0.5)
    40.25
    """
    layers = check_count("layers", layers, 1)
    check_probability(last_keep, "last_keep must lie in [0, 1], got last_keep={p!r}")
    return layers - (layers + 1) * (1 - last_keep) / 2


def dropconnect_moments(W: ArrayLike, x: ArrayLike, p: Probability) -> tuple[NDArray, NDArray]:
    """Mean and variance of u = (M * W) x over masks M of weights, unscaled as in the paper.

    E u = q W x and Var u = p q (W * W)(x * x) (``thm-dropconnect-moments``; Wan et al.
    2013), each of shape (..., out). Different outputs are uncorrelated, since they share no weight.

    Parameters
    ----------
    W, x : array_like, shapes (out, in) and (..., in)
        Weights and inputs.
    p : float or fractions.Fraction
        Probability of dropping a weight; another `p` is a ValueError or TypeError.
    """
    check_probability(p)
    W, x = number_array(W, p), number_array(x, p)
    return (1 - p) * (x @ W.T), p * (1 - p) * (x**2 @ (W**2).T)


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
