"""What dropout on the inputs of a linear model adds to its squared loss."""

import numpy as np

from ._arrays import regression_data, same_width
from .moments import noise_variance

__all__ = ["dropout_ridge", "linear_penalty", "second_order_penalty"]


def second_order_penalty(h, curvature, p):
    """Leading term of what dropout on h adds to a smooth loss L (``approx-noise-expansion``).

    ``p / (2 q) sum_i h_i^2 d^2L/dh_i^2``; exact where L is quadratic in h, as the squared loss of
    a linear model is.

    Parameters
    ----------
    h : array_like, shape (..., n)
        Activations.
    curvature : array_like, shape (..., n)
        Second derivatives of L at h, each with respect to one activation.
    p : float
        Drop probability in [0, 1).

    Returns
    -------
    ndarray, shape (...)
        In the unit of L.

    Raises
    ------
    ValueError, TypeError
        If the shapes differ, or `p` is not in [0, 1).

    Examples
    --------
    >>> second_order_penalty([1.0, 2.0], [1.0, 1.0], 0.5).item()  # of L = |h|^2 / 2
    2.5
    """
    h, curvature = np.asarray(h, dtype=float), np.asarray(curvature, dtype=float)
    if h.shape != curvature.shape or h.ndim == 0:
        raise ValueError(
            f"h and curvature must have one shape, got {h.shape} and {curvature.shape}"
        )
    return noise_variance(p) / 2 * np.sum(h**2 * curvature, axis=-1)


def linear_penalty(W, X, p):
    """What dropout on the inputs adds to the squared loss of ``x -> W x``, exactly.

    ``E sum_i |y_i - W x~_i|^2 = sum_i |y_i - W x_i|^2 + penalty`` with
    ``penalty = p / q sum_j (sum_i x_ij^2) |W_:j|^2`` (``thm-linear-regression``; Srivastava et al.
    2014, section 9.1, in their notation for the standard convention).

    Parameters
    ----------
    W : array_like, shape (k, d)
        Weights, one row for each output.
    X : array_like, shape (N, d)
        Inputs, one sample a row.
    p : float
        Drop probability in [0, 1).

    Returns
    -------
    float
        The penalty, summed over samples, in the unit of the squared target. Divide by N for the
        mean loss.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit, a value is not finite, or `p` is not in [0, 1).

    Examples
    --------
    >>> linear_penalty([[1.0, 2.0]], [[3.0, 1.0]], 0.5)
    13.0
    """
    W, X = same_width(W=W, X=X)
    return float(noise_variance(p) * np.sum((X**2).sum(axis=0) * (W**2).sum(axis=0)))


def dropout_ridge(X, y, p):
    """Weights that minimise the squared loss expected under dropout (``thm-dropout-ridge``).

    ``w = (X'X + p / q diag(X'X))^-1 X'y``, which is ridge regression with penalty p / q after each
    column of X has been scaled to norm 1.

    Parameters
    ----------
    X : array_like, shape (N, d)
        Inputs, one sample a row. No column is centred, and none is exempt from dropout.
    y : array_like, shape (N,)
        Targets.
    p : float
        Drop probability in [0, 1).

    Returns
    -------
    ndarray, shape (d,)
        The minimiser, unique for p > 0 up to the weight of a column of zeros, which is set to 0.
        At p = 0, of all least-squares solutions the one that the others tend to as p falls to 0.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit, a value is not finite, or `p` is not in [0, 1).

    Notes
    -----
    The normal equations are not formed: the ridge problem is solved as a least-squares problem
    with ``sqrt(p / q)`` times the identity below the scaled inputs.

    Examples
    --------
    >>> X, y = [[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0]  # X'X is singular
    >>> print(dropout_ridge(X, y, 0.5))
    [0.33333333 0.33333333]
    """
    X, y = regression_data(X, y)
    strength = noise_variance(p)
    norms = np.linalg.norm(X, axis=0)
    empty = norms == 0
    norms[empty] = 1.0
    inputs = np.vstack([X / norms, np.sqrt(strength) * np.eye(X.shape[1])])
    targets = np.concatenate([y, np.zeros(X.shape[1])])
    weights = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return np.where(empty, 0.0, weights / norms)
