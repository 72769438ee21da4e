"""Means, variance and ambiguity over all 2^n subnetworks, from one pass over their values."""

import time
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, array_of, check_probability
from dropoutlib.masks import enumerate_masks, mask_weights

from .subnetworks import OneHiddenLayer, iterate_masks

__all__ = ["Ambiguity", "ambiguity", "arithmetic_mean", "geometric_mean", "moments", "variance"]

CHUNK_BYTES = 1 << 25  # values of f that are in memory together
MAX_CHUNK = 12  # at most 2^12 masks at a time, whose values mostly stay in cache
PROBE_SECONDS = 0.25  # how long to measure before the whole is estimated


def arithmetic_mean(
    f: Callable, n: int, p: Probability, *, max_seconds: float = 60
) -> NDArray[np.float64]:
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
    >>> arithmetic_mean(lambda masks: masks @ x, 3, 0.25).item()
    4.5
    """
    total = 0.0
    for weights, values in _weighted_values(f, n, p, max_seconds):
        total = total + np.tensordot(weights, values, 1)
    return np.asarray(total)


def variance(
    f: Callable, n: int, p: Probability, *, max_seconds: float = 60
) -> NDArray[np.float64]:
    """Variance of f over all 2^n masks, each weighted with its probability P(m).

    Parameters, return value and errors as for `arithmetic_mean`. The chunks' means and variances
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
    for weights, values in _weighted_values(f, n, p, max_seconds):
        added = weights.sum()
        center = np.tensordot(weights, values, 1) / added
        within = np.tensordot(weights, (values - center) ** 2, 1)
        step, share = center - mean, added / (weight + added)
        squares = squares + within + step**2 * weight * share
        mean = mean + step * share
        weight += added
    return np.asarray(mean), np.asarray(squares / weight)


def geometric_mean(
    f: Callable, n: int, p: Probability, *, normalize: bool = False, max_seconds: float = 60
) -> NDArray[np.float64]:
    """Geometric mean of f over all 2^n masks: ``prod_m f(m)^P(m)``.

    For softmax regression the normalised mean is the scaled network itself
    (``thm-weight-scaling-softmax``; Hinton et al. 2012; Goodfellow et al. 2016, section 7.12),
    and so it is for one sigmoid unit, given the values [sigmoid, 1 - sigmoid]
    (``thm-nwgm-sigmoid``; Baldi and Sadowski 2013). For the unweighted mean at another drop
    rate of f, pass p = 1/2.

    Parameters
    ----------
    f, n, p, max_seconds
        As for `arithmetic_mean`. The values must not be negative.
    normalize : bool
        Whether to divide by the sum along the last axis, so that classes sum to 1.

    Returns
    -------
    ndarray of float64
        Of the shape of one value of f. 0 where f vanishes for a mask of positive probability.

    Raises
    ------
    ValueError
        As `arithmetic_mean`, if a value is negative, or if all classes vanish and `normalize`.

    Examples
    --------
    >>> geometric_mean(lambda masks: 4.0 ** masks.sum(axis=1), 1, 0.5).item()
    2.0
    """
    logs = 0.0
    for weights, values in _weighted_values(f, n, p, max_seconds):
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


class Ambiguity(NamedTuple):
    """Parts of the squared error of an ensemble: ``ensemble_error = member_error - diversity``.

    They are the squared error of the members' weighted mean, the weighted mean of the members'
    squared errors, and the members' weighted variance around their mean, which is at least 0.
    """

    ensemble_error: np.ndarray
    member_error: np.ndarray
    diversity: np.ndarray


