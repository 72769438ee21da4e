"""What the suite asks of a framework: NumPy arrays go in, NumPy arrays come out."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Adapter", "NotOffered"]

# Names under which constructors take the probability; the first that is there is used.
ARGUMENTS = ("p", "rate", "drop_prob", "drop_rate", "dropout_rate", "dropout", "prob")


class NotOffered(Exception):  # noqa: N818 # no error: the check is left out, and the report says so
    """Raised by an adapter for what its framework, or this kind of layer, does not have."""


class Adapter:
    """Builds layers of one framework and runs them; a new one overrides four short methods.

    `array`, `numpy` and `call` are needed, `gradient` and `seed` wanted. What is not overridden
    raises `NotOffered`, and the checks that ask for it are reported as not run. The adapter of
    PyTorch, in ``adapters/for_torch.py``, is a good one to start from. For weights (kind "connect")
    and attention, `call` is given what is dropped, as in ``adapters/for_torch_views.py``.

    Parameters
    ----------
    target : callable
        Class of the layer, or a function that takes a probability and returns a layer.
    argument : str, optional
        Name under which `target` takes the probability. By default the first known name in its
        signature, such as ``p`` or ``rate``, and otherwise its first parameter.
    keep : bool
        Whether that number is the probability of keeping a unit.
    options : dict, optional
        Further arguments of `target`.
    """

    framework = "NumPy"
    distributions: tuple[str, ...] = ("numpy",)
    channels_last = False
    dtypes: tuple[str, ...] = ("float16", "float32", "float64")

    def __init__(
        self,
        target: Callable[..., Any],
        *,
        argument: str | None = None,
        keep: bool = False,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.keep = keep
        self.options = options or {}
        self.argument = argument if argument is not None else self._argument()
        self.switched: tuple[Any, bool] | None = None

    def _argument(self) -> str | None:
        """The name of the probability; None when it goes first without one."""
        try:
            names = inspect.signature(self.target).parameters
        except (TypeError, ValueError):
            return None
        return next((name for name in ARGUMENTS if name in names), None)

    def make(self, p: float) -> Any:
        """Return a layer that drops with probability `p`."""
        number = 1 - p if self.keep else p
        if self.argument is None:
            return self.target(number, **self.options)
        return self.target(**{self.argument: number}, **self.options)

    def array(self, x: np.ndarray, dtype: str) -> Any:
        """Return `x` as the framework's array, of the named type."""
        raise NotImplementedError

    def numpy(self, y: Any) -> np.ndarray:
        """Return the framework's array `y` in NumPy; bfloat16 as float32."""
        raise NotImplementedError

    def dtype(self, y: Any) -> str:
        """Return the name of the type of the framework's array `y`, such as "float16"."""
        return str(y.dtype).rpartition(".")[2]

    def call(self, layer: Any, x: Any, training: bool) -> Any:
        """Return what `layer` makes of the framework's array `x`."""
        raise NotImplementedError

    def switch(self, layer: Any, training: bool) -> None:
        """Put `layer` into training or evaluation by its methods, when that changes.

        As in a loop of training, which switches once: a mask may not wait for that to be drawn.
        """
        if self.switched is None or self.switched[0] is not layer or self.switched[1] != training:
            (layer.train if training else layer.eval)()
            self.switched = layer, training

    def change(self, layer: Any, p: float) -> None:
        """Give `layer` another drop probability, by the attribute that is named as its argument."""
        if self.argument is None or not hasattr(layer, self.argument):
            raise NotOffered("the layer shows its probability under no name of its own")
        try:
            setattr(layer, self.argument, 1 - p if self.keep else p)
        except Exception as error:
            raise NotOffered(
                f"the probability cannot be changed: {type(error).__name__}"
            ) from error

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[Any, Any]:
        """Return the output of one pass in training, and the gradient of ``sum(grad * output)``."""
        raise NotOffered("the adapter has no gradient")

    def curvature(self, layer: Any, x: Any) -> tuple[Any, Any]:
        """Return the output y of one pass in training, and a second derivative.

        It is the gradient of the sum of ``g``, where g is the gradient of ``sum(y ** 3) / 6``.
        """
        raise NotOffered("the adapter has no second derivative")

    def seed(self, layer: Any, number: int) -> None:
        """Start the randomness of `layer` anew from an integer."""
        raise NotOffered("the adapter cannot seed this layer")

    def copy(self, layer: Any) -> Any:
        """Return the layer after it was stored and loaded."""
        return pickle.loads(pickle.dumps(layer))

    def in_place(self, p: float, x: np.ndarray) -> tuple[Any, Any]:
        """Return output and input after one pass in training of a layer with ``inplace=True``."""
        raise NotOffered("the layer has no argument inplace")
