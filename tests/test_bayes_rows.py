"""Sequences of known layers: what is known, and that samples as rows are the same samples."""
# ruff: noqa: D102

import gc

import pytest
import torch
from mc_models import in_full
from torch import nn

from dropoutlib import nn as ours
from dropoutlib.bayes import mc_samples, rows, sampling
from dropoutlib.models import ConvNetWithDropout, MLPWithDropout

SEQUENCES = {
    "dropout first": (lambda: nn.Sequential(nn.Dropout(0.3), nn.Linear(3, 4)), (3,)),
    "dropout last": (lambda: nn.Sequential(nn.Linear(3, 4), ours.Dropout(0.3)), (3,)),
    "dropout alone": (lambda: nn.Dropout(0.3), (3,)),
    "two in a row": (lambda: nn.Sequential(nn.Dropout(0.3), nn.Dropout(0.6)), (3,)),
    "one that is off": (
        lambda: nn.Sequential(nn.Dropout(0.0), nn.Linear(3, 4), nn.Dropout(0.5), nn.Dropout(0.0)),
        (3,),
    ),
    "in place": (
        lambda: nn.Sequential(
            *(nn.ReLU(inplace=True), nn.Dropout(0.3, inplace=True), nn.SELU(inplace=True)),
            *(nn.Linear(3, 3), nn.Dropout(0.5, inplace=True), nn.ELU(inplace=True)),
        ),
        (3,),
    ),
    "nested": (
        lambda: nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), MLPWithDropout(3, [4], 2)),
        (3,),
    ),
    "sequences": (
        lambda: nn.Sequential(
            *(nn.Conv1d(2, 4, 3), nn.Dropout(0.4), nn.GELU(), nn.MaxPool1d(2)),
            *(nn.BatchNorm1d(4), nn.AvgPool1d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4, 2)),
        ),
        (2, 8),
    ),
    "images": (lambda: ConvNetWithDropout(2, 3, 0.3), (2, 8, 8)),
    "normalized images": (
        lambda: nn.Sequential(
            *(nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3, padding=1), nn.Dropout2d(0.4), nn.LeakyReLU()),
            *(nn.AdaptiveAvgPool2d(2), ours.Dropout(0.3), nn.Flatten(), nn.Linear(16, 2)),
        ),
        (2, 6, 6),
    ),
    "volumes": (
        lambda: nn.Sequential(nn.Conv3d(1, 2, 2), nn.SiLU(), nn.Dropout(0.4), nn.AvgPool3d(2)),
        (1, 4, 4, 4),
    ),
    "tokens": (lambda: MLPWithDropout(3, [5, 4], 2, 0.3), (6, 3)),
}


@pytest.fixture(params=SEQUENCES)
def example(request, seed, rng):
    torch.manual_seed(seed)
    build, shape = SEQUENCES[request.param]
    model = build().double()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model, torch.from_numpy(rng.standard_normal((3, *shape)))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("chunk", [0, 1000, 1 << 22])
def test_same_numbers_as_in_full(chunk, shared, example, seed, monkeypatch):
    model, x = example
    monkeypatch.setattr(rows, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(sampling, "Sampler", None)  # not come to
    before = x.clone()
    samples = mc_samples(model, x, 11, rng=seed, shared_mask=shared)
    assert torch.equal(x, before)
    monkeypatch.undo()
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 11, rng=seed, shared_mask=shared), samples)


def known(model, x):
    return rows.known_layers(model, x) is not None


def test_examples_are_known(example):
    assert known(*example)


class Subclass(nn.Linear):
    """May do anything."""


class Reordered(nn.Sequential):
    """Does not call its layers in order."""

    def forward(self, x):
        return self[1](self[0](x.flip(0)))


def hooked():
    layer = nn.Linear(3, 3)
    layer.register_forward_hook(lambda module, args, output: output.mean(0, keepdim=True))
    return layer


def prepared():
    layer = nn.Linear(3, 3)
    layer.register_forward_pre_hook(lambda module, args: args[0].flip(0))
    return layer


def compiled():
    layer = nn.Linear(3, 3)
    layer.compile(backend="eager")
    return layer


def normalized():
    return nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))


def patched_as_a_whole():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3))
    model.forward = lambda x: x
    return model


