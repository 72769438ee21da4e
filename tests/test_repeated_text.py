"""Text: rows, n-grams, the decoder against PyTorch's, what it drops, and the two regimes."""

import numpy as np
import pytest
import torch
from blocks_of_torch import as_pytorch

from book.experiments import registry, results, text
from book.experiments.decoder import SeedDecoder
from book.experiments.networks import SeedDropout
from book.experiments.studies import repeated_text

SYMBOLS, LENGTH, WIDTH = 7, 6, 8
STUDY = registry.experiments()["T1"]


def decoder(p=0.0, seeds=(0,), depth=2):
    return SeedDecoder(SYMBOLS, width=WIDTH, heads=2, depth=depth, seeds=seeds, p=p)


@pytest.fixture
def x(rng):
    return torch.from_numpy(rng.integers(SYMBOLS, size=(1, 3, LENGTH)))


# Rows and n-grams.


def test_rows_are_of_their_seed_alone():
    rows, symbols = text.rows_of("digits", (0, 1, 1000), (300, 20, 40))
    assert rows.shape == (3, 360, text.LENGTH)
    assert symbols == 17
    every = {row.tobytes() for row in rows.reshape(-1, text.LENGTH)}
    assert len(every) == 3 * 360
    np.testing.assert_array_equal(text.rows_of("digits", (1,), (300, 20, 40))[0][0], rows[1])
    with pytest.raises(ValueError, match="1797 rows, too few"):
        text.rows_of("digits", (0,), (1700, 90, 40))


def test_text_is_cut_into_pieces_that_can_be_read(monkeypatch):
    size = text.PIECE * text.LENGTH
    verse = "**PUCK**  \n" + "If we shadows have offended,  \n" * (5 * size // 29)
    monkeypatch.setattr(
        text.data, "load", lambda name: type("Set", (), {"features": np.array([verse], object)})
    )
    rows = text._shuffled.__wrapped__("verse")
    pieces = rows.reshape(-1, size)
    first = "".join(text.ALPHABET[i] for i in pieces[pieces[:, 0] == text.ALPHABET.index("P")][0])
    assert first.startswith("PUCK\nIf we shadows have offended,\nIf we")
    assert len(rows) % text.PIECE == 0


def by_hand(rows, before, symbols, longest):
    """Law of the next symbol, counted in loops."""
    law = np.full(symbols, 1 / symbols)
    for context in range(min(longest, len(before)) + 1):
        counts = np.zeros(symbols)
        for row in rows:
            for end in range(max(context, 1), len(row)):
                if list(row[end - context : end]) == list(before[len(before) - context :]):
                    counts[row[end]] += 1
        kinds = (counts > 0).sum()
        if kinds:
            law = (counts + kinds * law) / (counts.sum() + kinds)
    return law


@pytest.mark.parametrize("longest", [0, 1, 3])
def test_n_grams_are_those_counted_by_hand(rng, longest):
    rows, judged = rng.integers(3, size=(4, 6)), rng.integers(3, size=(2, 6))
    found = np.exp(text.counted(rows, judged, 3, longest))
    assert found.shape == (2, 5, 3)
    np.testing.assert_allclose(found.sum(axis=2), 1)
    for row, laws in zip(judged, found, strict=True):
        for end, law in enumerate(laws, 1):
            np.testing.assert_allclose(law, by_hand(rows, row[:end], 3, longest))


# The decoder.


def test_without_dropout_a_block_is_that_of_pytorch(x):
    ours = decoder(depth=1, seeds=(0, 1)).eval()
    found = ours(x.expand(2, -1, -1))
    assert found.shape == (2, 3, SYMBOLS, LENGTH)
    # Two heads: scores fall by 2 and by 1 a symbol backwards, and nothing ahead is seen.
    distance = torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)
    mask = -torch.tensor([2.0, 1.0])[:, None, None] * distance
    mask = mask.masked_fill(distance < 0, -torch.inf).repeat(3, 1, 1)
    (linear,) = ours.blocks
    for s in range(2):
        theirs = as_pytorch(linear, s, WIDTH, 2, 4 * WIDTH)
        with torch.no_grad():
            hidden = theirs(ours.embed[s][x[0]], src_mask=mask)
            hidden = torch.nn.functional.layer_norm(hidden, (WIDTH,))
            wanted = hidden @ ours.last.weight[s] + ours.last.bias[s]
        torch.testing.assert_close(found[s].transpose(1, 2), wanted, atol=1e-5, rtol=1e-4)
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize("training", [False, True])
def test_no_prediction_sees_what_follows(x, training):
    changed = x.clone()
    changed[..., 4:] = (changed[..., 4:] + 1) % SYMBOLS
    first, second = (decoder(0.3).train(training)(each) for each in (x, changed))
    torch.testing.assert_close(first[..., :4], second[..., :4])
    assert not torch.allclose(first[..., 4:], second[..., 4:])


