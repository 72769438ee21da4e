"""Fine-tuning: where a network starts, what each way changes, and what each kind drops."""

import numpy as np
import pytest
import torch

from book.experiments import registration, registry, results, transfer, tuning
from book.experiments.networks import SeedDropout, SeedLinear, mlp
from book.experiments.studies import fine_tuning

SEEDS = (0, 1)
SIZES = (6, 5, 4, 3)
WAYS = ("all", "to zero", "LoRA", "head only")
STUDY = registry.experiments()["F1"]


def settings(**changed):
    return STUDY.versions["small"].settings | changed


def run(arm, seeds=SEEDS, **changed):
    return fine_tuning.fine_tuning(seeds, arm, **settings(**changed))


@pytest.fixture
def net():
    found = mlp(SIZES, SEEDS).eval()
    for layer in transfer.linear(found):
        layer.bias.data.normal_(generator=torch.Generator().manual_seed(3))
    return found


@pytest.fixture
def x(rng):
    return torch.tensor(rng.normal(size=(2, 7, 6)), dtype=torch.float32)


def moved(net, by=0.1):
    """Change everything that is trained, as steps of training would."""
    with torch.no_grad():
        for each in net.parameters():
            each.add_(by)
    return net


# Where it starts, and what is trained.


@pytest.mark.parametrize("way", WAYS)
def test_it_starts_as_the_pretrained_network_and_leaves_that_alone(way, net, x):
    wanted = net(x)
    found = transfer.tuned(net, SEEDS, way, {})
    torch.testing.assert_close(found(x), wanted)
    moved(found)
    assert not torch.allclose(found(x), wanted)
    torch.testing.assert_close(net(x), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("way", ["all", "LoRA"])
def test_numbers_of_trained_weights(way, net):
    """Two hidden layers, 6 to 5 and 5 to 4, and a head of 4 to 3 with its bias."""
    head = 4 * 3 + 3
    wanted = {"all": 6 * 5 + 5 + 5 * 4 + 4, "LoRA": 4 * (6 + 5) + 4 * (5 + 4)}[way]
    found = transfer.tuned(net, SEEDS, way, {})
    assert sum(each[0].numel() for each in found.parameters()) == wanted + head


def test_with_fixed_layers_the_features_stay(net, x):
    found = moved(transfer.tuned(net, SEEDS, "head only", {}))
    below = found[:-1](x)
    np.testing.assert_allclose(below.detach(), transfer.features(net, x), rtol=1e-6)


def test_an_adapter_adds_a_product_of_low_rank():
    layer = SeedLinear(8, 9, [np.random.default_rng(s) for s in SEEDS])
    rngs = [np.random.default_rng(s) for s in SEEDS]
    found = transfer.SeedTuned(layer, rngs, way="LoRA")
    found.up.data.normal_(generator=torch.Generator().manual_seed(4))
    x = torch.eye(8).expand(2, 8, 8)
    added = (found(x) - layer(x)).detach()
    assert torch.linalg.matrix_rank(added, rtol=1e-4).tolist() == [transfer.RANK] * 2


def decayed(way, net):
    """All weights after one step of decoupled decay alone, from changes that are not zero."""
    found = moved(transfer.tuned(net, SEEDS, way, {}))
    layers = [layer for layer in found if isinstance(layer, transfer.SeedTuned)]
    before = [layer.weight + layer.change.detach().clone() for layer in layers]
    for each in found.parameters():
        each.grad = torch.zeros_like(each)
    torch.optim.AdamW(found.parameters(), lr=0.1, weight_decay=2.0).step()
    after = [(layer.weight + layer.change).detach() for layer in layers]
    return before, after


@pytest.mark.parametrize("way", ["all", "to zero"])
def test_decay_pulls_to_the_pretrained_weights_or_to_zero(way, net):
    for layer, before, after in zip(transfer.linear(net), *decayed(way, net), strict=True):
        target = layer.weight.detach() if way == "all" else 0.0
        torch.testing.assert_close(after, before - 0.2 * (before - target))


# What is dropped.


def test_mixout_sets_weights_back_and_keeps_the_mean():
    """Each weight is pretrained, or its change is divided by q (thm-mixout, part 1)."""
    layer = SeedLinear(50, 60, [np.random.default_rng(s) for s in SEEDS])
    rngs = [np.random.default_rng(s) for s in SEEDS]
    found = moved(transfer.SeedTuned(layer, rngs, mixout=0.7)).train()
    x = torch.eye(50).expand(2, 50, 50)
    change = (found(x) - layer(x) - 0.1).detach() / 0.1  # without that of the bias
    back = change.abs() < 1e-4
    torch.testing.assert_close(change[~back], torch.full_like(change[~back], 1 / 0.3))
    assert back.double().mean().item() == pytest.approx(0.7, abs=0.04)  # above five sd
    torch.testing.assert_close(found.eval()(x) - layer(x), torch.full_like(change, 0.2))


def test_dropout_of_an_adapter_leaves_the_fixed_layer_alone(x):
    layer = SeedLinear(6, 5, [np.random.default_rng(s) for s in SEEDS])
    rngs = [np.random.default_rng(s) for s in SEEDS]
    found = transfer.SeedTuned(layer, rngs, way="LoRA", lora_dropout=0.5).train()
    torch.testing.assert_close(found(x), layer(x))  # the adapter is zero as yet
    moved(found)
    assert not torch.allclose(found(x), found(x))
    inputs = torch.eye(6).expand(2, 6, 6)
    added = (found(inputs) - layer(inputs)).detach()
    whole = (found.eval()(inputs) - layer(inputs)).detach()
    gone = added.abs().sum(dim=-1) < 1e-5
    assert 0 < gone.sum() < gone.numel()
    torch.testing.assert_close(added[~gone], 2 * whole[~gone], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "rates"),
    [({}, [0, 0, 0]), ({"head dropout": 0.3}, [0, 0, 0.3]), ({"dropout": 0.3}, [0.3] * 3)],
)
def test_dropout_stands_where_the_arm_says(given, rates, net):
    found = transfer.tuned(net, SEEDS, "all", given)
    kinds = [type(layer) for layer in found if not isinstance(layer, torch.nn.ReLU)]
    assert kinds == [SeedDropout, transfer.SeedTuned] * 3
    assert [layer.p for layer in found if isinstance(layer, SeedDropout)] == rates


