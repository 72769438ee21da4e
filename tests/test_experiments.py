"""Experiments: the runner, the small networks, and every stored result held to its experiment."""

import json

import joblib
import numpy as np
import pytest
import torch

from book import data
from book.experiments import __main__ as command
from book.experiments import images, networks, registration, registry, results, runner, training

KNOWN = registry.experiments()


# The runner, with an experiment that costs nothing.


def toy(seed, arm, *, gain):
    if CALLS is not None:
        CALLS.append((seed, arm))
    if (seed, arm) == STOP:
        raise KeyboardInterrupt
    return {"score": seed + gain * (arm == "b"), "curve": [seed, 1]}


def toy_batch(seeds, arm, *, gain):
    return [toy(seed, arm, gain=gain) for seed in seeds]


CALLS, STOP = None, None


def make(function=toy, gain=2, **more):
    version = registry.Version(settings={"gain": gain}, seeds=(0, 1, 2))
    pilot = registry.Version(settings={"gain": gain}, seeds=(100,))
    return registry.Experiment(
        id="Z1",
        title="a toy",
        function=function,
        arms=("a", "b"),
        versions={"full": version, "small": version, "pilot": pilot},
        **more,
    )


@pytest.fixture
def calls(monkeypatch):
    made = []
    monkeypatch.setattr("test_experiments.CALLS", made)
    return made


def run(experiment, folder, **more):
    return runner.run(experiment, folder=folder, progress=False, **more)


def test_results_are_stored_by_seed_and_arm(tmp_path):
    found = run(make(), tmp_path)
    assert results.load("Z1", folder=tmp_path) == found
    assert found.seeds == [0, 1, 2]
    np.testing.assert_array_equal(found.values("b", "score") - found.values("a", "score"), 2)
    assert found.values("a", "curve").shape == (3, 2)
    assert found.settings == {"gain": 2}
    (environment,) = found.environments
    assert environment["torch"] == torch.__version__
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["Z1.json"]


def test_numbers_are_stored_with_few_digits():
    third = 1 / 3
    found = results.Results(id="Z1", title="a toy", version="full", settings={})
    metrics = {"one": third, "lists": [[third, 2], 1e-9 * third], "whole": 123456789, "no": None}
    found.add(0, "a", metrics, 1.0, {})
    stored = {"one": 0.33333333, "lists": [[0.33333333, 2], 3.3333333e-10]}
    assert found.records[0]["metrics"] == metrics | stored


def test_what_is_stored_is_not_run_again(tmp_path, calls):
    run(make(), tmp_path)
    assert calls == [(seed, arm) for seed in range(3) for arm in "ab"]
    calls.clear()
    run(make(), tmp_path)
    assert calls == []


def test_other_settings_are_run_again(tmp_path, calls):
    run(make(), tmp_path)
    calls.clear()
    found = run(make(gain=3), tmp_path)
    assert len(calls) == 6
    np.testing.assert_array_equal(found.values("b", "score") - found.values("a", "score"), 3)


def test_interrupted_run_is_taken_up(tmp_path, calls, monkeypatch):
    monkeypatch.setattr("test_experiments.STOP", (1, "b"))
    with pytest.raises(KeyboardInterrupt):
        run(make(), tmp_path)
    assert len(results.load("Z1", folder=tmp_path).records) == 3
    monkeypatch.setattr("test_experiments.STOP", None)
    calls.clear()
    found = run(make(), tmp_path)
    assert calls == [(1, "b"), (2, "a"), (2, "b")]
    assert len(found.records) == 6


