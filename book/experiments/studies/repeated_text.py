"""One pass over a text against many passes over a small part of it, with and without dropout."""

import itertools

import numpy as np

from ..decoder import SeedDecoder
from ..registry import experiment
from ..text import counted, rows_of
from ..training import fit, outputs
from ..tuning import candidates, choose, ends, measure, weight_seeds

REGIMES = ("fresh", "repeated")
RATES = {"none": 0.0, "none again": 0.0, "p=0.1": 0.1, "p=0.2": 0.2, "weight decay": 0.0}
# Regime and kind of each arm; a baseline counts n-grams.
ARMS = {
    f"{regime} {kind}": (regime, kind)
    for regime in REGIMES
    for kind in (*RATES, "n-grams")
    # What is seen once is not learned by heart, so one rate is tried there, and no other remedy.
    if regime == "repeated" or kind not in ("p=0.2", "weight decay")
}
LEVELS = {
    "lr": [0.003, 0.005, 0.008, 0.012],
    "weight decay": [0.1, 0.3, 1.0, 3.0],
    "longest": [2, 3, 4, 5],
}
AXES = {"weight decay": ("lr", "weight decay"), "n-grams": ("longest",)}
TRIED = {
    arm: candidates({axis: LEVELS[axis] for axis in AXES.get(kind, ("lr",))})
    for arm, (_, kind) in ARMS.items()
}
SECOND = [{"lr": LEVELS["lr"][1]}]  # the control chooses nothing
# The candidate of each arm with the lowest loss after a temperature on the pilot's validation
# rows; the controls have that of the arm that they control.
CHOSEN = {
    "fresh none": 1,
    "fresh none again": 1,
    "fresh p=0.1": 2,
    "fresh n-grams": 3,
    "repeated none": 0,
    "repeated none again": 0,
    "repeated p=0.1": 1,
    "repeated p=0.2": 1,
    "repeated weight decay": 0,
    "repeated n-grams": 2,
}
FULL = {arm: [TRIED[arm][number]] for arm, number in CHOSEN.items()}


@experiment(
    "T1",
    title="Next characters of Shakespeare: one pass over a text, or many over a part of it",
    arms=ARMS,
    seeds=range(6),
    pilot_seeds=(1000,),
    pilot={"tried": TRIED | {f"{regime} none again": SECOND for regime in REGIMES}},
    settings={
        "data": "shakespeare",
        "sizes": [1536, 96, 256],
        "few": 96,
        "width": 64,
        "heads": 4,
        "depth": 2,
        "moments": 3,
        "batch_size": 8,
        "tried": FULL,
    },
    small={
        "data": "digits",
        "sizes": [160, 20, 40],
        "few": 40,
        "width": 8,
        "heads": 2,
        "moments": 2,
        "batch_size": 8,
        "tried": {arm: given[2:3] for arm, given in TRIED.items()},
    },
    small_seeds=range(2),
    tolerance=0.25,
)
def repeated_text(seed, arm, *, data, sizes, few, tried, **settings):
    """Train or count on one regime, and judge on rows that no other seed has.

    Parameters
    ----------
    seed : int
    arm : str
        One of `ARMS`. ``fresh`` reads each training row once, ``repeated`` reads `few` of them
        again and again, in as many steps.
    data : str
        A set that `text.rows_of` knows.
    sizes : list of int
        Rows for training, validation and test.
    few : int
        Rows that are repeated, a divisor of the training rows. In both regimes the training
        loss is theirs.
    tried : dict
        For each arm its candidates.
    width, heads, depth, moments, batch_size
        As for `trained`.

    Returns
    -------
    dict
        What `tuning.choose` gives.
    """
    regime, kind = ARMS[arm]
    rows, symbols = rows_of(data, (seed,), sizes)
    train = sizes[0]
    learnt = rows[:, : train if regime == "fresh" else few]
    judged = np.concatenate([rows[:, :few], rows[:, train:]], axis=1)
    epochs = train // learnt.shape[1]
    found = []
    for given in tried[arm]:
        if kind == "n-grams":
            logits = counted(learnt[0], judged[0], symbols, given["longest"])[None, None]
        else:
            own = weight_seeds((seed,), kind)
            more = {"epochs": epochs, "p": RATES[kind], **settings}
            logits = trained(own, learnt, judged, symbols, given, **more)
        # Each character that is predicted is a row of what is measured.
        flat = logits.reshape(*logits.shape[:2], -1, symbols)
        tokens = judged.shape[2] - 1
        parts = [tokens * size for size in (few, *sizes[1:])]
        found.append(measure(flat, judged[:, :, 1:].reshape(1, -1), parts))
    return choose(found)[0]


def trained(
    seeds, rows, judged, symbols, given, *, epochs, p, width, heads, depth, moments, batch_size
):
    """Train a decoder with Adam and a rate that falls to zero; return logits at each moment.

    Parameters
    ----------
    seeds : sequence of int
    rows, judged : ndarray of int, shapes (S, M, T) and (S, N, T)
        Training rows, and rows to judge.
    symbols : int
        How many symbols there are.
    given : dict
        The candidate: ``lr``, and ``weight decay`` if it is used.
    epochs, batch_size : int
        Passes over the rows, and rows of a step.
    p, width, heads, depth
        As for `decoder.SeedDecoder`.
    moments : int
        At how many moments, evenly spread over the steps, the networks are judged.

    Returns
    -------
    ndarray, shape (moments, S, N, T - 1, symbols)
    """
    sizes = {"width": width, "heads": heads, "depth": depth}
    net = SeedDecoder(symbols, **sizes, seeds=seeds, p=p)
    at = ends(epochs * (rows.shape[1] // batch_size), moments)
    found, step = [], itertools.count(1)

    def note():
        if next(step) in at:
            net.eval()
            found.append(outputs(net, judged[:, :, :-1], batch_size=64).swapaxes(-1, -2))
            net.train()

    fit(
        net,
        rows[:, :, :-1],
        rows[:, :, 1:],
        seeds,
        epochs=epochs,
        batch_size=batch_size,
        lr=given["lr"],
        optimizer="adamw",
        weight_decay=given.get("weight decay", 0.0),
        on_step=note,
    )
    return np.stack(found)
