"""How probable the test data are under the mixture that T passes predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .uncertainty import check_tau, finite_values, in_kind

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike


def predictive_log_likelihood(
    samples: ArrayLike | torch.Tensor, y: ArrayLike | torch.Tensor, tau: float
) -> Any:
    """Log-density of each target under the mixture of T Gaussians, in nats.

    Theorem ``thm-loglik`` of the book (Gal and Ghahramani 2016, equation 8)::

        logsumexp_t( -tau/2 |y - f_t|^2 ) - log T - D/2 log(2 pi) + D/2 log(tau)

    Parameters
    ----------
    samples : array_like or torch.Tensor, shape (T, N) or (T, N, D)
        Predictions, draws first, such as those of `mc_samples`.
    y : array_like or torch.Tensor, shape (N,) or (N, D)
        Targets, of the shape of one draw. Nothing is broadcast: a target of shape (N, 1) beside
        draws of shape (T, N) would silently make N^2 comparisons.
    tau : float
        Precision of the noise, positive, one over the squared unit of the target.

    Returns
    -------
    ndarray of float64, shape (N,), or torch.Tensor if `samples` is one
        One for each point; their mean is the usual score. It is the density of the points
        taken one by one, not of all N under one network.

    Raises
    ------
    ValueError
        If the shapes do not fit, T or N is 0, a value is not finite, or `tau` is not positive.
    TypeError
        If `tau` is not a single number, or for arrays as for `predictive_entropy`.

    Examples
    --------
    >>> predictive_log_likelihood([[0.0], [0.0]], [0.0], 1.0).round(4)  # copies change nothing
    array([-0.9189])
    """
    draws, y = finite_values("samples", samples), finite_values("y", y)
    tau = check_tau(tau)
    if draws.ndim not in (2, 3) or 0 in draws.shape or draws.shape[1:] != y.shape:
        raise ValueError(
            "samples must have the shape (T, N) or (T, N, D) and y that of one draw, got shapes "
            f"{draws.shape} and {y.shape}"
        )
    # A square out of range has the density 0.
    with np.errstate(over="ignore", divide="ignore"):
        squares = ((draws - y) ** 2).reshape(*draws.shape[:2], -1)
        exponents = -tau / 2 * squares.sum(axis=2)
        # Far targets must not underflow; a finite largest leaves no difference NaN.
        top = np.maximum(exponents.max(axis=0), np.finfo(float).min)
        mixture = top + np.log(np.exp(exponents - top).mean(axis=0))
    return in_kind(samples, mixture + squares.shape[2] / 2 * np.log(tau / (2 * np.pi)))
