"""Layers of Keras 3, on the backend that the variable KERAS_BACKEND names."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .base import Adapter, NotOffered

__all__ = ["Keras"]


class Keras(Adapter):
    """A class of layers; its type of numbers follows that of the input."""

    framework = f"Keras on {keras.backend.backend()}"
    distributions: tuple[str, ...] = ("keras", "jax", "torch", "tensorflow-cpu", "numpy")
    channels_last = True
    dtypes = ("float16", "bfloat16", "float32")

    def make(self, p: float) -> Any:
        """Return a layer for float32; one for another type is made when it is called."""
        layer = super().make(p)
        layer.made_with = p
        return layer

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return keras.ops.convert_to_tensor(x, dtype)

    def numpy(self, y: Any) -> np.ndarray:
        if keras.backend.standardize_dtype(y.dtype) == "bfloat16":
            y = keras.ops.cast(y, "float32")
        return np.array(keras.ops.convert_to_numpy(y))

    def dtype(self, y: Any) -> str:
        return keras.backend.standardize_dtype(y.dtype)

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        dtype = self.dtype(x)
        if dtype not in ("float32", "int32"):
            layer = type(self)(
                self.target,
                argument=self.argument,
                keep=self.keep,
                options={**self.options, "dtype": dtype},
            ).make(layer.made_with)
        return layer(x, training=training)

    def seed(self, layer: Any, number: int) -> None:
        if not hasattr(layer, "seed_generator"):
            raise NotOffered("the layer draws nothing")
        layer.seed_generator.state.assign(keras.random.SeedGenerator(number).state)
        if keras.backend.backend() == "torch":  # whose own state a layer without a seed takes
            import torch

            torch.manual_seed(number)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        backend = keras.backend.backend()
        if backend == "jax":
            import jax

            # The state of the seed may not leave the transformation with a traced value.
            state = [variable.value for variable in layer.non_trainable_variables]
            y, backward, _ = jax.vjp(
                lambda x: layer.stateless_call([], state, x, training=True), x, has_aux=True
            )
            return y, backward(grad)[0]
        if backend == "torch":
            import torch

            x = x.clone().requires_grad_()
            y = layer(x, training=True)
            return y, torch.autograd.grad(y, x, grad)[0]
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, x, grad, unconnected_gradients="zero")

    def copy(self, layer: Any) -> Any:
        again = type(layer).from_config(layer.get_config())
        again.made_with = layer.made_with
        return again
