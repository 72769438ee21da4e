"""Residual branches: what is dropped, at which rates, and the study of a vision transformer."""

import numpy as np
import pytest
import torch
from blocks_of_torch import as_pytorch
from registered import check_pilots_choice

from book.experiments import registration, registry, results, tuning
from book.experiments.encoder import BRANCH, ELEMENT, SeedEncoder
from book.experiments.studies import residual_branches

TOKENS, INPUTS, WIDTH = 5, 6, 8
STUDY = registry.experiments()["T2"]


def encoder(rates=(0.0, 0.0), axes=BRANCH, seeds=(0, 1)):
    return SeedEncoder(seeds, TOKENS, INPUTS, WIDTH, 2, rates, axes=axes)


@pytest.fixture
def x(rng):
    return torch.tensor(rng.normal(size=(2, 9, TOKENS, INPUTS)), dtype=torch.float32)


# The encoder.


def test_without_dropout_a_block_is_that_of_pytorch(x):
    ours = encoder(rates=(0.0,)).eval()
    ((linear, _),) = ours.blocks
    for s in range(2):
        theirs = as_pytorch(linear, s, WIDTH, 2, 2 * WIDTH)
        with torch.no_grad():
            hidden = x[s] @ ours.embed.weight[s] + ours.position[s]
            hidden = torch.nn.functional.layer_norm(theirs(hidden), (WIDTH,)).mean(dim=1)
            wanted = hidden @ ours.last.weight[s]
        torch.testing.assert_close(ours(x)[s], wanted, atol=1e-5, rtol=1e-4)


def added(net, x):
    """What the two branches of the last block add in training, (S, B, T, n) each."""
    seen = []
    for drop in net.blocks[-1][1]:
        drop.register_forward_hook(lambda layer, given, found: seen.append((given[0], found)))
    net.train()(x)
    return seen


@pytest.mark.parametrize("axes", [BRANCH, ELEMENT])
def test_a_branch_is_dropped_whole_or_by_element(axes, x):
    for before, after in added(encoder((0.0, 0.5), axes), x):
        gone = after == 0
        torch.testing.assert_close(after[~gone], 2 * before[~gone])
        share = gone.double().mean(dim=(2, 3))
        if axes == BRANCH:
            assert set(share.flatten().tolist()) == {0.0, 1.0}
        else:
            assert 0.2 < share.min() < share.max() < 0.8


def test_both_branches_and_all_seeds_draw_their_own_masks(x):
    x = x.repeat(1, 8, 1, 1)
    masks = [(after == 0).all(dim=(2, 3)) for _, after in added(encoder((0.0, 0.5)), x)]
    first, second = masks
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


def test_weights_do_not_depend_on_what_is_dropped(x):
    plain, path, element = encoder(), encoder((0.2, 0.5)), encoder((0.5, 0.5), ELEMENT)
    assert torch.equal(plain.train()(x), path.eval()(x))
    assert torch.equal(plain(x), element.eval()(x))
    assert not torch.equal(plain(x), path.train()(x))


# The study.


def run(arm, seeds=(0, 1), **changed):
    given = STUDY.versions["small"].settings | changed
    return residual_branches.residual_branches(seeds, arm, **given)


@pytest.mark.parametrize("p", [0.05, 0.1, 0.2, 0.3])
def test_both_rates_by_depth_have_the_same_mean(p):
    uniform, linear = (residual_branches.rates(p, 4, grows) for grows in (False, True))
    assert np.mean(uniform) == pytest.approx(p)
    assert np.mean(linear) == pytest.approx(p)
    assert len(set(uniform)) == 1
    assert linear[0] == 0
    assert np.ptp(np.diff(linear)) == pytest.approx(0, abs=1e-12)
    assert max(linear) < 1


@pytest.mark.parametrize("arm", residual_branches.DROPPED)
def test_a_rate_of_zero_is_none(arm):
    (given,) = STUDY.versions["small"].settings["tried"][arm]
    wanted, nothing, something = (
        [row["nll_last"] for row in run(kind, tried={kind: [given | {"p": p}]})]
        for kind, p in (("none", 0.0), (arm, 0.0), (arm, given["p"]))
    )
    assert nothing == wanted != something


def test_arms_that_drop_differ_and_the_control_has_other_weights():
    (given,) = STUDY.versions["small"].settings["tried"]["linear"]
    arms = ("none", "none again", *residual_branches.DROPPED)
    found = {arm: run(arm, (0,), tried={arm: [given]})[0]["nll_last"] for arm in arms}
    assert len(set(found.values())) == len(arms)


