"""Dropout layers in NumPy, each with a forward and a backward pass.

They follow the names of PyTorch: `p` is the probability of dropping, `train()` and `eval()`
switch the mode, and in evaluation inverted dropout returns its input itself.
"""

from .base import Layer
from .bernoulli import Dropout, StandardDropout

__all__ = ["Dropout", "Layer", "StandardDropout"]
