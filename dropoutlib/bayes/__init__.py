"""Monte Carlo dropout: predictions of T random subnetworks, and what their spread says."""

from .uncertainty import (
    VarianceSplit,
    decompose_variance,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    variation_ratio,
)

__all__ = [
    "VarianceSplit",
    "decompose_variance",
    "expected_entropy",
    "mutual_information",
    "predictive_entropy",
    "variation_ratio",
]
