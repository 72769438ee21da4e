"""Torch variants with structure or parameters: blocks, sequences, weights, a learned p, R-Drop."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn.modules.dropout import _DropoutNd

import dropcheck
from book import variants
from dropoutlib import layers, nn
from dropoutlib.layers import base, structured
from dropoutlib.nn import _masking, functional


def agree(layer, module, x):
    """Whether output and gradient of the NumPy layer and of the module are equal to the bit."""
    leaf = torch.from_numpy(x).requires_grad_()
    y = module(leaf)
    y.backward(torch.ones_like(y))
    return np.array_equal(layer.forward(x), y.detach().numpy()) and np.array_equal(
        layer.backward(np.ones_like(x)), leaf.grad.numpy()
    )


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_blocks_agree_with_numpy_on_the_same_seeds(p, rng, monkeypatch):
    keep = rng.random((2, 3, 6, 5)) < 0.9
    monkeypatch.setattr(structured, "sample_mask", lambda *_, **__: keep)
    monkeypatch.setattr(_masking, "keep_mask", lambda *_: torch.tensor(keep))
    x = rng.standard_normal((2, 3, 8, 7))
    layer = layers.DropBlock2d(p, 3)
    if p == 1:  # where NumPy draws, torch returns before
        keep[:] = False
    assert agree(layer, nn.DropBlock2d(p, 3), x)


def test_blocks_drop_at_the_exact_rate_and_keep_the_sum(seed):
    torch.manual_seed(seed)
    maps = nn.DropBlock2d(0.25, 3)(torch.ones(20_000, 1, 6, 5))
    dropped = (maps == 0).double().mean(dim=(1, 2, 3)).numpy()
    rate = layers.dropblock_rate(0.25, 3, 6, 5)
    assert dropcheck.mean_test(dropped, rate, 0, 1)
    assert maps.double().sum().item() == pytest.approx(maps.numel(), rel=1e-6)


def test_blocks_that_drop_everything_give_zeros():
    x = torch.randn(1, 1, 3, 3, requires_grad=True)
    y = nn.DropBlock2d(1 - 1e-15, 3)(x)  # one place, drawn almost surely
    y.sum().backward()
    assert not y.any()
    assert not x.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_blocks_keep_dtype_and_layout(dtype):
    x = torch.randn(2, 3, 64, 64, dtype=dtype).to(memory_format=torch.channels_last)
    y = nn.DropBlock2d(0.5, 3)(x)
    assert y.dtype == dtype
    assert y.stride() == x.stride()
    assert y.isfinite().all()


@pytest.mark.parametrize("batch_first", [True, False])
def test_one_mask_a_sequence(batch_first, rng, seed, monkeypatch):
    torch.manual_seed(seed)
    x = rng.standard_normal((4, 6, 50))
    if not batch_first:
        x = x.swapaxes(0, 1).copy()
    y = nn.VariationalDropout(0.5, batch_first)(torch.from_numpy(x))
    steps = 1 if batch_first else 0
    masks = (y != 0).movedim(steps, 0)
    assert torch.equal(masks, masks[:1].expand(masks.shape))
    assert len(masks[0].unique(dim=0)) == 4
    if batch_first:
        mask = masks[0][:, None].numpy()
        monkeypatch.setattr(base, "sample_mask", lambda *_, **__: mask)
        torch.manual_seed(seed)
        assert agree(layers.VariationalDropout(0.5), nn.VariationalDropout(0.5), x)


@pytest.mark.parametrize("module", [nn.DropBlock2d, nn.VariationalDropout])
def test_inplace_and_identity(module, seed):
    x = torch.randn((2, 3, 8, 8) if module is nn.DropBlock2d else (4, 5, 6))
    assert module(0.5).eval()(x) is x
    assert module(0.0)(x) is x
    torch.manual_seed(seed)
    expected = module(0.5)(x)
    torch.manual_seed(seed)
    assert module(0.5, inplace=True)(x) is x
    assert torch.equal(x, expected)
    assert not module(1.0)(x).any()


def test_moments_of_dropconnect_by_enumeration(rng):
    made = nn.DropConnectLinear(3, 2, 0.3, dtype=torch.float64)
    x = rng.standard_normal(3)
    mean, variance = (z.detach().numpy() for z in made.moments(torch.from_numpy(x)))
    W, c = made.weight.detach().numpy(), made.bias.detach().numpy()

    def u(masks):
        return (masks.reshape(-1, 2, 3) * W) @ x / 0.7 + c

    assert dropcheck.enumeration(u, mean, 6, 0.3, ulps=16)
    assert dropcheck.enumeration(lambda masks: (u(masks) - mean) ** 2, variance, 6, 0.3, ulps=32)
    _, unscaled = variants.dropconnect_moments(W, x, 0.3)
    assert np.allclose(unscaled / 0.7**2, variance, rtol=1e-13, atol=0)


def test_dropconnect_agrees_with_numpy_on_the_same_mask(rng, monkeypatch):
    keep = rng.random((5, 3, 4)) < 0.5
    monkeypatch.setattr(base, "sample_mask", lambda *_, **__: keep)
    monkeypatch.setattr(_masking, "keep_mask", lambda *_: torch.from_numpy(keep))
    made = nn.DropConnectLinear(4, 3, 0.5, dtype=torch.float64)
    W, c = (parameter.detach().numpy().copy() for parameter in (made.weight, made.bias))
    x, grad = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    leaf = torch.from_numpy(x).requires_grad_()
    y = made(leaf)
    y.backward(torch.from_numpy(grad))
    layer = layers.DropConnect(W, c, 0.5)
    assert np.allclose(y.detach().numpy(), layer.forward(x), rtol=0, atol=1e-13)
    for mine, other in [
        (leaf.grad, layer.backward(grad)),
        (made.weight.grad, layer.weight_grad),
        (made.bias.grad, layer.bias_grad),
    ]:
        assert np.allclose(mine.numpy(), other, rtol=0, atol=1e-13)
    assert np.array_equal(made.weight.detach().numpy(), W)


def test_dropconnect_is_a_linear_layer_in_evaluation():
    made = nn.DropConnectLinear(4, 3, bias=False)
    plain = torch.nn.Linear(4, 3, bias=False)
    made.load_state_dict(plain.state_dict())
    x = torch.randn(2, 5, 4)
    assert torch.equal(made.eval()(x), plain(x))
    assert isinstance(made, torch.nn.Linear)
    assert isinstance(made, _DropoutNd)
    assert made.train()(x).shape == (2, 5, 3)
    assert made(x[0, 0]).shape == (3,)
    made.p = 0.0
    assert torch.equal(made(x), plain(x))
    wanted = "in_features=4, out_features=3, bias=False, p=0.5, inference=mean"
    assert repr(nn.DropConnectLinear(4, 3, bias=False)) == f"DropConnectLinear({wanted})"


def test_dropconnect_without_weights_is_its_bias():
    made = nn.DropConnectLinear(4, 3, p=1.0)
    y = made(torch.randn(5, 4))
    y.sum().backward()
    assert torch.equal(y, made.bias.expand(5, 3))
    assert not made.weight.grad.any()


def test_gaussian_inference_draws_the_moments(seed):
    torch.manual_seed(seed)
    made = nn.DropConnectLinear(6, 1, 0.3, inference="gaussian", dtype=torch.float64).eval()
    x = torch.randn(6, dtype=torch.float64)
    mean, variance = (z.item() for z in made.moments(x))
    draws = made(x.expand(200_000, 6)).detach().flatten()
    limit = 5 * math.sqrt(variance / 200_000)
    assert abs(draws.mean() - mean) < limit
    assert abs(((draws - mean) ** 2).mean() / variance - 1) < 5 * math.sqrt(2 / 200_000)
    zero = torch.zeros(2, 6, dtype=torch.float64, requires_grad=True)
    y = made(zero)
    y.sum().backward()
    assert torch.equal(y, made.bias.expand(2, 1))
    assert zero.grad.isfinite().all()


def test_concrete_gradients_fit():
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    logit = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)

    def once(z, t):
        return functional.concrete_dropout(z, t, 0.5, generator=torch.Generator().manual_seed(1))

    assert torch.autograd.gradcheck(once, (x, logit))
    assert torch.autograd.gradgradcheck(once, (x, logit))


def test_concrete_agrees_with_numpy_on_the_same_noise(rng, monkeypatch):
    x = rng.standard_normal((6, 7))
    layer = layers.ConcreteDropout(0.3, 0.5, rng=copy.deepcopy(rng))
    u = rng.uniform(size=x.shape)  # what the layer will draw
    made = nn.ConcreteDropout(0.3, 0.5).double()
    made.p = 0.3  # to double precision
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.from_numpy(u))
    leaf = torch.from_numpy(x).requires_grad_()
    y = made(leaf)
    y.sum().backward()
    # NumPy's 1 - z cancels where z is near 1.
    assert np.allclose(y.detach().numpy(), layer.forward(x), rtol=1e-12, atol=1e-14)
    assert np.allclose(leaf.grad.numpy(), layer.backward(np.ones_like(x)), rtol=1e-12, atol=1e-14)
    assert made.logit.grad.item() == pytest.approx(layer.logit_grad, rel=1e-10)
    made.logit.grad = None
    penalty = made.regulariser(torch.from_numpy(x), 7, weight_scale=0.1, entropy_scale=0.2)
    penalty.backward()
    value, slope = layer.regulariser(x, 7, weight_scale=0.1, entropy_scale=0.2)
    assert penalty.item() == pytest.approx(value, rel=1e-12)
    assert made.logit.grad.item() == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("logit", [-800.0, -120.0, 40.0, 120.0, 800.0])
def test_a_learned_probability_may_go_to_its_ends(logit):
    made, x = nn.ConcreteDropout(), torch.ones(1000, requires_grad=True)
    torch.nn.init.constant_(made.logit, logit)
    y = made(x)
    y.sum().backward()
    assert torch.allclose(y, torch.full_like(y, float(logit < 0)))
    assert x.grad.isfinite().all()
    assert made.logit.grad.isfinite()
    assert made.p == pytest.approx(float(logit > 0), abs=1e-15)


@pytest.mark.parametrize("p", [1e-300, 1e-9, 1 - 1e-9, 1 - 2**-52])
def test_a_learned_probability_may_be_set_to_what_it_is(p):
    made = nn.ConcreteDropout(p)
    assert made.p == pytest.approx(p, rel=1e-4)  # of a logit in single precision
    assert made.p < 1
    made.p = made.p


def test_concrete_learns_and_stores_its_probability():
    made = nn.ConcreteDropout(0.4)
    assert [name for name, _ in made.named_parameters()] == ["logit"]
    assert made.p == pytest.approx(0.4, rel=1e-6)
    torch.optim.SGD(made.parameters(), lr=1.0).step()
    twin = nn.ConcreteDropout(0.1)
    twin.load_state_dict(made.state_dict())
    assert twin.p == made.p
    parameter = made.logit
    made.p = 0.2
    assert made.logit is parameter
    assert made.p == pytest.approx(0.2, rel=1e-6)
    assert repr(made) == "ConcreteDropout(p=0.200, temperature=0.1)"
    x = torch.ones(3)
    assert made.eval()(x) is x


def test_r_drop_agrees_with_numpy(rng):
    one, two = rng.standard_normal((2, 5, 4))
    one += 1000  # whose exponential is infinite
    labels = rng.integers(4, size=5)
    leaves = [torch.from_numpy(z).requires_grad_() for z in (one, two)]
    loss = functional.r_drop_loss(*leaves, torch.from_numpy(labels), 0.7)
    loss.backward()
    value, *grads = variants.r_drop_loss(one, two, labels, 0.7)
    assert loss.item() == pytest.approx(value, rel=1e-13)
    for leaf, grad in zip(leaves, grads, strict=True):
        assert np.allclose(leaf.grad.numpy(), grad, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.DropBlock2d(0.1, 8)(torch.ones(1, 1, 7, 9)), ValueError, "does not fit"),
        (lambda: nn.DropBlock2d()(torch.ones(1, 7, 9)), RuntimeError, r"takes \(N, C, H, W\)"),
        (lambda: nn.VariationalDropout()(torch.ones(3, 3)), RuntimeError, r"takes \(N, T, F\)"),
        (lambda: nn.DropConnectLinear(2, 3, 1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda: nn.DropConnectLinear(2, 3, inference="x"), ValueError, "'mean' or 'gaussian'"),
        (lambda: nn.DropConnectLinear(2, 3, 1.0).moments(torch.ones(2)), ValueError, "infinite"),
        (lambda: nn.ConcreteDropout(0.0), ValueError, "strictly between 0 and 1"),
        (lambda: nn.ConcreteDropout(0.5, 0), ValueError, "temperature=0"),
        (lambda: nn.ConcreteDropout()(torch.ones(3).long()), RuntimeError, "can't be cast"),
        (
            lambda: functional.r_drop_loss(torch.ones(2, 3), torch.ones(2, 2), None),
            ValueError,
            "one shape",
        ),
        (
            lambda: functional.r_drop_loss(torch.ones(1, 2), torch.ones(1, 2), None, -1),
            ValueError,
            "-1",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_refused_p_changes_nothing():
    made = nn.ConcreteDropout(0.3)
    with pytest.raises(ValueError, match="p=1"):
        made.p = 1.0
    assert made.p == pytest.approx(0.3, rel=1e-6)
