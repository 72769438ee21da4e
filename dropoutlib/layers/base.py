"""What all layers share: a probability, a mode, a generator, and the noise of the last pass."""

import numpy as np

from ..masks import PackedMask, check_probability, check_rng
from ..product import scaled_product

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
    packed : bool
        Whether to keep the mask for `backward` in one bit a unit instead of one byte. The
        gradient is the same bit for bit (``thm-mask-memory``).

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

    def __init__(self, p=0.5, *, rng=None, packed=False):
        self.p = p
        self.rng = rng
        self.packed = packed
        self.training = True
        self._last = None  # what backward needs of the last forward pass

    @property
    def p(self):
        """Probability of dropping."""
        return self._p

    @p.setter
    def p(self, value):
        self._p = check_probability(value)

    @property
    def rng(self):
        """Source of the masks."""
        return self._rng

    @rng.setter
    def rng(self, value):
        # A seed becomes a generator here, once: kept as a seed it would repeat one mask.
        self._rng = check_rng(value)

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
        mask, scale = self._noise(x)
        self._last = x.shape, self._kept(mask), scale
        return self._apply(x, mask, scale)

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
        shape, mask, scale = self._last_pass()
        return scaled_product(self._gradient(grad, shape), self._used(mask), scale)

    def __call__(self, x):
        """Apply the layer; see `forward`."""
        return self.forward(x)

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"

    def __getstate__(self):
        """A copy or a pickle starts without a pass: masks are not worth storing."""
        return {**self.__dict__, "_last": None}

    def _is_identity(self):
        """Whether the layer now returns its input itself."""
        return not self.training or self.p == 0

    def _noise(self, x):
        """Draw the mask (None for all ones) and the scale for the input `x`."""
        raise NotImplementedError(f"{type(self).__name__} must say which noise it applies")

    def _apply(self, x, mask, scale):
        """The output of the pass."""
        return scaled_product(x, mask, scale)

    def _kept(self, mask):
        """What is kept of a mask for backward."""
        return PackedMask(mask) if self.packed and mask is not None else mask

    def _used(self, kept):
        """The mask again."""
        return kept.unpack() if isinstance(kept, PackedMask) else kept

    def _last_pass(self):
        """What the last forward pass left, if there was one."""
        if self._last is None:
            raise RuntimeError(f"{self!r}: backward(grad) needs a forward(x) before it")
        return self._last

    def _gradient(self, grad, shape):
        """`grad` as an array, of the shape that the output had."""
        grad = np.asarray(grad)
        if grad.shape != shape:
            raise ValueError(
                f"{self!r}: backward(grad) needs the shape {shape} of the output, got {grad.shape}"
            )
        return grad
