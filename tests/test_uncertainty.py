"""Scores of uncertain predictions by their definitions, averages over masks, and changed images."""

import itertools

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from book.experiments import predictive, registry, scores
from book.experiments.networks import mlp
from book.experiments.studies import intervals, uncertainty
from book.experiments.training import fit
from dropoutlib.masks import enumerate_masks, mask_weights

KNOWN = registry.experiments()


def settings(id, **changed):
    return KNOWN[id].versions["small"].settings | changed


# Scores.


def test_scores_of_classes_are_computed_by_hand():
    logits = np.log([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]]) + 5
    found = scores.classified(logits, np.array([0, 0, 1]))
    assert found["error"] == pytest.approx(2 / 3)
    assert found["nll"] == pytest.approx(-np.log([0.7, 0.4, 0.1]).mean())
    assert found["brier"] == pytest.approx(np.mean([2 * 0.3**2, 2 * 0.6**2, 2 * 0.9**2]))
    # By confidence 0.9 (wrong), 0.7 (right), 0.6 (wrong).
    assert found["aurc"] == pytest.approx(np.mean([1, 1 / 2, 2 / 3]))


def test_risk_is_that_of_the_rows_that_are_kept(rng):
    confidence, wrong = rng.random(50), rng.random(50) < 0.3
    kept = [wrong[confidence >= limit].mean() for limit in confidence]
    assert scores.risk_coverage(confidence, wrong) == pytest.approx(np.mean(kept))
    assert scores.risk_coverage(-wrong.astype(float), wrong) <= np.mean(kept)


def test_missed_strangers_are_pairs_in_the_wrong_order(rng):
    inside, outside = rng.integers(0, 6, 40), rng.integers(2, 8, 30)
    pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(inside, outside)]
    assert scores.missed(inside, outside) == pytest.approx(np.mean(pairs))


def test_scores_of_mixtures_are_integrals():
    centers, noise, target = np.array([[0.0], [1.5], [-0.4]]), 0.6, 0.9

    def distribution(t):
        return stats.norm.cdf(t, centers[:, 0], noise).mean()

    below = integrate.quad(lambda t: distribution(t) ** 2, -8, target)[0]
    above = integrate.quad(lambda t: (1 - distribution(t)) ** 2, target, 10)[0]
    targets = np.array([target])
    assert scores.crps(centers, targets, noise) == pytest.approx(below + above, rel=1e-6)
    density = stats.norm.pdf(target, centers[:, 0], noise).mean()
    loss = scores.mixture_log_loss(centers, targets, noise)
    assert loss == pytest.approx(-np.log(density))


def test_an_interval_of_the_true_law_holds_nine_of_ten(rng):
    rows = 20_000
    centers = rng.normal(size=(4, rows))
    targets = centers[rng.integers(0, 4, rows), np.arange(rows)] + 0.3 * rng.normal(size=rows)
    error = 6 * np.sqrt(0.09 / rows)
    assert abs(scores.regressed(centers, targets, 0.3)["coverage"] - 0.9) < error
    assert scores.regressed(centers, targets, 0.2)["coverage"] < 0.9 - error


def test_right_noise_has_the_lowest_scores(rng):
    centers, targets = np.zeros((1, 5000)), rng.normal(size=5000)
    best, _ = intervals.fitted_noise(centers, targets)
    assert abs(np.log(best / targets.std())) < np.log(20) / 120
    right, other = (scores.regressed(centers, targets, noise) for noise in (1.0, 1.6))
    assert right["nll"] < other["nll"]
    assert right["crps"] < other["crps"]


# Predictions.


SIZES = (2, 3, 3, 2)


@pytest.fixture
def trained(rng):
    x, y = rng.normal(size=(1, 20, 2)).astype(np.float32), rng.integers(0, 2, (1, 20))
    step = {"epochs": 6, "moments": 2, "batch_size": 10}
    return x, y, step, predictive.snapshots(SIZES, [3], x, y, {"lr": 0.1}, **step)


def test_members_whose_masks_would_be_those_of_prediction_are_refused(trained):
    x, y, step, _ = trained
    with pytest.raises(ValueError, match="a third member with dropout"):
        predictive.snapshots(SIZES, [3], x, y, {"lr": 0.1, "ensemble": 3, "dropout": 0.2}, **step)


