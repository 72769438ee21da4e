"""All subnetworks of a net with one hidden layer, one addition a mask and hidden unit."""

import numpy as np

from .subsets import iterate_subset_sums

__all__ = ["OneHiddenLayer"]


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
    >>> from dropoutlib.ensemble import expectation
    >>> net = OneHiddenLayer([1.0, 2.0], [[1.0, -1.0]], [0.0], [[1.0]], [0.0])
    >>> net([[0, 0], [1, 0], [0, 1], [1, 1]]).ravel()  # relu of 0, 1, -2, -1
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
        """Outputs of the subnetworks of `masks`, of shape (k, n): an array of shape (k, O).

        Masks may be real numbers: the scaled network is that of the mean mask, all q.
        """
        return self._output(masks @ self.terms + self.b)

    def over_all_masks(self, chunk):
        """Outputs of all 2^n subnetworks in the order of `iterate_masks`, 2^chunk at a time."""
        return map(self._output, iterate_subset_sums(self.terms, self.b, chunk))

    def _output(self, hidden):
        if self.activation is None:
            np.maximum(hidden, 0.0, out=hidden)
        else:
            hidden = self.activation(hidden)
        output = hidden @ self.V.T + self.c
        return output if self.head is None else self.head(output)