def test_it_drops_the_embedding_the_attention_and_both_branches(x, monkeypatch):
    shapes = []
    forward = SeedDropout.forward

    def note(self, given):
        shapes.append(tuple(given.shape))
        return forward(self, given)

    monkeypatch.setattr(SeedDropout, "forward", note)
    decoder(0.5, depth=1).train()(x)
    branch = (1, 3 * LENGTH, WIDTH)
    assert shapes == [(1, 3, LENGTH, WIDTH), (1, 3, 2, LENGTH, LENGTH), branch, branch]


def test_weights_do_not_depend_on_p_and_evaluation_drops_nothing(x):
    plain, dropped = decoder(0.0), decoder(0.5)
    assert torch.equal(plain.train()(x), dropped.eval()(x))
    assert not torch.equal(plain(x), dropped.train()(x))


# The study.


def run(arm, **changed):
    return repeated_text.repeated_text(0, arm, **STUDY.versions["small"].settings | changed)


def test_both_regimes_take_as_many_steps_on_rows_seen_once_and_again(monkeypatch):
    seen = {}

    def note(net, rows, targets, seeds, *, epochs, batch_size, **more):
        np.testing.assert_array_equal(rows[:, :, 1:], targets[:, :, :-1])
        seen[regime] = rows, epochs * (rows.shape[1] // batch_size), epochs
        for _ in range(seen[regime][1]):
            more["on_step"]()
        return net

    monkeypatch.setattr(repeated_text, "fit", note)
    for regime in repeated_text.REGIMES:
        with torch.no_grad():
            run(f"{regime} none")
    (fresh, steps, once), (few, same, often) = seen["fresh"], seen["repeated"]
    assert (once, often) == (1, fresh.shape[1] // few.shape[1])
    assert steps == same
    np.testing.assert_array_equal(fresh[:, : few.shape[1]], few)


@pytest.mark.parametrize("regime", repeated_text.REGIMES)
def test_p_0_and_no_weight_decay_are_none(regime, monkeypatch):
    none, again, dropped = (run(f"{regime} {kind}") for kind in ("none", "none again", "p=0.1"))
    assert len({found["nll_last"] for found in (none, again, dropped)}) == 3
    monkeypatch.setitem(repeated_text.RATES, "p=0.1", 0.0)
    assert run(f"{regime} p=0.1") == none
    if regime == "repeated":
        given = STUDY.versions["small"].settings["tried"]["repeated none"]
        tried = {"repeated weight decay": [each | {"weight decay": 0.0} for each in given]}
        assert run("repeated weight decay", tried=tried) == none


def test_every_arm_tried_four_candidates_and_keeps_the_pilot_s_choice():
    pilot, full = (STUDY.versions[name].settings["tried"] for name in ("pilot", "full"))
    found = results.load("T1", "pilot")
    for arm, (regime, kind) in repeated_text.ARMS.items():
        if kind == "none again":  # it chooses nothing
            assert full[arm] == full[f"{regime} none"]
            continue
        assert len(pilot[arm]) == 4
        ((candidate, _),) = found.values(arm, "chosen_scaled")
        assert full[arm] == [pilot[arm][candidate]]
