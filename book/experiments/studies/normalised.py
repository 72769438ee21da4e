"""Dropout before, between and behind batch normalisation, equally tuned, statistics mended or not.

A block is linear, normalisation, ReLU, as most people stack it. Dropout stands "before" each
normalisation of it, behind each ReLU and so "between" two normalisations, or once "after" all.
"""

import copy
import itertools

import numpy as np
from torch import nn

from ..images import blocks, joined
from ..networks import SeedDropout, SeedLinear, stream
from ..registry import experiment
from ..structures import SeedBatchNorm, retake_statistics
from ..training import fit, outputs
from ..tuning import LEVELS, candidates, choose, measure, on_mnist, weight_seeds

PLACES = ("before", "between", "after")
ARMS = ("none", "none again", *PLACES)


def network(sizes, seeds, place, p):
    """Return linear, normalisation, ReLU for each hidden layer, with dropout in a place, or none.

    Parameters
    ----------
    sizes : sequence of int
        Widths from the input to the output.
    seeds : sequence of int
        One network for each.
    place : {"before", "between", "after", None}
    p : float
        Probability of dropping.
    """
    weights, masks = ([stream(s, purpose) for s in seeds] for purpose in ("weights", "masks"))
    pairs = list(itertools.pairwise(sizes[:-1]))
    layers = []
    for layer, (fan_in, fan_out) in enumerate(pairs, start=1):
        layers += [SeedLinear(fan_in, fan_out, weights)]
        layers += [SeedDropout(p, masks)] if place == "before" else []
        layers += [SeedBatchNorm(len(seeds), fan_out), nn.ReLU()]
        if place == "between" or (place == "after" and layer == len(pairs)):
            layers += [SeedDropout(p, masks)]
    return nn.Sequential(*layers, SeedLinear(sizes[-2], sizes[-1], weights))


@experiment(
    "Q2",
    title="Dropout before, between and behind batch normalisation, equally tuned, on MNIST",
    arms=ARMS,
    **on_mnist(LEVELS),
)
def normalised(seeds, arm, *, data, sizes, pool, levels, **settings):
    """Tune an arm for each seed on its validation rows, and judge it on its test rows.

    Parameters
    ----------
    seeds : tuple of int
    arm : str
        One of `ARMS`.
    data, sizes, pool, levels
        As for `remedies.remedies`.
    width, epochs, moments, batch_size
        As for `remedies.trained`.

    Returns
    -------
    list of dict
        What `tuning.choose` gives; names with ``mended_`` in front are of the same networks
        after the running statistics were taken anew, on training rows without dropout, and are
        tuned by themselves.
    """
    parts = blocks(data, seeds, sizes, pool)
    x, y = joined(parts)
    own = weight_seeds(seeds, arm)
    place = arm if arm in PLACES else None
    axes = ("lr", "dropout") if place else ("lr",)
    plain, mended = [], []
    for given in candidates({axis: levels[axis] for axis in axes}):
        for kind, logits in zip(
            (plain, mended), _trained(own, place, *parts[0], x, given, **settings), strict=True
        ):
            kind.append(measure(logits, y, sizes))
    return [
        one | {f"mended_{name}": value for name, value in other.items()}
        for one, other in zip(choose(plain), choose(mended), strict=True)
    ]


def _trained(seeds, place, rows, labels, x, given, *, width, epochs, moments, batch_size):
    """Logits at each moment, with the statistics of training and with those taken anew."""
    sizes = (x.shape[2], width, width, 10)
    net = network(sizes, seeds, place, given.get("dropout", 0.0))
    ends = {round(epochs * (k + 1) / moments) for k in range(moments)}
    found = [], []

    def note(epoch, net):
        if epoch + 1 in ends:
            mended = copy.deepcopy(net)
            retake_statistics(mended, rows)
            for kind, judged in zip(found, (net, mended), strict=True):
                kind.append(outputs(judged, x))

    step = {"optimizer": "adamw", "lr": given["lr"], "batch_size": batch_size}
    fit(net, rows, labels, seeds, epochs=epochs, on_epoch=note, **step)
    return tuple(np.stack(kind) for kind in found)
