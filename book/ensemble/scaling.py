"""The scaled network, and how far it can be from the mean of the ensemble."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, check_probability

from .averages import arithmetic_mean
from .subnetworks import OneHiddenLayer

__all__ = ["relu_gap", "sigmoid_gap_bound", "weight_scaled"]


def weight_scaled(f: Callable, n: int, p: Probability) -> NDArray:
    """Output of the scaled network: one pass with every mask entry at its mean q.

    Definition ``def-subnetwork``. Multiplying a masked input by q is the same as multiplying
    the weights behind it (Srivastava et al. 2014, figure 2), so this is weight scaling.

    Parameters
    ----------
    f : callable or OneHiddenLayer
        As for `arithmetic_mean`, but it must *multiply* by the mask, as masks of real numbers are
        passed: ``W @ (mask * x)``, not ``x[mask]``.
    n : int
        Number of units that can be dropped.
    p : float or fractions.Fraction
        Drop probability in [0, 1].

    Returns
    -------
    ndarray
        Of the shape of one value of f.

    Raises
    ------
    ValueError
        For a wrong `p`, or if f does not return one value for one mask.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> weight_scaled(lambda masks: masks @ x, 3, 0.25).item()
    4.5
    """
    check_probability(p)
    values = np.asarray(f(np.full((1, n), 1 - p)))
    if values.shape[:1] != (1,):
        raise ValueError(f"f must return one value a mask, got shape {values.shape}")
    return values[0]


def relu_gap(
    x: ArrayLike, W: ArrayLike, b: ArrayLike, p: Probability, *, max_seconds: float = 60
) -> NDArray[np.float64]:
    """How far the mean of each ReLU lies above the ReLU of its mean preactivation.

    Theorem ``thm-relu-gap``: with ``Z = W (m * x) + b`` the gap ``E max(0, Z) - max(0, E Z)`` is
    ``(E|Z| - |E Z|) / 2``, hence never negative, and at most half the standard deviation of Z.
    Behind output weights V the scaled network is off by ``V @ relu_gap(...)``.

    Parameters
    ----------
    x, W, b
        Input and hidden layer as for `OneHiddenLayer`; in the inverted convention pass ``x / q``.
    p : float or fractions.Fraction
        Drop probability in [0, 1].
    max_seconds : float
        As for `arithmetic_mean`.

    Returns
    -------
    ndarray of float64, shape (H,)
        The gap of each hidden unit.

    Raises
    ------
    ValueError
        As `OneHiddenLayer` and `arithmetic_mean`.

    Examples
    --------
    >>> relu_gap([1.0], [[2.0]], [-1.0], 0.5)  # Z is -1 or 1
    array([0.5])
    """
    b = np.asarray(b, dtype=float)
    identity, zero = np.eye(b.size), np.zeros(b.size)
    sizes = OneHiddenLayer(x, W, b, identity, zero, activation=np.abs)
    plain = OneHiddenLayer(x, W, b, identity, zero, activation=lambda hidden: hidden)
    n = len(sizes.terms)
    mean_size = arithmetic_mean(sizes, n, p, max_seconds=max_seconds)
    gap = (mean_size - np.abs(weight_scaled(plain, n, float(p)))) / 2
    return np.maximum(gap, 0.0)  # cuts off what rounding leaves below


def sigmoid_gap_bound(variance: ArrayLike) -> NDArray[np.float64]:
    """What ``|E sigmoid(S) - sigmoid(E S)|`` is at most, by the variance of S.

    Proposition ``approx-nwgm-gap``. The bound ``Var(S) / (12 sqrt(3))`` is half the largest
    second derivative of the sigmoid, times the variance; no smaller constant will do.

    Parameters
    ----------
    variance : array_like
        Variance of the preactivation S over masks; ValueError if one is negative or NaN.

    Returns
    -------
    ndarray of float64
        Of the shape of `variance`. It says nothing from 1 on.

    Examples
    --------
    >>> sigmoid_gap_bound(1.0).round(4).item()
    0.0481
    """
    variance = np.asarray(variance, dtype=float)
    if not (variance >= 0).all():
        raise ValueError(f"a variance must be at least 0, got variance={variance!r}")
    return np.asarray(variance / (12 * np.sqrt(3)))
