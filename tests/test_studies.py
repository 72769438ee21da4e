"""What single experiments show, and the controls that their code must pass."""

import numpy as np
import pytest

from experiments import images, registry, results, statistics
from experiments.studies import alpha_depth

KNOWN = registry.experiments()


def settings(id, version="small", **changed):
    return KNOWN[id].versions[version].settings | changed


# R14.


@pytest.mark.parametrize("arm", ["none", "alpha"])
def test_alpha_keeps_its_moments_at_infinite_width(arm):
    means, variances = alpha_depth.infinite_width(arm, 32, 0.1)
    np.testing.assert_allclose(means, 0, atol=1e-9)
    np.testing.assert_allclose(variances, 1, atol=1e-9)


def test_plain_dropout_tends_to_another_variance():
    means, variances = alpha_depth.infinite_width("plain", 200, 0.1)
    assert variances[0] == pytest.approx(1 / 0.9)  # E selu(z)^2 = 1 and E selu(z) = 0
    assert abs(variances[-1] - variances[-2]) < 1e-9
    assert variances[-1] > 1.6
    assert means[-1] > 0.05


@pytest.mark.parametrize("arm", alpha_depth.ARMS)
def test_finite_width_is_near_infinite_width(arm):
    found = results.load("R14")
    depth, p = found.settings["depth"], found.settings["p"]
    means, variances = (curve[-1] for curve in alpha_depth.infinite_width(arm, depth, p))
    assert statistics.within(found.values(arm, "mean"), means - 0.05, means + 0.05)
    assert statistics.within(found.values(arm, "variance"), variances - 0.1, variances + 0.1)


@pytest.mark.parametrize("arm", ["alpha", "plain"])
def test_no_dropout_is_no_difference(arm):
    without = alpha_depth.alpha_depth(0, "none", **settings("R14"))
    assert alpha_depth.alpha_depth(0, arm, **settings("R14", p=0.0)) == without


# R1.

PUBLISHED = {"none": 0.016, "hidden": 0.013, "hidden+input": 0.011}  # Hinton et al. (2012)


def whole(id):
    found = results.read(id, "full")
    if found is None or len(found.seeds) < len(KNOWN[id].versions["full"].seeds):
        pytest.skip(f"the full version of {id} is not complete")
    return found


@pytest.mark.parametrize("arm", ["hidden", "hidden+input"])
def test_dropout_lowers_the_errors_on_mnist(arm):
    found = whole("R1")
    without, dropped = found.values("none", "wrong"), found.values(arm, "wrong")
    assert statistics.mcnemar(without, dropped)
    assert not statistics.mcnemar(dropped, without)
    assert not statistics.mcnemar(without, without)


@pytest.mark.parametrize("arm", PUBLISHED)
def test_error_rate_is_near_the_published_one(arm):
    errors = whole("R1").values(arm, "error")
    assert statistics.within(errors, PUBLISHED[arm] - 0.0025, PUBLISHED[arm] + 0.0025)


def test_pilot_does_not_see_the_test_set():
    pilot = settings("R1", "pilot")
    assert pilot["held_out"] is not None
    x, _, held_out, _ = images.split("mnist_5k", 1000, seed=3)
    assert len(x) == 4000
    assert not {row.tobytes() for row in x} & {row.tobytes() for row in held_out}
