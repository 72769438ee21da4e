"""Samples of a network's prediction under dropout, with each computation done only once.

The way of a prediction, from top to bottom: the model and its arguments, the beginning that all
passes share, their T endings, the samples.
"""

import contextlib
import functools
import inspect
import numbers
import random
import secrets
import warnings

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

from .._modules import shadow
from ..masks import check_rng
from ..nn.finding import find, modes
from .passes import FirstPass, OwnGenerator, Pass, RepeatedPass, ReuseError, tensors
from .rows import known_layers, sample_rows
from .streams import DivergenceError, Streams

__all__ = ["mc_samples"]

CHUNK_BYTES = 1 << 25  # of passes that run together, if the caller does not say
CONSTANTS = (bool, int, float, str, type(None))  # what an output may hold beside tensors


def mc_samples(
    model: nn.Module,
    *args,
    n_samples: int | None = None,
    output=None,
    shared_mask: bool = False,
    rng: np.random.Generator | int | None = None,
    max_bytes: int | None = None,
    also=(),
    progress: bool = False,
    **kwargs,
):
    """Predictions of `n_samples` networks drawn by dropout, all other layers in evaluation mode.

    Parameters
    ----------
    model : Module
        It is neither changed nor switched: other threads may use it meanwhile.
    *args, **kwargs
        Arguments of the model, tensors or not; a single tuple holds all arguments. Behind them
        may stand the number of samples, as in ``mc_samples(model, x, 100)``.
    n_samples : int
        Number T of samples, at least 1.
    output : callable, optional
        What to sample of the model's output, such as ``lambda o: o.logits``; by default all of it.
    shared_mask : bool
        False for *per-row draws*: each row has masks of its own, as in training. True for
        *function draws*: one network for all rows, the form to plot, or to take differences
        along x of (``thm-shared-mask``). Rows are then the first axis of the first tensor, and of
        those that have as many.
    rng : numpy.random.Generator or int, optional
        Source of all noise, or a seed; by default fresh entropy. A layer's own `generator` is
        not used, and the global states of torch are left alone.
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
        Draws first, in the dtype and on the device of the model's output, without gradient. Where
        that is a tuple or a dictionary, so are the samples.

    Raises
    ------
    ValueError
        If the model has no dropout or none that drops anything, if it calls dropout in a way
        that cannot be switched, if one pass takes more than `max_bytes`, or for a bad number.
    TypeError
        If `model` is not a Module, an argument is missing, or the output is not made of tensors.
    ImportError
        If `progress` is asked for and tqdm is not installed.

    Warns
    -----
    UserWarning
        If something drops in training that is not reached here; it names what to put into `also`.

    Notes
    -----
    What the network does before its first dropout is done once. Behind that, as many samples as
    fit run together: as more rows where the model is a sequence of layers that are known to
    treat rows alike, else by `torch.func.vmap`. Where neither is possible they run one by one,
    and in full where passes share nothing, with the same noise. So the samples depend on the
    seed and on T, but not on `max_bytes` or on how they are computed, rounding apart.

    Noise that does not come from torch makes all passes full ones where it shows in the arguments
    of torch's functions; it does not follow the seed.

    Source: Gal and Ghahramani (2016), section 4.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5))
    >>> mc_samples(model, torch.ones(4, 3), 10, rng=0).shape
    torch.Size([10, 4, 8])
    """
    given, n_samples = _arguments(model, args, kwargs, n_samples)
    _check_count("n_samples", n_samples)
    if max_bytes is not None:
        _check_count("max_bytes", max_bytes)
    also, total = tuple(also), int(n_samples)
    entropy = secrets.randbits(128) if rng is None else _entropy(check_rng(rng))
    with (
        _progress_bar(total, progress) as advance,
        torch.inference_mode(False),  # whose tensors do not tell whether they were changed
        torch.no_grad(),
    ):
        (x, *others), named = given if given[0] else ((None,), kwargs)
        if not (others or named or output or max_bytes or also):
            layers = known_layers(model, x)
            if layers is not None:
                return sample_rows(layers, x, entropy, total, shared_mask, advance)
        sampler = Sampler(model, given, output, also, entropy, total, advance)
        return sampler.run(shared_mask, max_bytes)


