"""The check that scales and precisions share."""

import math

__all__ = ["check_positive"]


def check_positive(**values):
    """Refuse a named number that is not positive and finite, NaN included.

    Raises
    ------
    ValueError
        With the name and the value.

    Examples
    --------
    >>> check_positive(tau=2.0)
    >>> check_positive(tau=-1.0)
    Traceback (most recent call last):
    ValueError: tau must be positive and finite, got tau=-1.0
    """
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {name}={value!r}")
