"""What the chapter "Evidence" asserts of the stored results, margin by margin.

Each function gives the assertions of one statement of the book. Margins were fixed from the
pilot seeds, at most half of what those showed, before anybody looked at the full version.
"""

from dataclasses import dataclass, field

import numpy as np

from . import results
from .statistics import Comparison, equivalent, greater, holm, mcnemar, trend, within

__all__ = [
    "HEADLINE",
    "TABLE_2",
    "Assertion",
    "adjusted",
    "headline_unresolved",
    "missed",
    "statements",
]

# Error rates on MNIST that Hinton et al. (2012) and Srivastava et al. (2014, table 2) print.
HEADLINE = {"none": 0.016, "hidden": 0.013, "hidden+input": 0.011}
# Srivastava et al. (2014, table 2): a standard network, and dropout without a limit on norms.
TABLE_2 = {"standard": 0.0160, "dropout": (0.0135, 0.0125)}


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """One thing said of stored results, and the wrong forms that the same check refuses.

    What is refused whatever the data, once the assertion holds, such as the arms exchanged, is no
    wrong form.
    """

    says: str
    holds: Comparison
    rejects: dict = field(default_factory=dict)


def _differ(says, first, second, margin):
    """That the first is greater by the margin."""
    return Assertion(says=says, holds=greater(first, second, margin))


def headline():
    """``emp-mnist-headline``, R1: what the pilot's margins leave, half of its differences."""
    found, pilot = results.load("R1"), results.read("R1", "pilot")
    nll = {arm: found.values(arm, "nll") for arm in HEADLINE}
    margin = np.mean(pilot.values("none", "nll") - pilot.values("hidden+input", "nll")) / 2
    yield _differ("hidden+input: lower NLL than none", nll["none"], nll["hidden+input"], margin)


def headline_unresolved():
    """The comparisons of R1 that are not asserted, because one of them misses its margin."""
    found, pilot = results.load("R1"), results.read("R1", "pilot")
    wrong = {arm: found.values(arm, "wrong") for arm in HEADLINE}
    for arm in ("hidden", "hidden+input"):
        yield f"{arm}: fewer errors than none", mcnemar(wrong["none"], wrong[arm])
    margin = np.mean(pilot.values("none", "nll") - pilot.values("hidden", "nll")) / 2
    nll = (found.values(arm, "nll") for arm in ("none", "hidden"))
    yield "hidden: lower NLL than none", greater(*nll, margin)


def missed():
    """Return (what, comparison) of all that missed a margin set beforehand, and is not asserted."""
    yield from headline_unresolved()
    error = {arm: results.load("S2").values(arm, "error") for arm in ("dropout", "dropconnect")}
    bound = greater(error["dropout"], error["dropconnect"], 0.003)
    yield "DropConnect: fewer errors than dropout", bound


def training_set_size():
    """``emp-training-set-size``, R2."""
    found = results.load("R2")
    sizes = found.settings["sizes"]
    none, dropout = (found.values(arm, "error") for arm in ("none", "dropout"))
    gain = dict(zip(sizes, (none - dropout).T, strict=True))
    yield _differ("gain at n = 1000", gain[1000], np.zeros_like(gain[1000]), 0.004)
    yield _differ("gain at 1000 above gain at 300", gain[1000], gain[300], 0.002)


def keep_rates():
    """``emp-keep-rates``, R3."""
    found = results.load("R3")
    fixed = {q: found.values(f"n fixed, q={q}", "error") for q in (0.1, 0.5, 0.75, 1.0)}
    scaled = found.values("qn fixed, q=0.1", "error")
    yield _differ("q = 0.1: n fixed worse than qn fixed", fixed[0.1], scaled, 0.1)
    yield _differ("n fixed: q = 0.1 worse than q = 0.5", fixed[0.1], fixed[0.5], 0.1)
    yield _differ("n fixed: q = 1 worse than q = 0.75", fixed[1.0], fixed[0.75], 0.0015)


def weight_scaling_vs_mc():
    """``emp-weight-scaling-vs-mc``, R4."""
    found = results.load("R4")
    samples = found.settings["samples"]
    for arm in ("hidden", "hidden+input"):
        scaled, sampled = (found.values(arm, metric) for metric in ("scaled", "sampled"))
        one, last = sampled[:, 0], sampled[:, -1]
        yield _differ(f"{arm}: one pass worse than scaling", one, scaled, 0.01)
        yield Assertion(
            says=f"{arm}: error falls as T grows",
            holds=trend(samples, sampled, -1),
        )
        yield Assertion(
            says=f"{arm}: T = {samples[-1]} equals scaling",
            holds=equivalent(last, scaled, 0.0025),
            rejects={"one pass is enough": equivalent(one, scaled, 0.0025)},
        )


def geometric_arithmetic():
    """``emp-geometric-arithmetic``, R5."""
    found = results.load("R5")
    near, far = (
        np.log(found.values("dropout", f"scaled to {mean}")) for mean in ("geometric", "arithmetic")
    )
    yield _differ("geometric mean 5 times nearer (log)", far, near, np.log(5))
    error = {name: found.values("dropout", name) for name in ("geometric", "arithmetic", "member")}
    pilot = {name: results.read("R5", "pilot").values("dropout", name) for name in error}
    margin = np.mean(pilot["member"] - pilot["geometric"]) / 2
    yield _differ("a subnetwork errs more often", error["member"], error["geometric"], margin)
    yield Assertion(
        says="both means err equally often",
        holds=equivalent(error["geometric"], error["arithmetic"], 0.01),
        rejects={"a subnetwork is as good": equivalent(error["member"], error["geometric"], 0.01)},
    )


