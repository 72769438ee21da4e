"""The probability that concrete dropout learns, against the number of rows it is trained on."""

import functools

import numpy as np
import torch
from torch import nn

from dropoutlib import data
from dropoutlib.nn import ConcreteDropout

from ..networks import mlp, stream
from ..registry import experiment
from ..single import single

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


def learned(seed, x, y, counted, *, hidden, steps, batch_size, lr, length_scale, precision, start):
    """Train a network with one concrete dropout on its hidden units; return the last p."""
    plain = single(mlp((x.shape[1], hidden, 1), [seed]), 0)
    generator = torch.Generator().manual_seed(int(stream(seed, "masks").integers(1 << 62)))
    dropout = ConcreteDropout(start, generator=generator)
    last = plain[-1]
    net = nn.Sequential(plain[1], nn.ReLU(), dropout, last).train()
    scale = 1 / (counted * precision)
    penalty = {"weight_scale": length_scale**2 * scale, "entropy_scale": 2 * scale}
    step_rule = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    order, x, y = stream(seed, "order"), torch.from_numpy(x), torch.from_numpy(y)
    for step in range(steps):
        step_rule.param_groups[0]["lr"] = lr * (1 - step / steps)
        batch = torch.from_numpy(order.integers(len(y), size=batch_size))
        loss = (net(x[batch])[:, 0] - y[batch]).square().mean()
        step_rule.zero_grad()
        (loss + dropout.regulariser(last.weight, hidden, **penalty)).backward()
        step_rule.step()
    return dropout.p


@experiment(
    "R13",
    title="Concrete dropout: the p that is learned falls as the rows grow",
    arms=ARMS,
    seeds=range(5),
    pilot_seeds=range(1000, 1002),
    settings={
        "data": "power",
        "hidden": 50,
        "steps": 1000,
        "batch_size": 100,
        "lr": 0.02,
        "length_scale": 1.0,
        "precision": 10.0,
        "start": 0.3,
    },
    small={"steps": 100},
    small_seeds=range(2),
    tolerance=0.25,
)
def concrete_p(seed, arm, *, data, **training):
    """Learn p on the first rows of the seed's order, more and more of them.

    Parameters
    ----------
    seed : int
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
    dict
        ``p``, learned with each count of `ROWS`; ``first``, ``last``, those of its ends.
    """
    source, told = ARMS[arm]
    p = []
    for count in ROWS:
        x, y = rows(source, seed, count)
        p.append(learned(seed, x, y, count if told else ROWS[0], **training))
    return {"p": p, "first": p[0], "last": p[-1]}
