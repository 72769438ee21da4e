"""Samples as more rows: for sequences of layers that treat each row of a batch by itself.

It is the quickest way, as torch runs its layers as they are; but all of them must be known.
"""

import contextlib

import numpy as np
import torch
from torch import nn

from .. import nn as ours
from .active import only_training
from .noise import Noise, Site

__all__ = ["Sequence"]

CHUNK_BYTES = 1 << 22  # of what a layer gets: about what the cache of a core holds

UNITS = (nn.Dropout, ours.Dropout)
CHANNELS = (nn.Dropout2d, ours.Dropout2d)
DROPOUT = UNITS + CHANNELS
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
# Number of axes of a batch: a layer that gets another number takes the rows for something else.
AXES = {
    **dict.fromkeys((nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d), (3,)),
    **dict.fromkeys((nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d), (4,)),
    **dict.fromkeys((nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d), (5,)),
    **dict.fromkeys((nn.BatchNorm2d, *CHANNELS), (4,)),
    **dict.fromkeys((nn.BatchNorm1d, nn.Linear, nn.Flatten), (2, 3, 4, 5)),
    **dict.fromkeys((nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU), (2, 3, 4, 5)),
    **dict.fromkeys((nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, *UNITS), (2, 3, 4, 5)),
}
NUMPY = (torch.float32, torch.float64)


class Sequence:
    """The samples of a prediction by a sequence of known layers.

    Parameters
    ----------
    model : Module
        The network, in any modes: dropout drops, everything else is as in evaluation.
    x : Tensor, shape (N, ...)
        The input.

    Attributes
    ----------
    layers : list of Module, or None
        The layers in order, without dropout that is off; or None, if not all of them are known
        to treat rows alike, or if nothing is dropped, or all.
    """

    def __init__(self, model, x):
        self.model = model
        self.x = x
        self.layers = _layers(model)
        if self.layers is not None and not _suits(self.layers, x):
            self.layers = None

    def sample(self, entropy, total, shared, advance):
        """The samples, shape (T, N, ...).

        Parameters
        ----------
        entropy : int
            Seed of all noise.
        total : int
            Number T of samples.
        shared : bool
            Whether a sample has one mask for all rows.
        advance : callable
            Told the number of samples that are done.
        """
        self.noise = Noise(entropy, total)
        self.rows = len(self.x)
        self.mask_rows = 1 if shared else self.rows
        self.advance, self.done = advance, 0
        first = next(i for i, layer in enumerate(self.layers) if isinstance(layer, DROPOUT))
        with torch.inference_mode(False), torch.no_grad(), self._evaluating():
            h = self.x.detach().clone()  # layers may work in place
            for layer in self.layers[:first]:
                h = layer(h)
            samples = self._first(first, h, total)
        return samples.reshape(total, self.rows, *samples.shape[1:])

    def _evaluating(self):
        """Context in which normalization takes its running statistics."""
        # No other layer looks at its mode here, and to set them all takes a while.
        if any(type(layer) in NORMS and layer.training for layer in self.layers):
            return only_training(self.model)
        return contextlib.nullcontext()

    def _first(self, position, h, count):
        """The next `count` samples behind the first dropout, to which h is the input of all."""
        if count > 1 and count * h.nbytes > CHUNK_BYTES:
            return torch.cat([self._first(position, h, part) for part in _halves(count)])
        h = self._drop(position, h.unsqueeze(0), count)
        return self._later(position + 1, h, count)

    def _later(self, start, h, count):
        """The next `count` samples, of which h has the inputs of a layer, behind each other."""
        for position, layer in enumerate(self.layers[start:], start):
            if count > 1 and h.nbytes > CHUNK_BYTES:
                counts = _halves(count)
                parts = h.split([part * self.rows for part in counts])
                parts = zip(parts, counts, strict=True)
                return torch.cat([self._later(position, *part) for part in parts])
            if isinstance(layer, DROPOUT):
                h = self._drop(position, h.unflatten(0, (count, self.rows)), count)
            elif type(layer) is nn.ReLU:
                h = torch.relu_(h)  # nobody else has it
            else:
                h = layer(h)
        self.done += count
        self.advance(self.done)
        return h

    def _drop(self, position, h, count):
        """Rows of all samples behind dropout: h of shape (count or 1, N, ...), samples first."""
        layer, shape = self.layers[position], h.shape[2:]
        if isinstance(layer, CHANNELS):
            shape = (shape[0], 1, 1)
        site = Site("keep", (self.mask_rows, *shape), layer.p)
        self.noise.position = position
        keep = self.noise.stream(site).take(count)
        in_place = any(isinstance(other, DROPOUT) for other in self.layers[:position])
        return _masked(h, keep, 1 / (1 - layer.p), in_place).flatten(0, 1)


def _halves(count):
    return count // 2, count - count // 2


def _suits(layers, x):
    """Whether each layer gets a batch, and some but not all is dropped."""
    axes = x.dim()
    for layer in layers:
        if axes not in AXES[type(layer)]:
            return False
        if isinstance(layer, DROPOUT) and not (type(layer.p) is float and 0 < layer.p < 1):
            return False
        if type(layer) is nn.Flatten:
            axes = 2
    return (
        any(isinstance(layer, DROPOUT) for layer in layers)
        and type(x) is torch.Tensor
        and x.is_floating_point()
        and x.numel() > 0
    )


def _masked(h, keep, scale, in_place):
    """Product of h and masks, of which h may hold one copy for all."""
    if h.device.type == "cpu" and h.dtype in NUMPY and h.shape[1:] == keep.shape[1:]:
        values, keep = h.numpy(), keep.view(bool)  # NumPy is quicker with masks of bytes
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
    if isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward:
        layers = []
        for module in model:
            inner = _layers(module)
            if inner is None:
                return None
            layers += inner
        return layers
    if type(model) not in AXES or "forward" in vars(model):
        return None
    if type(model) is nn.Flatten and (model.start_dim, model.end_dim) != (1, -1):
        return None
    if type(model) in NORMS and model.running_mean is None:  # it normalizes by the batch it gets
        return None
    return [] if isinstance(model, DROPOUT) and model.p == 0 else [model]
