"""Samples as more rows: for sequences of layers that are known to treat each row by itself.

It is the quickest way, as torch runs its layers as they are.
"""

import numpy as np
import torch
from torch import nn

from .. import nn as ours
from .streams import Site, Stream

__all__ = ["known_layers", "sample_rows"]

CHUNK_BYTES = 1 << 22  # of what a layer gets: about what the cache of a core holds

UNITS = (nn.Dropout, ours.Dropout)
CHANNELS = (nn.Dropout2d, ours.Dropout2d)
DROPOUT = UNITS + CHANNELS
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
# Number of axes of a batch: a layer that gets another number takes the rows for something else.
AXES: dict[type[nn.Module], tuple[int, ...]] = {
    **dict.fromkeys((nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d), (3,)),
    **dict.fromkeys((nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d), (4,)),
    **dict.fromkeys((nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d), (5,)),
    **dict.fromkeys((nn.BatchNorm2d, *CHANNELS), (4,)),
    **dict.fromkeys((nn.BatchNorm1d, nn.Linear, nn.Flatten), (2, 3, 4, 5)),
    **dict.fromkeys((nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU), (2, 3, 4, 5)),
    **dict.fromkeys((nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, *UNITS), (2, 3, 4, 5)),
}
NUMPY = (torch.float32, torch.float64)


def known_layers(model, x):
    """The layers of a sequence in order, without dropout that is off, or None.

    It is None if not all of them are known to treat the rows of x alike, or if nothing is
    dropped, or all.
    """
    layers = _layers(model)
    if layers is None or type(x) is not torch.Tensor or x.layout is not torch.strided:
        return None
    axes = x.dim()
    for layer in layers:
        if axes not in AXES[type(layer)]:
            return None
        if isinstance(layer, DROPOUT) and not (type(layer.p) is float and 0 < layer.p < 1):
            return None
        axes = 2 if type(layer) is nn.Flatten else axes
    drops = any(isinstance(layer, DROPOUT) for layer in layers)
    return layers if drops and x.is_floating_point() and x.numel() else None


def sample_rows(layers, x, entropy, total, shared, advance):
    """The samples, shape (T, N, ...), of a sequence of known layers.

    Parameters
    ----------
    layers : list of Module
        As `known_layers` finds them.
    x : Tensor, shape (N, ...)
        The input.
    entropy : int
        Seed of all noise.
    total : int
        Number T of samples.
    shared : bool
        Whether a sample has one mask for all rows.
    advance : callable
        Told the number of samples that are done.
    """
    rows, streams, done = len(x), {}, 0

    def later(position, h, count):
        """The next `count` samples, of which h has the inputs of a layer, behind each other."""
        nonlocal done
        for number, layer in enumerate(layers[position:], position):
            shared_input = len(h) < count * rows  # at the first dropout: one copy for all
            size = h.nbytes * (count if shared_input else 1)
            if count > 1 and size > CHUNK_BYTES:
                counts = count // 2, count - count // 2
                parts = (h, h) if shared_input else h.split([part * rows for part in counts])
                return torch.cat([later(number, *part) for part in zip(parts, counts, strict=True)])
            if isinstance(layer, DROPOUT):
                h = drop(number, layer, h, count)
            elif type(layer) is nn.ReLU:
                h = torch.relu_(h)  # nobody else has it
            else:
                h = _evaluated(layer, h)
        done += count
        advance(done)
        return h

    def drop(number, layer, h, count):
        """Rows of all samples behind dropout."""
        h = h.unflatten(0, (-1, rows))
        if number not in streams:
            shape = h.shape[2:] if isinstance(layer, UNITS) else (h.shape[2], 1, 1)
            site = Site("keep", (1 if shared else rows, *shape), layer.p)
            streams[number] = Stream(site, entropy, len(streams), total)
        keep = streams[number].take(count)
        return _masked(h, keep, 1 / (1 - layer.p), in_place=number > first).flatten(0, 1)

    first = next(i for i, layer in enumerate(layers) if isinstance(layer, DROPOUT))
    h = x.detach().clone()  # layers may work in place
    for layer in layers[:first]:
        h = _evaluated(layer, h)
    samples = later(first, h, total)
    return samples.reshape(total, rows, *samples.shape[1:])


def _evaluated(layer, h):
    """Output of a layer that is no dropout, in evaluation mode whatever its own is."""
    if type(layer) not in NORMS:
        return layer(h)  # no other looks at its mode
    state = layer.running_mean, layer.running_var, layer.weight, layer.bias
    return nn.functional.batch_norm(h, *state, training=False, eps=layer.eps)


def _masked(h, keep, scale, in_place):
    """Product of h and masks, of which h may hold one copy for all."""
    if h.device.type == "cpu" and h.dtype in NUMPY and h.shape[1:] == keep.shape[1:]:
        values = h.numpy()  # NumPy is quicker with masks of bytes
        if in_place:
            np.multiply(values, keep, out=values)
            return h.mul_(scale)
        return torch.from_numpy(np.multiply(values * values.dtype.type(scale), keep))
    mask = torch.from_numpy(keep).to(h.device, h.dtype).mul_(scale)
    return h.mul_(mask) if in_place else h * mask


def _layers(model):
    """The layers of a sequence of known ones, or None.

    A layer is known by its exact type; with a hook, or compiled, it may do anything.
    """
    if model._forward_hooks or model._forward_pre_hooks or model._compiled_call_impl:
        return None
    if "forward" in vars(model):
        return None
    if isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward:
        layers = []
        for module in model:
            inner = _layers(module)
            if inner is None:
                return None
            layers += inner
        return layers
    if type(model) not in AXES:
        return None
    if type(model) is nn.Flatten and (model.start_dim, model.end_dim) != (1, -1):
        return None
    if type(model) in NORMS and model.running_mean is None:  # it normalizes by the batch it gets
        return None
    return [] if isinstance(model, DROPOUT) and model.p == 0 else [model]
