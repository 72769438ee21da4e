"""Which weight decay goes with which precision of the noise, in either convention of dropout."""

import numbers

from ..masks import check_probability
from .checks import check_positive

__all__ = ["model_precision", "model_weight_decay"]


def model_precision(p, length_scale, n, weight_decay, inverted=True):
    """Precision of the observation noise that a dropout objective implies.

    Theorem ``thm-precision`` of the book. For the objective ::

        1/(2 N) sum_i |y_i - f(x_i)|^2 + lambda |W|^2

    it is ``tau = l^2 / (2 q N lambda)`` when the weights W stand behind inverted dropout, and
    ``tau = q l^2 / (2 N lambda)`` when the masks are not scaled (Gal and Ghahramani 2016,
    equation 7, where p is the probability of *keeping*).

    Parameters
    ----------
    p : float
        Drop probability in [0, 1). 0 for weights with no dropout in front of them.
    length_scale : float
        Prior length scale l, positive: the prior's standard deviation is 1/l.
    n : int
        Number N of samples in the training set, at least 1.
    weight_decay : float
        The lambda above, positive. It multiplies the *whole* squared norm, and the loss has
        the factor 1/2: for a mean squared error without the 1/2 pass half of its lambda, and
        for an optimiser that adds ``wd * W`` to the gradient of the loss above, ``wd / 2``.
    inverted : bool
        Whether the layer divides by q in training, as PyTorch's and Keras' do.

    Returns
    -------
    float
        tau, in one over the squared unit of the target.

    Raises
    ------
    ValueError
        If a number is out of its range; p = 1 is, as nothing is learned then.
    TypeError
        If `n` is not an integer.

    Examples
    --------
    >>> model_precision(0.5, 1.0, 100, 0.01)
    1.0
    >>> model_precision(0.5, 1.0, 100, 0.01, inverted=False)
    0.25
    """
    check_positive(weight_decay=weight_decay)
    return _product(p, length_scale, n, inverted) / weight_decay


def model_weight_decay(p, length_scale, n, tau, inverted=True):
    """Weight decay with which dropout training maximises the evidence bound at a known noise.

    The inverse of `model_precision`, with its parameters, errors and meaning of lambda; `tau`
    is the precision of the noise, positive.

    Examples
    --------
    >>> model_weight_decay(0.5, 1.0, 100, 1.0)
    0.01
    """
    check_positive(tau=tau)
    return _product(p, length_scale, n, inverted) / tau


def _product(p, length_scale, n, inverted):
    """The product of lambda and tau."""
    q = _checked_keep(p, length_scale, n)
    return length_scale**2 / (2 * int(n)) * (1 / q if inverted else q)


def _checked_keep(p, length_scale, n):
    """The keep probability, once the arguments make sense."""
    q = 1 - check_probability(p)
    if q == 0:
        raise ValueError(f"drop probability p must be below 1, got p={p!r}")
    check_positive(length_scale=length_scale)
    if isinstance(n, bool) or not isinstance(n, numbers.Integral):
        raise TypeError(f"n must be an integer number of samples, got n={n!r}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got n={n!r}")
    return q
