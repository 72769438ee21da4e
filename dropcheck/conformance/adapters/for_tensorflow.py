"""Functions of TensorFlow such as ``tf.nn.dropout``."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from .base import Adapter, NotOffered

__all__ = ["TensorFlowFunction"]


class TensorFlowFunction(Adapter):
    """Functions ``f(x, rate)``; evaluation leaves them out."""

    framework = "TensorFlow"
    distributions: tuple[str, ...] = ("tensorflow-cpu", "tensorflow", "numpy")
    dtypes = ("float16", "bfloat16", "float32", "float64")

    def make(self, p: float) -> Any:
        number = 1 - p if self.keep else p
        return partial(self.target, **{self.argument or "rate": number}, **self.options)

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return tf.cast(tf.convert_to_tensor(x), dtype)

    def numpy(self, y: Any) -> np.ndarray:
        return (tf.cast(y, tf.float32) if y.dtype == tf.bfloat16 else y).numpy()

    def dtype(self, y: Any) -> str:
        return y.dtype.name

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        if not training:
            raise NotOffered("a function is left out in evaluation")
        return layer(x)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, x, grad)

    def curvature(self, layer: Any, x: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = layer(x)
                cubes = tf.reduce_sum(y**3) / 6
            first = inner.gradient(cubes, x)
        return y, outer.gradient(first, x)

    def seed(self, layer: Any, number: int) -> None:
        tf.random.set_seed(number)

    def copy(self, layer: Any) -> Any:
        raise NotOffered("a function is not stored")
