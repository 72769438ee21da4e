"""Which modules are dropout layers, and a context in which they alone are in training mode."""

import contextlib

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

__all__ = ["is_dropout", "only_dropout_active", "only_training"]


def is_dropout(module):
    """Whether a module does nothing but dropout in training, or draws dropout in its inside.

    That is so for torch's dropout layers and all that derive from them, for recurrent layers and
    `MultiheadAttention`, which take a probability themselves, and for modules without children
    that are called for it (``DropPath``, ``StochasticDepth``, ``MyDropout``) or have an attribute
    `drop_prob`.
    """
    if isinstance(module, (_DropoutNd, nn.RNNBase, nn.MultiheadAttention)):
        return True
    if module._modules:
        return False
    kind = type(module)
    name = kind.__name__.lower()
    named = "drop" in name or name == "stochasticdepth"
    return named or "drop_prob" in vars(module) or hasattr(kind, "drop_prob")


@contextlib.contextmanager
def only_dropout_active(model, also=()):
    """Dropout layers in training mode, everything else in evaluation; modes restored at the end.

    The flags themselves are set: a module's own ``train()`` may do more than can be undone.

    Parameters
    ----------
    model : Module
        The model.
    also : iterable of Module or of type
        What else shall be in training mode, without its children.

    Yields
    ------
    set of Module
        The modules in training mode.

    Raises
    ------
    ValueError
        If there is none.
    """
    also = tuple(also)
    types = tuple(kind for kind in also if isinstance(kind, type))
    modules = [*model.modules()]
    active = {m for m in modules if is_dropout(m) or m in also or isinstance(m, types)}
    if not active:
        raise ValueError(
            f"{type(model).__name__} has no dropout layer, so that all its predictions are equal"
        )
    with only_training(model, active), _uncompiled(modules):
        yield active


@contextlib.contextmanager
def only_training(model, active=()):
    """The `active` modules in training mode, all others in evaluation; as before at the end."""
    modes = {module: module.training for module in model.modules()}
    try:
        _set_modes((module, module in active) for module in modes)
        yield
    finally:
        _set_modes(modes.items())


def _set_modes(modes):
    for module, mode in modes:
        if module.training != mode:  # setting one takes much longer than looking
            module.training = mode


def _uncompiled(modules):
    """A context in which compiled modules run their Python code, whose calls can be seen."""
    compiled = any("_orig_mod" in m._modules or m._compiled_call_impl for m in modules)
    return torch.compiler.set_stance("force_eager") if compiled else contextlib.nullcontext()
