"""Layers of Flax, NNX and Equinox, and functions of JAX such as Haiku's."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .base import Adapter

__all__ = ["Equinox", "Flax", "JaxFunction", "Nnx"]


class _Jax(Adapter):
    """What all share: every call gets a key of its own, split from that of the last seed."""

    dtypes = ("float16", "bfloat16", "float32")
    key = None

    def array(self, x: np.ndarray, dtype: str) -> Any:
        return jnp.asarray(x, dtype)

    def numpy(self, y: Any) -> np.ndarray:
        return np.asarray(y.astype(jnp.float32) if y.dtype == jnp.bfloat16 else y)

    def dtype(self, y: Any) -> str:
        return str(y.dtype)

    def split(self) -> Any:
        """Return a key that was not used before."""
        if self.key is None:
            self.key = jax.random.key(int(np.random.SeedSequence().generate_state(1)[0]))
        self.key, new = jax.random.split(self.key)
        return new

    def apply(self, layer: Any, x: Any, key: Any, training: bool) -> Any:
        """Return what `layer` makes of `x` with the randomness of `key`."""
        raise NotImplementedError

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        key = self.split() if training else jax.random.key(0)  # evaluation takes no new one
        return self.apply(layer, x, key, training)

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        key = self.split()
        y, backward = jax.vjp(lambda x: self.apply(layer, x, key, True), x)
        return y, backward(grad)[0]

    def curvature(self, layer: Any, x: Any) -> tuple[Any, Any]:
        key = self.split()
        cubes = jax.grad(lambda x: jnp.sum(self.apply(layer, x, key, True) ** 3) / 6)
        return self.apply(layer, x, key, True), jax.grad(lambda x: jnp.sum(cubes(x)))(x)

    def seed(self, layer: Any, number: int) -> None:
        self.key = jax.random.key(number)


class Flax(_Jax):
    """Modules of ``flax.linen``."""

    framework = "Flax"
    distributions: tuple[str, ...] = ("flax", "jax", "numpy")

    def apply(self, layer: Any, x: Any, key: Any, training: bool) -> Any:
        return layer.apply({}, x, deterministic=not training, rngs={"dropout": key})


class Nnx(_Jax):
    """Modules of ``flax.nnx``."""

    framework = "Flax NNX"
    distributions: tuple[str, ...] = ("flax", "jax", "numpy")

    def apply(self, layer: Any, x: Any, key: Any, training: bool) -> Any:
        from flax import nnx

        return layer(x, deterministic=not training, rngs=nnx.Rngs(dropout=key))


class Equinox(_Jax):
    """Modules of Equinox."""

    framework = "Equinox"
    distributions: tuple[str, ...] = ("equinox", "jax", "numpy")

    def apply(self, layer: Any, x: Any, key: Any, training: bool) -> Any:
        return layer(x, key=key, inference=not training)


class JaxFunction(_Jax):
    """Functions ``f(key, rate, x)``, such as ``haiku.dropout``; evaluation leaves them out.

    The names of their arguments tell which is which: ``key`` or ``rng``, and ``x``.
    """

    framework = "JAX"
    distributions: tuple[str, ...] = ("dm-haiku", "jax", "numpy")

    def make(self, p: float) -> Any:
        number = 1 - p if self.keep else p
        name = self.argument or list(inspect.signature(self.target).parameters)[1]
        return partial(self.target, **{name: number}, **self.options)

    def apply(self, layer: Any, x: Any, key: Any, training: bool) -> Any:
        if not training:
            return x
        name = "rng" if "rng" in inspect.signature(self.target).parameters else "key"
        return layer(x=x, **{name: key})