# The study.


def test_arms_share_the_pretrained_network_and_one_has_none():
    given = settings()
    others, how = sum(given["sizes"]), given["source"]
    nets = [
        fine_tuning.pretrained("mnist_5k", SEEDS, others, 16, **how | changed)
        for changed in ({}, {}, {"epochs": 0})
    ]
    assert nets[0] is nets[1]
    drawn = mlp((196, 16, 16, 10), SEEDS)
    for layer, learnt, wanted in zip(*map(transfer.linear, (nets[2], nets[0], drawn)), strict=True):
        torch.testing.assert_close(layer.weight, wanted.weight, rtol=0, atol=0)
        assert not torch.allclose(learnt.weight, wanted.weight)


def test_only_leaning_images_are_turned():
    x = np.random.default_rng(0).random((1, 3, 784), dtype=np.float32)
    upright, leaning = (fine_tuning.turned(x, angle) for angle in (0, 30))
    blocks = x.reshape(1, 3, 14, 2, 14, 2).mean(axis=(3, 5)).reshape(1, 3, 196)
    np.testing.assert_allclose(upright, blocks, atol=1e-6)
    assert np.abs(leaning - upright).mean() > 0.05


@pytest.mark.parametrize(
    ("arm", "axis", "base", "strength"),
    [
        ("head dropout", "head dropout", "none", 0.5),
        ("dropout", "dropout", "none", 0.3),
        ("LoRA + dropout", "LoRA dropout", "LoRA", 0.5),
        ("mixout", "mixout", "none", 0.8),
        ("L2-SP", "L2-SP", "none", 30.0),
        ("weight decay", "weight decay", "none", 30.0),
        ("label smoothing", "label smoothing", "none", 0.3),
    ],
)
def test_a_remedy_of_no_strength_is_none(arm, axis, base, strength):
    def loss(level):
        # An arm pairs strengths with learning rates; with one strength the order does not matter.
        return run(arm, levels=settings()["levels"] | {axis: [level] * 6})[0]["nll_last"]

    wanted = run(base)[0]["nll_last"]
    assert loss(0.0) == pytest.approx(wanted, rel=1e-4)
    assert abs(loss(strength) - wanted) > 1e-3


