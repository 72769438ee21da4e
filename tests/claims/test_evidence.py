"""The claims of the chapter Evidence, asserted from the stored results of every seed."""

import functools

import numpy as np
import pytest
import torch
from registered import check_registered, claims_of, verdict
from scipy import stats

from book import ensemble
from book.experiments import (
    evidence,
    networks,
    registration,
    results,
    statistics,
    training,
    tuning,
)
from book.experiments.images import splits
from book.experiments.registry import experiments
from book.experiments.studies import (
    dropconnect,
    ensemble_means,
    gaussian_noise,
    keep_rates,
    mnist_headline,
    monte_carlo,
    noises,
    several_masks,
    sparsity,
    stochastic_depth,
    training_set_size,
)

KNOWN = experiments()


def small(id, **changed):
    return KNOWN[id].versions["small"].settings | changed


def empirical(label, *wrong):
    return pytest.mark.claim(label, method="paired-experiment", rejects=wrong)


def show(claim, label):
    """Give the ledger every assertion of a statement, and every wrong form that tells."""
    for assertion in evidence.STATEMENTS[label][1]():
        claim.holds(assertion.holds)
        for name, wrong in assertion.rejects.items():
            claim.rejects(name, wrong)


@empirical("emp-mnist-headline")
def test_dropout_improves_the_probabilities_on_mnist(claim):
    show(claim, "emp-mnist-headline")


@empirical("emp-training-set-size")
def test_gain_depends_on_the_number_of_rows(claim):
    show(claim, "emp-training-set-size")


@empirical("emp-keep-rates")
def test_error_against_the_rate_of_keeping(claim):
    show(claim, "emp-keep-rates")
    found = results.load("R3")  # where the least mean error is; at q = 1/4 both widths agree
    error = {arm: found.values(arm, "error").mean() for arm in keep_rates.ARMS}
    fixed = [arm for arm in error if arm.startswith("n ")]
    assert min(fixed, key=error.get) == "n fixed, q=0.75"
    kept = ["qn fixed, q=0.1", "n fixed, q=0.25", "qn fixed, q=1.0"]
    assert min(kept, key=error.get) == "qn fixed, q=1.0"


@empirical("emp-weight-scaling-vs-mc", "one pass is enough")
def test_many_passes_equal_weight_scaling(claim):
    show(claim, "emp-weight-scaling-vs-mc")
    for arm in monte_carlo.ARMS:  # from each number of passes to the next, in the mean over seeds
        assert (np.diff(results.load("R4").values(arm, "sampled").mean(axis=0)) < 0).all()


@empirical("emp-geometric-arithmetic", "a subnetwork is as good")
def test_weight_scaling_is_near_the_geometric_mean(claim):
    show(claim, "emp-geometric-arithmetic")
    found = results.load("R5")
    near, far = (
        found.values("dropout", f"scaled to {mean}") for mean in ("geometric", "arithmetic")
    )
    assert stats.binomtest(int((near < far).sum()), len(near)).pvalue < 0.001  # sign test
    for arm in ensemble_means.ARMS:  # without dropout in training the errors of some models differ
        geometric, arithmetic = (found.values(arm, mean) for mean in ("geometric", "arithmetic"))
        assert np.array_equal(geometric, arithmetic) == (arm == "dropout")


@empirical("emp-sparsity")
def test_hidden_codes_become_sparser(claim):
    show(claim, "emp-sparsity")


@empirical("emp-alpha-depth", "plain dropout keeps it too")
def test_alpha_keeps_its_moments_through_many_layers(claim):
    show(claim, "emp-alpha-depth")


@empirical("emp-gaussian-bernoulli", "none equals Bernoulli")
def test_gaussian_noise_equals_bernoulli(claim):
    show(claim, "emp-gaussian-bernoulli")


@empirical("emp-dropconnect")
def test_dropconnect_lowers_the_loss_as_dropout_does(claim):
    show(claim, "emp-dropconnect")


@empirical("emp-stochastic-depth")
def test_stochastic_depth_lowers_the_loss(claim):
    show(claim, "emp-stochastic-depth")


@empirical("emp-several-masks", "as far apart as at the end")
def test_several_masks_leave_less_noise(claim):
    show(claim, "emp-several-masks")


# Together.


def test_all_assertions_of_the_chapter_hold_together():
    rows = evidence.adjusted()
    assert len(rows) >= 20
    assert [says.says for _, says, _, asserted in rows if not asserted] == []


