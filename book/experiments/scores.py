"""What a prediction with its uncertainty is worth: proper scores, and what doubt is used for.

Lower is better for all of them, those of `classified` and `regressed` too.
"""

import numpy as np
from scipy import stats

__all__ = ["classified", "crps", "missed", "mixture_log_loss", "regressed", "risk_coverage"]

BINS = 15
SQRT_2_PI = np.sqrt(2 * np.pi)
TAIL = 0.05  # on each side of an interval of 90 %


def risk_coverage(confidence, wrong):
    """Mean error rate of the k most confident rows, over all k: the area under risk and coverage.

    Parameters
    ----------
    confidence : ndarray, shape (N,)
    wrong : ndarray of bool, shape (N,)

    Returns
    -------
    float
    """
    order = np.argsort(-confidence, kind="stable")
    return float(np.mean(np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1)))


def calibration_error(probs, labels, bins=BINS):
    """Expected calibration error: mean over rows of ``|accuracy - confidence|`` of their bin.

    Bins of equal width over the confidence, the probability of the predicted class (Guo, Pleiss,
    Sun and Weinberger 2017, equation 3).

    Parameters
    ----------
    probs : ndarray, shape (N, C)
    labels : ndarray of int, shape (N,)
    bins : int

    Returns
    -------
    float
    """
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def auroc(inside, outside):
    """Probability that a row from outside scores higher than one from inside, ties by half."""
    u = stats.mannwhitneyu(outside, inside).statistic
    return float(u / (len(inside) * len(outside)))


def classified(logits, labels):
    """Judge the predictions of one network, or of one average, on labelled rows.

    Parameters
    ----------
    logits : ndarray, shape (N, C)
        Unnormalised logarithms of probabilities.
    labels : ndarray of int, shape (N,)

    Returns
    -------
    dict
        ``error``; ``nll``, the log loss in nats; ``brier``, the sum over classes of squared
        differences (Brier 1950); ``ece``, the calibration error in 15 bins; ``aurc``, the area
        under risk and coverage with the largest probability as confidence.
    """
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    probs = np.exp(logs)
    wrong = probs.argmax(axis=1) != labels
    return {
        "error": float(wrong.mean()),
        "nll": float(-logs[np.arange(len(labels)), labels].mean()),
        "brier": float(((probs - np.eye(probs.shape[1])[labels]) ** 2).sum(axis=1).mean()),
        "ece": calibration_error(probs, labels),
        "aurc": risk_coverage(probs.max(axis=1), wrong),
    }


def missed(inside, outside):
    """How often a stranger seems more familiar than a known row: one minus the area under ROC."""
    return 1 - auroc(inside, outside)


def mixture_log_loss(centers, targets, noise):
    """Mean of ``-ln`` of the density of each target under a mixture of Gaussians.

    Parameters
    ----------
    centers : ndarray, shape (K, N)
        Of the K components of each row.
    targets : ndarray, shape (N,)
    noise : float
        Standard deviation of each component.

    Returns
    -------
    float
    """
    logs = -0.5 * ((targets - centers) / noise) ** 2
    density = np.logaddexp.reduce(logs, axis=0) - np.log(len(centers) * noise * SQRT_2_PI)
    return float(-density.mean())


def crps(centers, targets, noise):
    """Mean continuous ranked probability score of a mixture of Gaussians, as `mixture_log_loss`.

    It is ``E|X - y| - E|X - X'|/2`` for independent X and X' of the mixture (Gneiting and
    Raftery 2007), whose terms are means of absolute values of Gaussian variables.
    """

    def absolute(center, sd):
        z = center / sd
        return 2 * sd * stats.norm.pdf(z) + center * (2 * stats.norm.cdf(z) - 1)

    apart = np.mean([absolute(centers - row, np.sqrt(2) * noise).mean() for row in centers])
    return float(absolute(centers - targets, noise).mean() - apart / 2)


def regressed(centers, targets, noise):
    """Judge mixtures of Gaussians on rows with targets; parameters as for `mixture_log_loss`.

    Returns
    -------
    dict
        ``rmse`` of the mean, ``nll`` in nats, ``crps`` in the unit of the target, and
        ``coverage``, the share of targets in the central interval of 90 %.
    """
    below = stats.norm.cdf(targets, centers, noise).mean(axis=0)
    return {
        "rmse": float(np.sqrt(np.mean((centers.mean(axis=0) - targets) ** 2))),
        "nll": mixture_log_loss(centers, targets, noise),
        "crps": crps(centers, targets, noise),
        "coverage": float(np.mean((below >= TAIL) & (below <= 1 - TAIL))),
    }
