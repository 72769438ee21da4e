"""The statements of the formal proofs, evaluated by Rocq on both sides at random points."""

import os
import re

import numpy as np
import points
import pytest
import ties_layers
import ties_masks
import ties_noise
import ties_reals

from book.scripts import formal, rocq
from book.scripts.build_ledger import ROOT


@pytest.fixture
def rules():
    """Skip where the rules do not compile; under CI, Rocq is expected."""
    if not rocq.available() and os.environ.get("CI") != "true":
        pytest.skip(rocq.INSTALL)
    points.skip_without_first_mathcomp()


RATIONAL = [
    *(ties_masks.FORMULATION + ties_masks.ENSEMBLE),
    *(ties_noise.BAYESIAN + ties_noise.NOISE + ties_noise.GRADIENTS),
    *(ties_layers.VARIANTS + ties_layers.SYSTEMS),
]


def at(point):
    """The ties with their values at the point."""
    return [(theorem, places, values(point)) for theorem, places, values in RATIONAL]


def altered(values, rng):
    """The same values but for one of them, drawn, to which one is added."""
    if isinstance(values, tuple):
        one = rng.integers(len(values))
        return tuple(altered(v, rng) if k == one else v for k, v in enumerate(values))
    return values + 1


def evaluated():
    """Names of the theorems that are tied."""
    known = {theorem.name for theorem in formal.theorems()}
    return {
        next(word for word in re.findall(r"\w+", theorem) if word in known)
        for theorem, *_ in RATIONAL + ties_reals.TIES
    }


def test_all_theorems_are_evaluated_as_the_page_says():
    labels = {theorem.name: theorem.label for theorem in formal.theorems()}
    text = (ROOT / "backmatter" / "methods.md").read_text(encoding="utf-8")
    counted = re.search(r"All (\d+) of them, under (\d+) labels, are also evaluated", text)
    assert counted, "the page does not say how many theorems are evaluated"
    assert evaluated() == set(labels)
    assert tuple(map(int, counted.groups())) == (len(labels), len(set(labels.values())))


@pytest.mark.usefixtures("rules")
def test_both_sides_have_the_value_of_the_enumeration(seed):
    points.run(points.script(points.Point(seed), at(points.Point(seed))))


@pytest.mark.usefixtures("rules")
def test_another_value_is_refused_for_each_of_them(seed):
    point, rng = points.Point(seed), np.random.default_rng(seed)
    wrong = [(theorem, places, altered(values, rng)) for theorem, places, values in at(point)]
    points.run(points.script(point, wrong, fail="Fail "))


def enumerated(point):
    """The sides of each tie over the reals."""
    return [values(point) for _, values in ties_reals.TIES]


def telling(seed):
    """A point at which each side that Rocq computes tells it clearly from two others.

    They are the same with another p, for theorems in which p stands, and one drawn apart.
    A point at which a mask decides nothing, as where both inputs are equal, tells no two apart.
    """
    for attempt in range(100):
        point, halved, apart = (ties_reals.Real([seed, attempt, k]) for k in (0, 0, 1))
        halved.rational = point.p / 2
        here, there, away = map(enumerated, (point, halved, apart))
        with_p = [re.search(r"\bp\b", theorem) for theorem, _ in ties_reals.TIES]
        if all(
            isinstance(one, int) or (abs(one - far) > 1e-3 and (not p or abs(one - other) > 1e-3))
            for sides, others, fars, p in zip(here, there, away, with_p, strict=True)
            for one, other, far in zip(sides, others, fars, strict=True)
        ):
            return point
    raise AssertionError("a side has the same value at every point or for every p")


@pytest.mark.usefixtures("rules")
def test_both_sides_over_the_reals_have_the_value_of_the_enumeration(seed):
    point = telling(seed)
    found = ties_reals.sides(points.run(ties_reals.script(point)))
    wanted = [value for both in enumerated(point) for value in both]
    for side, value in zip(found, wanted, strict=True):
        assert abs(side - value) < 1e-30