def test_permuted_labels_are_those_of_training_and_validation(monkeypatch):
    seen = []
    real = residual_branches.measure
    monkeypatch.setattr(
        residual_branches,
        "measure",
        lambda logits, labels, sizes: seen.append(labels.copy()) or real(logits, labels, sizes),
    )
    for arm in ("linear", residual_branches.PERMUTED):
        run(arm, (0,), epochs=2)
    (true,), (permuted,) = seen
    end = sum(STUDY.versions["small"].settings["sizes"][:2])
    np.testing.assert_array_equal(true[end:], permuted[end:])
    assert (true[:end] != permuted[:end]).mean() > 0.5
    np.testing.assert_array_equal(np.sort(true[:end]), np.sort(permuted[:end]))


def test_every_arm_tried_four_candidates_and_keeps_the_pilot_s_choice():
    controls = {"none again": "none", residual_branches.PERMUTED: "linear"}
    check_pilots_choice(STUDY, controls, candidates=4)


def test_rounding_loses_no_wrong_row():
    """Stored errors are whole numbers of test rows, as far as rounding lets one see."""
    found = results.load("T2")
    rows = found.settings["sizes"][2]
    for arm in residual_branches.ARMS:
        for when in ("best", "last"):
            wrong = found.values(arm, f"error_{when}") * rows
            assert np.abs(wrong - wrong.round()).max() < 0.02


# What the text says of the results.


def judged():
    return {
        (row.contrast.question, row.contrast.better[1]): row for row in registration.judge("T2")
    }


def means(metric):
    found = results.load("T2")
    return {arm: found.values(arm, metric).mean() for arm in residual_branches.ARMS}


def test_nothing_is_decided():
    assert {row.word for row in judged().values()} == {"undecided"}


def test_single_intervals_leave_out_zero_where_the_text_says():
    below = {key for key, row in judged().items() if row.interval[1] < 0}
    above = {key for key, row in judged().items() if row.interval[0] > 0}
    assert below == {
        *(("uniform", metric) for metric in ("error_best", "nll_best", "nll_last")),
        *(("dropout", metric) for metric in ("nll_best", "nll_last")),
    }
    assert above == {("by depth", "error_best")}


def test_a_growing_rate_leaves_little_room_either_way():
    rows = judged()
    assert 0.01 < max(np.abs(rows["linear", "error_best"].interval)) < 0.012
    for metric in ("nll_best", "scaled_best"):
        assert max(np.abs(rows["linear", metric].interval)) < 0.02


def test_means_speak_against_dropping_and_for_a_linear_model():
    for measure in tuning.MEASURES:
        found = means(f"{measure}_best")
        assert all(found[arm] > found["none"] for arm in residual_branches.DROPPED)
        assert min(found, key=found.get) == "logistic regression"
    found = means("error_best")
    networks = ("none", "none again", *residual_branches.DROPPED)
    assert all(found["nearest neighbours"] > found[arm] for arm in networks)


def test_best_and_last_hardly_differ_and_a_temperature_changes_little_without_dropout():
    networks = ("none", *residual_branches.DROPPED)
    for measure, little in (("error", 0.003), ("nll", 0.002), ("scaled", 0.002)):
        best, last = (means(f"{measure}_{when}") for when in ("best", "last"))
        assert all(abs(best[arm] - last[arm]) < little for arm in networks)
    assert abs(means("nll_best")["none"] - means("scaled_best")["none"]) < 0.002


def test_controls_came_out_as_registered():
    """And the second network without dropout is further from the first than a growing rate is."""
    rows = judged()
    for measure in tuning.MEASURES:
        again, linear = (rows[arm, f"{measure}_best"] for arm in ("again", "linear"))
        assert abs(again.estimate) > abs(linear.estimate)
    found = means("error_best")
    assert found[residual_branches.PERMUTED] >= found["most frequent class"]


def test_choices_lay_at_the_ends_that_the_text_names():
    given = {arm: tried[0] for arm, tried in results.load("T2").settings["tried"].items()}
    rates, p = residual_branches.LEVELS["lr"], residual_branches.LEVELS["p"]
    assert given["none"]["lr"] == max(rates)
    assert given["uniform"]["lr"] == given["dropout"]["lr"] == min(rates)
    assert given["linear"]["p"] == max(p)
    uniform, linear = given["uniform"], given["linear"]
    assert all(uniform[axis] != linear[axis] for axis in ("lr", "weight decay", "p"))
