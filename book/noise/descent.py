"""Gradient descent with dropout on linear regression: where it goes, and how it keeps moving."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, Rng, check_count, check_rng, finite
from dropoutlib.masks import enumerate_masks, mask_weights, sample_mask

from .minimisers import dropout_ridge, regression_data
from .moments import noise_variance

__all__ = ["IterateMoments", "dropout_descent", "iterate_moments", "stationary_moments"]

MAX_INPUTS = 10  # 2^d masks, each with a d^2 x d^2 matrix


class IterateMoments(NamedTuple):
    """Mean, shape (d,), and covariance, shape (d, d), of the weights over all masks so far."""

    mean: np.ndarray
    covariance: np.ndarray


def dropout_descent(
    X: ArrayLike,
    y: ArrayLike,
    p: Probability,
    eta: float,
    steps: int,
    *,
    start: ArrayLike | None = None,
    chains: int = 1,
    rng: Rng,
) -> NDArray[np.float64]:
    """Weights after some steps of gradient descent with a fresh mask of the inputs in each.

    One step is ``w <- w + eta D X'(y - X D w)`` with D = diag(m) / q, which descends the loss
    ``|y - X D w|^2 / 2`` (Clara, Langer and Schmidt-Hieber 2024, there without 1/q).

    Parameters
    ----------
    X, y : array_like, shapes (N, d) and (N,)
        Inputs and targets. A step sees all samples under one mask.
    p : float
        Drop probability in [0, 1).
    eta : float
        Step size.
    steps : int
        Number of steps.
    start : array_like, shape (d,), optional
        Weights to start from, by default 0.
    chains : int
        Number of independent runs.
    rng : numpy.random.Generator or int
        Source of the masks.

    Returns
    -------
    ndarray, shape (chains, d)

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit, a value is not finite, `p` is not in [0, 1), or `steps` or
        `chains` is not a number to count with.

    Examples
    --------
    >>> dropout_descent([[1.0]], [1.0], 0.0, 0.5, 2, rng=0)
    array([[0.75]])
    """
    X, y = regression_data(X, y)
    noise_variance(p)
    _check_run(eta, steps, chains)
    rng, gram, moment, q = check_rng(rng), X.T @ X, X.T @ y, 1 - float(p)
    weights = np.tile(_start(start, X.shape[1]), (chains, 1))
    for _ in range(steps):
        kept = sample_mask(weights.shape, p, rng=rng) / q
        weights += eta * kept * (moment - (kept * weights) @ gram)
    return weights


def iterate_moments(
    X: ArrayLike,
    y: ArrayLike,
    p: Probability,
    eta: float,
    steps: int,
    *,
    start: ArrayLike | None = None,
) -> IterateMoments:
    """Exact mean and covariance of the weights that `dropout_descent` draws.

    Parameters
    ----------
    X, y, p, eta, steps, start
        As for `dropout_descent`, with at most 10 inputs.

    Returns
    -------
    IterateMoments

    Raises
    ------
    ValueError, TypeError
        As `dropout_descent`.

    Notes
    -----
    With G = X'X, c = X'y and K = D G D the error e = w - w* from the dropout ridge solution
    follows ``e <- (I - eta K) e + eta xi``, ``xi = D (c - G D w*)``, whose means are linear in the
    moments of e (``thm-iterate-variance``). They are averaged over all 2^d masks.

    Examples
    --------
    >>> mean, covariance = iterate_moments([[1.0]], [1.0], 0.5, 0.1, 1)
    >>> print(mean, covariance.round(6))  # the weight is 0 or 0.2
    [0.1] [[0.01]]
    """
    X, y = regression_data(X, y)
    _check_run(eta, steps)
    maps, noise, weights = _steps(X, y, p, eta)
    target = dropout_ridge(X, y, p)
    error = _start(start, X.shape[1]) - target
    second = np.outer(error, error)
    for _ in range(steps):
        moved = maps @ error
        cross = (weights[:, None] * moved).T @ noise
        second = (
            np.einsum("k,kab,bc,kdc->ad", weights, maps, second, maps, optimize=True)
            + cross
            + cross.T
            + (weights[:, None] * noise).T @ noise
        )
        error = weights @ moved
    return IterateMoments(error + target, second - np.outer(error, error))


def stationary_moments(
    X: ArrayLike,
    y: ArrayLike,
    p: Probability,
    eta: float,
) -> IterateMoments:
    """Limit of `iterate_moments` as the number of steps grows (``thm-iterate-variance``).

    Parameters
    ----------
    X, y : array_like, shapes (N, d) and (N,)
        Inputs, at most 10, none of them zero throughout, and targets.
    p : float
        Drop probability in (0, 1).
    eta : float
        Step size, with ``0 < eta < 2 q^2 / |X'X|`` in the spectral norm: then the limit exists.

    Returns
    -------
    IterateMoments
        The mean is `dropout_ridge`. The covariance S solves
        ``S = E (I - eta K) S (I - eta K) + eta^2 E xi xi'``, in the notation of
        `iterate_moments`.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit or the limit is not known to exist.

    Examples
    --------
    Two inputs that always agree are never settled, two that are orthogonal are:

    >>> X, y = [[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0]
    >>> print(stationary_moments(X, y, 0.5, 0.1).covariance.diagonal() > 0.01)
    [ True  True]
    >>> X, y = [[1.0, 1.0], [1.0, -1.0]], [1.0, 0.0]
    >>> print(stationary_moments(X, y, 0.5, 0.1).covariance.diagonal() > 1e-12)
    [False False]
    """
    X, y = regression_data(X, y)
    if noise_variance(p) == 0 or not X.any(axis=0).all():
        raise ValueError("stationary_moments needs p > 0 and no input that is always 0")
    limit = 2 * (1 - float(p)) ** 2 / np.linalg.norm(X.T @ X, 2)
    if not 0 < eta < limit:
        raise ValueError(
            f"the step size must lie below 2 q^2 / |X'X| = {limit:.4g}, got eta={eta!r}"
        )
    maps, noise, weights = _steps(X, y, p, eta)
    d = X.shape[1]
    # Entry (a, c), (b, d) of the map from S to E (I - eta K) S (I - eta K)
    push = np.einsum("k,kab,kcd->acbd", weights, maps, maps, optimize=True)
    source = (weights[:, None] * noise).T @ noise
    system = np.eye(d * d) - push.reshape(d * d, d * d)
    covariance = np.linalg.solve(system, source.ravel()).reshape(d, d)
    return IterateMoments(dropout_ridge(X, y, p), (covariance + covariance.T) / 2)


def _check_run(eta, steps, chains=1):
    """Raise unless the step size is a finite number and there are whole steps and chains."""
    if not np.isfinite(eta):
        raise ValueError(f"the step size must be finite, got eta={eta!r}")
    check_count("steps", steps, 0)
    check_count("chains", chains, 1)


def _start(start, d):
    """Weights to start from."""
    start = np.zeros(d) if start is None else finite("start", start, 1)
    if start.shape != (d,):
        raise ValueError(f"start must have one weight for each of {d} inputs, got {start.shape}")
    return start


def _steps(X, y, p, eta):
    """I - eta K and eta xi for every mask, and the masks' probabilities."""
    noise_variance(p)
    d = X.shape[1]
    if d > MAX_INPUTS:
        raise ValueError(
            f"moments of the iterates are computed for at most {MAX_INPUTS} inputs, got {d}; "
            "draw chains with dropout_descent instead"
        )
    gram, moment, target = X.T @ X, X.T @ y, dropout_ridge(X, y, p)
    masks = enumerate_masks(d)
    kept = masks / (1 - float(p))
    maps = np.eye(d) - eta * kept[:, :, None] * gram * kept[:, None, :]
    noise = eta * kept * (moment - (kept * target) @ gram)
    return maps, noise, mask_weights(masks, float(p))
