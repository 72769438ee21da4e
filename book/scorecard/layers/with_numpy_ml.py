"""numpy-ml's Dropout, which wraps a layer, around one that returns what it gets."""

import collections
import collections.abc

collections.Hashable = collections.abc.Hashable  # its name until Python 3.9, which it imports

from numpy_ml.neural_nets.wrappers import Dropout as Wrapper  # noqa: E402

__all__ = ["Dropout"]


class Identity:
    """What the wrapper asks of a layer, and no more."""

    def __init__(self):
        self.trainable, self.hyperparameters = True, {}

    def forward(self, x, retain_derived=True):
        """Return the input."""
        return x

    def backward(self, grad, retain_grads=True):
        """Return the gradient."""
        return grad

    def freeze(self):
        """Stop training."""
        self.trainable = False

    def unfreeze(self):
        """Train."""
        self.trainable = True


class Dropout:
    """Evaluation freezes the wrapper, which switches its dropout off; training unfreezes it."""

    def __init__(self, p):
        self.wrapper = Wrapper(Identity(), p)
        self.backward = self.wrapper.backward

    def forward(self, x, training=True):
        """Switch when the mode changes, and call the wrapper."""
        if training != self.wrapper.trainable:
            (self.wrapper.unfreeze if training else self.wrapper.freeze)()
        return self.wrapper.forward(x)
