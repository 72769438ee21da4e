"""Dropout where there is plenty of data: nearly all rows of MNIST, each tested on once."""

import numpy as np

from ..images import dealt
from ..networks import mlp
from ..registry import experiment
from ..tuning import at_moments, candidates, choose, measure, rounded, weight_seeds
from .remedies import CLASSES, trained

DIGITS = 6  # that are stored
LINEAR = "logistic regression"
# What each arm tunes.
ARMS = {
    "none": ("lr", "weight decay"),
    "none again": ("lr", "weight decay"),
    "dropout": ("lr", "weight decay", "dropout"),
    LINEAR: ("lr", "weight decay"),
}
LEVELS = {
    "lr": [0.003, 0.004, 0.006, 0.008],
    "weight decay": [0.01, 0.03, 0.1, 0.3],
    "dropout": [0.05, 0.1, 0.2, 0.35],
}
TRIED = {arm: candidates({axis: LEVELS[axis] for axis in axes}) for arm, axes in ARMS.items()}
# The candidate of each arm with the lowest loss after a temperature on the pilot's validation
# rows; the control has that of the arm that it controls.
CHOSEN = {"none": 3, "none again": 3, "dropout": 2, LINEAR: 3}


@experiment(
    "Q4",
    title="Dropout with plenty of data: MNIST, 50000 training rows, every arm tuned",
    arms=ARMS,
    seeds=range(5),
    pilot={
        "sizes": [50000, 5000, 5000],
        "tried": TRIED | {"none again": TRIED["none"][1:2]},  # the control chooses nothing
    },
    settings={
        "data": "mnist",
        "sizes": [50000, 10000, 10000],
        "few": 2000,
        "pool": 2,
        "width": 256,
        "epochs": 12,
        "moments": 4,
        "batch_size": 256,
        "tried": {arm: [TRIED[arm][number]] for arm, number in CHOSEN.items()},
    },
    small={
        "data": "mnist_5k",
        "sizes": [1000, 300, 300],
        "few": 200,
        "width": 16,
        "epochs": 8,
        "moments": 2,
        "batch_size": 50,
        "tried": {arm: given[-1:] for arm, given in TRIED.items()},
    },
    tolerance=0.25,
)
def complete(seed, arm, *, data, sizes, few, pool, tried, **settings):
    """Train the candidates of an arm, choose on validation rows, and judge on test rows.

    Parameters
    ----------
    seed : int
    arm : str
        One of `ARMS`.
    data : str
        Set of images.
    sizes : list of int
        Rows for training, validation and test, as `images.dealt` deals them out.
    few : int
        Number of the training rows on which the training loss is taken.
    pool : int
        Side of the squares of pixels that are averaged.
    tried : dict
        For each arm its candidates; the full version has the one that the pilot chose.
    width, epochs, moments, batch_size
        As for `remedies.trained`.

    Returns
    -------
    dict
        What `tuning.choose` gives, and without what it says of a choice among one candidate.
    """
    parts = dealt(data, seed, sizes, pool)
    (rows, labels), *judged = parts
    x, y = (
        np.concatenate([of[:few], *more])[None]
        for of, more in zip(parts[0], zip(*judged, strict=True), strict=True)
    )
    found = []
    for given in tried[arm]:
        own = weight_seeds((seed,), arm), rows[None], labels[None], x
        train = linear if arm == LINEAR else trained
        logits = train(*own, given, **settings)
        found.append(measure(logits, y, [few, *sizes[1:]]))
    (row,) = choose(found)
    if len(found) == 1:
        row = {name: value for name, value in row.items() if not name.startswith("sweep")}
    return rounded([row], DIGITS)[0]


def linear(seeds, rows, labels, x, given, *, width, **settings):
    """Train logistic regression as the networks are trained; parameters as for them."""
    net = mlp((x.shape[2], CLASSES), seeds)
    return at_moments(net, rows, labels, x, seeds, given, **settings)
