"""The exact posterior that dropout is compared with: regression that is linear in its weights."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import check_positive, finite

__all__ = ["LinearPosterior", "linear_posterior"]


class LinearPosterior(NamedTuple):
    """Gaussian posterior of the weights of a linear model."""

    mean: np.ndarray
    cov: np.ndarray

    def predict(self, X: ArrayLike) -> tuple[NDArray, NDArray]:
        """Mean and variance of the noise-free output ``X w``, each of shape (N,).

        Parameters
        ----------
        X : array_like, shape (N, d)
            Inputs or features. The variance of an observation is 1/tau more.
        """
        X = np.asarray(X, dtype=float)
        return X @ self.mean, np.einsum("ni,ij,nj->n", X, self.cov, X)


def linear_posterior(
    X: ArrayLike, y: ArrayLike, tau: float, length_scale: float
) -> LinearPosterior:
    """Posterior of w in ``y = X w + noise`` with the prior ``w ~ N(0, I / l^2)``.

    The model whose evidence bound dropout training maximises (``thm-precision``), with its
    posterior exact: ``cov = (l^2 I + tau X'X)^-1`` and ``mean = tau cov X'y``. Theorem
    ``thm-variance-does-not-shrink`` of the book compares the two.

    Parameters
    ----------
    X : array_like, shape (N, d)
        Inputs, or features such as the activations of a hidden layer. N may be 0.
    y : array_like, shape (N,)
        Targets.
    tau : float
        Precision of the noise, positive.
    length_scale : float
        Prior length scale l, positive: the prior's standard deviation is 1/l.

    Returns
    -------
    LinearPosterior
        ``(mean, cov)``, with the method `predict`.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or `tau` or `length_scale` is not
        positive.

    References
    ----------
    Bishop (2006), *Pattern Recognition and Machine Learning*, equations 3.53 and 3.54.

    Examples
    --------
    >>> posterior = linear_posterior([[1.0], [1.0]], [2.0, 4.0], tau=1.0, length_scale=1.0)
    >>> mean, variance = posterior.predict([[1.0]])
    >>> print(f"{mean[0]:.4f} {variance[0]:.4f}")
    2.0000 0.3333
    """
    X, y = finite("X", X, 2), finite("y", y, 1)
    if y.shape != X.shape[:1]:
        raise ValueError(
            f"X and y must have the shapes (N, d) and (N,), got shapes {X.shape} and {y.shape}"
        )
    check_positive(tau=tau, length_scale=length_scale)
    # By singular values: X'X would square the condition number.
    missing = max(0, X.shape[1] - len(X))  # rows of zeros, so that all d axes come out
    _, singular, axes = np.linalg.svd(np.pad(X, [(0, missing), (0, 0)]), full_matrices=False)
    cov = axes.T / (length_scale**2 + tau * singular**2) @ axes
    return LinearPosterior(tau * cov @ (X.T @ y), cov)
