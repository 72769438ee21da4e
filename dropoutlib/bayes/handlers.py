"""What replaces the stochastic functions of torch: the same arithmetic, with noise of our own.

A handler takes the pass, the function and its arguments. It returns what the function would, or
NotImplemented where the call is not stochastic and may run as it is. Where it calls other
functions that draw, it does so within the pass, which sees them.
"""

import inspect

import torch
import torch.nn.functional as F

from ..nn import functional as ours
from ..nn._masking import check_floating, check_p, keep_mask
from .attention import attention, multi_head
from .draws import RANDOM
from .recurrent import recurrent

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


_BODIES = {
    F.dropout1d: ours.dropout1d,
    F.dropout2d: ours.dropout2d,
    F.dropout3d: ours.dropout3d,
    F.alpha_dropout: ours.alpha_dropout,
    F.feature_alpha_dropout: ours.feature_alpha_dropout,
}
_OWN = {getattr(ours, name) for name in ours.__all__} - {ours.dropout, ours.standard_dropout}


def _keep(run, func, input, shape, p, generator=None):
    return run.draw("keep", shape, torch.bool, input.device, p)


HANDLERS = {
    **RANDOM,
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
}