def test_snapshots_are_the_network_at_its_moments(trained):
    x, y, _, kept = trained
    assert [len(members) for members in kept] == [1, 1]
    net, more = mlp(SIZES, [3]), {"batch_size": 10, "lr": 0.1, "optimizer": "adam"}
    seen = {}
    fit(
        net,
        x,
        y,
        [3],
        epochs=6,
        **more,
        on_epoch=lambda epoch, net: seen.update({epoch: net[1].weight.detach().clone()}),
    )
    for epoch, ((weights,)) in zip((2, 5), kept, strict=True):
        torch.testing.assert_close(weights["1.weight"], seen[epoch])
    assert not torch.equal(seen[2], seen[5])


def test_members_share_the_epochs_of_one_network(trained):
    x, y, step, _ = trained
    both = predictive.snapshots(SIZES, [3], x, y, {"lr": 0.1, "ensemble": 2}, **step)
    assert [len(members) for members in both] == [2, 2]
    short = predictive.snapshots(SIZES, [3], x, y, {"lr": 0.1}, **(step | {"epochs": 3}))
    torch.testing.assert_close(both[-1][0]["1.weight"], short[-1][0]["1.weight"])
    assert not torch.equal(both[-1][0]["1.weight"], both[-1][1]["1.weight"])


def test_of_the_ensembles_that_were_tried_four_members_alone_have_fewer_epochs():
    """The chapter Predictions says how many."""
    for id, short in (("U1", {4: 2}), ("U2", {})):
        full = KNOWN[id].versions["full"].settings
        left = {n: full["epochs"] % n for n in full["levels"]["ensemble"]}
        assert {n: epochs for n, epochs in left.items() if epochs} == short


def test_passes_average_over_all_masks(trained):
    x, _, _, (_, (weights,)) = trained
    p, passes = 0.4, 20_000
    one, other, last = (
        (weights[f"{k}.weight"][0].numpy(), weights[f"{k}.bias"][0].numpy()) for k in (1, 4, 7)
    )
    exact = 0
    masks = enumerate_masks(6)
    for mask, chance in zip(masks, mask_weights(masks, p), strict=True):
        hidden = np.maximum(x[0] @ one[0] + one[1], 0) * mask[:3] / (1 - p)
        hidden = np.maximum(hidden @ other[0] + other[1], 0) * mask[3:] / (1 - p)
        logits = hidden @ last[0] + last[1]
        exact = exact + chance * np.exp(logits - np.logaddexp.reduce(logits, 1, keepdims=True))
    (plain,) = predictive.draws(SIZES, [3], [weights], x, p)
    apart = np.abs(np.exp(predictive.log_mean(plain[None]))[0] - exact).max(axis=1)
    far = int(apart.argmax())
    assert apart[far] > 0.03
    many = np.repeat(x[:, [far]], passes, axis=1)  # each row has masks of its own
    drawn = predictive.draws(SIZES, [3], [weights], many, p, 1)
    found = np.exp(predictive.log_mean(drawn[0, 0][:, None]))
    assert np.abs(found - exact[far]).max() < 6 * 0.5 / np.sqrt(passes)


def test_passes_without_a_rate_are_one_pass(trained):
    x, _, _, (_, members) = trained
    one, many = (predictive.draws(SIZES, [3], members, x, 0.0, passes) for passes in (0, 4))
    assert (len(one), len(many)) == (1, 4)
    np.testing.assert_array_equal(many, np.repeat(one, 4, axis=0))


# Images that are changed, and rows.


def corner(side=6):
    images = np.zeros((1, 40, side, side), dtype=np.float32)
    images[..., 1, 2] = 1
    return images


def test_images_move_along_both_axes_and_nothing_comes_back():
    found = uncertainty.changed(corner(), "moved", 2, [np.random.default_rng(0)])[0]
    places = {tuple(np.argwhere(image)[0]) if image.any() else None for image in found}
    assert places == {(3, 4), (3, 0), None}  # up is out of the picture


def test_images_turn_and_noise_stays_within_grey():
    images = corner()
    turned = uncertainty.changed(images, "turned", 90, [])
    np.testing.assert_allclose(turned, np.rot90(images, axes=(2, 3)), atol=1e-5)
    noisy = uncertainty.changed(
        np.full((1, 50, 9, 9), 0.5, np.float32), "noise", 0.1, [np.random.default_rng(0)]
    )
    assert noisy.std() == pytest.approx(0.1, rel=0.05)
    assert np.ptp(uncertainty.changed(images, "noise", 1.0, [np.random.default_rng(0)])) == 1
    with pytest.raises(ValueError, match="kind must be"):
        uncertainty.changed(images, "mirrored", 1, [])