def test_interrupted_writing_keeps_the_last_file(tmp_path, monkeypatch):
    found = run(make(), tmp_path)

    def interrupt(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(results.os, "replace", interrupt)
    found.add(9, "a", {"score": 1}, 0, {})
    with pytest.raises(KeyboardInterrupt):
        results.save(found, tmp_path)
    assert results.load("Z1", folder=tmp_path).seeds == [0, 1, 2]
    assert len(list((tmp_path / "full").iterdir())) == 1


@pytest.mark.parametrize("size", [2, 8])
def test_seeds_are_run_in_batches(tmp_path, calls, size):
    found = run(make(toy_batch, batch=size), tmp_path)
    alone = run(make(), tmp_path / "alone")
    for arm in "ab":
        np.testing.assert_array_equal(found.values(arm, "score"), alone.values(arm, "score"))


def test_any_backend_gives_the_same(tmp_path):
    with joblib.parallel_config(backend="threading"):
        found = run(make(), tmp_path, jobs=2)
    assert [r["metrics"] for r in found.records] == [
        r["metrics"] for r in run(make(), tmp_path / "one").records
    ]


def test_missing_set_is_told_before_anything_runs(tmp_path, calls, monkeypatch):
    monkeypatch.delenv("DROPOUTLIB_DATA", raising=False)
    experiment = make()
    experiment.versions["full"].settings["data"] = "mnist"
    with pytest.raises(data.DatasetNotFoundError):
        run(experiment, tmp_path)
    assert calls == []


def test_missing_results_say_how_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m book.experiments Z1 --version full"):
        results.load("Z1", folder=tmp_path)
    with pytest.raises(KeyError, match="no arm 'c'"):
        run(make(), tmp_path).values("c", "score")


def test_hours_come_from_the_stored_seconds(tmp_path):
    assert runner.hours([make()], folder=tmp_path) == (0, ["Z1"])
    found = run(make(), tmp_path)
    found.records = [dict(record, seconds=7200) for record in found.records[:3]]
    results.save(found, tmp_path)
    assert runner.hours([make()], folder=tmp_path) == (6, [])  # 6 runs of 2 hours, on two cores


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pilot": (2,)}, "a seed that sets the margin"),
        ({"full": ()}, "needs seeds"),
        ({"full": (1, 1)}, "each once"),
    ],
)
def test_wrong_seeds_are_refused(change, complaint):
    versions = {
        name: registry.Version(settings={}, seeds=change.get(name, seeds))
        for name, seeds in {"full": (1, 2), "small": (1,), "pilot": (9,)}.items()
    }
    with pytest.raises(ValueError, match=complaint):
        registry.Experiment(id="T", title="t", function=toy, arms=("a",), versions=versions)


def test_command_compares_with_what_is_stored(tmp_path, capsys, monkeypatch):
    stored = run(make(), tmp_path / "stored")
    monkeypatch.setattr(command, "experiments", lambda: {"Z1": make()})
    real = results.read
    monkeypatch.setattr(
        results,
        "read",
        lambda id, version, folder=None: real(id, version, folder) if folder else stored,
    )
    assert command.main(["Z1", "--folder", str(tmp_path / "new")]) == 0
    printed = capsys.readouterr().out
    assert "hours on two cores, and Z1 which nobody has timed" in printed
    assert "Z1 b: score 3, stored 3, no seed moved by more than 0" in printed


# The networks of several seeds.


