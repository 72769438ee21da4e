"""Logistic regression: minimisers with a penalty, and training with masks."""

import numpy as np
import torch
from scipy import optimize
from scipy.special import expit

from book.noise import noise_variance
from dropoutlib.masks import sample_mask

__all__ = ["distance", "fitted", "metrics", "trained"]


def fitted(x, y, p=0.0, strength=0.0):
    """Weights and intercept that minimise the loss, summed over rows, plus a penalty.

    The penalty is dropout's quadratic one, ``p / (2 q) sum_i A''_i sum_j x_ij^2 b_j^2``
    (``approx-glm``), and ``strength |b|^2 / 2``.

    Parameters
    ----------
    x : scipy.sparse.csr_matrix, shape (N, d)
    y : ndarray of 0 and 1, shape (N,)
    p, strength : float

    Returns
    -------
    ndarray, shape (d + 1,)
        The intercept last; it is neither dropped nor shrunk.
    """
    squares, half = x.multiply(x).tocsr(), noise_variance(p) / 2
    xt, squares_t = x.T.tocsr(), squares.T.tocsr()

    def objective(weights):
        b, intercept = weights[:-1], weights[-1]
        z = x @ b + intercept
        mean = expit(z)
        curvature, size = mean * (1 - mean), squares @ b**2
        value = np.sum(np.logaddexp(0, z) - y * z) + half * curvature @ size
        slope = mean - y + half * curvature * (1 - 2 * mean) * size
        gradient = xt @ slope + 2 * half * b * (squares_t @ curvature) + strength * b
        return value + strength * b @ b / 2, np.append(gradient, slope.sum())

    start = np.zeros(x.shape[1] + 1)
    return optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}
    ).x


def trained(x, y, p, rng, *, strength, steps, lr):
    """Weights by Adam on all rows, each step with a new mask for every entry of `x`.

    The last fifth of the steps, whose rates fall to zero, is averaged; `strength` as in `fitted`.
    """
    entries, parameter = x.copy(), torch.zeros(x.shape[1] + 1, dtype=torch.float64)
    weights, rule, tail = parameter.numpy(), torch.optim.Adam([parameter]), []  # one memory
    for step in range(1, steps + 1):
        entries.data = x.data * sample_mask(len(x.data), p, rng=rng) / (1 - p)
        slope = expit(entries @ weights[:-1] + weights[-1]) - y
        gradient = np.append(entries.T @ slope + strength * weights[:-1], slope.sum()) / len(y)
        parameter.grad = torch.from_numpy(gradient)
        rule.param_groups[0]["lr"] = lr * (1 - step / steps)
        rule.step()
        if step > 0.8 * steps:
            tail.append(weights.copy())
    return np.mean(tail, axis=0)


def metrics(weights, x, y, kind):
    """Error rate and mean negative log-likelihood in nats, their names ending in the kind."""
    z = x @ weights[:-1] + weights[-1]
    nll = float(np.mean(np.logaddexp(0, z) - y * z))
    return {f"error_{kind}": float(np.mean((z > 0) != y)), f"nll_{kind}": nll}


def distance(one, other):
    """Relative distance of other weights from the first, the intercepts left out."""
    return float(np.linalg.norm(one[:-1] - other[:-1]) / np.linalg.norm(one[:-1]))
