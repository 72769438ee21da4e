"""One adapter a framework, and which of them a target needs.

A module of this folder is imported when a target of its framework is examined, and not before.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from ..targets import load
from .base import Adapter, NotOffered

__all__ = ["ADAPTERS", "Adapter", "NotOffered", "adapter_class"]

# Name: the module and class of the adapter, and the base class by which a target is recognised.
ADAPTERS = {
    "numpy": ("for_numpy", "NumpyLayer", ""),
    "numpy-function": ("for_numpy", "NumpyFunction", ""),
    "keras": ("for_keras", "Keras", "keras.src.layers.layer.Layer"),
    "torch": ("for_torch", "Torch", "torch.nn.modules.module.Module"),
    "torch-compiled": ("for_torch", "TorchCompiled", ""),
    "torch-connect": ("for_torch_views", "TorchConnect", ""),
    "torch-attention": ("for_torch_views", "TorchAttention", ""),
    "flax": ("for_jax", "Flax", "flax.linen.module.Module"),
    "nnx": ("for_jax", "Nnx", "flax.nnx.module.Module"),
    "equinox": ("for_jax", "Equinox", "equinox._module._module.Module"),
    "jax-function": ("for_jax", "JaxFunction", ""),
    "tensorflow": ("for_tensorflow", "TensorFlowFunction", ""),
    "paddle": ("for_paddle", "Paddle", "paddle.nn.layer.layers.Layer"),
    "tinygrad": ("for_tinygrad", "Tinygrad", ""),
    "mxnet": ("for_mxnet", "Mxnet", "mxnet.gluon.block.Block"),
    "mindspore": ("for_mindspore", "MindSpore", "mindspore.nn.cell.Cell"),
    "mlx": ("for_mlx", "Mlx", "mlx.nn.layers.base.Module"),
}
# Kinds whose adapters make what is dropped, weights or probabilities, the input.
VIEWED = ("connect", "attention")


def adapter_class(
    target: Any, name: str | type[Adapter] | None = None, kind: str = ""
) -> type[Adapter]:
    """Return the adapter of that name, or else the one that `target` needs.

    Parameters
    ----------
    target : callable
        The layer's class, or a function.
    name : str or type, optional
        A name of `ADAPTERS`, an adapter of one's own as ``module:Name``, or the class itself.
    kind : str
        Of the layer: "connect" and "attention" take adapters of their own.

    Raises
    ------
    ValueError
        If there is none of that name, or for such a target of this kind.
    """
    if isinstance(name, type):
        return name
    if name is None:
        name = _recognised(target)
        if kind in VIEWED:
            name = f"{name}-{kind}"
            if name not in ADAPTERS:
                raise ValueError(
                    f"which adapter is this layer for, of kind {kind!r}? Say it with adapter "
                    f"(--adapter), such as torch-{kind}, or one of your own"
                )
    if ":" in name:
        return load(name)
    if name not in ADAPTERS:
        raise ValueError(f"there is no adapter {name!r}; there are {', '.join(ADAPTERS)}")
    module, wanted, _ = ADAPTERS[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), wanted)


def _recognised(target: Any) -> str:
    """The name of the adapter for a class, by its bases, or for a function in NumPy."""
    if not inspect.isclass(target):
        return "numpy-function"
    bases = {f"{base.__module__}.{base.__qualname__}" for base in target.__mro__}
    for name, (_, _, base) in ADAPTERS.items():
        if base in bases:
            return name
    return "numpy"
