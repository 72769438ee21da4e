"""The exercises that can be checked: what each expects, and the check itself."""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from dropcheck import Report, identity
from dropoutlib.masks import enumerate_masks, mask_weights


class Exercise(NamedTuple):
    """What an exercise asks for, and the function that judges an answer."""

    wanted: str
    judge: Callable


EXERCISES = {}


def exercise(label, wanted):
    """Enter a judge, which takes an answer and returns a Report, under the label of an exercise."""

    def enter(judge):
        EXERCISES[label] = Exercise(wanted, judge)
        return judge

    return enter


def labels():
    """Labels of the exercises whose answers can be checked, sorted.

    Examples
    --------
    >>> "ex-formulation-skewness" in labels()
    True
    """
    return sorted(EXERCISES)


def expected(label):
    """Say what `check` wants as the answer to an exercise.

    Parameters
    ----------
    label : str
        Label of the exercise.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If no exercise of this label can be checked.

    Examples
    --------
    >>> expected("ex-formulation-skewness")
    'a function of p: the third central moment of m/q'
    """
    if label not in EXERCISES:
        raise ValueError(f"no exercise {label!r} can be checked; there are {', '.join(labels())}")
    return EXERCISES[label].wanted


def check(label, answer):
    """Judge an answer to an exercise.

    Parameters
    ----------
    label : str
        Label of the exercise, which stands beside it.
    answer : object
        What `expected` says, mostly a function that uses ``+ - * /`` and powers, alone or through
        NumPy. It is called with exact numbers.

    Returns
    -------
    Report
        True if the answer is right.

    Raises
    ------
    ValueError
        If no exercise of this label can be checked.
    TypeError
        If the answer is not of the kind that is expected.

    Examples
    --------
    >>> print(check("ex-formulation-skewness", lambda p: p * (2 * p - 1) / (1 - p) ** 2))
    identity: passed, false pass <= 4.9e-19
    >>> print(check("ex-formulation-skewness", lambda p: (2 * p - 1) / (1 - p)))
    identity: rejected
    """
    wanted = expected(label)
    try:
        return EXERCISES[label].judge(answer)
    except (TypeError, KeyError, IndexError) as error:
        raise TypeError(
            f"check({label!r}, …) expects {wanted}; with {answer!r}: {error}"
        ) from error


def same(reference, answer, variables):
    """Compare two functions of so many variables at a random point, in exact arithmetic.

    The point comes from the system's entropy: no answer can be made for it.
    """
    if not callable(answer):
        raise TypeError("it is no function")
    generator = np.random.default_rng()
    return identity(reference, answer, variables, rng=generator)


def equal(found, value, tolerance=0.0):
    """Compare numbers, or sequences of them."""
    found, value = np.asarray(found, dtype=float), np.asarray(value, dtype=float)
    if found.shape != value.shape:
        raise TypeError(f"it has the shape {found.shape}")
    if np.isnan(found).any():
        raise TypeError("it is no number")
    error = float(np.max(np.abs(found - value)))
    return Report(
        passed=error <= tolerance, method="value", cases=value.size, rounding=tolerance, error=error
    )


def all_of(reports):
    """The first report that is no pass, or else the last one."""
    for report in reports:
        if not report:
            break
    return report


def fractions(count):
    """So many random Fractions in (0, 1)."""
    generator = np.random.default_rng()
    return [Fraction(int(k), 1001) for k in generator.integers(1, 1001, count)]


def entropy_of_masks(n, p):
    """Entropy of the mask of n units in nats, summed over all masks."""
    weights = mask_weights(enumerate_masks(n), p).astype(float)
    return float(-weights @ np.log(weights))


def random_rates(count):
    """So many random probabilities in (0, 1) as floats."""
    return [float(value) for value in fractions(count)]
