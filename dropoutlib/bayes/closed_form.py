"""Mean and variance in closed form where dropout sits right before a linear head: no draws."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from .. import nn as ours
from .._modules import shadow, switch
from ..masks import check_probability
from ..nn.calls import FUNCTIONS, RANDOM, probability


class Moments(NamedTuple):
    """Mean and variance of a prediction over all masks."""

    mean: torch.Tensor
    var: torch.Tensor


def analytic(model: nn.Module, x: torch.Tensor) -> Moments:
    """Exact mean and variance of a model whose only dropout feeds a linear layer at its end.

    With features h, units dropped independently and outputs ``W (h m / q) + b``::

        mean = W h + b,    var = p / q (W * W) (h * h)

    It is what `mc_samples` converges to as T grows, at the price of one pass, or of up to three if
    W or b are computed in it. What a softmax makes of the outputs afterwards has another mean.

    Parameters
    ----------
    model : Module
        It ends with a `Dropout`, `GaussianDropout` or `StandardDropout` whose output is the
        input of an `nn.Linear`, or of ``F.linear``, whose output is the model's. Its other layers
        are evaluated in evaluation mode. Modes, hooks, buffers and random states are left alone,
        also for other threads that use the model.
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
        If `model` is not a Module, or `x` not a tensor.

    Examples
    --------
    >>> head = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(head.weight)
    >>> mean, var = analytic(nn.Sequential(nn.Dropout(0.5), head), torch.tensor([[3.0, 4.0]]))
    >>> mean.item(), var.item()
    (7.0, 25.0)
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor, got {type(x).__name__}")
    found = [one for one in ours.find(model) if one.p != 0]
    for one in found:
        if isinstance(one.module, torch.jit.ScriptModule):
            raise ValueError(f"what happens in scripted code cannot be seen: {one}")
    twins, trace = shadow(model), _Trace()
    for twin in twins.values():
        switch(twin, False)
    layers = [one for one in found if one.reach in ("call", "either") and not one.guessed]
    for one in layers:
        vars(twins[one.module])["forward"] = trace.dropout(twins[one.module], one)
    with torch.inference_mode(False), torch.no_grad():
        output = trace.run(twins[model], x)
        weights, computed = trace.weights(output)
        moments = trace.moments(output, *weights)
        if computed:  # from what is dropped, if they change with it
            for left in (torch.zeros_like, _uneven):
                again, _ = trace.weights(trace.run(twins[model], x, left))
                if not all(map(_same, weights, again)):
                    raise ValueError(
                        f"the weights behind {trace.found} change from pass to pass, or are "
                        "computed from its output"
                    )
        # What calls dropout as a function shows it in training mode; and what calls a layer in no
        # other mode has not called it.
        suspects = {twins[one.owner]: one for one in found if one not in layers}
        for one in layers:
            if one is not trace.found and one.name:
                suspects[twins[model.get_submodule(one.name.rpartition(".")[0])]] = one
        for owner in suspects:
            switch(owner, True)
        if suspects and not _same(trace.run(twins[model], x), output):
            named = "; ".join(map(str, suspects.values()))
            raise ValueError(f"the output depends on more than one dropout layer: {named}")
    return moments


def _same(one, other):
    """Whether two outputs are equal, in their NaN, too, or both are None."""
    if one is None or other is None:
        return one is other
    return type(one) is type(other) and torch.equal(one.nan_to_num(), other.nan_to_num())


def _uneven(h):
    """Features, each times another number, so that no sum or mean of them stays by chance."""
    places = torch.arange(1, h.numel() + 1, dtype=torch.float32, device=h.device)
    return h * (0.5 + (0.618034 * places).frac()).reshape(h.shape).to(h.dtype)


# Layers of known moments, by exact type: a subclass may do anything.
_KNOWN = (nn.Dropout, ours.Dropout, ours.GaussianDropout, ours.StandardDropout)


