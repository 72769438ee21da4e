"""Modules of PyTorch: its own, torchvision's, timm's, or anybody's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .base import Adapter, NotOffered

__all__ = ["Torch", "TorchCompiled"]


class Torch(Adapter):
    """A class of modules, or a function that returns one."""

    framework = "torch"
    distributions: tuple[str, ...] = ("torch", "numpy")
    dtypes: tuple[str, ...] = ("float16", "bfloat16", "float32", "float64")

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return torch.as_tensor(x).to(getattr(torch, dtype))

    def numpy(self, y: Any) -> np.ndarray:
        y = y.detach()
        return (y.float() if y.dtype == torch.bfloat16 else y).numpy()

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        self.switch(layer, training)
        return layer(x)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        x = x.clone().requires_grad_()
        y = self.call(layer, x, True)
        return y, torch.autograd.grad(y, x, grad)[0]

    def curvature(self, layer: Any, x: Any) -> tuple[Any, Any]:
        x = x.clone().requires_grad_()
        y = self.call(layer, x, True)
        (first,) = torch.autograd.grad((y**3).sum() / 6, x, create_graph=True)
        return y, torch.autograd.grad(first.sum(), x)[0]

    def seed(self, layer: Any, number: int) -> None:
        torch.manual_seed(number)
        for part in layer.modules():  # some hold a generator of their own
            for value in vars(part).values():
                if isinstance(value, torch.Generator):
                    value.manual_seed(number)

    def in_place(self, p: float, x: np.ndarray) -> tuple[Any, Any]:
        if "inplace" not in inspect.signature(self.target).parameters:
            raise NotOffered("the layer has no argument inplace")
        options = {**self.options, "inplace": True}
        changed = type(self)(self.target, argument=self.argument, keep=self.keep, options=options)
        x = changed.array(x, "float32")
        return changed.call(changed.make(p), x, True), x


class TorchCompiled(Torch):
    """The same after ``torch.compile``."""

    framework = "torch compiled"

    def __init__(self, target: Callable[..., Any], **keywords: Any) -> None:
        super().__init__(target, **keywords)
        self.compiled: dict[int, Any] = {}

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        self.switch(layer, training)
        if id(layer) not in self.compiled:
            self.compiled[id(layer)] = layer, torch.compile(layer)
        return self.compiled[id(layer)][1](x)
