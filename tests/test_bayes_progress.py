"""The progress bar: it counts every sample once, and is not there unless asked for."""

import sys

import pytest
import torch
from mc_models import in_full, unknown_layers
from torch import nn

from dropoutlib.bayes import mc_samples, rows, sampling

MODEL, X = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Linear(3, 1)), torch.ones(4, 2)


@pytest.fixture
def bars(monkeypatch):
    """Bars that tqdm was asked for."""
    made = []

    class Bar:
        def __init__(self, total, unit):
            self.total, self.unit, self.n, self.closed = total, unit, 0, False
            made.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.closed = True

        def update(self, count):
            self.n += count

    monkeypatch.setattr("tqdm.tqdm", Bar)
    return made


def test_off_by_default(bars, capsys):
    mc_samples(MODEL, X, 5)
    assert not bars
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("way", ["known layers", "in chunks", "one by one", "in full", "no rows"])
def test_every_sample_is_counted_once(way, bars, monkeypatch):
    x = X[:0] if way == "no rows" else X
    if way == "in full":
        in_full(monkeypatch)
    elif way != "known layers":
        unknown_layers(monkeypatch)
    monkeypatch.setattr(rows, "CHUNK_BYTES", 500)
    if way == "one by one":

        def refuse(function):
            raise RuntimeError("no vmap")

        monkeypatch.setattr(torch.func, "vmap", refuse)
    monkeypatch.setattr(sampling, "CHUNK_BYTES", 2000)
    mc_samples(MODEL, x, 50, progress=True)
    (bar,) = bars
    assert (bar.n, bar.total, bar.closed) == (50, 50, True)


def test_bar_is_closed_after_an_error(bars):
    with pytest.raises(RuntimeError):
        mc_samples(MODEL, torch.ones(4, 7), 5, progress=True)
    assert bars[0].closed


def test_bar_is_shown(capsys):
    mc_samples(MODEL, X, 5, progress=True)
    assert "5/5" in capsys.readouterr().err


def test_without_tqdm_there_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    modes = [module.training for module in MODEL.modules()]
    with pytest.raises(ImportError, match=r"needs tqdm: pip install 'dropoutlib\[progress\]'"):
        mc_samples(MODEL, X, 5, progress=True)
    assert mc_samples(MODEL, X, 5).shape == (5, 4, 1)
    assert [module.training for module in MODEL.modules()] == modes
