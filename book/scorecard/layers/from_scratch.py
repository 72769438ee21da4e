"""The layer that Dive into Deep Learning builds in its section on dropout, in words of our own."""

import torch

__all__ = ["DiveIntoDeepLearning"]


class DiveIntoDeepLearning(torch.nn.Module):
    """Zeros at p = 1; else uniform numbers above p keep, as 0 and 1 in float32."""

    def __init__(self, dropout):
        super().__init__()
        if not 0 <= dropout <= 1:
            raise AssertionError("the probability must lie between 0 and 1")
        self.dropout = dropout

    def forward(self, x):
        """Drop in training."""
        if not self.training:
            return x
        if self.dropout == 1:
            return torch.zeros_like(x)
        kept = torch.rand(x.shape).gt(self.dropout).float()
        return kept * x / (1.0 - self.dropout)
