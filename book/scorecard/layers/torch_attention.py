"""PyTorch's module of attention, called as a function of queries, keys and values."""

import torch

__all__ = ["MultiheadAttention"]


class MultiheadAttention(torch.nn.Module):
    """``torch.nn.MultiheadAttention`` whose projections leave everything as it is."""

    def __init__(self, dropout):
        super().__init__()
        self.dropout = dropout
        self.build(1, 1)

    def build(self, heads, size):
        """Make the module for that many heads; identities are its projections."""
        width = heads * size
        self.made, self.layer = (
            (heads, size),
            torch.nn.MultiheadAttention(
                width, heads, dropout=self.dropout, bias=False, batch_first=True
            ),
        )
        with torch.no_grad():
            self.layer.in_proj_weight.copy_(torch.eye(width).repeat(3, 1))
            self.layer.out_proj.weight.copy_(torch.eye(width))
        self.layer.train(self.training)

    def forward(self, query, key, value):
        """Attend; the three and the result have shape (samples, heads, length, size)."""
        heads, size = value.shape[1], value.shape[3]
        if self.made != (heads, size):
            self.build(heads, size)
        flat = (given.transpose(1, 2).flatten(2) for given in (query, key, value))
        y, _ = self.layer.to(value.dtype)(*flat, need_weights=False)
        return y.unflatten(2, (heads, size)).transpose(1, 2)
