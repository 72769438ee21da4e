"""A network that reads upright digits is fine-tuned on a few that lean, in ten ways."""

import functools

from ..images import blocks, joined
from ..networks import mlp
from ..registry import experiment
from ..training import fit, outputs
from ..transfer import features, tuned
from ..tuning import at_moments, candidates, choose, measure, permute, weight_seeds
from . import remedies
from .remedies import CLASSES, GUESS, fitted, smooth
from .shift import turned as turn

ON_FEATURES = ", frozen features"
FROZEN = {name + ON_FEATURES: make for name, make in remedies.BASELINES.items()}
BASELINES = remedies.BASELINES | FROZEN | GUESS
AS_IT_WAS = "not fine-tuned"
# What each arm tunes beside the learning rate.
ARMS = {
    "none": (),
    "none again": (),
    "head dropout": ("head dropout",),
    "dropout": ("dropout",),
    "LoRA": (),
    "LoRA + dropout": ("LoRA dropout",),
    "mixout": ("mixout",),
    "L2-SP": ("L2-SP",),
    "weight decay": ("weight decay",),
    "label smoothing": ("label smoothing",),
    "head only": (),
    "from scratch": (),
    "dropout, labels permuted": ("dropout",),
    **dict.fromkeys((*BASELINES, AS_IT_WAS), ()),
}
WAYS = {
    "LoRA": "LoRA",
    "LoRA + dropout": "LoRA",
    "weight decay": "to zero",
    "head only": "head only",
}
RATES = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5]
DECAYS = [0.3, 0.6, 1.2, 2.5, 5.0, 10.0]
PILOT_DECAYS = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
NEIGHBOURS = [1, 2, 3, 4, 5, 7]
INVERSE = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]  # strengths of the penalty
TRIED = {
    "lr": [0.0007, 0.0015, 0.003, 0.006, 0.012, 0.025],
    **dict.fromkeys(("head dropout", "dropout", "LoRA dropout"), RATES),
    "mixout": [0.1, 0.3, 0.5, 0.7, 0.8, 0.9],
    **dict.fromkeys(("L2-SP", "weight decay"), DECAYS),
    "label smoothing": [0.02, 0.05, 0.1, 0.15, 0.2, 0.3],
    "logistic regression": INVERSE,
    "logistic regression, frozen features": INVERSE,
    "nearest neighbours": NEIGHBOURS,
    "nearest neighbours, frozen features": NEIGHBOURS,
    "most frequent class": [0] * 6,
    AS_IT_WAS: [0] * 6,
}
# Rates from end to end, decays far apart, and penalties that were too strong.
PILOT_TRIED = TRIED | {
    "lr": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    **dict.fromkeys(("L2-SP", "weight decay"), PILOT_DECAYS),
    "logistic regression": [c / 10 for c in INVERSE],
    "logistic regression, frozen features": [c / 10 for c in INVERSE],
}


@experiment(
    "F1",
    title="Ten ways to fine-tune on fifty digits, equally tuned, with dropout and without",
    arms=ARMS,
    seeds=range(16),
    pilot_seeds=range(1000, 1004),
    pilot={"levels": PILOT_TRIED},
    settings={
        "data": "mnist",
        "source": {"rows": 1700, "epochs": 30, "batch_size": 50, "lr": 0.004},
        "angle": 30,
        "sizes": [50, 150, 1500],
        "width": 128,
        "epochs": 100,
        "moments": 5,
        "batch_size": 25,
        "levels": TRIED,
    },
    small={
        "data": "mnist_5k",
        "source": {"rows": 200, "epochs": 10, "batch_size": 50, "lr": 0.01},
        "sizes": [40, 40, 60],
        "width": 16,
        "epochs": 10,
        "moments": 2,
    },
    small_seeds=range(2),
    batch=16,
    tolerance=0.25,
)
def fine_tuning(seeds, arm, *, data, source, angle, sizes, width, levels, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. With ``"labels permuted"`` those of validation rows are shuffled as well.
    data : str
        Set of images.
    source : dict
        Number of upright images (``rows``) that the network was trained on, and how.
    angle : float
        By how many degrees the others lean.
    sizes : list of int
        Leaning rows for training, validation and test. No seed shares a row with another, upright
        or leaning.
    width : int
        Units of both hidden layers.
    levels : dict
        The levels of each axis that an arm may tune.
    settings
        As for `tuning.at_moments`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives.
    """
    _, *leaning = blocks(data, seeds, (source["rows"], *sizes))
    x, labels = joined(leaning)
    x, end = turned(x, angle), sizes[0]
    if arm.endswith("permuted"):
        permute(labels, seeds, end + sizes[1])
    how = source | {"epochs": 0} if arm == "from scratch" else source
    net = pretrained(data, seeds, sum(sizes), width, **how)
    judged = features(net, x) if arm.endswith(ON_FEATURES) else x
    learnt = judged[:, :end], labels[:, :end]
    axes = (arm,) if arm in (*BASELINES, AS_IT_WAS) else ("lr", *ARMS[arm])
    tried = []
    for given in candidates({axis: levels[axis] for axis in axes}):
        if arm == AS_IT_WAS:
            logits = outputs(net, x)[None]
        elif arm in BASELINES:
            logits = fitted(BASELINES[arm](given[arm]), *learnt, judged)
        else:
            own, way = weight_seeds(seeds, arm), WAYS.get(arm, "all")
            logits = trained(net, own, *learnt, x, given, way, **settings)
        tried.append(measure(logits, labels, sizes))
    return choose(tried)


def turned(x, angle):
    """Turn grey values from 0 to 1 of 28 by 28 pixels, (S, N, 784), as `shift.turned` does."""
    return turn(255 * x, angle).reshape(*x.shape[:2], -1)


@functools.lru_cache(maxsize=2)
def pretrained(data, seeds, others, width, *, rows, epochs, batch_size, lr):
    """Train d-n-n-10 on upright images of each seed; with no epoch it is as it was drawn.

    Parameters
    ----------
    data : str
    seeds : tuple of int
    others : int
        Rows of a seed that are kept for other uses.
    width : int
    rows, epochs, batch_size, lr
        Number of training rows, and as for `training.fit`.

    Returns
    -------
    torch.nn.Sequential
        It is shared by the arms, and not to be changed.
    """
    (x, y), _ = blocks(data, seeds, (rows, others))
    x = turned(x, 0)
    net = mlp((x.shape[2], width, width, CLASSES), seeds)
    if epochs:
        fit(net, x, y, seeds, epochs=epochs, batch_size=batch_size, lr=lr, optimizer="adamw")
    return net.eval()


def trained(net, seeds, rows, labels, x, given, way, **settings):
    """Fine-tune a pretrained network; return logits at each moment.

    Parameters
    ----------
    net : torch.nn.Module
        The pretrained network; it is not changed.
    seeds : sequence of int
        Of order, adapters and masks.
    rows, labels : ndarray, shapes (S, M, d) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, d)
        Rows to judge.
    given : dict
        The candidate: ``lr``, and a strength of each remedy that is used.
    way : str
        As for `transfer.SeedTuned`.
    settings
        As for `tuning.at_moments`.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    net = tuned(net, seeds, way, given)
    on_batch = None
    if "label smoothing" in given:
        on_batch = functools.partial(smooth, given["label smoothing"], classes=CLASSES)
    if "L2-SP" in given:
        # The fixed values are the pretrained weights: decay of the change pulls to them.
        given = given | {"weight decay": given["L2-SP"]}
    return at_moments(net, rows, labels, x, seeds, given, on_batch=on_batch, **settings)