class Sampler:
    """The samples of one prediction, of a model of whatever kind."""

    def __init__(self, model, given, output, also, entropy, total, advance):
        self.model, self.given, self.output = model, given, output
        self.entropy, self.total, self.advance = entropy, total, advance
        self.training, self.off = modes(model, also)
        self.called = set()  # modules that were called
        if not self.training:
            raise ValueError(
                f"{type(model).__name__} has no dropout layer, so that all its predictions are "
                f"equal{_listed(self.off)}"
            )

    def run(self, shared, max_bytes):
        """The samples, by the quickest way that the network allows."""
        of_row = self._sites_of_one_row() if shared and _rows(self.given) > 1 else None
        try:
            samples = self._sharing(Streams(self.entropy, self.total, of_row), max_bytes)
        except (ReuseError, DivergenceError):
            samples = self._in_full(by_row=of_row is not None)
        self._warn_of_silence()
        return samples

    def _warn_of_silence(self):
        """Name what drops in training and did not here: read by others, or not called at all."""
        silent = [found for found in self.off if found.module not in self.called]
        if self.training - self.called:
            for found in find(self.model):
                owner = self.model.get_submodule(found.name.rpartition(".")[0])
                on = found.module in self.called or owner in self.training
                if found.reach == "call" and found.p != 0 and not on:
                    silent.append(found._replace(owner=owner))
        if silent:
            warnings.warn(
                f"these samples of {type(self.model).__name__} are without dropout that it has in "
                f"training, as it was not called{_listed(silent)}",
                stacklevel=4,
            )

    def _watched(self, module, forward, *args, **kwargs):
        """Forward pass of a module, which is noted."""
        self.called.add(module)
        return forward(*args, **kwargs)

    def _sharing(self, noise, max_bytes):
        """All samples: the first alone, and the others from where its beginning ended."""
        model, active = self._twin()
        given = _copies(self.given)
        state = tensors([given, *map(vars, model.modules())])
        self.together = all(tensor.layout is torch.strided for tensor in state)
        first = FirstPass(noise.draw, active, state)
        before = _python_noise(model)
        with OwnGenerator() as uncontrolled:
            output, structure = self._call(model, given, first)
        if uncontrolled.drew or _python_noise(model) != before:
            raise ReuseError("a pass drew noise that is not under control")
        first.check_shared(output)
        if not first.sites:
            return self._certain(first, output, structure)

        def ending(*values):
            """What a pass makes of the beginning, given the noise of its sites."""
            repeated = RepeatedPass(first, values)
            output, _ = self._call(model, given, repeated)
            repeated.check_end()
            return tuple(output)

        samples = [one.new_empty((self.total, *one.shape)) for one in output]
        for whole, one in zip(samples, output, strict=True):
            whole[0] = one
        chunk = self._chunk(first, noise, max_bytes)
        for start in range(1, self.total, chunk):
            stop = min(start + chunk, self.total)
            values = [torch.from_numpy(drawn) for drawn in noise.take(stop - start)]
            for whole, part in zip(samples, self._endings(ending, values), strict=True):
                whole[start:stop] = part
            self.advance(stop)
        return _rebuilt(samples, structure)

    def _endings(self, ending, values):
        """Outputs of passes with this noise, samples first: of all at once, or one by one."""
        if self.together and len(values[0]) > 1:
            try:
                return torch.func.vmap(ending)(*values)
            except DivergenceError:
                raise
            except Exception:  # whatever it is, it is found again below, or does not matter
                self.together = False
        return _stacked([ending(*sample) for sample in zip(*values, strict=True)])

    def _in_full(self, by_row):
        """One sample at a time, each from the start, and on request one row of it at a time."""
        model, active = self._twin()
        noise = Streams(self.entropy, self.total)
        rows = [slice(i, i + 1) for i in range(_rows(self.given))] if by_row else [None]
        samples = []
        for sample in range(self.total):
            parts = []
            noise.begin_sample()
            for row in rows:
                noise.begin_pass()  # all rows of a sample get the same noise
                seed = np.random.SeedSequence(self.entropy, spawn_key=(0, sample))
                with OwnGenerator(int(seed.generate_state(1, np.uint64)[0])):
                    run = Pass(noise.draw, active)
                    output, structure = self._call(model, _copies(self.given, row), run)
                parts.append(output)
            samples.append(
                [torch.cat(part) for part in zip(*parts, strict=True)] if by_row else output
            )
            self.advance(sample + 1)
        return _rebuilt(_stacked(samples), structure)

    def _sites_of_one_row(self):
        """The sites of a pass of the first row alone."""
        noise = Streams(self.entropy, 1)
        model, active = self._twin()
        try:
            with OwnGenerator():
                self._call(model, _copies(self.given, slice(1)), Pass(noise.draw, active))
        except Exception as error:
            error.add_note("shared_mask=True runs the first row alone; there the model failed")
            raise
        return noise.sites

    def _twin(self):
        """A twin of the model, its dropout on and all else off, and its modules that are on."""
        twins = shadow(self.model)
        for module, twin in twins.items():
            if isinstance(twin, torch.jit.ScriptModule):
                twin.train(module in self.training)
                continue
            vars(twin)["training"] = module in self.training
            if module in self.training:
                twin.forward = functools.partial(self._watched, module, twin.forward)
        return twins[self.model], {twins[module] for module in self.training}

    def _call(self, model, given, run):
        """Tensors in the output of a pass, and the structure that they stand in."""
        args, kwargs = given
        with run:
            output = model(*args, **kwargs)
            if self.output is not None:
                output = self.output(output)
        leaves, spec = tree_flatten(output)
        found = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        strange = [leaf for leaf in leaves if not isinstance(leaf, (torch.Tensor, *CONSTANTS))]
        if strange or not found or any(leaf.layout != torch.strided for leaf in found):
            raise TypeError(
                f"{type(self.model).__name__} must return a tensor, or a tuple or dictionary of "
                f"tensors, got {type(output).__name__}; name what to sample, such as "
                "output=lambda result: result.logits"
            )
        return found, (leaves, spec)

    def _chunk(self, first, noise, max_bytes):
        """Number of samples that fit into the memory given."""
        # Noise is there twice, as drawn and as looked up; and vmap may split an operation in two.
        each = 2 * (first.peak + sum(stream.nbytes for stream in noise.streams.values()))
        if max_bytes is not None and each > max_bytes:
            raise ValueError(
                f"one pass of {_rows(self.given)} rows takes {each} bytes, more than "
                f"max_bytes={max_bytes}; allow more, or predict fewer rows at a time"
            )
        return min(self.total, max(1, (max_bytes or CHUNK_BYTES) // max(1, each)))

    def _certain(self, first, output, structure):
        """The samples of a model that is certain, because all is dropped, or there are no rows."""
        if any(one.numel() for one in output) and not first.dropped:
            raise ValueError(
                f"no dropout layer of {type(self.model).__name__} drops anything: each has p = 0, "
                f"or the forward pass does not come to it{_listed(self.off)}"
            )
        self.advance(self.total)
        samples = [one.expand(self.total, *one.shape).contiguous() for one in output]
        return _rebuilt(samples, structure)


def _arguments(model, args, kwargs, n_samples):
    """Arguments of the model, by position and by name, and the number of samples."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if not args and [*kwargs] == ["x"] and "x" not in inspect.signature(model.forward).parameters:
        args, kwargs = (kwargs["x"],), {}
    if n_samples is None:
        if len(args) + len(kwargs) < 2 or not args:
            raise TypeError("how many samples? Say n_samples=100, or mc_samples(model, x, 100)")
        *args, n_samples = args
    if len(args) == 1 and type(args[0]) is tuple:
        (args,) = args
    given = tuple(args), kwargs
    found = tensors(given)
    if not found:
        kinds = ", ".join(type(value).__name__ for value in (*args, *kwargs.values()))
        raise TypeError(f"x must be a tensor or a tuple of tensors, got {kinds or 'nothing'}")
    if any(tensor.is_nested for tensor in found):
        raise TypeError("x must not be a nested tensor: pad it, nested.to_padded_tensor(0.0)")
    if any(tensor.is_meta for tensor in (*found, *model.parameters())):
        raise ValueError("there is nothing to sample on the meta device: it holds no numbers")
    if not any(tensor.dim() for tensor in found):
        raise ValueError("x must have rows on its first axis, got single numbers")
    return given, n_samples


def _rows(given):
    """Number of rows: the length of the first tensor that has any."""
    return next(len(tensor) for tensor in tensors(given) if tensor.dim())


def _copies(given, rows=None):
    """Arguments whose tensors a model may change, with all rows or some."""
    count = _rows(given)

    def copy(tensor):
        if rows is not None and tensor.shape[:1] == (count,):
            tensor = tensor[rows]
        return tensor.detach().clone()

    return tree_map_only(torch.Tensor, copy, given)


def _python_noise(model):
    """States of the generators of Python and NumPy that a model may draw from."""
    held = [value for module in model.modules() for value in vars(module).values()]
    states = [value.bit_generator.state for value in held if isinstance(value, np.random.Generator)]
    states += [value.getstate() for value in held if isinstance(value, random.Random)]
    _, legacy, *rest = np.random.get_state()  # noqa: NPY002 what a model may still use
    return repr(states), random.getstate(), legacy.tobytes(), rest


def _stacked(samples):
    """Outputs of single passes, each a sequence of tensors, with the samples first."""
    return [torch.stack(parts) for parts in zip(*samples, strict=True)]


def _rebuilt(samples, structure):
    """Samples in the structure of an output."""
    (leaves, spec), samples = structure, iter(samples)
    leaves = [next(samples) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
    return tree_unflatten(leaves, spec)


def _listed(off):
    """What is known to drop and stays off, and how it is reached."""
    return "".join(f"; {found}: also=[{type(found.owner).__name__}]" for found in off)


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        shown = type(value).__name__ if isinstance(value, torch.Tensor) else repr(value)
        raise TypeError(f"{name} must be an integer, got {name}={shown}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {name}={value!r}")


def _entropy(rng):
    """An integer of 128 random bits."""
    return int.from_bytes(rng.bytes(16), "little")


@contextlib.contextmanager
def _progress_bar(total, shown):
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
