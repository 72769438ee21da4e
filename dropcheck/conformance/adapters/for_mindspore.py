"""Cells of MindSpore."""

from __future__ import annotations

from typing import Any

import mindspore
import numpy as np

from .base import Adapter, NotOffered

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
        outputs = []

        def forward(x: Any) -> Any:
            outputs.append(self.call(layer, x, True))
            return outputs[-1]

        dx = mindspore.ops.GradOperation(sens_param=True)(forward)(x, grad)
        return outputs[-1], dx

    def seed(self, layer: Any, number: int) -> None:
        raise NotOffered("a layer takes its seed when it is built")
