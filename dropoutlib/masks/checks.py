"""Checks of the two arguments that every random layer takes: a probability and a generator."""

import numbers

import numpy as np

__all__ = ["check_probability", "check_rng"]


def check_probability(p, message="drop probability p must lie in [0, 1], got p={p!r}"):
    """Return the drop probability `p` as a float, or say what is wrong with it.

    Parameters
    ----------
    p : real number
        A Python or NumPy scalar in [0, 1]; a `fractions.Fraction` is accepted.
    message : str
        Text of the error, with ``{p}`` where the value belongs.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean (True is more likely a misplaced
        flag than "drop everything") or an array.
    TypeError
        If `p` is not a number at all.
    """
    is_array = hasattr(p, "__array__") and not isinstance(p, numbers.Real)
    if isinstance(p, (bool, np.bool_)) or is_array:
        raise ValueError(message.format(p=p) + f" of type {type(p).__name__}, not a real number")
    if not isinstance(p, numbers.Real):
        raise TypeError(message.format(p=p) + f" of type {type(p).__name__}, not a real number")
    if not 0 <= p <= 1:  # this form rejects NaN, `p < 0 or p > 1` would not
        raise ValueError(message.format(p=p))
    return float(p)


def check_rng(rng):
    """Return a `numpy.random.Generator`: `rng` itself, or a new one from an integer seed or None.

    Raises
    ------
    TypeError
        If `rng` is anything else, above all the module `numpy.random` or a legacy
        `RandomState`, whose state is shared.
    ValueError
        If the seed is negative.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, numbers.Integral) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"rng must be a Generator or a seed >= 0, got rng={rng!r}")
        return np.random.default_rng(int(rng))
    raise TypeError(f"rng must be a numpy.random.Generator or an integer seed, got rng={rng!r}")
