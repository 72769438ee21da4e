"""Random functions of torch, for dropout layers of other libraries that draw by themselves."""

import torch

__all__ = ["RANDOM"]


def factory(kind):
    """Handler of a function that makes a random tensor of a given shape."""

    def handler(run, func, *args, generator=None, **kwargs):
        like = torch.empty(*args, **kwargs)
        return run.draw(kind, like.shape, like.dtype, like.device)

    return handler


def factory_like(kind):
    """Handler of a function that makes a random tensor in the likeness of another."""

    def handler(run, func, input, *, generator=None, **kwargs):
        like = torch.empty_like(input, **kwargs)
        return run.draw(kind, like.shape, like.dtype, like.device)

    return handler


def bernoulli(run, func, input, p=None, *, generator=None):
    """Ones with the probability p, or with those in `input`."""
    return _ones(run, input, input if p is None else p)


def bernoulli_(run, func, input, p=0.5, *, generator=None):
    """In place: ones with the probability, or the probabilities, p."""
    return run.finish(input, _ones(run, input, p), inplace=True)


def uniform_(run, func, input, *args, generator=None, **kwargs):
    """In place: uniform on [low, high)."""
    low, high = args or (kwargs.get("from", 0.0), kwargs.get("to", 1.0))
    noise = run.draw("uniform", input.shape, input.dtype, input.device)
    return run.finish(input, noise * (high - low) + low, inplace=True)


def normal_(run, func, input, mean=0.0, std=1.0, *, generator=None):
    """In place: normal with this mean and standard deviation."""
    noise = run.draw("normal", input.shape, input.dtype, input.device)
    return run.finish(input, noise * std + mean, inplace=True)


def _ones(run, input, p):
    if isinstance(p, torch.Tensor):
        wide = torch.float64 if input.device.type != "mps" else torch.float32
        noise = run.draw("uniform", input.shape, wide, input.device)
        return (noise < p).to(input.dtype)
    return run.draw("keep", input.shape, input.dtype, input.device, 1 - p)


RANDOM = {
    torch.bernoulli: bernoulli,
    torch.rand: factory("uniform"),
    torch.rand_like: factory_like("uniform"),
    torch.randn: factory("normal"),
    torch.randn_like: factory_like("normal"),
    torch.Tensor.bernoulli: bernoulli,
    torch.Tensor.bernoulli_: bernoulli_,
    torch.Tensor.normal_: normal_,
    torch.Tensor.uniform_: uniform_,
}
