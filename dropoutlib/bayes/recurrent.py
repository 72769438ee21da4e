"""Stacked recurrent layers one by one, so that the dropout between them can be controlled."""

import torch
import torch.nn.functional as F

__all__ = ["recurrent"]


def recurrent(run, func, data, *args):
    """Handler of ``torch.lstm`` and its like: the layers one at a time, with dropout between.

    The arguments are those of the function for padded sequences, ``(data, hx, params, ...)``,
    or for packed ones, ``(data, batch_sizes, hx, params, ...)``.
    """
    sizes = args[:1] if isinstance(args[2], (list, tuple)) else ()
    hx, params, biases, layers, dropout, training, bidirectional, *layout = args[len(sizes) :]
    run.check(func, dropout if layers > 1 else 0, training)
    if not training or dropout == 0 or layers == 1:
        return NotImplemented
    directions = 2 if bidirectional else 1
    each = len(params) // layers
    final = []
    for layer in range(layers):
        if layer:
            data = F.dropout(data, dropout)
        own = slice(layer * directions, (layer + 1) * directions)
        state = tuple(h[own] for h in hx) if isinstance(hx, tuple) else hx[own]
        weights = params[layer * each : (layer + 1) * each]
        data, *last = func(
            data, *sizes, state, weights, biases, 1, 0.0, False, bidirectional, *layout
        )
        final.append(last)
    return (data, *(torch.cat(states) for states in zip(*final, strict=True)))
