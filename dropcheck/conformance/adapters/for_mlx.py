"""Modules of Apple's MLX."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from .base import Adapter

__all__ = ["Mlx"]


class Mlx(Adapter):
    """A class of modules."""

    framework = "MLX"
    distributions: tuple[str, ...] = ("mlx", "numpy")
    channels_last = True
    dtypes = ("float16", "bfloat16", "float32")

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return mx.array(np.ascontiguousarray(x)).astype(getattr(mx, dtype))

    def numpy(self, y: Any) -> np.ndarray:
        return np.array(y.astype(mx.float32) if y.dtype == mx.bfloat16 else y)

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        self.switch(layer, training)
        return layer(x)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        self.switch(layer, True)
        (y,), (dx,) = mx.vjp(lambda x: [layer(x)], [x], [grad])
        return y, dx

    def seed(self, layer: Any, number: int) -> None:
        mx.random.seed(number)