def test_seeds_do_not_share_anything(rng):
    x = rng.normal(size=(64, 5)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)

    def trained(seeds):
        net = networks.mlp((5, 8, 8, 2), seeds, p_hidden=0.5, p_input=0.2)
        training.fit(net, x, y, seeds, epochs=3, batch_size=16, lr=0.1, max_norm=2.0)
        return training.outputs(net, x)

    together = trained([3, 4, 5])
    for position, seed in enumerate([3, 4, 5]):
        np.testing.assert_allclose(trained([seed])[0], together[position], rtol=1e-4, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.01
    np.testing.assert_array_equal(trained([3]), trained([3]))


def test_arms_share_weights_and_p_0_changes_nothing():
    plain, dropped = (networks.mlp((4, 6, 2), [7], p_hidden=p) for p in (0.0, 0.5))
    for one, other in zip(plain.parameters(), dropped.parameters(), strict=True):
        assert torch.equal(one, other)
    x = torch.ones(1, 3, 4)
    assert torch.equal(plain.train()(x), plain.eval()(x))
    assert torch.equal(dropped.eval()(x), plain(x))


@pytest.mark.parametrize("gaussian", [False, True])
def test_noise_has_mean_one_and_the_variance_of_dropout(gaussian, seed):
    layer = networks.SeedDropout(0.2, [networks.stream(seed, "masks")], gaussian)
    noise = layer.train()(torch.ones(1, 1000, 1000, dtype=torch.float64)).numpy()
    # Six standard errors of the mean and, with fourth moments below 4, of the variance.
    assert abs(noise.mean() - 1) < 6 * 0.5 / 1000
    assert abs(noise.var() - 0.25) < 6 * 2 / 1000
    assert len(np.unique(noise)) == 2 or gaussian


def test_norms_are_clipped_in_hidden_layers_only():
    net = networks.mlp((30, 20, 3), [0, 1])
    before = [p.detach().clone() for p in net.parameters()]
    networks.clip_norms(net, 0.5)
    first, _, last, _ = net.parameters()
    assert first.norm(dim=1).max() <= 0.5 + 1e-6
    torch.testing.assert_close(
        torch.nn.functional.normalize(first, dim=1),
        torch.nn.functional.normalize(before[0], dim=1),
    )
    assert torch.equal(last, before[2])


def test_training_takes_the_gradient_of_each_seed_alone(rng):
    x = rng.normal(size=(2, 8, 3))
    w = rng.normal(size=3)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        net = networks.mlp((3, 1), [0, 1])
        start = net[-1].weight.detach().numpy().copy()
        training.fit(net, x, x @ w, [0, 1], epochs=1, batch_size=8, lr=0.1, momentum=0)
    finally:
        torch.set_default_dtype(default)
    for s in range(2):
        gradient = x[s].T @ (x[s] @ start[s] - (x[s] @ w)[:, None]) / 8
        np.testing.assert_allclose(net[-1].weight[s].detach(), start[s] - 0.1 * gradient)


def test_training_ends_when_told_and_without_decay_keeps_its_rate(rng):
    x, y = rng.normal(size=(20, 3)).astype(np.float32), np.arange(20) % 2
    seen = []

    def weights(decay, epochs, stop):
        net = networks.mlp((3, 4, 2), [0])

        def note(epoch, net):
            seen.append((epoch, net.training))
            return epoch == stop

        step = {"batch_size": 20, "lr": 0.1, "decay": decay, "on_epoch": note}
        training.fit(net, x, y, [0], epochs=epochs, **step)
        assert not net.training
        return net[1].weight.detach().clone()

    assert torch.equal(weights(False, 9, 3), weights(False, 4, None))
    assert seen == [(epoch, False) for epoch in range(4)] * 2
    assert not torch.equal(weights(True, 9, 3), weights(True, 4, None))


# Subsets of images.


def test_subsets_are_drawn_by_the_seed_and_not_judged_by():
    x, y, x_test, y_test = images.splits("mnist_5k", 100, (0, 1), 50)
    assert x.shape == (2, 50, 784)
    assert y.shape == (2, 50)
    assert x_test.shape == (2, 100, 784)
    assert y_test.shape == (2, 100)
    assert x.min() == 0
    assert x.max() == 1
    for s in range(2):
        rows = {row.tobytes() for row in x[s]}
        assert len(rows) == 50
        assert not rows & {row.tobytes() for row in x_test[s]}
    assert {row.tobytes() for row in x[0]} != {row.tobytes() for row in x[1]}
    np.testing.assert_array_equal(images.split("mnist_5k", 100, 1, 50)[0], x[1])
    with pytest.raises(ValueError, match="rows=4901 of mnist_5k, which has 4900"):
        images.split("mnist_5k", 100, 0, 4901)


def test_metrics_are_computed_by_hand():
    logits = np.log([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]])
    found = training.classification_metrics(logits, np.array([0, 0, 1]))
    assert found["wrong"] == [1, 2]
    assert found["error"] == 2 / 3
    assert found["nll"] == pytest.approx(-np.log([0.7, 0.4, 0.1]).mean())
    assert training.regression_metrics([[1.0], [3.0]], [0.0, 1.0]) == {"rmse": np.sqrt(2.5)}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"batch_size": 9}, "batch_size=9 does not fit 8 rows"), ({"optimizer": "x"}, "'x'")],
)
def test_wrong_training_is_refused(change, complaint):
    net, settings = networks.mlp((3, 2), [0]), {"epochs": 1, "batch_size": 4, "lr": 0.1}
    x, y = np.zeros((8, 3), np.float32), np.zeros(8, np.int64)
    with pytest.raises(ValueError, match=complaint):
        training.fit(net, x, y, [0], **(settings | change))


