"""Modules that drop structures: branches, blocks of maps, features of sequences."""

from torch.nn.modules.dropout import _DropoutNd

from . import functional
from .functional.common import check_p
from .functional.path import check_mode
from .modules import FunctionalDropout

__all__ = ["DropBlock2d", "DropPath", "VariationalDropout"]


class DropPath(_DropoutNd):
    """Drop a residual branch for a whole sample (stochastic depth).

    Behind a branch f it gives x + f(x) m / q, whose mean is x + f(x) (``thm-droppath``). The
    probability is `p`, as in every dropout module, and also `drop_prob`.

    Parameters
    ----------
    drop_prob : float
        Probability of dropping the branch, in [0, 1].
    scale_by_keep : bool
        Whether to divide by q. Without it the mean is x + q f(x).
    mode : {"row", "batch"}
        One draw for each sample, or one for the batch, as in Huang et al. (2016), section 3.
    generator : torch.Generator, optional
        Source of the masks; by default PyTorch's global generator.

    Raises
    ------
    ValueError, TypeError
        For a wrong `drop_prob` or `mode`.
    """

    def __init__(self, drop_prob=0.0, scale_by_keep=True, mode="row", *, generator=None):
        check_p(drop_prob, "drop probability has to be between 0 and 1, but got {p}")
        check_mode(mode)
        super().__init__(drop_prob)
        self.scale_by_keep = scale_by_keep
        self.mode = mode
        self.generator = generator

    @property
    def drop_prob(self):
        """The drop probability, another name for `p`."""
        return self.p

    @drop_prob.setter
    def drop_prob(self, value):
        self.p = value

    def forward(self, x):
        """Apply the module in its mode; see `functional.drop_path`."""
        return functional.drop_path(
            x, self.p, self.training, self.scale_by_keep, self.mode, generator=self.generator
        )

    def extra_repr(self):
        """Text between the parentheses of the representation, three decimals as in timm."""
        return f"drop_prob={self.p:.3f}, mode={self.mode}"


class DropBlock2d(FunctionalDropout, _DropoutNd):
    """Drop square blocks of each channel and rescale what is left: x of shape (N, C, H, W).

    Parameters
    ----------
    p : float
        Intended probability of dropping a unit, in [0, 1]. Less is dropped, since blocks overlap
        (``approx-dropblock``): exactly `dropoutlib.layers.dropblock_rate`.
    block_size : int
        Side of a block.
    inplace : bool
        Whether to change the input.
    generator : torch.Generator, optional
        Source of the masks; by default PyTorch's global generator.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`; in the forward pass, if a block does not fit.
    RuntimeError
        In the forward pass, for another number of axes.

    References
    ----------
    Ghiasi, Lin and Le (2018).
    """

    def __init__(self, p=0.5, block_size=7, inplace=False, *, generator=None):
        super().__init__(p, inplace, generator=generator)
        self.block_size = block_size

    def forward(self, input):
        """Apply the module in its mode; see `functional.drop_block2d`."""
        return functional.drop_block2d(
            input,
            self.p,
            self.block_size,
            self.training,
            self.inplace,
            generator=self.generator,
        )

    def extra_repr(self):
        """Text between the parentheses of the representation."""
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}"


class VariationalDropout(FunctionalDropout, _DropoutNd):
    """One mask a sequence: x of shape (N, T, F), or (T, N, F) if not `batch_first`.

    Parameters
    ----------
    p : float
        Probability of dropping a feature of a sequence, in [0, 1].
    batch_first : bool
        Whether sequences are on the first axis. Unlike in PyTorch's recurrent layers this is the
        default, as in `dropoutlib.layers`.
    inplace : bool
        Whether to change the input.
    generator : torch.Generator, optional
        Source of the masks; by default PyTorch's global generator.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p`.
    RuntimeError
        In the forward pass, for another number of axes.

    References
    ----------
    Gal and Ghahramani (2016, recurrent networks).
    """

    def __init__(self, p=0.5, batch_first=True, inplace=False, *, generator=None):
        super().__init__(p, inplace, generator=generator)
        self.batch_first = batch_first

    def forward(self, input):
        """Apply the module in its mode; see `functional.variational_dropout`."""
        return functional.variational_dropout(
            input,
            self.p,
            self.training,
            self.inplace,
            self.batch_first,
            generator=self.generator,
        )

    def extra_repr(self):
        """Text between the parentheses of the representation."""
        return f"p={self.p}, batch_first={self.batch_first}, inplace={self.inplace}"