def test_what_missed_its_margin_is_counted_beside_it():
    missed = list(evidence.missed())
    assert not any(comparison for _, comparison in missed)
    alone, together = evidence.adjusted(), evidence.adjusted(missed)
    assert all(two[2] >= one[2] for one, two in zip(alone, together, strict=True))


def test_margins_are_at_most_half_of_the_pilot_s_effect(monkeypatch):
    """For the headline, with one pilot seed, the margin is that half by its definition.

    For a trend it is half of the largest correlation, 1; a pilot of R4 has two equal errors.
    """
    stated, load = evidence.statements(), results.load
    monkeypatch.setattr(results, "load", lambda id: load(id, "pilot"))
    for label, (_, function) in evidence.STATEMENTS.items():
        if label == "emp-mnist-headline":
            continue
        for full, pilot in zip(stated[label], function(), strict=True):
            low, high = full.holds.limits
            if np.isinf(high):
                trend = "error falls as T grows" in full.says
                effect = 1 if trend else pilot.holds.estimate
                assert 0 < low <= effect / 2 + 1e-12
                assert not trend or low < pilot.holds.interval[0]
            else:
                assert low < pilot.holds.estimate < high


# Controls, with the code of the experiments.


def test_rates_of_zero_give_no_difference():
    settings = small("S1", p=0.0, epochs=2)
    runs = [gaussian_noise.gaussian_noise((0, 1), arm, **settings) for arm in gaussian_noise.ARMS]
    assert runs[0] == runs[1] == runs[2]
    settings = small("S2", p=0.0, epochs=2)
    runs = [dropconnect.dropconnect((0, 1), arm, **settings) for arm in dropconnect.ARMS]
    assert runs[0] == runs[1] == runs[2]
    settings = small("S3", last=0.0, epochs=2)
    one, other = (
        stochastic_depth.stochastic_depth((0,), arm, **settings) for arm in stochastic_depth.ARMS
    )
    assert one == other


def test_several_masks_of_nothing_are_no_difference(monkeypatch):
    """Repeated rows have the same mean loss, so only the order of the sums can differ."""
    monkeypatch.setitem(several_masks.ARMS, "k=4", (0.0, 4))
    one, other = (
        several_masks.several_masks((0,), arm, **small("S5"))[0] for arm in ("none", "k=4")
    )
    np.testing.assert_allclose(other["curve"], one["curve"], rtol=1e-3)


def test_loss_is_averaged_over_the_masks_of_a_step(rng):
    """One step of descent with k masks is that on the batch written k times."""
    x, y = rng.normal(size=(8, 5)).astype(np.float32), np.arange(8) % 2
    step = {"epochs": 1, "lr": 0.1, "momentum": 0.0}
    nets = [networks.mlp((5, 6, 2), [3], p_hidden=0.5) for _ in range(2)]
    training.fit(nets[0], x, y, [3], batch_size=8, masks=3, **step)
    order = networks.stream(3, "order").permutation(8)
    rows, labels = torch.from_numpy(x[order][None]), torch.from_numpy(y[order])
    rows, labels = rows.repeat_interleave(3, dim=1), labels.repeat_interleave(3)
    loss = torch.nn.functional.cross_entropy(nets[1].train()(rows)[0], labels)
    loss.backward()
    for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(one, other - 0.1 * other.grad)


def test_passes_without_dropout_are_all_the_same():
    (found,) = monte_carlo.monte_carlo((0,), "hidden", **small("R4", p=0.0, epochs=2))
    np.testing.assert_allclose(found["sampled"], found["scaled"], atol=1e-12)
    np.testing.assert_allclose(found["sampled nll"], found["scaled nll"], rtol=1e-5)


def test_averages_come_within_the_margins_between_20_and_50_passes():
    """The intervals that are printed; at 100 that of 90 % with dropped inputs is above zero."""
    found, within = results.load("R4"), {}
    for arm in monte_carlo.ARMS:
        above = found.values(arm, "sampled") - found.values(arm, "scaled")[:, None]
        for passes, column in zip(found.settings["samples"], above.T, strict=True):
            low, high = statistics.interval(column)
            within[arm, passes] = -0.0025 < low < high < 0.0025
        low, high = (statistics.interval(above[:, -1], level)[0] for level in (0.95, 0.9))
        assert low < 0
        assert (high > 0) == (arm == "hidden+input")
    assert {passes for (_, passes), inside in within.items() if inside} == {50, 100}
    assert all(within[arm, passes] for arm in monte_carlo.ARMS for passes in (50, 100))


