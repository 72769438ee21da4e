"""What PyTorch drops inside of a layer, weights or attention, as the input of a layer.

With these two adapters x stands for what is dropped, so that the checks of single units hold for
it. An adapter for another framework does as much: its `call` is given the weights, or what the
values of attention bring to each key, and returns them with what was dropped.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .base import NotOffered
from .for_torch import Torch

__all__ = ["TorchAttention", "TorchConnect"]

# Up to here a product with unit vectors shows all rows and columns at once; beyond, it would take
# most of the time.
SMALL = 4096
KEYS, HEADS = 64, 8


class _Weights(torch.nn.Module):
    """A layer with weights, as a function of them: unit vectors bring the masked ones out."""

    def __init__(self, build: Callable[[int, int], torch.nn.Module]) -> None:
        super().__init__()
        self.build = build
        self.rest(build(1, 1), (1, 1))

    def rest(self, layer: torch.nn.Module, shape: tuple[int, ...]) -> None:
        """Keep a layer of that shape, and find its weights."""
        names = [name for name, value in layer.named_parameters() if value.dim() == 2]
        if len(names) != 1:
            raise TypeError(f"the layer must have one matrix of weights, it has {len(names)}")
        self.layer, self.made, self.weight = layer, shape, names[0]

    def forward(self, x: Tensor) -> Tensor:
        matrix = x if x.numel() <= SMALL else x.reshape(-1, 1)
        if self.made != matrix.shape:
            self.rest(self.build(matrix.shape[1], matrix.shape[0]), matrix.shape)
            self.layer.train(self.training)
        values = {
            name: torch.zeros_like(value, dtype=x.dtype)
            for name, value in self.layer.named_parameters()
        }
        units = torch.eye(matrix.shape[1], dtype=x.dtype)
        given = {**values, self.weight: matrix}
        return torch.func.functional_call(self.layer, given, (units,)).T.reshape(x.shape)


class TorchConnect(Torch):
    """Linear layers that drop weights, made as ``target(inputs, outputs, p=p)``.

    The one parameter with two axes, (outputs, inputs), is what is dropped; all others are set to
    0, and what becomes of a bias is not seen.
    """

    framework = "torch, weights"
    dtypes = ("float32", "float64")

    def make(self, p: float) -> Any:
        number = 1 - p if self.keep else p
        return _Weights(partial(_built, self.target, self.argument, number, self.options))

    def in_place(self, p: float, x: np.ndarray) -> tuple[Any, Any]:
        raise NotOffered("weights are not changed in place")


def _built(
    target: Callable[..., torch.nn.Module],
    argument: str | None,
    number: float,
    options: dict[str, Any],
    inputs: int,
    outputs: int,
) -> torch.nn.Module:
    """The layer of that size; a function of the module, so that it can be stored."""
    if argument is None:
        return target(inputs, outputs, number, **options)
    return target(inputs, outputs, **{argument: number}, **options)


class _Attention(torch.nn.Module):
    """Attention with equal scores, as a function of what each key brings."""

    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.attend = attend

    def forward(self, x: Tensor) -> Tensor:
        if x.numel() > SMALL:
            return self.counted(x)
        rows, columns = x.shape
        heads = math.gcd(rows, HEADS)
        keys = 1 << max(columns - 1, 0).bit_length()  # a power of two: 1 / keys is exact
        each = torch.diag_embed(x.reshape(rows // heads, heads, columns)) * keys
        values = torch.nn.functional.pad(each, (0, 0, 0, keys - columns))
        query = torch.zeros_like(values[:, :, :1])
        return self.attend(query, torch.zeros_like(values), values).reshape(x.shape)

    def counted(self, x: Tensor) -> Tensor:
        """The same for many queries, where all entries of x are alike."""
        queries = -(-x.numel() // (KEYS * HEADS))
        value = x.reshape(-1)[0] * KEYS
        values = (torch.eye(KEYS, dtype=x.dtype) * value).expand(1, HEADS, KEYS, KEYS)
        query = torch.zeros(1, HEADS, queries, KEYS, dtype=x.dtype)
        y = self.attend(query, torch.zeros_like(values), values)
        return y.reshape(-1)[: x.numel()].reshape(x.shape)


class TorchAttention(Torch):
    """Functions ``f(query, key, value)`` with a probability, or classes of modules called so.

    Each of the three has shape (samples, heads, length, size); functions are left out in
    evaluation. Small inputs show one query for every head and sample; large ones, whose entries
    are alike, 8 heads of one sample with 64 keys and many queries.
    """

    framework = "torch, attention"
    dtypes = ("float32", "float64")

    def make(self, p: float) -> Any:
        if inspect.isclass(self.target):
            return _Attention(super().make(p))
        number = 1 - p if self.keep else p
        named = {self.argument or "dropout_p": number, **self.options}
        return _Attention(partial(self.target, **named))

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        if not training and not inspect.isclass(self.target):
            raise NotOffered("a function is left out in evaluation")
        return super().call(layer, x, training)

    def copy(self, layer: Any) -> Any:
        if not inspect.isclass(self.target):
            raise NotOffered("a function is not stored")
        return super().copy(layer)

    def in_place(self, p: float, x: np.ndarray) -> tuple[Any, Any]:
        raise NotOffered("attention is not changed in place")
