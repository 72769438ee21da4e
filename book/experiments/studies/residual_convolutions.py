"""A residual network of convolutions: units, channels or blocks dropped in it, or its branches."""

import math

from ..convolutional import INSIDE, SeedResidual
from ..registry import experiment
from ..tuning import at_moments, candidates
from .residual_branches import BASELINES, LABELS_PERMUTED, judged, rates

# Whether the rate of dropping whole branches grows with depth.
PATHS = {"one rate": False, "growing rate": True}
DROPPED = (*INSIDE, *PATHS)
PERMUTED = f"units{LABELS_PERMUTED}"
ARMS = ("none", *DROPPED, "none again", PERMUTED, *BASELINES)
# Each decay, at the learning rate that `candidates` gives it, with a product near 0.01.
LEVELS = {
    "lr": [0.01, 0.02, 0.04, 0.06],
    "weight decay": [0.5, 0.15, 1.0, 0.3],
    "p": [0.05, 0.1, 0.2, 0.3],
    "logistic regression": [0.1, 0.3, 1.0, 3.0],
    "nearest neighbours": [3, 5, 7, 10],
    "most frequent class": [0] * 4,
}


def tried(arm):
    """The candidates of an arm, as many for each."""
    axes = [arm] if arm in BASELINES else ["lr", "weight decay"]
    if arm in DROPPED:
        axes.append("p")
    return candidates({axis: LEVELS[axis] for axis in axes})


TRIED = {arm: tried(arm.removesuffix(LABELS_PERMUTED)) for arm in ARMS}
# One control chooses nothing, and permuted labels nothing that could be of use.
PILOT = TRIED | {arm: TRIED[arm][1:2] for arm in ("none again", PERMUTED)}
# The candidate of each arm with the lowest loss after a temperature on the pilot's validation
# rows; both controls have that of the arm that they control.
CHOSEN = {
    "none": 1,
    "units": 2,
    "channels": 2,
    "blocks": 0,
    "one rate": 0,
    "growing rate": 0,
    "none again": 1,
    PERMUTED: 2,
    "logistic regression": 2,
    "nearest neighbours": 2,
    "most frequent class": 0,
}
FULL = {arm: [TRIED[arm][number]] for arm, number in CHOSEN.items()}


@experiment(
    "Q9",
    title="A residual network of convolutions: units, channels, blocks or whole branches dropped",
    arms=ARMS,
    # Another run, whose results were lost, had the rows of the seeds 0 to 9.
    seeds=range(10, 20),
    pilot_seeds=(1000,),
    # As many rows as in the full version, of which more choose.
    pilot={"tried": PILOT, "sizes": [1000, 1600, 400]},
    settings={
        "data": "fashion_mnist",
        "sizes": [1000, 400, 1600],
        "pool": 2,
        "channels": [12, 24],
        "depth": 2,
        "epochs": 30,
        "moments": 5,
        "batch_size": 50,
        "tried": FULL,
    },
    small={
        "data": "digits",
        "sizes": [60, 30, 60],
        "pool": 1,
        "channels": [4, 8],
        "depth": 1,
        "epochs": 4,
        "moments": 2,
        "batch_size": 20,
        "tried": {arm: given[2:3] for arm, given in TRIED.items()},
    },
    small_seeds=range(2),
    batch=10,
    tolerance=0.25,
)
def residual_convolutions(seeds, arm, *, data, sizes, pool, tried, **settings):
    """Train every candidate of an arm on the rows of each seed, and judge what is chosen.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. With ``"labels permuted"`` those of validation rows are shuffled as well.
    data, sizes, pool, tried
        As for `residual_branches.residual_branches`.
    channels, depth, epochs, moments, batch_size
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives, rounded.
    """

    def train(own, x, labels, kind, given):
        side = math.isqrt(x.shape[2])
        images = x.reshape(*x.shape[:2], side, side)
        return trained(own, images, labels, kind, given, **settings)

    return judged(train, seeds, arm, data=data, sizes=sizes, pool=pool, tried=tried[arm])


def trained(seeds, x, labels, kind, given, *, channels, depth, **settings):
    """Train a residual network for each seed; return logits at each moment.

    Parameters
    ----------
    seeds : sequence of int
    x : ndarray, shape (S, N, H, W)
        Images of all rows, those to train with in front.
    labels : ndarray of int, shape (S, M)
        Of the training rows.
    kind : str
        One of `DROPPED`, or another for no dropout.
    given : dict
        The candidate: ``lr``, ``weight decay``, and the probability ``p`` if it drops, of whole
        branches their mean.
    channels, depth
        As for `convolutional.SeedResidual`.
    settings
        As for `tuning.at_moments`.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    drop = {}
    if kind in INSIDE:
        drop = {"inside": kind, "p": given["p"]}
    elif kind in PATHS:
        drop = {"paths": rates(given["p"], depth * len(channels), PATHS[kind])}
    net = SeedResidual(seeds, channels, depth, **drop)
    return at_moments(net, x[:, : labels.shape[1]], labels, x, seeds, given, **settings)
