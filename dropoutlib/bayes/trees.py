"""What goes into a prediction and what comes out of it: arguments, tensors and their structure."""

import contextlib
import inspect
import numbers

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map_only, tree_unflatten

from .._modules import ATOMS

CONSTANTS = (bool, int, float, str, type(None))  # what an output may hold beside tensors


def arguments(model, args, kwargs, n_samples):
    """Arguments of the model, by position and by name, and the number of samples."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if not args and [*kwargs] == ["x"] and "x" not in inspect.signature(model.forward).parameters:
        args, kwargs = (kwargs["x"],), {}
    if n_samples is None:
        if len(args) + len(kwargs) < 2 or not args or not isinstance(args[-1], numbers.Number):
            call = [type(model).__name__, *(type(value).__name__ for value in args), *kwargs]
            raise TypeError(
                f"mc_samples({', '.join(call)}) does not say how many samples: add n_samples=100, "
                "or the number behind the arguments of the model"
            )
        *args, n_samples = args
    if len(args) == 1 and type(args[0]) is tuple:
        (args,) = args
    given = tuple(args), kwargs
    found = tensors(given)
    if not found:
        kinds = ", ".join(type(value).__name__ for value in (*args, *kwargs.values()))
        raise TypeError(
            f"x must be a tensor or a tuple of tensors, got {kinds or 'nothing'}; a dictionary of "
            "arguments is given as **inputs"
        )
    if any(tensor.is_nested for tensor in found):
        raise TypeError("x must not be a nested tensor: pad it, nested.to_padded_tensor(0.0)")
    if any(tensor.is_meta for tensor in (*found, *model.parameters())):
        raise ValueError("there is nothing to sample on the meta device: it holds no numbers")
    if not any(tensor.dim() for tensor in found):
        raise ValueError("x must have rows on its first axis, got single numbers")
    return given, n_samples


def tensors(tree):
    """The tensors in nested tuples, lists and dictionaries; quicker than torch's `tree_leaves`."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    if not isinstance(tree, (tuple, list, dict)):
        return []
    parts = tree.values() if isinstance(tree, dict) else tree
    return [found for part in parts if type(part) not in ATOMS for found in tensors(part)]


def row_count(given):
    """Number of rows: the length of the first tensor that has any."""
    return next(len(tensor) for tensor in tensors(given) if tensor.dim())


def check_apart(given):
    """Refuse arguments whose rows cannot be run one by one."""
    leaves = tree_leaves(given, is_leaf=lambda part: isinstance(part, PackedSequence))
    if any(isinstance(leaf, PackedSequence) for leaf in leaves):  # torch 2.6 would run beyond a row
        raise ValueError(
            "shared_mask=True runs the first row alone, and in a PackedSequence rows do not stand "
            "apart: give the model padded rows, as of nn.utils.rnn.pad_packed_sequence"
        )


def copies(given, part=None):
    """Arguments whose tensors a model may change, with all rows or some."""
    count = row_count(given)

    def copy(tensor):
        some = part is not None and tensor.shape[:1] == (count,)
        return (tensor[part] if some else tensor).detach().clone()

    return tree_map_only(torch.Tensor, copy, given)


def taken_apart(output, model):
    """The tensors in the output of a model of this name, and what puts others in their place."""
    leaves, spec = tree_flatten(output)
    found = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    strange = [leaf for leaf in leaves if not isinstance(leaf, (torch.Tensor, *CONSTANTS))]
    if strange or not found or any(leaf.layout != torch.strided for leaf in found):
        raise TypeError(
            f"{model} must return a tensor, or a tuple or dictionary of tensors, got "
            f"{type(output).__name__}; name what to sample: output=lambda result: result.logits"
        )
    frame = [... if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]

    def put_together(samples):
        parts = iter(samples)
        return tree_unflatten([next(parts) if leaf is ... else leaf for leaf in frame], spec)

    return found, put_together


@contextlib.contextmanager
def progress_bar(total, shown):
    """A function to call with the number of samples that are done."""
    if not shown:
        yield lambda done: None
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs tqdm: pip install 'dropoutlib[progress]', or leave it off"
        ) from error
    with tqdm(total=total, unit="sample") as bar:
        yield lambda done: bar.update(done - bar.n)
