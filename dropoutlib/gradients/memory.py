"""How many bytes wait between a forward and a backward pass, counted on the real arrays."""

import numpy as np

from ..layers import Layer
from ..masks import PackedMask

__all__ = ["autograd_bytes", "layer_bytes"]


def layer_bytes(layer):
    """Bytes of the arrays that a NumPy layer holds for its backward pass.

    Those of the last `forward`: a mask of one byte a unit, or one bit if the layer is `packed`
    (``thm-mask-memory``), and whatever else the layer needs, as `DropConnect` its input.

    Parameters
    ----------
    layer : dropoutlib.layers.Layer

    Returns
    -------
    int
        0 in evaluation, where there is no mask.

    Raises
    ------
    TypeError
        If `layer` is no layer of `dropoutlib.layers`.
    RuntimeError
        If there was no forward pass.

    Examples
    --------
    >>> from dropoutlib.layers import Dropout
    >>> for packed in (False, True):
    ...     layer = Dropout(0.5, rng=0, packed=packed)
    ...     _ = layer.forward(np.ones((10, 80)))
    ...     print(layer_bytes(layer))
    800
    100
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer_bytes(layer) takes a dropoutlib layer, got {type(layer).__name__}")
    held = layer._last_pass()
    return sum(part.nbytes for part in held if isinstance(part, (np.ndarray, PackedMask)))


def autograd_bytes(run, ignore=()):
    """Bytes of the tensors that torch's autograd saves for backward while `run()` computes.

    Parameters
    ----------
    run : callable
        Takes nothing and builds a graph. Its result is discarded.
    ignore : iterable of torch.Tensor
        Tensors that are in memory anyway, such as parameters and inputs, and do not count.

    Returns
    -------
    int
        Tensors that share their memory count once, with all of it; a tensor that is repeated
        along an axis without a copy counts with what it really takes.

    Raises
    ------
    ImportError
        Without torch.
    TypeError
        If `run` cannot be called.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(100, requires_grad=True)
    >>> autograd_bytes(lambda: x.exp())  # its derivative is its own output
    400
    """
    from torch.autograd.graph import saved_tensors_hooks

    if not callable(run):
        raise TypeError(f"autograd_bytes(run) takes a function, got run={run!r}")
    known = {tensor.untyped_storage().data_ptr() for tensor in ignore}
    saved = {}  # by address

    def pack(tensor):
        storage = tensor.untyped_storage()
        # The storage itself is kept, so that no address is used twice.
        saved[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(saved[address].nbytes() for address in saved.keys() - known)
