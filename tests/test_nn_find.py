"""What drops in a model: found by class, or in the code of the forward pass, and named."""

import doctest

import torch.nn.functional as F
from torch import nn

from dropoutlib.nn import find, finding
from dropoutlib.nn.finding import modes


class Attention(nn.Module):
    """Reads p of a dropout layer that it does not call, as timm and transformers do."""

    def __init__(self, call=False):
        super().__init__()
        self.call = call
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.attn_drop, self.drop = nn.Dropout(0.5), nn.Dropout(0.1)

    def forward(self, z):
        """Attention of all rows to all, fused."""
        q, k, v = self.qkv(z).chunk(3, -1)
        p = self.attn_drop.p if self.training else 0.0
        return self.drop(self.out(F.scaled_dot_product_attention(q, k, v, dropout_p=p)))


def test_a_layer_whose_p_is_read_is_named_and_stays_off():
    model = nn.Sequential(Attention())
    read, called = find(model)
    assert (read.name, read.p, read.reach, read.owner) == ("0.attn_drop", 0.5, "read", model[0])
    assert "test_nn_find.py" in read.place
    assert (called.name, called.reach) == ("0.drop", "call")
    assert modes(model) == ({model[0].drop}, [read])
    assert modes(model, [Attention]) == ({model[0].drop, model[0]}, [])


def test_examples_in_the_docstrings():
    assert doctest.testmod(finding).attempted
    assert not doctest.testmod(finding).failed
