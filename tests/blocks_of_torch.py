"""PyTorch's transformer block with the weights of ours, to compare the two."""

import torch


def as_pytorch(linear, seed, width, heads, hidden):
    """Return a pre-norm block of PyTorch's with the `linear` layers of a block of ours, for a seed.

    `linear` are projections in, projection out and the two layers behind, without biases there.
    """
    block = torch.nn.TransformerEncoderLayer(
        width, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=True
    )
    places = (block.self_attn.out_proj, block.linear1, block.linear2)
    with torch.no_grad():
        block.self_attn.in_proj_weight.copy_(linear[0].weight[seed].T)
        for layer, own in zip(places, linear[1:], strict=True):
            layer.weight.copy_(own.weight[seed].T)
            layer.bias.zero_()
    return block
