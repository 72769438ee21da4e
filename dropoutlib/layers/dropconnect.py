"""Dropout of single weights of a linear layer."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import Rng, array_of
from ..kernels import scaled_product
from .base import Layer


class DropConnect(Layer):
    """Linear layer whose weights are masked: y = x (W * M)^T / q + c in training, x W^T + c else.

    Each row of the input has a mask of its own, so `backward` keeps one byte (or, packed, one
    bit) for each weight and row. The bias c is never masked, and the stored weights never
    change. Source: Wan et al. (2013), who leave the kept weights unscaled in training; see
    ``thm-conventions-agree`` for the translation. What is not named here is as for `Layer`;
    ValueError or TypeError if shapes do not fit, or an array does not hold real numbers.

    Parameters
    ----------
    weight, bias : array_like, shapes (out, in) and (out,)
        Weights W and the bias c, if any.
    p : float
        Probability of dropping a weight, in [0, 1]. At p = 1 only the bias is left.

    Attributes
    ----------
    weight_grad, bias_grad : ndarray
        Gradients that the last `backward` found; that of the bias is None without a bias.
    """

    def __init__(
        self,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        p: float = 0.5,
        *,
        rng: Rng = None,
        packed: bool = False,
    ) -> None:
        super().__init__(p, rng=rng, packed=packed)
        self.weight = self._floating("weight", weight)
        self.bias = None if bias is None else self._real("bias", bias)
        if self.weight.ndim != 2:
            raise ValueError(f"weight must have shape (out, in), got {self.weight.shape}")
        if self.bias is not None and self.bias.shape != self.weight.shape[:1]:
            raise ValueError(f"bias must have shape {self.weight.shape[:1]}, got {self.bias.shape}")
        self.weight_grad: NDArray | None = None
        self.bias_grad: NDArray | None = None

    def __repr__(self) -> str:
        rows, columns = self.weight.shape
        return f"DropConnect(in={columns}, out={rows}, p={self.p})"

    def forward(self, x: ArrayLike) -> NDArray:
        """Apply the layer to x of shape (N, in); return shape (N, out)."""
        x = self._floating("input", x)
        if x.ndim != 2 or x.shape[1] != self.weight.shape[1]:
            self._refuse(x.shape, f"(N, {self.weight.shape[1]})")
        mask, scale = self._noise(x)
        self._last = x, self.weight, self._kept(mask), scale
        if mask is None:
            y = x @ self.weight.T
        else:
            y = scaled_product(np.einsum("noi,ni->no", mask * self.weight, x), None, scale)
        return y if self.bias is None else y + self.bias

    def backward(self, grad: ArrayLike) -> NDArray:
        """Return the gradient of the input; keep those of weight and bias."""
        x, weight, mask, scale = self._last_pass()
        grad = self._floating("gradient", self._gradient(grad, (len(x), len(weight))))
        mask = self._used(mask)
        self.bias_grad = None if self.bias is None else grad.sum(axis=0)
        if mask is None:
            self.weight_grad = grad.T @ x
            return grad @ weight
        products = np.einsum("no,noi,ni->oi", grad, mask, x)
        self.weight_grad = scaled_product(products, None, scale)
        return scaled_product(np.einsum("no,noi->ni", grad, mask * weight), None, scale)

    def _floating(self, what, value):
        """The array, with integers in double precision: their products could wrap around."""
        array = self._real(what, value)
        return array if array.dtype.kind == "f" else array.astype(float)

    def _real(self, what, value):
        array = array_of(what, value)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"DropConnect takes real numbers, got a {what} of {array.dtype}")
        return array

    def _mask_shape(self, shape):
        return (shape[0], *self.weight.shape)
