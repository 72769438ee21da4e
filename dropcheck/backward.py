"""Hold the backward pass of a random layer against numerical derivatives of its forward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .derivative import gradient

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .report import Report

__all__ = ["check_backward", "same_noise"]


def same_noise(layer: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return the forward pass of `layer` as a function that draws the same noise every time.

    Parameters
    ----------
    layer : dropoutlib.layers.Layer
        Its generator as it is now gives the noise of every call.

    Returns
    -------
    callable
        ``x -> layer.forward(x)``. Afterwards ``layer.backward`` belongs to the last call.

    Examples
    --------
    >>> from dropoutlib.layers import Dropout
    >>> forward = same_noise(Dropout(0.5, rng=0))
    >>> np.array_equal(forward(np.ones(100)), forward(np.ones(100)))
    True
    """
    generator = copy.deepcopy(layer.rng)

    def forward(x):
        layer.rng = copy.deepcopy(generator)
        return layer.forward(x)

    return forward


def check_backward(
    layer: Any,
    x: ArrayLike,
    grad: ArrayLike,
    *,
    backward: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Report:
    """Compare a layer's backward pass with central differences on the same noise.

    It shows one backward pass right, at one input and on one draw of the noise. Noise from
    anywhere but ``layer.rng`` is not held fixed, and then a right pass is rejected.

    Parameters
    ----------
    layer : dropoutlib.layers.Layer
        Any layer whose forward pass is smooth in x.
    x : array_like
        Input.
    grad : array_like
        Gradient with respect to the output; the differences are those of ``sum(grad * output)``.
    backward : callable, optional
        Backward pass to test instead, ``grad -> gradient of x``, called after a forward pass.

    Returns
    -------
    Report
        That of `gradient`, which bounds rounding and truncation (``thm-variant-backwards``).

    Examples
    --------
    >>> from dropoutlib.layers import Dropout
    >>> layer = Dropout(0.5, rng=0)
    >>> bool(check_backward(layer, np.ones(20), np.arange(20.0)))
    True
    >>> bool(check_backward(layer, np.ones(20), np.arange(20.0), backward=lambda grad: grad))
    False
    """
    x, grad, forward = np.asarray(x, dtype=float), np.asarray(grad, dtype=float), same_noise(layer)
    forward(x)
    found = (layer.backward if backward is None else backward)(grad)
    return gradient(lambda z: np.sum(grad * forward(z)), found, x, method="central")
