"""Thinc's Dropout with a forward and a backward pass of its own."""

import thinc.api

__all__ = ["Dropout"]


class Dropout:
    """A model of Thinc returns its backward pass with every call."""

    def __init__(self, rate):
        self.model = thinc.api.Dropout(rate)
        self.model.initialize()

    def forward(self, x, training=True):
        """Call the model, and keep its backward pass."""
        y, self.backward = self.model(x, is_train=training)
        return y
