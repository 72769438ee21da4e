"""Dropout against L2 in logistic regression: sparse words and dense measures."""

import functools

import numpy as np
from scipy import optimize, sparse
from scipy.special import expit

from dropoutlib import data
from dropoutlib.masks import sample_mask
from dropoutlib.noise import noise_variance

from ..networks import stream
from ..registry import experiment

ARMS = ("text", "tumours")
RATES = (0.1, 0.3, 0.5, 0.7, 0.9)
STRENGTHS = tuple(float(s) for s in np.logspace(-1.5, 2.5, 9))
WORDS_A_PASSAGE = 200


@functools.cache
def _text(words):
    """Passages of comedies (0) and tragedies (1): which words occur; and their plays."""
    from sklearn.feature_extraction.text import CountVectorizer

    found = data.load("shakespeare")
    passages, labels, plays = [], [], []
    for play, (text, genre) in enumerate(zip(found.features, found.targets, strict=True)):
        name = found.target_names[genre]
        if name not in ("comedies", "tragedies", "roman"):  # the Roman plays are tragedies
            continue
        tokens = text.split()
        for start in range(0, len(tokens) - WORDS_A_PASSAGE, WORDS_A_PASSAGE):
            passages.append(" ".join(tokens[start : start + WORDS_A_PASSAGE]))
            labels.append(name != "comedies")
            plays.append(play)
    counts = CountVectorizer(min_df=10, max_features=words, binary=True).fit_transform(passages)
    return counts.astype(float).tocsr(), np.array(labels, dtype=float), np.array(plays)


@functools.cache
def _tumours():
    """Standardised measures of tumours; every row is a group of its own."""
    found = data.load("breast_cancer")
    x = (found.features - found.features.mean(axis=0)) / found.features.std(axis=0)
    return sparse.csr_matrix(x), found.targets.astype(float), np.arange(len(x))


def split(groups, labels, rng, share):
    """Rows of a share of the groups of each class, and the other rows."""
    chosen = []
    for label in (0, 1):
        mine = rng.permutation(np.unique(groups[labels == label]))
        chosen.append(mine[: round(share * len(mine))])
    inside = np.isin(groups, np.concatenate(chosen))
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def fitted(x, y, p=0.0, strength=0.0):
    """Weights and intercept that minimise the loss, summed over rows, plus a penalty.

    The penalty is dropout's quadratic one, ``p / (2 q) sum_i A''_i sum_j x_ij^2 b_j^2``
    (``approx-glm``), and ``strength |b|^2 / 2``.

    Parameters
    ----------
    x : scipy.sparse.csr_matrix, shape (N, d)
    y : ndarray of 0 and 1, shape (N,)
    p, strength : float

    Returns
    -------
    ndarray, shape (d + 1,)
        The intercept last; it is neither dropped nor shrunk.
    """
    squares, half = x.multiply(x).tocsr(), noise_variance(p) / 2
    xt, squares_t = x.T.tocsr(), squares.T.tocsr()

    def objective(weights):
        b, intercept = weights[:-1], weights[-1]
        z = x @ b + intercept
        mean = expit(z)
        curvature, size = mean * (1 - mean), squares @ b**2
        value = np.sum(np.logaddexp(0, z) - y * z) + half * curvature @ size
        slope = mean - y + half * curvature * (1 - 2 * mean) * size
        gradient = xt @ slope + 2 * half * b * (squares_t @ curvature) + strength * b
        return value + strength * b @ b / 2, np.append(gradient, slope.sum())

    start = np.zeros(x.shape[1] + 1)
    return optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}
    ).x


def trained(x, y, p, rng, *, steps, lr):
    """Weights by Adam on all rows, each step with a new mask for every entry of `x`."""
    entries, weights = x.copy(), np.zeros(x.shape[1] + 1)
    first, second, tail = np.zeros_like(weights), np.zeros_like(weights), []
    for step in range(1, steps + 1):
        entries.data = x.data * sample_mask(len(x.data), p, rng=rng) / (1 - p)
        slope = (expit(entries @ weights[:-1] + weights[-1]) - y) / len(y)
        gradient = np.append(entries.T @ slope, slope.sum())
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        scaled = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weights = weights - lr * (1 - step / steps) * scaled
        if step > 0.8 * steps:
            tail.append(weights)
    return np.mean(tail, axis=0)


