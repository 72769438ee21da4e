"""Seeds, and the state of generators that are none of the layer's business."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

from ..processes import ELSEWHERE, masks_elsewhere
from ..registry import Finding, check, fault, holds, note

if TYPE_CHECKING:
    from ..subject import Subject

__all__: list[str] = []


def _seeded(subject: Subject, number: int, evaluate: bool = False) -> np.ndarray:
    """The mask of one call after a seed, and after an evaluation if wanted."""
    layer, x = subject.layer(0.5), np.ones(subject.shape(64, 50), "float32")
    subject.adapter.seed(layer, number)
    if evaluate:
        subject.run(layer, x, training=False)
    return subject.adapter.numpy(subject.run(layer, x))


@check("seeds")
def seed_decides_the_mask(subject: Subject) -> Finding:
    """The same seed gives the same mask, and another seed another one.

    Proves: for three seeds, on 3200 units or more; equal masks for different seeds come with
    probability 2^-3200.
    Misses: whether the streams of different seeds overlap later.
    """
    first, again, other = (_seeded(subject, number) for number in (1, 1, 2))
    third = _seeded(subject, 3)
    if not np.array_equal(first, again):
        return fault("two runs from the same seed have different masks")
    if any(np.array_equal(*pair) for pair in ((first, other), (first, third), (other, third))):
        return fault("runs from different seeds have the same mask")
    return holds("equal from equal seeds, different from three")


@check("seeds")
def processes_agree_on_a_seed(subject: Subject) -> Finding:
    """A seed gives the same mask in another process, and a process without one another mask.

    Proves: for one seed, against one new process on this machine, on 3200 units or more. Equal
    first masks of the two, before either set a seed, are a note: workers that are seeded alike
    draw alike.
    Misses: forked processes, other machines and numbers of threads. Where a seed was set before
    the examination, or the caller hands in every key, the second part cannot fail.
    """
    bare, seeded = masks_elsewhere(subject)
    if seeded is not None and seeded != subject.pack(_seeded(subject, ELSEWHERE)):
        return fault("a seed gives another mask in another process")
    if bare == subject.first:
        return note("two processes that set no seed draw the same mask")
    if seeded is None:
        return holds("two processes that set no seed differ; no seed can be set")
    return holds("equal from one seed, different without")


@check("seeds")
def evaluation_draws_nothing(subject: Subject) -> Finding:
    """Evaluation leaves the generator where it was.

    Proves: the mask that follows a seed is the same with an evaluation in between.
    Misses: frameworks in which the caller hands in every key, where this cannot fail.
    """
    alone, after = _seeded(subject, 1), _seeded(subject, 1, evaluate=True)
    if np.array_equal(alone, after):
        return holds("the next mask is the same with an evaluation before it")
    return note("an evaluation changes the masks that follow")


@check("seeds")
def other_generators_are_left_alone(subject: Subject) -> Finding:
    """A call leaves the global generators of NumPy and of Python as they were.

    Proves: their states are equal before and after building a layer and training it once.
    Misses: other global states. A layer in NumPy may draw from NumPy's own, and is not asked.
    """
    if subject.adapter.framework == "NumPy":
        return Finding(status="not run", seen="a layer in NumPy may draw from NumPy's state")
    own = random.getstate(), np.random.get_state()  # noqa: NPY002 # looked at, and put back
    try:
        random.seed(subject.seed + 1)  # a state that a layer which seeds them would not leave
        np.random.seed(subject.seed + 1)  # noqa: NPY002
        before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
        subject.train(np.ones(subject.shape(8, 50), "float32"))
        after = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
    finally:
        random.setstate(own[0])
        np.random.set_state(own[1])  # noqa: NPY002
    names = ("Python's", "NumPy's")
    changed = [name for name, a, b in zip(names, before, after, strict=True) if a != b]
    if changed:
        return note(f"{' and '.join(changed)} global generator was advanced")
    return holds("both are as they were")
