"""Drop probability as a function of the step of training, or of depth."""

import math
import numbers

from ..masks import check_probability

__all__ = ["check_count", "constant", "curriculum", "early", "late", "linear_depth"]


def constant(p):
    """Schedule that is `p` at every step.

    Examples
    --------
    >>> constant(0.5)(1000)
    0.5
    """
    p = check_probability(p)
    return lambda step: p


def curriculum(p, gamma):
    """Schedule p(t) = p (1 - exp(-gamma t)), from 0 towards `p`.

    Parameters
    ----------
    p : float
        Limit, in [0, 1].
    gamma : float
        Rate per step, positive. The source takes about 10 over the number of steps.

    Raises
    ------
    ValueError
        If `p` is not a probability or `gamma` not positive.

    References
    ----------
    Morerio et al. (2017), who state it for the probability of keeping.

    Examples
    --------
    >>> print(f"{curriculum(0.5, 0.01)(100):.3f}")
    0.316
    """
    p = check_probability(p)
    if not gamma > 0:
        raise ValueError(f"curriculum needs a rate gamma > 0, got gamma={gamma!r}")
    return lambda step: -p * math.expm1(-gamma * step)


def early(p, steps, *, decay=False):
    """Schedule that is `p` for the first `steps` steps and 0 after: against underfitting.

    Parameters
    ----------
    p : float
        Probability at step 0.
    steps : int
        Number of steps with dropout, at least 1.
    decay : bool
        Whether to fall linearly from `p` at step 0 to 0 at `steps`.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p` or number of steps.

    References
    ----------
    Liu et al. (2023), Dropout reduces underfitting.

    Examples
    --------
    >>> [early(0.4, 2)(step) for step in range(4)]
    [0.4, 0.4, 0.0, 0.0]
    >>> [early(0.4, 2, decay=True)(step) for step in range(4)]
    [0.4, 0.2, 0.0, 0.0]
    """
    p, steps = check_probability(p), check_count("steps", steps)
    if decay:
        return lambda step: p * max(0, steps - step) / steps
    return lambda step: p if step < steps else 0.0


def late(p, steps):
    """Schedule that is 0 for the first `steps` steps and `p` after: against overfitting.

    Parameters, errors and source as for `early`.

    Examples
    --------
    >>> [late(0.4, 2)(step) for step in range(4)]
    [0.0, 0.0, 0.4, 0.4]
    """
    p, steps = check_probability(p), check_count("steps", steps)
    return lambda step: 0.0 if step < steps else p


def linear_depth(p, depth, *, first_zero=False):
    """Probabilities of the layers 1 to `depth` that grow linearly to `p`: a list for `Scheduler`.

    Layer l drops with probability (l/L) p, as in ``thm-droppath``.

    Parameters
    ----------
    p : float
        Drop probability of the last layer.
    depth : int
        Number of layers L, at least 1.
    first_zero : bool
        Whether the first layer has probability 0 and layer l has (l - 1)/(L - 1) p, as in timm
        and torchvision. A single layer then has probability 0.

    Raises
    ------
    ValueError, TypeError
        For a wrong `p` or depth.

    References
    ----------
    Huang et al. (2016), equation 4.

    Examples
    --------
    >>> linear_depth(0.5, 4)
    [0.125, 0.25, 0.375, 0.5]
    >>> linear_depth(0.5, 3, first_zero=True)
    [0.0, 0.25, 0.5]
    """
    p, depth = check_probability(p), check_count("depth", depth)
    if first_zero:
        return [p * layer / max(1, depth - 1) for layer in range(depth)]
    return [p * layer / depth for layer in range(1, depth + 1)]


def check_count(name, count, least=1):
    """Return the integer `count`, or raise TypeError or ValueError."""
    if isinstance(count, bool) or not isinstance(count, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {name}={count!r}")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {name}={count!r}")
    return int(count)
