"""What dropout on the inputs adds to the loss of a generalised linear model."""

from typing import NamedTuple

import numpy as np

from .. import ensemble
from ._arrays import finite
from .moments import noise_variance

__all__ = ["FAMILIES", "exact_glm_penalty", "glm_penalty"]


class Family(NamedTuple):
    """Log-partition function A of a family, and its second derivative."""

    log_partition: callable
    curvature: callable


def _softplus(z):
    return np.logaddexp(0.0, z)


def _logistic_variance(z):
    # e^-|z| / (1 + e^-|z|)^2, which neither overflows nor cancels
    small = np.exp(-np.abs(z))
    return small / (1 + small) ** 2


# By name. The loss of a sample is A(x . beta) - y x . beta, up to what is free of beta.
FAMILIES = {
    "gaussian": Family(lambda z: z**2 / 2, np.ones_like),
    "logistic": Family(_softplus, _logistic_variance),
    "poisson": Family(np.exp, np.exp),
}


def glm_penalty(beta, X, p, family):
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


def exact_glm_penalty(beta, X, p, family):
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
        As for `glm_penalty`, and if 2^d masks take longer than a minute (`ensemble.expectation`).

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
    return float(
        ensemble.expectation(
            lambda masks: np.sum(A.log_partition(masks @ scaled) - without, axis=1),
            len(scaled),
            p,
        )
    )


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
