"""Dropout with plenty of data: nearly all rows of a set of images, none tested on twice."""

from ..images import dealt, joined
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
    "Q4": {
        "lr": [0.003, 0.004, 0.006, 0.008],
        "weight decay": [0.01, 0.03, 0.1, 0.3],
        "dropout": [0.05, 0.1, 0.2, 0.35],
    },
    # Rates of dropping begin at their middle, so that the middle of the other two meets it.
    "Q5": {
        "lr": [
            *(0.0005, 0.00065, 0.00085, 0.0011, 0.0015, 0.002, 0.0025, 0.003),
            *(0.004, 0.005, 0.006, 0.008, 0.01, 0.013, 0.017, 0.022),
        ],
        "weight decay": [
            *(0.005, 0.008, 0.012, 0.02, 0.03, 0.05, 0.08, 0.12),
            *(0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4),
        ],
        "dropout": [
            *(0.24, 0.28, 0.32, 0.36, 0.4, 0.45, 0.5, 0.6),
            *(0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2),
        ],
    },
}
TRIED = {
    id: {arm: candidates({axis: levels[axis] for axis in axes}) for arm, axes in ARMS.items()}
    for id, levels in LEVELS.items()
}
# The candidate of each arm with the lowest loss after a temperature on the pilot's validation
# rows; the control has that of the arm that it controls.
CHOSEN = {
    "Q4": {"none": 3, "none again": 3, "dropout": 2, LINEAR: 3},
    "Q5": {"none": 7, "none again": 7, "dropout": 6, LINEAR: 11},
}


def on(data, id, **settings):
    """Return how a study of a complete set is run, as keywords of `registry.experiment`."""
    tried = TRIED[id]
    return {
        "arms": ARMS,
        "pilot": {
            "sizes": [50000, 5000, 5000],
            "tried": tried | {"none again": tried["none"][1:2]},  # the control chooses nothing
        },
        "settings": {
            "data": data,
            "few": 2000,
            "pool": 2,
            "width": 256,
            "batch_size": 256,
            "tried": {arm: [tried[arm][number]] for arm, number in CHOSEN[id].items()},
            **settings,
        },
        "small": {
            "data": "mnist_5k",
            "sizes": [1000, 300, 300],
            "few": 200,
            "width": 16,
            "epochs": 8,
            "moments": 2,
            "batch_size": 50,
        },
        "tolerance": 0.25,
    }


@experiment(
    "Q4",
    title="Dropout with plenty of data: MNIST, 50000 training rows, every arm tuned",
    seeds=range(5),
    **on("mnist", "Q4", sizes=[50000, 10000, 10000], epochs=12, moments=4),
)
@experiment(
    "Q5",
    title="Dropout with plenty of data: Fashion-MNIST, 50000 training rows, every arm tuned",
    seeds=range(10),
    **on("fashion_mnist", "Q5", sizes=[50000, 10000, 6000], epochs=24, moments=6),
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
    (rows, labels), *judged = ((x[None], y[None]) for x, y in dealt(data, seed, sizes, pool))
    x, y = joined([(rows[:, :few], labels[:, :few]), *judged])
    found = []
    for given in tried[arm]:
        own = weight_seeds((seed,), arm), rows, labels, x
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
