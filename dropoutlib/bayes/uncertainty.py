"""What the spread of T stochastic passes says: entropies, mutual information, variances.

One layout everywhere: draws first, (T, N, C) for T passes, N inputs and C classes.
Entropies are in nats and are those of the *mean* probabilities, never of mean logits.
"""

from typing import NamedTuple

import numpy as np

__all__ = [
    "VarianceSplit",
    "decompose_variance",
    "expected_entropy",
    "mutual_information",
    "predictive_entropy",
    "variation_ratio",
]

# Half-precision softmax is this far from 1 at worst; logits are much farther.
SUM_TOLERANCE = 1e-2


def predictive_entropy(probs):
    """Entropy of the mean prediction: total uncertainty, in nats.

    Parameters
    ----------
    probs : array_like or torch.Tensor, shape (T, N, C)
        Class probabilities: T draws of N inputs over C classes. Exact zeros are fine.

    Returns
    -------
    ndarray of float64, shape (N,)
        ``H[mean_t p_t]``, between 0 and log C.

    Raises
    ------
    ValueError
        If `probs` is not of three axes, T or C is 0, or its last axis holds no probabilities.

    Examples
    --------
    >>> predictive_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    return _entropy(_probabilities(probs).mean(axis=0))


def expected_entropy(probs):
    """Mean entropy of the single predictions: aleatoric uncertainty, in nats.

    Parameters and errors as for `predictive_entropy`.

    Returns
    -------
    ndarray of float64, shape (N,)
        ``mean_t H[p_t]``, at most the predictive entropy.

    Examples
    --------
    >>> expected_entropy([[[1.0, 0.0]], [[0.0, 1.0]]])
    array([0.])
    """
    return _entropy(_probabilities(probs)).mean(axis=0)


def mutual_information(probs):
    """Information that the class would give about the network: epistemic uncertainty, in nats.

    The predictive entropy less the expected entropy, also called BALD (Houlsby et al. 2011).
    Parameters and errors as for `predictive_entropy`.

    Returns
    -------
    ndarray of float64, shape (N,)
        At least 0 (entropy is concave; what rounding leaves below is cut off), and exactly 0
        for a single draw.

    Examples
    --------
    >>> mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    probs = _probabilities(probs)
    return np.maximum(_entropy(probs.mean(axis=0)) - _entropy(probs).mean(axis=0), 0.0)


def variation_ratio(probs):
    """Share of draws that do not vote for the class most voted for (Freeman 1965).

    Parameters and errors as for `predictive_entropy`. A draw votes for its most probable
    class, the first of several equal ones.

    Returns
    -------
    ndarray of float64, shape (N,)
        Multiples of 1/T, from 0 to 1 - 1/min(T, C).

    Examples
    --------
    >>> variation_ratio([[[0.9, 0.1]], [[0.8, 0.2]], [[0.7, 0.3]], [[0.4, 0.6]]])
    array([0.25])
    """
    probs = _probabilities(probs)
    draws, _, classes = probs.shape
    votes = probs.argmax(axis=2)[:, :, None] == np.arange(classes)
    return (draws - votes.sum(axis=0).max(axis=1)) / draws


class VarianceSplit(NamedTuple):
    """Variance of a regression's prediction, in the squared unit of the target."""

    aleatoric: np.ndarray
    epistemic: np.ndarray
    total: np.ndarray


def decompose_variance(means, variances=None, *, tau=None):
    """Split the predictive variance into noise of the data and doubt about the network.

    The prediction is the equal mixture of T distributions of mean mu_t and variance s_t; by the
    law of total variance its variance is ``mean_t s_t + var_t mu_t`` (Kendall and Gal 2017,
    section 3.1). Note that it is variances that add, not standard deviations.

    Parameters
    ----------
    means : array_like or torch.Tensor, shape (T, ...)
        Predicted means, draws first.
    variances : array_like or torch.Tensor, shape (T, ...), optional
        Predicted variances of the noise, of the shape of `means`.
    tau : float, optional
        Precision of a noise that is the same everywhere; the variance of the noise is 1/tau.
        Either `variances` or `tau` is given.

    Returns
    -------
    VarianceSplit
        ``(aleatoric, epistemic, total)``, float64 arrays of shape (...). The epistemic part is
        divided by T, not T - 1: it is the variance of the mixture itself.

    Raises
    ------
    ValueError
        If T is 0, values are not finite, a variance is negative, `tau` is not positive, the
        shapes differ, or not exactly one of `variances` and `tau` is given.

    Examples
    --------
    >>> split = decompose_variance([1.0, 3.0], tau=2.0)
    >>> print(*split)
    0.5 1.0 1.5
    """
    means = _finite(means, "means")
    if means.ndim == 0 or len(means) == 0:
        raise ValueError(f"means must have at least one draw, got shape {means.shape}")
    if (variances is None) == (tau is None):
        raise ValueError("give either the variances of the noise or its precision tau")
    if tau is not None:
        if not 0 < tau < np.inf:
            raise ValueError(f"the precision tau must be positive and finite, got tau={tau!r}")
        aleatoric = np.full(means.shape[1:], 1 / tau)
    else:
        variances = _finite(variances, "variances")
        if variances.shape != means.shape:
            raise ValueError(
                f"variances must have the shape of means, {means.shape}, got {variances.shape}"
            )
        if (variances < 0).any():
            raise ValueError(f"variances must not be negative, got {variances.min()}")
        aleatoric = variances.mean(axis=0)
    epistemic = means.var(axis=0)
    return VarianceSplit(aleatoric, epistemic, aleatoric + epistemic)


def _array(values):
    """A float64 array of an array or of a tensor, on whatever device, without importing torch."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=float)


def _finite(values, name):
    values = _array(values)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got an infinite value or NaN")
    return values


def _probabilities(probs):
    """`probs` as a float64 array, once it is made of probabilities."""
    probs = _finite(probs, "probs")
    if probs.ndim != 3 or 0 in (probs.shape[0], probs.shape[2]):
        raise ValueError(
            f"probs must have the shape (T, N, C), draws first, got shape {probs.shape}"
        )
    off = np.abs(probs.sum(axis=2) - 1).max(initial=0)
    if (probs < 0).any() or off > SUM_TOLERANCE:
        raise ValueError(
            "probs must hold probabilities along its last axis, at least 0 and of sum 1 "
            f"(apply the softmax first), got a value of {probs.min():.3g} and a sum that is off "
            f"by {off:.3g}"
        )
    return probs


def _entropy(probs):
    """-sum p log p along the last axis, where 0 log 0 = 0."""
    logs = np.log(probs, where=probs > 0, out=np.zeros_like(probs))
    return 0.0 - (probs * logs).sum(axis=-1)  # and not -0.0
