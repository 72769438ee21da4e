"""What all layers share: a probability, a mode, a generator, and the noise of the last pass."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Rng, array_of, check_probability, check_rng
from ..kernels import scaled_product
from ..masks import PackedMask, sample_mask


class Layer:
    """A layer that multiplies its input by a mask and a scale, and its gradient by the same two.

    They are those of inverted dropout, and a subclass says in `_mask_shape` which entries share
    their fate; a variant with another noise says in `_noise` which. Nothing else differs between
    those that only multiply.

    Parameters
    ----------
    p : float
        Probability of dropping, in [0, 1]. It may be changed later and is checked again.
    rng : numpy.random.Generator or int, optional
        Source of the masks, by default a new generator from the system's entropy. A seed becomes
        a generator here, once: calls of a layer differ, two layers of one seed draw alike.
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

    def __init__(self, p: float = 0.5, *, rng: Rng = None, packed: bool = False) -> None:
        self.p = p
        self.rng = rng
        self.packed = packed
        self.training = True
        self._last: Any = None  # what backward needs of the last forward pass

    @property
    def p(self) -> float:
        """Probability of dropping."""
        return self._p

    @p.setter
    def p(self, value: float) -> None:
        self._p = self._checked_p(value)

    @property
    def rng(self) -> np.random.Generator:
        """Source of the masks."""
        return self._rng

    @rng.setter
    def rng(self, value: Rng) -> None:
        self._rng = check_rng(value)

    def train(self, mode: bool = True) -> Self:
        """Switch to training, or with ``mode=False`` to evaluation; return the layer."""
        if not isinstance(mode, bool):
            raise TypeError(f"train(mode) takes True or False, got mode={mode!r}")
        self.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation; return the layer."""
        return self.train(False)

    def forward(self, x: ArrayLike) -> NDArray:
        """Apply the layer to `x` of any shape and strides, which is not changed.

        The result has the shape and dtype of `x` and is dense, in its order of strides; it is `x`
        itself where the layer is the identity. A dropped infinity or NaN becomes NaN, as in
        PyTorch. TypeError if `x` is not floating point and would have to be scaled, or is masked.
        """
        x = array_of("x", x)
        if 0 < self.p < 1 and not self._is_identity():
            self._check_floating("input", x)
        mask, scale = self._noise(x)
        self._last = x.shape, self._kept(mask), scale
        return self._apply(x, mask, scale)

    def backward(self, grad: ArrayLike) -> NDArray:
        """Gradient with respect to the input of the last `forward`, given that of its output.

        It is `grad` times the very mask and scale of that pass, whatever the mode is now.
        RuntimeError if there was no `forward`, ValueError if the shape of `grad` is not that of the
        output, TypeError as for `forward`.
        """
        shape, kept, scale = self._last_pass()
        grad, mask = self._gradient(grad, shape), self._used(kept)
        if scale != 1 or (mask is not None and mask.dtype != bool):
            self._check_floating("gradient", grad)
        return scaled_product(grad, mask, scale)

    def __call__(self, x: ArrayLike) -> NDArray:
        """Apply the layer; see `forward`."""
        return self.forward(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"

    def __getstate__(self) -> dict:
        """A copy or a pickle starts without a pass: masks are not worth storing."""
        return {**self.__dict__, "_last": None}

    def _checked_p(self, value):
        """A probability that the layer can have."""
        return check_probability(value)

    def _mask_shape(self, shape):
        """Shape of the mask for an input of this shape, to which it is broadcast."""
        raise NotImplementedError(f"{type(self).__name__} must say how its mask is shaped")

    def _noise(self, x):
        """Draw the mask (None for all ones) and the scale for the input `x`."""
        mask_shape = self._mask_shape(x.shape)
        if self._is_identity():
            return None, 1.0
        scale = 1 / (1 - self.p) if self.p < 1 else 1.0  # at p = 1 there is nothing to scale
        return sample_mask(mask_shape, self.p, rng=self.rng), scale

    def _is_identity(self):
        """Whether the layer now returns its input itself."""
        return not self.training or self.p == 0

    def _apply(self, x, mask, scale):
        """The output of the pass."""
        return scaled_product(x, mask, scale)

    def _kept(self, mask):
        """What is kept of the noise for backward: of a mask, if asked for, its bits."""
        pack = self.packed and mask is not None and mask.dtype == bool
        return PackedMask(mask) if pack else mask

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
        grad = array_of("grad", grad)
        if grad.shape != shape:
            raise ValueError(
                f"{self!r}: backward(grad) needs the shape {shape} of the output, got {grad.shape}"
            )
        return grad

    def _refuse(self, shape, wanted):
        raise ValueError(f"{self!r} takes {wanted}, got shape {shape}")

    def _check_floating(self, what, array):
        if array.dtype.kind != "f":
            raise TypeError(
                f"{self!r} scales its {what}, which must be floating point, got {array.dtype}"
            )
