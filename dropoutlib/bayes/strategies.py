"""Ways to run T passes of a network: together, one by one from where they part, or in full."""

import numpy as np
import torch

from .noise import DivergenceError, Noise
from .passes import FirstPass, Pass, RepeatedPass, ReuseError

__all__ = ["Sampler", "call"]

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
    entropy : list of int
        Seed of all noise.
    active : set of Module
        The modules in training mode.
    advance : callable
        Told the number of samples done since.
    """

    def __init__(self, model, inputs, total, entropy, active, advance):
        self.model = model
        self.inputs = inputs
        self.total = total
        self.entropy = entropy
        self.active = active
        self.advance = advance

    def run(self, shared, max_bytes):
        """The samples, shape (T, N, ...), by the quickest way that the network allows."""
        rows = self._sites_of_one_row() if shared and len(self.inputs[0]) > 1 else None
        noise = Noise(self.entropy, self.total, rows)
        first = FirstPass(one_sample(noise), self.active)
        inputs, states = _copies(self.inputs), _random_states(self.inputs)
        try:
            output = call(self.model, inputs, first)
            first.check_shared(output)
            if not all(map(torch.equal, states, _random_states(inputs))):
                raise ReuseError("a pass drew noise that is not under control")
        except (ReuseError, DivergenceError):
            return self._in_full() if rows is None else self._row_by_row(rows)
        if not noise.streams:
            return self._without_noise(output)
        chunk = self._chunk(first, noise, max_bytes)
        try:
            return self._together(inputs, noise, first, output, chunk)
        except Exception:  # whatever fails when passes run together, one by one it has worked
            return self._one_by_one(inputs, rows, first)

    def _together(self, inputs, noise, first, output, chunk):
        """Many samples at a time, behind a beginning that is computed once."""

        def one(values):
            run = RepeatedPass(_given(noise, values), self.active, first.beginning)
            return call(self.model, inputs, run)

        several = torch.func.vmap(one)
        samples = output.new_empty((self.total, *output.shape))
        samples[0] = output
        for start in range(1, self.total, chunk):
            part = samples[start : start + chunk]
            part.copy_(several([torch.from_numpy(values) for values in noise.take(len(part))]))
            self.advance(len(part))
        self.advance(1)
        return samples

    def _one_by_one(self, inputs, rows, first):
        """One sample at a time, behind a beginning that is computed once."""
        noise = Noise(self.entropy, self.total, rows)

        def one(sample):
            run = RepeatedPass(one_sample(noise), self.active, first.beginning)
            return call(self.model, inputs, run)

        return self._stack(one)

    def _in_full(self):
        """One sample at a time, each from the start."""
        noise = Noise(self.entropy, self.total)

        def one(sample):
            self._seed_torch(sample)
            return call(self.model, _copies(self.inputs), Pass(one_sample(noise), self.active))

        return self._stack(one)

    def _row_by_row(self, sites):
        """One row of one sample at a time, all rows of a sample with the same noise."""
        noise = Noise(self.entropy, self.total)
        for site in sites:
            noise.stream(site)

        def one(sample):
            values = [torch.from_numpy(values)[0] for values in noise.take(1)]
            rows = []
            for row in range(len(self.inputs[0])):
                self._seed_torch(sample)
                run = Pass(_given(noise, values), self.active)
                rows.append(call(self.model, _copies(self.inputs, slice(row, row + 1)), run))
            return torch.cat(rows)

        return self._stack(one)

    def _stack(self, one):
        samples = []
        for sample in range(self.total):
            samples.append(one(sample))
            self.advance(1)
        return torch.stack(samples)

    def _sites_of_one_row(self):
        """The sites of a pass of the first row alone."""
        noise = Noise(self.entropy, 1)
        call(self.model, _copies(self.inputs, slice(1)), Pass(one_sample(noise), self.active))
        return noise.sites

    def _seed_torch(self, sample):
        """Seed torch's own generators, from which noise may come that is not under control."""
        seed = np.random.SeedSequence(self.entropy, spawn_key=(0, sample))
        (state,) = seed.generate_state(1, np.uint64).tolist()
        torch.default_generator.manual_seed(state)
        for device in {x.device.index for x in self.inputs if x.is_cuda}:
            torch.cuda.default_generators[device].manual_seed(state)

    def _chunk(self, first, noise, max_bytes):
        """Number of samples that fit into the memory given."""
        drawn = sum(stream.nbytes for stream in noise.streams.values())
        each = first.memory.peak + drawn
        if max_bytes is not None and each > max_bytes:
            raise ValueError(
                f"one pass of {len(self.inputs[0])} rows takes {each} bytes, more than "
                f"max_bytes={max_bytes}; allow more, or predict fewer rows at a time"
            )
        return max(1, (max_bytes or CHUNK_BYTES) // max(1, each))

    def _without_noise(self, output):
        """The samples of a model that is certain: right for no rows, an error for others."""
        if output.numel():
            raise ValueError(
                f"no dropout layer of {type(self.model).__name__} drops anything: each has p = 0 "
                "(or 1), or the forward pass does not come to it"
            )
        return output.new_empty((self.total, *output.shape))


def call(model, inputs, run):
    """Output of the model in a pass.

    Raises
    ------
    TypeError
        If it is not a tensor.
    """
    with run:
        output = model(*inputs)
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"{type(model).__name__} must return a tensor, got {type(output).__name__}; wrap it "
            "in a module that picks one"
        )
    return output


def one_sample(noise):
    """Source of the noise of a pass: the next sample of each stream."""
    noise.begin()
    return lambda site: torch.from_numpy(np.asarray(noise.stream(site).take(1)[0]))


def _given(noise, values):
    """Source of the noise of a pass: values for each of the streams."""
    noise.begin()
    given = dict(zip(noise.streams.values(), values, strict=True))

    def draw(site):
        stream = noise.stream(site)
        if stream not in given:
            raise DivergenceError(f"a pass asked for {site}, for which others did not")
        return given[stream]

    return draw


def _copies(inputs, rows=slice(None)):
    """Inputs that a model may change."""
    return tuple(x.detach()[rows].clone() for x in inputs)


def _random_states(inputs):
    devices = {x.device for x in inputs if x.is_cuda}
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]
