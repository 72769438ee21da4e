"""Dropout as modules: a probability, two flags, a generator, and a function of `functional`.

They subclass PyTorch's base class of dropout layers, so that whatever looks for those finds them,
and PyTorch's own layer where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from . import functional
from ._masking import check_choice, check_p
from .variants import connect_moments

__all__ = [
    "AlphaDropout",
    "ConcreteDropout",
    "DropBlock2d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "StandardDropout",
    "VariationalDropout",
    "reseed",
]


class _Own:
    """Constructor and forward pass of a layer whose function the subclass names."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        check_p(p)
        super().__init__(p, inplace)
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function of the class in the layer's mode."""
        return self._function(input, self.p, self.training, self.inplace, generator=self.generator)

    def __prepare_scriptable__(self) -> nn.Module:
        """What TorchScript compiles: torch's own layer of the same law, where there is one."""
        own = [kind for kind in type(self).__mro__ if kind.__module__ == _DropoutNd.__module__]
        if own[0] is _DropoutNd or self.generator is not None:
            raise NotImplementedError(
                f"TorchScript cannot compile {self}, which torch.nn has not, or not with a "
                "generator of its own: use torch.compile or torch.export"
            )
        return own[0](self.p, self.inplace).train(self.training)


class Dropout(_Own, nn.Dropout):
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
        sets. A copy of the layer copies it and goes on with the same masks, also in each worker
        of a ``DataLoader`` and each process of distributed training: see `reseed`.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean, an array or a tensor.
    TypeError
        If `p` is not a number; in the forward pass, if the input is no tensor.

    Examples
    --------
    >>> layer = Dropout(0.5, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.ones(6))
    tensor([0., 0., 2., 0., 0., 0.])
    >>> layer.eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    _function = staticmethod(functional.dropout)


class StandardDropout(_Own, _DropoutNd):
    """Standard dropout: x * m in training, q x in evaluation.

    Definition ``def-standard`` of the book; parameters and errors as for `Dropout`. Weights
    trained behind it are those of ``Dropout`` divided by q (``thm-conventions-agree``).

    Examples
    --------
    >>> StandardDropout(0.25).eval()(torch.ones(3))
    tensor([0.7500, 0.7500, 0.7500])
    """

    _function = staticmethod(functional.standard_dropout)

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, inplace, generator=generator)
        self.register_forward_pre_hook(_evaluates)


class GaussianDropout(_Own, _DropoutNd):
    """Gaussian dropout: x * e with e ~ N(1, p/q) in training, x itself in evaluation.

    Mean and variance of the noise are those of `Dropout` (``thm-gaussian-match``). Parameters
    and errors as for `Dropout`, and ValueError at p = 1, where the variance is infinite.
    Source: Srivastava et al. (2014), section 10.
    """

    _function = staticmethod(functional.gaussian_dropout)

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        if check_p(p) == 1:
            raise ValueError("GaussianDropout(p=1) would have infinite variance p/(1 - p)")
        super().__init__(p, inplace, generator=generator)


class Dropout1d(_Own, nn.Dropout1d):
    """Drop whole channels of sequences: x of shape (N, C, L) or (C, L).

    Parameters and errors as for `Dropout`, and RuntimeError for another number of axes.
    """

    _function = staticmethod(functional.dropout1d)


class Dropout2d(_Own, nn.Dropout2d):
    """Spatial dropout, whole channels of images: x of shape (N, C, H, W).

    The mean over a map keeps its full variance (``thm-spatial-variance``). Parameters and
    errors as for `Dropout`; other numbers of axes are read, and warned of, as
    `functional.dropout2d` says. Source: Tompson et al. (2015).
    """

    _function = staticmethod(functional.dropout2d)


class Dropout3d(_Own, nn.Dropout3d):
    """Drop whole channels of volumes: x of shape (N, C, D, H, W) or (C, D, H, W).

    Parameters and errors as for `Dropout`; other numbers of axes are read, and warned of, as
    `functional.dropout3d` says.
    """

    _function = staticmethod(functional.dropout3d)


class AlphaDropout(_Own, nn.AlphaDropout):
    """Alpha dropout for networks with SELU: a (x m + alpha' (1 - m)) + b in training.

    Inputs of mean 0 and variance 1 keep both, in expectation over the masks (``thm-alpha``);
    at p = 1 the output is zero. Parameters and errors as for `Dropout`. Source: Klambauer et
    al. (2017), "New dropout technique".
    """

    _function = staticmethod(functional.alpha_dropout)


