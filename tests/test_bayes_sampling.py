"""What `mc_samples` promises, whatever the model: its law, its two forms of draws, its manners."""

import doctest
import itertools

import numpy as np
import pytest
import torch
from mc_models import Residual, Transformer, in_full, plain_loop, unknown_layers
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import dropcheck
from dropoutlib import nn as ours
from dropoutlib.bayes import (
    decompose_variance,
    expected_entropy,
    mc_samples,
    mutual_information,
    predictive_entropy,
    sampling,
    streams,
)
from dropoutlib.bayes.passes import FirstPass
from dropoutlib.bayes.streams import Site, Stream
from dropoutlib.masks import enumerate_masks, mask_weights
from dropoutlib.models import ConvNetWithDropout, MLPWithDropout


@pytest.fixture
def net(seed):
    """Two hidden layers of three and two units, dropped with probabilities 0.3 and 0.6."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Linear(2, 3), nn.ReLU(), nn.Dropout(0.3)),
        *(nn.Linear(3, 2), nn.Tanh(), ours.Dropout(0.6), nn.Linear(2, 1)),
    ).double()


def subnetworks(net, x):
    """Outputs of all subnetworks, shape (2^3 * 2^2, N), and their probabilities."""
    first, second = (enumerate_masks(n) for n in (3, 2))
    outputs, weights = [], []
    with torch.no_grad():
        for m, k in itertools.product(first, second):
            h = torch.relu(net[0](x)) * torch.from_numpy(m) / 0.7
            h = torch.tanh(net[3](h)) * torch.from_numpy(k) / 0.4
            outputs.append(net[6](h).squeeze(1))
            weights.append(mask_weights(m[None], 0.3)[0] * mask_weights(k[None], 0.6)[0])
    return torch.stack(outputs), np.array(weights)


def test_each_subnetwork_has_its_probability(net, rng):
    """Every sample is one of the outputs, and every output comes as often as its masks say."""
    x = torch.from_numpy(rng.standard_normal((2, 2)))
    samples = mc_samples(net, x, 20_000, rng=rng).squeeze(2)
    outputs, weights = subnetworks(net, x)
    for row in range(2):
        values, which = np.unique(outputs[:, row].numpy().round(9), return_inverse=True)
        given = samples[:, row].numpy().round(9)
        places = np.abs(given[:, None] - values).argmin(axis=1)
        np.testing.assert_allclose(given, values[places], atol=3e-9)
        counts = np.bincount(places, minlength=len(values))
        expected = np.bincount(which, weights, minlength=len(values))
        assert dropcheck.rate_test(counts, len(given), expected)
        halved = np.bincount(which, np.full(32, 1 / 32), minlength=len(values))
        assert not dropcheck.rate_test(counts, len(given), halved)  # as if p were 1/2


@pytest.mark.parametrize("shared", [False, True])
def test_mean_and_variance_are_those_of_the_ensemble(shared, net, rng):
    x = torch.from_numpy(rng.standard_normal((2, 2)))
    samples = mc_samples(net, x, 40_000, shared_mask=shared, rng=rng).squeeze(2).numpy()
    outputs, weights = subnetworks(net, x)
    outputs = outputs.numpy()
    mean = weights @ outputs
    low, high = outputs.min() - 1e-9, outputs.max() + 1e-9
    assert dropcheck.mean_test(samples, mean, low, high)
    assert dropcheck.variance_test(samples, weights @ (outputs - mean) ** 2, low, high)


def test_rows_have_masks_of_their_own_or_one_for_all(rng):
    """With equal rows the correlation of two of them is 0, or 1 for function draws."""
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1, bias=False)).double()
    nn.init.constant_(model[1].weight, 0.5)
    x = torch.ones(4, 1, dtype=torch.double)
    own = mc_samples(model, x, 4000, rng=rng).squeeze(2).numpy()
    one = mc_samples(model, x, 4000, shared_mask=True, rng=rng).squeeze(2).numpy()
    assert (one == one[:, :1]).all()
    pairs = [own[:, i] * own[:, j] for i, j in itertools.combinations(range(4), 2)]
    assert dropcheck.mean_test(np.stack(pairs, axis=1), 0.25, 0, 1, wrong=0.5)
    lagged = own[1:] * own[:-1]  # one draw and the next share nothing either
    assert dropcheck.mean_test(lagged[::2], 0.25, 0, 1, wrong=0.5)


MODELS = {
    "mlp": (lambda: MLPWithDropout(3, [6, 5], 2, 0.3), (3,)),
    "convolutions": (lambda: ConvNetWithDropout(1, 3, 0.3), (1, 8, 8)),
    "residual": (Residual, (1, 6, 6)),
    "transformer": (Transformer, (5, 8)),
}


@pytest.fixture(params=MODELS)
def example(request, seed, rng):
    """A model in double precision, and three inputs for it."""
    torch.manual_seed(seed)
    build, shape = MODELS[request.param]
    model = build().double().eval()
    return model, torch.from_numpy(rng.standard_normal((3, *shape)))


@pytest.mark.parametrize("shared", [False, True])
def test_same_numbers_together_one_by_one_and_in_full(shared, example, seed, monkeypatch):
    model, x = example
    options = {"shared_mask": shared, "rng": seed}
    samples = mc_samples(model, x, 9, **options)
    assert samples.shape == (9, 3, samples.shape[2])
    assert len(torch.unique(samples[:, 0, 0])) > 1
    with monkeypatch.context() as patch:
        unknown_layers(patch)
        torch.testing.assert_close(mc_samples(model, x, 9, **options), samples)
        patch.setattr(sampling, "CHUNK_BYTES", 0)
        torch.testing.assert_close(mc_samples(model, x, 9, **options), samples)
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 9, **options), samples)


def test_function_draws_are_one_network_for_all_rows(example, seed):
    """A row gets the same samples alone as among others."""
    model, x = example
    samples = mc_samples(model, x, 6, shared_mask=True, rng=seed)
    for row in range(3):
        alone = mc_samples(model, x[row : row + 1], 6, rng=seed)
        torch.testing.assert_close(alone[:, 0], samples[:, row])
    apart = mc_samples(model, x, 6, rng=seed)
    assert not torch.allclose(apart, samples)


def test_moments_are_those_of_a_plain_loop(example, rng, seed):
    """Squashed to [0, 1], the means of two sets of draws differ by less than both intervals."""
    model, x = example
    active = [found.module for found in ours.find(model)]
    total = 1500
    torch.manual_seed(seed)
    loop = torch.sigmoid(plain_loop(model, x, total, active)).numpy()
    mine = torch.sigmoid(mc_samples(model, x, total, rng=rng)).numpy()
    # Hoeffding: each mean is off by more than this with probability 1e-8 / entries.
    slack = np.sqrt(np.log(2 * loop[0].size / 1e-8) / (2 * total))
    assert np.abs(loop.mean(axis=0) - mine.mean(axis=0)).max() <= 2 * slack
    halves = [(s[::2] - s[1::2]) ** 2 for s in (loop, mine)]  # in [0, 1], too
    assert np.abs(halves[0].mean(axis=0) - halves[1].mean(axis=0)).max() <= 2 * np.sqrt(2) * slack


@pytest.mark.parametrize("max_bytes", [3000, 20_000, None])
def test_samples_do_not_depend_on_the_bound(max_bytes, net, rng, seed):
    x = torch.from_numpy(rng.standard_normal((4, 2)))
    wanted = mc_samples(net, x, 50, rng=seed, max_bytes=1 << 30)
    torch.testing.assert_close(mc_samples(net, x, 50, rng=seed, max_bytes=max_bytes), wanted)


def test_bound_below_one_pass_is_an_error(net):
    with pytest.raises(ValueError, match=r"one pass of 4 rows takes \d+ bytes, more than max_by"):
        mc_samples(net, torch.ones(4, 2).double(), 5, max_bytes=50)


class Counting(TorchDispatchMode):
    """Counts the tensors that operations make, below all transformations of torch."""

    def __init__(self):
        super().__init__()
        self.memory = FirstPass(None, (), ())
        self.products = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        self.memory._count(output)
        self.products += "mm" in func.__name__
        return output


def test_memory_stays_within_the_bound():
    """And yet passes run together."""
    model = nn.Sequential(nn.Dropout(0.5), *(nn.Linear(64, 64) for _ in range(4)))
    bound, result = 200_000, 400 * 8 * 64 * 4
    peaks = []
    for max_bytes in (bound, 100 * bound):
        with Counting() as mode:
            mc_samples(model, torch.ones(8, 64), 400, max_bytes=max_bytes)
        peaks.append(mode.memory.peak - result)
        assert mode.products < 4 * 400 / 10
    assert peaks[0] <= bound < peaks[1]


def test_one_sample_is_certain_of_itself(net, rng):
    samples = mc_samples(net, torch.from_numpy(rng.standard_normal((3, 2))), 1, rng=rng)
    probs = torch.cat([samples, -samples], dim=2).softmax(dim=2)
    assert samples.shape == (1, 3, 1)
    assert (mutual_information(probs) == 0).all()
    assert (decompose_variance(samples, tau=1.0).epistemic == 0).all()


def test_uncertainties_add_up(rng, seed):
    torch.manual_seed(seed)
    samples = mc_samples(MLPWithDropout(3, [16], 4), torch.randn(20, 3), 64, rng=rng)
    probs = samples.softmax(dim=2)
    mutual = mutual_information(probs)
    assert (mutual >= 0).all()
    total = expected_entropy(probs) + mutual
    np.testing.assert_allclose(total, predictive_entropy(probs), atol=1e-12)
    split = decompose_variance(samples, samples.square())
    second = (2 * samples.double().square()).mean(dim=0) - samples.double().mean(dim=0).square()
    np.testing.assert_allclose(split.aleatoric + split.epistemic, split.total, atol=1e-12)
    np.testing.assert_allclose(split.total, second, rtol=1e-6)


def test_no_rows_give_no_predictions(net):
    for shared in (False, True):
        samples = mc_samples(net, torch.ones(0, 2).double(), 7, shared_mask=shared)
        assert samples.shape == (7, 0, 1)


def test_tuple_holds_all_arguments(rng, seed):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, a, b):
            return self.drop(a) - b

    a, b = torch.ones(3, 4), torch.randn(3, 4)
    samples = mc_samples(Two(), (a, b), 8, rng=seed)
    assert torch.equal(samples, mc_samples(Two(), a, b, 8, rng=seed))
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        mc_samples(nn.Sequential(nn.Dropout(), nn.Linear(4, 1)), y=a, n_samples=8)
    assert set((samples + b).round(decimals=4).unique().tolist()) == {0.0, 2.0}
    shared = mc_samples(Two(), (a, b), 8, rng=seed, shared_mask=True) + b
    torch.testing.assert_close(shared, shared[:, :1].expand(8, 3, 4))


@pytest.mark.parametrize("training", [True, False])
def test_modes_and_random_states_are_as_before(training, example, rng):
    model, x = example
    for module in model.modules():
        module.training = bool(rng.integers(2)) if training else False
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    before, mine = torch.get_rng_state(), x.clone()
    numpy = np.random.get_state()[1].copy()  # noqa: NPY002
    mc_samples(model, x, 5)
    mc_samples(model, x, 5, shared_mask=True, max_bytes=1 << 20)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy)  # noqa: NPY002
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(x, mine)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("when", ["first", "later"])
def test_modes_are_as_before_after_an_error(when, monkeypatch):
    class Failing(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if when == "first" or self.calls > 1:
                torch.rand(1)
                raise KeyError("on purpose")
            return x

    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3), Failing())
    model[1].eval()
    state = torch.get_rng_state()
    with pytest.raises(KeyError, match="on purpose"):
        mc_samples(model, torch.ones(2, 3), 5, max_bytes=1 << 20)
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert torch.equal(torch.get_rng_state(), state)


def test_normalization_is_not_trained_and_uses_its_running_statistics(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    model[0].running_mean.normal_()
    x = torch.randn(6, 3) + 5
    mean, count = model[0].running_mean.clone(), model[0].num_batches_tracked.clone()
    samples = mc_samples(model, x, 20)
    assert torch.equal(model[0].running_mean, mean)
    assert torch.equal(model[0].num_batches_tracked, count)
    kept = samples != 0
    expected = 2 * (x - mean) / (1 + model[0].eps) ** 0.5
    torch.testing.assert_close(samples[kept], expected.detach().expand(20, 6, 3)[kept])


def test_weights_are_those_of_the_call(seed):
    """Nothing is kept from one call to the next, neither of the weights nor of the inputs."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
    x = torch.randn(2, 2)
    before = mc_samples(model, x, 5, rng=seed)
    with torch.no_grad():
        model[0].weight.mul_(2), model[0].bias.mul_(2)
    torch.testing.assert_close(mc_samples(model, x, 5, rng=seed), 2 * before)
    x.zero_()
    bias = mc_samples(model, x, 5, rng=seed)
    torch.testing.assert_close(bias, 2 * (before != 0) * model[0].bias.detach())


