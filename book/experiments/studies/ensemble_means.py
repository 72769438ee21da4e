"""All 2^20 subnetworks of small classifiers, averaged in two ways, beside weight scaling."""

import itertools

import numpy as np
from scipy.special import expit

from dropoutlib.masks import enumerate_masks

from ..images import split
from ..networks import mlp, stream
from ..registry import experiment
from ..training import fit

PAIRS = tuple(itertools.combinations(range(10), 2))
ARMS = {"dropout": 0.5, "none": 0.0}


@experiment(
    "R5",
    title="MNIST pairs: weight scaling against the exact means over all 2^20 subnetworks",
    arms=ARMS,
    seeds=range(15),
    pilot_seeds=range(1000, 1005),
    settings={
        "data": "mnist_5k",
        "judged": 50,
        "hidden": 10,
        "epochs": 50,
        "batch_size": 20,
        "optimizer": "adam",
        "lr": 0.001,
    },
    pilot={"judged": 200},
    small={"judged": 50, "hidden": 7, "epochs": 20},
    small_seeds=range(3),
    batch=5,
    tolerance=0.25,
)
def ensemble_means(seeds, arm, *, data, judged, hidden, **step):
    """Train 784-n-n-2 on two digits; then drop its hidden units with p = 1/2 in every way.

    Parameters
    ----------
    seeds : tuple of int
        Each has a pair of digits, another one for each of 45, and draws the rows to judge by.
    arm : {"dropout", "none"}
        Whether hidden units were dropped in training too.
    data : str
        As for `images.split`.
    judged : int
        Number of rows to judge by; the others of the pair train.
    hidden : int
        Width n of both hidden layers.
    **step
        As for `training.fit`.

    Returns
    -------
    list of dict
        ``scaled``, ``geometric`` and ``arithmetic``, errors of the three predictions, and
        ``member``, the mean error of the subnetworks; the mean distance between probabilities of
        each two predictions, such as ``scaled to geometric``; and the ``digits``.
    """
    rows = [_pair(data, judged, seed) for seed in seeds]
    x, y, x_test, y_test, digits = zip(*rows, strict=True)
    count = min(map(len, y))  # tensors of several seeds have one shape
    x, y = (np.stack([part[:count] for part in parts]) for parts in (x, y))
    net = mlp((x.shape[2], hidden, hidden, 2), seeds, p_hidden=ARMS[arm])
    fit(net, x, y, seeds, **step)
    parameters = [part.detach().numpy().astype(float) for part in net.parameters()]
    found = []
    for s in range(len(seeds)):
        means = predictions([part[s] for part in parameters], x_test[s], y_test[s])
        found.append(means | {"digits": digits[s]})
    return found


def _pair(data, judged, seed):
    """Rows of the two digits of a seed, shuffled; those to judge by are the last."""
    x, y, *_ = split(data, 0, seed)  # none held out: all rows, in an order of the seed
    digits = PAIRS[stream(0, "pairs").permutation(len(PAIRS))[seed % len(PAIRS)]]
    x, y = x[np.isin(y, digits)], (y == digits[1])[np.isin(y, digits)].astype(np.int64)
    return x[judged:], y[judged:], x[:judged], y[:judged], list(digits)


def predictions(parameters, x, y):
    """Errors and distances of the three predictions, with p = 1/2 for every hidden unit.

    Parameters
    ----------
    parameters : list of ndarray
        Weights (in, out) and biases (1, out) of the three layers, in the inverted convention.
    x, y : ndarray
        Rows and classes, 0 or 1.

    Returns
    -------
    dict
    """
    W1, b1, W2, b2, W3, b3 = parameters
    v, c = W3[:, 1] - W3[:, 0], float(b3[0, 1] - b3[0, 0])  # logit of class 1
    first = np.maximum(x @ W1 + b1, 0)
    scaled = expit(np.maximum(first @ W2 + b2, 0) @ v + c)
    masks = enumerate_masks(W1.shape[1]).astype(float)
    geometric, arithmetic, member = (np.empty(len(x)) for _ in range(3))
    for row, h in enumerate(first):
        terms = np.maximum((masks * h * 2) @ W2 + b2, 0) * v * 2  # 1/q = 2
        sums = np.zeros(3)
        for part in np.array_split(terms, max(1, len(masks) // 64)):  # stays in cache
            logits = part @ masks.T + c  # one for each pair of masks
            wrong = np.count_nonzero((logits > 0) != y[row])
            sums += logits.sum(), expit(logits, out=logits).sum(), wrong
        mean, arithmetic[row], member[row] = sums / len(masks) ** 2
        geometric[row] = expit(mean)
    means = {"scaled": scaled, "geometric": geometric, "arithmetic": arithmetic}
    found = {name: float(((mean > 0.5) != y).mean()) for name, mean in means.items()}
    for one, other in itertools.combinations(means, 2):
        found[f"{one} to {other}"] = float(np.abs(means[one] - means[other]).mean())
    return found | {"member": float(member.mean())}
