"""Bernoulli dropout beside Gaussian noise of the same mean and variance."""

from ..images import splits
from ..networks import mlp
from ..registry import experiment
from ..training import error_and_nll, fit

ARMS = ("none", "bernoulli", "gaussian")


@experiment(
    "S1",
    title="MNIST: Bernoulli dropout against Gaussian noise of the same variance",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1002),
    settings={
        "data": "mnist",
        "held_out": None,
        "rows": 2000,
        "hidden": 128,
        "p": 0.5,
        "epochs": 40,
        "batch_size": 50,
        "optimizer": "adam",
        "lr": 0.002,
    },
    pilot={"held_out": 10000},
    small={"data": "mnist_5k", "held_out": 1000, "rows": 1000, "hidden": 64, "epochs": 20},
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def gaussian_noise(seeds, arm, *, data, held_out, rows, hidden, p, **step):
    """Train 784-n-n-10 with noise of variance p/q on the hidden units.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"none", "bernoulli", "gaussian"}
    data, held_out, rows
        As for `images.splits`.
    hidden : int
        Width n of both hidden layers.
    p : float
        Probability of dropping; the Gaussian factor is N(1, p/q).
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        ``error`` and ``nll`` of each seed.
    """
    x, y, x_test, y_test = splits(data, held_out, seeds, rows)
    sizes = x.shape[2], hidden, hidden, 10
    used = 0.0 if arm == "none" else p
    net = fit(mlp(sizes, seeds, p_hidden=used, gaussian=arm == "gaussian"), x, y, seeds, **step)
    return error_and_nll(net, x_test, y_test)
