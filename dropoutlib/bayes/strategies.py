"""Ways to run T passes of a network: together, one by one from where they part, or in full."""

import numpy as np
import torch

from .memory import Budget, Memory, TooLargeError
from .noise import DivergenceError, Noise
from .passes import FirstPass, Pass, RepeatedPass, ReuseError
from .sources import call, given, single, together

__all__ = ["Sampler", "random_generators"]

TRIAL_BYTES = 1 << 23  # all that all passes make, if they are run together from the start
CHUNK_BYTES = 1 << 25  # of passes that run together, if the caller does not say


class Sampler:
    """The samples of one prediction.

    Parameters
    ----------
    model : Module
        The network, its modules in the modes of the prediction.
    inputs : tuple of Tensor
        Its arguments.
    total : int
        Number of samples.
    entropy : int
        Seed of all noise.
    active : set of Module
        The modules in training mode.
    advance : callable
        Told the number of samples that are done.
    """

    def __init__(self, model, inputs, total, entropy, active, advance):
        self.model = model
        self.inputs = inputs
        self.total = total
        self.entropy = entropy
        self.active = active
        self.advance = advance
        self.generators = random_generators(inputs)

    def run(self, shared, max_bytes):
        """The samples, shape (T, N, ...), by the quickest way that the network allows."""
        rows = self._sites_of_one_row() if shared and len(self.inputs[0]) > 1 else None
        if max_bytes is None:
            try:
                return self._at_once(rows)
            except Exception:  # whatever it is, it is found again below, or does not matter
                pass
        noise = Noise(self.entropy, self.total, rows)
        memory = Memory()
        inputs = _copies(self.inputs)
        try:
            first, output = self._first(single(noise), memory, inputs)
        except (ReuseError, DivergenceError):
            return self._in_full() if rows is None else self._row_by_row(rows)
        if not noise.streams:
            return self._without_noise(first, output)
        chunk = self._chunk(memory.peak, noise, max_bytes)
        for size in sorted({chunk, 1}, reverse=True):
            try:
                return self._repeated(first, noise.sites, inputs, rows, output, size)
            except DivergenceError:
                break
            except Exception:
                if size == 1:  # what fails when passes run together may work one by one
                    raise
        return self._in_full() if rows is None else self._row_by_row(rows)

    def _at_once(self, rows):
        """All samples in one pass, if they are small."""
        budget = Budget(self.total, TRIAL_BYTES)
        budget.add(self.inputs)
        noise = Noise(self.entropy, self.total, rows)
        inputs = _copies(self.inputs)

        def run(source):
            return self._first(source, budget, inputs)[1]

        samples = together(run, noise, self.total, inputs[0].device, budget)
        if not noise.streams:
            raise TooLargeError("there is nothing to sample")
        self.advance(self.total)
        return samples.contiguous()

    def _first(self, source, memory, inputs):
        """The first pass and its output, if others may share what it began with."""
        states = [generator.get_state() for generator in self.generators]
        state = [*self.model.parameters(), *self.model.buffers()]
        first = FirstPass(source, self.active, memory, inputs, state)
        output = call(self.model, inputs, first)
        first.check_shared(output)
        drawn = [generator.get_state() for generator in self.generators]
        if not all(map(torch.equal, drawn, states)):
            raise ReuseError("a pass drew noise that is not under control")
        return first, output

    def _repeated(self, first, sites, inputs, rows, output, chunk):
        """All samples behind the first, whose beginning they share, `chunk` at a time."""
        noise = Noise(self.entropy, self.total, rows)
        noise.skip(sites)
        samples = output.new_empty((self.total, *output.shape))
        samples[0] = output

        def run(source):
            return call(self.model, inputs, RepeatedPass(source, first))

        for start in range(1, self.total, chunk):
            part = samples[start : start + chunk]
            if chunk == 1:
                part[0] = run(single(noise))
            else:
                part.copy_(together(run, noise, len(part), inputs[0].device))
            self.advance(start + len(part))
        return samples

    def _in_full(self):
        """One sample at a time, each from the start."""
        noise = Noise(self.entropy, self.total)

        def one(sample):
            self._seed(sample)
            return call(self.model, _copies(self.inputs), Pass(single(noise), self.active))

        return self._stack(one)

    def _row_by_row(self, sites):
        """One row of one sample at a time, all rows of a sample with the same noise."""
        noise = Noise(self.entropy, self.total)
        for site in sites:
            noise.stream(site)

        def one(sample):
            values = noise.take()
            rows = []
            for row in range(len(self.inputs[0])):
                self._seed(sample)
                run = Pass(given(noise, values), self.active)
                rows.append(call(self.model, _copies(self.inputs, slice(row, row + 1)), run))
            return torch.cat(rows)

        return self._stack(one)

    def _stack(self, one):
        samples = []
        for sample in range(self.total):
            samples.append(one(sample))
            self.advance(sample + 1)
        return torch.stack(samples)

    def _sites_of_one_row(self):
        """The sites of a pass of the first row alone."""
        noise = Noise(self.entropy, 1)
        try:
            call(self.model, _copies(self.inputs, slice(1)), Pass(single(noise), self.active))
        except Exception as error:
            error.add_note("shared_mask=True runs the first row alone; there the model failed")
            raise
        return noise.sites

    def _seed(self, sample):
        """Seed torch's own generators, from which noise may come that is not under control."""
        seed = np.random.SeedSequence(self.entropy, spawn_key=(0, sample))
        (state,) = seed.generate_state(1, np.uint64).tolist()
        for generator in self.generators:
            generator.manual_seed(state)

    def _chunk(self, peak, noise, max_bytes):
        """Number of samples that fit into the memory given."""
        # Noise is there twice, as drawn and as looked up; and vmap may split an operation in two.
        each = 2 * (peak + sum(stream.nbytes for stream in noise.streams.values()))
        if max_bytes is not None and each > max_bytes:
            raise ValueError(
                f"one pass of {len(self.inputs[0])} rows takes {each} bytes, more than "
                f"max_bytes={max_bytes}; allow more, or predict fewer rows at a time"
            )
        return min(self.total, max(1, (max_bytes or CHUNK_BYTES) // max(1, each)))

    def _without_noise(self, first, output):
        """The samples of a model that is certain, because all is dropped, or there are no rows."""
        if output.numel() and not first.dropped:
            raise ValueError(
                f"no dropout layer of {type(self.model).__name__} drops anything: each has p = 0, "
                "or the forward pass does not come to it"
            )
        self.advance(self.total)
        return output.expand(self.total, *output.shape).contiguous()


def random_generators(inputs):
    """The global generators of torch that functions of these tensors draw from."""
    devices = {x.device.index for x in inputs if x.is_cuda}
    return [torch.default_generator, *(torch.cuda.default_generators[i] for i in sorted(devices))]


def _copies(inputs, rows=slice(None)):
    """Inputs that a model may change."""
    return tuple(x.detach()[rows].clone() for x in inputs)
