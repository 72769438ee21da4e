"""Sums over all subsets, one addition for each, and the subnetworks that are made of them."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import array_of, check_count
from dropoutlib.masks import enumerate_masks

__all__ = ["OneHiddenLayer", "iterate_masks", "iterate_subset_sums", "subset_sums"]


def subset_sums(terms: ArrayLike, start: ArrayLike | None = None) -> NDArray:
    """``start`` plus the sum of each subset of the rows of `terms`.

    Doubles a table: the sums with row k are those without it, plus row k.

    Parameters
    ----------
    terms : array_like, shape (n, ...)
        The n rows; of any dtype that can be added, object arrays of Fractions included. Short
        integers are widened, as by `numpy.sum`.
    start : array_like, optional
        What the empty subset sums to, of the shape of one row or broadcast to it; by default 0.

    Returns
    -------
    ndarray, shape (2**n, ...)
        In the order of `enumerate_masks`: row k holds the sum over the subset that the binary
        digits of k spell, the first row of `terms` the least significant.

    Raises
    ------
    ValueError
        If `terms` has no axis.

    Notes
    -----
    Theorem ``thm-enumeration-cost``: ``2^n - 1`` additions for each column of `terms`.

    Examples
    --------
    >>> subset_sums([1, 10, 100]).tolist()
    [0, 1, 10, 11, 100, 101, 110, 111]
    """
    terms = _rows(terms, "subset_sums")
    if start is None:
        start = np.zeros(terms.shape[1:], terms.dtype)
    start = np.asarray(start)
    table = np.empty((1 << len(terms), *terms.shape[1:]), np.result_type(terms, start))
    table[0] = start[()]  # a number, not an array of one, in an array of objects
    for k, row in enumerate(terms):
        np.add(table[: 1 << k], row, out=table[1 << k : 2 << k])
    return table


def iterate_masks(n: int, chunk: int = 12) -> Iterator[NDArray[np.bool_]]:
    """The masks of `enumerate_masks`, in its order, at most 2^chunk at a time, for `n` of any size.

    Each is an ndarray of bool, shape (2**min(n, chunk), n). A negative `n` or a `chunk` below 1 is
    a ValueError, and what is no integer a TypeError.

    Examples
    --------
    >>> [len(masks) for masks in iterate_masks(4, chunk=3)]
    [8, 8]
    """
    low = min(n, check_count("chunk", chunk, 1))
    lower = enumerate_masks(low)
    if low == n:
        yield lower
        return
    for block in iterate_masks(n - low, chunk):
        for upper in block:
            yield np.hstack([lower, np.broadcast_to(upper, (len(lower), n - low))])


def iterate_subset_sums(
    terms: ArrayLike, start: ArrayLike | None = None, chunk: int = 12
) -> Iterator[NDArray]:
    """The sums of `subset_sums`, in its order, at most 2^chunk at a time.

    Splits the rows in two halves, the first of at most `chunk` rows: every sum is one of the
    first half plus one of the second (Horowitz and Sahni 1974), so that two short tables take
    the place of the long one.

    Parameters
    ----------
    terms, start
        As for `subset_sums`.
    chunk : int
        Binary logarithm of the largest number of sums in memory, at least 1.

    Yields
    ------
    ndarray, shape (2**min(n, chunk), ...)
        Valid until the next one is asked for, which overwrites it.

    Raises
    ------
    ValueError
        If `terms` has no axis or `chunk` is less than 1.

    Notes
    -----
    Theorem ``thm-enumeration-cost``: for n <= 2 chunk rows ``2^n + 2^l + 2^(n-l) - 2``
    additions for each column, with l = min(n, chunk) < n.

    Examples
    --------
    >>> [sums.tolist() for sums in iterate_subset_sums([1, 10, 100], chunk=2)]
    [[0, 1, 10, 11], [100, 101, 110, 111]]
    """
    terms = _rows(terms, "iterate_subset_sums")
    check_count("chunk", chunk, 1)
    lower = subset_sums(terms[:chunk], start)
    if len(terms) <= chunk:
        yield lower
        return
    work = np.empty_like(lower)
    for block in iterate_subset_sums(terms[chunk:], chunk=chunk):
        for upper in block:
            yield np.add(lower, upper, out=work)


def _rows(terms, name):
    terms = array_of("terms", terms)
    if terms.ndim == 0:
        raise ValueError(f"{name} needs an array of rows, got a number, terms={terms!r}")
    short = terms.dtype.kind in "biu" and terms.dtype.itemsize < 8
    return terms.astype(np.int64) if short else terms


class OneHiddenLayer:
    """The subnetworks of a net with one hidden layer whose n inputs can be dropped.

    ``head(act(W (m * x) + b) @ V.T + c)`` as a function of the mask m (``def-subnetwork``). It
    is a callable as any other; averaged over all masks it takes about one addition for each
    mask and hidden unit instead of n (``thm-enumeration-cost``; see `iterate_subset_sums`).

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
    >>> from book.ensemble import arithmetic_mean
    >>> net = OneHiddenLayer([1.0, 2.0], [[1.0, -1.0]], [0.0], [[1.0]], [0.0])
    >>> net([[0, 0], [1, 0], [0, 1], [1, 1]]).ravel()  # relu of 0, 1, -2, -1
    array([0., 1., 0., 0.])
    >>> arithmetic_mean(net, 2, 0.5).item()
    0.25
    """

    def __init__(
        self,
        x: ArrayLike,
        W: ArrayLike,
        b: ArrayLike,
        V: ArrayLike,
        c: ArrayLike,
        *,
        activation: Callable[[NDArray], NDArray] | None = None,
        head: Callable[[NDArray], NDArray] | None = None,
    ) -> None:
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

    def __call__(self, masks: ArrayLike) -> NDArray[np.float64]:
        """Outputs of the subnetworks of `masks`, of shape (k, n): an array of shape (k, O).

        Masks may be real numbers: the scaled network is that of the mean mask, all q.
        """
        return self._output(masks @ self.terms + self.b)

    def over_all_masks(self, chunk: int) -> Iterator[NDArray[np.float64]]:
        """Outputs of all 2^n subnetworks in the order of `iterate_masks`, 2^chunk at a time."""
        return map(self._output, iterate_subset_sums(self.terms, self.b, chunk))

    def _output(self, hidden):
        if self.activation is None:
            np.maximum(hidden, 0.0, out=hidden)
        else:
            hidden = self.activation(hidden)
        output = hidden @ self.V.T + self.c
        return output if self.head is None else self.head(output)
