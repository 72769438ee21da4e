"""Drop probabilities that change with the step of training, or with depth.

A schedule is a function from the number of steps done to a drop probability; `Scheduler` applies
it to layers, of NumPy or of PyTorch.
"""

from .curves import constant, curriculum, early, late, linear_depth
from .scheduler import Scheduler, set_probabilities

__all__ = [
    "Scheduler",
    "constant",
    "curriculum",
    "early",
    "late",
    "linear_depth",
    "set_probabilities",
]
