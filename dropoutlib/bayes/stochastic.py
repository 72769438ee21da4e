"""What replaces the stochastic functions of torch: the same arithmetic, with noise from outside.

A handler takes the pass, the function and its arguments. It returns what the function would, or
NotImplemented where the call may run as it is: because it is not stochastic, or because its form
is a rare one, which a pass then finds to be not under control. Where a handler calls other
functions that draw, it does so within the pass, which sees them.
"""

import functools
import inspect
import math
import types

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import _disable_current_modes

from ..nn import functional as ours
from ..nn._masking import check_floating, check_p, keep_mask
from .trees import tensors

__all__ = ["HANDLERS"]


def _batched(given):
    """Whether one of these is a tensor of many passes at once."""
    return any(map(torch._C._functorch.is_batchedtensor, tensors(given)))


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


def attention(run, func, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **more):
    """Handler of ``scaled_dot_product_attention``: torch's own weights, dropped, and the product.

    The other arguments are ``scale`` and ``enable_gqa``.
    """
    run.check(func, dropout_p, True)
    if dropout_p == 0:
        given = ({"is_causal": is_causal, **more}, query, key, value, attn_mask)
        return run.call(_attention, given, {})
    device = query.device.type
    if torch.is_autocast_enabled(device) and query.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        zeros = torch.zeros_like(attn_mask, dtype=query.dtype)
        attn_mask = zeros.masked_fill(~attn_mask, -math.inf)
    with torch.autocast(device, enabled=False):
        given = (query, key, value[..., :0], attn_mask, 0.0, is_causal)  # no product with values
        _, weights = run.call(torch._scaled_dot_product_attention_math, given, more)
        if more.get("enable_gqa"):
            value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
        with run:
            return F.dropout(weights, dropout_p) @ value


def _attention(options, query, key, value, mask):
    """Attention without dropout; vmap has a rule for it, but not for the kernel of four axes."""
    given = [query, key, value]
    alike = all(tensor.dim() == 4 and len(tensor) == len(query) for tensor in given)
    if not alike or not _batched((*given, mask)):
        return F.scaled_dot_product_attention(*given, mask, **options)
    if _batched(mask) or (mask is not None and mask.dim() == 4):
        given.append(mask[(None,) * (4 - mask.dim())].expand(len(query), -1, -1, -1))
    else:  # there is none, or one for all rows
        options = {"attn_mask": mask, **options}

    def run(*given):
        return (F.scaled_dot_product_attention(*given, **options),)

    return _MoreRows.apply(run, (0,) * len(given), *given)[0]


def multi_head(run, func, *args, **kwargs):
    """Handler of ``multi_head_attention_forward``: its body, in which calls are seen."""
    parameters, body = _body()
    call = parameters.bind(*args, **kwargs)
    call.apply_defaults()
    run.check(func, call.arguments["dropout_p"], call.arguments["training"])
    with run:
        return body(*args, **kwargs)


@functools.cache
def _body():
    """Signature and body of the function, which does not hand itself over to modes of torch.

    Not taken on import, when torch may be a stand-in without any.
    """
    source = F.multi_head_attention_forward
    names = {**vars(F), "has_torch_function": lambda tensors: False}
    body = types.FunctionType(source.__code__, names, source.__name__, source.__defaults__)
    return inspect.signature(source), body


def recurrent(run, func, data, *args):
    """Handler of ``torch.lstm`` and its like: the layers one at a time, with dropout between.

    The arguments are those of the function for padded sequences, ``(data, hx, params, ...)``,
    or for packed ones, ``(data, batch_sizes, hx, params, ...)``.
    """
    sizes = args[:1] if isinstance(args[2], (list, tuple)) else ()
    hx, params, biases, layers, dropout, training, bidirectional, *layout = args[len(sizes) :]
    dropout = dropout if layers > 1 else 0.0
    run.check(func, dropout, training)
    directions = 2 if bidirectional else 1
    each = len(params) // layers
    final = []
    for layer in range(layers):
        if layer and dropout and training:
            with run:
                data = F.dropout(data, dropout)
        own = slice(layer * directions, (layer + 1) * directions)
        state = tuple(h[own] for h in hx) if isinstance(hx, tuple) else (hx[own],)
        weights = params[layer * each : (layer + 1) * each]
        rest = (weights, biases, 1, 0.0, False, bidirectional, *layout)
        data, *last = run.call(_layer, (func, sizes, rest, data, *state), {})
        final.append(last)
    return (data, *(torch.cat(states) for states in zip(*final, strict=True)))


def _layer(func, sizes, rest, data, *state):
    """One layer; a packed sequence, whose rows are of different lengths, is not vectorized."""

    def run(data, *state):
        with _disable_current_modes():  # it draws nothing, and takes hundreds of operations
            return func(data, *sizes, state if func is torch.lstm else state[0], *rest)

    if sizes or not _batched((rest[0], data, state)):
        return run(data, *state)
    if _batched(rest[0]):
        raise NotImplementedError("a recurrent layer whose weights are noisy")
    return _MoreRows.apply(run, (0 if rest[-1] else 1, 1, 1), data, *state)  # the last: batch_first


class _MoreRows(torch.autograd.Function):
    """A function for which vmap has no rule, and whose rows do not depend on each other.

    What vmap adds is therefore more rows. `run` takes tensors and returns a tuple of them; `axes`
    has the axis of rows of each, the same for those that go in and that come out.
    """

    @staticmethod
    def forward(run, axes, *given):
        return run(*given)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing: there are no gradients."""

    @staticmethod
    def vmap(info, in_dims, run, axes, *given):
        samples = info.batch_size

        def fold(tensor, dim, axis):
            if dim is None:
                tensor, dim = tensor.expand(samples, *tensor.shape), 0
            return tensor.movedim(dim, axis).flatten(axis, axis + 1)

        output = _MoreRows.apply(run, axes, *map(fold, given, in_dims[2:], axes))
        axes = axes[: len(output)]
        parts = zip(output, axes, strict=True)
        return tuple(part.unflatten(axis, (samples, -1)) for part, axis in parts), axes


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
