"""Functions of tinygrad's tensors, such as ``Tensor.dropout``."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from tinygrad import Context, Tensor, dtypes

from .base import Adapter, NotOffered

__all__ = ["Tinygrad"]

NAMES = {"half": "float16", "__bf16": "bfloat16", "float": "float32", "int": "int32"}


class Tinygrad(Adapter):
    """Functions ``f(tensor, p)`` that draw when TRAINING is set."""

    framework = "tinygrad"
    distributions: tuple[str, ...] = ("tinygrad", "numpy")
    dtypes = ("float16", "float32")  # bfloat16 on a processor takes a compiler that has it

    def make(self, p: float) -> Any:
        return partial(self.target, **{self.argument or "p": p}, **self.options)

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return Tensor(np.ascontiguousarray(x)).cast(getattr(dtypes, dtype)).realize()

    def numpy(self, y: Any) -> np.ndarray:
        return (y.float() if y.dtype == dtypes.bfloat16 else y).numpy()

    def dtype(self, y: Any) -> str:
        return NAMES.get(y.dtype.name, y.dtype.name)

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        with Context(TRAINING=int(training)):
            return layer(x).realize()

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        with Context(TRAINING=1):
            y = layer(x)  # computed together with its gradient: a result has no graph behind it
        (dx,) = y.gradient(x, gradient=grad)
        y.realize(dx)
        return y, dx

    def seed(self, layer: Any, number: int) -> None:
        Tensor.manual_seed(number)

    def copy(self, layer: Any) -> Any:
        raise NotOffered("a function is not stored")
