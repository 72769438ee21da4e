"""Dropout as noise: its moments, the penalties it amounts to, and how it moves the iterates.

Everything is in closed form or a mean over all masks, in float64 NumPy.
"""

from .descent import IterateMoments, dropout_descent, iterate_moments, stationary_moments
from .minimisers import dropout_ridge, equalized_factorization
from .moments import NoiseMoments, noise_moments, noise_variance
from .penalties import (
    FAMILIES,
    exact_glm_penalty,
    glm_penalty,
    linear_penalty,
    path_norm_penalty,
    second_order_penalty,
)

__all__ = [
    "FAMILIES",
    "IterateMoments",
    "NoiseMoments",
    "dropout_descent",
    "dropout_ridge",
    "equalized_factorization",
    "exact_glm_penalty",
    "glm_penalty",
    "iterate_moments",
    "linear_penalty",
    "noise_moments",
    "noise_variance",
    "path_norm_penalty",
    "second_order_penalty",
    "stationary_moments",
]
