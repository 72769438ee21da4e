"""Weight scaling beside averages over sampled subnetworks, more and more of them."""

import numpy as np
from scipy.special import softmax

from ..images import splits
from ..networks import mlp
from ..registry import experiment
from ..training import classification_metrics, fit, outputs

# Probabilities of dropping a hidden unit and an input.
ARMS = {"hidden": (0.5, 0.0), "hidden+input": (0.5, 0.2)}


@experiment(
    "R4",
    title="MNIST: weight scaling against Monte Carlo averages of T subnetworks",
    arms=ARMS,
    seeds=range(5),
    pilot_seeds=range(1000, 1003),
    settings={
        "data": "mnist",
        "held_out": None,
        "rows": 2000,
        "hidden": 128,
        "samples": [1, 2, 5, 10, 20, 50, 100],
        "epochs": 40,
        "batch_size": 50,
        "optimizer": "adam",
        "lr": 0.001,
    },
    pilot={"held_out": 10000, "rows": 5000, "hidden": 256, "epochs": 20},
    small={
        "data": "mnist_5k",
        "held_out": 1000,
        "rows": 1000,
        "hidden": 64,
        "samples": [1, 2, 5, 10, 20],
        "epochs": 20,
    },
    small_seeds=range(2),
    batch=5,
    tolerance=0.25,
)
def monte_carlo(seeds, arm, *, data, held_out, rows, hidden, samples, p=None, **step):
    """Train 784-n-n-10 with dropout, then judge one network in two ways.

    Parameters
    ----------
    seeds : tuple of int
    arm : {"hidden", "hidden+input"}
    data, held_out, rows
        As for `images.splits`.
    hidden : int
        Width n of both hidden layers.
    samples : list of int
        Numbers T of passes, all divisors of the last. As many passes are drawn as the last says,
        and cut into disjoint groups of T, over which the error of the group's mean is averaged.
    p : float, optional
        Instead of the arm's probabilities; 0 is the control.
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        ``scaled`` and ``scaled nll`` of evaluation mode; ``sampled`` and ``sampled nll``, lists
        with one entry for each T.
    """
    p_hidden, p_input = ARMS[arm] if p is None else (p, p)
    x, y, x_test, y_test = splits(data, held_out, seeds, rows)
    net = mlp((x.shape[2], hidden, hidden, 10), seeds, p_hidden=p_hidden, p_input=p_input)
    fit(net, x, y, seeds, **step)
    logits = outputs(net, x_test)
    scaled = [classification_metrics(*pair) for pair in zip(logits, y_test, strict=True)]
    groups = [np.zeros_like(logits) for _ in samples]
    error, nll = (np.zeros((len(seeds), len(samples))) for _ in range(2))
    net.train()
    for drawn in range(1, samples[-1] + 1):
        probabilities = softmax(outputs(net, x_test), axis=2)
        for k, (T, group) in enumerate(zip(samples, groups, strict=True)):
            group += probabilities
            if drawn % T:
                continue
            for s, labels in enumerate(y_test):
                with np.errstate(divide="ignore"):
                    of_mean = classification_metrics(np.log(group[s] / T), labels)
                error[s, k] += of_mean["error"] * T / samples[-1]
                nll[s, k] += of_mean["nll"] * T / samples[-1]
            group[:] = 0
    return [
        {
            "scaled": scaled[s]["error"],
            "scaled nll": scaled[s]["nll"],
            "sampled": error[s].tolist(),
            "sampled nll": nll[s].tolist(),
        }
        for s in range(len(seeds))
    ]
