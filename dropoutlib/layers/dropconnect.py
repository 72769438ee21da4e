"""Dropout of single weights of a linear layer."""

import numpy as np

from ..masks import sample_mask
from .base import Layer

__all__ = ["DropConnect", "dropconnect_moments"]


def dropconnect_moments(W, x, p):
    """Mean and variance of u = (M * W) x over masks M of weights, unscaled as in the paper.

    E u = q W x and Var u = p q (W * W)(x * x) (``thm-dropconnect-moments``; Wan et al.
    2013). Different outputs are uncorrelated, since they share no weight.

    Parameters
    ----------
    W : array_like, shape (out, in)
        Weights.
    x : array_like, shape (..., in)
        Inputs.
    p : float
        Probability of dropping a weight.

    Returns
    -------
    mean, variance : ndarray, shape (..., out)
    """
    W, x = np.asarray(W), np.asarray(x)
    return (1 - p) * (x @ W.T), p * (1 - p) * (x**2 @ (W**2).T)


class DropConnect(Layer):
    """Linear layer whose weights are masked: y = x (W * M)^T / q + c in training, x W^T + c else.

    Each row of the input has a mask of its own, so `backward` keeps one byte (or, packed, one
    bit) for each weight and row. The bias c is never masked, and the stored weights never
    change.

    Parameters
    ----------
    weight : array_like, shape (out, in)
        Weights W.
    bias : array_like, shape (out,), optional
        Bias c.
    p : float
        Probability of dropping a weight, in [0, 1]. At p = 1 only the bias is left.
    rng, packed
        As for `Layer`.

    Attributes
    ----------
    weight_grad, bias_grad : ndarray
        Gradients that the last `backward` found; that of the bias is None without a bias.

    Raises
    ------
    ValueError
        As for `Layer`, or if the shapes do not fit.

    References
    ----------
    Wan et al. (2013). They leave the kept weights unscaled in training; see
    ``thm-conventions-agree`` for the translation.
    """

    def __init__(self, weight, bias=None, p=0.5, *, rng=None, packed=False):
        super().__init__(p, rng=rng, packed=packed)
        self.weight = np.asarray(weight)
        self.bias = None if bias is None else np.asarray(bias)
        if self.weight.ndim != 2:
            raise ValueError(f"weight must have shape (out, in), got {self.weight.shape}")
        if self.bias is not None and self.bias.shape != self.weight.shape[:1]:
            raise ValueError(f"bias must have shape {self.weight.shape[:1]}, got {self.bias.shape}")
        self.weight_grad = self.bias_grad = None

    def __repr__(self):
        rows, columns = self.weight.shape
        return f"DropConnect(in={columns}, out={rows}, p={self.p})"

    def forward(self, x):
        """Apply the layer to x of shape (N, in); return shape (N, out)."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.weight.shape[1]:
            raise ValueError(f"{self!r} takes (N, {self.weight.shape[1]}), got shape {x.shape}")
        mask, scale = self._noise(x)
        self._last = x, self.weight, self._kept(mask), scale
        if mask is None:
            y = x @ self.weight.T
        else:
            y = np.einsum("noi,ni->no", mask * self.weight, x) * scale
        return y if self.bias is None else y + self.bias

    def backward(self, grad):
        """Return the gradient of the input; keep those of weight and bias."""
        x, weight, mask, scale = self._last_pass()
        grad, mask = self._gradient(grad, (len(x), len(weight))), self._used(mask)
        self.bias_grad = None if self.bias is None else grad.sum(axis=0)
        if mask is None:
            self.weight_grad = grad.T @ x
            return grad @ weight
        self.weight_grad = np.einsum("no,noi,ni->oi", grad, mask, x) * scale
        return np.einsum("no,noi->ni", grad, mask * weight) * scale

    def _noise(self, x):
        if self._is_identity():
            return None, 1.0
        mask = sample_mask((len(x), *self.weight.shape), self.p, rng=self.rng)
        return mask, 1 / (1 - self.p) if self.p < 1 else 1.0
