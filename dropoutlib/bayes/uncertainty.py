"""What T stochastic passes say: entropies, mutual information, variances, and how well they fit.

One layout everywhere: draws first, (T, N, C, ...) for T passes, N inputs and C classes. Entropies
are in nats and are those of the *mean* probabilities, never of mean logits. All is computed in
float64; a tensor gives a tensor on its device, anything else an array.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._checks import finite

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike

# Half-precision softmax is this far from 1 at worst; logits are much farther.
SUM_TOLERANCE = 1e-2


def predictive_entropy(probs: ArrayLike | torch.Tensor) -> Any:
    """Entropy of the mean prediction: total uncertainty, in nats.

    Parameters
    ----------
    probs : array_like or torch.Tensor, shape (T, N, C, ...)
        Class probabilities: T draws of N inputs over C classes. Exact zeros are fine.

    Returns
    -------
    ndarray or torch.Tensor of float64, shape (N, ...)
        ``H[mean_t p_t]``, between 0 and log C.

    Raises
    ------
    ValueError
        If `probs` has less than three axes, T is 0, or axis 2 holds no probabilities of at least
        two classes.
    TypeError
        If `probs` is complex, masked, sparse or nested.

    Examples
    --------
    >>> predictive_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    return in_kind(probs, _entropy(_probabilities(probs).mean(axis=0), 1))


def expected_entropy(probs: ArrayLike | torch.Tensor) -> Any:
    """Mean entropy of the single predictions: aleatoric uncertainty, in nats.

    It is ``mean_t H[p_t]``, at most the predictive entropy. Parameters, result and errors as for
    `predictive_entropy`.

    Examples
    --------
    >>> expected_entropy([[[1.0, 0.0]], [[0.0, 1.0]]])
    array([0.])
    """
    return in_kind(probs, _entropy(_probabilities(probs), 2).mean(axis=0))


def mutual_information(probs: ArrayLike | torch.Tensor) -> Any:
    """Information that the class would give about the network: epistemic uncertainty, in nats.

    The predictive entropy less the expected entropy, also called BALD (Houlsby et al. 2011).
    Both it and the predictive entropy are too small on average over T passes, by an amount of
    order 1/T (``thm-entropy-passes``): compare what has the same T. It is at least 0 (entropy is
    concave; what rounding leaves below is cut off), and exactly 0 for a single draw. Parameters,
    result and errors as for `predictive_entropy`.

    Examples
    --------
    >>> mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    draws = _probabilities(probs)
    gained = _entropy(draws.mean(axis=0), 1) - _entropy(draws, 2).mean(axis=0)
    return in_kind(probs, np.maximum(gained, 0.0))


def variation_ratio(probs: ArrayLike | torch.Tensor) -> Any:
    """Share of draws that do not vote for the class most voted for (Freeman 1965).

    A draw votes for its most probable class, the first of several equal ones. The ratio is a
    multiple of 1/T, from 0 to 1 - 1/min(T, C). Parameters, result and errors as for
    `predictive_entropy`.

    Examples
    --------
    >>> variation_ratio([[[0.9, 0.1]], [[0.8, 0.2]], [[0.7, 0.3]], [[0.4, 0.6]]])
    array([0.25])
    """
    draws = _probabilities(probs)
    votes = draws.argmax(axis=2)
    counts = [(votes == label).sum(axis=0) for label in range(draws.shape[2])]
    return in_kind(probs, (len(draws) - np.max(counts, axis=0)) / len(draws))


class VarianceSplit(NamedTuple):
    """Variance of a regression's prediction, in the squared unit of the target."""

    aleatoric: Any
    epistemic: Any
    total: Any


