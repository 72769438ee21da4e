"""What the functions share: the check of p, the draw of a mask, and the way to torch overrides."""

import functools
import math

import torch
from torch.overrides import handle_torch_function, has_torch_function

from ...masks import check_probability
from .sampler import SMALLEST, is_plain, multiply, sample

__all__ = [
    "check_floating",
    "check_p",
    "drawn",
    "keep_mask",
    "masked",
    "overridable",
    "wide_dtype",
]


def overridable(function):
    """Let tensor subclasses, modes and `torch.fx` see a call of `function`, as of torch's own.

    In `torch.fx` the call is then one node, however the function was imported.
    """

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        given = args or tuple(kwargs.values())
        if has_torch_function(given):
            return handle_torch_function(wrapper, given, *args, **kwargs)
        return function(*args, **kwargs)

    return wrapper


def check_p(p, message="dropout probability has to be between 0 and 1, but got {p}"):
    """Return the drop probability as a float, or raise PyTorch's own error.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1], NaN, a boolean, an array or a tensor.
    TypeError
        If `p` is not a number.
    """
    if type(p) is float and 0 <= p <= 1:  # what nearly every call gives
        return p
    return check_probability(p, message)


def check_floating(input, call, *values):
    """Raise PyTorch's RuntimeError if `input` is not floating point.

    The text of the call is made only then: a probability that `torch.compile` keeps as a symbol,
    as it does with one that a schedule changes, cannot be written.
    """
    if not input.is_floating_point():
        wanted = input.type().split(".")[-1].removesuffix("Tensor")
        raise RuntimeError(
            f"{call.format(*values)} scales its input: result type Float can't be cast to the "
            f"desired output type {wanted}"
        )


@overridable
def keep_mask(input, shape, p, generator=None):
    """Draw a boolean mask on the device of `input`, False with probability p.

    It is overridable, so that whoever runs many passes together can provide their masks.

    Large masks of the CPU come from `dropoutlib.masks.sample_mask`. The others are a factory
    call of torch, the one kind that works under every randomness mode of `vmap`, of 53 random
    bits (24 on devices without float64), to which P(drop) is rounded.
    """
    if is_plain(input) and math.prod(shape) >= SMALLEST:
        return sample(input, shape, p, generator)
    dtype = wide_dtype(input.device)
    return drawn(torch.rand, shape, dtype, input.device, generator) < 1 - p


def drawn(draw, shape, dtype, device, generator):
    """Random numbers of a factory function; `torch.rand` has no symbolic sizes with a generator.

    So none is passed, not even None, unless there is one: `torch.compile` could not capture a
    batch of changing size otherwise.
    """
    own = {} if generator is None else {"generator": generator}
    return draw(shape, dtype=dtype, device=device, **own)


def wide_dtype(device):
    """float64, or float32 on a device without it."""
    return torch.float32 if device.type == "mps" else torch.float64


def masked(input, keep, scale, inplace):
    """`input` times mask and scale (None for 1). Backward keeps at most one byte an entry."""
    plain = not inplace and is_plain(input) and not isinstance(scale, torch.Tensor)
    if plain and keep.numel() * input.element_size() <= input.numel():
        # An entry that many share is scaled itself: a pass less, forward and backward.
        factor = keep.to(input.dtype)
        return input * (factor if scale is None else factor * scale)
    if plain and keep.numel() >= SMALLEST:
        return multiply(input, keep, 1.0 if scale is None else scale)
    output = input.mul_(keep) if inplace else input * keep
    return output if scale is None else output.mul_(scale)
