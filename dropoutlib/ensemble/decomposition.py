"""What an ensemble gains over its members: the ambiguity decomposition."""

from typing import NamedTuple

import numpy as np

from .averages import moments
from .chunks import weighted_values

__all__ = ["Ambiguity", "ambiguity"]


class Ambiguity(NamedTuple):
    """Parts of the squared error of an ensemble: ``ensemble_error = member_error - diversity``.

    Attributes
    ----------
    ensemble_error : ndarray
        Squared error of the weighted mean of the members.
    member_error : ndarray
        Weighted mean of the members' squared errors.
    diversity : ndarray
        Weighted variance of the members around their mean; at least 0.
    """

    ensemble_error: np.ndarray
    member_error: np.ndarray
    diversity: np.ndarray


def ambiguity(f, target, n, p, *, max_seconds=60):
    """Split the squared error of the ensemble of all 2^n subnetworks.

    The three parts are computed from their own definitions, not from each other, so that their
    relation (``thm-ambiguity``; Krogh and Vedelsby 1995) can be seen to hold.

    Parameters
    ----------
    f, n, p, max_seconds
        As for `expectation`; the subnetworks are passed through twice.
    target : array_like
        What the subnetworks should have said, of the shape of one value of f, or a number.

    Returns
    -------
    Ambiguity
        Arrays of float64, of the shape of one value of f, in its unit squared.

    Raises
    ------
    ValueError
        As `expectation`, and if the shape of `target` is not that of a value of f.

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
    for weights, values in weighted_values(f, n, p, max_seconds):
        member_error = member_error + np.tensordot(weights, (values - target) ** 2, 1)
    return Ambiguity((mean - target) ** 2, np.asarray(member_error), diversity)
