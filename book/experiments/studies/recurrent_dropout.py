"""Four ways to drop in a recurrent network beside other remedies, all equally tuned, on speech."""

import functools

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ..dealing import folds
from ..recurrent import KINDS, SeedRecurrent
from ..registry import experiment
from ..sequences import sequences, standardised, summaries, warping
from ..tuning import at_moments, candidates, choose, concise, measure, permute, weight_seeds
from .remedies import fitted, smooth

BASELINES = {
    "logistic regression": lambda c: LogisticRegression(C=c, max_iter=300),
    "nearest neighbours": lambda k: KNeighborsClassifier(k, metric="precomputed"),
    "most frequent class": lambda _: DummyClassifier(),
}
# What each arm tunes beside the learning rate: in Q3 and in Q8, where nearly all decay weights.
LSTM_ARMS = {
    "none": (),
    "none again": (),
    **{kind: (kind,) for kind in KINDS},
    "weight decay": ("weight decay",),
    "label smoothing": ("label smoothing",),
    "shared mask + label smoothing": ("shared mask", "label smoothing"),
    "shared mask, labels permuted": ("shared mask",),
    **dict.fromkeys(BASELINES, ()),
}
NO_DECAY = ", no decay"
GRU_ARMS = {
    arm: ("weight decay", *own)
    for arm, own in LSTM_ARMS.items()
    if arm not in (*BASELINES, "weight decay", "shared mask + label smoothing")
}
GRU_ARMS |= {f"none{NO_DECAY}": (), f"shared mask{NO_DECAY}": ("shared mask",)}
GRU_ARMS |= dict.fromkeys(BASELINES, ())
ARMS = {"LSTM": LSTM_ARMS, "GRU": GRU_ARMS}
RATES = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5]
PILOT_RATES = [0.002, 0.004, 0.008, 0.016, 0.032, 0.064]  # of learning, too low at the lower end
TRIED = {
    "lr": [0.008, 0.012, 0.018, 0.027, 0.04, 0.06],
    **dict.fromkeys(KINDS, RATES),
    "weight decay": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
    "label smoothing": [0.02, 0.05, 0.1, 0.15, 0.2, 0.3],
    "logistic regression": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0],
    "nearest neighbours": [1, 2, 3, 4, 5, 7],
    "most frequent class": [0, 0, 0, 0, 0, 0],
}
# Twelve of each, since several arms of Q3 chose the ends of six: those of the pilot of Q8.
PILOT_WIDER = {
    "lr": [0.002, 0.003, 0.005, 0.008, 0.012, 0.018, 0.025, 0.035, 0.05, 0.07, 0.1, 0.14],
    "weight decay": [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 8.0],
    **{kind: [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8] for kind in KINDS},
    "label smoothing": [0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6],
    "logistic regression": [10.0**k for k in range(-4, 8)],
    "nearest neighbours": [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20],
    "most frequent class": [0] * 12,
}
WIDER = PILOT_WIDER | {
    "lr": [0.008, 0.012, 0.016, 0.022, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.13, 0.17],
    "weight decay": [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0],
    **{kind: [0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7] for kind in KINDS},
    "label smoothing": [0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4],
}
RUNS = {
    "pilot_seeds": range(1000, 1004),
    "settings": {
        "data": "japanese_vowels",
        "stride": 2,
        "sizes": [120, 200, 64],
        "width": 32,
        "epochs": 25,
        "moments": 5,
        "batch_size": 20,
        "levels": TRIED,
    },
    "small": {
        "data": "digits",
        "stride": 1,
        "sizes": [60, 40, 40],
        "width": 8,
        "epochs": 8,
        "moments": 2,
    },
    "small_seeds": range(2),
    "tolerance": 0.25,
}


@experiment(
    "Q8",
    title="Four ways to drop in a GRU beside other remedies, equally tuned, on spoken vowels",
    arms=GRU_ARMS,
    seeds=range(20),
    pilot={"sizes": [120, 200, 160], "levels": PILOT_WIDER},
    batch=20,
    **RUNS
    | {"settings": RUNS["settings"] | {"cell": "GRU", "sizes": [120, 200, 32], "levels": WIDER}},
)
@experiment(
    "Q3",
    title="Four ways to drop in an LSTM beside other remedies, equally tuned, on spoken vowels",
    arms=LSTM_ARMS,
    seeds=range(10),
    pilot={"sizes": [120, 200, 160], "levels": TRIED | {"lr": PILOT_RATES}},
    batch=10,
    **RUNS,
)
def recurrent_dropout(seeds, arm, *, data, stride, sizes, levels, cell="LSTM", **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS` of the cell. With ``"labels permuted"`` those of validation rows are
        shuffled as well.
    data : str
        A set that `sequences.sequences` knows.
    stride : int
        Of the steps every `stride`-th is taken, the first among them.
    sizes : list of int
        Rows for training, validation and test; seeds share the first two, and no test row.
    levels : dict
        The levels of each axis that an arm may tune.
    cell : {"LSTM", "GRU"}
    settings
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives, of a GRU made `tuning.concise`.
    """
    x, y = sequences(data)
    x = x[:, ::stride]
    parts = folds(data, len(y), seeds, sizes)
    rows = np.concatenate(parts, axis=1)
    own = np.arange(len(seeds))[:, None]
    steps, labels = standardised(x, parts[0])[own, rows], y[rows]
    classes, end = int(y.max()) + 1, sizes[0]
    if arm.endswith("permuted"):
        permute(labels, seeds, end + sizes[1])
    judged = steps
    if arm in ("logistic regression", "most frequent class"):
        judged = summaries(steps)
    elif arm == "nearest neighbours":
        judged = np.stack([warping(each)[:, :end] for each in steps])
    learnt = judged[:, :end], labels[:, :end]
    axes = (arm,) if arm in BASELINES else ("lr", *ARMS[cell][arm])
    tried = []
    for given in candidates({axis: levels[axis] for axis in axes}):
        if arm in BASELINES:
            logits = fitted(BASELINES[arm](given[arm]), *learnt, judged, classes)
        else:
            own = weight_seeds(seeds, arm)
            logits = trained(own, *learnt, judged, given, classes, cell=cell, **settings)
        tried.append(measure(logits, labels, sizes))
    return choose(tried) if cell == "LSTM" else concise(choose(tried))


def trained(seeds, rows, labels, x, given, classes, *, cell, width, **settings):
    """Train with Adam and a rate that falls to zero; return logits at each moment.

    Parameters
    ----------
    seeds : sequence of int
    rows, labels : ndarray, shapes (S, M, T, d + 1) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, T, d + 1)
        Rows to judge.
    given : dict
        The candidate: ``lr``, and a strength of each remedy that is used.
    cell : {"LSTM", "GRU"}
    classes, width : int
        Number of classes, units of the state.
    settings
        As for `tuning.at_moments`.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    kind = next((kind for kind in KINDS if kind in given), None)
    drop = {"kind": kind, "p": given.get(kind, 0.0)}
    net = SeedRecurrent(x.shape[3] - 1, width, classes, seeds, cell=cell, **drop)
    on_batch = None
    if "label smoothing" in given:
        on_batch = functools.partial(smooth, given["label smoothing"], classes=classes)
    return at_moments(net, rows, labels, x, seeds, given, on_batch=on_batch, **settings)
