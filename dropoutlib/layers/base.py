"""What all layers share: a probability, a mode, a generator, and the noise of the last pass."""

import numpy as np

from ..masks import check_probability, check_rng

__all__ = ["Layer"]


class Layer:
    """A layer that multiplies its input by a mask and a scale, and its gradient by the same two.

    A subclass says in `_noise` which; nothing else differs between the variants that only
    multiply.

    Parameters
    ----------
    p : float
        Probability of dropping, in [0, 1]. It may be changed later and is checked again.
    rng : numpy.random.Generator or int, optional
        Source of the masks, or a seed; by default a new generator from the system's entropy.

    Attributes
    ----------
    training : bool
        Mode of the layer, True at first; see `train` and `eval`.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean or an array.
    TypeError
        If `p` is not a number, or `rng` neither a generator nor a seed.
    """

    def __init__(self, p=0.5, *, rng=None):
        self.p = p
        self.rng = check_rng(rng)
        self.training = True
        self._last = None  # shape, mask and scale of the last forward pass

    @property
    def p(self):
        """Probability of dropping."""
        return self._p

    @p.setter
    def p(self, value):
        self._p = check_probability(value)

    def train(self, mode=True):
        """Switch to training, or with ``mode=False`` to evaluation; return the layer."""
        if not isinstance(mode, bool):
            raise TypeError(f"train(mode) takes True or False, got mode={mode!r}")
        self.training = mode
        return self

    def eval(self):
        """Switch to evaluation; return the layer."""
        return self.train(False)

    def forward(self, x):
        """Apply the layer.

        Parameters
        ----------
        x : array_like
            Activations, floating point of any shape and strides. It is not changed.

        Returns
        -------
        ndarray
            Of the shape and dtype of `x`, dense, in its order of strides; `x` itself where the
            layer is the identity. A dropped infinity or NaN becomes NaN, as in PyTorch.

        Raises
        ------
        TypeError
            If `x` is not floating point and the layer would have to scale it.
        """
        x = np.asarray(x)
        if 0 < self.p < 1 and x.dtype.kind != "f" and not self._is_identity():
            raise TypeError(
                f"{self!r} scales its input, which must be floating point, got {x.dtype}"
            )
        mask, scale = self._noise(x.shape)
        self._last = x.shape, mask, scale
        return self._multiply(x)

    def backward(self, grad):
        """Gradient with respect to the input of the last `forward`.

        Parameters
        ----------
        grad : array_like
            Gradient with respect to its output, of the same shape.

        Returns
        -------
        ndarray
            `grad` times the very mask and scale of that pass, whatever the mode is now.

        Raises
        ------
        RuntimeError
            If there was no `forward`.
        ValueError
            If the shape of `grad` is not that of the output.
        """
        if self._last is None:
            raise RuntimeError(f"{self!r}: backward(grad) needs a forward(x) before it")
        grad, shape = np.asarray(grad), self._last[0]
        if grad.shape != shape:
            raise ValueError(
                f"{self!r}: backward(grad) needs the shape {shape} of the output, got {grad.shape}"
            )
        return self._multiply(grad)

    __call__ = forward

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"

    def _is_identity(self):
        """Whether the layer now returns its input itself."""
        return not self.training or self.p == 0

    def _noise(self, shape):
        """Draw the mask (None for all ones) and the scale for an input of this shape."""
        raise NotImplementedError(f"{type(self).__name__} must say which noise it applies")

    def _multiply(self, x):
        """`x` times the mask and the scale of the last pass."""
        _, mask, scale = self._last
        if mask is None and scale == 1:
            return x
        out = np.empty_like(x)  # dense, in the order of strides of x
        if mask is None:
            return np.multiply(x, x.dtype.type(scale), out=out)
        np.multiply(x, mask, out=out)
        if scale != 1:
            out *= x.dtype.type(scale)
        return out
