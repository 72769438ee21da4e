"""Dropout as PyTorch modules, in PyTorch's conventions and in place of its own.

The modules subclass PyTorch's base class of dropout layers, so that whatever looks for those
finds them; the functions are `dropoutlib.nn.functional`.
"""

from . import functional
from .modules import (
    AlphaDropout,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    FeatureAlphaDropout,
    GaussianDropout,
    StandardDropout,
)

__all__ = [
    "AlphaDropout",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "StandardDropout",
    "functional",
]
