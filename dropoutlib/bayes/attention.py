"""Attention with dropout, step by step, so that its mask can be controlled."""

import functools
import inspect
import math
import types

import torch
import torch.nn.functional as F

__all__ = ["attention", "multi_head"]


def attention(
    run,
    func,
    query,
    key,
    value,
    attn_mask=None,
    dropout_p=0.0,
    is_causal=False,
    *,
    scale=None,
    enable_gqa=False,
):
    """Handler of ``scaled_dot_product_attention``: dropout of the weights softmax(q k^T / s)."""
    run.check(func, dropout_p, True)
    if dropout_p == 0:
        return NotImplemented
    with run:
        if enable_gqa:
            groups = query.size(-3) // key.size(-3)
            key, value = (heads.repeat_interleave(groups, -3) for heads in (key, value))
        scale = 1 / math.sqrt(query.size(-1)) if scale is None else scale
        scores = query @ key.transpose(-2, -1) * scale
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=query.device).tril()
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, -math.inf)
        elif attn_mask is not None:
            scores = scores + attn_mask
        weights = torch.softmax(scores, -1)
        if attn_mask is not None:
            # A query that may look at nothing gets zeros, not the NaN of 0/0.
            blind = scores.isneginf().all(-1, keepdim=True)
            weights = weights.masked_fill(blind, 0)
        return F.dropout(weights, dropout_p) @ value


def multi_head(run, func, *args, **kwargs):
    """Handler of ``multi_head_attention_forward``: its body, in which calls are seen."""
    call = _parameters().bind(*args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    run.check(func, given["dropout_p"], given["training"])
    if given["dropout_p"] == 0 or not given["training"]:
        return NotImplemented
    with run:
        return _body()(*args, **kwargs)


@functools.cache
def _parameters():
    """Of the function. Not taken on import, when torch may be a stand-in without any."""
    return inspect.signature(F.multi_head_attention_forward)


@functools.cache
def _body():
    """The function, but not handing itself over to modes of torch."""
    source = F.multi_head_attention_forward
    names = {**vars(F), "has_torch_function": lambda tensors: False}
    return types.FunctionType(source.__code__, names, source.__name__, source.__defaults__)
