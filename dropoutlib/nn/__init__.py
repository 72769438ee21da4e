"""Dropout as PyTorch modules, in PyTorch's conventions and in place of its own.

The modules subclass PyTorch's base class of dropout layers, so that whatever looks for those
finds them. The functions are those of `dropoutlib.nn.functional`; the ones that PyTorch and timm
have as well can be had from here. All take a ``generator`` of their own, which ``torch.compile``
cannot capture: leave it out of what is compiled as a full graph.
"""

from . import functional
from .concrete import ConcreteDropout
from .finding import Found, find
from .functional import (
    alpha_dropout,
    drop_path,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from .linear import DropConnectLinear
from .modules import (
    AlphaDropout,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    FeatureAlphaDropout,
    GaussianDropout,
    StandardDropout,
)
from .rdrop import r_drop_loss
from .replacing import replace
from .structured import DropBlock2d, DropPath, VariationalDropout

__all__ = [
    "AlphaDropout",
    "ConcreteDropout",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "Found",
    "GaussianDropout",
    "StandardDropout",
    "VariationalDropout",
    "alpha_dropout",
    "drop_path",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "find",
    "functional",
    "r_drop_loss",
    "replace",
]
