"""Dropout as modules: a probability, two flags, and a function."""

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from . import functional

__all__ = ["Dropout", "StandardDropout"]


class Dropout(nn.Dropout):
    """Inverted dropout: x * m / q in training, x itself in evaluation.

    Definition ``def-inverted`` of the book; it stands in for ``torch.nn.Dropout``.

    Parameters
    ----------
    p : float
        Probability of dropping, in [0, 1]. It may be changed later and is checked again.
    inplace : bool
        Whether to change the input.
    generator : torch.Generator, optional
        Source of the masks; by default PyTorch's global generator, which `torch.manual_seed`
        sets.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean, an array or a tensor.
    TypeError
        If `p` is not a number.
    """

    def __init__(self, p=0.5, inplace=False, *, generator=None):
        functional.check_p(p)
        super().__init__(p, inplace)
        self.generator = generator

    def forward(self, input):
        """Apply dropout in the module's mode; see `dropoutlib.nn.functional.dropout`."""
        return functional.dropout(
            input, self.p, self.training, self.inplace, generator=self.generator
        )


class StandardDropout(_DropoutNd):
    """Standard dropout: x * m in training, q x in evaluation.

    Definition ``def-standard`` of the book; parameters and errors as for `Dropout`. Weights
    trained behind it are those of ``Dropout`` divided by q (``thm-conventions-agree``).
    """

    def __init__(self, p=0.5, inplace=False, *, generator=None):
        functional.check_p(p)
        super().__init__(p, inplace)
        self.generator = generator

    def forward(self, input):
        """Apply dropout in the module's mode; see `functional.standard_dropout`."""
        return functional.standard_dropout(
            input, self.p, self.training, self.inplace, generator=self.generator
        )
