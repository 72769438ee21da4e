"""Cells of MindSpore."""

from __future__ import annotations

from typing import Any

import mindspore
import numpy as np

from .base import Adapter

__all__ = ["MindSpore"]


class MindSpore(Adapter):
    """A class of cells."""

    framework = "MindSpore"
    distributions: tuple[str, ...] = ("mindspore", "numpy")
    dtypes = ("float16", "float32")

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return mindspore.Tensor(np.ascontiguousarray(x).astype(dtype))

    def numpy(self, y: Any) -> np.ndarray:
        return y.asnumpy()

    def dtype(self, y: Any) -> str:
        return str(y.dtype).lower()

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        return layer.set_train(training)(x)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        def total(x: Any) -> tuple[Any, Any]:
            y = self.call(layer, x, True)
            return (y * grad).sum(), y

        (_, y), dx = mindspore.value_and_grad(total, has_aux=True)(x)
        return y, dx

    def seed(self, layer: Any, number: int) -> None:
        mindspore.set_seed(number)
