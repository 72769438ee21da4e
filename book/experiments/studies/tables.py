"""Dropout in regressions of small tables: at a tuned rate, at a fixed one, and averaged over."""

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from book import data as sets

from ..dealing import folds
from ..registry import experiment
from ..tuning import LEVELS, candidates, permute, weight_seeds
from .intervals import RATES, RUNS, centers_of, chosen, standardised

SETS = ("concrete", "wine_red")
FIXED = 0.2  # the rate of the arms that do not tune it, and of masks that are averaged over
BASELINES = {
    "ridge": lambda strength: Ridge(strength),
    "neighbours": lambda k: KNeighborsRegressor(k),
    "trees": lambda count: GradientBoostingRegressor(
        n_estimators=count, learning_rate=0.2, max_depth=4, random_state=0
    ),
    "mean": lambda _: DummyRegressor(),
}
# What each kind of arm tunes, and of what it is a control on the first set alone.
KINDS = {
    "none": ("lr",),
    "none again": ("lr",),
    "dropout": ("lr", "dropout"),
    "p=0.2": ("lr",),
    "p=0.2, masks": ("lr",),
    "weight decay": ("lr", "weight decay"),
    **{kind: (kind,) for kind in BASELINES},
}
PERMUTED = "dropout, targets permuted"
ARMS = {f"{name}: {kind}": (name, kind) for name in SETS for kind in KINDS}
ARMS |= {f"{SETS[0]}: {PERMUTED}": (SETS[0], PERMUTED)}
TRIED = {
    "lr": [2 * rate for rate in LEVELS["lr"]],
    "dropout": RATES,
    "weight decay": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
    "ridge": [0.1, 1.0, 3.0, 10.0, 30.0, 100.0],
    "neighbours": [1, 2, 3, 5, 8, 13],
    "trees": [25, 50, 100, 200, 400, 800],
    "mean": [0, 0, 0, 0, 0, 0],
}
STORED = ("rmse_best", "nll_best", "crps_best", "coverage", "spread", "nll_last", "train_nll")


@experiment(
    "U3",
    title="Small tables: dropout tuned, fixed and averaged over, beside weight decay and trees",
    arms=ARMS,
    # Its networks chose high rates of learning, which are doubled since.
    pilot={"passes": 50, "moments": 6, "levels": TRIED | {"lr": LEVELS["lr"]}},
    settings={
        "data": list(SETS),
        "sizes": [600, 200, 100],
        "width": 64,
        "passes": 20,
        "epochs": 60,
        "moments": 3,
        "batch_size": 50,
        "levels": TRIED,
    },
    **RUNS,
)
def tables(seeds, arm, *, data, sizes, width, passes, levels, **training):
    """Tune an arm for each seed by its log loss on validation rows, and judge it on test rows.

    A prediction is a Gaussian, or a mixture of some, as in `intervals.intervals`.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`: a set and a kind. With "p=0.2" the rate of dropping is not tuned, and with
        "masks" the prediction is a mixture over passes.
    data : list of str
        The sets of all arms.
    sizes : list of int
        Rows for training, validation and test; seeds share the first two, and no test row.
    width, passes : int
        Units of both hidden layers; masks.
    levels : dict
        The levels of each axis that an arm may tune.
    **training
        As for `predictive.snapshots`.

    Returns
    -------
    list of dict
        Of what `intervals.chosen` gives what `STORED` names, and ``p`` and ``lr``, the rate of
        dropping and that of learning, or the strength of a baseline, that were chosen.
    """
    name, kind = ARMS[arm]
    tried = candidates({axis: levels[axis] for axis in KINDS.get(kind, KINDS["dropout"])})
    if kind.startswith("p="):
        tried = [given | {"dropout": FIXED} for given in tried]
    found = sets.load(name)
    which = np.concatenate(folds(name, len(found.targets), seeds, sizes), axis=1)
    x, y = standardised(found.features, found.targets, which, sizes[0])
    if kind == PERMUTED:
        permute(y, seeds, sizes[0] + sizes[1])
    if kind in BASELINES:
        centers = [_fitted(BASELINES[kind](given[kind]), x, y, sizes[0]) for given in tried]
    else:
        masks = passes if kind.endswith("masks") else 0
        own = weight_seeds(seeds, kind)
        centers = centers_of(own, x, y, tried, sizes, width, masks, **training)
    rows = []
    for row in chosen(centers, y, sizes):
        given = tried[row["chosen"][0]]
        first = given.get("lr", given.get(kind))
        rows.append(
            {metric: round(row[metric], 5) for metric in STORED}
            | {"p": given.get("dropout", 0.0), "first": first}
        )
    return rows


def _fitted(model, x, y, train):
    """Predictions of a model of scikit-learn for each seed, in the form of `centers_of`."""
    pairs = zip(x, y, strict=True)
    found = [model.fit(rows[:train], own[:train]).predict(rows) for rows, own in pairs]
    return np.stack(found)[None, None].astype(float)
