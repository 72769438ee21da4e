"""Averages over all 2^n masks, exact or with a proved bound on their rounding error."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from .masks import mask_blocks, weights_by_count
from .rational import exact as as_fraction
from .report import Report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Values = Callable[[np.ndarray], Any]

__all__ = ["enumeration", "expectation"]

EPS = np.finfo(float).eps  # one unit in the last place of 1; the unit roundoff is half of it
MAX_UNITS = 26


def expectation(
    f: Values,
    n: int,
    p: float | Fraction,
    *,
    ulps: float = 4,
    scale: ArrayLike | None = None,
) -> tuple[Any, Any]:
    """Mean of f over the masks of `n` units, and a bound on its rounding error.

    Parameters
    ----------
    f : callable
        Takes masks, a boolean array of shape (k, n), and returns one value for each, an array
        of shape (k, ...) of float64, integers or, for an exact mean, Fractions.
    n : int
        Number of units, at most 26.
    p : float or fractions.Fraction
        Drop probability. With a Fraction the mean is exact and f must be exact too.
    ulps : float
        Rounding error of f itself, in units of eps * `scale`: half the number of roundings
        that follow one another, where nothing cancels. It is believed.
    scale : float or array_like, optional
        What `ulps` is relative to, for each entry of f. By default the largest ``|f|`` over all
        masks; where f sums terms that cancel, the sum of their sizes.

    Returns
    -------
    value : float, Fraction or ndarray
        Sum of P(m) f(m), of the shape of one value of f.
    rounding : float or ndarray
        Largest possible difference between `value` and the true mean; 0 for a Fraction `p`.

    Raises
    ------
    ValueError
        If n is not an integer from 0 to 26, or f returns another number of values, float32
        or values that are not finite.
    TypeError
        If f returns floats for a Fraction `p`.
    OverflowError
        If f returns a NumPy integer of 2^31 or more: it may have wrapped around. Integers that
        wrap inside f and come out small are not seen.

    Notes
    -----
    Let u = eps / 2. A weight depends on the number kept only, is computed as a Fraction and
    rounded once: relative error u. So is its product with the computed value f^(m). The 2^n
    products are added in a perfect binary tree, in which each meets n additions. All in all::

        sum = sum_m P(m) f^(m) (1 + t_m),   |t_m| <= g = (n + 2) u / (1 - (n + 2) u)

    (Higham 2002, lemma 3.1 and section 4.2). With A the computed sum of the sizes
    ``P(m) |f^(m)|``, itself too small by at most the factor 1 - g, the error is at most::

        g / (1 - g) A + ulps eps scale,

    and g / (1 - g) < (n + 3) u for n <= 26. Underflow adds at most
    ``2^n (1 + max |f|) 2^-1074``.

    Examples
    --------
    >>> from fractions import Fraction
    >>> expectation(lambda masks: masks.sum(axis=1), 3, Fraction(1, 4))
    (Fraction(9, 4), 0)
    """
    exact = isinstance(p, Fraction)
    weights = _weights_by_count(n, p, exact)
    totals = []
    for masks in mask_blocks(n):
        values = _values(f, masks, exact)
        weighted = weights[masks.sum(axis=1)].reshape((-1,) + (1,) * (values.ndim - 1)) * values
        size = np.abs(values).max(axis=0)
        totals.append((_tree_sum(weighted), _tree_sum(np.abs(weighted)), size))
    value, total_size, largest = (np.array(part) for part in zip(*totals, strict=True))
    value = _tree_sum(value)
    if exact:
        return value, 0
    total_size, largest = _tree_sum(total_size), largest.max(axis=0)
    own = ulps * EPS * (largest if scale is None else np.abs(np.asarray(scale, dtype=float)))
    underflow = (1 + largest) * 2.0 ** (n - 1074)
    rounding = (n + 3) * EPS / 2 * total_size + own + underflow
    return value, rounding * (1 + 8 * EPS)  # the bound's own few roundings


def enumeration(
    f: Values,
    expected: ArrayLike,
    n: int,
    p: float | Fraction,
    *,
    ulps: float = 4,
    scale: ArrayLike | None = None,
) -> Report:
    """Test that the mean of f over all 2^n masks equals `expected`.

    It proves one equality, for this n, this p and these numbers inside f: exactly with a
    Fraction, and within `rounding` with a float. It says nothing of another n or p, and nothing
    of how f came to its values.

    Parameters
    ----------
    f, n, p, ulps, scale
        As for `expectation`.
    expected : float, Fraction or array_like
        The stated mean: a number, or an array of the shape of one value of f. Its own rounding
        error counts as at most `ulps` units in the last place.

    Returns
    -------
    Report
        With `rounding`, the largest bound of any entry, `error`, and `false_alarm` 0. Nothing
        is random: a true statement passes, and a false one fails that is off by more than twice
        `rounding`, or at all when `p` is a Fraction.

    Raises
    ------
    ValueError, TypeError
        As `expectation`, and if the shape of `expected` is not that of a value of f.

    Examples
    --------
    >>> import numpy as np
    >>> x, p = np.array([1.0, -2.0, 3.0]), 0.3
    >>> print(enumeration(lambda masks: masks * x / (1 - p), x, 3, p))
    enumeration: passed, rounding <= 1e-14
    >>> print(enumeration(lambda masks: masks * x, x, 3, p))
    enumeration: rejected, off by 0.9, rounding <= 1e-14
    """
    value, rounding = expectation(f, n, p, ulps=ulps, scale=scale)
    exact = isinstance(p, Fraction)
    expected = np.asarray(expected, dtype=object if exact else float)
    if expected.shape not in ((), np.shape(value)):
        raise ValueError(
            f"expected must have the shape of one value of f, {np.shape(value)}, or be a number, "
            f"got shape {expected.shape}"
        )
    if exact:
        expected = _fractions(expected, "expected")
    else:
        rounding = (rounding + ulps * EPS * np.abs(expected)) * (1 + 4 * EPS)
    error = np.abs(value - expected)
    return Report(
        passed=bool(np.all(error <= rounding)),
        method="enumeration",
        cases=2**n,
        rounding=float(np.max(rounding, initial=0.0)),
        error=float(np.max(error, initial=0)),
        false_alarm=0.0,
        assumes=(
            "NumPy integers inside f do not wrap"
            if exact
            else f"f itself, and expected, are rounded by at most {ulps:g} eps scale"
        ),
    )


def _weights_by_count(n: int, p: float | Fraction, exact: bool) -> np.ndarray:
    """P(m) of a mask that keeps k of n units, for k = 0..n: exact, or rounded once."""
    if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 0:
        raise ValueError(f"the number of units n must be an integer, at least 0, got n={n!r}")
    if n > MAX_UNITS:
        raise ValueError(
            f"n={n} units have 2^{n} masks, too many to enumerate (at most {MAX_UNITS} units); "
            "draw masks and use mean_test instead"
        )
    if exact:
        return weights_by_count(n, p)
    weights_by_count(n, p)  # says what is wrong with p, if anything
    return weights_by_count(n, Fraction(float(p))).astype(float)


def _values(f: Values, masks: np.ndarray, exact: bool) -> np.ndarray:
    """Values of f, checked."""
    values = np.asarray(f(masks))
    if values.shape[:1] != (len(masks),):
        raise ValueError(
            f"f must return one value for each of {len(masks)} masks, got shape {values.shape}"
        )
    if exact:
        values = _fractions(values, "f's value")
    elif values.dtype.kind in "biu":
        values = _fractions(values, "f's value").astype(float)
    elif values.dtype != float:
        raise ValueError(f"f must return float64 or integers, got {values.dtype}")
    elif not np.isfinite(values).all():
        raise ValueError("f must be finite for every mask, got an infinite value or NaN")
    return values


def _fractions(values: np.ndarray, name: str) -> np.ndarray:
    """`values` in exact numbers that cannot wrap."""
    if values.dtype.kind in "biu":  # one look instead of one for each
        for end in (values.min(initial=0), values.max(initial=0)):
            as_fraction(end, name)
        return values.astype(object)
    found = np.empty(values.shape, dtype=object)
    for index in np.ndindex(values.shape):
        found[index] = as_fraction(values[index], name)
    return found


def _tree_sum(terms: np.ndarray) -> Any:
    """Sum along axis 0, of 2^n terms, by halving: each term meets n additions."""
    while len(terms) > 1:
        half = len(terms) // 2
        terms = terms[:half] + terms[half:]
    return terms[0]
