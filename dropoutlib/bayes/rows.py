"""Samples as more rows: the quickest way where each row is known to be treated by itself.

So are sequences of known layers, which torch then runs as they are, and single functions for
which `torch.func.vmap` has no rule.
"""

import numpy as np
import torch
from torch import nn
from torch._C import _functorch as functorch
from torch._functorch import pyfunctorch
from torch.nn.modules import module as of_all

from .. import nn as ours
from .._modules import is_changed
from ..nn._masking import is_beyond
from .streams import Site, Streams
from .trees import tensors

CHUNK_BYTES = 1 << 23  # of what a layer gets: less costs calls, more leaves the caches

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
    nn.BatchNorm1d: (2, 3),
    **dict.fromkeys((nn.Linear, nn.Flatten), (2, 3, 4, 5)),
    **dict.fromkeys((nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU), (2, 3, 4, 5)),
    **dict.fromkeys((nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, *UNITS), (2, 3, 4, 5)),
}


def known_layers(model, x):
    """The layers of a sequence in order, without dropout that is off, or None.

    It is None if not all of them are known to treat the rows of x alike, or if nothing is
    dropped, or all.
    """
    if type(x) is not torch.Tensor or x.layout is not torch.strided or not x.is_floating_point():
        return None
    if of_all._global_forward_hooks or of_all._global_forward_pre_hooks:
        return None
    layers, axes = _parts(model), x.dim()
    for layer in layers:
        if not _is_known(layer, axes):
            return None
        axes = 2 if type(layer) is nn.Flatten else axes
    layers = [layer for layer in layers if type(layer) not in DROPOUT or layer.p]
    return layers if x.numel() and any(type(layer) in DROPOUT for layer in layers) else None


def _parts(module):
    """The layers of a sequence and of those in it; what is no plain one is a layer by itself."""
    forward = getattr(type(module), "forward", None)  # a scripted class has none
    if forward is not nn.Sequential.forward or is_changed(module):
        return [module]
    return [layer for part in module for layer in _parts(part)]


def _is_known(layer, axes):
    """Whether a layer is of a known type, exactly, and treats rows alike if a batch has `axes`."""
    kind = type(layer)
    if axes not in AXES.get(kind, ()) or is_changed(layer):
        return False
    if getattr(layer, "return_indices", False):  # beside the values
        return False
    if kind in DROPOUT:
        return layer.p == 0 or (type(layer.p) is float and 0 < layer.p < 1)
    if kind in NORMS:
        return layer.running_mean is not None  # or it normalizes by the batch it gets
    return kind is not nn.Flatten or (layer.start_dim, layer.end_dim) == (1, -1)


def sample_rows(layers, x, entropy, total, shared, advance):
    """The samples, shape (T, N, ...), of an x of shape (N, ...), with `total` for T.

    The layers are those of `known_layers`; `shared` are masks of one for all rows of a sample;
    and `advance` is told the number of samples that are done.
    """
    rows, noise, done = len(x), Streams(entropy, total), 0
    first = next(i for i, layer in enumerate(layers) if type(layer) in DROPOUT)

    def later(position, h, count):
        """The next `count` samples, of which h has the inputs of a layer, behind each other."""
        nonlocal done
        for number, layer in enumerate(layers[position:], position):
            once = len(h) < count * rows  # at the first dropout: one copy for all
            if count > 1 and h.nbytes * (count if once else 1) > CHUNK_BYTES:
                counts = count // 2, count - count // 2
                parts = (h, h) if once else h.split([part * rows for part in counts])
                return torch.cat([later(number, *part) for part in zip(parts, counts, strict=True)])
            h = drop(number, h, count) if type(layer) in DROPOUT else _evaluated(layer, h)
        done += count
        advance(done)
        return h

    def drop(number, h, count):
        """Rows of all samples behind dropout, of which h may hold one copy for all."""
        layer, h = layers[number], h.unflatten(0, (-1, rows))
        shape = h.shape[2:] if type(layer) in UNITS else (h.shape[2], 1, 1)
        site = Site("keep", (1 if shared else rows, *shape), layer.p)
        keep, scale = noise.at(number, site).take(count), 1 / (1 - layer.p)
        own = number > first  # nobody else has it
        plain = h.device.type == "cpu" and h.dtype in (torch.float32, torch.float64)
        if plain and h.shape[1:] == keep.shape[1:]:  # NumPy is quicker with masks of bytes
            values = h.numpy()
            if not own:
                values = values * values.dtype.type(scale)
                return torch.from_numpy(np.multiply(values, keep)).flatten(0, 1)
            np.multiply(values, keep, out=values)
            return h.mul_(scale).flatten(0, 1)
        wide = torch.float32 if is_beyond(h, scale) else h.dtype
        mask = torch.from_numpy(keep).to(h.device, wide).mul_(scale)
        return (h.mul_(mask) if own else (h * mask).to(h.dtype)).flatten(0, 1)

    h = x.detach().clone()  # layers may work in place
    for layer in layers[:first]:
        h = _evaluated(layer, h)
    samples = later(first, h, total)
    later = None  # or it would hold itself, and the noise, until cycles are collected
    return samples.reshape(total, rows, *samples.shape[1:])


