"""Drop probabilities that change with the step of training, or with depth.

A schedule is a function from the number of steps done to a drop probability; a `Scheduler` applies
it to layers, of NumPy or of PyTorch. Those made here can be pickled, and a wrong argument is a
ValueError or TypeError that names it.
"""

import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ._checks import check_count, check_positive, check_probability

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

    The rate per step is positive; the source, Morerio et al. (2017), takes about 10 over the
    number of steps, and states the schedule for the probability of keeping.

    Examples
    --------
    >>> print(f"{curriculum(0.5, 0.01)(100):.3f}")
    0.316
    """
    check_positive(gamma=gamma)
    return functools.partial(_curriculum, check_probability(p), gamma)


def early(p: float, steps: int, *, decay: bool = False) -> Schedule:
    """Schedule that is `p` for the first `steps` steps and 0 after: against underfitting.

    With `decay` it falls linearly from `p` at step 0 to 0 at `steps`, which is at least 1.
    Source: Liu et al. (2023), Dropout reduces underfitting.

    Examples
    --------
    >>> [early(0.4, 2)(step) for step in range(4)]
    [0.4, 0.4, 0.0, 0.0]
    >>> [early(0.4, 2, decay=True)(step) for step in range(4)]
    [0.4, 0.2, 0.0, 0.0]
    """
    return functools.partial(_early, check_probability(p), check_count("steps", steps, 1), decay)


def late(p: float, steps: int) -> Schedule:
    """Schedule that is 0 for the first `steps` steps and `p` after: against overfitting.

    Source as for `early`.

    Examples
    --------
    >>> [late(0.4, 2)(step) for step in range(4)]
    [0.0, 0.0, 0.4, 0.4]
    """
    return functools.partial(_late, check_probability(p), check_count("steps", steps, 1))


def linear_depth(p: float, depth: int, *, first_zero: bool = False) -> list[float]:
    """Probabilities of the layers 1 to `depth` that grow linearly to `p`: a list for `Scheduler`.

    Layer l of L drops with probability (l/L) p, as in ``thm-droppath`` and in Huang et al. (2016),
    equation 4; with `first_zero`, as for ConvNeXt in timm and torchvision, with (l - 1)/(L - 1) p,
    and a single layer with 0.

    Examples
    --------
    >>> linear_depth(0.5, 4)
    [0.125, 0.25, 0.375, 0.5]
    >>> linear_depth(0.5, 3, first_zero=True)
    [0.0, 0.25, 0.5]
    """
    p, depth = check_probability(p), check_count("depth", depth, 1)
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
    holders = {(id(holder), name): (holder, name) for holder, name in _holders(target)}.values()
    if not holders:
        raise ValueError(f"there is no dropout layer in {type(target).__name__}")
    if isinstance(p, numbers.Real):
        values = [check_probability(p)] * len(holders)
    elif not isinstance(p, Iterable) or isinstance(p, (str, bytes)) or getattr(p, "ndim", 1) != 1:
        raise TypeError(f"p must be a float, or one float for each layer, got p={p!r}")
    else:
        values = [check_probability(value) for value in p]
    if len(values) != len(holders):
        raise ValueError(f"{len(values)} probabilities given for {len(holders)} layers")
    before = [getattr(holder, name) for holder, name in holders]
    try:
        for (holder, name), value in zip(holders, values, strict=True):
            setattr(holder, name, value)
    except BaseException:
        for (holder, name), value in zip(holders, before, strict=True):
            setattr(holder, name, value)
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
        self._move_to(check_count("steps", state["steps"], 0))

    def _move_to(self, steps):
        set_probabilities(self.target, self.schedule(steps))
        self.steps = steps


# Functions of the module, since those made within a function cannot be pickled.
def _constant(p, step):
    return p


def _curriculum(p, gamma, step):
    return -p * math.expm1(-gamma * step)


def _early(p, steps, decay, step):
    return p * max(0, steps - step) / steps if decay else p * (step < steps)


def _late(p, steps, step):
    return p * (step >= steps)


def _holders(target):
    """The objects that hold the probabilities a target stands for, and the attributes' names."""
    if hasattr(target, "holder"):
        return [target.holder()]
    if hasattr(target, "modules"):  # without torch installed nothing has
        from .nn import find

        return [found.holder() for found in find(target) if _follows(found)]
    if hasattr(target, "p"):
        return [(target, "p")]
    if isinstance(target, (str, bytes)) or not isinstance(target, Iterable):
        raise TypeError(f"target must be a module, a layer or a list of these, got {target!r}")
    return [holder for part in target for holder in _holders(part)]


def _follows(found):
    """Whether what drops in a model is to follow a schedule of the model."""
    if found.attribute is not None and not found.guessed:
        return found.kind != "concrete"  # which learns its own
    if found.p != 0:
        raise ValueError(
            f"a schedule does not reach all dropout: {found}. Leave it out by giving what is to "
            "follow, a list of modules or of what dropoutlib.nn.find finds"
        )
    return False
