"""DropBlock's mechanism: what is dropped in blocks is harder to guess from what is left."""

import numpy as np

from dropoutlib.layers import DropBlock2d, dropblock_rate
from dropoutlib.masks import sample_mask

from ..images import parts
from ..networks import stream
from ..registry import experiment

SIDE = 8  # of the digits


@experiment(
    "S4",
    title="DropBlock: dropped pixels guessed linearly from the pixels that are left",
    arms=("unit", "block"),
    seeds=range(10),
    pilot_seeds=range(1000, 1004),
    settings={
        "data": "digits",
        "judged_by": "test",
        "rows": 700,
        "p": 0.3,
        "block": 3,
        "masks": 40,
        "ridge": 0.001,
    },
    pilot={"judged_by": "held out"},
    small={"rows": 200, "masks": 10},
    small_seeds=range(2),
)
def reconstruction(seed, arm, *, data, judged_by, rows, p, block, masks, ridge):
    """Guess dropped pixels by the linear predictor from the kept ones.

    Parameters
    ----------
    seed : int
    arm : {"unit", "block"}
        Whether single pixels or squares are dropped. Both drop the same fraction on average.
    data, judged_by, rows
        As for `images.parts`.
    p, block : float, int
        Arguments of DropBlock, whose exact rate the single pixels are given too.
    masks : int
        How many masks are averaged over.
    ridge : float
        Added to the variance of each pixel.

    Returns
    -------
    dict
        ``dropped``, the fraction of pixels, and ``unexplained``, the squared error over the
        dropped pixels divided by their squared distance from the training mean.
    """
    (x,), _, x_judge, _ = parts(data, rows, [seed], judged_by)
    x, x_judge = x.astype(np.float64), x_judge.astype(np.float64)
    mean = x.mean(axis=0)
    covariance = np.cov(x.T) + ridge * np.eye(x.shape[1])
    rng, error, total, dropped = stream(seed, f"{arm} masks"), 0.0, 0.0, 0
    blocks = DropBlock2d(p, block, rng=rng)
    for _ in range(masks):
        if arm == "block":
            keep = blocks.forward(np.ones((1, 1, SIDE, SIDE))).ravel() != 0
        else:
            keep = sample_mask(SIDE * SIDE, dropblock_rate(p, block, SIDE, SIDE), rng=rng)
        centred = x_judge - mean
        weights = np.linalg.solve(covariance[np.ix_(keep, keep)], covariance[np.ix_(keep, ~keep)])
        error += np.square(centred[:, ~keep] - centred[:, keep] @ weights).sum()
        total += np.square(centred[:, ~keep]).sum()
        dropped += np.count_nonzero(~keep)
    return {"dropped": float(dropped) / (masks * SIDE**2), "unexplained": float(error / total)}
