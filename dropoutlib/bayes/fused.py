"""Dropout within functions that torch has in one piece: attention and recurrent layers."""

import functools
import inspect
import math
import types

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import _disable_current_modes

__all__ = ["attention", "multi_head", "recurrent"]


def attention(run, func, query, key, value, attn_mask=None, dropout_p=0.0, *args, **kwargs):
    """Handler of ``scaled_dot_product_attention``: torch's own weights, dropped, and the product.

    The other arguments are ``is_causal``, by position or not, ``scale`` and ``enable_gqa``.
    """
    run.check(func, dropout_p, True)
    if dropout_p == 0:
        return NotImplemented
    device = query.device.type
    if torch.is_autocast_enabled(device) and query.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        zeros = torch.zeros_like(attn_mask, dtype=query.dtype)
        attn_mask = zeros.masked_fill(~attn_mask, -math.inf)
    with torch.autocast(device, enabled=False):
        given = (query, key, value[..., :0], attn_mask, 0.0, *args)  # no product with the values
        _, weights = run.call(torch._scaled_dot_product_attention_math, given, kwargs)
        if kwargs.get("enable_gqa"):
            value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
        with run:
            return F.dropout(weights, dropout_p) @ value


def multi_head(run, func, *args, **kwargs):
    """Handler of ``multi_head_attention_forward``: its body, in which calls are seen."""
    parameters, body = _body()
    call = parameters.bind(*args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    run.check(func, given["dropout_p"], given["training"])
    if given["dropout_p"] == 0 or not given["training"]:
        return NotImplemented
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
    if not training or dropout == 0:
        dropout = 0.0
    directions = 2 if bidirectional else 1
    each = len(params) // layers
    final = []
    for layer in range(layers):
        if layer and dropout:
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
    batched = any(map(torch._C._functorch.is_batchedtensor, (*rest[0], data, *state)))
    if sizes or not batched:
        return _run(func, sizes, rest, data, *state)
    return _Layer.apply(func, rest, data, *state)


def _run(func, sizes, rest, data, *state):
    with _disable_current_modes():  # it draws nothing, and takes hundreds of operations
        return func(data, *sizes, state if func is torch.lstm else state[0], *rest)


class _Layer(torch.autograd.Function):
    """One layer of padded sequences, whose rows do not depend on each other.

    What vmap adds is therefore more rows.
    """

    @staticmethod
    def forward(func, rest, data, *state):
        return _run(func, (), rest, data, *state)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing: there are no gradients."""

    @staticmethod
    def vmap(info, in_dims, func, rest, data, *state):
        if any(dim is not None for dim in in_dims[1][0]):
            raise NotImplementedError("a recurrent layer whose weights are noisy")
        samples = info.batch_size
        rows = 0 if rest[-1] else 1  # batch_first

        def fold(tensor, dim, axis):
            if dim is None:
                tensor = tensor.unsqueeze(axis)
                tensor = tensor.expand(*tensor.shape[:axis], samples, *tensor.shape[axis + 1 :])
            else:
                tensor = tensor.movedim(dim, axis)
            return tensor.flatten(axis, axis + 1)

        state = [fold(h, dim, 1) for h, dim in zip(state, in_dims[3:], strict=True)]
        data, *last = _Layer.apply(func, rest, fold(data, in_dims[2], rows), *state)
        last = [h.unflatten(1, (samples, -1)) for h in last]
        return (data.unflatten(rows, (samples, -1)), *last), (rows, *(1 for _ in last))
