"""The two networks: shapes, where dropout is, and what is refused."""

import doctest

import pytest
import torch

from dropoutlib import models, nn
from dropoutlib.models import ConvNetWithDropout, MLPWithDropout


def test_multilayer_perceptron(seed):
    torch.manual_seed(seed)
    net = MLPWithDropout(8, [50, 40], 3, 0.4)
    probabilities = [layer.p for layer in net if isinstance(layer, nn.Dropout)]
    assert probabilities == [0.4, 0.4]
    x = torch.randn(5, 8)
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))
    assert isinstance(net[-1], torch.nn.Linear)
    assert len(MLPWithDropout(8, [], 3)) == 1


@pytest.mark.parametrize("side", [4, 28, 33])
def test_convolutional_network(side, seed):
    torch.manual_seed(seed)
    net = ConvNetWithDropout(1, 10)
    x = torch.randn(2, 1, side, side)
    assert net(x).shape == (2, 10)
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))
    assert net.features(x).shape == (2, 256)
    dropout = [layer for layer in net.modules() if hasattr(layer, "p")]
    assert [type(layer) for layer in dropout] == [nn.Dropout2d] * 3 + [nn.Dropout]
    assert {layer.p for layer in dropout} == {0.2}
    sizes = [64, 128, 256, 128, 10]
    assert [len(layer.bias) for layer in net.modules() if hasattr(layer, "bias")] == sizes


def test_both_learn(seed):
    """Dropout is on, and the loss on two separable classes falls all the same."""
    torch.manual_seed(seed)
    labels = torch.arange(64) % 2
    images = torch.randn(64, 1, 8, 8) + 2 * labels[:, None, None, None]
    for net, x in (
        (MLPWithDropout(64, [32], 2), images.flatten(1)),
        (ConvNetWithDropout(1, 2), images),
    ):
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(40):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x), labels).backward()
            optimizer.step()
        assert (net.eval()(x).argmax(1) == labels).float().mean() > 0.9


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MLPWithDropout(0, [3], 2), ValueError, "at least 1, got size=0"),
        (lambda: MLPWithDropout(4, [3.5], 2), TypeError, "an integer, got size=3.5"),
        (lambda: MLPWithDropout(4, [3], True), TypeError, "an integer, got size=True"),
        (lambda: MLPWithDropout(4, [3], 2, 1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda: ConvNetWithDropout(3, -1), ValueError, "at least 1, got size=-1"),
        (lambda: ConvNetWithDropout(3, 10, -0.1), ValueError, "between 0 and 1, but got -0.1"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_examples_in_the_docstrings():
    result = doctest.testmod(models)
    assert result.attempted
    assert not result.failed