def test_permuted_labels_are_those_of_training_and_validation(monkeypatch):
    seen = []
    real = fine_tuning.measure
    monkeypatch.setattr(
        fine_tuning,
        "measure",
        lambda logits, labels, sizes: seen.append(labels.copy()) or real(logits, labels, sizes),
    )
    for arm in ("dropout", "dropout, labels permuted"):
        run(arm, seeds=(0,), epochs=1, moments=1)
    true, permuted = seen[0][0], seen[-1][0]
    np.testing.assert_array_equal(true[80:], permuted[80:])
    for part in (slice(40), slice(40, 80)):
        assert (true[part] != permuted[part]).mean() > 0.5
    np.testing.assert_array_equal(np.sort(true[:80]), np.sort(permuted[:80]))


def test_the_network_that_is_not_fine_tuned_sees_no_leaning_row():
    """Whatever is tried, it is the same network: its choice is the first."""
    (row,) = run(fine_tuning.AS_IT_WAS, seeds=(0,))
    assert row["chosen_error"] == [0, 0]
    assert len(set(row["sweep_error"])) == 1
    assert set(tuning.MEASURES) <= {name.removesuffix("_best") for name in row}


def test_from_random_weights_permuted_labels_teach_nothing():
    """A pretrained network keeps some of what it knew, so that this is no control for it."""
    source = settings()["source"] | {"epochs": 0}
    many = {"source": source, "sizes": [40, 40, 1000], "epochs": 50}
    errors = [row["error_best"] for row in run("dropout, labels permuted", **many)]
    assert np.mean(errors) > 0.85
    assert np.mean([row["error_best"] for row in run("dropout", **many)]) < 0.7


# What the text says of the results.


def words(question):
    return {
        row.contrast.better[1]: row.word
        for row in registration.judge("F1")
        if row.contrast.question == question
    }


def test_dropout_lowers_the_log_loss_and_the_rest_of_it_is_undecided():
    for question in ("head dropout", "dropout"):
        assert words(question) == {
            "error_best": "undecided",
            "nll_best": "supported",
            "scaled_best": "undecided",
            "nll_last": "supported",
        }
    single = [row for row in registration.judge("F1") if row.contrast.question == "head dropout"]
    assert all(row.interval[0] > 0 for row in single)
    assert words("every layer")["nll_best"] == "supported"
    scaled, plain = (results.load("F1").values("none", f"{m}_best") for m in ("scaled", "nll"))
    assert (scaled < plain).all()
    for question in ("mixout", "adapter dropout", "temperature instead", "again"):
        assert set(words(question).values()) == {"undecided"}


def test_what_else_is_said_of_fine_tuning():
    against = {
        "nll": ("L2-SP instead", "weight decay instead", "mixout instead", "adapter", "head only"),
        "scaled": ("label smoothing instead", "head only", "frozen features"),
        "error": ("head only", "frozen features"),
    }
    for measure, questions in against.items():
        for question in questions:
            assert words(question)[f"{measure}_best"] == "contradicted", (measure, question)
    assert words("stopping instead") == {"nll_best": "contradicted"}
    assert words("pretraining") == {
        "error_best": "supported",
        "nll_best": "undecided",
        "scaled_best": "supported",
    }
    assert "equivalent" not in {row.word for row in registration.judge("F1")}


def test_choices_lay_at_the_ends_that_the_text_names():
    found = results.load("F1")
    levels = found.settings["levels"]

    def chosen(arm):
        tried = tuning.candidates({axis: levels[axis] for axis in ("lr", arm) if axis in levels})
        return [(tried[k], moment) for k, moment in found.values(arm, "chosen_nll")]

    for arm in ("none", "L2-SP"):
        assert sum(moment == 0 for _, moment in chosen(arm)) > 8
    decays = [given["weight decay"] for given, _ in chosen("weight decay")]
    assert decays.count(max(levels["weight decay"])) > 8
    assert {given["dropout"] for given, _ in chosen("dropout")} <= {*sorted(levels["dropout"])[-2:]}


def test_the_control_with_permuted_labels_failed_as_the_text_says():
    """In the pilot too; the network errs less than a guess because it knew digits before."""
    for version in ("pilot", "full"):
        found = results.load("F1", version)
        permuted, frequent, before = (
            found.values(arm, "error_best").mean()
            for arm in ("dropout, labels permuted", "most frequent class", fine_tuning.AS_IT_WAS)
        )
        assert before + 0.2 < permuted < frequent
