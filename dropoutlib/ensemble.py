"""Exact averages over the ensemble of all 2^n subnetworks: no draw, no sampling error.

A subnetwork is given by its mask, and what is averaged is any function of the mask.
`verify.expectation` does the same for up to 26 units and bounds the rounding error.
"""

import time
from fractions import Fraction

import numpy as np

from .masks import check_probability, enumerate_masks, iterate_masks, mask_weights

__all__ = ["OneHiddenLayer", "expectation", "geometric_mean", "variance"]

CHUNK_BYTES = 1 << 25  # values of f that are in memory together
MAX_CHUNK = 12  # at most 2^12 masks at a time, whose values mostly stay in cache
PROBE_SECONDS = 0.25  # how long to measure before the whole is estimated


def expectation(f, n, p, *, max_seconds=60):
    """Mean of f over all 2^n masks, each weighted with its probability P(m).

    Definition ``def-subnetwork`` and theorem ``thm-mask-weights`` of the book.

    Parameters
    ----------
    f : callable or OneHiddenLayer
        Takes masks, a boolean array of shape (k, n), True for a kept unit, and returns the
        values of these k subnetworks, real and finite, of shape (k, ...).
    n : int
        Number of units that can be dropped.
    p : float or fractions.Fraction
        Drop probability in [0, 1]. At p = 1/2 all subnetworks weigh the same.
    max_seconds : float
        The computation is given up, a quarter of a second into it, if it will take longer.
        ``math.inf`` never gives up.

    Returns
    -------
    ndarray of float64
        ``sum_m P(m) f(m)``, of the shape of one value of f.

    Raises
    ------
    ValueError
        For a wrong `p` or `n`, if f returns another number of values or values that are not
        finite, and if the estimate exceeds `max_seconds`; it then states number, memory and
        time.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> expectation(lambda masks: masks @ x, 3, 0.25).item()
    4.5
    """
    total = 0.0
    for weights, values in _weighted_values(f, n, p, max_seconds):
        total = total + np.tensordot(weights, values, 1)
    return np.asarray(total)


def variance(f, n, p, *, max_seconds=60):
    """Variance of f over all 2^n masks, each weighted with its probability P(m).

    Parameters, return value and errors as for `expectation`. The chunks' means and variances
    are merged (Chan, Golub and LeVeque 1983), so that nothing cancels.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> variance(lambda masks: masks @ x, 3, 0.25).item()  # p q times the sum of the squares
    2.625
    """
    weight, mean, squares = 0.0, 0.0, 0.0
    for weights, values in _weighted_values(f, n, p, max_seconds):
        added = weights.sum()
        center = np.tensordot(weights, values, 1) / added
        within = np.tensordot(weights, (values - center) ** 2, 1)
        step, share = center - mean, added / (weight + added)
        squares = squares + within + step**2 * weight * share
        mean = mean + step * share
        weight += added
    return np.asarray(squares / weight)


def geometric_mean(f, n, p, *, normalize=False, max_seconds=60):
    """Geometric mean of f over all 2^n masks: ``prod_m f(m)^P(m)``.

    For softmax regression the normalised mean is the scaled network itself
    (``thm-weight-scaling-softmax``; Srivastava et al. 2014, section 10.2). For the unweighted
    mean at another drop rate of f, pass p = 1/2.

    Parameters
    ----------
    f, n, p, max_seconds
        As for `expectation`. The values must not be negative.
    normalize : bool
        Whether to divide by the sum along the last axis, so that classes sum to 1.

    Returns
    -------
    ndarray of float64
        Of the shape of one value of f. 0 where f vanishes for a mask of positive probability.

    Raises
    ------
    ValueError
        As `expectation`, if a value is negative, or if all classes vanish and `normalize`.

    Examples
    --------
    >>> geometric_mean(lambda masks: 4.0 ** masks.sum(axis=1), 1, 0.5).item()
    2.0
    """
    logs = 0.0
    for weights, values in _weighted_values(f, n, p, max_seconds):
        if (values < 0).any():
            raise ValueError(f"a geometric mean needs values of at least 0, got {values.min()}")
        with np.errstate(divide="ignore"):
            logs = logs + np.tensordot(weights, np.log(values), 1)
    if not normalize:
        return np.exp(logs)
    top = np.max(logs, axis=-1, keepdims=True)
    if (top == -np.inf).any():
        raise ValueError("normalize=True, but the geometric mean of every class is 0")
    scaled = np.exp(logs - top)
    return scaled / scaled.sum(axis=-1, keepdims=True)


