"""Samples of a network's prediction under dropout, with each computation done only once.

The way of a prediction, from top to bottom: the model and its arguments, the beginning that all
passes share, their T endings, the samples.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from .._checks import check_count, check_rng, hint_to_unpack
from .._modules import shadow, switch
from ..nn.finding import modes
from . import trees
from .passes import FirstPass, Pass, RepeatedPass
from .rows import known_layers, sample_rows
from .silence import drawing, left_out, listed
from .stochastic import OwnGenerator, python_noise
from .streams import ReuseError, Streams

CHUNK_BYTES = 1 << 26  # of passes that run together, if the caller does not say


def mc_samples(
    model: nn.Module,
    *args: Any,
    n_samples: int | None = None,
    output: Callable[[Any], Any] | None = None,
    shared_mask: bool = False,
    rng: np.random.Generator | int | None = None,
    max_bytes: int | None = None,
    also: nn.Module | type | Iterable[nn.Module | type] = (),
    progress: bool = False,
    **kwargs: Any,
) -> Any:
    """Predictions of `n_samples` networks drawn by dropout, all other layers in evaluation mode.

    Parameters
    ----------
    model : Module
        It is only read: other threads may use it meanwhile.
    *args, **kwargs
        Its arguments; a single tuple holds them all, and a batch that is a dictionary is given as
        ``**batch``. The number of samples may stand behind them: ``mc_samples(model, x, 100)``.
    n_samples : int
        Number T of samples, at least 1.
    output : callable, optional
        What to sample of the model's output, such as ``lambda o: o.logits``; by default all of it.
    shared_mask : bool
        False for *per-row draws*: each row has masks of its own, as in training. True for
        *function draws*: one network for all rows, whose differences along x mean something
        (``thm-shared-mask``). Rows are the first axis of the first tensor and of those as long.
    rng : numpy.random.Generator or int, optional
        Source of all noise, or a seed; by default fresh entropy. A layer's own `generator` is
        not used, and the global states of torch are left alone.
    max_bytes : int, optional
        Bound on the memory of activations and masks behind the first dropout, of passes that run
        together, beside 256 KiB of random bits for each dropout layer; by default about 64 MiB,
        or one pass if that takes more.
    also : Module, type or iterable of them
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
        If nothing drops or something cannot be switched, if one pass takes more than `max_bytes`,
        or for a bad number.
    TypeError
        If `model` is no Module, an argument is missing, or the output is not made of tensors.
    ImportError
        If `progress` is asked for and tqdm is not installed.

    Warns
    -----
    UserWarning
        If dropout of training is not reached, as one more pass may tell, with what `also` takes.

    Notes
    -----
    The samples depend on the seed and on T, but not on `max_bytes` or on how they are computed,
    rounding apart. Noise that does not come from torch does not follow the seed, and moves its
    generator on. Functions that are compiled may run uncompiled from then on, until
    ``torch.compiler.reset()``. What keeps results of a pass after ``eval()``, as LeViT does, is
    quicker if called once before.

    Source: Gal and Ghahramani (2016), section 4.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5))
    >>> mc_samples(model, torch.ones(4, 3), 10, rng=0).shape
    torch.Size([10, 4, 8])
    """
    given, n_samples = trees.arguments(model, args, kwargs, n_samples)
    total = check_count("n_samples", n_samples, 1)
    if max_bytes is not None:
        check_count("max_bytes", max_bytes, 1)
    drawn = secrets.token_bytes(16) if rng is None else check_rng(rng).bytes(16)
    entropy = int.from_bytes(drawn, "little")
    with (
        trees.progress_bar(total, progress) as advance,
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
        self.modes = modes(model, also)
        self.called = set()  # modules that were called
        if not self.modes.training:
            raise ValueError(
                f"{type(model).__name__} has no dropout layer, so that all its predictions are "
                f"equal{listed(self.modes.off)}"
            )

    def run(self, shared, max_bytes):
        """The samples, by the quickest way that the network allows."""
        if shared:
            trees.check_apart(self.given)
        shared = shared and trees.row_count(self.given) > 1
        of_row = self._sites_of_one_row() if shared else None
        samples = []
        with contextlib.suppress(ReuseError, RecursionError):  # the other of what holds itself
            samples = self._sharing(Streams(self.entropy, self.total, of_row), max_bytes)
        samples = samples or self._in_full(by_row=shared)
        if silent := self._silent():
            warnings.warn(
                f"these samples of {type(self.model).__name__} are without dropout that it has in "
                f"training, as it was not called{silent}",
                stacklevel=3,
            )
        return self.put_together(samples)

    def _sharing(self, noise, max_bytes):
        """All samples: the first alone, the others from where its beginning ended."""
        model, active = self._twin()
        given = trees.copies(self.given)
        state = trees.tensors([given, *map(vars, model.modules())])
        self.together = all(tensor.layout is torch.strided for tensor in state)
        first = FirstPass(noise.sample(), active, state)
        before = python_noise(model)
        with OwnGenerator() as uncontrolled:
            output = self._call(model, given, first)
        if uncontrolled.generators or python_noise(model) != before:
            raise ReuseError("a pass drew noise that is not under control")
        first.check_shared(output, model)
        self.advance(1)
        samples = [torch.stack([one] * self.total) for one in output]
        if not first.drawn:  # as all is dropped, or there are no rows, or by mistake
            if any(one.numel() for one in output) and not first.dropped:
                raise ValueError(
                    f"no dropout layer of {type(self.model).__name__} drops anything: each has "
                    f"p = 0, or the forward pass does not come to it{self._silent()}"
                )
            self.advance(self.total)
            return samples

        def ending(*values):
            """What a pass makes of the beginning, given the noise of its sites."""
            repeated = RepeatedPass(first, values)
            output = self._call(model, given, repeated)
            repeated.end(model)
            return tuple(output)

        chunk = self._chunk(first, noise, max_bytes)
        for start in range(1, self.total, chunk):
            stop = min(start + chunk, self.total)
            values = [torch.from_numpy(drawn) for drawn in noise.take(stop - start)]
            for whole, part in zip(samples, self._endings(ending, values), strict=True):
                whole[start:stop] = part
            del values, part  # their memory is that of the next
            self.advance(stop)
        return samples

    def _endings(self, ending, values):
        """Outputs of passes with this noise, samples first: of all at once, or one by one."""
        if self.together and len(values[0]) > 1:
            try:
                return torch.func.vmap(ending)(*values)
            except ReuseError:
                raise
            except Exception:  # whatever it is, it is found again below, or does not matter
                self.together = False
        try:
            return _stacked(ending(*sample) for sample in zip(*values, strict=True))
        except Exception as error:  # passes in full find it again if it is the model's own
            raise ReuseError("a pass cannot go on from the beginning of another") from error

    def _chunk(self, first, noise, max_bytes):
        """Number of samples that fit into the memory given."""
        # Noise is there twice, as drawn and as looked up; and vmap may split an operation in two.
        each = 2 * (first.peak + sum(stream.nbytes for stream in noise.streams.values()))
        if max_bytes is not None and each > max_bytes:
            raise ValueError(
                f"one pass of {trees.row_count(self.given)} rows takes {each} bytes, more than "
                f"max_bytes={max_bytes}; allow more, or predict fewer rows at a time"
            )
        return min(self.total, max(1, (max_bytes or CHUNK_BYTES) // max(1, each)))

    def _in_full(self, by_row):
        """One sample at a time, each from the start, and on request one row of it at a time."""
        twin, noise = self._twin(), Streams(self.entropy, self.total)
        slices = [slice(i, i + 1) for i in range(trees.row_count(self.given))] if by_row else [None]
        samples = []
        for sample in range(self.total):
            drawn = noise.sample()  # which all rows of a sample get
            parts = [self._from_start(twin, drawn, sample, rows) for rows in slices]
            samples.append([*map(torch.cat, zip(*parts, strict=True))] if by_row else parts[0])
            self.advance(sample + 1)
        return _stacked(samples)

    def _sites_of_one_row(self):
        """The sites of a pass of the first row alone."""
        noise = Streams(self.entropy, 1)
        self._from_start(self._twin(), noise.sample(), 0, slice(1))
        return [stream.site for stream in noise.streams.values()]

    def _from_start(self, twin, drawn, sample, rows=None):
        """Output of a full pass of a twin, for some rows or all."""
        model, active = twin
        seed = np.random.SeedSequence(self.entropy, spawn_key=(0, sample))
        try:
            with OwnGenerator(int(seed.generate_state(1, np.uint64)[0])):
                return self._call(model, trees.copies(self.given, rows), Pass(drawn, active))
        except Exception as error:
            if rows is not None:
                error.add_note("shared_mask=True runs rows alone; there the model failed")
            raise

    def _call(self, model, given, run):
        """Tensors in the output of a pass."""
        args, kwargs = given
        with hint_to_unpack(args), run:
            output = model(*args, **kwargs)
            if self.output is not None:
                output = self.output(output)
        found, self.put_together = trees.taken_apart(output, type(self.model).__name__)
        return found

    def _twin(self, more=()):
        """A twin with dropout on and all else off, or a copy with more on, and what is on."""
        twins, training = shadow(self.model, share=not more), self.modes.training.union(more)

        def watched(module, forward, *args, **kwargs):
            self.called.add(module)
            return forward(*args, **kwargs)

        for module, twin in twins.items():
            switch(twin, module in training)
            if isinstance(twin, torch.jit.ScriptModule):
                continue
            if module in training:
                twin.forward = functools.partial(watched, module, twin.forward)
            elif module._modules:
                twin.register_forward_pre_hook(lambda _, args, own=module: self.called.add(own))
        return twins[self.model], {twins[module]: module for module in training}

    def _silent(self):
        """What drops in training and did not here, as text."""
        return listed(left_out(self.model, self.modes, self.called, self._probe))

    def _probe(self, more):
        """What is called and what draws with more in training mode, or None if that fails."""
        self.called = set()
        drew = drawing(self.given, self.entropy, functools.partial(self._twin, more))
        return None if drew is None else (self.called, drew)


def _stacked(samples):
    """Outputs of single passes, each a sequence of tensors, with the samples first."""
    return [torch.stack(parts) for parts in zip(*samples, strict=True)]
