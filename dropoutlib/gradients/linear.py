"""A linear layer behind inverted dropout: its gradients on one mask, their mean and covariance.

Everywhere x~ = x * m / q. The loss of a row is ``L = |W x~ - y|^2 / 2`` where one is named, so
that its derivative with respect to the output is the residual delta = W x~ - y.
"""

import numpy as np

from ..masks import check_probability

__all__ = ["expected_gradient", "gradient_covariance", "gradient_variance", "linear_backward"]


def linear_backward(W, x, mask, delta, p):
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
    W, x, delta, q = _array(W), _array(x), _array(delta), _keep_probability(p)
    mask = np.asarray(mask)
    rows, (outputs, inputs) = x.shape[:-1], _weights_shape(W)
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


def expected_gradient(W, X, Y, p):
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


def gradient_variance(W, X, Y, p):
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


def gradient_covariance(W, x, y, p):
    """Covariance over masks of the gradient of ``|W x~ - y|^2 / 2`` of one row.

    ``thm-gradient-variance`` of the book, derived there.

    Parameters
    ----------
    W : array_like, shape (out, in)
        Weights.
    x : array_like, shape (in,)
        Input before the mask.
    y : array_like, shape (out,)
        Target.
    p : float or fractions.Fraction
        Drop probability in [0, 1].

    Returns
    -------
    ndarray, shape (out, in, out, in)
        Entry [i, j, l, k] is the covariance of the gradient's entries (i, j) and (l, k).

    Raises
    ------
    ValueError, TypeError
        As `expected_gradient`.

    Examples
    --------
    >>> gradient_covariance([[1.0, 2.0]], [3.0, 4.0], [11.0], 0.5)[0, :, 0, :]
    array([[1233., 1164.],
           [1164., 1312.]])
    """
    x, y = _array(x), _array(y)
    W, (x,), (y,), q = _regression(W, x[None], y[None], p)
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


def _array(values):
    """`values` as float64, or as they are if they are exact: integers or Fractions."""
    values = np.asarray(values)
    return values.astype(float) if values.dtype.kind in "bf" else values


def _keep_probability(p):
    check_probability(p)
    return 1 - p


def _weights_shape(W):
    if W.ndim != 2:
        raise ValueError(f"W must have shape (out, in), got {W.shape}")
    return W.shape


def _regression(W, X, Y, p):
    """W, X, Y as arrays whose shapes fit, and the keep probability."""
    W, X, Y, q = _array(W), _array(X), _array(Y), _keep_probability(p)
    outputs, inputs = _weights_shape(W)
    rows = X.shape[:1]
    if not rows or rows == (0,) or (X.shape, Y.shape) != ((*rows, inputs), (*rows, outputs)):
        raise ValueError(
            f"for W of shape {W.shape}, inputs and targets must have the shapes (N, {inputs}) and "
            f"(N, {outputs}) with N at least 1, got {X.shape} and {Y.shape}"
        )
    return W, X, Y, q
