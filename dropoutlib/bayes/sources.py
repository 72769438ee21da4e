"""Where a controlled pass takes its noise from: a sample, many at a time, or given values."""

import numpy as np
import torch

from .noise import DivergenceError

__all__ = ["call", "given", "single", "together"]


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


def single(noise):
    """Source of the noise of a pass: the next sample of each stream."""
    noise.begin()
    return lambda site: torch.from_numpy(np.asarray(noise.stream(site).take(1)[0]))


def together(run, noise, count, device, budget=None):
    """Outputs of the next `count` passes, which `run`, given a source of noise, runs together."""

    def passes(index):
        noise.begin()

        def draw(site):
            stream = noise.stream(site)
            if budget is not None:
                budget.spend(stream.nbytes)
            values = torch.from_numpy(stream.take(count)).reshape(count, -1).to(device)
            # Each pass looks up its row, which vmap turns into a copy of the table.
            return torch.embedding(values, index).reshape(stream.site.shape)

        return run(draw)

    return torch.func.vmap(passes)(torch.arange(count, device=device))


def given(noise, values):
    """Source of the noise of a pass: values for each of the streams."""
    noise.begin()
    known = dict(zip(noise.streams.values(), values, strict=True))

    def draw(site):
        stream = noise.stream(site)
        if stream not in known:
            raise DivergenceError(f"a pass asked for {site}, for which others did not")
        return torch.from_numpy(np.asarray(known[stream]))

    return draw
