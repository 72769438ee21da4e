"""Dropout as noise: its moments, the penalties it amounts to, and how it moves the iterates.

Everything is in closed form or a mean over all masks, in float64 NumPy.
"""

from . import glm
from .descent import IterateMoments, dropout_descent, iterate_moments, stationary_moments
from .factorization import equalized_factorization, path_norm_penalty
from .glm import exact_glm_penalty, glm_penalty
from .linear import dropout_ridge, linear_penalty, second_order_penalty
from .moments import NoiseMoments, noise_moments, noise_variance

#: The families that `glm_penalty` knows by name, each a pair of functions: the log-partition
#: function A and its second derivative.
FAMILIES = glm.FAMILIES

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
