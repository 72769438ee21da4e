"""Masks, dropout layers and Monte Carlo dropout behind the book *Dropout, Verified*.

After ``import dropoutlib`` every room is there by its name, such as `dropoutlib.layers`, and is
imported when it is first asked for. Most need NumPy only; `dropoutlib.nn` and what runs networks
of PyTorch need that.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from dropoutlib.masks import enumerate_masks, mask_weights, sample_mask

if TYPE_CHECKING:  # a checker of types sees at once what a program gets when it asks
    from . import bayes as bayes
    from . import kernels as kernels
    from . import layers as layers
    from . import masks as masks
    from . import models as models
    from . import nn as nn
    from . import schedules as schedules

__all__ = ["enumerate_masks", "mask_weights", "sample_mask"]
__version__ = "0.1.0"

_ROOMS = ("bayes", "kernels", "layers", "masks", "models", "nn", "schedules")


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"dropoutlib.{name}")
    raise AttributeError(f"module 'dropoutlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
