"""Gradients under dropout: on one mask, on average, how noisy, and what waits for them in memory.

The layers of `dropoutlib.layers` have backward passes of their own; here are the closed forms
that those can be held against, and the means over all masks. They are of a linear layer behind
inverted dropout, with x~ = x * m / q everywhere. The loss of a row is ``L = |W x~ - y|^2 / 2``
where one is named, so that its derivative with respect to the output is the residual
delta = W x~ - y.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, array_of, check_probability
from dropoutlib.layers import Layer
from dropoutlib.masks import PackedMask

from .exact import number_array

if TYPE_CHECKING:
    import torch

__all__ = [
    "autograd_bytes",
    "expected_gradient",
    "gradient_covariance",
    "gradient_variance",
    "layer_bytes",
    "linear_backward",
]


def linear_backward(
    W: ArrayLike, x: ArrayLike, mask: ArrayLike, delta: ArrayLike, p: Probability
) -> tuple[NDArray, NDArray]:
    """Gradients of a loss L(W x~) with respect to W and to x, on the given mask.

    dL/dW = delta x~^T and dL/dx = (W^T delta) * m / q, with the mask of the forward pass
    (``thm-backward``).

    Parameters
    ----------
    W : array_like, shape (out, in)
        Weights behind the mask.
    x : array_like, shape (..., in)
        Activations before the mask.
    mask : array_like of bool, shape (..., in)
        Mask of the forward pass, True for a kept unit.
    delta : array_like, shape (..., out)
        Derivative of the loss with respect to the output W x~.
    p : float or fractions.Fraction
        Drop probability in [0, 1]. Fractions throughout give exact gradients.

    Returns
    -------
    grad_W : ndarray, shape (out, in)
        Summed over all rows. Exactly zero in the columns of units that no row keeps.
    grad_x : ndarray, shape (..., in)
        Exactly zero where a unit was dropped. At p = 1 all gradients are zero.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`, or shapes that do not fit together.

    Examples
    --------
    >>> grad_W, grad_x = linear_backward([[1.0, 2.0]], [3.0, 4.0], [True, False], [1.0], 0.5)
    >>> grad_W, grad_x
    (array([[6., 0.]]), array([2., 0.]))
    """
    (W, x, delta), q = _numbers(p, W, x, delta)
    mask = array_of("mask", mask)
    rows, (outputs, inputs) = x.shape[:-1], W.shape
    shapes = x.shape, mask.shape, delta.shape
    if shapes != ((*rows, inputs), (*rows, inputs), (*rows, outputs)):
        raise ValueError(
            f"linear_backward: for W of shape {W.shape}, x, mask and delta must "
            f"have the shapes (..., {inputs}), (..., {inputs}) and (..., {outputs}), "
            f"got {shapes}"
        )
    factor = mask / q if q else mask * 0  # m / q, the same in both directions
    grad_W = delta.reshape(-1, outputs).T @ (x * factor).reshape(-1, inputs)
    return grad_W, (delta @ W) * factor


def expected_gradient(W: ArrayLike, X: ArrayLike, Y: ArrayLike, p: Probability) -> NDArray:
    """Mean over masks and rows of the gradient of ``|W x~ - y|^2 / 2`` with respect to W.

    (W x - y) x^T + (p/q) W diag(x * x), averaged over the rows: the gradient of the loss
    without dropout plus that of the penalty (``thm-expected-gradient``).

    Parameters
    ----------
    W : array_like, shape (out, in)
        Weights.
    X : array_like, shape (N, in)
        Inputs before the mask.
    Y : array_like, shape (N, out)
        Targets.
    p : float or fractions.Fraction
        Drop probability in [0, 1]. At p = 1 every gradient is zero, and so is their mean.

    Returns
    -------
    ndarray, shape (out, in)

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`, or shapes that do not fit together.

    Examples
    --------
    >>> expected_gradient([[1.0, 2.0]], [[3.0, 4.0]], [[11.0]], 0.5)  # the residual is 0
    array([[ 9., 32.]])
    """
    W, X, Y, q = _regression(W, X, Y, p)
    if q == 0:
        return np.zeros_like(W)
    penalty = (1 - q) / q * W * (X**2).sum(axis=0)
    return ((X @ W.T - Y).T @ X + penalty) / len(X)


def gradient_variance(
    W: ArrayLike,
    X: ArrayLike,
    Y: ArrayLike,
    p: Probability,
) -> NDArray:
    """Variance over masks of each entry of the gradient of a batch.

    The gradient is that of the mean of ``|W x~ - y|^2 / 2`` over N rows, masked independently,
    so the variances of the rows add and are divided by N^2 (``thm-gradient-variance``). Of one
    row, with u_ij = W_ij x_j, e = W x - y, s = p/q::

        Var g_ij = x_j^2 [s (e_i + s u_ij)^2 + (s / q) (sum_a u_ia^2 - u_ij^2)].

    Parameters, errors
        As for `expected_gradient`.

    Returns
    -------
    ndarray, shape (out, in)
        Its sum is the trace of the covariance of the whole gradient.

    Examples
    --------
    >>> gradient_variance([[1.0, 2.0]], [[3.0, 4.0]], [[11.0]], 0.5)
    array([[1233., 1312.]])
    """
    W, X, Y, q = _regression(W, X, Y, p)
    if q == 0:
        return np.zeros_like(W)
    s, residual = (1 - q) / q, X @ W.T - Y
    u = W * X[:, None, :]  # (N, out, in)
    of_others = (u**2).sum(axis=2, keepdims=True) - u**2
    given = residual[:, :, None] + s * u  # mean residual i, given that unit j is kept
    each = X[:, None, :] ** 2 * (s * given**2 + s / q * of_others)
    return each.sum(axis=0) / len(X) ** 2


def gradient_covariance(W: ArrayLike, x: ArrayLike, y: ArrayLike, p: Probability) -> NDArray:
    """Covariance over masks of the gradient of ``|W x~ - y|^2 / 2`` of one row.

    ``thm-gradient-variance`` of the book, derived there.

    Parameters, errors
        As for `expected_gradient`, of one input x, shape (in,), and its target y, shape (out,).

    Returns
    -------
    ndarray, shape (out, in, out, in)
        Entry [i, j, l, k] is the covariance of the gradient's entries (i, j) and (l, k).

    Examples
    --------
    >>> gradient_covariance([[1.0, 2.0]], [3.0, 4.0], [11.0], 0.5)[0, :, 0, :]
    array([[1233., 1164.],
           [1164., 1312.]])
    """
    W, (x,), (y,), q = _regression(W, [x], [y], p)
    if q == 0:
        return np.zeros_like(np.multiply.outer(W, W))
    s, u, residual = (1 - q) / q, W * x, W @ x - y
    spread = s * u @ u.T  # covariance of two outputs
    own = s * u[:, :, None] * u.T  # own[i, j, l] = s u_ij u_lj: the share of unit j in it
    given = residual[:, None] + s * u  # mean residual i, given that unit j is kept
    x_x = np.multiply.outer(x, x)[:, None, :]  # at [j, 0, k]
    # j differs from k: both are kept with probability q^2, which cancels with 1 / q^2.
    both = given[:, :, None] + s * u[:, None, :]  # mean residual i, given that j and k are kept
    product = np.einsum("ijk,ljk->ijlk", both, both)
    rest = spread[:, None, :, None] - own[:, :, :, None] - np.moveaxis(own, 1, 2)[:, None]
    covariance = x_x * (product + rest - given[:, :, None, None] * given)
    # j equals k.
    of_others = spread[:, None, :] - own
    same = x[:, None] ** 2 * (s * given[:, :, None] * given.T + of_others / q)
    units = np.arange(len(x))
    covariance[:, units, :, units] = np.moveaxis(same, 1, 0)
    return covariance


def _numbers(p, W, *others):
    """W, a matrix, and others as numbers to compute with, and the keep probability."""
    check_probability(p)
    W, *others = (number_array(values, p) for values in (W, *others))
    if W.ndim != 2:
        raise ValueError(f"W must have shape (out, in), got {W.shape}")
    return (W, *others), 1 - p


def _regression(W, X, Y, p):
    """W, X, Y as arrays whose shapes fit, and the keep probability."""
    (W, X, Y), q = _numbers(p, W, X, Y)
    (outputs, inputs), rows = W.shape, X.shape[:1]
    if not rows or rows == (0,) or (X.shape, Y.shape) != ((*rows, inputs), (*rows, outputs)):
        raise ValueError(
            f"for W of shape {W.shape}, inputs and targets must have the shapes (N, {inputs}) and "
            f"(N, {outputs}) with N at least 1, got {X.shape} and {Y.shape}"
        )
    return W, X, Y, q


def layer_bytes(layer: Layer) -> int:
    """Bytes of the arrays that a NumPy layer holds for its backward pass.

    Those of the last `forward`: a mask of one byte a unit, or one bit if the layer is `packed`
    (``thm-mask-memory``), and whatever else the layer needs, as `DropConnect` its input.

    0 in evaluation, where there is no mask. TypeError if `layer` is no layer of
    `dropoutlib.layers`, and RuntimeError if there was no forward pass.

    Examples
    --------
    >>> from dropoutlib.layers import Dropout
    >>> for packed in (False, True):
    ...     layer = Dropout(0.5, rng=0, packed=packed)
    ...     _ = layer.forward(np.ones((10, 80)))
    ...     print(layer_bytes(layer))
    800
    100
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer_bytes(layer) takes a dropoutlib layer, got {type(layer).__name__}")
    held = layer._last_pass()
    return sum(part.nbytes for part in held if isinstance(part, (np.ndarray, PackedMask)))


def autograd_bytes(
    run: Callable[[], object],
    ignore: Iterable["torch.Tensor"] = (),
) -> int:
    """Bytes of the tensors that torch's autograd saves for backward while `run()` computes.

    Parameters
    ----------
    run : callable
        Takes nothing and builds a graph. Its result is discarded.
    ignore : iterable of torch.Tensor
        Tensors that are in memory anyway, such as parameters and inputs, and do not count.

    Returns
    -------
    int
        Tensors that share their memory count once, with all of it; a tensor that is repeated
        along an axis without a copy counts with what it really takes.

    Raises
    ------
    ImportError, TypeError
        Without torch, or if `run` cannot be called.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(100, requires_grad=True)
    >>> autograd_bytes(lambda: x.exp())  # its derivative is its own output
    400
    """
    from torch.autograd.graph import saved_tensors_hooks

    if not callable(run):
        raise TypeError(f"autograd_bytes(run) takes a function, got run={run!r}")
    known = {tensor.untyped_storage().data_ptr() for tensor in ignore}
    saved = {}  # by address

    def pack(tensor):
        storage = tensor.untyped_storage()
        # The storage itself is kept, so that no address is used twice.
        saved[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(saved[address].nbytes() for address in saved.keys() - known)
