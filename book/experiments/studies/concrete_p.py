"""The probability that concrete dropout learns, against the number of rows it is trained on."""

import functools

import numpy as np
import torch
from torch import nn

from book import data
from dropoutlib.nn import ConcreteDropout

from .. import statistics
from ..networks import mlp, stream
from ..registry import experiment

# Where the rows come from, and whether the penalty knows how many there are.
ARMS = {
    "power": ("power", True),
    "line": ("line", True),
    "power, penalty of 100 rows": ("power", False),
}
ROWS = (100, 500, 2000, 8000)


@functools.cache
def _power():
    found = data.load("power")
    x = (found.features - found.features.mean(axis=0)) / found.features.std(axis=0)
    y = (found.targets - found.targets.mean()) / found.targets.std()
    return x.astype(np.float32), y.astype(np.float32)


def rows(source, seed, count):
    """Rows of the power plant in the seed's order, or of a noisy line, scaled."""
    if source == "power":
        order = stream(seed, "rows").permutation(len(_power()[1]))[:count]
        return tuple(column[order] for column in _power())
    rng = stream(seed, "rows")
    x = rng.standard_normal((max(ROWS), 1), dtype=np.float32)
    noise = rng.standard_normal(max(ROWS), dtype=np.float32)
    return x[:count], ((2 * x[:, 0] + noise) / np.sqrt(5, dtype=np.float32))[:count]


def learned(seeds, x, y, counted, *, hidden, steps, batch_size, lr, length_scale, precision, start):
    """Train a network for each seed named, with one concrete dropout on its hidden units.

    Parameters
    ----------
    seeds : list of int
        A seed may be named several times, with other rows.
    x, y : list of ndarray, shapes (N, d) and (N,)
        Rows of each network.
    counted : list of int
        How many rows the penalty of each counts.
    hidden, steps, batch_size, lr, length_scale, precision, start
        As for `concrete_p`.

    Returns
    -------
    list of float
        The p that each ends with.
    """
    _, first, _, _, last = mlp((x[0].shape[1], hidden, 1), seeds)
    dropouts = nn.ModuleList(
        ConcreteDropout(start, generator=torch.Generator().manual_seed(number))
        for number in (int(stream(seed, "masks").integers(1 << 62)) for seed in seeds)
    )
    parameters = [*first.parameters(), *last.parameters(), *dropouts.parameters()]
    rule = torch.optim.Adam(parameters, lr=lr)
    orders = [stream(seed, "order") for seed in seeds]
    for step in range(steps):
        rule.param_groups[0]["lr"] = lr * (1 - step / steps)
        rows = [rng.integers(len(of), size=batch_size) for rng, of in zip(orders, y, strict=True)]
        inputs, targets = (
            torch.from_numpy(np.stack([of[row] for of, row in zip(part, rows, strict=True)]))
            for part in (x, y)
        )
        h = first(inputs).relu()
        h = torch.stack([drop(part) for drop, part in zip(dropouts, h, strict=True)])
        loss = (last(h)[:, :, 0] - targets).square().mean(dim=1).sum()
        for drop, weight, count in zip(dropouts, last.weight, counted, strict=True):
            scale = 1 / (count * precision)
            loss = loss + drop.regulariser(
                weight, hidden, weight_scale=length_scale**2 * scale, entropy_scale=2 * scale
            )
        rule.zero_grad()
        loss.backward()
        rule.step()
    return [drop.p for drop in dropouts]


@experiment(
    "R13",
    title="Concrete dropout: the p that is learned falls as the rows grow",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1003),
    settings={
        "data": "power",
        "hidden": 50,
        "steps": 3000,
        "batch_size": 100,
        "lr": 0.02,
        "length_scale": 1.0,
        "precision": 10.0,
        "start": 0.3,
    },
    small={"steps": 100},
    small_seeds=range(2),
    batch=10,
    tolerance=0.25,
)
def concrete_p(seeds, arm, *, data, **training):
    """Learn p on the first rows of the seed's order, more and more of them.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`. In the last one the penalty is that of 100 rows, however many there are.
    data : str
        Always ``"power"``.
    **training
        ``hidden`` units; ``steps`` of Adam with minibatches of ``batch_size`` drawn with
        replacement, the same number for every count of rows; first ``lr``; prior
        ``length_scale``; ``precision`` of the noise for targets of variance 1; ``start``, the
        initial p.

    Returns
    -------
    list of dict
        ``p``, learned with each count of `ROWS`; ``first``, ``last``, those of its ends.
    """
    source, told = ARMS[arm]
    runs = [(seed, count) for seed in seeds for count in ROWS]
    x, y = zip(*(rows(source, *run) for run in runs), strict=True)
    counted = [count if told else ROWS[0] for _, count in runs]
    p = np.reshape(learned([seed for seed, _ in runs], x, y, counted, **training), (-1, len(ROWS)))
    return [{"p": row.tolist(), "first": float(row[0]), "last": float(row[-1])} for row in p]


def findings(found):
    """What the chapter asserts of the `Results`, each margin at most half of the pilot's effect."""
    p = {arm: found.values(arm, "p") for arm in ARMS}
    told, _, fixed = ARMS
    falls = {arm: found.values(arm, "first") - found.values(arm, "last") for arm in ARMS}
    return {
        "power, rank correlation": statistics.trend(ROWS, p["power"], -1, 0.5),
        "line, rank correlation": statistics.trend(ROWS, p["line"], -1, 0.5),
        "power, fall of p": statistics.greater(falls[told], 0, 0.1),
        "line, fall of p": statistics.greater(falls["line"], 0, 0.1),
        "penalty of 100 rows, rise of p": statistics.greater(-falls[fixed], 0, 0.02),
        "fall, told less penalty of 100 rows": statistics.greater(falls[told], falls[fixed], 0.12),
    }
