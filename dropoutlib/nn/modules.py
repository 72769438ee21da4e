"""Dropout as modules: a probability, two flags, and a function."""

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from . import functional
from .functional.common import check_p

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "FunctionalDropout",
    "GaussianDropout",
    "StandardDropout",
]


class FunctionalDropout:
    """Constructor and forward pass of a module whose function the subclass names."""

    def __init__(self, p=0.5, inplace=False, *, generator=None):
        check_p(p)
        super().__init__(p, inplace)
        self.generator = generator

    def forward(self, input):
        """Apply the function of the class in the module's mode."""
        return self._function(input, self.p, self.training, self.inplace, generator=self.generator)

    def __prepare_scriptable__(self):
        """What TorchScript compiles: torch's own layer of the same law, where there is one."""
        own = [kind for kind in type(self).__mro__ if kind.__module__ == _DropoutNd.__module__]
        if own[0] is _DropoutNd or self.generator is not None:  # it knows no generators
            return self
        return own[0](self.p, self.inplace).train(self.training)


class Dropout(FunctionalDropout, nn.Dropout):
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

    _function = staticmethod(functional.dropout)


class StandardDropout(FunctionalDropout, _DropoutNd):
    """Standard dropout: x * m in training, q x in evaluation.

    Definition ``def-standard`` of the book; parameters and errors as for `Dropout`. Weights
    trained behind it are those of ``Dropout`` divided by q (``thm-conventions-agree``).
    """

    _function = staticmethod(functional.standard_dropout)


class GaussianDropout(FunctionalDropout, _DropoutNd):
    """Gaussian dropout: x * e with e ~ N(1, p/q) in training, x itself in evaluation.

    Mean and variance of the noise are those of `Dropout` (``thm-gaussian-match``). Parameters
    and errors as for `Dropout`, and ValueError at p = 1, where the variance is infinite.
    Source: Srivastava et al. (2014), section 10.
    """

    _function = staticmethod(functional.gaussian_dropout)

    def __init__(self, p=0.5, inplace=False, *, generator=None):
        if check_p(p) == 1:
            raise ValueError("GaussianDropout(p=1) would have infinite variance p/(1 - p)")
        super().__init__(p, inplace, generator=generator)


class Dropout1d(FunctionalDropout, nn.Dropout1d):
    """Drop whole channels of sequences: x of shape (N, C, L) or (C, L).

    Parameters and errors as for `Dropout`, and RuntimeError for another number of axes.
    """

    _function = staticmethod(functional.dropout1d)


class Dropout2d(FunctionalDropout, nn.Dropout2d):
    """Spatial dropout, whole channels of images: x of shape (N, C, H, W).

    The mean over a map keeps its full variance (``thm-spatial-variance``). Parameters and
    errors as for `Dropout`; other numbers of axes are read, and warned of, as
    `functional.dropout2d` says. Source: Tompson et al. (2015).
    """

    _function = staticmethod(functional.dropout2d)


class Dropout3d(FunctionalDropout, nn.Dropout3d):
    """Drop whole channels of volumes: x of shape (N, C, D, H, W) or (C, D, H, W).

    Parameters and errors as for `Dropout`; other numbers of axes are read, and warned of, as
    `functional.dropout3d` says.
    """

    _function = staticmethod(functional.dropout3d)


class AlphaDropout(FunctionalDropout, nn.AlphaDropout):
    """Alpha dropout for networks with SELU: a (x m + alpha' (1 - m)) + b in training.

    Inputs of mean 0 and variance 1 keep both, in expectation over the masks (``thm-alpha``);
    at p = 1 the output is zero. Parameters and errors as for `Dropout`. Source: Klambauer et
    al. (2017), "New dropout technique".
    """

    _function = staticmethod(functional.alpha_dropout)


class FeatureAlphaDropout(FunctionalDropout, nn.FeatureAlphaDropout):
    """Alpha dropout of whole channels: x of shape (N, C, ...).

    Parameters and errors as for `AlphaDropout`, and RuntimeError for fewer than two axes.
    """

    _function = staticmethod(functional.feature_alpha_dropout)
