"""Mean and variance in closed form where dropout sits right before a linear head: no draws."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from .. import nn as ours
from .._modules import shadow
from ..nn.calls import FUNCTIONS, RANDOM
from ..nn.functional.common import check_p, wide_dtype

__all__ = ["Moments", "analytic"]


class Moments(NamedTuple):
    """Mean and variance of a prediction over all masks."""

    mean: torch.Tensor
    var: torch.Tensor


def analytic(model: nn.Module, x: torch.Tensor) -> Moments:
    """Exact mean and variance of a model whose only dropout feeds a linear layer at its end.

    With features h, units dropped independently and outputs ``W (h m / q) + b``::

        mean = W h + b,    var = p / q (W * W) (h * h)

    It is what `mc_samples` converges to as T grows, at the price of one pass.

    Parameters
    ----------
    model : Module
        It ends with a `Dropout`, `GaussianDropout` or `StandardDropout` whose output is the
        input of an `nn.Linear` whose output is the model's. Its other layers are evaluated in
        evaluation mode. Modes, hooks, buffers and random states are left alone, also for other
        threads that use the model.
    x : Tensor, shape (N, ...)
        The inputs.

    Returns
    -------
    Moments
        ``(mean, var)``, tensors of the shape of the model's output, without gradient, computed
        in float64. Their dtype is the output's, or float32 for one of half precision, whose
        range is too small for variances.

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
    found = [one for one in ours.find(model) if one.p != 0]
    for one in found:
        if isinstance(one.module, torch.jit.ScriptModule):
            raise ValueError(f"what happens in scripted code cannot be seen: {one}")
    twins = shadow(model)
    trace = _Trace()
    for twin in twins.values():
        twin.training = False
        if type(twin) is nn.Linear and _is_own(twin):
            vars(twin)["forward"] = trace.head(twin)
    suspects = [one for one in found if one.reach not in ("call", "either") or one.guessed]
    for one in found:
        if one not in suspects:
            vars(twins[one.module])["forward"] = trace.dropout(twins[one.module], one)
    with torch.inference_mode(False), torch.no_grad():
        output = trace.run(twins[model], x)
        moments = trace.moments(output)
        for one in suspects:  # what calls dropout as a function shows it in training mode
            twins[one.owner].training = True
        if suspects and not torch.equal(trace.run(twins[model], x), output):
            raise ValueError(f"the output depends on more than a dropout layer: {suspects[0]}")
    return moments


def _is_own(module):
    """Whether a module has the forward pass of its class."""
    forward = vars(module).get("forward")
    return forward is None or getattr(forward, "__func__", None) is type(module).forward


def _inverted(h, p):
    """Moments of h m / q, and of Gaussian noise matched to it. At p = 1 there is no h left."""
    return h, p / (1 - p) if p < 1 else 0.0


def _standard(h, p):
    """Moments of h m."""
    return h * (1 - p), p * (1 - p)


# Mean and the factor of h * h in the variance. By exact type: a subclass may do anything.
_MOMENTS = {
    nn.Dropout: _inverted,
    ours.Dropout: _inverted,
    ours.GaussianDropout: _inverted,
    ours.StandardDropout: _standard,
}


class _Trace(TorchFunctionMode):
    """Follows a pass: which dropout layer it calls, and which linear layer takes the output."""

    def run(self, model, x):
        """The output of a pass."""
        self.layer = self.features = self.passed = None
        self.heads = []  # (linear layer, its output, number of changes of it)
        with self:
            return model(x.clone())

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in FUNCTIONS:
            where = FUNCTIONS[name]
            default = 0.0 if name.startswith("scaled_dot") else 0.5
            p = kwargs.get("p", kwargs.get("dropout_p", default))
            p = args[where] if len(args) > where else p
            if not isinstance(p, (int, float)) or p != 0:
                raise ValueError(f"the model calls {name}(p={p}) as a function")
        elif name in RANDOM:
            raise ValueError(
                f"the model draws random numbers outside of its dropout layers, by {name}"
            )
        elif func == torch.Tensor.data.__get__ and self.passed is not None:
            raise ValueError("the model takes .data of a tensor, which hides changes in place")
        return func(*args, **kwargs)

    def dropout(self, layer, found):
        """Forward pass of a dropout layer: it gives its input, and notes it."""

        def forward(input, *args, **kwargs):
            if self.layer is not None:
                names = f"{self.found}; {found}"
                raise ValueError(f"the model calls more than one dropout layer: {names}")
            if type(layer) not in _MOMENTS or not own:
                raise ValueError(f"the moments of {type(layer).__name__} are not known here")
            self.layer, self.found = layer, found
            # Two copies: the input may go on to other layers, past the dropout.
            self.features, self.passed = input.clone(), input.clone()
            return self.passed

        own = _is_own(layer)
        return forward

    def head(self, layer):
        """Forward pass of a linear layer, noted if it takes the output of dropout unchanged."""

        def forward(input):
            output = nn.Linear.forward(layer, input)
            if input is self.passed and input._version == 0:
                self.heads.append((layer, output, output._version))
            return output

        return forward

    def moments(self, output):
        """The moments of the model's output, or an error."""
        if self.layer is None:
            raise ValueError("the model has no dropout layer that drops anything")
        heads = [
            layer
            for layer, given, version in self.heads
            if given is output and output._version == version
        ]
        if not heads:
            raise ValueError(
                f"{self.found} is not followed by an nn.Linear whose output is the model's"
            )
        wide = torch.promote_types(output.dtype, wide_dtype(output.device))
        h, W = self.features.to(wide), heads[0].weight.to(wide)
        b = None if heads[0].bias is None else heads[0].bias.to(wide)
        p = check_p(self.layer.p)
        h = torch.zeros_like(h) if p == 1 else h  # h * 0 is NaN if h is infinite
        mean, factor = _MOMENTS[type(self.layer)](h, p)
        dtype = torch.promote_types(output.dtype, torch.float32)
        var = factor * _squares(h.abs(), W.abs())
        return Moments(F.linear(mean, W, b).to(dtype), var.to(dtype.to_real()))


def _squares(h, W):
    """``(W * W) (h * h)`` for entries of any size, whose squares may be out of range."""
    h_scale, W_scale = (F.pad(part, (0, 1)).amax(-1, keepdim=True) for part in (h, W))
    h_scale, W_scale = (
        torch.where((scale > 0) & scale.isfinite(), scale, 1.0) for scale in (h_scale, W_scale)
    )
    scale = h_scale * W_scale.squeeze(-1)
    return F.linear((h / h_scale).square(), (W / W_scale).square()) * scale * scale
