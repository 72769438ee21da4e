"""Dropout of groups of units that live and die together: channels, residual branches, features.

All of them are inverted dropout with a mask that has fewer entries than the input and is
repeated along the other axes. Mean and variance of a single unit stay those of `Dropout`;
what changes is that units of a group are correlated.
"""

from ..masks import sample_mask
from .base import Layer

__all__ = [
    "DropPath",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "VariationalDropout",
    "expected_depth",
]


class GroupedDropout(Layer):
    """Inverted dropout with one mask entry a group; a subclass says how the mask is shaped."""

    def _mask_shape(self, shape):
        raise NotImplementedError(f"{type(self).__name__} must say how its mask is shaped")

    def _noise(self, x):
        mask_shape = self._mask_shape(x.shape)
        if self._is_identity():
            return None, 1.0
        mask = sample_mask(mask_shape, self.p, rng=self.rng)
        return mask, 1 / (1 - self.p) if self.p < 1 else 1.0

    def _refuse(self, shape, wanted):
        raise ValueError(f"{self!r} takes {wanted}, got shape {shape}")


class _ChannelDropout(GroupedDropout):
    """Drop whole channels: mask of shape (N, C, 1, ...), or (C, 1, ...) without a batch."""

    _spatial = None  # number of axes behind the channels
    _leading = (2, 1)  # number of axes up to the channels, with and without a batch

    def _mask_shape(self, shape):
        leading = len(shape) - self._spatial
        if leading not in self._leading:
            axes = ", ".join("DHW"[-self._spatial :] if self._spatial > 1 else "L")
            wanted = [f"({'N, ' * (k == 2)}C, {axes})" for k in self._leading]
            self._refuse(shape, " or ".join(wanted))
        return shape[:leading] + (1,) * self._spatial


class Dropout1d(_ChannelDropout):
    """Drop whole channels of sequences: x of shape (N, C, L) or (C, L).

    Parameters and errors as for `Layer`, and ValueError for another number of axes.
    """

    _spatial = 1


class Dropout2d(_ChannelDropout):
    """Spatial dropout, whole channels of images: x of shape (N, C, H, W).

    Three axes are refused, since PyTorch reads them as (N, C, L) and not as an image without a
    batch; `Dropout1d` takes those. It is not `Dropout` for images: the mean over a map keeps its
    full variance, where `Dropout` averages most of it away (``thm-spatial-variance``). Parameters
    and errors as for `Layer`, and ValueError for another number of axes. Source: Tompson et al.
    (2015).
    """

    _spatial = 2
    _leading = (2,)


class Dropout3d(_ChannelDropout):
    """Drop whole channels of volumes: x of shape (N, C, D, H, W) or (C, D, H, W).

    Parameters and errors as for `Layer`, and ValueError for another number of axes.
    """

    _spatial = 3


class VariationalDropout(GroupedDropout):
    """One mask a sequence: x of shape (N, T, F), mask of shape (N, 1, F).

    Parameters and errors as for `Layer`, and ValueError for another number of axes. Source:
    Gal and Ghahramani (2016, recurrent networks).
    """

    def _mask_shape(self, shape):
        if len(shape) != 3:
            self._refuse(shape, "(N, T, F)")
        return (shape[0], 1, shape[2])


class DropPath(GroupedDropout):
    """Drop a residual branch for a whole sample (stochastic depth).

    Behind a branch f it gives x + f(x) m / q, whose mean is x + f(x) (``thm-droppath``).

    Parameters
    ----------
    drop_prob : float
        Probability of dropping the branch, in [0, 1].
    scale_by_keep : bool
        Whether to divide by q. Without it the mean is x + q f(x).
    mode : {"row", "batch"}
        One draw for each sample, as in timm and torchvision, or one for the batch, as in
        Huang et al. (2016), section 3.
    rng : numpy.random.Generator or int, optional
        Source of the masks, or a seed.

    Raises
    ------
    ValueError
        As for `Layer`, for another mode, or for an input without axes.
    """

    def __init__(self, drop_prob=0.0, scale_by_keep=True, mode="row", *, rng=None):
        if mode not in ("row", "batch"):
            raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
        super().__init__(drop_prob, rng=rng)
        self.scale_by_keep = scale_by_keep
        self.mode = mode

    def __repr__(self):
        return f"DropPath(drop_prob={self.p:.3f}, mode={self.mode})"

    def _mask_shape(self, shape):
        if not shape:
            self._refuse(shape, "a batch of samples")
        rows = shape[0] if self.mode == "row" else 1
        return (rows,) + (1,) * (len(shape) - 1)

    def _noise(self, x):
        mask, scale = super()._noise(x)
        return mask, scale if self.scale_by_keep else 1.0


def expected_depth(layers, last_keep):
    """Return the expected number of residual blocks kept under linearly decaying survival.

    Block l of L survives with probability 1 - (l/L)(1 - q_L) (Huang et al. 2016, equation 4),
    and the sum over l is L - (L + 1)(1 - q_L)/2 (``thm-droppath``).

    Parameters
    ----------
    layers : int
        Number of blocks L, at least 1.
    last_keep : float
        Probability q_L, in [0, 1], that the last block is kept.

    Examples
    --------
    >>> expected_depth(54, 0.5)
    40.25
    """
    return layers - (layers + 1) * (1 - last_keep) / 2
