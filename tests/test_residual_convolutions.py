"""A residual network of convolutions: its shape, what is dropped where, and the study of it."""

import numpy as np
import pytest
import torch
from registered import check_pilots_choice

from book.experiments import registry
from book.experiments.convolutional import INSIDE, SeedResidual
from book.experiments.studies import residual_convolutions as study

STUDY = registry.experiments()["Q9"]
CHANNELS, DEPTH = (4, 6), 2


def network(seeds=(0, 1), **dropped):
    return SeedResidual(seeds, CHANNELS, DEPTH, **dropped)


@pytest.fixture
def x(rng):
    return torch.tensor(rng.random(size=(2, 20, 8, 8)), dtype=torch.float32)


# The network.


def of_torch(net, s, x):
    """The network of one seed in evaluation, put together from PyTorch's own functions."""

    def convolve(layer, x, stride=1):
        linear = layer.linear
        out = linear.weight.shape[2]
        weight = linear.weight[s].T.reshape(out, -1, 3, 3)
        return torch.conv2d(x, weight, linear.bias[s, 0], stride=stride, padding=1)

    def normal(layer, x):
        stored = (layer.mean, layer.variance, layer.weight, layer.bias)
        mean, variance, gain, shift = (each[s, 0] for each in stored)
        return torch.nn.functional.batch_norm(x, mean, variance, gain, shift).relu()

    x = convolve(net.first, x[:, None])
    for number, block in enumerate(net.blocks):
        stride = 2 if number == DEPTH else 1
        first, _, one, second, _, _, two, _ = block.branch
        branch = convolve(two, normal(second, convolve(one, normal(first, x), stride)))
        same = torch.zeros_like(branch)
        same[:, : x.shape[1]] = x[:, :, ::stride, ::stride]
        x = same + branch
    return normal(net.norm, x).mean(dim=(2, 3)) @ net.last.weight[s] + net.last.bias[s]


def test_without_dropout_the_network_is_that_of_pytorch(x):
    net = network()
    net.train()(x)  # so that the running statistics are no longer zero and one
    net.eval()
    for s in range(2):
        torch.testing.assert_close(net(x)[s], of_torch(net, s, x[s]), atol=1e-5, rtol=1e-4)


def seen(net, x, place):
    """What goes into the layer at a place of each branch, and what comes out, in training."""
    found = []
    for block in net.blocks:
        block.branch[place].register_forward_hook(
            lambda layer, given, out: found.append((given[0], out))
        )
    net.train()(x)
    return found


@pytest.mark.parametrize("inside", INSIDE)
def test_units_channels_or_blocks_are_dropped_in_front_of_the_second_convolution(inside, x):
    for before, after in seen(network(inside=inside, p=0.3), x, 5):
        assert (before >= 0).all()  # behind a ReLU
        lost = (after == 0) & (before > 0)
        assert lost.any()
        shares = [
            ((after != 0) & (before > 0)).any(dim=axes) & lost.any(dim=axes)
            for axes in ((3, 4), (2, 3, 4))
        ]
        # Within a map some units stay and others go, but for channels, which go whole.
        assert shares[0].any() == (inside != "channels")
        assert shares[1].any()


@pytest.mark.parametrize("grows", [False, True])
def test_paths_are_dropped_whole_with_the_rate_of_their_block(grows, x):
    x = x.repeat(1, 30, 1, 1)
    rates = study.rates(0.3, 2 * DEPTH, grows)
    for p, (before, after) in zip(rates, seen(network(paths=rates), x, 7), strict=True):
        gone = (after == 0).all(dim=(2, 3, 4))
        torch.testing.assert_close(after[~gone], before[~gone] / (1 - p))
        assert abs(gone.float().mean() - p) <= 6 * np.sqrt(p * (1 - p) / gone.numel())


def test_weights_do_not_depend_on_what_is_dropped(x):
    plain = network().train()(x)
    for dropped in (*({"inside": kind, "p": 0.3} for kind in INSIDE), {"paths": [0.0, 0.5] * 2}):
        assert torch.equal(network(**dropped).eval()(x), network().eval()(x))
        assert not torch.equal(network(**dropped).train()(x), plain)


# The study.


def run(arm, seeds=(0, 1), **changed):
    return study.residual_convolutions(seeds, arm, **STUDY.versions["small"].settings | changed)


@pytest.mark.parametrize("arm", study.DROPPED)
def test_a_rate_of_zero_is_none(arm):
    (given,) = STUDY.versions["small"].settings["tried"][arm]
    wanted, nothing, something = (
        [row["nll_last"] for row in run(kind, tried={kind: [given | {"p": p}]})]
        for kind, p in (("none", 0.0), (arm, 0.0), (arm, 0.3))
    )
    assert nothing == wanted != something


def test_arms_that_drop_differ_and_the_control_has_other_weights():
    (given,) = STUDY.versions["small"].settings["tried"]["units"]
    arms = ("none", "none again", *study.DROPPED)
    tried = [given | {"p": 0.3}]
    found = {arm: run(arm, (0,), tried={arm: tried})[0]["nll_last"] for arm in arms}
    assert len(set(found.values())) == len(arms)


def test_every_arm_tried_four_candidates_and_keeps_the_pilot_s_choice():
    check_pilots_choice(STUDY, {"none again": "none", study.PERMUTED: "units"}, candidates=4)