class FeatureAlphaDropout(_Own, nn.FeatureAlphaDropout):
    """Alpha dropout of whole channels: x of shape (N, C, ...).

    Parameters and errors as for `AlphaDropout`, and RuntimeError for fewer than two axes.
    """

    _function = staticmethod(functional.feature_alpha_dropout)


class DropPath(_Own, _DropoutNd):
    """Drop a residual branch for a whole sample (stochastic depth).

    Behind a branch f it gives x + f(x) m / q, whose mean is x + f(x) (``thm-droppath``). The
    probability is `p`, as in every dropout layer, and also `drop_prob`. Parameters and errors are
    those of `functional.drop_path`, generators as for `Dropout`.
    """

    def __init__(
        self,
        drop_prob: float = 0.0,
        scale_by_keep: bool = True,
        mode: str = "row",
        *,
        generator: Generator | None = None,
    ) -> None:
        check_p(drop_prob, "drop")
        check_choice("mode", mode, "batch", "row")
        super().__init__(drop_prob, generator=generator)
        self.scale_by_keep = scale_by_keep
        self.mode = mode

    @property
    def drop_prob(self) -> float:
        """The drop probability, another name for `p`."""
        return self.p

    @drop_prob.setter
    def drop_prob(self, value: float) -> None:
        self.p = value

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer in its mode; see `functional.drop_path`."""
        return functional.drop_path(
            x, self.p, self.training, self.scale_by_keep, self.mode, generator=self.generator
        )

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation, three decimals as in timm."""
        return f"drop_prob={self.p:.3f}, mode={self.mode}"


class DropBlock2d(_Own, _DropoutNd):
    """Drop square blocks of each channel and rescale what is left: x of shape (N, C, H, W).

    Less than p is dropped, since blocks overlap (``approx-dropblock``). Parameters and errors are
    those of `functional.drop_block2d`, generators as for `Dropout`. Source: Ghiasi, Lin and Le
    (2018).
    """

    def __init__(
        self,
        p: float = 0.5,
        block_size: int = 7,
        inplace: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, inplace, generator=generator)
        self.block_size = block_size

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer in its mode; see `functional.drop_block2d`."""
        options = (self.p, self.block_size, self.training, self.inplace)
        return functional.drop_block2d(input, *options, generator=self.generator)

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}"


class VariationalDropout(_Own, _DropoutNd):
    """One mask a sequence: x of shape (N, T, F), or (T, N, F) if not `batch_first`.

    Unlike in PyTorch's recurrent layers `batch_first` is the default, as in `dropoutlib.layers`.
    Parameters and errors are those of `functional.variational_dropout`, generators as for
    `Dropout`. Source: Gal and Ghahramani (2016, recurrent networks).
    """

    def __init__(
        self,
        p: float = 0.5,
        batch_first: bool = True,
        inplace: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, inplace, generator=generator)
        self.batch_first = batch_first

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer in its mode; see `functional.variational_dropout`."""
        options = (self.p, self.training, self.inplace, self.batch_first)
        return functional.variational_dropout(input, *options, generator=self.generator)

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        return f"p={self.p}, batch_first={self.batch_first}, inplace={self.inplace}"