def test_no_seed_shares_a_row_and_no_part_holds_a_stranger():
    given = settings("U1")
    arguments = (tuple(given["data"]), (0, 1), given["block"], tuple(given["sizes"]), 40, 2, ())
    (x, y), _, strangers = uncertainty._rows(*arguments)
    assert y.max() == uncertainty.KNOWN - 1
    assert strangers["digits"].shape == (2, 40, x.shape[2])
    rows = np.concatenate([x, strangers["digits"]], axis=1).reshape(-1, x.shape[2])
    assert len({row.tobytes() for row in rows}) == len(rows)
    with pytest.raises(ValueError, match="hold too few"):
        uncertainty._rows(arguments[0], (0,), 150, *arguments[3:])


def test_columns_are_standardised_by_training_rows():
    x, y = intervals._rows("protein", (0, 1), (100, 60, 100))
    for values in (x[:, :100], y[:, :100]):
        np.testing.assert_allclose(values.mean(axis=1), 0, atol=1e-4)
        np.testing.assert_allclose(values.std(axis=1), 1, rtol=1e-4)
    assert abs(x[:, 100:].mean()) > 1e-3


# The studies.


def test_a_temperature_changes_no_decision():
    """Of one network: each measure chooses its own, so that errors of a study may differ."""
    rng = np.random.default_rng(0)
    inside, changed, strangers = (np.log(rng.dirichlet(np.ones(4), (3, 50))) for _ in range(3))
    labels = rng.integers(4, size=50)
    given = predictive.log_mean(inside), [changed], {"digits": strangers}, labels
    plain, scaled = uncertainty.judged(*given, 1.0, ""), uncertainty.judged(*given, 3.0, "scaled_")
    assert scaled["shifts_scaled_error"] == plain["shifts_error"]
    assert scaled["scaled_brier_best"] != plain["brier_best"]
    assert scaled["shift_scaled_best"] != plain["shift_nll_best"]
    assert scaled["scaled_digits_best"] != plain["digits_best"]


def test_every_way_of_changing_is_told_and_averaged():
    (row,) = uncertainty.uncertainty((0,), "ensemble", **settings("U1"))
    assert {"brier_best", "scaled_digits_best", "shift_aurc_best"} <= set(row)
    kinds = len(settings("U1")["shifts"])
    assert row["shift_nll_best"] == pytest.approx(np.mean(row["shifts_nll"]), abs=1e-4)
    assert len(row["shifts_nll"]) == kinds


def test_test_rows_choose_nothing(monkeypatch):
    """Shuffled test targets change what is told, and not what is chosen."""
    (first,) = intervals.intervals((0,), "MC dropout", **settings("U2"))
    real = intervals._rows

    def shuffled(name, seeds, sizes):
        x, y = real(name, seeds, sizes)
        y = y.copy()
        y[:, -sizes[2] :] = y[:, -sizes[2] :][:, ::-1]
        return x, y

    monkeypatch.setattr(intervals, "_rows", shuffled)
    (second,) = intervals.intervals((0,), "MC dropout", **settings("U2"))
    assert first["chosen"] == second["chosen"]
    assert first["noise"] == second["noise"]
    assert first["nll_best"] != second["nll_best"]


@pytest.mark.parametrize("arm", ["dropout", "MC dropout", "ensemble"])
def test_a_remedy_of_no_strength_is_fitted_noise_alone(arm):
    given = settings("U2")
    nothing = {"levels": given["levels"] | {"dropout": [0.0] * 6, "ensemble": [1] * 6}}
    (none,) = intervals.intervals((0,), "none", **given)
    (found,) = intervals.intervals((0,), arm, **(given | nothing))
    assert found["crps_best"] == pytest.approx(none["crps_best"], rel=1e-5)
    assert found["spread"] < 1e-5
    (some,) = intervals.intervals((0,), arm, **given)
    assert some["crps_best"] != pytest.approx(none["crps_best"], rel=1e-5)


@pytest.mark.parametrize("arm", uncertainty.ARMS)
def test_every_arm_of_the_regression_has_the_same_budget(arm):
    levels = KNOWN["U2"].versions["full"].settings["levels"]
    assert {len(axis) for axis in levels.values()} == {6}
    (row,) = intervals.intervals((0,), arm, **settings("U2"))
    assert len(row["sweep_nll"]) == 6
