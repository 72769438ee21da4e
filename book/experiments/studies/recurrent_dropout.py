"""Four ways to drop in a recurrent network beside other remedies, all equally tuned, on speech."""

import functools

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ..dealing import folds
from ..recurrent import KINDS, SeedLSTM
from ..registry import experiment
from ..sequences import sequences, standardised, summaries, warping
from ..tuning import at_moments, candidates, choose, measure, permute, weight_seeds
from .remedies import fitted, smooth

BASELINES = {
    "logistic regression": lambda c: LogisticRegression(C=c, max_iter=300),
    "nearest neighbours": lambda k: KNeighborsClassifier(k, metric="precomputed"),
    "most frequent class": lambda _: DummyClassifier(),
}
# What each arm tunes beside the learning rate.
ARMS = {
    "none": (),
    "none again": (),
    **{kind: (kind,) for kind in KINDS},
    "weight decay": ("weight decay",),
    "label smoothing": ("label smoothing",),
    "shared mask + label smoothing": ("shared mask", "label smoothing"),
    "shared mask, labels permuted": ("shared mask",),
    **dict.fromkeys(BASELINES, ()),
}
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


@experiment(
    "Q3",
    title="Four ways to drop in an LSTM beside other remedies, equally tuned, on spoken vowels",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1004),
    pilot={"sizes": [120, 200, 160], "levels": TRIED | {"lr": PILOT_RATES}},
    settings={
        "data": "japanese_vowels",
        "stride": 2,
        "sizes": [120, 200, 64],
        "width": 32,
        "epochs": 25,
        "moments": 5,
        "batch_size": 20,
        "levels": TRIED,
    },
    small={
        "data": "digits",
        "stride": 1,
        "sizes": [60, 40, 40],
        "width": 8,
        "epochs": 8,
        "moments": 2,
    },
    small_seeds=range(2),
    batch=10,
    tolerance=0.25,
)
def recurrent_dropout(seeds, arm, *, data, stride, sizes, levels, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. With ``"labels permuted"`` those of validation rows are shuffled as well.
    data : str
        A set that `sequences.sequences` knows.
    stride : int
        Of the steps every `stride`-th is taken, the first among them.
    sizes : list of int
        Rows for training, validation and test; seeds share the first two, and no test row.
    levels : dict
        The levels of each axis that an arm may tune.
    settings
        As for `trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives.
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
    axes = (arm,) if arm in BASELINES else ("lr", *ARMS[arm])
    tried = []
    for given in candidates({axis: levels[axis] for axis in axes}):
        if arm in BASELINES:
            logits = fitted(BASELINES[arm](given[arm]), *learnt, judged, classes)
        else:
            logits = trained(weight_seeds(seeds, arm), *learnt, judged, given, classes, **settings)
        tried.append(measure(logits, labels, sizes))
    return choose(tried)


def trained(seeds, rows, labels, x, given, classes, *, width, **settings):
    """Train an LSTM with Adam and a rate that falls to zero; return logits at each moment.

    Parameters
    ----------
    seeds : sequence of int
    rows, labels : ndarray, shapes (S, M, T, d + 1) and (S, M)
        Training rows.
    x : ndarray, shape (S, N, T, d + 1)
        Rows to judge.
    given : dict
        The candidate: ``lr``, and a strength of each remedy that is used.
    classes, width : int
        Number of classes, units of the state.
    settings
        As for `tuning.at_moments`.

    Returns
    -------
    ndarray, shape (T, S, N, C)
    """
    kind = next((kind for kind in KINDS if kind in given), None)
    net = SeedLSTM(x.shape[3] - 1, width, classes, seeds, kind=kind, p=given.get(kind, 0.0))
    on_batch = None
    if "label smoothing" in given:
        on_batch = functools.partial(smooth, given["label smoothing"], classes=classes)
    return at_moments(net, rows, labels, x, seeds, given, on_batch=on_batch, **settings)