def error(weights, x, y):
    """Error rate."""
    return float(np.mean((x @ weights[:-1] + weights[-1] > 0) != y))


@experiment(
    "R7",
    title="Logistic regression: dropout against L2 on sparse words and on dense measures",
    arms=ARMS,
    seeds=range(20),
    pilot_seeds=range(1000, 1006),
    settings={
        "data": ["shakespeare", "breast_cancer"],
        "words": 2000,
        "train": 0.5,
        "p": 0.5,
        "steps": 500,
        "lr": 0.02,
    },
    small={"data": ["breast_cancer"], "words": 200, "steps": 100},
    small_seeds=range(2),
    tolerance=0.25,
)
def sparse_text(seed, arm, *, data, words, train, p, steps, lr):
    """Choose each penalty's strength on a part of the training groups, train, and test once.

    Parameters
    ----------
    seed : int
    arm : {"text", "tumours"}
        Comedies against tragedies, split by play; malignant against benign, split by row.
    data : list of str
        Sets; without ``"shakespeare"`` the text is replaced by random words, for a quick run.
    words : int
        Vocabulary.
    train : float
        Share of the groups of each class to train on; of these two thirds choose strengths.
    p, steps, lr : float, int, float
        Of the training with masks, whose weights are compared with the penalty's at this `p`.

    Returns
    -------
    dict
        ``error_l2``, ``error_dropout``, with the strengths chosen, ``strength``, ``rate``; and,
        for the weights trained with masks at `p`, their relative distances ``to_penalty``, to
        the minimiser with the quadratic penalty, ``to_plain``, to the one without, and
        ``to_l2``, to the nearest with any L2 strength.
    """
    if arm == "tumours":
        x, y, groups = _tumours()
    elif "shakespeare" in data:
        x, y, groups = _text(words)
    else:
        x, y, groups = _random_words(words)
    inside, outside = split(groups, y, stream(seed, "test"), train)
    part, held_out = split(groups[inside], y[inside], stream(seed, "validation"), 2 / 3)
    part, held_out = inside[part], inside[held_out]

    def losses(options):
        found = [fitted(x[part], y[part], **option) for option in options]
        return [error(weights, x[held_out], y[held_out]) for weights in found]

    # A trace of L2 in both: separable data have no finite minimiser otherwise.
    dropouts = [{"p": rate, "strength": STRENGTHS[0]} for rate in RATES]
    ridges = [{"strength": strength} for strength in STRENGTHS]
    best = [options[int(np.argmin(losses(options)))] for options in (dropouts, ridges)]
    dropout, ridge = (fitted(x[inside], y[inside], **option) for option in best)
    masked = trained(x[inside], y[inside], p, stream(seed, "masks"), steps=steps, lr=lr)
    penalised = fitted(x[inside], y[inside], p=p)
    shrunk = [fitted(x[inside], y[inside], strength=strength) for strength in STRENGTHS]

    def distance(weights):
        one, other = masked[:-1], weights[:-1]
        return float(np.linalg.norm(one - other) / np.linalg.norm(one))

    return {
        "error_l2": error(ridge, x[outside], y[outside]),
        "error_dropout": error(dropout, x[outside], y[outside]),
        "strength": best[1]["strength"],
        "rate": best[0]["p"],
        "to_penalty": distance(penalised),
        "to_l2": min(map(distance, shrunk)),
    }


@functools.cache
def _random_words(words):
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], 60)
    x = rng.random((120, words)) < 0.05 + 0.1 * y[:, None] * (np.arange(words) < 10)
    return sparse.csr_matrix(x.astype(float)), y, np.repeat(np.arange(24), 5)
