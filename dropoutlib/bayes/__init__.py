"""Monte Carlo dropout: predictions of T random subnetworks, and what their spread says."""

import importlib
from typing import TYPE_CHECKING, Any

from .uncertainty import (
    VarianceSplit,
    decompose_variance,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    predictive_log_likelihood,
    variation_ratio,
)

if TYPE_CHECKING:
    from .closed_form import Moments, analytic
    from .predictors import MCDropoutModel, MCDropoutPredictor, Prediction
    from .sampling import mc_samples

# What needs torch is imported when it is first asked for: the measures work without it.
_WITH_TORCH = {
    **dict.fromkeys(("MCDropoutModel", "MCDropoutPredictor", "Prediction"), ".predictors"),
    **dict.fromkeys(("Moments", "analytic"), ".closed_form"),
    "mc_samples": ".sampling",
}

__all__ = [
    "MCDropoutModel",
    "MCDropoutPredictor",
    "Moments",
    "Prediction",
    "VarianceSplit",
    "analytic",
    "decompose_variance",
    "expected_entropy",
    "mc_samples",
    "mutual_information",
    "predictive_entropy",
    "predictive_log_likelihood",
    "variation_ratio",
]


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dropoutlib import _torch  # noqa: F401 (says what is missing, where PyTorch is)

    return getattr(importlib.import_module(_WITH_TORCH[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
