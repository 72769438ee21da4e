"""What dropout does to a linear network with one hidden layer, on whitened digits."""

import functools

import numpy as np
from torch import nn

from book import data
from book.noise import noise_variance

from .. import statistics
from ..networks import mlp
from ..registry import experiment
from ..training import fit

ARMS = ("none", "dropout")


@functools.cache
def whitened(components):
    """Digits on their first principal axes, each of mean 0 and variance 1, and centred classes.

    Returns
    -------
    x, y : ndarray of float32, shapes (N, components) and (N, 10)
    """
    found = data.load("digits")
    centred = found.features - found.features.mean(axis=0)
    left, *_ = np.linalg.svd(centred, full_matrices=False)
    x = left[:, :components] * np.sqrt(len(left))
    y = np.eye(10)[found.targets]
    return x.astype(np.float32), (y - y.mean(axis=0)).astype(np.float32)


def soft_thresholded(M, p, width):
    """The product of the factors that minimise ``|M - A|^2 + p / (q r) |A|_*^2``.

    Each singular value of M loses t, or vanishes if it is smaller, where t is ``p / (q r)``
    times the sum of what is left (Mianjy, Arora and Vidal 2018; Cavazza et al. 2018).

    Parameters
    ----------
    M : ndarray, shape (m, n)
    p : float
    width : int
        Width r of the hidden layer.

    Returns
    -------
    ndarray, shape (m, n)
    """
    left, values, right = np.linalg.svd(M, full_matrices=False)
    share = noise_variance(p) / width
    count = np.arange(1, len(values) + 1)
    thresholds = share * np.cumsum(values) / (1 + share * count)
    kept = np.flatnonzero(values > thresholds)[-1]
    return left * np.maximum(values - thresholds[kept], 0) @ right


@experiment(
    "R8",
    title="A linear network on whitened digits: equal products and soft thresholds",
    arms=ARMS,
    seeds=range(20),
    pilot_seeds=range(1000, 1005),
    settings={
        "data": "digits",
        "components": 30,
        "hidden": 20,
        "p": 0.5,
        "epochs": 150,
        "batch_size": 64,
        "lr": 0.02,
    },
    small={"epochs": 30},
    small_seeds=range(3),
    batch=20,
    tolerance=0.25,
)
def equalisation(seeds, arm, *, data, components, hidden, p, epochs, batch_size, lr):
    """Train ``x -> U V' x`` with masks on its hidden units, and compare with the closed form.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "dropout"}
    data : str
        Always ``"digits"``.
    components, hidden : int
        Number of inputs, whitened, and of hidden units.
    p : float
        Drop probability of the arm "dropout"; the closed form is that of `p` in both arms.
    epochs, batch_size, lr
        As for `training.fit`.

    Returns
    -------
    list of dict
        Distances of U V', relative to the norm of what they are from: ``soft`` from the soft
        threshold, ``plain`` from least squares, and ``ridge`` from least squares times the
        factor that brings it nearest, which is all that ridge regression does to white inputs;
        ``dispersion``, the coefficient of variation of ``|u_k| |v_k|`` over the units;
        ``nuclear``, the nuclear norm of U V'; ``values``, its singular values.
    """
    x, y = whitened(components)
    dropped = p if arm == "dropout" else 0.0
    sizes = (components, hidden, y.shape[1])
    net = mlp(sizes, seeds, p_hidden=dropped, activation=nn.Identity)
    fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, lr=lr)
    V, U = (net[i].weight.detach().double().numpy() for i in (1, 4))  # (S, d, r), (S, r, 10)
    M = y.T.astype(np.float64) @ x / len(x)
    soft, found = soft_thresholded(M, p, hidden), []
    for v, u in zip(V, U, strict=True):
        product = (v @ u).T
        norms = np.linalg.norm(v, axis=0) * np.linalg.norm(u, axis=1)
        shrunk = M * (np.sum(M * product) / np.sum(M**2))
        values = np.linalg.svd(product, compute_uv=False)
        distances = {"soft": soft, "plain": M, "ridge": shrunk}
        found.append(
            {
                name: float(np.linalg.norm(product - to) / np.linalg.norm(to))
                for name, to in distances.items()
            }
            | {
                "dispersion": float(norms.std() / norms.mean()),
                "nuclear": float(values.sum()),
                "values": values.tolist(),
            }
        )
    return found


def findings(found):
    """What the chapter asserts of the `Results`, each margin at most half of the pilot's effect."""
    none, dropout = (
        {name: found.values(arm, name) for name in ("dispersion", "soft", "plain", "ridge")}
        for arm in ARMS
    )
    return {
        "dispersion, none less dropout": statistics.greater(
            none["dispersion"], dropout["dispersion"], 0.07
        ),
        "dropout, dispersion": statistics.within(dropout["dispersion"], -0.03, 0.03),
        "dropout, distance from the closed form": statistics.within(dropout["soft"], -0.04, 0.04),
        "dropout, ridge less closed form": statistics.greater(
            dropout["ridge"], dropout["soft"], 0.025
        ),
        "none, distance from least squares": statistics.within(none["plain"], -0.04, 0.04),
    }