def patched():
    layer = nn.Linear(3, 3)
    layer.forward = lambda x: x
    return layer


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Sequential(nn.Dropout(0.5), Subclass(3, 3)), (2, 3)),
        (Reordered(nn.Dropout(0.5), nn.Linear(3, 3)), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), hooked()), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), prepared()), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), compiled()), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), patched()), (2, 3)),
        (patched_as_a_whole(), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), normalized()), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3, track_running_stats=False)), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), nn.Softmax(dim=0)), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), nn.Flatten(0)), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), nn.LSTM(3, 3)), (2, 3)),
        (nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3)), (3,)),
        (nn.Sequential(nn.Dropout(0.5), nn.Conv2d(2, 2, 1)), (2, 3, 3)),
        (nn.Sequential(nn.Dropout2d(0.5)), (2, 3, 3)),
        (nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3)), (2, 3, 2, 2)),
        (nn.Sequential(nn.Dropout(0.5), nn.MaxPool1d(2, return_indices=True)), (2, 3, 4)),
        (nn.Sequential(nn.Dropout(0.5)), (0, 3)),
        (nn.Sequential(nn.Dropout(0.0)), (2, 3)),
        (nn.Sequential(nn.Dropout(1.0)), (2, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_what_may_not_treat_rows_alike_is_not_known(model, shape):
    assert not known(model, torch.ones(shape))


def test_axes_that_a_layer_refuses_are_refused():
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match="expected 2D or 3D input"):
        mc_samples(model, torch.ones(2, 3, 2, 2), 3)


def test_hooks_on_all_modules_change_samples_as_they_change_passes():
    def hook(module, args, output):
        return output.clamp(max=1.0)

    model, x = nn.Sequential(nn.Dropout(0.5)), torch.ones(2, 3)
    handle = nn.modules.module.register_module_forward_hook(hook)
    try:
        assert mc_samples(model, x, 50, rng=0).max() == 1
    finally:
        handle.remove()
    assert mc_samples(model, x, 50, rng=0).max() == 2


@pytest.mark.parametrize("training", [False, True])
def test_modes_neither_matter_nor_change(training, example, seed):
    """Normalization in training mode would mix the rows of all samples, and learn from them."""
    model, x = example
    expected = mc_samples(model.eval(), x, 5, rng=seed)
    model.train(training)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert torch.equal(mc_samples(model, x, 5, rng=seed), expected)
    assert all(module.training is training for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_normalization_by_the_batch_is_of_one_sample(seed, rng, monkeypatch):
    """Without running statistics it normalizes in evaluation, too, by the rows that it gets."""
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3, track_running_stats=False))
    x = torch.from_numpy(rng.standard_normal((4, 3)).astype("float32"))
    samples = mc_samples(model, x, 7, rng=seed)
    torch.testing.assert_close(samples.mean(1), torch.zeros(7, 3))
    with pytest.raises(ValueError, match="more than 1 value") as caught:
        mc_samples(model, x, 7, rng=seed, shared_mask=True)
    assert "shared_mask=True runs rows alone" in caught.value.__notes__[0]
    in_full(monkeypatch)
    torch.testing.assert_close(mc_samples(model, x, 7, rng=seed), samples)


def test_modules_that_are_to_train_are_not_passed_over(seed):
    """What `also` names is in training mode, and normalization then by the batch."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
    x = torch.randn(4, 3)
    kept = 2 * nn.functional.batch_norm(x, None, None, training=True)
    samples = mc_samples(model, x, 9, rng=seed, also=[nn.BatchNorm1d])
    torch.testing.assert_close(samples, torch.where(samples == 0, 0, kept))
    assert (samples != 0).any()


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.1])
def test_probability_that_was_broken_later_is_an_error(value):
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3))
    model[0].p = value
    with pytest.raises(ValueError, match="between 0 and 1"):
        mc_samples(model, torch.ones(2, 3), 5)


def test_no_memory_waits_for_a_collection_of_cycles(seed):
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2), nn.Dropout(0.5))
    mc_samples(model, torch.ones(4, 3), 5, rng=seed)  # what is made once is made here
    gc.collect()
    gc.disable()
    found = []
    try:
        for _ in range(3):  # in one of which other threads may leave something
            mc_samples(model, torch.ones(4, 3), 5, rng=seed)
            found.append(gc.collect())
    finally:
        gc.enable()
    assert min(found) == 0
