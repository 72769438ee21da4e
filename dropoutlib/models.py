"""Two small networks with dropout in PyTorch, sequences of layers with nothing hidden."""

from . import _torch  # noqa: F401 (says what is missing, where PyTorch is)

# isort: split
import itertools
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from ._checks import check_count
from .nn import Dropout, Dropout2d

__all__ = ["ConvNetWithDropout", "MLPWithDropout"]


class MLPWithDropout(nn.Sequential):
    """Fully connected network with dropout behind every hidden layer.

    Each hidden layer is linear, ReLU, dropout; the output layer is linear, so that the network
    gives logits or the mean of a regression.

    Parameters
    ----------
    input_dim, output_dim : int
        Numbers of inputs and outputs.
    hidden_dims : sequence of int
        Widths of the hidden layers; none makes a linear model without dropout.
    dropout_p : float
        Probability of dropping a hidden unit, in [0, 1]; another one, or a size that is not a
        positive integer, is a ValueError or TypeError.

    Examples
    --------
    >>> import torch
    >>> net = MLPWithDropout(784, [512, 256], 10)
    >>> net(torch.zeros(32, 784)).shape
    torch.Size([32, 10])
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dims: Sequence[int],
        output_dim: int,
        dropout_p: float = 0.5,
    ) -> None:
        sizes = [input_dim, *hidden_dims]
        for size in (*sizes, output_dim):
            check_count("size", size, 1)
        layers = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), Dropout(dropout_p)]
        super().__init__(*layers, nn.Linear(sizes[-1], output_dim))


class ConvNetWithDropout(nn.Sequential):
    """Convolutional network for images of any size from 4 x 4, with spatial dropout.

    `features` are three stages of convolution (to 64, 128 and 256 channels), ReLU and `Dropout2d`,
    each with pooling, the last to the mean of each map; `classifier` is linear, ReLU, `Dropout`,
    linear. On maps that are averaged, dropout of single units would average away
    (``thm-spatial-variance``).

    Parameters and errors as for `MLPWithDropout`: the channels of the image, the number of logits,
    and the probability of dropping a map or, before the last layer, a unit.

    Examples
    --------
    >>> import torch
    >>> net = ConvNetWithDropout(3, 10)
    >>> net(torch.zeros(8, 3, 32, 32)).shape
    torch.Size([8, 10])
    """

    def __init__(self, in_channels: int, num_classes: int, dropout_p: float = 0.2) -> None:
        for size in (in_channels, num_classes):
            check_count("size", size, 1)
        poolings = [nn.MaxPool2d(2), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)]
        features = []
        for fan_in, fan_out, pooling in zip(
            (in_channels, 64, 128), (64, 128, 256), poolings, strict=True
        ):
            convolution = nn.Conv2d(fan_in, fan_out, 3, padding=1)
            features += [convolution, nn.ReLU(), Dropout2d(dropout_p), pooling]
        super().__init__(
            OrderedDict(
                features=nn.Sequential(*features, nn.Flatten()),
                classifier=MLPWithDropout(256, [128], num_classes, dropout_p),
            )
        )