def test_small_versions_of_the_opposite_sign_have_other_data():
    """So that their size alone does not explain it."""
    other = set()
    for name in ("R2", "R3", "R4", "R5", "R6", "R14", "S1", "S2", "S3", "S5"):
        full, quick = (
            KNOWN[name].versions[version].settings.get("data", ()) for version in ("full", "small")
        )
        if str(full).removesuffix("_5k") != str(quick).removesuffix("_5k"):
            other.add(name)
    assert other == {"S3", "S5"}


def test_where_both_widths_agree_the_arms_agree(monkeypatch):
    monkeypatch.setitem(keep_rates.ARMS, "qn fixed, q=0.25", (0.25, True))
    settings = small("R3", epochs=2)
    assert settings["kept"] == 0.25 * settings["hidden"]
    one, other = (
        keep_rates.keep_rates((0,), f"{kind} fixed, q=0.25", **settings) for kind in ("n", "qn")
    )
    assert one == other


@pytest.mark.parametrize("arm", mnist_headline.ARMS)
def test_shuffled_labels_give_chance(arm):
    found = mnist_headline.mnist_headline(0, arm, **small("R1", shuffled=True, epochs=2))
    assert abs(found["error"] - 0.9) < 6 * np.sqrt(0.09 / small("R1")["held_out"])


def test_training_ends_when_the_rows_are_fitted():
    settings = small("R2", sizes=[100], epochs=60)
    (soon,) = training_set_size.training_set_size((0,), "none", **settings | {"fitted": 1.0})
    (late,) = training_set_size.training_set_size((0,), "none", **settings | {"fitted": 0.1})
    assert 1 <= soon["epochs"][0] < late["epochs"][0] < 60
    (never,) = training_set_size.training_set_size((0,), "none", **settings | {"fitted": 0.0})
    assert never["epochs"] == [60]


def test_hoyer_sparsity_is_that_of_the_definition():
    codes = np.array([[1.0, 1, 1, 1], [0, 0, 2, 0], [0, 0, 0, 0], [3, 4, 0, 0]])
    np.testing.assert_allclose(sparsity._hoyer(codes), [0, 1, 0, 2 - 7 / 5])


@pytest.mark.parametrize("p", sparsity.ARMS.values())
def test_most_units_are_hardly_active_unless_the_mean_image_is_subtracted(p):
    seeds = (0, 1)
    images = splits("mnist_5k", 1000, seeds, 1000)[0]
    for mean, most in ((0.0, True), (images.mean(axis=1, keepdims=True), False)):
        x = images - np.float32(mean)
        net = networks.mlp((x.shape[2], 128, x.shape[2]), seeds, p_hidden=p)
        training.fit(net, x, x, seeds, epochs=6, batch_size=50, optimizer="adam", lr=0.001)
        codes = training.outputs(torch.nn.Sequential(*list(net)[:3]), x)
        hardly = ((codes > 0).mean(axis=1) < 0.01).mean(axis=1)
        assert ((hardly > 0.5) == most).all()


def test_factors_of_single_units_change_hoyer_s_sparsity_and_not_the_function(rng):
    """A factor for all units does not; the weights behind are divided by the factors."""
    z, W = rng.normal(size=(50, 20)), rng.normal(size=(20, 4))
    h = np.maximum(0, z)
    for factors, same in ((np.full(20, 3.0), True), (np.arange(1.0, 21), False)):
        scaled = np.maximum(0, z * factors)
        np.testing.assert_allclose(scaled @ (W / factors[:, None]), h @ W, atol=1e-12)
        assert np.allclose(sparsity._hoyer(scaled), sparsity._hoyer(h)) == same
        assert ((scaled > 0) == (h > 0)).all()


# The means over all subnetworks, beside the library's enumeration.


def test_means_over_pairs_of_masks_are_the_library_s(rng):
    n = 4
    shapes = ((6, n), (1, n), (n, n), (1, n), (n, 2), (1, 2))
    W1, b1, W2, b2, W3, b3 = parameters = [rng.normal(size=shape) for shape in shapes]
    x = rng.normal(size=(1, 6))

    def logit(masks):
        first = np.maximum(x @ W1 + b1, 0) * masks[:, :n] * 2
        out = np.maximum(first @ W2 + b2, 0) * masks[:, n:] * 2 @ W3 + b3
        return out[:, 1] - out[:, 0]

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    geometric = sigmoid(ensemble.arithmetic_mean(logit, 2 * n, 0.5))
    arithmetic = ensemble.arithmetic_mean(lambda masks: sigmoid(logit(masks)), 2 * n, 0.5)
    for y in (0, 1):
        found = ensemble_means.predictions(parameters, x, np.array([y]))
        assert found["geometric to arithmetic"] == pytest.approx(abs(geometric - arithmetic))
        assert found["geometric"] == float((geometric > 0.5) != y)
        wrong = ensemble.arithmetic_mean(lambda masks, y=y: (logit(masks) > 0) != y, 2 * n, 0.5)
        assert found["member"] == pytest.approx(float(wrong))


