"""How doubt grows with the distance from the data: the CO2 record at Mauna Loa, one input."""

import numpy as np
import torch
from torch import nn

from book import data
from dropoutlib.bayes import decompose_variance, mc_samples

from .. import statistics
from ..networks import mlp, stream
from ..registry import experiment
from ..single import single
from ..training import fit

# Nonlinearity, and whether the network is trained at all.
ARMS = {"relu": (nn.ReLU, True), "tanh": (nn.Tanh, True), "relu untrained": (nn.ReLU, False)}
DISTANCES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # in half widths of the training years


def rows(until):
    """Years and CO2 before a year, both scaled to mean 0, and what came later.

    A year is scaled to [-1, 1] over the training years, a concentration to variance 1 there.

    Returns
    -------
    x, y, later_x, later_y : ndarray of float32, shapes (N, 1), (N,), (M, 1), (M,)
    scale : tuple of float
        Middle and half width of the years, mean and standard deviation of the concentration.
    """
    found = data.load("co2")
    years, ppm = found.features[:, 0], found.targets
    train = years < until
    first, last = years[train].min(), years[train].max()
    scale = (first + last) / 2, (last - first) / 2, ppm[train].mean(), ppm[train].std()
    x = ((years - scale[0]) / scale[1]).astype(np.float32)[:, None]
    y = ((ppm - scale[2]) / scale[3]).astype(np.float32)
    return x[train], y[train], x[~train], y[~train], scale


def train(seeds, arm, *, until, hidden, p, epochs, batch_size, lr):
    """Networks 1-n-n-n-1 of several seeds, dropout behind each hidden layer."""
    x, y, *_ = rows(until)
    activation, trained = ARMS[arm]
    net = mlp((1, hidden, hidden, hidden, 1), seeds, p_hidden=p, activation=activation)
    if trained:
        fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, lr=lr, optimizer="adam")
    return net.eval()


@experiment(
    "R10",
    title="CO2: the spread over masks grows away from the data with ReLU, saturates with tanh",
    arms=ARMS,
    seeds=range(20),
    pilot_seeds=range(1000, 1005),
    settings={
        "data": "co2",
        "until": 1990.0,
        "hidden": 64,
        "p": 0.1,
        "epochs": 150,
        "batch_size": 128,
        "lr": 0.005,
        "samples": 1000,
    },
    small={"epochs": 20, "samples": 200},
    small_seeds=range(3),
    batch=20,
    tolerance=0.25,
)
def co2(seeds, arm, *, data, until, hidden, p, epochs, batch_size, lr, samples):
    """Train on the years before `until` and measure the spread over masks at some distances.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"relu", "tanh", "relu untrained"}
    data : str
        Always ``"co2"``.
    until : float
        First year that is not trained on.
    hidden, p : int, float
        Width of the three hidden layers, and probability of dropping their units.
    epochs, batch_size, lr
        As for `training.fit`.
    samples : int
        Masks drawn at each point.

    Returns
    -------
    list of dict
        ``sd``, the standard deviation over masks at each of `DISTANCES` to the right of the
        middle of the training years; ``inside``, its mean over these years; ``growth``, its
        ratio at four half widths to that; ``doubling``, its ratio at eight to four; and, for the
        years left out, ``later_rmse`` and ``later_sd``, the root mean squares of the error of
        the mean and of the standard deviation. All in standard deviations of the targets.
    """
    settings = {"until": until, "hidden": hidden, "p": p, "epochs": epochs}
    net = train(seeds, arm, batch_size=batch_size, lr=lr, **settings)
    _, _, later_x, later_y, _ = rows(until)
    inside = np.linspace(-1, 1, 41)
    points = np.concatenate([DISTANCES, inside])[:, None].astype(np.float32)
    points = torch.from_numpy(np.concatenate([points, later_x]))
    found, parts = [], np.cumsum([len(DISTANCES), len(inside)])
    for position, seed in enumerate(seeds):
        draws = mc_samples(single(net, position), points, samples, rng=stream(seed, "draws"))
        variance = decompose_variance(draws[:, :, 0].numpy(), tau=1.0).epistemic
        mean = draws[:, :, 0].double().mean(dim=0).numpy()
        sd, within, _ = np.split(np.sqrt(variance), parts)
        at = dict(zip(DISTANCES, sd, strict=True))
        error = mean[parts[1] :] - later_y
        found.append(
            {
                "inside": float(within.mean()),
                "growth": float(at[4.0] / within.mean()),
                "doubling": float(at[8.0] / at[4.0]),
                "later_rmse": float(np.sqrt(np.mean(error**2))),
                "later_sd": float(np.sqrt(np.mean(variance[parts[1] :]))),
                "sd": sd.tolist(),
            }
        )
    return found


def findings(found):
    """What the chapter asserts of the `Results`, each margin at most half of the pilot's effect."""
    growth = {arm: found.values(arm, "growth") for arm in ARMS}
    doubling = {arm: found.values(arm, "doubling") for arm in ARMS}
    overconfidence = found.values("tanh", "later_rmse") / found.values("tanh", "later_sd")
    return {
        "ReLU, growth to four half widths": statistics.greater(growth["relu"], 1, 4),
        "ReLU, growth from four to eight": statistics.within(doubling["relu"], 1.7, 2.3),
        "tanh, growth from four to eight": statistics.within(doubling["tanh"], 0.9, 1.1),
        "ReLU less tanh, growth to four": statistics.greater(growth["relu"], growth["tanh"], 3.5),
        "untrained ReLU, growth to four": statistics.greater(growth["relu untrained"], 1, 3),
        "tanh, later error by its sd": statistics.greater(overconfidence, 1, 2.5),
    }
