"""Weight decay as a prior: which precision of the noise it implies, and the divergence behind it.

Gal and Ghahramani (2016) read a dropped column of weights as a draw from a mixture of two
Gaussians of width sigma, one at the weights and one at zero, and let sigma go to 0.
"""

import numpy as np
from numpy.typing import ArrayLike

from dropoutlib._checks import Probability, check_count, check_positive, check_probability, finite

__all__ = ["gal_kl", "kl_overlap", "kl_overlap_bound", "model_precision", "model_weight_decay"]

STEP = 1 / 16  # of the trapezoidal rule, in log odds or standard deviations
FAR = 80.0  # distance in standard deviations at which exp(-r^2 / 8) is below the smallest double
REACH = 1400  # log odds beyond which the entropy of a bit is below the smallest double


def model_precision(
    p: Probability, length_scale: float, n: int, weight_decay: float, inverted: bool = True
) -> float:
    """Precision of the observation noise that a dropout objective implies.

    Theorem ``thm-precision`` of the book. For the objective ::

        1/(2 N) sum_i |y_i - f(x_i)|^2 + lambda |W|^2

    it is ``tau = l^2 / (2 q N lambda)`` when the weights W stand behind inverted dropout, and
    ``tau = q l^2 / (2 N lambda)`` when the masks are not scaled (Gal and Ghahramani 2016,
    equation 7, where p is the probability of *keeping*).

    Parameters
    ----------
    p : float
        Drop probability in [0, 1). 0 for weights with no dropout in front of them.
    length_scale : float
        Prior length scale l, positive: the prior's standard deviation is 1/l.
    n : int
        Number N of samples in the training set, at least 1.
    weight_decay : float
        The lambda above, positive. It multiplies the *whole* squared norm, and the loss has
        the factor 1/2: for a mean squared error without the 1/2 pass half of its lambda, and
        for an optimiser that adds ``wd * W`` to the gradient of the loss above, ``wd / 2``.
    inverted : bool
        Whether the layer divides by q in training, as PyTorch's and Keras' do.

    Returns
    -------
    float
        tau, in one over the squared unit of the target.

    Raises
    ------
    ValueError
        If a number is out of its range; p = 1 is, as nothing is learned then.
    TypeError
        If `n` is not an integer.

    Examples
    --------
    >>> model_precision(0.5, 1.0, 100, 0.01)
    1.0
    >>> model_precision(0.5, 1.0, 100, 0.01, inverted=False)
    0.25
    """
    check_positive(weight_decay=weight_decay)
    return _product(p, length_scale, n, inverted) / weight_decay


def model_weight_decay(
    p: Probability, length_scale: float, n: int, tau: float, inverted: bool = True
) -> float:
    """Weight decay with which dropout training maximises the evidence bound at a known noise.

    The inverse of `model_precision`, with its parameters, errors and meaning of lambda; `tau`
    is the precision of the noise, positive.

    Examples
    --------
    >>> model_weight_decay(0.5, 1.0, 100, 1.0)
    0.01
    """
    check_positive(tau=tau)
    return _product(p, length_scale, n, inverted) / tau


def _product(p, length_scale, n, inverted):
    """The product of lambda and tau."""
    q = 1 - check_probability(p)
    if q == 0:
        raise ValueError(f"drop probability p must be below 1, got p={p!r}")
    check_positive(length_scale=length_scale)
    return length_scale**2 / (2 * check_count("n", n, 1)) * (1 / q if inverted else q)


def gal_kl(M: ArrayLike, sigma: float, length_scale: float, p: Probability) -> float:
    """Approximate divergence of smoothed dropout weights from their Gaussian prior, in nats.

    Statement ``approx-kl-weight-decay`` of the book. For each column w with weights M_j::

        KL( q N(M_j, sigma^2 I) + p N(0, sigma^2 I)  ||  N(0, I / l^2) )
          ~ q l^2 / 2 |M_j|^2 + K / 2 (l^2 sigma^2 - log(l^2 sigma^2) - 1) - H(p)

    with H(p) = -p log p - q log q. What is left out is `kl_overlap`, which is never negative.

    Parameters
    ----------
    M : array_like, shape (K,) or (K, J)
        Weights in the un-inverted convention, one column of K for each of J units that are
        dropped. Behind inverted dropout pass ``W / q``.
    sigma : float
        Standard deviation of the smoothing, positive, in the unit of M.
    length_scale : float
        Prior length scale l, positive: the prior's standard deviation is 1/l.
    p : float
        Drop probability in [0, 1].

    Returns
    -------
    float
        The sum over the columns.

    Raises
    ------
    ValueError
        If M has another number of axes or is not finite, or a number is out of its range.

    References
    ----------
    Gal and Ghahramani (2015), the appendix to their paper of 2016.

    Examples
    --------
    >>> print(f"{gal_kl([3.0, 4.0], 0.1, 1.0, 0.5):.4f}")
    9.1720
    """
    M, p = _checked(M, sigma, p)
    check_positive(length_scale=length_scale)
    K, J = M.shape
    width = length_scale * sigma
    pull = (1 - p) * length_scale**2 / 2 * np.sum(M**2)
    return float(pull + J * (K / 2 * (width**2 - 2 * np.log(width) - 1) - _entropy(p)))


