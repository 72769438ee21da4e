"""Recurrent networks: LSTM and GRU against PyTorch's, what each kind drops, folds and baselines."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from book.experiments import dealing, registry, report, results, sequences, statistics, tuning
from book.experiments.recurrent import CELLS, KINDS, SeedRecurrent
from book.experiments.studies import recurrent_dropout
from book.experiments.studies.recurrent_dropout import WIDER

ROWS, STEPS, CHANNELS, UNITS = 4, 6, 3, 5


@pytest.fixture
def x(rng):
    """Sequences of one seed that end after 6, 4, 3 and 1 steps, and zeros behind."""
    values = rng.normal(size=(1, ROWS, STEPS, CHANNELS + 1))
    values[..., -1] = np.arange(STEPS) < np.array([6, 4, 3, 1])[:, None]
    values *= values[..., -1:]
    return torch.tensor(values, dtype=torch.float32)


@pytest.fixture(params=CELLS)
def network(request):
    """Makes networks of one cell."""

    def make(kind=None, p=0.0, seeds=(0,)):
        return SeedRecurrent(CHANNELS, UNITS, 2, seeds, kind=kind, p=p, cell=request.param)

    return make


# The network.


# PyTorch's order is input, forget, cell, output, and reset, update, new; ours has the new first.
ORDERS = {torch.nn.LSTM: [1, 2, 0, 3], torch.nn.GRU: [1, 2, 0]}


@pytest.mark.parametrize("theirs", ORDERS)
def test_without_dropout_it_is_the_cell_of_pytorch(x, theirs, rng):
    cell, parts = theirs.__name__, len(ORDERS[theirs])
    ours = SeedRecurrent(CHANNELS, UNITS, 2, (0, 1), cell=cell).eval()
    if cell == "GRU":  # both biases are learnt, and the reset gate tells them apart
        drawn = rng.normal(size=ours.within.bias.shape)
        ours.within.bias.data = torch.tensor(drawn, dtype=torch.float32)
    assert ours.within.bias.requires_grad == (cell == "GRU")
    found = ours(x.expand(2, -1, -1, -1))
    lengths = x[0, :, :, -1].sum(dim=1).long()
    packed = torch.nn.utils.rnn.pack_padded_sequence(x[0, :, :, :-1], lengths, batch_first=True)
    for s in range(2):
        net = theirs(CHANNELS, UNITS)
        with torch.no_grad():
            order = torch.arange(parts * UNITS).reshape(parts, UNITS)[ORDERS[theirs]].flatten()
            net.weight_ih_l0.copy_(ours.into.weight[s].T[order])
            net.weight_hh_l0.copy_(ours.within.weight[s].T[order])
            net.bias_ih_l0.copy_(ours.into.bias[s, 0][order])
            net.bias_hh_l0.copy_(ours.within.bias[s, 0][order])
        _, last = net(packed)
        last = last if cell == "GRU" else last[0]
        wanted = last[0] @ ours.out.weight[s] + ours.out.bias[s]
        torch.testing.assert_close(found[s], wanted)
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_what_stands_behind_the_end_changes_nothing(kind, x, network):
    changed = x.clone()
    changed[..., :-1] += 5 * (1 - x[..., -1:])
    first, second = (network(kind, 0.3 if kind else 0.0).train()(each) for each in (x, changed))
    torch.testing.assert_close(first, second)


def test_an_unknown_kind_is_refused(network):
    with pytest.raises(ValueError, match="kind must be one of"):
        network("dropout", 0.5)


# What each kind drops: a derivative is zero where nothing passes.


def derivative(net, x):
    x = x.clone().requires_grad_()
    net.train()(x).sum().backward()
    return x.grad[0, 0, :, :-1]  # of the row that has all steps


def test_a_shared_mask_drops_a_channel_at_all_steps_or_at_none(x, network):
    patterns = set()
    for seed in range(10):
        zero = derivative(network("shared mask", 0.5, (seed,)), x) == 0
        patterns.add(tuple(zero.all(dim=0).tolist()))
        assert torch.equal(zero.all(dim=0), zero.any(dim=0))
    assert len(patterns) > 3


def test_a_fresh_mask_drops_steps_of_a_channel(x, network):
    zero = torch.stack([derivative(network("non-recurrent", 0.5, (s,)), x) == 0 for s in range(10)])
    assert (zero.any(dim=1) & ~zero.all(dim=1)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_between_states_are_dropped_for_a_batch_by_weight_drop_alone(kind, x, network):
    net = network(kind, 0.5).train()
    net(x).sum().backward()
    dropped = (net.within.weight.grad == 0).float().mean().item()
    assert (dropped > 0.2) == (kind == "weight drop")


def test_fed_back_states_are_dropped_by_the_shared_mask(x, network):
    """If all inputs pass and no state is fed back, the weights between states are of no use."""
    net = network("shared mask", 0.5)
    net.ends.p = 0.0
    inputs, states = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1)
    net._mask = lambda *shape: states if len(shape) == 2 else inputs
    found = net.train()(x)
    assert not torch.allclose(found, net.eval()(x))
    net.within.weight.data.zero_()  # the bias behind it is zero from the start
    torch.testing.assert_close(found, net.eval()(x))


def by_hand(net, x, p):
    """State after all steps of row 0, each state, and memory, the mean of new and old."""
    state = memory = np.zeros(UNITS)
    into, within = (layer.weight[0].detach().numpy() for layer in (net.into, net.within))
    bias = net.into.bias[0, 0].detach().numpy()

    def logistic(z):
        return 1 / (1 + np.exp(-z))

    for step in x[0, 0, :, :-1].numpy():
        if net.carried == 1:
            inner = state @ within
            reset, keep = np.split(logistic((step @ into + bias + inner)[UNITS:]), 2)
            new = np.tanh((step @ into + bias)[:UNITS] + reset * inner[:UNITS])
            state = p * state + (1 - p) * (keep * state + (1 - keep) * new)
            continue
        new, enter, keep, leave = np.split(step @ into + state @ within + bias, 4)
        fresh = logistic(keep) * memory + logistic(enter) * np.tanh(new)
        shown = logistic(leave) * np.tanh(fresh)
        memory, state = p * memory + (1 - p) * fresh, p * state + (1 - p) * shown
    return state


def test_zoneout_in_evaluation_is_the_mean_of_old_and_new(x, network):
    net = network("zoneout", 0.3).eval()
    wanted = by_hand(net, x, 0.3) @ net.out.weight[0].detach().numpy()
    np.testing.assert_allclose(net(x)[0, 0].detach(), wanted, rtol=1e-4, atol=1e-6)
    assert np.abs(by_hand(net, x, 0.0) - by_hand(net, x, 0.3)).max() > 1e-2


def test_zoneout_in_training_leaves_a_unit_as_it_was_with_its_probability(x, network):
    rows = 20_000
    many = x[:, :1, :1].expand(1, rows, 1, -1)
    net = network("zoneout", 0.3)
    net.out = torch.nn.Identity()
    stayed = (net.train()(many)[0] == 0).double()
    assert (stayed.mean(dim=0) - 0.3).abs().max() < 6 * (0.21 / rows) ** 0.5


# What each arm tunes.


@pytest.mark.parametrize("id", ["Q3", "Q8"])
def test_every_arm_tries_equally_many_levels(id):
    cell, known = {"Q3": "LSTM", "Q8": "GRU"}[id], registry.experiments()[id]
    arms, levels = recurrent_dropout.ARMS[cell], known.versions["full"].settings["levels"]
    assert tuple(arms) == known.arms
    decayed = {arm for arm, axes in arms.items() if "weight decay" in axes}
    others = {"none, no decay", "shared mask, no decay", *recurrent_dropout.BASELINES}
    assert decayed == ({"weight decay"} if id == "Q3" else set(arms) - others)
    wanted = {6 if id == "Q3" else 12}
    assert {len(levels[axis]) for axes in arms.values() for axis in ("lr", *axes)} == wanted
    assert {len(levels[baseline]) for baseline in recurrent_dropout.BASELINES} == wanted


def test_how_often_an_end_of_a_grid_was_chosen_is_printed(capsys):
    found = results.load("Q8", "small")
    report.at_ends(found, {"none": ("lr", "weight decay")})
    tried = tuning.candidates({axis: WIDER[axis] for axis in ("lr", "weight decay")})
    wanted = []
    for axis, low, high in (("lr", 0.008, 0.17), ("weight decay", 0, 4)):
        given = [tried[number][axis] for number, _ in found.values("none", "chosen_nll")]
        wanted.append(f"{axis} {low}: {given.count(low)}, {high}: {given.count(high)}")
    assert capsys.readouterr().out == f"  none: {'; '.join(wanted)}\n"


# Rows.


def test_no_two_seeds_share_a_test_row_and_no_row_is_in_two_parts():
    sizes = (100, 50, 60)
    parts = dealing.folds("digits", 1797, range(20), sizes)
    assert [part.shape for part in parts] == [(20, size) for size in sizes]
    assert len(np.unique(parts[2])) == 20 * 60
    for own in np.concatenate(parts, axis=1):
        assert len(np.unique(own)) == sum(sizes)
    pilot = dealing.folds("digits", 1797, (1000,), sizes)
    assert not np.array_equal(pilot[2][0], parts[2][0])


@pytest.mark.parametrize(
    ("seed", "sizes"), [(0, (1000, 700, 100)), (30, (9, 9, 60)), (0, (9, 0, 9))]
)
def test_too_few_rows_are_refused(seed, sizes):
    with pytest.raises(ValueError, match="1797 rows, too few"):
        dealing.folds("digits", 1797, (seed,), sizes)


def test_channels_are_standardised_by_the_steps_of_training_rows_that_are_there(x, rng):
    rows = np.array([[0, 2]])
    found = sequences.standardised(x[0].numpy(), rows)
    steps = found[0, rows[0]][found[0, rows[0], :, -1] == 1][:, :-1]
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(steps.std(axis=0), 1, rtol=1e-5)
    assert (found[0][x[0, :, :, -1].numpy() == 0] == 0).all()


def test_permuted_labels_are_those_of_training_and_validation(monkeypatch):
    seen = []
    real = recurrent_dropout.measure
    monkeypatch.setattr(
        recurrent_dropout,
        "measure",
        lambda logits, labels, sizes: seen.append(labels.copy()) or real(logits, labels, sizes),
    )
    given = recurrent_dropout.TRIED | {"lr": [0.01] * 6}
    few = {"sizes": [40, 30, 20], "width": 4, "epochs": 1, "moments": 1, "batch_size": 20}
    few |= {"data": "digits", "stride": 1}
    for arm in ("shared mask", "shared mask, labels permuted"):
        recurrent_dropout.recurrent_dropout((0,), arm, levels=given, **few)
    true, permuted = seen[0][0], seen[-1][0]
    np.testing.assert_array_equal(true[70:], permuted[70:])
    assert (true[:40] != permuted[:40]).mean() > 0.5
    assert (true[40:70] != permuted[40:70]).mean() > 0.5
    np.testing.assert_array_equal(np.sort(true[:70]), np.sort(permuted[:70]))


# Baselines.


def test_warping_is_the_shortest_path(x):
    rows = x[0].numpy().astype(float)
    lengths = rows[:, :, -1].sum(axis=1).astype(int)

    def shortest(one, other):
        if not len(one) or not len(other):
            return 0.0 if len(one) == len(other) else np.inf
        before = (one[:-1], other), (one, other[:-1]), (one[:-1], other[:-1])
        return ((one[-1] - other[-1]) ** 2).sum() + min(shortest(*each) for each in before)

    found = sequences.warping(x[0].numpy())
    for i, j in itertools.product(range(ROWS), repeat=2):
        one, other = (rows[k, : lengths[k], :-1] for k in (i, j))
        assert found[i, j] == pytest.approx(np.sqrt(shortest(one, other)), abs=1e-5)


def test_summaries_are_those_of_the_steps_that_are_there(x):
    found = sequences.summaries(x[0].numpy())
    for row, own in zip(found, x[0].numpy(), strict=True):
        steps = own[own[:, -1] == 1, :-1]
        wanted = [steps.mean(axis=0), steps.std(axis=0), steps[0], steps[-1], [len(steps) / STEPS]]
        np.testing.assert_allclose(row, np.concatenate(wanted), rtol=1e-4, atol=1e-6)


# Intervals of seeds that learn from rows of each other.


def test_shared_rows_widen_intervals_and_raise_p_values(rng):
    values, overlap = rng.normal(1, 1, 10), 0.1
    low, high = statistics.interval(values, 0.98, overlap)
    spread = values.std(ddof=1) * np.sqrt(0.1 + overlap)
    assert high - low == pytest.approx(2 * stats.t.ppf(0.99, 9) * spread)
    found = statistics.greater(values, 0.0, 0.0, overlap=overlap)
    assert found.p_value == pytest.approx(stats.t.sf(values.mean() / spread, 9))
    same = statistics.equivalent(values, 0.0, 2.0, overlap=overlap)
    assert same.p_value == pytest.approx(stats.t.sf((2 - values.mean()) / spread, 9))
    assert same.p_value > statistics.equivalent(values, 0.0, 2.0).p_value


def test_dependent_seeds_are_asserted_less_often_falsely(rng):
    """Means of seeds that share a part of their noise: without the correction too many alarms."""
    shared = rng.normal(size=(2000, 1)) * np.sqrt(0.1)
    draws = shared + rng.normal(size=(2000, 10))
    plain, corrected = (
        sum(statistics.greater(row, 0.0, 0.0, level=0.95, overlap=o).passed for row in draws)
        for o in (0.0, 0.1)
    )
    assert stats.binomtest(corrected, 2000, 0.05, "greater").pvalue > 1e-6
    assert stats.binomtest(plain, 2000, 0.05, "greater").pvalue < 1e-6