def decompose_variance(
    means: ArrayLike | torch.Tensor,
    variances: ArrayLike | torch.Tensor | None = None,
    *,
    tau: float | None = None,
) -> VarianceSplit:
    """Split the predictive variance into noise of the data and doubt about the network.

    The prediction is the equal mixture of T distributions of mean mu_t and variance s_t; by the
    law of total variance its variance is ``mean_t s_t + var_t mu_t`` (Kendall and Gal 2017,
    section 3.1). Note that it is variances that add, not standard deviations.

    Parameters
    ----------
    means : array_like or torch.Tensor, shape (T, ...)
        Predicted means, draws first.
    variances : array_like or torch.Tensor, shape (T, ...), optional
        Predicted variances of the noise, of the shape of `means`. Both are what `mc_samples`
        returns for a model whose output is the pair of them.
    tau : float, optional
        Precision of a noise that is the same everywhere; the variance of the noise is 1/tau.
        Either `variances` or `tau` is given.

    Returns
    -------
    VarianceSplit
        ``(aleatoric, epistemic, total)``, of float64 and shape (...), tensors if `means` is one.
        The epistemic part is divided by T, not T - 1: it is the variance of the mixture itself.

    Raises
    ------
    ValueError
        If T is 0, values are not finite, a variance is negative, `tau` is not positive, the
        shapes differ, or not exactly one of `variances` and `tau` is given.
    TypeError
        If `tau` is not a single number, or for `means` and `variances` as for `predictive_entropy`.

    Examples
    --------
    >>> split = decompose_variance([1.0, 3.0], tau=2.0)
    >>> print(*split)
    0.5 1.0 1.5
    """
    draws = finite_values("means", means)
    if draws.ndim == 0 or len(draws) == 0:
        raise ValueError(f"means must have at least one draw, got shape {draws.shape}")
    if (variances is None) == (tau is None):
        raise ValueError("give either the variances of the noise or its precision tau")
    if variances is None:
        aleatoric = np.full(draws.shape[1:], 1 / check_tau(tau))
    else:
        noise = finite_values("variances", variances)
        if noise.shape != draws.shape:
            raise ValueError(
                f"variances must have the shape of means, {draws.shape}, got {noise.shape}"
            )
        if (noise < 0).any():
            raise ValueError(f"variances must not be negative, got {noise.min()}")
        aleatoric = noise.mean(axis=0)
    epistemic = draws.var(axis=0)
    split = (aleatoric, epistemic, aleatoric + epistemic)
    return VarianceSplit(*(in_kind(means, part) for part in split))


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


def check_tau(tau: float | None) -> float:
    """The precision of a noise, once it is one positive number, or an error that says so."""
    if isinstance(tau, bool) or not isinstance(tau, numbers.Real):
        raise TypeError(f"the precision tau must be one number, got tau of {type(tau).__name__}")
    if not 0 < tau < np.inf:
        raise ValueError(f"the precision tau must be positive and finite, got tau={tau!r}")
    return float(tau)


def finite_values(name: str, values: Any) -> np.ndarray:
    """A float64 array of an array or of a tensor, on whatever device, without importing torch.

    Errors are those of `finite`, and TypeError for a tensor that is nested or sparse.
    """
    if hasattr(values, "detach"):
        if values.is_nested:
            raise TypeError(f"{name} must be a dense tensor, got a nested one: pass its parts")
        if str(values.layout) != "torch.strided":
            kind = str(values.layout).removeprefix("torch.")
            raise TypeError(f"{name} must be dense, got layout {kind}: pass {name}.to_dense()")
        values = values.detach().cpu()
        values = (values if values.is_complex() else values.double()).numpy()
    return finite(name, values)


def in_kind(given: Any, values: np.ndarray) -> Any:
    """The values as a tensor on the device of what was given, if that is one."""
    if not hasattr(given, "detach"):
        return values
    import torch

    wide = torch.float64 if given.device.type != "mps" else torch.float32
    return torch.as_tensor(values, dtype=wide).to(given.device)


def _probabilities(probs):
    """`probs` as a float64 array, once it is made of probabilities."""
    probs = finite_values("probs", probs)
    if probs.ndim < 3 or 0 in (probs.shape[0], probs.shape[2]):
        raise ValueError(
            f"probs must have the shape (T, N, C, ...), draws first, got shape {probs.shape}"
        )
    if probs.shape[2] == 1:
        raise ValueError(
            "one probability is no distribution over classes: give both, such as 1 - p and p of a "
            f"sigmoid, on axis 2; got shape {probs.shape}"
        )
    off = np.abs(probs.sum(axis=2) - 1).max(initial=0)
    if (probs < 0).any() or off > SUM_TOLERANCE:
        raise ValueError(
            "probs must hold probabilities along axis 2, at least 0 and of sum 1 "
            f"(apply the softmax first), got a value of {probs.min():.3g} and a sum that is off "
            f"by {off:.3g}"
        )
    return probs


def _entropy(probs, axis):
    """-sum p log p along an axis, where 0 log 0 = 0."""
    logs = np.log(probs, where=probs > 0, out=np.zeros_like(probs))
    return 0.0 - (probs * logs).sum(axis=axis)  # and not -0.0
