"""Mean and variance in closed form where dropout sits right before a linear head: no draws."""

import contextlib
from typing import NamedTuple

import torch
from torch import nn

from .. import nn as ours
from .active import is_dropout, only_training

__all__ = ["Moments", "analytic"]


class Moments(NamedTuple):
    """Mean and variance of a prediction over all masks."""

    mean: torch.Tensor
    var: torch.Tensor


def analytic(model, x):
    """Exact mean and variance of a model whose only dropout feeds a linear layer at its end.

    With features h, units dropped independently and outputs ``W (h m / q) + b``::

        mean = W h + b,    var = p / q (W * W) (h * h)

    It is what `mc_samples` converges to as T grows, at the price of one pass.

    Parameters
    ----------
    model : Module
        It ends with a `Dropout`, `GaussianDropout` or `StandardDropout` whose output is the
        input of an `nn.Linear` whose output is the model's. Its other layers are evaluated in
        evaluation mode.
    x : Tensor, shape (N, ...)
        The inputs.

    Returns
    -------
    Moments
        ``(mean, var)``, tensors of the shape of the model's output, without gradient.

    Raises
    ------
    ValueError
        If the model is not of this form; it says where it is not. `mc_samples` serves then.
    TypeError
        If `model` is not a Module.

    Notes
    -----
    The mean is exact for the head only: not for what a nonlinearity, such as a softmax, makes
    of the outputs afterwards.

    Examples
    --------
    >>> head = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(head.weight)
    >>> mean, var = analytic(nn.Sequential(nn.Dropout(0.5), head), torch.tensor([[3.0, 4.0]]))
    >>> mean.item(), var.item()
    (7.0, 25.0)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    trace = _Trace()
    with torch.no_grad(), only_training(model), trace.watching(model):
        with torch.random.fork_rng(devices=[]):
            before = torch.get_rng_state()
            output = model(x)
            drawn = not torch.equal(before, torch.get_rng_state())
        if drawn:
            raise ValueError("the model draws random numbers outside of its dropout layers")
        dropout, features, head = trace.result(output)
        mean, var = _MOMENTS[type(dropout)](features, dropout.p)
        return Moments(head(mean), nn.functional.linear(var, head.weight.square()))


def _inverted(h, p):
    """Moments of h m / q, and of Gaussian noise matched to it. At p = 1 all is dropped."""
    return (h, h.square() * (p / (1 - p))) if p < 1 else (h * 0, h * 0)


def _standard(h, p):
    """Moments of h m."""
    return h * (1 - p), h.square() * (p * (1 - p))


# By exact type: a subclass may do anything.
_MOMENTS = {
    nn.Dropout: _inverted,
    ours.Dropout: _inverted,
    ours.GaussianDropout: _inverted,
    ours.StandardDropout: _standard,
}


class _Trace:
    """Which dropout layers a pass calls, and which linear layer takes the output of one."""

    def __init__(self):
        self.called = []  # (dropout layer, its output)
        self.features = None  # the last one's input
        self.heads = []  # (linear layer, its input, its output)

    @contextlib.contextmanager
    def watching(self, model):
        """Hooks on the layers while the context lasts."""
        with contextlib.ExitStack() as stack:
            for module in model.modules():
                if is_dropout(module) and _probability(module) != 0:
                    stack.callback(module.register_forward_pre_hook(self._reached).remove)
                    stack.callback(module.register_forward_hook(self._dropped).remove)
                elif type(module) is nn.Linear:
                    stack.callback(module.register_forward_hook(self._mapped).remove)
            yield

    def result(self, output):
        """The dropout layer, its input and the head, or an error."""
        if not self.called:
            raise ValueError("the model has no dropout layer that drops anything")
        if len(self.called) > 1:
            names = ", ".join(type(layer).__name__ for layer, *_ in self.called)
            raise ValueError(f"the model calls more than one dropout layer: {names}")
        dropout, passed = self.called[0]
        if type(dropout) not in _MOMENTS:
            raise ValueError(f"the moments of {type(dropout).__name__} are not known here")
        heads = [head for head, taken, given in self.heads if taken is passed and given is output]
        if not heads:
            raise ValueError(
                f"{dropout} is not followed by an nn.Linear whose output is the model's"
            )
        return dropout, self.features, heads[0]

    def _reached(self, module, args):
        if type(module) not in _MOMENTS:
            return args
        self.features = args[0].clone()
        # The layer gets a tensor of its own: in evaluation mode it returns its input, or changes
        # it in place, while the features may go on to other layers past the dropout.
        return (args[0].clone(), *args[1:])

    def _dropped(self, module, args, output):
        self.called.append((module, output))

    def _mapped(self, module, args, output):
        self.heads.append((module, args[0], output))


def _probability(module):
    """The drop probability, under the name that the module gives it."""
    for name in ("p", "drop_prob", "dropout"):
        if hasattr(module, name):
            return getattr(module, name)
    return None
