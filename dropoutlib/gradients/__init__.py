"""Gradients under dropout: what they are on one mask, on average, how noisy, and what they cost.

The layers of `dropoutlib.layers` have backward passes of their own; here are the closed forms
that those can be held against, and the means over all masks.
"""

from .linear import expected_gradient, gradient_covariance, gradient_variance, linear_backward
from .memory import autograd_bytes, layer_bytes

__all__ = [
    "autograd_bytes",
    "expected_gradient",
    "gradient_covariance",
    "gradient_variance",
    "layer_bytes",
    "linear_backward",
]
