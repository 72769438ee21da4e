"""The closed form against the exact ensemble, and the models that it is not for."""

import doctest
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel

from book import ensemble
from dropoutlib import nn as ours
from dropoutlib import schedules
from dropoutlib.bayes import closed_form as module
from dropoutlib.bayes.closed_form import analytic

FEATURES, OUTPUTS = 6, 3


@pytest.fixture
def make_model(seed):
    def make(dropout):
        torch.manual_seed(seed)
        body = nn.Linear(4, FEATURES), nn.BatchNorm1d(FEATURES), nn.ReLU()
        return nn.Sequential(*body, dropout, nn.Linear(FEATURES, OUTPUTS)).double()

    return make


@pytest.fixture
def x(rng):
    return torch.from_numpy(rng.standard_normal((5, 4)))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("layer", "scaled"), [(nn.Dropout, True), (ours.Dropout, True), (ours.StandardDropout, False)]
)
def test_moments_are_those_of_all_subnetworks(layer, scaled, p, make_model, x):
    model = make_model(layer(p)).eval()
    features = model[:3](x).detach().numpy()
    W, b = (part.detach().numpy() for part in (model[4].weight, model[4].bias))
    scale = 1 / (1 - p) if scaled and p < 1 else 1.0

    def subnetworks(masks):
        return (masks[:, None] * features * scale) @ W.T + b

    mean, var = analytic(model, x)
    np.testing.assert_allclose(mean, ensemble.arithmetic_mean(subnetworks, FEATURES, p), atol=1e-12)
    np.testing.assert_allclose(var, ensemble.variance(subnetworks, FEATURES, p), atol=1e-12)
    assert not mean.requires_grad
    assert not var.requires_grad


def test_gaussian_noise_has_the_same_moments(make_model, x):
    for left, right in zip(
        analytic(make_model(ours.GaussianDropout(0.3)), x),
        analytic(make_model(nn.Dropout(0.3)), x),
        strict=True,
    ):
        assert torch.equal(left, right)


