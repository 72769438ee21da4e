"""Answers to the exercises of the chapter Predictions."""

import numpy as np

from .registry import equal, exercise


@exercise("ex-predictions-threshold", "the two diagonal entries of the product")
def threshold(answer):
    """Ask whether any diagonal product nearby, or far off, costs less."""
    best = np.asarray(answer, dtype=float)

    def cost(first, second):  # p / (q r) = 1/2
        return (3 - first) ** 2 + (1 - second) ** 2 + 0.5 * (first + second) ** 2

    grid = np.meshgrid(np.linspace(0, 3, 301), np.linspace(0, 3, 301))
    return equal(max(cost(*best) - cost(*grid).min(), 0.0) + float(best.min() < 0), 0.0, 1e-9)


@exercise("ex-predictions-calibrated", "two numbers: the calibration error and the AUROC")
def calibrated(answer):
    """Count on a set of 100 images of three classes."""
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    confidence, accuracy = 0.5, np.mean(labels == 0)
    ties = 0.5  # equal entropies: a coin decides which of two images is the stranger
    return equal(answer, [abs(confidence - accuracy), ties], 1e-9)


@exercise("ex-predictions-temperature", "a number: the temperature")
def temperature(answer):
    """Compare the variance of the relaxed mask, by quadrature, with 0.99 p q."""
    p, t = 0.2, float(answer)
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    logits = (np.log(p / (1 - p)) + np.log(u / (1 - u))) / t
    z = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    return equal(z.var() / (p * (1 - p)), 0.99, 2e-4)
