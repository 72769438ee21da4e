"""Set the drop probability of layers, of NumPy or of PyTorch, once or step by step."""

import numbers

from ..masks import check_probability
from .curves import check_count

__all__ = ["Scheduler", "set_probabilities"]


def set_probabilities(target, p):
    """Set the drop probability of layers.

    Parameters
    ----------
    target : torch.nn.Module, layer, or iterable of these
        A module stands for all dropout modules in it, in the order of ``modules()``, each once;
        those that learn their probability are left out. A NumPy layer stands for itself.
    p : float or sequence of float
        One probability for all, or one for each.

    Raises
    ------
    ValueError, TypeError
        If there is no layer, if numbers do not match, or if a layer refuses its probability.
        Then no layer is changed.

    Examples
    --------
    >>> from dropoutlib.layers import DropPath
    >>> from dropoutlib.schedules import linear_depth
    >>> branches = [DropPath() for _ in range(3)]
    >>> set_probabilities(branches, linear_depth(0.3, 3))
    >>> print(*(f"{branch.p:.1f}" for branch in branches))
    0.1 0.2 0.3
    """
    layers = _layers(target)
    probabilities = [p] * len(layers) if isinstance(p, numbers.Real) else list(p)
    if not layers:
        raise ValueError(f"there is no dropout layer in {target!r}")
    if len(probabilities) != len(layers):
        raise ValueError(f"{len(probabilities)} probabilities given for {len(layers)} layers")
    probabilities = [check_probability(value) for value in probabilities]
    before = [layer.p for layer in layers]
    try:
        for layer, value in zip(layers, probabilities, strict=True):
            layer.p = value
    except ValueError:
        for layer, value in zip(layers, before, strict=True):
            layer.p = value
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
    >>> from dropoutlib.schedules import late
    >>> layer = Dropout()
    >>> scheduler = Scheduler(layer, late(0.3, 2))
    >>> for _ in range(3):
    ...     print(layer.p)
    ...     scheduler.step()
    0.0
    0.0
    0.3
    """

    def __init__(self, target, schedule):
        self.target = target
        self.schedule = schedule
        self._move_to(0)

    def step(self):
        """Count one step of training and set the probability for the next."""
        self._move_to(self.steps + 1)

    def state_dict(self):
        """What a checkpoint has to store."""
        return {"steps": self.steps}

    def load_state_dict(self, state):
        """Go to where `state_dict` was taken."""
        self._move_to(check_count("steps", state["steps"], least=0))

    def _move_to(self, steps):
        set_probabilities(self.target, self.schedule(steps))
        self.steps = steps


def _layers(target):
    """The layers that `target` stands for."""
    if hasattr(target, "modules"):  # without torch installed nothing has
        from torch.nn.modules.dropout import _DropoutNd

        found = [module for module in target.modules() if isinstance(module, _DropoutNd)]
        return [module for module in found if "logit" not in module._parameters]
    if hasattr(target, "p"):
        return [target]
    return [layer for part in target for layer in _layers(part)]
