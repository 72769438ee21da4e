"""Arguments as finite float64 arrays of the shapes that a formula needs."""

import numpy as np

__all__ = ["finite", "regression_data", "same_width"]


def finite(name, value, ndim):
    """`value` as a float64 array with `ndim` axes, or a ValueError that restates it."""
    array = np.asarray(value, dtype=float)
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got an infinite value or NaN")
    return array


def same_width(**matrices):
    """Two matrices, once they are finite and have as many columns."""
    (one, other) = (finite(name, value, 2) for name, value in matrices.items())
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"{' and '.join(matrices)} must have as many columns, got shapes {one.shape} and "
            f"{other.shape}"
        )
    return one, other


def regression_data(X, y):
    """Inputs of shape (N, d) and targets of shape (N,)."""
    X, y = finite("X", X, 2), finite("y", y, 1)
    if len(X) != len(y):
        raise ValueError(f"X and y must have as many rows, got shapes {X.shape} and {y.shape}")
    return X, y
