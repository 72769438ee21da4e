"""Dropout as PyTorch modules, in PyTorch's conventions and in place of its own.

The modules subclass PyTorch's base class of dropout layers, so that whatever looks for those
finds them. The functions are those of `dropoutlib.nn.functional`; the ones that PyTorch and timm
have as well can be had from here. All take a ``generator`` of their own, which ``torch.compile``
cannot capture: leave it out of what is compiled as a full graph.
"""

from dropoutlib import _torch  # noqa: F401 (says what is missing, where PyTorch is)

from . import functional
from .diagnosing import Diagnosis, Finding, diagnose
from .finding import Found, find
from .functional import (
    alpha_dropout,
    drop_path,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
    r_drop_loss,
)
from .modules import (
    AlphaDropout,
    DropBlock2d,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    FeatureAlphaDropout,
    GaussianDropout,
    StandardDropout,
    VariationalDropout,
    replace,
    reseed,
)
from .parametric import ConcreteDropout, DropConnectLinear

__all__ = [
    "AlphaDropout",
    "ConcreteDropout",
    "Diagnosis",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "Finding",
    "Found",
    "GaussianDropout",
    "StandardDropout",
    "VariationalDropout",
    "alpha_dropout",
    "diagnose",
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
    "reseed",
]