def test_nothing_is_changed(make_model, x):
    """Modes however mixed, hooks, running statistics and the random state."""
    model = make_model(nn.Dropout(0.3)).train()
    model[0].eval()
    modes = [part.training for part in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    analytic(model, x)
    with pytest.raises(RuntimeError):
        analytic(model, x[:, :2])
    assert [part.training for part in model.modules()] == modes
    assert not any(part._forward_hooks for part in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_in_place_dropout_does_not_spoil_the_features(make_model, x):
    plain, inplace = (make_model(ours.StandardDropout(0.3, inplace=k)) for k in (False, True))
    for left, right in zip(analytic(plain, x), analytic(inplace, x), strict=True):
        assert torch.equal(left, right)
    alone = nn.Sequential(ours.StandardDropout(0.3, inplace=True), nn.Linear(4, 2)).double()
    before = x.clone()
    analytic(alone, x)
    assert torch.equal(x, before)


def test_layers_without_effect_do_not_count(make_model, x):
    model = nn.Sequential(nn.Dropout(0.0), make_model(nn.Dropout(0.3)))
    for left, right in zip(analytic(model, x), analytic(model[1], x), strict=True):
        assert torch.equal(left, right)


class Residual(nn.Module):
    """The features reach the output past the dropout as well."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(4, 4)

    def forward(self, x):
        """Head and dropout, on different paths."""
        dropped = self.dropout(x)
        return {
            "sum": lambda: self.head(dropped) + x,
            "before": lambda: self.head(x),
            "after": lambda: self.head(dropped + x),
            "functional": lambda: self.head(self.dropout(F.dropout(x, 0.1))),
        }[self.path]()


@pytest.mark.parametrize("path", ["sum", "before", "after"])
def test_features_that_go_past_the_dropout_are_seen(path, x):
    with pytest.raises(ValueError, match="is not followed by"):
        analytic(Residual(path).double(), x)


def test_the_head_may_be_a_function_or_a_layer_that_derives_from_torchs(x):
    class Derived(nn.Linear):
        def forward(self, x):
            return F.linear(x, self.weight * 2, bias=self.bias)

    class Called(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.head = nn.Dropout(0.3), Derived(4, 2)

        def forward(self, x):
            return F.linear(self.drop(x), 2 * self.head.weight, self.head.bias)

    model = Called().double()
    plain = nn.Sequential(model.drop, nn.Linear(4, 2)).double()
    with torch.no_grad():
        plain[1].weight.copy_(2 * model.head.weight)
        plain[1].bias.copy_(model.head.bias)
    for one in (model, nn.Sequential(model.drop, model.head)):
        for left, right in zip(analytic(one, x), analytic(plain, x), strict=True):
            assert torch.equal(left, right)


@pytest.mark.parametrize(
    "weights",
    [
        lambda d, layer: (d[:2], None),
        lambda d, layer: (layer.weight * d.mean().item(), layer.bias),
        lambda d, layer: (layer.weight, layer.bias + d.detach().sum()),
        lambda d, layer: (layer.weight * (1 + d.mean()), layer.bias),
    ],
)
@pytest.mark.parametrize("balanced", [False, True])  # then sum and mean are 0, as at zeros
def test_a_head_whose_weights_are_computed_from_what_is_dropped_is_refused(weights, balanced, x):
    if balanced:
        x = torch.tensor([[1.0, -1, 2, -2], [3, -3, 1, -1]]).double()

    class Bilinear(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.head = nn.Dropout(0.3), nn.Linear(4, 2)

        def forward(self, x):
            dropped = self.drop(x)
            return F.linear(dropped, *weights(dropped, self.head))

    with pytest.raises(ValueError, match=r"weights behind drop .* computed from its output"):
        analytic(Bilinear().double(), x)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(4, 4), "no dropout layer that drops"),
        (nn.Sequential(nn.Dropout(0.0), nn.Linear(4, 4)), "no dropout layer that drops"),
        (nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 4), nn.ReLU()), "is not followed by"),
        (nn.Sequential(nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 4)), "is not followed by"),
        (nn.Sequential(nn.Dropout(), nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 4)), "more than"),
        (nn.Sequential(nn.AlphaDropout(0.5), nn.Linear(4, 4)), "moments of AlphaDropout"),
        (nn.Sequential(ours.DropPath(0.5), nn.Linear(4, 4)), "moments of DropPath"),
        (Residual("functional"), "as a function"),
    ],
)
def test_other_models_are_refused(model, message, x):
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match=message):
        analytic(model.double(), x)
    assert torch.equal(torch.get_rng_state(), state)


# -- changes in place, compiled and scripted code, functions ------------------------------------
class Block(nn.Module):
    """A body and a head, with something between and behind them."""

    def __init__(self, between=None, behind=None, before=None):
        super().__init__()
        self.body, self.drop, self.head = nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1)
        self.steps = before, between, behind

    def forward(self, x):
        """Apply them, each with the module at hand."""
        h = self.body(x)
        for step, part in zip(self.steps, (self.drop, self.head, None), strict=True):
            if step is not None:
                given = step(self, h)
                h = h if given is None else given
            h = h if part is None else part(h)
        return h


IN_PLACE = [
    lambda m, h: nn.ReLU(inplace=True)(h),
    lambda m, h: h.relu_(),
    lambda m, h: h.__imul__(2),
    lambda m, h: h.__setitem__((slice(None), 0), 1.0),
    lambda m, h: h.view(-1).add_(1).view_as(h),
    lambda m, h: torch.add(h, 1, out=h),
    lambda m, h: h.data.relu_() * 0 + h,
]


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("where", ["between", "behind"])
def test_what_changes_in_place_is_seen(change, where, x):
    model = Block(**{where: change}).double()
    for mode in (True, False):
        with pytest.raises(ValueError, match=r"is not followed by|takes \.data"):
            analytic(model.train(mode), x)


@pytest.mark.parametrize("change", IN_PLACE)
def test_changes_in_place_before_dropout_are_of_the_features(change, x):
    model = Block(before=change).double().eval()
    mean, var = analytic(model, x)
    with torch.no_grad():
        torch.testing.assert_close(mean, model(x))
        h = model.body(x)
        given = change(model, h)
        h = h if given is None else given
        torch.testing.assert_close(var, F.linear(h.square(), model.head.weight.square()))


FUNCTIONAL = {
    "in the mode": lambda m, h: F.dropout(h, 0.5, m.training),
    "under a condition": lambda m, h: F.dropout(h) if m.training else h,
    "always": lambda m, h: F.dropout(h),
    "channels": lambda m, h: F.dropout1d(h.unsqueeze(0), 0.3, m.training).squeeze(0),
    "alpha": lambda m, h: F.alpha_dropout(h, 0.3, m.training),
    "torch": lambda m, h: torch.dropout(h, 0.3, m.training),
    "ours": lambda m, h: ours.functional.gaussian_dropout(h, 0.3, m.training),
    "noise": lambda m, h: h + torch.randn_like(h),
    "methods": lambda m, h: h.clone().normal_(),
    "bernoulli": lambda m, h: h * torch.bernoulli(torch.full_like(h, 0.5)),
}


@pytest.mark.parametrize("how", FUNCTIONAL)
@pytest.mark.parametrize("mode", [True, False])
def test_functions_are_seen_in_both_modes(how, mode, x):
    class Functional(Block):
        step = staticmethod(FUNCTIONAL[how])

        def forward(self, x):
            h = self.step(self, self.body(x))
            return self.head(self.drop(h))

    class Switched(Block):
        def forward(self, x):
            h = self.body(x)
            if self.training:
                h = F.dropout(h)
            return self.head(self.drop(h))

    for kind in (Functional, Switched):
        with pytest.raises(ValueError, match=r"as a function|random numbers outside of dropout"):
            analytic(kind().double().train(mode), x)


class Attending(nn.Module):
    """Attention before the head, with or without dropout of its weights."""

    def __init__(self, p):
        super().__init__()
        self.attn_drop, self.drop, self.head = nn.Dropout(p), nn.Dropout(0.5), nn.Linear(4, 1)

    def forward(self, x):
        """Attention that reads p of a layer that it does not call."""
        p = self.attn_drop.p if self.training else 0.0
        z = x.unsqueeze(0)
        h = F.scaled_dot_product_attention(z, z, z, dropout_p=p).squeeze(0)
        return self.head(self.drop(h))


def test_a_layer_whose_p_is_read_is_seen(x):
    with pytest.raises(ValueError, match="scaled_dot_product_attention"):
        analytic(Attending(0.1).double().eval(), x)
    model = Attending(0.0).double().eval()
    torch.testing.assert_close(analytic(model, x).mean, model(x).detach())


class TwoModes(Attending):
    """Calls no dropout as a function, but has code that could, and another output in training."""

    def forward(self, x):
        """Dropout as a function on a way that is not taken."""
        h = F.dropout(x) if x.dim() > 5 else x
        return self.head(self.drop(h + 1 if self.training else h))


def test_what_differs_between_modes_is_refused_where_dropout_may_be_why(x):
    with pytest.raises(ValueError, match="depends on more than one dropout layer"):
        analytic(TwoModes(0.0).double(), x)


class TrainingOnly(nn.Module):
    """Calls one layer in training mode only, so that no pass in evaluation mode shows it."""

    def __init__(self, called=True):
        super().__init__()
        self.called = called
        self.first, self.drop, self.head = nn.Dropout(0.3), nn.Dropout(0.5), nn.Linear(4, 1)

    def forward(self, x):
        """The head behind one or two dropout layers."""
        if self.training and self.called:
            x = self.first(x)
        return self.head(self.drop(x))


@pytest.mark.parametrize("wrap", [lambda model: model, nn.Sequential, torch.nn.DataParallel])
def test_a_layer_that_is_called_in_training_mode_only_is_seen(wrap, x):
    with pytest.raises(ValueError, match="more than one dropout layer"):
        analytic(wrap(TrainingOnly().double()).eval(), x)
    model = TrainingOnly(called=False).double()
    assert analytic(wrap(model), x).var.shape == (5, 1)
    assert analytic(model, x * torch.nan).var.isnan().all()


def test_the_weight_is_that_of_the_pass(x):
    class Changing(TrainingOnly):
        def forward(self, x):
            output = self.head(self.drop(x))
            self.head.weight.mul_(2)
            return output

    model = Changing(called=False).double()
    model.first = nn.Identity()  # what is not called would be looked for in another pass
    wanted = F.linear(x.square(), model.head.weight.square()).detach()
    torch.testing.assert_close(analytic(model.eval(), x).var, wanted)


def test_a_hook_that_drops_is_seen(x):
    body = nn.Linear(4, 4)
    body.register_forward_hook(lambda module, args, out: F.dropout(out, 0.5, module.training))
    with pytest.raises(ValueError, match="as a function"):
        analytic(nn.Sequential(body, nn.Dropout(), nn.Linear(4, 1)).double().eval(), x)


def test_a_layer_that_is_no_part_of_the_model_is_seen(x):
    outside = nn.Sequential(nn.Dropout(), nn.Linear(4, 1)).double()

    class Around(nn.Module):
        def forward(self, x):
            return outside(x)

    for mode in (True, False):
        outside.train(mode)
        with pytest.raises(ValueError, match="as a function"):
            analytic(Around(), x)


def test_models_of_many_makes(x):
    """Pruned, averaged, with a class that guards its mode, and behind a weak reference."""
    head = prune.l1_unstructured(nn.Linear(4, 1), "weight", 0.5)
    model = nn.Sequential(nn.Dropout(), head).double()
    weight = head.weight.detach().double()
    found = analytic(model, x)
    torch.testing.assert_close(found.var, F.linear(x.square(), weight.square()))

    plain = TrainingOnly(called=False).double()
    assert torch.equal(analytic(AveragedModel(plain), x).var, analytic(plain, x).var)

    class Guarded(TrainingOnly):
        def __init__(self):
            super().__init__(called=False)
            self.weak = weakref.ref(self.drop)

        def train(self, mode=True):
            raise RuntimeError("not to be called")

        def forward(self, x):
            return self.head(self.weak()(x))

    assert analytic(Guarded().double(), x).var.min() > 0


def test_the_probability_is_that_of_the_pass(x):
    class Setting(TrainingOnly):
        def forward(self, x):
            self.drop.p = 0.25
            return self.head(self.drop(x))

    model = Setting(called=False).double()
    wanted = F.linear(x.square(), model.head.weight.square()) / 3
    torch.testing.assert_close(analytic(model, x).var, wanted.detach())
    assert model.drop.p == 0.5
    with pytest.raises(TypeError, match="x must be a tensor, got tuple"):
        analytic(model, (x,))


def blocks():
    """A body with a dropout layer of its own."""
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5))


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("how", ["compile", "in place", "forward", "script", "trace", "trace mode"])
@pytest.mark.parametrize("used", [True, False])
def test_dropout_in_compiled_and_scripted_blocks_is_seen(how, used, x):
    block, x = blocks(), x.float()
    if how == "compile":
        block = torch.compile(block, backend="eager")
    elif how == "in place":
        block.compile(backend="eager")
    elif how == "forward":
        block.forward = torch.compile(block.forward, backend="eager")
    elif how == "script":
        block = torch.jit.script(block)
    else:
        block = torch.jit.trace(block.train(how == "trace mode"), x, check_trace=False)
    model = nn.Sequential(block, nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 1)).eval()
    if used:
        model(x)
    with pytest.raises(ValueError, match=r"more than one|scripted code cannot be seen"):
        analytic(model, x)


def test_compiled_models_have_the_same_moments(x):
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1)).double().eval()
    wanted = analytic(model, x)
    compiled = torch.compile(model, backend="eager")
    compiled(x)
    for left, right in zip(analytic(compiled, x), wanted, strict=True):
        assert torch.equal(left, right)


@pytest.mark.parametrize(
    "hook",
    [
        lambda model: model[1].register_forward_hook(lambda m, args, out: out * 2),
        lambda model: model[1].register_forward_hook(lambda m, args, out: out.zero_()),
        lambda model: model[2].register_forward_hook(lambda m, args, out: out.relu()),
        lambda model: model.register_forward_hook(lambda m, args, out: out + 1),
        lambda model: model[2].register_forward_pre_hook(lambda m, args: args[0].relu()),
    ],
)
def test_hooks_of_others_that_change_a_value_are_seen(hook):
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5), nn.Linear(2, 1))
    hook(model)
    with pytest.raises(ValueError, match="is not followed by"):
        analytic(model, torch.ones(1, 4))


# -- numbers ------------------------------------------------------------------------------------
def one_unit(h, w, p=0.5, dtype=torch.float32, n=2):
    """Variance of w h m / q summed over n units."""
    head = nn.Sequential(nn.Dropout(p), nn.Linear(n, 1, bias=False)).to(dtype)
    nn.init.constant_(head[1].weight, w)
    found = analytic(head, torch.full((1, n), h, dtype=dtype))
    return found, head[1].weight[0, 0].item(), torch.tensor(h, dtype=dtype).item()


@pytest.mark.parametrize(
    ("dtype", "h", "w"),
    [
        *((torch.float16, 300.0, 0.01), (torch.float16, 100.0, 1e-4), (torch.float16, 6e4, 1e-7)),
        *((torch.bfloat16, 1e30, 1e-30), (torch.bfloat16, 1e-30, 1e30)),
        *((torch.float32, 1e30, 1e-30), (torch.float32, 1e-38, 1e38), (torch.float32, 3e38, 1e-44)),
        *((torch.float64, 1e250, 1e-250), (torch.float64, 1e-300, 1e300)),
    ],
)
@pytest.mark.parametrize("p", [1e-300, 0.25, 1 - 2**-20])
def test_numbers_at_the_ends_of_their_range(dtype, h, w, p):
    found, w, h = one_unit(h, w, p, dtype)
    half = dtype in (torch.float16, torch.bfloat16)
    assert found.mean.dtype == found.var.dtype == (torch.float32 if half else dtype)
    assert found.var.item() == pytest.approx(2 * p / (1 - p) * (w * h) ** 2, rel=1e-6, abs=1e-40)
    assert found.mean.item() == pytest.approx(2 * w * h, rel=1e-6)


def test_one_scale_does_not_hide_the_other():
    """Units and outputs of very different size, beside each other."""
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2, bias=False))
    with torch.no_grad():
        head[1].weight.copy_(torch.tensor([[1e-30, 1e-10, 0.0], [1e-12, 0.0, 1e30]]))
    h = torch.tensor([[1e30, 1e10, 1e-30], [0.0, 0.0, 0.0]])
    wanted = F.linear(h.double().square(), head[1].weight.double().square())
    torch.testing.assert_close(analytic(head, h).var.double(), wanted, rtol=1e-6, atol=0)


def test_numbers_that_are_none():
    head = nn.Sequential(nn.Dropout(1.0), nn.Linear(2, 1))
    for moments in (
        analytic(head, torch.full((1, 2), torch.inf)),
        analytic(head, torch.ones(1, 2)),
    ):
        assert moments.mean.item() == head[1].bias.item()
        assert moments.var.item() == 0
    found, *_ = one_unit(torch.inf, 1.0)
    assert found.var.item() == torch.inf
    assert analytic(nn.Sequential(nn.Dropout(), nn.Linear(3, 2)), torch.ones(0, 3)).var.shape == (
        0,
        2,
    )
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found, *_ = one_unit(3.0, 0.5)
        assert (found.mean.item(), found.var.item()) == (3.0, 4.5)
    layer = nn.Dropout()
    layer.p = 1.5
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], got p=1.5"):
        analytic(nn.Sequential(layer, nn.Linear(2, 1)), torch.ones(1, 2))


def test_complex_numbers():
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2, dtype=torch.complex64))
    h = torch.randn(4, 3, dtype=torch.complex64)
    mean, var = analytic(head, h)
    torch.testing.assert_close(mean, head[1](h).detach())
    wanted = F.linear(h.abs().square(), head[1].weight.abs().square()).detach()
    torch.testing.assert_close(var, wanted)


# -- other threads ------------------------------------------------------------------------------
def test_other_threads_see_nothing(x):
    """Plain predictions, modes, hooks, buffers and random numbers between those of `analytic`."""
    body = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU()
    model = nn.Sequential(*body, nn.Dropout(0.5), nn.Linear(8, 2)).double().train()
    model[1].eval()
    model[3].eval()
    wanted, plain = analytic(model, x), model(x).detach()
    done = threading.Event()
    seen = []

    def predict():
        while not done.is_set():
            with torch.no_grad():
                seen.append(torch.equal(model(x), plain))
            modes = [module.training for module in model.modules()]
            seen.append(modes == [True, True, False, True, False, True])
            seen.append(not any(module._forward_hooks for module in model.modules()))

    torch.manual_seed(0)
    state = torch.get_rng_state()
    with ThreadPoolExecutor(5) as pool:
        watch = pool.submit(predict)
        found = list(pool.map(lambda _: analytic(model, x), range(200)))
        done.set()
        watch.result()
    assert len(seen) > 100
    assert all(seen)
    assert all(torch.equal(one.var, wanted.var) for one in found)
    assert torch.equal(torch.get_rng_state(), state)
    assert model[1].num_batches_tracked == 0


def test_others_may_train_replace_and_set_at_the_same_time():
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.25), nn.Linear(8, 1))
    x = torch.randn(5, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)

    lock = threading.Lock()

    def train(i):
        with lock:
            model(x).mean().backward()
            optimizer.step()

    def change(i):
        ours.replace(model, back=i % 2 == 1)
        schedules.set_probabilities(model, 0.25 + 0.25 * (i % 2))

    def predict(i):
        assert analytic(model, x).var.min() >= 0

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda i: (train, change, predict, predict)[i % 4](i // 4), range(400)):
            pass
    assert model.training


def test_what_is_no_model_is_refused(x):
    with pytest.raises(TypeError, match="got function"):
        analytic(lambda x: x, x)


def test_examples():
    assert doctest.testmod(module).failed == 0


def test_package_gives_the_function_each_time():
    from dropoutlib import bayes

    assert bayes.analytic is bayes.analytic is analytic


def test_gaussian_noise_without_a_variance_is_refused():
    layer = ours.GaussianDropout(0.5)
    layer.p = 1.0  # as a schedule may set it; the layer itself refuses its next input
    with pytest.raises(ValueError, match="infinite variance"):
        analytic(nn.Sequential(layer, nn.Linear(2, 1)), torch.ones(1, 2))
