"""What dropout adds to the loss of linear, generalised linear, factorised and other models."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from book.ensemble import arithmetic_mean
from dropoutlib._checks import Probability, finite

from .moments import noise_variance

__all__ = [
    "FAMILIES",
    "exact_glm_penalty",
    "glm_penalty",
    "linear_penalty",
    "path_norm_penalty",
    "second_order_penalty",
]


def second_order_penalty(
    h: ArrayLike,
    curvature: ArrayLike,
    p: Probability,
) -> NDArray[np.float64]:
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


def linear_penalty(W: ArrayLike, X: ArrayLike, p: Probability) -> float:
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
    W, X = _same_width(W=W, X=X)
    return float(noise_variance(p) * np.sum((X**2).sum(axis=0) * (W**2).sum(axis=0)))


def path_norm_penalty(U: ArrayLike, V: ArrayLike, p: Probability) -> float:
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
        In the unit of the squared entries of A. Errors as for `linear_penalty`.

    Examples
    --------
    >>> path_norm_penalty([[1.0, 2.0]], [[3.0, 1.0]], 0.5)
    13.0
    """
    U, V = _same_width(U=U, V=V)
    return float(noise_variance(p) * np.sum((U**2).sum(axis=0) * (V**2).sum(axis=0)))


def _same_width(**matrices):
    """Two matrices, once they are finite and have as many columns."""
    one, other = (finite(name, value, 2) for name, value in matrices.items())
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"{' and '.join(matrices)} must have as many columns, got shapes {one.shape} and "
            f"{other.shape}"
        )
    return one, other


class Family(NamedTuple):
    """Log-partition function A of a family, and its second derivative."""

    log_partition: Callable
    curvature: Callable


def _logistic_variance(z):
    # e^-|z| / (1 + e^-|z|)^2, which neither overflows nor cancels
    small = np.exp(-np.abs(z))
    return small / (1 + small) ** 2


#: The families that `glm_penalty` knows by name, each a pair of functions: the log-partition
#: function A and its second derivative. The loss of a sample is A(x . beta) - y x . beta, up to
#: what is free of beta.
FAMILIES = {
    "gaussian": Family(lambda z: z**2 / 2, np.ones_like),
    "logistic": Family(lambda z: np.logaddexp(0.0, z), _logistic_variance),
    "poisson": Family(np.exp, np.exp),
}


def glm_penalty(beta: ArrayLike, X: ArrayLike, p: Probability, family: str) -> float:
    """Second-order approximation of what dropout adds to the loss (``approx-glm``).

    ``p / (2 q) sum_i A''(x_i . beta) sum_j x_ij^2 beta_j^2``, of Wager, Wang and Liang
    (2013). It is exact for the family ``"gaussian"`` and uses no labels.

    Parameters
    ----------
    beta : array_like, shape (d,)
        Weights.
    X : array_like, shape (N, d)
        Inputs, one sample a row.
    p : float
        Drop probability in [0, 1).
    family : {"gaussian", "logistic", "poisson"}
        Which loss: ``A(z) = z^2 / 2``, ``log(1 + e^z)`` or ``e^z``, with the canonical link.

    Returns
    -------
    float
        In nats, summed over samples.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit, a value is not finite, the family is unknown, or `p` is not in
        [0, 1).

    Examples
    --------
    >>> glm_penalty([2.0], [[1.0]], 0.5, "gaussian")
    2.0
    >>> print(f"{glm_penalty([2.0], [[1.0]], 0.5, 'logistic'):.4f}")
    0.2100
    """
    terms, strength, A = _checked(beta, X, p, family)
    return float(strength / 2 * np.sum(A.curvature(terms.sum(axis=1)) * (terms**2).sum(axis=1)))


def exact_glm_penalty(
    beta: ArrayLike,
    X: ArrayLike,
    p: Probability,
    family: str,
) -> float:
    """What dropout adds to the expected loss, as a mean over all masks (``thm-glm-exact-gap``).

    ``sum_i E A(x~_i . beta) - A(x_i . beta)``, never negative, and without labels.

    Parameters
    ----------
    beta, X, p, family
        As for `glm_penalty`; all 2^d masks are visited.

    Returns
    -------
    float
        In nats, summed over samples.

    Raises
    ------
    ValueError, TypeError
        As for `glm_penalty`, and if 2^d masks take longer than a minute, as told by
        `ensemble.arithmetic_mean`.

    Examples
    --------
    >>> print(f"{exact_glm_penalty([2.0], [[1.0]], 0.5, 'logistic'):.4f}")
    0.2287
    >>> print(f"{exact_glm_penalty([200.0], [[1.0]], 0.5, 'logistic'):.4f}")  # log(2) / 2
    0.3466
    """
    terms, _, A = _checked(beta, X, p, family)
    scaled = terms.T / (1 - float(p))
    # Averaged differences, not averages subtracted: for large |z| these nearly agree.
    without = A.log_partition(terms.sum(axis=1))

    def added(masks):
        return np.sum(A.log_partition(masks @ scaled) - without, axis=1)

    return float(arithmetic_mean(added, len(scaled), p))


def _checked(beta, X, p, family):
    """The products x_ij beta_j, of shape (N, d), p / q, and the family."""
    beta, X = finite("beta", beta, 1), finite("X", X, 2)
    if X.shape[1:] != beta.shape:
        raise ValueError(
            f"X must have one column for each weight, got shapes {X.shape} and {beta.shape}"
        )
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got family={family!r}")
    return X * beta, noise_variance(p), FAMILIES[family]
