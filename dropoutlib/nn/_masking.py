"""The way of every function here: is the input plain? then a mask, then one product.

PyTorch (2.13) draws the masks of the CPU one by one, with 53 random bits for each;
`dropoutlib.masks` needs little more than eight. So large masks of plain tensors are NumPy's. All
that is random follows from one integer that PyTorch's generator draws, so that whatever sets,
forks or restores that generator rules these masks too.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad
from torch.overrides import handle_torch_function, has_torch_function

from ..kernels import empty_aligned, multiply_blocks
from ..masks import check_probability, sample_mask

# Entries of a mask from which on NumPy's way is the quicker one; see benchmarks/bench_nn.py.
SMALLEST = 1 << 15
TRACERS = tuple(torch._C._TorchDispatchModeKey.__members__.values())  # fake tensors among them
get_mode = torch._C._get_dispatch_mode
DTYPES = {torch.float32: np.float32, torch.float64: np.float64}
# PyTorch 2.6 cannot tell export from compilation; what is exported can also be compiled.
is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)


def overridable(function: Callable) -> Callable:
    """Let tensor subclasses, modes and `torch.fx` see a call of `function`, as of torch's own.

    In `torch.fx` the call is then one node, however the function was imported. What is no tensor
    is refused here, whether anything would be dropped or not.
    """
    name, first = function.__name__, next(iter(inspect.signature(function).parameters))
    theirs = getattr(F, name, None)  # before ours may be put in its place

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Tensor:
        given = args or tuple(kwargs.values())
        if has_torch_function(given):
            return handle_torch_function(wrapper, given, *args, **kwargs)
        input = args[0] if args else kwargs.get(first)
        if isinstance(input, Tensor) or not (args or first in kwargs):
            return function(*args, **kwargs)
        raise TypeError(
            f"{name}({first}={type(input).__name__}) takes a torch.Tensor: give the `.data` of a "
            "packed sequence, `torch.from_numpy` of an array (or use dropoutlib.layers)"
        )

    def scriptable() -> Callable:
        if theirs is None:
            raise NotImplementedError(
                f"TorchScript cannot compile {name}, which torch.nn.functional has not: use "
                "torch.compile or torch.export"
            )
        return theirs

    vars(wrapper)["__prepare_scriptable__"] = scriptable
    return wrapper


def check_p(p, what="dropout"):
    """Return the drop probability as a float, or raise `check_probability`'s errors as torch's."""
    if type(p) is float and 0 <= p <= 1:  # what nearly every call gives
        return p
    return check_probability(p, what + " probability has to be between 0 and 1, but got {p}")


def check_floating(input, call, *values):
    """Raise PyTorch's RuntimeError if `input` is not floating point."""
    if not input.is_floating_point():
        wanted = input.type().split(".")[-1].removesuffix("Tensor")
        # Only now is the text made: a probability that `torch.compile` keeps as a symbol has none.
        raise RuntimeError(
            f"{call.format(*values)} scales its input: result type Float can't be cast to the "
            f"desired output type {wanted}"
        )


def check_dense(input, name):
    """Raise NotImplementedError for a layout whose entries no dense mask can meet."""
    if input.layout is not torch.strided or input.is_nested:
        kind = "nested" if input.is_nested else str(input.layout).removeprefix("torch.")
        raise NotImplementedError(
            f"{name} of a {kind} tensor: apply it to the dense tensor of its values (nested ones "
            "can have dropout only, neither in place nor with a generator)"
        )


class Noise(NamedTuple):
    """A mask and the number that goes with it, None for 1."""

    mask: Tensor
    scale: float | Tensor | None
    memory: bool  # whether the tensor it was drawn for is, see `is_memory`


def settled(input, p, training, inplace, name, *, nested=False):
    """The output where nothing is to be drawn, else None; `nested` if such a tensor will do."""
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    if not input.is_floating_point():
        check_floating(input, name + "(p={})", p)
    if not (nested if input.is_nested else input.layout is torch.strided):
        check_dense(input, name)
    return None


def masked(input, axes, p, training, inplace, generator, *, scaled=True, name="dropout"):
    """Dropout with a mask entry for each index of `axes`, which the other axes share."""
    p = check_p(p)
    done = settled(input, p, training, inplace, name)
    if done is not None:
        return done
    return multiply(input, draw(input, mask_shape(input, axes), p, generator, scaled), inplace)


def mask_shape(input, axes):
    """Shape of a mask that has the given axes of `input`, and 1 for the others."""
    if input.dim() <= max(axes, default=-1):
        wanted = "requires at least 2 dimensions in the input"  # a batch counted that is not there
        raise RuntimeError(f"Feature dropout {wanted}, got {input.dim()}")
    return tuple(size if axis in axes else 1 for axis, size in enumerate(input.shape))


def draw(input, shape, p, generator, scaled=True, memory=None):
    """Draw a mask for `input`, False with probability p, and 1/q with it if `scaled`.

    Which mask it is, and what backward keeps, does not depend on whether the call is watched: a
    pass that is watched may be computed again when it is not, for its gradient.
    """
    if is_exporting():
        # The one form of dropout that rewriters of exported graphs can switch off; the noise is
        # then one, `scaled` or not.
        noise = torch.dropout(torch.ones(shape, dtype=input.dtype, device=input.device), p, True)
        return Noise(noise if scaled else noise != 0, None, False)
    memory = is_memory(input) if memory is None else memory
    keep = keep_mask(input, shape, p, generator, memory and math.prod(shape) >= SMALLEST)
    return Noise(keep, 1 / (1 - p) if scaled else None, memory)


