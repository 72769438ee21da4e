"""Dropout layers in NumPy, each with a forward and a backward pass.

They follow the names of PyTorch: `p` is the probability of dropping, `train()` and `eval()`
switch the mode, and in evaluation inverted dropout returns its input itself.
"""

from .alpha import AlphaDropout, FeatureAlphaDropout, alpha_affine
from .base import Layer
from .dropconnect import DropConnect
from .structured import (
    DropBlock2d,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    VariationalDropout,
    block_seed_rate,
    dropblock_rate,
)
from .units import ConcreteDropout, Dropout, GaussianDropout, StandardDropout

__all__ = [
    "AlphaDropout",
    "ConcreteDropout",
    "DropBlock2d",
    "DropConnect",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "Layer",
    "StandardDropout",
    "VariationalDropout",
    "alpha_affine",
    "block_seed_rate",
    "dropblock_rate",
]
