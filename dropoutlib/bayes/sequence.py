"""Samples as more rows: for sequences of layers that treat each row of a batch by itself.

It is the quickest way, as torch runs its layers as they are; but all of them must be known.
"""

import torch
from torch import nn

from .. import nn as ours
from .noise import Noise, Site

__all__ = ["Sequence"]

CHUNK_BYTES = 1 << 22  # of what a layer gets: about what the cache of a core holds

UNITS = (nn.Dropout, ours.Dropout)
CHANNELS = (nn.Dropout2d, ours.Dropout2d)
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


class Sequence:
    """The samples of a prediction by a sequence of known layers.

    Parameters
    ----------
    model : Module
        The network, its dropout layers in training mode and all others in evaluation mode.
    x : Tensor, shape (N, ...)
        The input.

    Attributes
    ----------
    layers : list of Module, or None
        The layers in order, if all of them are known and something is dropped for certain, but
        not all.
    """

    def __init__(self, model, x):
        self.x = x
        self.layers = _layers(model)
        if self.layers is not None and not self._suits(x):
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
        self.shared = shared
        self.advance = advance
        self.left = total
        self.total = total
        samples = self._run(0, self.x.detach().clone(), 1, total)
        return samples.reshape(total, len(self.x), *samples.shape[1:])

    def _run(self, start, h, copies, count):
        """The next `count` samples, of which h has the layers' input at this position.

        Either it has all of them, behind each other, or one copy that serves them all.
        """
        for position, layer in enumerate(self.layers[start:], start):
            drops = isinstance(layer, UNITS + CHANNELS)
            size = count // copies * h.numel() * h.element_size()
            if count > 1 and size > CHUNK_BYTES and (drops or copies > 1):
                return self._halves(position, h, copies, count)
            if not drops:
                h = layer(h)
            elif layer.p > 0:
                h = self._drop(position, layer, h, copies, count)
                copies = count
        self.left -= count
        self.advance(self.total - self.left)
        return h

    def _halves(self, position, h, copies, count):
        half = count // 2
        if copies == 1:
            parts = (h, 1, half), (h, 1, count - half)
        else:
            rows = half * len(self.x)
            parts = (h[:rows], half, half), (h[rows:], count - half, count - half)
        return torch.cat([self._run(position, *part) for part in parts])

    def _drop(self, position, layer, h, copies, count):
        """Rows of all samples behind dropout."""
        rows, shape = len(self.x), h.shape[1:]
        noisy = shape[:1] + (1,) * len(shape[1:]) if isinstance(layer, CHANNELS) else shape
        self.noise.position = sum(isinstance(m, UNITS + CHANNELS) for m in self.layers[:position])
        site = Site("keep", (1 if self.shared else rows, *noisy), layer.p)
        keep = torch.from_numpy(self.noise.stream(site).take(count))
        mask = keep.to(h.device, h.dtype).mul_(1 / (1 - layer.p))
        h = h.view(copies, rows, *shape)
        h = mask.mul_(h) if mask.shape[1:] == h.shape[1:] else h * mask
        return h.view(count * rows, *shape)

    def _suits(self, x):
        """Whether each layer gets a batch, and some but not all is dropped."""
        axes = x.dim()
        for layer in self.layers:
            drops = isinstance(layer, UNITS + CHANNELS)
            if axes not in AXES[type(layer)] or layer.training != drops:
                return False
            if drops and not (type(layer.p) is float and 0 <= layer.p < 1):
                return False
            if type(layer) is nn.Flatten:
                axes = 2
        return (
            any(isinstance(layer, UNITS + CHANNELS) and layer.p > 0 for layer in self.layers)
            and type(x) is torch.Tensor
            and x.is_floating_point()
            and x.numel() > 0
        )


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
    return [model]