class _Trace(TorchFunctionMode):
    """Follows a pass: which dropout layer it calls, and which linear layer takes the output."""

    def run(self, model, x, left=torch.clone):
        """The output of a pass, in which the dropout layer gives what `left` makes of its input."""
        self.left = left
        self.layer = self.features = self.passed = None
        # Output of a linear layer, how often it was changed, weights, whether they are computed.
        self.heads = []
        with self:
            return model(x.clone())

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in FUNCTIONS:
            p = probability(name, args, kwargs)
            if type(p) not in (int, float) or p != 0:
                raise ValueError(f"the model calls {name}(p={p}) as a function")
        elif name in RANDOM:
            raise ValueError(f"the model draws random numbers outside of dropout layers, by {name}")
        elif func == torch.Tensor.data.__get__ and self.passed is not None:
            raise ValueError("the model takes .data of a tensor, which hides changes in place")
        output = func(*args, **kwargs)
        if func is F.linear:
            self.head(output, *args, **kwargs)
        return output

    def dropout(self, layer, found):
        """Forward pass of a dropout layer: it notes its input."""
        before = vars(layer).get("forward")
        own = before is None or getattr(before, "__func__", None) is type(layer).forward

        def forward(input, *args, **kwargs):
            if self.layer is not None:
                raise ValueError(
                    f"the model calls more than one dropout layer: {self.found}; {found}"
                )
            if type(layer) not in _KNOWN or not own:
                raise ValueError(f"the moments of {type(layer).__name__} are not known here")
            self.layer, self.found = layer, found
            # Two copies: the input may go on to other layers, past the dropout.
            self.features = input.clone()
            self.passed = self.left(input)
            return self.passed

        return forward

    def head(self, output, input, weight, bias=None):
        """Note a linear layer if it takes the output of dropout unchanged."""
        if input is self.passed and input._version == 0:
            stored = (nn.Parameter, type(None))
            computed = not all(isinstance(part, stored) for part in (weight, bias))
            # Copies, since another thread may be training the model.
            parts = [None if part is None else part.clone() for part in (weight, bias)]
            self.heads.append((output, output._version, parts, computed))

    def weights(self, output):
        """W and b of the linear layer that gave the output, and whether they are computed."""
        if self.layer is None:
            raise ValueError("the model has no dropout layer that drops anything")
        for given, version, parts, computed in self.heads:
            if given is output and output._version == version:
                return parts, computed
        raise ValueError(
            f"{self.found} is not followed by an nn.Linear whose output is the model's"
        )

    def moments(self, output, W, b):
        """The moments of the model's output."""
        p = check_probability(self.layer.p)
        if p == 1 and type(self.layer) is ours.GaussianDropout:
            raise ValueError(f"{self.found} would have infinite variance p/(1 - p)")
        exact = torch.float32 if output.device.type == "mps" else torch.float64
        wide = torch.promote_types(output.dtype, exact)
        h, W = self.features.to(wide), W.to(wide)
        h = torch.zeros_like(h) if p == 1 else h  # h * 0 is NaN where h is infinite
        scale = 1 - p if type(self.layer) is ours.StandardDropout else 1.0  # mean of m, or of m / q
        factor = scale**2 * p / (1 - p) if p < 1 else 0.0
        mean = F.linear(h * scale, W, None if b is None else b.to(wide))
        dtype = torch.promote_types(output.dtype, torch.float32)
        var = factor * _squares(h.abs(), W.abs())
        return Moments(mean.to(dtype), var.to(dtype.to_real()))


def _squares(h, W):
    """``(W * W) (h * h)`` for entries of any size, whose squares may be out of range."""

    def scaled(part):
        scale = F.pad(part, (0, 1)).amax(-1, keepdim=True)
        scale = torch.where((scale > 0) & scale.isfinite(), scale, 1.0)
        return (part / scale).square(), scale

    (h, h_scale), (W, W_scale) = scaled(h), scaled(W)
    scale = h_scale * W_scale.squeeze(-1)
    return F.linear(h, W) * scale * scale
