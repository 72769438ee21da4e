"""Drop probabilities that change with the step of training, or with depth.

A schedule is a function from the number of steps done to a drop probability; a `Scheduler` applies
it to layers, of NumPy or of PyTorch. The schedules made here can be pickled.
"""

import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .masks import check_probability

__all__ = [
    "Scheduler",
    "constant",
    "curriculum",
    "early",
    "late",
    "linear_depth",
    "set_probabilities",
]

Schedule = Callable[[int], float | Sequence[float]]


def constant(p: float) -> Schedule:
    """Schedule that is `p` at every step.

    Examples
    --------
    >>> constant(0.5)(1000)
    0.5
    """
    return functools.partial(_constant, check_probability(p))


def curriculum(p: float, gamma: float) -> Schedule:
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
    return functools.partial(_curriculum, p, gamma)


def early(p: float, steps: int, *, decay: bool = False) -> Schedule:
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
    return functools.partial(_early, check_probability(p), check_count("steps", steps), decay)


def late(p: float, steps: int) -> Schedule:
    """Schedule that is 0 for the first `steps` steps and `p` after: against overfitting.

    Parameters, errors and source as for `early`.

    Examples
    --------
    >>> [late(0.4, 2)(step) for step in range(4)]
    [0.0, 0.0, 0.4, 0.4]
    """
    return functools.partial(_late, check_probability(p), check_count("steps", steps))


def linear_depth(p: float, depth: int, *, first_zero: bool = False) -> list[float]:
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


def set_probabilities(target: Any, p: float | Sequence[float]) -> None:
    """Set the drop probability of layers.

    Parameters
    ----------
    target : torch.nn.Module, layer, or iterable of these
        A module stands for all that `dropoutlib.nn.find` finds in it, in that order, each once,
        except what learns its probability. A NumPy layer stands for itself, and so does one thing
        that was found, so that a part can be chosen.
    p : float or sequence of float
        One probability for all, or one for each.

    Raises
    ------
    ValueError, TypeError
        If there is no layer, if something drops whose probability cannot be set, if numbers do
        not match, or if a layer refuses its probability. Then no layer is changed.

    Examples
    --------
    >>> from dropoutlib.layers import DropPath
    >>> branches = [DropPath() for _ in range(3)]
    >>> set_probabilities(branches, linear_depth(0.3, 3))
    >>> print(*(f"{branch.p:.1f}" for branch in branches))
    0.1 0.2 0.3
    """
    layers = list(
        {(id(holder), name): (holder, name) for holder, name in _holders(target)}.values()
    )
    if not layers:
        raise ValueError(f"there is no dropout layer in {target!r}")
    if isinstance(p, numbers.Real):
        p = [p] * len(layers)
    elif not isinstance(p, Iterable) or isinstance(p, (str, bytes)) or hasattr(p, "requires_grad"):
        raise TypeError(f"p must be a float, or one float for each layer, got p={p!r}")
    values = [check_probability(value) for value in p]
    if len(values) != len(layers):
        raise ValueError(f"{len(values)} probabilities given for {len(layers)} layers")
    before = [getattr(layer, name) for layer, name in layers]
    try:
        for (layer, name), value in zip(layers, values, strict=True):
            setattr(layer, name, value)
    except BaseException:
        for (layer, name), value in zip(layers, before, strict=True):
            setattr(layer, name, value)
        raise


class Scheduler:
    """Set the probability of layers by the number of steps done, from step 0 on.

    Parameters
    ----------
    target : torch.nn.Module, layer, or iterable of these
        As for `set_probabilities`.
    schedule : callable
        From the number of steps to a probability, or to a sequence of one for each layer.

    Attributes
    ----------
    steps : int
        Number of steps done.

    Examples
    --------
    >>> from dropoutlib.layers import Dropout
    >>> layer = Dropout()
    >>> scheduler = Scheduler(layer, late(0.3, 2))
    >>> for _ in range(3):
    ...     print(layer.p)
    ...     scheduler.step()
    0.0
    0.0
    0.3
    """

    def __init__(self, target: Any, schedule: Schedule):
        self.target = list(target) if isinstance(target, Iterator) else target
        self.schedule = schedule
        self._move_to(0)

    def step(self) -> None:
        """Count one step of training and set the probability for the next."""
        self._move_to(self.steps + 1)

    def state_dict(self) -> dict[str, int]:
        """What a checkpoint has to store."""
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to where `state_dict` was taken."""
        self._move_to(check_count("steps", state["steps"], least=0))

    def _move_to(self, steps):
        set_probabilities(self.target, self.schedule(steps))
        self.steps = steps


def check_count(name: str, count: int, least: int = 1) -> int:
    """Return the integer `count`, or raise TypeError or ValueError."""
    if isinstance(count, bool) or not isinstance(count, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {name}={count!r}")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {name}={count!r}")
    return int(count)


# Functions of the module, since those made within a function cannot be pickled.
def _constant(p, step):
    return p


def _curriculum(p, gamma, step):
    return -p * math.expm1(-gamma * step)


def _early(p, steps, decay, step):
    if decay:
        return p * max(0, steps - step) / steps
    return p if step < steps else 0.0


def _late(p, steps, step):
    return 0.0 if step < steps else p


def _holders(target):
    """Each object that holds a probability `target` stands for, and its attribute's name."""
    if hasattr(target, "holder"):
        return [target.holder()]
    if hasattr(target, "modules"):  # without torch installed nothing has
        from .nn import find

        return [holder for found in find(target) for holder in _holders_in(found)]
    if hasattr(target, "p"):
        return [(target, "p")]
    if isinstance(target, (str, bytes)) or not isinstance(target, Iterable):
        raise TypeError(
            f"no module, layer or list of these, but {type(target).__name__}: {target!r}"
        )
    return [holder for part in target for holder in _holders(part)]


def _holders_in(found):
    """The holder of p of what a model was found to drop, if it is a schedule's to set."""
    if found.kind == "concrete":  # it learns its own
        return []
    if found.attribute is None or found.guessed:
        if found.p == 0:
            return []
        raise ValueError(
            f"a schedule does not reach all dropout: {found}. Leave it out by giving what is to "
            "follow the schedule, a list of modules or of what dropoutlib.nn.find finds"
        )
    return [found.holder()]
