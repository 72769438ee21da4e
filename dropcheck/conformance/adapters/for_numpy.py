"""Layers and functions in NumPy, as they stand in tutorials and lecture notes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .base import Adapter, NotOffered

__all__ = ["NumpyFunction", "NumpyLayer"]


class _Numpy(Adapter):
    """What layers and functions share."""

    def array(self, x: np.ndarray, dtype: str) -> np.ndarray:
        return x.astype(dtype, copy=False)

    def numpy(self, y: Any) -> np.ndarray:
        return np.asarray(y)


class NumpyLayer(_Numpy):
    """Objects with ``forward(x)``, or that are called, and on request ``backward(grad)``.

    Training is switched by the keyword ``training`` of the pass, by methods ``train()`` and
    ``eval()``, or by an attribute ``training``. Randomness comes from the attribute ``rng``, if
    there is one, and else from NumPy's global state.
    """

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        forward = getattr(layer, "forward", layer)
        if "training" in inspect.signature(forward).parameters:
            return forward(x, training=training)
        if callable(getattr(layer, "eval", None)):
            self.switch(layer, training)
        elif hasattr(layer, "training"):
            layer.training = training
        elif not training:
            raise NotOffered("the layer has no switch between training and evaluation")
        return forward(x)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        y = self.call(layer, x, True)
        if not hasattr(layer, "backward"):
            raise NotOffered("the layer has no backward pass")
        return y, layer.backward(grad)

    def seed(self, layer: Any, number: int) -> None:
        if hasattr(layer, "rng"):
            layer.rng = np.random.default_rng(number)
        else:
            np.random.seed(number)  # noqa: NPY002 # what such layers draw from


class NumpyFunction(_Numpy):
    """Functions ``f(x, p)``, on request with keywords ``training`` and ``rng``."""

    def __init__(self, target: Callable[..., Any], **keywords: Any) -> None:
        super().__init__(target, **keywords)
        self.names = inspect.signature(target).parameters
        self.rng = np.random.default_rng()

    def make(self, p: float) -> Any:
        number = 1 - p if self.keep else p
        name = self.argument or list(self.names)[1]
        return partial(self.target, **{name: number}, **self.options)

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        keywords: dict[str, Any] = {"rng": self.rng} if "rng" in self.names else {}
        if "training" in self.names:
            keywords["training"] = training
        elif not training:
            raise NotOffered("the function has no switch between training and evaluation")
        return layer(x, **keywords)

    def seed(self, layer: Any, number: int) -> None:
        self.rng = np.random.default_rng(number)
        if "rng" not in self.names:
            np.random.seed(number)  # noqa: NPY002 # what such functions draw from
