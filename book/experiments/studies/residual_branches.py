"""A small vision transformer whose residual branches are dropped, all alike or more with depth."""

from dropoutlib.schedules import linear_depth

from ..encoder import BRANCH, ELEMENT, SeedEncoder
from ..images import blocks, joined
from ..registry import experiment
from ..tuning import at_moments, candidates, choose, measure, permute, rounded, weight_seeds
from . import remedies
from .remedies import GUESS, fitted

BASELINES = remedies.BASELINES | GUESS
# What each drops: axes of the draws, and whether their rate grows with depth.
DROPPED = {
    "uniform": (BRANCH, False),
    "linear": (BRANCH, True),
    "dropout": (ELEMENT, False),
}
LABELS_PERMUTED = ", labels permuted"
PERMUTED = f"linear{LABELS_PERMUTED}"
ARMS = ("none", *DROPPED, "none again", PERMUTED, *BASELINES)
LEVELS = {
    "lr": [0.004, 0.005, 0.006, 0.008],
    "weight decay": [1.0, 1.0, 2.0, 2.0],
    "p": [0.05, 0.1, 0.2, 0.3],
    "logistic regression": [0.01, 0.1, 1.0, 10.0],
    "nearest neighbours": [1, 2, 3, 5],
    "most frequent class": [0] * 4,
}


def tried(arm):
    """The candidates of an arm, as many for each."""
    axes = [arm] if arm in BASELINES else ["lr", "weight decay"]
    if arm in DROPPED:
        axes.append("p")
    return candidates({axis: LEVELS[axis] for axis in axes})


TRIED = {arm: tried("linear" if arm == PERMUTED else arm) for arm in ARMS}
# One control chooses nothing, and permuted labels nothing that could be of use.
PILOT = TRIED | {arm: TRIED[arm][1:2] for arm in ("none again", PERMUTED)}
# The candidate of each arm with the lowest loss after a temperature on the pilot's validation
# rows; both controls have that of the arm that they control.
CHOSEN = {
    "none": 3,
    "uniform": 0,
    "linear": 1,
    "dropout": 0,
    "none again": 3,
    PERMUTED: 1,
    "logistic regression": 2,
    "nearest neighbours": 3,
    "most frequent class": 0,
}
FULL = {arm: [TRIED[arm][number]] for arm, number in CHOSEN.items()}


@experiment(
    "T2",
    title="Residual branches of a small vision transformer dropped, all alike or more with depth",
    arms=ARMS,
    seeds=range(6),
    pilot_seeds=(1000,),
    pilot={"tried": PILOT},
    settings={
        "data": "fashion_mnist",
        "sizes": [1000, 400, 1600],
        "pool": 2,
        "tokens": 7,
        "width": 32,
        "heads": 4,
        "depth": 4,
        "epochs": 18,
        "moments": 3,
        "batch_size": 50,
        "tried": FULL,
    },
    small={
        "data": "digits",
        "sizes": [60, 30, 60],
        "pool": 1,
        "tokens": 4,
        "width": 8,
        "heads": 2,
        "depth": 2,
        "epochs": 4,
        "moments": 2,
        "batch_size": 20,
        "tried": {arm: given[2:3] for arm, given in TRIED.items()},
    },
    small_seeds=range(2),
    batch=6,
    tolerance=0.25,
)
def residual_branches(seeds, arm, *, data, sizes, pool, tokens, tried, **settings):
    """Train every candidate of an arm on the rows of each seed, and judge what is chosen.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. With ``"labels permuted"`` those of validation rows are shuffled as well.
    data : str
        Set of images.
    sizes : list of int
        Rows for training, validation and test; no seed shares any with another.
    pool, tokens : int
        Side of the squares of pixels that are averaged, and number of strips, of whole rows of
        pixels, that an image is then cut into.
    tried : dict
        For each arm its candidates.
    width, heads, depth, epochs, moments, batch_size
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives, rounded.
    """

    def train(own, x, wanted, kind, given):
        strips = x.reshape(*x.shape[:2], tokens, -1)
        return trained(own, strips, wanted, kind, given, **settings)

    return judged(train, seeds, arm, data=data, sizes=sizes, pool=pool, tried=tried[arm])


def judged(train, seeds, arm, *, data, sizes, pool, tried):
    """Train each candidate of an arm, or fit its baseline, and judge what validation rows choose.

    Parameters
    ----------
    train : callable
        From seeds of weights, images of all rows, labels of the training rows, the arm without
        what permutes labels, and a candidate to the logits at each moment.
    seeds, arm, data, sizes, pool
        As for `residual_branches`.
    tried : list of dict
        The candidates.

    Returns
    -------
    list of dict
        What `tuning.choose` gives, rounded.
    """
    x, labels = joined(blocks(data, seeds, sizes, pool))
    end = sizes[0]
    kind = arm.removesuffix(LABELS_PERMUTED)
    if kind != arm:
        permute(labels, seeds, end + sizes[1])
    found = []
    for given in tried:
        if arm in BASELINES:
            logits = fitted(BASELINES[arm](given[arm]), x[:, :end], labels[:, :end], x)
        else:
            logits = train(weight_seeds(seeds, arm), x, labels[:, :end], kind, given)
        found.append(measure(logits, labels, sizes))
    return rounded(choose(found))


def rates(p, depth, grows):
    """Probabilities of the blocks with mean `p`, the same in all or growing linearly from zero."""
    return linear_depth(2 * p, depth, first_zero=True) if grows else [p] * depth


def trained(seeds, x, labels, kind, given, *, width, heads, depth, **settings):
    """Train an encoder for each seed; return logits at each moment.

    Parameters
    ----------
    seeds : sequence of int
    x : ndarray, shape (S, N, T, d)
        Tokens of all rows, those to train with in front.
    labels : ndarray of int, shape (S, M)
        Of the training rows.
    kind : str
        A key of `DROPPED`, or another for no dropout.
    given : dict
        The candidate: ``lr``, ``weight decay``, and the mean probability ``p`` if it drops.
    width, heads, depth : int
        As for `encoder.SeedEncoder`, with `depth` blocks.
    settings
        As for `tuning.at_moments`.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    axes, grows = DROPPED.get(kind, (BRANCH, False))
    each = rates(given["p"] if kind in DROPPED else 0.0, depth, grows)
    net = SeedEncoder(seeds, *x.shape[2:], width, heads, each, axes=axes)
    rows = x[:, : labels.shape[1]]
    return at_moments(net, rows, labels, x, seeds, given, **settings)
