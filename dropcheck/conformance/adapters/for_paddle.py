"""Layers of PaddlePaddle."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from .base import Adapter

__all__ = ["Paddle"]


class Paddle(Adapter):
    """A class of layers."""

    framework = "Paddle"
    distributions: tuple[str, ...] = ("paddlepaddle", "numpy")
    dtypes = ("float16", "bfloat16", "float32", "float64")

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return paddle.to_tensor(np.ascontiguousarray(x)).astype(dtype)

    def numpy(self, y: Any) -> np.ndarray:
        return (y.astype("float32") if y.dtype == paddle.bfloat16 else y).numpy()

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        self.switch(layer, training)
        return layer(x)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        x.stop_gradient = False
        y = self.call(layer, x, True)
        return y, paddle.grad(y, x, grad)[0]

    def curvature(self, layer: Any, x: Any) -> tuple[Any, Any]:
        x.stop_gradient = False
        y = self.call(layer, x, True)
        (first,) = paddle.grad((y**3).sum() / 6, x, create_graph=True)
        return y, paddle.grad(first.sum(), x)[0]

    def seed(self, layer: Any, number: int) -> None:
        paddle.seed(number)