def _evaluated(layer, h):
    """Output of a layer that is no dropout, in evaluation mode whatever its own is."""
    if type(layer) is nn.ReLU:
        return torch.relu_(h)  # nobody else has it
    if type(layer) not in NORMS:
        return layer(h)  # no other looks at its mode
    state = layer.running_mean, layer.running_var, layer.weight, layer.bias
    return nn.functional.batch_norm(h, *state, training=False, eps=layer.eps)


def is_batched(given):
    """Whether one of these is a tensor of many passes at once."""
    return any(map(functorch.is_batchedtensor, tensors(given)))


def more_rows(run, axes, *given):
    """What a function for which vmap has no rule, and to which rows are rows, makes of tensors.

    `run` takes and returns a tuple of tensors; `axes` has the axis of rows of each, the same for
    those that go in and that come out. The passes that vmap runs at once are more rows to it.
    """
    if not is_batched(given):
        return run(*given)
    vmapped = pyfunctorch.retrieve_current_functorch_interpreter()
    samples, level = vmapped.batch_size(), vmapped.level()
    folded = [
        functorch._remove_batch_dim(tensor, level, samples, axis).flatten(axis, axis + 1)
        for tensor, axis in zip(given, axes, strict=True)
    ]
    with pyfunctorch.temporarily_pop_interpreter_stack():
        output = more_rows(run, axes, *folded)
    return tuple(
        functorch._add_batch_dim(part.unflatten(axis, (samples, -1)), axis, level)
        for part, axis in zip(output, axes, strict=False)
    )


def linear(input, weight, bias=None):
    """A linear map, of many passes in the one operation for which vmap takes two."""
    if input.dim() < 2 or is_batched((weight, bias)):
        return nn.functional.linear(input, weight, bias)
    return more_rows(lambda rows: (nn.functional.linear(rows, weight, bias),), (0,), input)[0]


def pooled(input, output_size):
    """Maps pooled to a size; to size 1 vmap loops, and warns that it does, if channels are last."""
    plain = nn.functional.adaptive_avg_pool2d
    if input.dim() < 4:
        return plain(input, output_size)
    return more_rows(lambda rows: (plain(rows, output_size),), (0,), input)[0]


def packed(input, *given):
    """A packed sequence; of many passes torch makes none, which it would say in a warning."""
    if is_batched(input):
        raise NotImplementedError("rows of different lengths, of many passes")
    return torch._pack_padded_sequence(input, *given)


def _instead(own):
    """Handler that calls another function than torch's."""
    return lambda run, func, *args, **kwargs: run.call(own, args, kwargs)


INSTEAD = {
    nn.functional.linear: _instead(linear),
    nn.functional.adaptive_avg_pool2d: _instead(pooled),
    torch._pack_padded_sequence: _instead(packed),
}
