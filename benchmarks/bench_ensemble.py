"""Exact ensembles of a net with one hidden layer: halves of the mask against whole masks.

Run as ``python benchmarks/bench_ensemble.py``, on one thread.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from timing import compare, table

from book.ensemble import OneHiddenLayer, arithmetic_mean
from dropoutlib.masks import enumerate_masks, mask_weights

__all__ = ["rows"]

HIDDEN, OUTPUTS, P = 64, 10, 0.3
LARGE, SMALL = 20, 12  # inputs; one subnetwork at a time takes too long for 2^20 of them


def rows(rounds=9):
    """Compare the ways to average over all subnetworks.

    Returns
    -------
    list of timing.Row
        For 2^12 subnetworks against one after the other, for 2^20 against chunks of whole masks.
    """
    small, large = _net(SMALL), _net(LARGE)
    return compare(
        f"2^{SMALL} subnetworks, {HIDDEN} hidden",
        ("one at a time", lambda: _one_at_a_time(small)),
        {
            "chunks of masks": lambda: arithmetic_mean(lambda masks: small(masks), SMALL, P),
            "halves of the mask": lambda: arithmetic_mean(small, SMALL, P),
        },
        rounds=rounds,
    ) + compare(
        f"2^{LARGE} subnetworks, {HIDDEN} hidden",
        ("chunks of masks", lambda: arithmetic_mean(lambda masks: large(masks), LARGE, P)),
        {"halves of the mask": lambda: arithmetic_mean(large, LARGE, P)},
        rounds=rounds,
    )


def _net(inputs):
    rng = np.random.default_rng(0)
    shapes = (inputs,), (HIDDEN, inputs), (HIDDEN,), (OUTPUTS, HIDDEN), (OUTPUTS,)
    return OneHiddenLayer(*(rng.standard_normal(shape) for shape in shapes))


def _one_at_a_time(net):
    masks = enumerate_masks(SMALL)
    weights = mask_weights(masks, P)
    return sum(weight * net(mask[None])[0] for weight, mask in zip(weights, masks, strict=True))


if __name__ == "__main__":
    print(table(rows()))
