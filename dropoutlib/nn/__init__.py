"""Dropout as PyTorch modules, in PyTorch's conventions and in place of its own.

The modules subclass PyTorch's base class of dropout layers, so that whatever looks for those
finds them; the functions are `dropoutlib.nn.functional`.
"""

from . import functional
from .modules import Dropout, StandardDropout

__all__ = ["Dropout", "StandardDropout", "functional"]
