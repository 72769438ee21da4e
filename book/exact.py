"""Numbers to compute with: floats, or exact ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dropoutlib._checks import Probability, is_fraction


def number_array(value: ArrayLike, p: Probability) -> NDArray:
    """`value` as float64; or exact, if it is, where `p` is a Fraction.

    Exact are Python's own integers and Fractions, in an array of objects: NumPy's integers would
    wrap around in silence.
    """
    array = np.asarray(value)
    if array.dtype.kind == "O" or (is_fraction(p) and array.dtype.kind in "biu"):
        return array.astype(object)
    return array.astype(float, copy=False)
