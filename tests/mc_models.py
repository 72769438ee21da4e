"""Models for the tests of Monte Carlo dropout, and plain passes to compare with."""
# ruff: noqa: D102

import torch
import torch.nn.functional as F
from torch import nn

from dropoutlib.bayes import sampling
from dropoutlib.bayes.streams import ReuseError

__all__ = [
    "Attention",
    "Path",
    "Residual",
    "Transformer",
    "in_full",
    "plain_loop",
    "unknown_layers",
]


class Path(nn.Module):
    """Stochastic depth as timm and torchvision write it, with noise of its own."""

    def __init__(self, drop_prob):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        if self.drop_prob == 0.0 or not self.training:
            return x
        keep = 1 - self.drop_prob
        noise = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(keep)
        if keep > 0.0:
            noise.div_(keep)
        return x * noise


class Residual(nn.Module):
    """Convolutions with normalization, dropout in place and stochastic depth around them."""

    def __init__(self, width=4, p=0.3):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(p, inplace=True),
            nn.Conv2d(width, width, 1),
        )
        self.path = Path(p)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = torch.relu_(self.norm(self.stem(x)))
        x = x + self.path(self.branch(x))
        return self.head(x.mean(dim=(2, 3)))


class Transformer(nn.Module):
    """Two layers of torch's encoder, with dropout of attention, of units and of branches."""

    def __init__(self, size=8, heads=2, p=0.2):
        super().__init__()
        layer = nn.TransformerEncoderLayer(size, heads, 16, dropout=p, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(size, 3)

    def forward(self, x):
        return self.head(self.encoder(x)[:, 0])


def unknown_layers(monkeypatch):
    """From now on `mc_samples` knows no layers, and has to look at what a model does."""
    monkeypatch.setattr(sampling, "known_layers", lambda model, x: None)


def in_full(monkeypatch):
    """From now on run all passes of `mc_samples` in full: no part is shared, none together."""

    def first(*args):
        raise ReuseError("not wanted")

    unknown_layers(monkeypatch)
    monkeypatch.setattr(sampling.Sampler, "_sharing", first)


def plain_loop(model, x, total, active):
    """Samples of the model with the `active` modules in training mode, drawn by torch."""
    model.eval()
    for module in active:
        module.train()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # there is no dropout in it
    try:
        with torch.no_grad():
            return torch.stack([model(x) for _ in range(total)])
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class Attention(nn.Module):
    """A function of the query that torch has in one piece."""

    def __init__(self, p=0.3, causal=False):
        super().__init__()
        self.drop = nn.Dropout(p)
        self.causal = causal

    def forward(self, x):
        p = self.drop.p if self.training else 0.0
        return F.scaled_dot_product_attention(x, x, x, dropout_p=p, is_causal=self.causal)
