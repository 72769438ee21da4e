"""Samples of a network's prediction under dropout, with each computation done only once."""

import contextlib
import numbers
import secrets

import torch
from torch import nn

from ..masks import check_rng
from .active import only_dropout_active
from .progress import progress_bar
from .sequence import Sequence
from .strategies import Sampler, random_generators

__all__ = ["check_inputs", "mc_samples"]


def mc_samples(
    model,
    x,
    n_samples,
    *,
    shared_mask=False,
    rng=None,
    max_bytes=None,
    also=(),
    progress=False,
):
    """Predictions of `n_samples` networks drawn by dropout, all other layers in evaluation mode.

    Parameters
    ----------
    model : Module
        Its forward pass takes `x` and returns one tensor.
    x : Tensor, shape (N, ...), or tuple of Tensor
        The inputs, or all arguments of the model, with the rows on the first axis.
    n_samples : int
        Number T of samples, at least 1.
    shared_mask : bool
        False for *per-row draws*: each row has masks of its own, as in training. True for
        *function draws*: one network for all rows, the form to plot, or to take differences
        along x of (``thm-shared-mask``).
    rng : numpy.random.Generator or int, optional
        Source of all noise, or a seed; by default fresh entropy. A layer's own `generator` is
        not used, and the global states of torch and NumPy are as before.
    max_bytes : int, optional
        Bound on the memory of the activations and masks behind the first dropout, of passes that
        run together; random bits that are drawn ahead take 256 KiB more for each dropout layer.
        By default about 32 MiB, or one pass if that takes more.
    also : iterable of Module or of type
        Modules that shall be in training mode, too, because they call dropout as a function.
    progress : bool
        Whether to show a bar, which needs tqdm.

    Returns
    -------
    Tensor, shape (T, N, ...)
        Draws first, in the dtype and on the device of the model's output, without gradient.

    Raises
    ------
    ValueError
        If the model has no dropout or none that drops anything, if it calls dropout in a way
        that cannot be switched, if one pass takes more than `max_bytes`, or for a bad number.
    TypeError
        If `model` is not a Module or does not return a tensor, or `x` is not made of tensors.
    ImportError
        If `progress` is asked for and tqdm is not installed.

    Notes
    -----
    What the network does before its first dropout is done once. Behind that, as many samples as
    fit run together: as more rows where the model is a sequence of layers that are known to
    treat rows alike, else by `torch.func.vmap`. Where neither is possible they run one by one,
    and in full where passes share nothing, with the same noise. So the samples depend on the
    seed and on T, but not on `max_bytes` or on how they are computed, rounding apart.

    The model must compute a function of its arguments, its parameters and noise from torch; a
    pass that depends on earlier ones, or on noise of Python or NumPy, would not be repeated right.

    Source: Gal and Ghahramani (2016), section 4.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5))
    >>> mc_samples(model, torch.ones(4, 3), 10, rng=0).shape
    torch.Size([10, 4, 8])
    """
    _check_count("n_samples", n_samples)
    if max_bytes is not None:
        _check_count("max_bytes", max_bytes)
    inputs, also, total = check_inputs(model, x), tuple(also), int(n_samples)
    entropy = secrets.randbits(128) if rng is None else _entropy(check_rng(rng))
    with progress_bar(total, progress) as advance:
        if max_bytes is None and len(inputs) == 1 and not also:
            sequence = Sequence(model, inputs[0])
            if sequence.layers is not None:
                return sequence.sample(entropy, total, shared_mask, advance)
        with only_dropout(model, inputs, also) as active:
            sampler = Sampler(model, inputs, total, entropy, active, advance)
            return sampler.run(shared_mask, max_bytes)


@contextlib.contextmanager
def only_dropout(model, inputs, also=()):
    """Context of a prediction: modes, gradients and random states are as before at its end.

    Yields
    ------
    set of Module
        The modules in training mode.
    """
    generators = random_generators(inputs)
    with (
        only_dropout_active(model, also) as active,
        torch.inference_mode(False),  # whose tensors do not tell whether they were changed
        torch.no_grad(),
    ):
        states = [generator.get_state() for generator in generators]
        try:
            yield active
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


def check_inputs(model, x):
    """The arguments of the model as a tuple of tensors.

    Raises
    ------
    TypeError
        If they are not tensors, or the model is not a Module.
    ValueError
        If they have different numbers of rows, or none at all.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    inputs = x if isinstance(x, tuple) else (x,)
    for tensor in inputs:
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"x must be a tensor or a tuple of tensors, got {type(x).__name__}")
    if not inputs or len({tensor.shape[:1] for tensor in inputs}) > 1 or inputs[0].dim() == 0:
        raise ValueError(
            "x must have rows on its first axis, as many in each argument, got shapes "
            f"{[tuple(tensor.shape) for tensor in inputs]}"
        )
    return inputs


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {name}={value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {name}={value!r}")


def _entropy(rng):
    """An integer of 128 random bits."""
    return int.from_bytes(rng.bytes(16), "little")