class OneHiddenLayer:
    """The subnetworks of a net with one hidden layer whose n inputs can be dropped.

    ``head(act(W (m * x) + b) @ V.T + c)`` as a function of the mask m. It is a callable as any
    other; averaged over all masks it takes one addition for each mask and hidden unit instead
    of n, as preactivations are sums of one of the masks' lower half and one of their upper half.

    Parameters
    ----------
    x : array_like, shape (n,)
        The input. In the inverted convention pass ``x / q``.
    W, b : array_like, shapes (H, n) and (H,)
        Weights and biases of the hidden layer.
    V, c : array_like, shapes (O, H) and (O,)
        Weights and biases of the output layer.
    activation : callable, optional
        Of the hidden units, elementwise; by default the ReLU.
    head : callable, optional
        Of the outputs, of shape (k, O), for instance a softmax; by default the identity.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> net = OneHiddenLayer([1.0, 2.0], [[1.0, -1.0]], [0.0], [[1.0]], [0.0])
    >>> net(enumerate_masks(2)).ravel()  # relu of 0, 1, -2, -1
    array([0., 1., 0., 0.])
    >>> expectation(net, 2, 0.5).item()
    0.25
    """

    def __init__(self, x, W, b, V, c, *, activation=None, head=None):
        x, W, b, V, c = (np.asarray(part, dtype=float) for part in (x, W, b, V, c))
        shapes = x.shape, W.shape, b.shape, V.shape, c.shape
        hidden, outputs = b.shape[:1], c.shape[:1]
        if shapes != (x.shape[:1], hidden + x.shape[:1], hidden, outputs + hidden, outputs):
            raise ValueError(
                "x, W, b, V, c must have the shapes (n,), (H, n), (H,), (O, H), (O,), got "
                + ", ".join(map(str, shapes))
            )
        self.terms = W.T * x[:, None]  # what each kept input adds to the preactivations
        self.b, self.V, self.c = b, V, c
        self.activation, self.head = activation, head

    def __call__(self, masks):
        """Outputs of the subnetworks of `masks`, of shape (k, n): an array of shape (k, O)."""
        return self._output(masks @ self.terms + self.b)

    def over_all_masks(self, chunk):
        """Outputs of all 2^n subnetworks in the order of `iterate_masks`, 2^chunk at a time."""
        low = min(len(self.terms), chunk)
        lower = enumerate_masks(low) @ self.terms[:low] + self.b
        work = np.empty_like(lower)
        for block in iterate_masks(len(self.terms) - low):
            for upper in block @ self.terms[low:]:
                yield self._output(np.add(lower, upper, out=work))

    def _output(self, hidden):
        if self.activation is None:
            np.maximum(hidden, 0.0, out=hidden)
        else:
            hidden = self.activation(hidden)
        output = hidden @ self.V.T + self.c
        return output if self.head is None else self.head(output)


def _weighted_values(f, n, p, max_seconds):
    """Chunks of P(m), where it is not 0, and of the values of f that go with them."""
    check_probability(p)
    p = p if isinstance(p, Fraction) else Fraction(float(p))  # each weight is rounded only once
    by_count = mask_weights(np.tri(n + 1, n, -1, dtype=bool), p).astype(float)
    fast = isinstance(f, OneHiddenLayer)
    if fast and n != len(f.terms):
        raise ValueError(f"the net has {len(f.terms)} inputs, got n={n}")
    size = _checked(f(next(iterate_masks(n))[:1]), 1).nbytes
    chunk = min(MAX_CHUNK, max(1, (CHUNK_BYTES // max(1, size)).bit_length() - 1))
    kept = enumerate_masks(min(n, chunk)).sum(axis=1)
    start, measured = time.perf_counter(), False
    chunks = f.over_all_masks(chunk) if fast else map(f, iterate_masks(n, chunk))
    for number, values in enumerate(chunks):  # whose bits are the upper units of its masks
        values = _checked(values, len(kept))
        weights = by_count[kept + number.bit_count()]
        used = weights > 0  # not so at p = 0 and 1, where the other masks may have any value
        if used.all():
            yield weights, values
        elif used.any():
            yield weights[used], values[used]
        seconds = time.perf_counter() - start
        if not measured and seconds > min(PROBE_SECONDS, max_seconds):
            measured = True
            _check_patience(n, (number + 1) * len(kept), seconds, size, max_seconds)


def _checked(values, masks):
    """Values of f as float64, one for each mask."""
    values = np.asarray(values)
    if values.shape[:1] != (masks,):
        raise ValueError(
            f"f must return one value for each of {masks} masks, got shape {values.shape}"
        )
    values = values.astype(float, copy=False)
    if not np.isfinite(values).all():
        raise ValueError("f must be finite for every mask, got an infinite value or NaN")
    return values


def _check_patience(n, done, seconds, size, max_seconds):
    """Refuse what will take longer than it may, by what the first masks have taken."""
    total = 2.0 ** min(n, 1000)
    estimate = seconds * total / done
    if estimate > max_seconds:
        raise ValueError(
            f"n={n} units have 2^{n} = {total:.2g} subnetworks: about {estimate:.2g} seconds, more "
            f"than max_seconds={max_seconds:g}, and {total * size:.2g} bytes of values to look at; "
            "average fewer units, draw masks with sample_mask, or pass max_seconds=math.inf"
        )