# What is stored, of every experiment.

# Pilots that are not whole, of which the test behind the next one says what they are.
PARTIAL = {("Q6", "pilot"), ("Q7", "pilot"), ("Q10", "pilot"), ("U3", "pilot")}


@pytest.mark.parametrize(
    ("experiment", "version"),
    [
        pytest.param(experiment, version, id=f"{id}-{version}")
        for id, experiment in KNOWN.items()
        for version in registry.VERSIONS
        if (id, version) not in PARTIAL
    ],
)
def test_stored_results_are_complete_and_of_today_s_settings(experiment, version):
    if version == "full" and results.read(experiment.id, version) is None:
        assert registration.digest(experiment.id), "only what is registered may wait to be run"
        pytest.skip(f"{experiment.id} is registered and not run in full yet")
    found = results.load(experiment.id, version)
    wanted = experiment.versions[version]
    assert found.settings == json.loads(json.dumps(wanted.settings))
    assert found.title == experiment.title
    assert runner.missing(experiment, version, found) == []
    assert {record["arm"] for record in found.records} == set(experiment.arms)
    assert found.seeds == sorted(wanted.seeds)
    assert set(found.data) == set(wanted.data)
    assert all(entry["licence"] and entry["citation"] for entry in found.data.values())
    assert found.seconds > 0


def test_pilots_that_are_not_whole_are_what_the_pages_say():
    assert results.read("Q6", "pilot") is None
    assert results.read("Q7", "pilot") is None
    found, wanted = results.load("Q10", "pilot"), KNOWN["Q10"].versions["pilot"]
    assert found.seeds == sorted(wanted.seeds)
    assert found.settings == wanted.settings
    assert len({record["arm"] for record in found.records}) == 9
    found, wanted = results.load("U3", "pilot"), KNOWN["U3"].versions["pilot"]
    assert found.seeds == sorted(wanted.seeds)
    assert found.settings | {"data": wanted.settings["data"]} == wanted.settings
    arms = {arm for arm in KNOWN["U3"].arms if arm.startswith("concrete: ")}
    left = {arm for _, arm in runner.missing(KNOWN["U3"], "pilot", found)}
    assert arms & left == {"concrete: dropout, targets permuted"}
    others = {record["arm"] for record in found.records} - arms
    assert others == {f"power: {kind}" for kind in ("none", "none again", "dropout", "p=0.2")}


@pytest.mark.parametrize("experiment", KNOWN.values(), ids=KNOWN)
def test_small_version_is_stored(experiment):
    assert results.read(experiment.id, "small") is not None


@pytest.mark.parametrize(
    ("experiment", "arm"),
    [pytest.param(e, arm, id=f"{e.id}-{arm}") for e in KNOWN.values() for arm in e.arms],
)
def test_one_seed_of_the_small_version_runs_to_the_stored_end(experiment, arm):
    found = results.load(experiment.id, "small")
    first = found.seeds[: experiment.batch]
    *_, metrics, _, _ = runner.work(experiment, "small", tuple(first), arm)
    for position, fresh in enumerate(metrics):
        for name, value in fresh.items():
            old = found.values(arm, name)[position]
            if np.ndim(old) == 0:
                assert value == pytest.approx(old, rel=experiment.tolerance, abs=1e-9), name


def test_ids_are_in_the_order_of_the_book():
    assert list(KNOWN) == sorted(KNOWN, key=lambda id: (id[0], int(id[1:])))
    assert {"R1", "R14"} <= set(KNOWN)
