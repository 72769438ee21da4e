"""Weights that dropout prefers: the ridge solution, and factors of the smallest path norm."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, check_count, finite

from .moments import noise_variance

__all__ = ["dropout_ridge", "equalized_factorization", "regression_data"]


def dropout_ridge(X: ArrayLike, y: ArrayLike, p: Probability) -> NDArray[np.float64]:
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


def regression_data(X: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    """Inputs of shape (N, d) and targets of shape (N,)."""
    X, y = finite("X", X, 2), finite("y", y, 1)
    if len(X) != len(y):
        raise ValueError(f"X and y must have as many rows, got shapes {X.shape} and {y.shape}")
    return X, y


def equalized_factorization(M: ArrayLike, r: int) -> tuple[NDArray, NDArray]:
    """Factors ``U V' = M`` of width r with the smallest path norm, ``|M|_*^2 / r``.

    All r products ``|u_k| |v_k|`` are equal, which is what dropout prefers
    (``thm-nuclear-norm``; Mianjy, Arora and Vidal 2018).

    Parameters
    ----------
    M : array_like, shape (m, n)
        The matrix.
    r : int
        Number of hidden units, at least the rank of M.

    Returns
    -------
    U, V : ndarray, shapes (m, r) and (n, r)
        With ``|u_k|^2 = |v_k|^2 = |M|_* / r`` for every k.

    Raises
    ------
    ValueError
        If r is less than the rank of M, so that no factors of that width exist.
    TypeError
        If r is not an integer.

    Notes
    -----
    The rank is counted as in `numpy.linalg.matrix_rank`. With M = P S Q', the factors
    ``P S^(1/2) R`` and ``Q S^(1/2) R`` have product M for every orthogonal R, and unit k has
    ``|u_k|^2 = |v_k|^2 = (R' S R)_kk``. R is a product of at most r - 1 plane rotations, each of
    which turns one entry of that diagonal into its mean.

    Examples
    --------
    >>> U, V = equalized_factorization(np.diag([3.0, 1.0]), 2)
    >>> print((U**2).sum(axis=0), np.round(U @ V.T, 12))
    [2. 2.] [[3. 0.]
     [0. 1.]]
    """
    M = finite("M", M, 2)
    r = check_count("r", r, 0)
    P, singular, Qt = np.linalg.svd(M, full_matrices=False)
    rank = int(np.linalg.matrix_rank(M))
    if r < max(rank, 1):
        raise ValueError(f"a matrix of rank {rank} has no factors of width r={r}")
    padded = np.zeros(r)
    padded[:rank] = singular[:rank]
    root = np.sqrt(np.diag(padded)[:rank]) @ _equalizing_rotation(padded)
    return P[:, :rank] @ root, Qt[:rank].T @ root


def _equalizing_rotation(diagonal):
    """An orthogonal R for which R' diag(diagonal) R has a constant diagonal."""
    r, mean = len(diagonal), diagonal.mean()
    rotation, rotated = np.eye(r), np.diag(diagonal)
    open_entries = list(range(r))
    while len(open_entries) > 1:
        values = rotated[open_entries, open_entries]
        low, high = open_entries[int(np.argmin(values))], open_entries[int(np.argmax(values))]
        if rotated[high, high] <= mean or rotated[low, low] >= mean:
            break  # all that are left equal their mean, up to rounding
        # Rotating this plane by t makes entry `low` a c^2 + 2 b c s + d s^2 with c, s = cos, sin t:
        # a at t = 0 and d at t = pi/2, so some t between gives the mean. Solve for tan t.
        a, b, d = rotated[low, low] - mean, rotated[low, high], rotated[high, high] - mean
        tangent = -a / (b + np.copysign(np.sqrt(b * b - a * d), b))
        c = 1 / np.hypot(1.0, tangent)
        s = c * tangent
        turn = np.eye(r)
        turn[[low, low, high, high], [low, high, low, high]] = c, -s, s, c
        rotation, rotated = rotation @ turn, turn.T @ rotated @ turn
        open_entries.remove(low)
    return rotation
