"""Blocks of MXNet's Gluon."""

from __future__ import annotations

from typing import Any

import mxnet
import numpy as np

from .base import Adapter

__all__ = ["Mxnet"]


class Mxnet(Adapter):
    """A class of blocks."""

    framework = "MXNet"
    distributions: tuple[str, ...] = ("mxnet", "numpy")

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return mxnet.nd.array(x, dtype=dtype)

    def numpy(self, y: Any) -> np.ndarray:
        return y.asnumpy()

    def dtype(self, y: Any) -> str:
        return np.dtype(y.dtype).name

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        with mxnet.autograd.record(train_mode=training):
            y = layer(x)
        y.wait_to_read()  # errors come here, and not later
        return y

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        x.attach_grad()
        y = self.call(layer, x, True)
        y.backward(grad)
        return y, x.grad

    def seed(self, layer: Any, number: int) -> None:
        mxnet.random.seed(number)