class ConcreteDropout(_Own, _DropoutNd):
    """Inverted dropout whose p is learned by gradient descent: x (1 - z) / (1 - p) in training.

    The drop indicator is relaxed to z = sigmoid((logit p + logit U) / t) with U uniform, which
    is differentiable in p. Its mean is not exactly p, and its variance is smaller than that of
    a Bernoulli mask; both gaps vanish with the temperature t.

    Parameters
    ----------
    p : float
        Initial probability, strictly between 0 and 1.
    temperature : float
        Temperature t of the relaxation, positive.
    generator : torch.Generator, optional
        Source of the noise, as for `Dropout`, also errors; ValueError also for p = 0, p = 1 and a
        temperature that is not positive.

    Attributes
    ----------
    logit : Parameter, shape ()
        What is learned, and all that ``state_dict`` holds.

    References
    ----------
    Gal, Hron and Kendall (2017).
    """

    def __init__(
        self, p: float = 0.5, temperature: float = 0.1, *, generator: Generator | None = None
    ) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got temperature={temperature!r}")
        super().__init__(p, generator=generator)
        self.temperature = temperature

    @property
    def p(self) -> float:
        """Probability of dropping as a float, the sigmoid of `logit`."""
        return torch.sigmoid(self.logit.detach()).item()

    @p.setter
    def p(self, value: float) -> None:
        value = check_p(value)
        if not 0 < value < 1:
            raise ValueError(f"a learned p must lie strictly between 0 and 1, got p={value!r}")
        logit = math.log(value) - math.log1p(-value)
        if "logit" in self._parameters:
            nn.init.constant_(self.logit, logit)
        else:
            self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer in its mode; see `functional.concrete_dropout`."""
        return functional.concrete_dropout(
            input, self.logit, self.temperature, self.training, generator=self.generator
        )

    def regulariser(
        self, weight: Tensor, n_inputs: int, *, weight_scale: float, entropy_scale: float
    ) -> Tensor:
        """Penalty s_w ||W||^2 / q - s_H K H(p) that belongs into the loss.

        Parameters
        ----------
        weight : Tensor
            Weights W behind the layer.
        n_inputs : int
            Number K of units that the layer masks.
        weight_scale, entropy_scale : float
            Factors s_w and s_H; l^2/N and 2/N for squared loss of precision 1.

        Returns
        -------
        Tensor, shape ()
        """
        p, q = torch.sigmoid(self.logit), torch.sigmoid(-self.logit)
        log_p, log_q = (nn.functional.logsigmoid(sign * self.logit) for sign in (1, -1))
        entropy = -p * log_p - q * log_q
        return weight_scale * weight.square().sum() / q - entropy_scale * n_inputs * entropy

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        known = "unknown" if self.logit.is_meta else f"{self.p:.3f}"
        return f"p={known}, temperature={self.temperature}"


class DropConnectLinear(nn.Linear, _DropoutNd):
    """Linear layer with masked weights: x (W * M)^T / q + c in training, x W^T + c in evaluation.

    Each row of the input has a mask of its own, which takes rows * out * in bytes; the bias is
    never masked, and the stored weights never change. It is a ``torch.nn.Linear``, whose
    ``state_dict`` it shares, and one of PyTorch's dropout layers. Parameters and errors are those
    of ``torch.nn.Linear`` and of `functional.dropconnect_linear`, generators as for `Dropout`.
    Source: Wan et al. (2013).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float = 0.5,
        bias: bool = True,
        inference: str = "mean",
        *,
        generator: Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        p = check_p(p)
        check_choice("inference", inference, "mean", "gaussian")
        super().__init__(in_features, out_features, bias, device, dtype)
        self.p = p
        self.inference = inference
        self.generator = generator
        self.register_forward_pre_hook(_evaluates)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer in its mode; see `functional.dropconnect_linear`."""
        options = (self.weight, self.bias, self.p, self.training, self.inference)
        return functional.dropconnect_linear(input, *options, generator=self.generator)

    def moments(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the output over the masks (``thm-dropconnect-moments``).

        Parameters
        ----------
        input : Tensor, shape (..., in)

        Returns
        -------
        mean, variance : Tensor, shape (..., out)
            x W^T + c and (p/q) (x * x)(W * W)^T: the kept weights are divided by q.

        Raises
        ------
        ValueError
            At p = 1, where the variance is infinite.
        """
        mean, variance = connect_moments(input, self.weight, self.bias, check_p(self.p))
        return mean, variance.to(mean.dtype)

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        return f"{super().extra_repr()}, p={self.p}, inference={self.inference}"


def reseed(module: nn.Module, seed: int | None = None) -> None:
    """Give each generator that layers of `module` have of their own a new, different seed.

    Without it each worker of a ``DataLoader``, and each process that was forked or sent the
    layers, goes on from the same state and draws the same masks. In a worker
    ``torch.initial_seed()`` differs from the others', so that this suffices for a data set that
    holds layers in `transform`::

        def worker_init(_):
            reseed(torch.utils.data.get_worker_info().dataset.transform)

    Parameters
    ----------
    module : Module
        Layers without a generator of their own are left alone; one that is shared is seeded once.
    seed : int, optional
        From which the seeds follow; by default ``torch.initial_seed()`` of the process.

    Examples
    --------
    >>> layer = Dropout(0.5, generator=torch.Generator())
    >>> reseed(layer, 1)
    >>> first = layer(torch.ones(100))
    >>> reseed(layer, 2)
    >>> torch.equal(layer(torch.ones(100)), first)
    False
    """
    source = torch.Generator().manual_seed(torch.initial_seed() if seed is None else seed)
    found = {id(own): own for each in module.modules() if (own := getattr(each, "generator", None))}
    for generator in found.values():
        generator.manual_seed(torch.randint(2**63 - 1, (), generator=source).item())


def _evaluates(module: nn.Module, inputs: tuple[Tensor]) -> None:
    """Hook that only has to be there.

    In evaluation `nn.TransformerEncoderLayer` runs a fused kernel that leaves out its dropout and
    linear layers, unless one of its modules has a hook: right only where those layers do nothing,
    or what `nn.Linear` does.
    """
