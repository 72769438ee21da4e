"""The ensemble of all 2^n subnetworks: exact averages, weight scaling and what parts them.

A subnetwork is given by its mask, and what is averaged is any function of the mask; nothing is
drawn, so there is no sampling error. `dropcheck.expectation` averages over up to 26 units and
bounds the rounding error.
"""

from .averages import Ambiguity, ambiguity, arithmetic_mean, geometric_mean, variance
from .scaling import relu_gap, sigmoid_gap_bound, weight_scaled
from .subnetworks import OneHiddenLayer, iterate_masks, iterate_subset_sums, subset_sums

__all__ = [
    "Ambiguity",
    "OneHiddenLayer",
    "ambiguity",
    "arithmetic_mean",
    "geometric_mean",
    "iterate_masks",
    "iterate_subset_sums",
    "relu_gap",
    "sigmoid_gap_bound",
    "subset_sums",
    "variance",
    "weight_scaled",
]