def ambiguity(
    f: Callable, target: ArrayLike, n: int, p: Probability, *, max_seconds: float = 60
) -> Ambiguity:
    """Split the squared error of the ensemble of all 2^n subnetworks.

    The three parts are computed from their own definitions, not from each other, so that their
    relation (``thm-ambiguity``; Krogh and Vedelsby 1995) can be seen to hold.

    Parameters
    ----------
    f, n, p, max_seconds
        As for `arithmetic_mean`; the subnetworks are passed through twice.
    target : array_like
        What the subnetworks should have said, of the shape of one value of f, or a number.

    Returns
    -------
    Ambiguity
        Arrays of float64, of the shape of one value of f, in its unit squared.

    Raises
    ------
    ValueError
        As `arithmetic_mean`, and if the shape of `target` is not that of a value of f.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> parts = ambiguity(lambda masks: masks @ x, 1.0, 2, 0.5)  # members say 0, 1, 2, 3
    >>> [part.item() for part in parts]
    [0.25, 1.5, 1.25]
    """
    mean, diversity = moments(f, n, p, max_seconds=max_seconds)
    target = np.asarray(target, dtype=float)
    if target.shape not in ((), mean.shape):
        raise ValueError(
            f"target must have the shape of one value of f, {mean.shape}, or be a "
            f"number, got shape {target.shape}"
        )
    member_error = 0.0
    for weights, values in _weighted_values(f, n, p, max_seconds):
        member_error = member_error + np.tensordot(weights, (values - target) ** 2, 1)
    return Ambiguity((mean - target) ** 2, np.asarray(member_error), diversity)


def _weighted_values(f, n, p, max_seconds):
    """Chunks of P(m), where it is not 0, and of the values of f that go with them."""
    check_probability(p)
    p = p if isinstance(p, Fraction) else Fraction(float(p))  # each weight is rounded only once
    by_count = mask_weights(np.tri(n + 1, n, -1, dtype=bool), p).astype(float)
    fast = isinstance(f, OneHiddenLayer)
    if fast and n != len(f.terms):
        raise ValueError(f"the net has {len(f.terms)} inputs, got n={n}")
    size = _checked(f(next(iterate_masks(n))[:1]), 1).nbytes
    chunk = min(MAX_CHUNK, max(1, (CHUNK_BYTES // max(1, size)).bit_length() - 1))
    kept = enumerate_masks(min(n, chunk)).sum(axis=1)
    start, measured = time.perf_counter(), False
    chunks = f.over_all_masks(chunk) if fast else map(f, iterate_masks(n, chunk))
    for number, values in enumerate(chunks):  # whose bits are the upper units of its masks
        values = _checked(values, len(kept))
        weights = by_count[kept + number.bit_count()]
        used = weights > 0  # not so at p = 0 and 1, where the other masks may have any value
        if used.all():
            yield weights, values
        elif used.any():
            yield weights[used], values[used]
        seconds = time.perf_counter() - start
        if not measured and seconds > min(PROBE_SECONDS, max_seconds):
            measured = True
            _check_patience(n, (number + 1) * len(kept), seconds, size, max_seconds)


def _checked(values, masks):
    """Values of f as float64, one for each mask."""
    values = array_of("what f returns", values)
    if values.shape[:1] != (masks,):
        raise ValueError(
            f"f must return one value for each of {masks} masks, got shape {values.shape}"
        )
    if values.dtype.kind == "c":
        raise ValueError(f"f must return real numbers, got an array of {values.dtype}")
    values = values.astype(float, copy=False)
    if not np.isfinite(values).all():
        raise ValueError("f must be finite for every mask, got an infinite value or NaN")
    return values


def _check_patience(n, done, seconds, size, max_seconds):
    """Refuse what will take longer than it may, by what the first masks have taken."""
    total = 2.0 ** min(n, 1000)
    estimate = seconds * total / done
    if estimate > max_seconds:
        raise ValueError(
            f"n={n} units have 2^{n} = {total:.2g} subnetworks: about {estimate:.2g} seconds, more "
            f"than max_seconds={max_seconds:g}, and {total * size:.2g} bytes of values to look at; "
            "average fewer units, draw masks with sample_mask, or pass max_seconds=math.inf"
        )
