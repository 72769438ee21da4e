"""The layer under examination: one adapter, one kind, and how a mask is read off an output."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .adapters.base import Adapter, NotOffered

__all__ = ["ALPHA", "Raised", "Subject", "affine"]

LARGE = 1 << 14  # units
ALPHA = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


class Raised(Exception):  # noqa: N818 # it carries the layer's own error
    """The layer, asked for something, raised an error, which is `__cause__`."""

    @property
    def refuses(self) -> bool:
        """Whether the layer judged what it was asked, rather than stumbled over it."""
        return isinstance(self.__cause__, ValueError | AssertionError) or (
            "Invalid" in type(self.__cause__).__name__
        )

    def __str__(self) -> str:
        text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(self.__cause__)).split())  # no colours
        text = text if len(text) <= 160 else text[:157] + "..."
        return f"{type(self.__cause__).__name__}: {text}" if text else type(self.__cause__).__name__


def affine(p: float) -> tuple[float, float, float]:
    """Slope a and shift b of what alpha dropout keeps, and the value of what it drops.

    They keep mean 0 and variance 1: ``q b + p d = 0`` and ``q (a^2 + b^2) + p d^2 = 1`` with
    d = a ALPHA + b, the value of a dropped unit.
    """
    a = ((1 - p) * (1 + p * ALPHA**2)) ** -0.5
    b = -a * ALPHA * p
    return a, b, a * ALPHA + b


class Subject:
    """What the checks ask of a layer.

    Parameters
    ----------
    adapter : Adapter
        Builds and runs the layers.
    kind : str
        What is dropped together, or how: one of ``registry.KINDS``.
    p : float
        Drop probability of the checks that need only one.
    seed : int
        Of the inputs, and of the layer where its adapter can seed it.
    alarm : float
        False alarm that each random check may spend.
    spatial : int
        Number of axes behind the channels, for the kind "channel".
    name : str
        Of the layer, as ``module:Name``, by which another process can import it.
    """

    def __init__(
        self,
        adapter: Adapter,
        kind: str,
        p: float,
        seed: int,
        alarm: float,
        spatial: int = 2,
        name: str = "",
    ) -> None:
        self.adapter = adapter
        self.kind = kind
        self.p = p
        self.seed = seed
        self.alarm = alarm
        self.spatial = spatial
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.first = ""  # mask, see `start`

    def start(self) -> None:
        """Seed the layer where that is offered, so that a run can be repeated.

        What it draws before that is kept, for another process to be held against.
        """
        try:
            self.first = self.pack(self.train(np.ones(self.shape(64, 50), "float32"), 0.5))
        except Exception:  # the checks will tell of it
            self.first = ""
        try:
            self.adapter.seed(self.layer(self.p), self.seed)
        except (NotOffered, Raised):
            return

    def layer(self, p: float) -> Any:
        """Return a new layer, or raise `Raised`."""
        try:
            return self.adapter.make(float(p))  # not one of NumPy's, which promote halves
        except NotOffered:
            raise
        except Exception as error:
            raise Raised from error

    def run(self, layer: Any, x: Any, *, training: bool = True, dtype: str = "float32") -> Any:
        """Return the framework's own output for a NumPy array, or raise `Raised`."""
        try:
            return self.adapter.call(layer, self.adapter.array(x, dtype), training)
        except NotOffered:
            raise
        except Exception as error:
            raise Raised from error

    def train(self, x: Any, p: float | None = None, *, dtype: str = "float32") -> np.ndarray:
        """Return the output of a new layer in training, in NumPy."""
        layer = self.layer(self.p if p is None else p)
        return self.adapter.numpy(self.run(layer, x, dtype=dtype))

    def halves(self) -> list[str]:
        """Return the types of half precision that the adapter offers and the layer takes."""
        found: list[str] = []
        for dtype in ("float16", "bfloat16"):
            if dtype in self.adapter.dtypes:
                try:
                    self.train(np.ones(self.shape(8, 50), "float32"), dtype=dtype)
                except Raised:
                    continue
                found.append(dtype)
        return found

    def gradient(self, layer: Any, x: Any, grad: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return output and gradient in NumPy, or raise `Raised`."""
        x, grad = (self.adapter.array(np.array(values), "float32") for values in (x, grad))
        try:
            y, dx = self.adapter.gradient(layer, x, grad)
        except NotOffered:
            raise
        except Exception as error:
            raise Raised from error
        return self.adapter.numpy(y), self.adapter.numpy(dx)

    def shape(self, rows: int, columns: int) -> tuple[int, ...]:
        """Shape of an input in which `rows` times `columns` units are dropped one by one.

        A map that one block fills is dropped with probability p, whole. Large inputs, of which
        rates are counted, have one entry for each channel or path: which entries go together is
        seen on small ones.
        """
        several = 2 if rows * columns <= LARGE else 1
        if self.kind in ("channel", "block"):
            sides = (several,) * self.spatial if self.kind == "channel" else (self.block,) * 2
            last = self.adapter.channels_last
            return (rows, *sides, columns) if last else (rows, columns, *sides)
        if self.kind == "path":
            return (rows * columns, several, 1, 1)
        return (rows, columns)

    @property
    def block(self) -> int:
        """Side of the blocks, for the kind "block"."""
        return self.adapter.options["block_size"]

    def factor(self, y: np.ndarray, p: float) -> float:
        """What a kept entry of an output y is multiplied by; y has no zeros of its own."""
        if self.kind == "block":
            return y.size / max(int(np.count_nonzero(y)), 1)
        return 1 / (1 - p)

    def units(self, values: np.ndarray, rows: int, columns: int) -> np.ndarray:
        """One value for each unit, of shape (rows, columns), of an array of that `shape`."""
        if self.kind in ("channel", "block"):
            for _ in range(values.ndim - 2):
                values = values[:, 0] if self.adapter.channels_last else values[..., 0]
            return values
        if self.kind == "path":
            return values[:, 0, 0, 0].reshape(rows, columns)
        return values

    def input(self, rows: int, columns: int) -> np.ndarray:
        """Values of which none is small and none repeats a simple pattern."""
        shape = self.shape(rows, columns)
        return (self.rng.choice([-1, 1], shape) * self.rng.uniform(0.5, 2, shape)).astype("float32")

    def dropped(self, y: np.ndarray, p: float) -> np.ndarray:
        """Which entries of the output for ones were dropped; of Gaussian factors, which are < 1."""
        if self.kind == "alpha":
            a, b, d = affine(p)
            return y < (a + b + d) / 2
        if self.kind == "gaussian":
            return y < 1
        return y == 0

    def pack(self, y: np.ndarray) -> str:
        """Return which entries of an output for ones at p = 1/2 were dropped, as text."""
        return np.packbits(self.dropped(y, 0.5)).tobytes().hex()

    def draw(
        self, rows: int, columns: int, p: float, *, dtype: str = "float32", layer: Any = None
    ) -> np.ndarray:
        """Return which of rows times columns units a layer dropped, as booleans; by default new."""
        layer = self.layer(p) if layer is None else layer
        x = np.ones(self.shape(rows, columns), "float32")
        y = self.adapter.numpy(self.run(layer, x, dtype=dtype))
        return self.units(self.dropped(y, p), rows, columns)
