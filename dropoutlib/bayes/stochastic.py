"""What replaces the stochastic functions of torch: the same arithmetic, with noise from outside.

A handler takes the pass, the function and its arguments. It returns what the function would, or
NotImplemented where its form is a rare one, which then runs as it is, not under control. Where a
handler calls other functions that draw, it does so within the pass, which sees them.
"""

import functools
import inspect
import math
import random
import types

import numpy as np
import torch
import torch.nn.functional as F
from torch._C import _functorch as functorch
from torch.utils._python_dispatch import _disable_current_modes

from ..nn import functional as ours
from ..nn._masking import check_p, is_beyond, keep_mask, settled, wide_dtype
from ..nn._watching import ThreadMode, draws
from .rows import INSTEAD, is_batched, more_rows
from .trees import tensors

_signature = functools.cache(inspect.signature)


def dropout(run, func, input, p=0.5, training=True, inplace=False, *, generator=None):
    """Inverted dropout of single units."""
    p = check_p(p)
    run.check(func, p, training)
    output = settled(input, p, training, False, "dropout")
    if output is None:
        wide = torch.float32 if is_beyond(input, 1 / (1 - p)) else input.dtype
        noise = run.draw("keep", input.shape, wide, input.device, p).mul_(1 / (1 - p))
        # In the memory of the mask, unless the input has an order of axes that is to be kept.
        output = noise.mul_(input) if input.is_contiguous() else input * noise
        output = output.to(input.dtype)
    return run.overwrite(input, output) if inplace and output is not input else output


def by_body(function, body=None):
    """Handler that runs the body of a function, whose calls, such as that for a mask, are seen."""

    def handler(run, func, *args, **kwargs):
        call = _signature(function).bind(*args, **kwargs)
        call.apply_defaults()
        given, input = call.arguments, call.args[0]
        p = next((given[name] for name in ("p", "drop_prob", "dropout_p") if name in given), None)
        run.check(func, p, given["training"])
        inplace = given.pop("inplace", False)
        with run:
            output = (body or function.__wrapped__)(*call.args, **call.kwargs)
        return run.overwrite(input, output) if inplace and output is not input else output

    return handler


def _multi_head(*args, **kwargs):
    """Attention of many heads, which here does not hand itself over to modes of torch."""
    source = F.multi_head_attention_forward
    names = {**vars(F), "has_torch_function": lambda tensors: False}
    body = types.FunctionType(source.__code__, names, source.__name__, source.__defaults__)
    return body(*args, **kwargs)


def made(kind, form):
    """Handler of a function that makes a random tensor, of the form of what `form` makes."""

    def handler(run, func, *args, generator=None, **kwargs):
        return filled(run, kind, form(*args, **kwargs))

    return handler


def filled(run, kind, like, change=None):
    """Noise in the form of a tensor of real numbers, or that tensor with what is made of noise."""
    if not like.is_floating_point():
        return NotImplemented
    noise = run.draw(kind, like.shape, like.dtype, like.device)
    return noise if change is None else run.overwrite(like, change(noise))


def normal(run, func, input, mean=0.0, std=1.0, *, generator=None):
    """Handler of ``normal_``."""
    if not std >= 0:
        raise ValueError(f"normal_ cannot draw numbers of mean {mean} and deviation {std}")
    return filled(run, "normal", input, lambda noise: noise * std + mean)


def uniform(run, func, input, low=0.0, to=1.0, *, generator=None, **word):
    """Handler of ``uniform_``, whose `low` is called ``from``, which in Python is no name."""
    low = word.get("from", low)
    if not low <= to:
        raise ValueError(f"uniform_ cannot draw numbers from {low} to {to}")
    return filled(run, "uniform", input, lambda noise: noise * (to - low) + low)


def bernoulli(run, func, input, p=None, *, generator=None):
    """Ones with the probability p, or with those in it, or without it with those in `input`."""
    fills = func is torch.Tensor.bernoulli_
    if p is None:
        p = 0.5 if fills else input
    if not isinstance(p, torch.Tensor):
        ones = run.draw("keep", input.shape, input.dtype, input.device, 1 - p)
    elif p.is_floating_point():
        values = p
        while is_batched(values):  # those of all passes
            values = functorch.get_unwrapped(values)
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"{func.__name__} takes probabilities, got some outside [0, 1] or NaN")
        noise = run.draw("uniform", input.shape, wide_dtype(input.device), input.device)
        ones = (noise < p).to(input.dtype)
    else:
        return NotImplemented
    return run.overwrite(input, ones) if fills else ones


def attention(run, func, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **more):
    """Handler of ``scaled_dot_product_attention``: torch's own weights, dropped, and the product.

    The other arguments are ``scale`` and ``enable_gqa``.
    """
    if dropout_p == 0:
        options = {"is_causal": is_causal, **more}
        return run.call(_attention, (query, key, value, attn_mask), options)
    run.check(func, dropout_p, True)
    device = query.device.type
    if torch.is_autocast_enabled(device) and query.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.where(attn_mask, 0.0, -math.inf).to(query.dtype)
    with torch.autocast(device, enabled=False):
        given = (query, key, value[..., :0], attn_mask, 0.0, is_causal)  # no product with values
        _, weights = run.call(torch._scaled_dot_product_attention_math, given, more)
        if more.get("enable_gqa"):
            value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
        with run:
            return F.dropout(weights, dropout_p) @ value