def sparsity():
    """``emp-sparsity``, R6."""
    found = results.load("R6")
    value = {
        (arm, metric): found.values(arm, metric)
        for arm in ("none", "dropout")
        for metric in ("activation", "active", "hoyer", "rmse")
    }
    smaller = np.log(value["none", "activation"] / value["dropout", "activation"])
    yield _differ("mean activation (log of ratio)", smaller, np.zeros_like(smaller), np.log(1.5))
    yield _differ("fewer active", value["none", "active"], value["dropout", "active"], 0.1)
    yield _differ("sparser codes", value["dropout", "hoyer"], value["none", "hoyer"], 0.09)
    yield _differ("worse reconstruction", value["dropout", "rmse"], value["none", "rmse"], 0.015)


def alpha_depth():
    """``emp-alpha-depth``, R14."""
    found = results.load("R14")
    alpha, plain = (found.values(arm, "variance") for arm in ("alpha", "plain"))
    yield Assertion(
        says="alpha dropout: variance near 1",
        holds=within(alpha, 0.9, 1.1),
        rejects={"plain dropout keeps it too": within(plain, 0.9, 1.1)},
    )
    yield Assertion(
        says="alpha dropout: mean near 0",
        holds=within(found.values("alpha", "mean"), -0.05, 0.05),
        rejects={"plain dropout keeps it too": within(found.values("plain", "mean"), -0.05, 0.05)},
    )
    yield _differ("plain dropout: variance larger", plain, alpha, 0.3)


def gaussian_bernoulli():
    """``emp-gaussian-bernoulli``, S1."""
    found = results.load("S1")
    arms = ("none", "bernoulli", "gaussian")
    error, nll = ({arm: found.values(arm, m) for arm in arms} for m in ("error", "nll"))
    yield _differ("Bernoulli: lower NLL than none", nll["none"], nll["bernoulli"], 0.012)
    yield _differ("Gaussian: lower NLL than none", nll["none"], nll["gaussian"], 0.012)
    yield Assertion(
        says="same NLL, Gaussian and Bernoulli",
        holds=equivalent(nll["gaussian"], nll["bernoulli"], 0.012),
        rejects={"none equals Bernoulli": equivalent(nll["none"], nll["bernoulli"], 0.012)},
    )
    yield Assertion(
        says="same error, Gaussian and Bernoulli",
        holds=equivalent(error["gaussian"], error["bernoulli"], 0.0025),
    )


def dropconnect():
    """``emp-dropconnect``, S2."""
    found = results.load("S2")
    arms = ("none", "dropconnect", "dropout")
    nll = {arm: found.values(arm, "nll") for arm in arms}
    yield _differ("DropConnect: lower NLL than none", nll["none"], nll["dropconnect"], 0.02)
    yield _differ("dropout: lower NLL than none", nll["none"], nll["dropout"], 0.02)


def stochastic_depth():
    """``emp-stochastic-depth``, S3."""
    found = results.load("S3")
    none, dropped = (found.values(arm, "nll") for arm in ("none", "stochastic depth"))
    yield _differ("NLL falls", none, dropped, 0.08)
    none, dropped = (found.values(arm, "error") for arm in ("none", "stochastic depth"))
    yield Assertion(
        says="error unchanged within a point",
        holds=equivalent(none, dropped, 0.01),
    )


def several_masks():
    """``emp-several-masks``, S5."""
    found = results.load("S5")
    last = {arm: found.values(arm, "last") for arm in ("none", "k=1", "k=4", "k=16")}
    yield _differ("at the end: k = 4 above k = 1", last["k=4"], last["k=1"], 0.08)
    yield _differ("at the end: k = 16 above k = 1", last["k=16"], last["k=1"], 0.11)
    yield _differ("at the end: none above k = 16", last["none"], last["k=16"], 0.14)
    one, many = (found.values(arm, "best") for arm in ("k=1", "k=16"))
    yield Assertion(
        says="at the best epoch: k = 16 equals k = 1",
        holds=equivalent(many, one, 0.03),
        rejects={"as far apart as at the end": equivalent(last["k=16"], last["k=1"], 0.03)},
    )


STATEMENTS = {
    "emp-mnist-headline": ("R1", headline),
    "emp-training-set-size": ("R2", training_set_size),
    "emp-keep-rates": ("R3", keep_rates),
    "emp-weight-scaling-vs-mc": ("R4", weight_scaling_vs_mc),
    "emp-geometric-arithmetic": ("R5", geometric_arithmetic),
    "emp-sparsity": ("R6", sparsity),
    "emp-alpha-depth": ("R14", alpha_depth),
    "emp-gaussian-bernoulli": ("S1", gaussian_bernoulli),
    "emp-dropconnect": ("S2", dropconnect),
    "emp-stochastic-depth": ("S3", stochastic_depth),
    "emp-several-masks": ("S5", several_masks),
}


def statements():
    """Return the assertions of each statement."""
    return {label: list(function()) for label, (_, function) in STATEMENTS.items()}


def adjusted(missed=()):
    """Return all assertions with Holm's adjusted p-values: (label, assertion, p, asserted).

    Parameters
    ----------
    missed : iterable of (str, Comparison)
        Comparisons that are counted as well without being asserted, as `missed` gives them.
    """
    rows = [(label, each) for label, found in statements().items() for each in found]
    family = [each.holds for _, each in rows] + [comparison for _, comparison in missed]
    p_values, asserted = (values[: len(rows)] for values in holm(family))
    return [(*row, p, ok) for row, p, ok in zip(rows, p_values, asserted, strict=True)]
