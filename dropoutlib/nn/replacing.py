"""Put this library's layers into a model in place of torch's, and back."""

import warnings

from torch import nn

from . import modules
from .finding import Found, find

__all__ = ["replace"]

NAMES = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")


def replace(model: nn.Module, *, back: bool = False) -> list[Found]:
    """Replace torch's dropout layers by those of this library, in place.

    Each layer stays the object that it is, with its mode, p, hooks and places in the model, and
    gets the class of the other library: so nothing that refers to it has to be told.

    Parameters
    ----------
    model : Module
        The model; its layers of exactly torch's classes, not of subclasses, are replaced.
    back : bool
        Whether to replace this library's layers by torch's instead. Layers that torch does not
        have, and those with a generator of their own, are left.

    Returns
    -------
    list of Found
        What was replaced.

    Raises
    ------
    TypeError
        If `model` is not a Module.

    Warns
    -----
    UserWarning
        If something drops that stays as it is, such as in ``nn.MultiheadAttention`` and
        ``nn.LSTM``, which drop by themselves; it is named.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2))
    >>> [found.name for found in replace(model)]
    ['1']
    >>> type(model[1]).__module__
    'dropoutlib.nn.modules'
    >>> _ = replace(model, back=True)
    >>> type(model[1]) is nn.Dropout
    True
    """
    pairs = {getattr(nn, name): getattr(modules, name) for name in NAMES}
    pairs = {ours: theirs for theirs, ours in pairs.items()} if back else pairs
    done, left = [], []
    for found in find(model):
        layer, own = found.module, vars(found.module)
        if type(layer) in pairs and own.get("generator") is None and "forward" not in own:
            layer.__class__ = pairs[type(layer)]
            own.pop("generator", None)
            if not back:
                layer.generator = None
            done.append(found)
        ours = type(layer).__module__.startswith("dropoutlib.")
        if found.p != 0 and (found.reach != "call" or ours == back):
            left.append(found)
    if left:
        named = "; ".join(map(str, left[:5])) + ("; ..." if len(left) > 5 else "")
        warnings.warn(f"{len(left)} that drop stay as they are: {named}", stacklevel=2)
    return done
