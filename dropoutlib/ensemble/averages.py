"""Arithmetic mean, variance and geometric mean over all 2^n subnetworks."""

import numpy as np

from .chunks import weighted_values

__all__ = ["expectation", "geometric_mean", "moments", "variance"]


def expectation(f, n, p, *, max_seconds=60):
    """Mean of f over all 2^n masks, each weighted with its probability P(m).

    Definition ``def-subnetwork`` and theorem ``thm-mask-weights`` of the book.

    Parameters
    ----------
    f : callable or OneHiddenLayer
        Takes masks, a boolean array of shape (k, n), True for a kept unit, and returns the
        values of these k subnetworks, real and finite, of shape (k, ...).
    n : int
        Number of units that can be dropped.
    p : float or fractions.Fraction
        Drop probability in [0, 1]. At p = 1/2 all subnetworks weigh the same.
    max_seconds : float
        The computation is given up, a quarter of a second into it, if it will take longer.
        ``math.inf`` never gives up.

    Returns
    -------
    ndarray of float64
        ``sum_m P(m) f(m)``, of the shape of one value of f.

    Raises
    ------
    ValueError
        For a wrong `p` or `n`, if f returns another number of values or values that are not
        finite, and if the estimate exceeds `max_seconds`; it then states number, memory and
        time.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> expectation(lambda masks: masks @ x, 3, 0.25).item()
    4.5
    """
    total = 0.0
    for weights, values in weighted_values(f, n, p, max_seconds):
        total = total + np.tensordot(weights, values, 1)
    return np.asarray(total)


def variance(f, n, p, *, max_seconds=60):
    """Variance of f over all 2^n masks, each weighted with its probability P(m).

    Parameters, return value and errors as for `expectation`. The chunks' means and variances
    are merged (Chan, Golub and LeVeque 1983), so that nothing cancels.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> variance(lambda masks: masks @ x, 3, 0.25).item()  # p q times the sum of the squares
    2.625
    """
    return moments(f, n, p, max_seconds=max_seconds)[1]


def moments(f, n, p, *, max_seconds=60):
    """Mean and variance of f over all 2^n masks, in one pass; see `variance`."""
    weight, mean, squares = 0.0, 0.0, 0.0
    for weights, values in weighted_values(f, n, p, max_seconds):
        added = weights.sum()
        center = np.tensordot(weights, values, 1) / added
        within = np.tensordot(weights, (values - center) ** 2, 1)
        step, share = center - mean, added / (weight + added)
        squares = squares + within + step**2 * weight * share
        mean = mean + step * share
        weight += added
    return np.asarray(mean), np.asarray(squares / weight)


def geometric_mean(f, n, p, *, normalize=False, max_seconds=60):
    """Geometric mean of f over all 2^n masks: ``prod_m f(m)^P(m)``.

    For softmax regression the normalised mean is the scaled network itself
    (``thm-weight-scaling-softmax``; Hinton et al. 2012; Goodfellow et al. 2016, section 7.12),
    and so it is for one sigmoid unit, given the values [sigmoid, 1 - sigmoid]
    (``thm-nwgm-sigmoid``; Baldi and Sadowski 2013). For the unweighted mean at another drop
    rate of f, pass p = 1/2.

    Parameters
    ----------
    f, n, p, max_seconds
        As for `expectation`. The values must not be negative.
    normalize : bool
        Whether to divide by the sum along the last axis, so that classes sum to 1.

    Returns
    -------
    ndarray of float64
        Of the shape of one value of f. 0 where f vanishes for a mask of positive probability.

    Raises
    ------
    ValueError
        As `expectation`, if a value is negative, or if all classes vanish and `normalize`.

    Examples
    --------
    >>> geometric_mean(lambda masks: 4.0 ** masks.sum(axis=1), 1, 0.5).item()
    2.0
    """
    logs = 0.0
    for weights, values in weighted_values(f, n, p, max_seconds):
        if (values < 0).any():
            raise ValueError(f"a geometric mean needs values of at least 0, got {values.min()}")
        with np.errstate(divide="ignore"):
            logs = logs + np.tensordot(weights, np.log(values), 1)
    if not normalize:
        return np.exp(logs)
    top = np.max(logs, axis=-1, keepdims=True)
    if (top == -np.inf).any():
        raise ValueError("normalize=True, but the geometric mean of every class is 0")
    scaled = np.exp(logs - top)
    return scaled / scaled.sum(axis=-1, keepdims=True)