def kl_overlap(M: ArrayLike, sigma: float, p: Probability) -> float:
    """What `gal_kl` leaves out: the doubt about the mask that is left when w is known, in nats.

    The exact divergence is ``gal_kl(M, sigma, l, p) + kl_overlap(M, sigma, p)`` for every l.
    Parameters and errors as for `gal_kl`.

    Returns
    -------
    float
        Conditional entropy H(z | w) of the kept-or-dropped bit z, summed over the columns;
        between 0 and J H(p), and a function of p and ``|M_j| / sigma`` only.

    Notes
    -----
    With ``r = |M_j| / sigma`` and the log odds L of "kept" given w, the integral over K
    dimensions is one over the line (see the book's proof)::

        H(z | w) = sqrt(p q) exp(-r^2 / 8) int phi(u) G(log(q / p) + r u) du,

    where phi is the normal density and G(L) = 2 cosh(L / 2) h(L) with the entropy h of a bit
    of log odds L. The integrand is analytic in a strip and decays, so the trapezoidal rule
    converges geometrically (Trefethen and Weideman 2014).

    Examples
    --------
    >>> print(f"{kl_overlap([3.0, 4.0], 1.0, 0.5):.4f}")
    0.0172
    >>> print(f"{kl_overlap([0.0, 0.0], 1.0, 0.5):.4f}")  # log 2, as nothing tells them apart
    0.6931
    """
    M, p = _checked(M, sigma, p)
    return float(sum(_equivocation(r, p) for r in np.linalg.norm(M, axis=0) / sigma))


def kl_overlap_bound(M: ArrayLike, sigma: float, p: Probability) -> float:
    """Bound on `kl_overlap`: ``sqrt(p q) exp(-r^2 / 8) min(2 log 2, sqrt(8 pi) / r)`` a column.

    Statement ``approx-kl-weight-decay`` of the book, with ``r = |M_j| / sigma``. As r grows,
    the ratio of the overlap to its bound goes to 1. Beyond r = 80 the overlap counts as 0, and
    the bound as that at 80. Parameters and errors as for `gal_kl`.

    Returns
    -------
    float
        The sum over the columns.

    Examples
    --------
    >>> print(f"{kl_overlap_bound([3.0, 4.0], 1.0, 0.5):.4f}")
    0.0220
    """
    M, p = _checked(M, sigma, p)
    r = np.minimum(np.linalg.norm(M, axis=0) / sigma, FAR)
    with np.errstate(divide="ignore"):
        factor = np.minimum(2 * np.log(2), np.sqrt(8 * np.pi) / r)
    return float(np.sqrt(p * (1 - p)) * np.sum(np.exp(-(r**2) / 8) * factor))


def _equivocation(r, p):
    """H(z | w) of one column at the distance ``r = |M_j| / sigma``."""
    if p in (0.0, 1.0) or r == 0:
        return _entropy(p)
    if r > FAR:
        return 0.0
    odds = np.log((1 - p) / p)
    # Where the normal density or G vanishes, whichever comes first.
    low, high = max(-40 - r, (-REACH - odds) / r), min(40 + r, (REACH - odds) / r)
    step = STEP * min(1.0, 1 / r)
    u = step * np.arange(np.floor(low / step), high / step)
    size = np.abs(odds + r * u)
    # 2 cosh(L/2) h(L) with h = log(1 + e^-|L|) + |L| / (1 + e^|L|), and nothing overflows.
    small = np.exp(-size)
    bit = np.log1p(small) + size * small / (1 + small)
    log_bit = np.log(bit, where=bit > 0, out=np.full_like(bit, -np.inf))
    log_values = size / 2 + np.log1p(small) + log_bit - u**2 / 2
    total = step / np.sqrt(2 * np.pi) * np.sum(np.exp(log_values))
    return np.sqrt(p * (1 - p)) * np.exp(-(r**2) / 8) * total


def _entropy(p):
    """Entropy of a bit, in nats."""
    return sum(-x * np.log(x) for x in (p, 1 - p) if x > 0)


def _checked(M, sigma, p):
    """M as a matrix, one column for each unit, and p."""
    if np.ndim(M) not in (1, 2) or np.size(M) == 0:
        raise ValueError(f"M must have the shape (K,) or (K, J), got shape {np.shape(M)}")
    M = finite("M", M)
    check_positive(sigma=sigma)
    return M.reshape(len(M), -1), check_probability(p)