def _attention(query, key, value, mask, **options):
    """Attention without dropout; vmap has a rule for it, but not for the kernel of four axes."""
    given, plain = [query, key, value], F.scaled_dot_product_attention
    if not all(tensor.dim() == 4 and len(tensor) == len(query) for tensor in given):
        return plain(*given, mask, **options)
    if is_batched(mask) or (mask is not None and mask.dim() == 4):
        given.append(mask[(None,) * (4 - mask.dim())].expand(len(query), -1, -1, -1))
    else:  # there is none, or one for all rows
        options["attn_mask"] = mask
    return more_rows(lambda *rows: (plain(*rows, **options),), (0,) * len(given), *given)[0]


def recurrent(run, func, data=None, *args, **named):
    """Handler of ``torch.lstm`` and its like: the layers one at a time, with dropout between.

    The arguments are those for padded sequences, ``(data, hx, params, ...)``, or for packed ones,
    ``(data, batch_sizes, hx, params, ...)``, by position.
    """
    if named:
        return NotImplemented
    sizes = args[:1] if isinstance(args[2], (list, tuple)) else ()
    hx, params, biases, layers, dropout, training, bidirectional, *layout = args[len(sizes) :]
    run.check(func, dropout if layers > 1 else 0.0, training)
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

    if is_batched(rest[0]):
        raise NotImplementedError("a recurrent layer whose weights are noisy")
    if sizes:
        return run(data, *state)
    return more_rows(run, (0 if rest[-1] else 1, *[1] * len(state)), data, *state)  # batch_first


def _cell(func, input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of a recurrent cell, which takes one tensor for its state, or for an LSTM two."""
    weights, single = (w_ih, w_hh, b_ih, b_hh), isinstance(hx, torch.Tensor)
    states = [hx] if single else hx

    def run(input, *states):
        output = func(input, states[0] if single else states, *weights)
        return (output,) if single else output

    if is_batched(weights):
        raise NotImplementedError("a recurrent cell whose weights are noisy")
    output = more_rows(run, (0,) * (1 + len(states)), input, *states)
    return output[0] if single else output


class OwnGenerator(ThreadMode):
    """Lets what no handler takes draw from a generator of the pass's own, beneath all of torch.

    It takes the place of torch's global ones, which other threads may be using, and of a layer's
    own. `generators` are empty as long as nothing was drawn.
    """

    def __init__(self, seed=0):
        super().__init__()
        self.seed, self.generators = seed, {}

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # or torch wraps each operation, and imports its compiler for that

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not draws(func, args, kwargs):
            return func(*args, **kwargs)
        own = _with_generator(func)
        if own is None:
            raise ValueError(
                f"{func} draws from torch's global generator and takes no other, so that its noise "
                "cannot follow the seed of a prediction; draw it with torch.rand or torch.randn"
            )
        devices = (tensor.device for tensor in tensors((args, kwargs)))
        device = torch.device(next(devices, kwargs.get("device") or "cpu"))
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return own(*args, **{**kwargs, "generator": self.generators[device]})


@functools.cache
def _with_generator(func):
    """The form of a random operation that takes a generator, or None."""
    names = {argument.name for argument in func._schema.arguments} | {"generator"}
    packet = func.overloadpacket
    forms = (func, *(getattr(packet, name) for name in packet.overloads()))
    return next((f for f in forms if {a.name for a in f._schema.arguments} == names), None)


def python_noise(model):
    """States of the generators of Python and NumPy that a model may draw from."""
    held = [value for module in model.modules() for value in vars(module).values()]
    for kind in {*map(type, model.modules())}:
        forward = inspect.unwrap(getattr(kind, "forward", None))  # a scripted class has none
        held += [*getattr(forward, "__globals__", {}).values()]  # to which another thread may add
    states = [repr(one.bit_generator.state) for one in held if isinstance(one, np.random.Generator)]
    states += [one.getstate() for one in held if isinstance(one, random.Random)]
    _, legacy, *rest = np.random.get_state()  # noqa: NPY002 what a model may still use
    return states, random.getstate(), legacy.tobytes(), rest


# The functions of torch that have a twin here, whose mask is asked for, and of ours all others.
_TWINS = ("dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
_OWN = {getattr(ours, name) for name in ours.__all__} - {ours.dropout}

HANDLERS = {
    **{getattr(F, name): by_body(getattr(ours, name)) for name in _TWINS},
    **{function: by_body(function) for function in _OWN},
    **dict.fromkeys((F.dropout, ours.dropout), dropout),
    torch.dropout: lambda run, func, input, p, train: dropout(run, func, input, p, train),
    torch.dropout_: lambda run, func, input, p, train: dropout(run, func, input, p, train, True),
    keep_mask: lambda run, func, input, shape, p, *rest: run.draw(
        "keep", shape, torch.bool, input.device, p
    ),
    F.multi_head_attention_forward: by_body(F.multi_head_attention_forward, _multi_head),
    F.scaled_dot_product_attention: attention,
    **INSTEAD,
    **dict.fromkeys((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), recurrent),
    **dict.fromkeys(
        (torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell),
        lambda run, func, *args, **kwargs: run.call(_cell, (func, *args), kwargs),
    ),
    **dict.fromkeys((torch.bernoulli, torch.Tensor.bernoulli, torch.Tensor.bernoulli_), bernoulli),
    torch.rand: made("uniform", torch.empty),
    torch.rand_like: made("uniform", torch.empty_like),
    torch.randn: made("normal", torch.empty),
    torch.randn_like: made("normal", torch.empty_like),
    torch.Tensor.normal_: normal,
    torch.Tensor.uniform_: uniform,
}
