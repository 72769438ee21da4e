"""What replaces the stochastic functions of torch: the same arithmetic, with noise from outside.

A handler takes the pass, the function and its arguments. It returns what the function would, or
NotImplemented where the call may run as it is: because it is not stochastic, or because its form
is a rare one, which a pass then finds to be not under control. Where a handler calls other
functions that draw, it does so within the pass, which sees them.
"""

import inspect

import torch
import torch.nn.functional as F

from ..nn import functional as ours
from ..nn._masking import check_floating, check_p, keep_mask
from .fused import attention, multi_head, recurrent

__all__ = ["HANDLERS"]


def units(scaled):
    """Handler of dropout of single units, with or without the factor 1/q."""

    def handler(run, func, input, p=0.5, training=True, inplace=False, *, generator=None):
        p = check_p(p)
        run.check(func, p, training)
        if not training or p == 0 or input.numel() == 0:
            return NotImplemented
        if p == 1:
            return run.finish(input, input * 0, inplace)
        check_floating(input, f"dropout(p={p})")
        output = run.draw("keep", input.shape, input.dtype, input.device, p)
        if scaled:
            output.mul_(1 / (1 - p))
        # In the memory of the mask, unless the input has an order of axes that is to be kept.
        output = output.mul_(input) if input.is_contiguous() else input * output
        return run.finish(input, output, inplace)

    return handler


def by_body(function):
    """Handler that runs the body of one of our functions, whose mask is then asked for."""
    parameters = inspect.signature(function)

    def handler(run, func, *args, **kwargs):
        call = parameters.bind(*args, **kwargs)
        call.apply_defaults()
        given = call.arguments
        run.check(func, given.get("p", given.get("drop_prob")), given["training"])
        inplace = given.pop("inplace", False)
        with run:
            output = function.__wrapped__(*call.args, **call.kwargs)
        return run.finish(call.args[0], output, inplace and output is not call.args[0])

    return handler


def by_function(function, *, inplace=False):
    """Handler of a builtin with the arguments (input, p, train)."""

    def handler(run, func, input, p, train):
        with run:
            return function(input, p, train, inplace)

    return handler


def factory(kind, empty):
    """Handler of a function that makes a random tensor of a shape, or like another."""

    def handler(run, func, *args, generator=None, **kwargs):
        like = empty(*args, **kwargs)
        if not like.is_floating_point():
            return NotImplemented
        return run.draw(kind, like.shape, like.dtype, like.device)

    return handler


def bernoulli(run, func, input, p=None, *, generator=None):
    """Ones with the probability p, or with those in `input`."""
    return _ones(run, input, input if p is None else p)


def bernoulli_(run, func, input, p=0.5, *, generator=None):
    """In place: ones with the probability, or the probabilities, p."""
    ones = _ones(run, input, p)
    return ones if ones is NotImplemented else run.finish(input, ones, inplace=True)


def in_place(kind, names, change):
    """Handler of a function that fills a tensor, by what becomes of noise with two numbers."""

    def handler(run, func, input, *args, generator=None, **kwargs):
        given = dict(zip(names, args, strict=False)) | kwargs
        if not input.is_floating_point():
            return NotImplemented
        noise = run.draw(kind, input.shape, input.dtype, input.device)
        values = change(noise, *(given.get(name, value) for name, value in names.items()))
        return run.finish(input, values, inplace=True)

    return handler


def _ones(run, input, p):
    if isinstance(p, torch.Tensor):
        if not p.is_floating_point():
            return NotImplemented
        wide = torch.float64 if input.device.type != "mps" else torch.float32
        noise = run.draw("uniform", input.shape, wide, input.device)
        return (noise < p).to(input.dtype)
    return run.draw("keep", input.shape, input.dtype, input.device, 1 - p)


def _keep(run, func, input, shape, p, generator=None):
    return run.draw("keep", shape, torch.bool, input.device, p)


_BODIES = {
    F.dropout1d: ours.dropout1d,
    F.dropout2d: ours.dropout2d,
    F.dropout3d: ours.dropout3d,
    F.alpha_dropout: ours.alpha_dropout,
    F.feature_alpha_dropout: ours.feature_alpha_dropout,
}
_OWN = {getattr(ours, name) for name in ours.__all__} - {ours.dropout, ours.standard_dropout}

HANDLERS = {
    **{theirs: by_body(function) for theirs, function in _BODIES.items()},
    **{function: by_body(function) for function in _OWN},
    F.dropout: units(scaled=True),
    ours.dropout: units(scaled=True),
    ours.standard_dropout: units(scaled=False),
    keep_mask: _keep,
    torch.dropout: by_function(F.dropout),
    torch.dropout_: by_function(F.dropout, inplace=True),
    F.multi_head_attention_forward: multi_head,
    F.scaled_dot_product_attention: attention,
    torch.lstm: recurrent,
    torch.gru: recurrent,
    torch.rnn_tanh: recurrent,
    torch.rnn_relu: recurrent,
    torch.bernoulli: bernoulli,
    torch.rand: factory("uniform", torch.empty),
    torch.rand_like: factory("uniform", torch.empty_like),
    torch.randn: factory("normal", torch.empty),
    torch.randn_like: factory("normal", torch.empty_like),
    torch.Tensor.bernoulli: bernoulli,
    torch.Tensor.bernoulli_: bernoulli_,
    torch.Tensor.normal_: in_place(
        "normal", {"mean": 0.0, "std": 1.0}, lambda noise, mean, std: noise * std + mean
    ),
    torch.Tensor.uniform_: in_place(
        "uniform", {"from": 0.0, "to": 1.0}, lambda noise, low, high: noise * (high - low) + low
    ),
}
