"""Put this library's layers into a model in place of torch's, and back."""

from __future__ import annotations

import warnings
from typing import TypeVar

from torch import nn

from . import modules
from .finding import find

Model = TypeVar("Model", bound=nn.Module)

NAMES = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")


def replace(model: Model, *, back: bool = False) -> Model:
    """Replace torch's dropout layers by those of this library, in place; or, asked for, back.

    Each layer stays the object that it is, with its mode, p, hooks and places in the model, and
    gets the class of the other library: so nothing that refers to it has to be told. Only layers
    of exactly these classes are replaced; what torch does not have, and what has a generator of
    its own, does not go back. It returns the model itself; what is no Module is a TypeError.
    A UserWarning names what drops and stays as it is, such as ``nn.MultiheadAttention`` and
    ``nn.LSTM``, which drop by themselves.

    Examples
    --------
    >>> model = replace(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2)))
    >>> isinstance(model[1], modules.Dropout)
    True
    >>> type(replace(model, back=True)[1]) is nn.Dropout
    True
    """
    pairs = {getattr(nn, name): getattr(modules, name) for name in NAMES}
    pairs = {ours: theirs for theirs, ours in pairs.items()} if back else pairs
    left = []
    for found in find(model):
        layer, own = found.module, vars(found.module)
        if type(layer) in pairs and own.get("generator") is None and "forward" not in own:
            own["generator"] = None  # before the class, which may be called by another thread
            layer.__class__ = pairs[type(layer)]
            if back:
                del own["generator"]
        ours = type(layer).__module__.startswith("dropoutlib.")
        if found.p != 0 and (found.reach != "call" or ours == back):
            left.append(found)
    if left:
        named = "; ".join(map(str, left[:5])) + ("; ..." if len(left) > 5 else "")
        warnings.warn(f"{len(left)} that drop stay as they are: {named}", stacklevel=2)
    return model