def test_geometric_mean_is_the_sigmoid_of_the_mean_logit(rng):
    weights = rng.normal(size=3)

    def both(masks):
        one = 1 / (1 + np.exp(-(masks @ weights)))
        return np.stack([one, 1 - one], axis=1)

    stated = 1 / (1 + np.exp(-ensemble.arithmetic_mean(lambda masks: masks @ weights, 3, 0.5)))
    assert ensemble.geometric_mean(both, 3, 0.5, normalize=True)[0] == pytest.approx(float(stated))


def test_two_means_of_two_classes_can_decide_differently():
    """One very sure subnetwork of four brings the mean logit over zero, and no more."""

    def logit(masks):
        return 11.0 * masks.prod(axis=1) - 1

    mean_logit = ensemble.arithmetic_mean(logit, 2, 0.5)
    mean = ensemble.arithmetic_mean(lambda masks: 1 / (1 + np.exp(-logit(masks))), 2, 0.5)
    assert mean_logit > 0
    assert mean < 0.5


@functools.cache
def _pairs():
    rows = [ensemble_means._pair("mnist_5k", 50, seed) for seed in range(15)]
    return [(tuple(digits), x, x_test) for x, _, x_test, _, digits in rows]


def test_every_seed_has_its_own_pair_and_rows_to_judge_by():
    assert len({digits for digits, _, _ in _pairs()}) == 15
    for _, x, x_test in _pairs():
        assert len(x_test) == 50
        assert not {row.tobytes() for row in x} & {row.tobytes() for row in x_test}


# What the registered study Q6 found: as in the claims of "Practice".

REGISTERED = {
    "emp-inputs-tuned": tuple(
        ("Q6", "inputs too", metric, "supported")
        for metric in ("nll_best", "scaled_best", "nll_last")
    ),
}


@claims_of(REGISTERED)
def test_what_was_registered(claim, label):
    check_registered(claim, REGISTERED[label])


def test_nothing_else_is_decided_of_kinds_and_schedules():
    """The text says so, and how far the intervals of what is undecided reach."""
    rows = registration.judge("Q6")
    named = {row[:3] for row in REGISTERED["emp-inputs-tuned"]}
    named.add(("Q6", "temperature instead", "scaled_best"))
    for row in rows:
        asked = ("Q6", row.contrast.question, row.contrast.better[1])
        assert row.word == ("supported" if asked in named else "undecided"), asked
    assert verdict("Q6", "inputs too", "error_best").interval[0] > 0
    reach = {"error": 0.0, "loss": 0.0}
    for row in rows:
        if row.contrast.question not in ("inputs too", "temperature instead", "stopping instead"):
            kind = "error" if row.contrast.measure == "error" else "loss"
            reach[kind] = max(reach[kind], *map(abs, row.interval))
    assert 0.009 < reach["error"] < 0.01
    assert 0.03 < reach["loss"] < 0.04


def test_dropped_inputs_chose_the_largest_rate_and_have_the_lowest_means():
    found = results.load("Q6")
    levels = found.settings["levels"]
    axes = ("lr", *noises.ARMS["inputs too"])
    tried = tuning.candidates({axis: levels[axis] for axis in axes})
    rates = {tried[k]["inputs"] for k, _ in found.values("inputs too", "chosen_nll")}
    assert rates == {max(levels["inputs"])} == {0.3}
    for name in tuning.MEASURES:
        means = {arm: found.values(arm, f"{name}_best").mean() for arm in noises.ARMS}
        assert min(means, key=means.get) == "inputs too"
    lowest = np.mean([k == 0 for k, _ in found.values("none", "chosen_nll")])
    assert 0.4 < lowest < 0.6


def test_permuted_labels_scatter_about_what_a_guess_errs():
    """It is a little below what was registered, and the text says why that is chance."""
    found = results.load("Q6")
    permuted, frequent = (
        found.values(arm, "error_best")
        for arm in ("dropout, labels permuted", "most frequent class")
    )
    assert permuted.mean() < frequent.mean()
    assert permuted.std() > 2 * frequent.std()
    for errors in (permuted, frequent):
        low, high = statistics.interval(errors)
        assert low < 0.894 < high
