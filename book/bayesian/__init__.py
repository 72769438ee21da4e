"""What the chapter on Bayesian dropout computes: weight decay as a prior, and exact posteriors."""

from .posterior import LinearPosterior, linear_posterior
from .prior import gal_kl, kl_overlap, kl_overlap_bound, model_precision, model_weight_decay

__all__ = [
    "LinearPosterior",
    "gal_kl",
    "kl_overlap",
    "kl_overlap_bound",
    "linear_posterior",
    "model_precision",
    "model_weight_decay",
]
