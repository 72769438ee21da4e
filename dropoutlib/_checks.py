"""Checks of arguments that many rooms take: each gives the value back or says what is wrong."""

import contextlib
import math
import numbers
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from fractions import Fraction  # which takes longer to import than all of this

# What a layer takes as a source of masks: a generator, a seed, or nothing for fresh entropy.
Rng = np.random.Generator | int | None
# A Fraction is computed with exactly where there is a closed form.
Probability: TypeAlias = "float | Fraction"


def check_probability(
    p: Any, message: str = "drop probability p must lie in [0, 1], got p={p!r}"
) -> float:
    """Return a number in [0, 1], Python's or NumPy's or a `fractions.Fraction`, as a float.

    A `p` outside [0, 1], NaN, a boolean (True is more likely a misplaced flag than "drop
    everything") or an array is a ValueError, what is no number at all a TypeError: the `message`,
    with `p` in the place of ``{p}``.
    """
    is_flag = isinstance(p, (bool, np.bool_))
    if is_flag or not isinstance(p, numbers.Real):
        error = ValueError if is_flag or hasattr(p, "__array__") else TypeError
        raise error(message.format(p=p) + f" of type {type(p).__name__}, not a real number")
    if not 0 <= cast(float, p) <= 1:  # this form rejects NaN, `p < 0 or p > 1` would not
        raise ValueError(message.format(p=p))
    return float(p)


def check_rng(rng: Rng) -> np.random.Generator:
    """Return a `numpy.random.Generator`: `rng` itself, or a new one from an integer seed or None.

    A negative seed is a ValueError; anything else, above all the module `numpy.random` or a legacy
    `RandomState`, whose state is shared, is a TypeError.
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


def check_positive(**values: float) -> None:
    """Raise a ValueError for a named number that is not positive and finite, or is an array."""
    for name, value in values.items():
        if np.ndim(value) or not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {name}={value!r}")


def check_count(name: str, value: Any, least: int) -> int:
    """Return `value` as an int; TypeError if it is none or a boolean, ValueError below `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        shown = type(value).__name__ if getattr(value, "ndim", 0) else repr(value)  # no whole array
        raise TypeError(f"{name} must be an integer, got {name}={shown}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {name}={value!r}")
    return int(value)


def check_choice(name: str, value: str, *choices: str) -> None:
    """Raise torchvision's ValueError unless `value` is one of the choices."""
    if value not in choices:
        wanted = " or ".join(map(repr, choices))
        raise ValueError(f"{name} has to be either {wanted}, but got {value}")


@contextlib.contextmanager
def hint_to_unpack(args: tuple[Any, ...]) -> Iterator[None]:
    """Add what helps to an error, if a model was given a dictionary among `args`, by position.

    It is no error by itself, as there are models that take one.
    """
    try:
        yield
    except Exception as error:
        if any(isinstance(value, Mapping) for value in args):
            error.add_note(
                "The model was given a dictionary as one argument by position; if that holds its "
                "arguments by name, write **inputs in the place of inputs."
            )
        raise


def array_of(name: str, value: ArrayLike) -> NDArray:
    """`value` as an ndarray.

    A TypeError for a masked one, whose own mask would be lost, and for a sparse one, of which
    NumPy would make a single object.
    """
    if hasattr(value, "toarray"):
        raise TypeError(
            f"{name} must be a plain array, got a sparse one ({type(value).__name__}); "
            f"pass {name}.toarray()"
        )
    ma = sys.modules.get("numpy.ma")  # there can be no such array before it is imported
    if ma is not None and isinstance(value, ma.MaskedArray):
        raise TypeError(
            f"{name} must be a plain array, got a masked one, whose mask would be lost; "
            f"pass {name}.filled(0), or whatever is to stand for the masked entries"
        )
    return np.asarray(value)


def finite(name: str, value: ArrayLike, ndim: int | None = None) -> NDArray[np.float64]:
    """`value` as a float64 array; a ValueError unless it is finite and has `ndim` axes, or any.

    Complex numbers are a TypeError, or their imaginary parts would be lost.
    """
    array = array_of(name, value)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} must be real, got complex numbers: give real and imaginary parts")
    array = array.astype(float, copy=False)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got an infinite value or NaN")
    return array


def is_fraction(p: Probability) -> bool:
    """Whether `p` is to be computed with exactly: a Fraction, or what stands for one in a proof."""
    return not isinstance(p, (int, float, np.generic))
