"""Dropout as functions of tensors. All are on by default: pass ``training=module.training``.

That one rule holds for all of them; in PyTorch ``alpha_dropout`` and ``feature_alpha_dropout``
are off by default, the others on.
"""

from .alpha import alpha_dropout, feature_alpha_dropout
from .block import drop_block2d
from .channel import dropout1d, dropout2d, dropout3d
from .concrete import concrete_dropout
from .linear import dropconnect_linear
from .path import drop_path
from .sequence import variational_dropout
from .unit import dropout, gaussian_dropout, standard_dropout

__all__ = [
    "alpha_dropout",
    "concrete_dropout",
    "drop_block2d",
    "drop_path",
    "dropconnect_linear",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "standard_dropout",
    "variational_dropout",
]