def test_seed_repeats_and_no_seed_does_not(net):
    x = torch.ones(2, 2).double()
    assert torch.equal(mc_samples(net, x, 9, rng=3), mc_samples(net, x, 9, rng=3))
    assert not torch.equal(mc_samples(net, x, 9), mc_samples(net, x, 9))
    generator = np.random.default_rng(3)
    first, second = (mc_samples(net, x, 9, rng=generator) for _ in range(2))
    assert not torch.equal(first, second)


def test_torch_seed_does_not_matter(net):
    x = torch.ones(2, 2).double()
    torch.manual_seed(0)
    first = mc_samples(net, x, 9)
    torch.manual_seed(0)
    assert not torch.equal(first, mc_samples(net, x, 9))


def test_result_has_no_gradient_and_the_dtype_of_the_output(net):
    samples = mc_samples(net.float(), torch.ones(2, 2, requires_grad=True), 3)
    assert not samples.requires_grad
    assert samples.dtype is torch.float32
    assert samples.is_contiguous()
    half = mc_samples(net.bfloat16(), torch.ones(2, 2, dtype=torch.bfloat16), 3)
    assert half.dtype is torch.bfloat16


def test_uniform_noise_is_below_one_in_half_precision_too():
    """Of as many numbers that are rounded to eight digits some hundreds would be 1."""

    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return torch.cat([torch.rand_like(x), self.drop(x)])

    samples = mc_samples(Noisy(), torch.zeros(1, 100_000, dtype=torch.bfloat16), 2)[:, 0]
    assert 0.99 < samples.max() < 1


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1, got n_samples=0"),
        ({"n_samples": 2.0}, TypeError, "n_samples must be an integer"),
        ({"n_samples": True}, TypeError, "n_samples must be an integer"),
        ({"max_bytes": 0}, ValueError, "max_bytes must be at least 1"),
        ({"rng": "seed"}, TypeError, "rng"),
        ({"model": torch.sin}, TypeError, "model must be a torch.nn.Module"),
        ({"x": [1.0]}, TypeError, "x must be a tensor or a tuple of tensors, got list"),
        ({"x": torch.tensor(1.0)}, ValueError, "x must have rows on its first axis"),
        ({"x": ()}, TypeError, "x must be a tensor or a tuple of tensors, got nothing"),
        ({"model": nn.Linear(2, 2)}, ValueError, "Linear has no dropout layer"),
        ({"model": nn.Sequential(nn.Dropout(0.0))}, ValueError, "no dropout layer .* p = 0"),
        ({"output": lambda y: y.to_sparse()}, TypeError, "return a tensor, or a tuple or"),
    ],
)
def test_bad_call_says_what_is_wrong(change, error, text, net):
    call = {"model": net.float(), "x": torch.ones(3, 2), "n_samples": 4} | change
    with pytest.raises(error, match=text):
        mc_samples(**call)


def test_probability_one_drops_all(seed):
    """Certain, but not without dropout."""
    model = nn.Sequential(nn.Dropout(1.0), nn.Linear(2, 2))
    samples = mc_samples(model, torch.ones(3, 2), 4)
    torch.testing.assert_close(samples, model[1].bias.detach().expand(4, 3, 2))


def test_examples():
    assert doctest.testmod(sampling).failed == 0


@pytest.mark.parametrize(("kind", "p", "size"), [("keep", 0.3, 1), ("uniform", None, 8)])
def test_noise_does_not_depend_on_the_portions_it_is_taken_in(kind, p, size, monkeypatch, seed):
    """They end within groups of four samples and at their ends, and go over several."""
    monkeypatch.setattr(streams, "GROUP_BYTES", 4 * 3 * size)

    def taken(*portions):
        stream = Stream(Site(kind, (3,), p), seed, 0, 11)
        return np.concatenate([stream.take(count) for count in portions])

    whole = taken(11)
    assert len(np.unique(whole, axis=0)) > 1
    for portions in ((3, 2, 6), (1,) * 11, (4, 7), (5, 3, 3), (0, 11)):
        np.testing.assert_array_equal(taken(*portions), whole)
