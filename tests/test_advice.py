"""The experiments of the chapter Practice: their parts, their controls, and the verdicts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from book.experiments import (
    advice,
    encoder,
    images,
    registry,
    results,
    statistics,
    structures,
    verdicts,
)
from book.experiments.networks import stream
from book.experiments.studies import advice_mlp, advice_structured
from dropoutlib.layers import dropblock_rate

KNOWN = registry.experiments()


def settings(id, **changed):
    return KNOWN[id].versions["small"].settings | changed


# Splits.


@pytest.mark.parametrize("name", ["digits", "mnist_5k"])
def test_rows_that_judge_are_never_trained_with(name):
    def rows(found):
        return {row.tobytes() for row in np.concatenate(list(found))}

    x, y, held_out, _ = images.parts(name, 500, (0, 1, 2), "held out")
    *_, test, _ = images.parts(name, 500, (0,), "test")
    assert x.shape[:2] == y.shape == (3, 500)
    assert not rows(x) & rows([held_out])
    assert not (rows(x) | rows([held_out])) & rows([test])
    assert not np.array_equal(x[0], x[1])
    x, _, test, _ = images.parts(name, 500, (0, 1, 2), "test")
    assert not rows(x) & rows([test])


@pytest.mark.parametrize("change", [{"rows": 2000}, {"rows": 0}, {"judged_by": "training"}])
def test_wrong_split_is_refused(change):
    with pytest.raises(ValueError, match=r"rows|judged_by"):
        images.parts(**{"name": "digits", "rows": 100, "seeds": (0,), "judged_by": "test"} | change)


# Layers of several seeds.


@pytest.mark.parametrize(
    ("theirs", "shape"), [(torch.nn.BatchNorm1d, (40, 5)), (torch.nn.BatchNorm2d, (40, 5, 3, 4))]
)
def test_batch_normalisation_is_that_of_torch(theirs, shape, rng):
    x = torch.from_numpy(rng.normal(2, 3, size=(2, *shape))).float()
    layer, singles = structures.SeedBatchNorm(2, 5).train(), [theirs(5) for _ in range(2)]
    for training in (True, True, False):  # the running statistics are of two batches
        layer.train(training)
        wanted = torch.stack([single.train(training)(x[s]) for s, single in enumerate(singles)])
        torch.testing.assert_close(layer(x), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_that_of_torch(stride, rng):
    x = torch.from_numpy(rng.normal(size=(2, 4, 3, 6, 5))).float()
    layer = structures.SeedConv(3, 7, [stream(seed, "weights") for seed in range(2)], stride)
    with torch.no_grad():
        layer.linear.bias.normal_()
    for seed in range(2):
        weight = layer.linear.weight[seed].T.reshape(7, 3, 3, 3)
        wanted = F.conv2d(x[seed], weight, layer.linear.bias[seed, 0], stride=stride, padding=1)
        torch.testing.assert_close(layer(x)[seed], wanted, rtol=1e-4, atol=1e-5)


def test_shift_moves_images_whole():
    images = torch.zeros(1, 500, 8, 8)
    images[..., 3, 4] = 1
    layer = structures.SeedShift(2, 8, [stream(0, "shifts")]).train()
    moved = layer(images.flatten(2)).unflatten(2, (8, 8))
    assert torch.equal(moved.sum(dim=(2, 3)), torch.ones(1, 500))
    places = {tuple(place) for place in moved[0].nonzero()[:, 1:].tolist()}
    assert places == {(i, j) for i in range(1, 6) for j in range(2, 7)}
    assert layer.eval()(images) is images


def test_channels_drop_whole_and_blocks_at_their_rate():
    x = torch.ones(2, 200, 16, 8, 8)
    rngs = [stream(seed, "masks") for seed in range(2)]
    channels = structures.StructuredDropout(0.3, rngs).train()(x)
    values = torch.unique(channels.mean(dim=(3, 4)).round(decimals=4)).tolist()
    assert values == pytest.approx([0.0, 1 / 0.7], abs=1e-3)
    assert abs((channels == 0).float().mean() - 0.3) < 6 * np.sqrt(0.21 / 6400)
    blocks = structures.StructuredDropout(0.3, rngs, block=3).train()(x)
    # A map's fraction has variance below 1/4, and there are 6400 maps.
    assert abs((blocks == 0).float().mean() - dropblock_rate(0.3, 3, 8, 8)) < 6 * 0.5 / 80
    torch.testing.assert_close(blocks.mean(dim=(1, 2, 3, 4)), torch.ones(2), rtol=1e-4, atol=1e-4)


# Controls: nothing dropped is no difference.


def test_position_of_nothing_dropped_does_not_matter():
    run = KNOWN["R12"].function
    arms = [run((0, 1), arm, **settings("R12", p=0.0)) for arm in ("none", "before", "after")]
    assert arms[0] == arms[1] == arms[2]


def test_schedules_at_zero_are_no_dropout():
    common = {
        "judged_by": "test",
        "rows": 100,
        "width": 16,
        "steps": 20,
        "batch_size": 50,
        "lr": 0.01,
    }
    plain = advice_mlp.train((0, 1), "digits", **common)
    for kind in ("curriculum", "early", "late"):
        schedule = advice_mlp.schedule(kind, 0.0, 20)
        assert advice_mlp.train((0, 1), "digits", schedule=schedule, **common) == plain

    def constant(step):
        return 0.5

    assert advice_mlp.train((0, 1), "digits", schedule=constant, **common) != plain
    assert advice_mlp.train((0, 1), "digits", p=0.5, **common) == advice_mlp.train(
        (0, 1), "digits", schedule=constant, **common
    )


@pytest.mark.parametrize("kind", ["unit", "channel", "block"])
def test_convolutions_at_zero_are_the_same(kind):
    x = torch.from_numpy(stream(0, "x").standard_normal((2, 5, 64))).float()
    plain = advice_structured.ConvNet((0, 1), 4, "unit", 0.0).train()
    assert torch.equal(advice_structured.ConvNet((0, 1), 4, kind, 0.0).train()(x), plain(x))
    assert not torch.equal(advice_structured.ConvNet((0, 1), 4, kind, 0.3).train()(x), plain(x))


def test_drop_path_at_zero_is_no_dropout():
    x = torch.from_numpy(stream(0, "x").standard_normal((2, 5, 8, 8))).float()
    plain, dropped = (
        encoder.SeedEncoder((0, 1), 8, 8, 8, 2, rates) for rates in ([0.0, 0.0], [0.0, 0.5])
    )
    assert torch.equal(plain.train()(x), dropped.eval()(x))
    assert not torch.equal(plain(x), dropped.train()(x))
    assert torch.equal(plain.eval()(x), plain.train()(x))


# Verdicts.


def judged(held):
    return advice.Judged(advice=advice.ADVICE[0], comparisons={}, asserted=dict(enumerate(held)))


@pytest.mark.parametrize(
    ("held", "verdict"),
    [
        ([True, True], "supported"),
        ([True, False], "depends"),
        ([False, False], "not supported"),
    ],
)
def test_verdict_follows_from_what_is_asserted(held, verdict):
    assert judged(held).verdict == verdict


FOR, AGAINST, AROUND = (0.01, 0.02), (-0.02, -0.01), (-0.01, 0.01)


@pytest.mark.parametrize(
    ("asserted", "interval", "equivalent", "word"),
    [
        (True, FOR, False, "supported"),
        (True, FOR, True, "supported"),
        (False, FOR, False, "undecided"),
        (False, AGAINST, False, "contradicted"),
        (False, (-0.01, 0.0), False, "undecided"),
        (False, AROUND, False, "undecided"),
        (False, AROUND, True, "equivalent"),
        (False, AGAINST, True, "contradicted"),
    ],
)
def test_answer_is_one_of_four_words_by_rule(asserted, interval, equivalent, word):
    assert verdicts.answer(asserted, interval, equivalent) == word
    assert word in verdicts.WORDS


def test_contrast_is_the_difference_of_its_arms():
    found = results.Results(id="T", title="t", version="full", settings={})
    for seed in range(3):
        for arm, value in (("one", 5.0), ("other", 2.0 + seed)):
            found.add(seed, arm, {"error": value}, 0, {})
    contrast = advice.Contrast(metric="error", arms={"one": 1, "other": -1})
    np.testing.assert_array_equal(contrast.values(found), [3, 2, 1])
    same = advice.Contrast(metric="error", arms={"one": 1}, offset=-5.0)
    np.testing.assert_array_equal(same.values(found), 0)


def test_table_is_judged_as_a_whole_and_arms_swapped_are_not_asserted():
    table = advice.judge()
    every = [c for row in table for c in row.comparisons.values()]
    _, asserted = statistics.holm(every)
    assert [held for row in table for held in row.asserted.values()] == asserted.tolist()
    for row in table:
        for name, gain in advice.gains(row.advice).items():
            if row.asserted[name]:
                assert not statistics.greater(-gain, 0.0, 0.0)
