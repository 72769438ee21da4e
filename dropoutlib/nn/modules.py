"""Dropout as modules: a probability, two flags, a generator, and a function of `functional`.

They subclass PyTorch's base class of dropout layers, so that whatever looks for those finds them,
and PyTorch's own layer where there is one, whose place they can take in a model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ClassVar, TypeVar

import torch
from torch import Generator, Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from .._checks import check_choice
from . import functional
from ._masking import check_p
from .finding import find
from .parametric import evaluates

Model = TypeVar("Model", bound=nn.Module)

# Layers of torch and of this library, by one name.
NAMES = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")


class _Own(_DropoutNd):
    """Constructor and forward pass of a layer whose function the subclass names."""

    _function: ClassVar[Callable[..., Tensor]]
    _shown: ClassVar[tuple[str, ...]] = ("p", "inplace")
    _evaluates: ClassVar[bool] = False  # whether evaluation is more than the identity

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        check_p(p)
        super().__init__(p, inplace)
        self.generator = generator
        if self._evaluates:
            self.register_forward_pre_hook(evaluates)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function of the class in the layer's mode."""
        on, inplace = self.training, self.inplace
        return (
            self._function(input, self.p, on, inplace)
            if self.generator is None  # all that TorchScript compiles then
            else self._function(input, self.p, on, inplace, generator=self.generator)
        )

    def extra_repr(self) -> str:
        """Text between the parentheses of the representation."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)

    def __prepare_scriptable__(self) -> nn.Module:
        """Refuse in words what TorchScript cannot compile."""
        if self.generator is not None:
            raise NotImplementedError(f"TorchScript cannot compile a generator of its own: {self}")
        return self


class Dropout(_Own, nn.Dropout):
    """Inverted dropout: x * m / q in training, x itself in evaluation.

    Definition ``def-inverted`` of the book; it stands in for ``torch.nn.Dropout``. A `p` that is no
    number in [0, 1] is a ValueError or a TypeError, and so is, in the forward pass, what is no
    tensor; other errors are those of the function of the same name. All of this is so, with the
    same parameters, for the other modules where they say nothing else.

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

    Examples
    --------
    >>> layer = Dropout(0.5, generator=torch.Generator().manual_seed(0))
    >>> layer(torch.ones(6))
    tensor([0., 0., 2., 0., 0., 0.])
    """

    _function = staticmethod(functional.dropout)


class StandardDropout(_Own):
    """Standard dropout: x * m in training, q x in evaluation.

    Definition ``def-standard`` of the book; parameters and errors as for `Dropout`. Weights
    trained behind it are those of ``Dropout`` divided by q (``thm-conventions-agree``).
    """

    _function = staticmethod(functional.standard_dropout)
    _evaluates = True


class GaussianDropout(_Own):
    """Gaussian dropout: x * e with e ~ N(1, p/q) in training, x itself in evaluation.

    Parameters and errors as for `Dropout`, and ValueError at p = 1, where the variance is infinite;
    see `functional.gaussian_dropout`.
    """

    _function = staticmethod(functional.gaussian_dropout)

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        if check_p(p) == 1:
            raise ValueError("GaussianDropout(p=1) would have infinite variance p/(1 - p)")
        super().__init__(p, inplace, generator=generator)


class Dropout1d(_Own, nn.Dropout1d):
    """Drop whole channels of sequences, (N, C, L) or (C, L): see `functional.dropout1d`."""

    _function = staticmethod(functional.dropout1d)


class Dropout2d(_Own, nn.Dropout2d):
    """Spatial dropout, whole channels of images (N, C, H, W): see `functional.dropout2d`."""

    _function = staticmethod(functional.dropout2d)


class Dropout3d(_Own, nn.Dropout3d):
    """Drop channels of volumes, (N, C, D, H, W) or (C, D, H, W): see `functional.dropout3d`."""

    _function = staticmethod(functional.dropout3d)


class AlphaDropout(_Own, nn.AlphaDropout):
    """Alpha dropout for networks with SELU: see `functional.alpha_dropout`."""

    _function = staticmethod(functional.alpha_dropout)


class FeatureAlphaDropout(_Own, nn.FeatureAlphaDropout):
    """Alpha dropout of whole channels (N, C, ...): see `functional.feature_alpha_dropout`."""

    _function = staticmethod(functional.feature_alpha_dropout)


class DropPath(_Own):
    """Drop a residual branch for a whole sample (stochastic depth).

    The probability is `p`, as in every dropout layer, and also `drop_prob`. Parameters and errors
    are those of `functional.drop_path`, generators as for `Dropout`.
    """

    __jit_unused_properties__: ClassVar[list[str]] = ["drop_prob"]

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


class DropBlock2d(_Own):
    """Drop square blocks of each channel and rescale what is left: x of shape (N, C, H, W).

    Parameters and errors are those of `functional.drop_block2d`, generators as for `Dropout`.
    """

    _shown = ("p", "block_size", "inplace")

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


class VariationalDropout(_Own):
    """One mask a sequence: x of shape (N, T, F), or (T, N, F) if not `batch_first`.

    Unlike in PyTorch's recurrent layers `batch_first` is the default, as in `dropoutlib.layers`.
    Parameters and errors as for `functional.variational_dropout`, generators as for `Dropout`.
    """

    _shown = ("p", "batch_first", "inplace")

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


def replace(model: Model, *, back: bool = False) -> Model:
    """Replace torch's dropout layers by those of this library, in place; or, asked for, back.

    Each layer stays the object that it is, with its mode, p, hooks and places in the model, and
    gets the class of the other library: so nothing that refers to it has to be told. Only layers
    of exactly these classes are replaced; what torch does not have, and what has a generator of
    its own, does not go back. It returns the model itself; what is no Module is a TypeError.
    A UserWarning names what drops and stays as it is, such as ``nn.MultiheadAttention`` and
    ``nn.LSTM``, which drop by themselves.

    Examples
    --------
    >>> model = replace(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2)))
    >>> isinstance(model[1], Dropout)
    True
    >>> type(replace(model, back=True)[1]) is nn.Dropout
    True
    """
    pairs = {getattr(nn, name): globals()[name] for name in NAMES}
    pairs = {ours: theirs for theirs, ours in pairs.items()} if back else pairs
    left = []
    for found in find(model):
        layer, own = found.module, vars(found.module)
        if type(layer) in pairs and own.get("generator") is None and "forward" not in own:
            own["generator"] = None  # before the class, which may be called by another thread
            layer.__class__ = pairs[type(layer)]
            if back:
                del own["generator"]
        ours = type(layer).__module__.startswith("dropoutlib.")
        if found.p != 0 and (found.reach != "call" or ours == back):
            left.append(found)
    if left:
        named = "; ".join(map(str, left[:5])) + ("; ..." if len(left) > 5 else "")
        warnings.warn(f"{len(left)} that drop stay as they are: {named}", stacklevel=2)
    return model


def reseed(module: nn.Module, seed: int | None = None) -> None:
    """Give each generator that layers of `module` have of their own a new, different seed.

    Without it each worker of a ``DataLoader``, and each process that was forked or sent the
    layers, goes on from the same state and draws the same masks. In a worker
    ``torch.initial_seed()``, from which the seeds follow unless `seed` is given, differs from that
    of the others. For a data set that holds its layers in `transform`, pass as
    ``worker_init_fn`` ::

        def worker_init(_):
            reseed(torch.utils.data.get_worker_info().dataset.transform)

    Layers without a generator of their own are left alone; one that is shared is seeded once.
    """
    source = torch.Generator().manual_seed(torch.initial_seed() if seed is None else seed)
    found = {id(own): own for each in module.modules() if (own := getattr(each, "generator", None))}
    for generator in found.values():
        generator.manual_seed(torch.randint(2**63 - 1, (), generator=source).item())
