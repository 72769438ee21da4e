"""Alpha dropout: what is dropped becomes SELU's limit, and an affine map restores the moments."""

import numpy as np

from .._checks import check_probability
from .base import Layer
from .units import Dropout

# Klambauer et al. (2017), equation 14 (appendix); recomputed in thm-selu-fixed-point.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
DROPPED = -SELU_ALPHA * SELU_SCALE  # limit of SELU at minus infinity, alpha' of the paper


def alpha_affine(p: float) -> tuple[float, float]:
    """Return (a, b) of the affine map that keeps mean 0 and variance 1 under alpha dropout.

    a = [q (1 + p alpha'^2)]^(-1/2) and b = -a p alpha' (``thm-alpha``; Klambauer et al. 2017,
    "New dropout technique"). Not a = q^(-1/2), which leaves the variance 1 + p alpha'^2. A `p`
    outside [0, 1) is a ValueError, since a has no limit at p = 1.

    Examples
    --------
    >>> a, b = alpha_affine(0.1)
    >>> print(f"{a:.4f} {b:.4f}")
    0.9213 0.1620
    """
    p = check_probability(p)
    if p == 1:
        raise ValueError("alpha_affine(p=1): the affine map has no limit where all is dropped")
    return affine(p)


def affine(p):
    """The same for a `p` that has been checked, or is a tensor."""
    a = ((1 - p) * (1 + p * (DROPPED * DROPPED))) ** -0.5
    return a, -a * p * DROPPED


class _Alpha:
    """Turn a layer that multiplies by a mask into one that sets what is dropped to alpha'."""

    def _noise(self, x):
        mask, _ = super()._noise(x)
        if mask is None or self.p == 1:
            return mask, 1.0
        return mask, alpha_affine(self.p)[0]

    def _apply(self, x, mask, scale):
        """The product, and b where kept or a alpha' + b where dropped; zeros at p = 1."""
        if mask is None or self.p == 1:
            return super()._apply(x, mask, scale)
        # In half precision the product and b may both be infinite where their sum is not.
        out = super()._apply(
            x.astype(np.promote_types(x.dtype, np.float32), copy=False), mask, scale
        )
        a, b = alpha_affine(self.p)
        shifts = np.array([a * DROPPED + b, b], dtype=out.dtype)  # by the entry of the mask
        out += np.take(shifts, mask.view(np.int8))
        return out.astype(x.dtype, copy=False)


class AlphaDropout(_Alpha, Dropout):
    """Alpha dropout for networks with SELU: a (x m + alpha' (1 - m)) + b in training.

    Inputs of mean 0 and variance 1 keep both, in expectation over the masks (``thm-alpha``).
    At p = 1 the output is zero. Parameters and errors as for `Layer`. Source: Klambauer et al.
    (2017), "New dropout technique".
    """


class FeatureAlphaDropout(_Alpha, Layer):
    """Alpha dropout of whole channels: x of shape (N, C, ...), one mask entry a channel.

    Parameters and errors as for `Layer`, and ValueError for fewer than two axes.
    """

    def _mask_shape(self, shape):
        if len(shape) < 2:
            self._refuse(shape, "(N, C, ...)")
        return shape[:2] + (1,) * (len(shape) - 2)