def switch(like):
    """In an exported graph: True, and False where a rewriter has switched dropout off."""
    return torch.dropout(torch.ones((), device=like.device), 0.5, True) != 1  # 0 or 2, or else 1


def multiply(input, noise, inplace=False):
    """`input` times mask and scale. Backward keeps at most one byte an entry."""
    mask, scale, memory = noise
    if memory and not inplace and input.dtype in DTYPES and not isinstance(scale, Tensor):
        factor = 1.0 if scale is None else scale
        if mask.numel() * input.element_size() <= input.numel():
            # An entry that many share is scaled itself: a pass less, forward and backward.
            return input * (mask.to(input.dtype) * factor)
        alike = input.shape == mask.shape and input.stride() == mask.stride()  # in memory
        if mask.numel() >= SMALLEST and alike and not (input.is_neg() or is_watched()):
            if torch.is_grad_enabled() and input.requires_grad:
                return _Product.apply(input, mask, factor)
            return _product(input, mask, factor)
    if is_beyond(input, scale):
        output = (input.float() * mask).mul_(scale).to(input.dtype)  # so that gradients are finite
        return input.copy_(output) if inplace else output
    output = times(input, mask, inplace)
    # As a number 1/q is not rounded to half precision, where it may be infinite.
    return output if scale is None else times(output, scale)


def times(input, factor, inplace=True):
    """`input` times a mask or number: a scalar by a tensor, lest torch.func.jvp gives float64."""
    if input.dim() == 0 and not isinstance(factor, Tensor):
        factor = torch.full((), factor, dtype=input.dtype, device=input.device)
    return input.mul_(factor) if inplace else input * factor


def is_beyond(input, scale):
    """Whether the scale of a mask, beyond 65504, may be infinite in the dtype of `input`."""
    if input.dtype is not torch.float16 or input.is_nested or scale is None:
        return False
    return not torch.compiler.is_compiling() and (isinstance(scale, Tensor) or scale > 65504)


def is_memory(input):
    """Whether `input` is memory of the CPU that nobody traces, transforms or wraps.

    What NumPy does to it is seen by no compiler and no transformation of torch, which must
    record the draws.
    """
    return (
        not torch.compiler.is_compiling()
        and type(input) in (Tensor, torch.nn.Parameter)
        and input.device.type == "cpu"
        and input.layout is torch.strided
        and not input.is_nested
        and not torch._C._are_functorch_transforms_active()
        and not torch._C._functorch.is_legacy_batchedtensor(input)  # is_grads_batched=True
        and not (torch._C._len_torch_dispatch_stack() and any(map(get_mode, TRACERS)))
        and not torch._C._dispatch_tls_is_dispatch_key_included(torch._C.DispatchKey.PreDispatch)
        and forward_ad._current_level < 0
        and torch._C._get_tracing_state() is None
    )


def is_watched():
    """Whether a mode, of this thread, wants to see what is called: the product, too."""
    return bool(torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack())


@overridable
def keep_mask(input, shape, p, generator=None, exact=False):
    """Draw a boolean mask on the device of `input`, False with probability p.

    It is overridable, so that whoever runs many passes together can provide their masks. If not
    `exact` it is a factory call of torch, the one kind that works under every randomness mode of
    `vmap`, of 53 random bits (24 on devices without float64), to which P(drop) is rounded.
    """
    if exact:
        return sample(input, shape, p, generator)
    return random(torch.rand, shape, wide_dtype(input.device), input.device, generator) < 1 - p


def random(factory, shape, dtype, device, generator):
    """Random numbers of a factory function, which gets a generator only if there is one.

    With None `torch.compile` could not capture a batch of changing size.
    """
    own = {} if generator is None else {"generator": generator}
    return factory(shape, dtype=dtype, device=device, **own)


def wide_dtype(device):
    """float64, or float32 on a device without it."""
    return torch.float32 if device.type == "mps" else torch.float64


def sample(input, shape, p, generator=None):
    """Draw a mask, False with probability exactly p, in the strides of `input`."""
    drawn = torch.randint(-(2**63), 2**63 - 1, (), device="cpu", generator=generator)
    rng = np.random.Generator(np.random.SFC64(int(drawn) % 2**64))
    keep = torch.from_numpy(sample_mask(math.prod(shape), p, rng=rng))
    if shape != input.shape:
        return keep.view(shape)
    return keep.as_strided(shape, torch.empty_like(input, dtype=torch.bool).stride())


class _Product(torch.autograd.Function):
    """Its derivative is the same product, of the gradient: so all orders are alike."""

    @staticmethod
    def forward(ctx, input, mask, scale):
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return _product(input, mask, scale)

    @staticmethod
    def backward(ctx, grad):
        (mask,) = ctx.saved_tensors
        return multiply(grad, Noise(mask, ctx.scale, is_memory(grad))), None, None


def _product(input, mask, scale):
    # NumPy asks the system for large pages, torch does not: the first writing to small ones costs
    # as much as the product.
    y = empty_aligned(input.numel(), DTYPES[input.dtype])
    multiply_blocks(_flat(input), _flat(mask), scale, y)
    # Not a view of torch's, which autograd would not let be changed in place.
    strides = [y.itemsize * step for step in input.stride()]
    return torch.from_numpy(np.ndarray(input.shape, y.dtype, y, strides=strides))


def _flat(tensor):
    """The memory of a dense tensor as a flat array."""
    return tensor.detach().as_strided((tensor.numel(),), (1,)).numpy()
