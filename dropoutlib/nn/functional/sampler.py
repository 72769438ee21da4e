"""Masks of large CPU tensors from NumPy's sampler, and their product with a tensor in one pass.

PyTorch (2.13) draws its masks on the CPU one by one, with 53 random bits for each;
`dropoutlib.masks` needs little more than eight. All that is random follows from one integer that
PyTorch's generator draws, so that whatever sets, forks or restores that generator rules these
masks too.
"""

import math

import numpy as np
import torch
from torch.autograd import forward_ad

from ...kernels import empty_aligned, multiply_blocks
from ...masks import sample_mask

__all__ = ["SMALLEST", "is_plain", "multiply", "sample"]

# Entries of a mask from which on this way is the quicker one; measured in benchmarks/bench_nn.py.
SMALLEST = 1 << 15
DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


def is_plain(input):
    """Whether `input` is memory of the CPU that nobody traces, transforms or wraps.

    What NumPy does to it is seen by no compiler and no transformation of torch, which must
    record the draws.
    """
    return (
        not torch.compiler.is_compiling()
        and type(input) in (torch.Tensor, torch.nn.Parameter)
        and input.device.type == "cpu"
        and input.layout is torch.strided
        and not torch._C._are_functorch_transforms_active()
        and not torch._C._functorch.is_legacy_batchedtensor(input)  # is_grads_batched=True
        and not torch._C._len_torch_dispatch_stack()
        and forward_ad._current_level < 0
        and torch._C._get_tracing_state() is None
    )


def sample(input, shape, p, generator):
    """Draw a mask, False with probability exactly p, in the strides of `input`."""
    like = torch.empty_like(input, dtype=torch.bool) if shape == input.shape else None
    low, high = -(2**63), 2**63 - 1
    seed = torch.randint(low, high, (), generator=generator, device="cpu").item()
    rng = np.random.Generator(np.random.SFC64(seed % 2**64))
    keep = torch.from_numpy(sample_mask(math.prod(shape), p, rng=rng))
    return keep.view(shape) if like is None else keep.as_strided(shape, like.stride())


def multiply(input, keep, scale):
    """Return input * keep * scale with its gradient; `keep` is all that is saved."""
    if not is_plain(input):
        return (input * keep).mul_(scale)
    if torch.is_grad_enabled() and input.requires_grad:
        return _Multiply.apply(input, keep, scale)
    return _product(input, keep, scale)


class _Multiply(torch.autograd.Function):
    """Its derivative is the same product, of the gradient: so all orders are alike."""

    @staticmethod
    def forward(ctx, input, keep, scale):
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return _product(input, keep, scale)

    @staticmethod
    def backward(ctx, grad):
        (keep,) = ctx.saved_tensors
        return multiply(grad, keep, ctx.scale), None, None


def _product(input, keep, scale):
    alike = input.dtype in DTYPES and input.stride() == keep.stride()
    if not alike or input.is_neg():
        return (input * keep).mul_(scale)
    # NumPy asks the system for large pages, torch does not: the first writing to small ones costs
    # as much as the product.
    y = empty_aligned(input.numel(), DTYPES[input.dtype])
    multiply_blocks(_flat(input), _flat(keep), scale, y)
    return torch.from_numpy(y).as_strided(input.shape, input.stride())


def _flat(tensor):
    """The memory of a dense tensor as a flat array."""
    return tensor.detach().as_strided((tensor.numel(),), (1,)).numpy()
