"""Mean and variance of activations through many SELU layers, with three kinds of dropout."""

import numpy as np
from scipy.integrate import quad

from dropoutlib.layers import AlphaDropout, Dropout

from ..networks import stream
from ..registry import experiment

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
ARMS = {"none": lambda p, rng: None, "alpha": AlphaDropout, "plain": Dropout}


def selu(x):
    """Scaled exponential linear unit (Klambauer et al. 2017, equation 2)."""
    return SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0)))


@experiment(
    "R14",
    title="SELU layers: alpha dropout keeps mean 0 and variance 1, plain dropout does not",
    arms=ARMS,
    seeds=range(10),
    pilot_seeds=range(1000, 1003),
    settings={"depth": 32, "width": 512, "rows": 1000, "p": 0.1},
    small={"rows": 200, "width": 256},
    small_seeds=range(3),
    tolerance=1e-6,
)
def alpha_depth(seed, arm, *, depth, width, rows, p):
    """Send normal rows through layers whose weights are N(0, 1/width); float64, no training.

    Parameters
    ----------
    seed : int
    arm : {"none", "alpha", "plain"}
        Which dropout follows each SELU.
    depth, width, rows : int
        Layers, units in each, and rows of the input.
    p : float
        Probability of dropping.

    Returns
    -------
    dict
        ``means`` and ``variances`` over rows and units behind each layer, and the last of them,
        ``mean`` and ``variance``.
    """
    weights = stream(seed, "weights")
    x = stream(seed, "rows").standard_normal((rows, width))
    dropout = ARMS[arm](p, rng=stream(seed, "masks"))
    means, variances = [], []
    for _ in range(depth):
        x = selu(x @ weights.standard_normal((width, width)) / np.sqrt(width))
        if dropout is not None:
            x = dropout.forward(x)
        means.append(float(x.mean()))
        variances.append(float(x.var()))
    return {"mean": means[-1], "variance": variances[-1], "means": means, "variances": variances}


def infinite_width(arm, depth, p):
    """Means and variances behind each layer in the limit of infinite width, by quadrature.

    There the inputs of a layer are normal with mean 0 and a variance that is the second moment
    of what comes in (the weights have mean 0).

    Parameters
    ----------
    arm : {"none", "alpha", "plain"}
    depth : int
    p : float

    Returns
    -------
    means, variances : ndarray, shape (depth,)
    """
    second, q, found = 1.0, 1 - p, []
    for _ in range(depth):
        mean, square = (_moment(power, second) for power in (1, 2))
        if arm == "plain":
            square /= q
        elif arm == "alpha":  # mask, then a z + b with the values at mean 0 and variance 1
            floor = -SCALE * ALPHA
            a = (q * (1 + p * floor**2)) ** -0.5
            b = -a * p * floor
            masked, masked_square = q * mean + p * floor, q * square + p * floor**2
            mean, square = a * masked + b, a**2 * masked_square + 2 * a * b * masked + b**2
        found.append((mean, square - mean**2))
        second = square
    return tuple(np.array(found).T)


def _moment(power, variance):
    """E[selu(u)^power] for normal u of mean 0; each side of the kink by itself."""

    def integrand(z):
        return selu(np.sqrt(variance) * z) ** power * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    return sum(quad(integrand, *side)[0] for side in ((-12, 0), (0, 12)))
