"""Dropout on the hidden units of a linear network, and the factors that make it cheapest."""

import numpy as np

from ._arrays import finite, same_width
from .moments import noise_variance

__all__ = ["equalized_factorization", "path_norm_penalty"]


def path_norm_penalty(U, V, p):
    """What dropout on the factors adds to ``|A - U V'|^2`` (``thm-matrix-factorisation``).

    ``p / q sum_k |u_k|^2 |v_k|^2``, exactly and for every A. The sum is a path norm: it adds up
    ``u_ik^2 v_jk^2`` over all paths from input j through unit k to output i (Cavazza et al. 2018;
    Mianjy, Arora and Vidal 2018).

    Parameters
    ----------
    U : array_like, shape (m, r)
        Outgoing weights; column k belongs to hidden unit k.
    V : array_like, shape (n, r)
        Incoming weights of the same r units.
    p : float
        Drop probability in [0, 1).

    Returns
    -------
    float
        In the unit of the squared entries of A.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit, a value is not finite, or `p` is not in [0, 1).

    Examples
    --------
    >>> path_norm_penalty([[1.0, 2.0]], [[3.0, 1.0]], 0.5)
    13.0
    """
    U, V = same_width(U=U, V=V)
    return float(noise_variance(p) * np.sum((U**2).sum(axis=0) * (V**2).sum(axis=0)))


def equalized_factorization(M, r):
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
    if isinstance(r, bool) or not isinstance(r, (int, np.integer)):
        raise TypeError(f"the width r must be an integer, got r={r!r}")
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
