"""Run the checks on a layer, one after another; what one cannot do stops none of the others."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import metadata
from typing import Any

from . import checks as checks
from .adapters import Adapter, NotOffered, adapter_class
from .registry import CHECKS, KINDS, Check, Finding, fault, ordered, share
from .result import Outcome, Result
from .subject import Raised, Subject
from .targets import guess_kind, guess_spatial, load, name_of

__all__ = ["run"]


def run(
    target: Any,
    *,
    kind: str | None = None,
    p: float = 0.3,
    adapter: str | type[Adapter] | None = None,
    argument: str | None = None,
    keep: bool = False,
    options: dict[str, Any] | None = None,
    spatial: int | None = None,
    seed: int = 0,
    only: Iterable[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Result:
    """Examine a dropout layer of any framework.

    Parameters
    ----------
    target : str or callable
        Class of the layer, a function in NumPy, or either's name as ``"module:Name"`` or
        ``"file.py:Name"``.
    kind : str, optional
        "element", "channel", "path", "alpha", "gaussian", "connect", "block" or "attention": what
        is dropped together, or how; by default what the name suggests.
    p : float
        Drop probability of the checks that need only one, between 0.02 and 0.98.
    adapter : str or type, optional
        One of ``adapters.ADAPTERS``, or a class of one's own, also as ``"module:Name"``; by
        default that of the framework of the layer's class.
    argument : str, optional
        Name under which the layer takes its probability, such as ``"rate"``; by default found.
    keep : bool
        Whether that is the probability of keeping.
    options : dict, optional
        Further arguments of the layer, such as ``{"mode": "row"}``.
    spatial : int, optional
        Axes behind the channels; by default what the name says, or 2.
    seed : int
        Of the inputs, and of the layer where it can be seeded.
    only : iterable of str, optional
        Names of the checks to run, instead of all.
    progress : callable, optional
        Is given the name of each check before it runs.

    Returns
    -------
    Result
        True when no check found a fault. A layer without faults gets one with probability at
        most 1e-6, over all checks together, for a fresh seed.

    Raises
    ------
    ValueError
        If the arguments do not name a layer, a kind or checks, or no layer can be built of them.

    Examples
    --------
    >>> import numpy as np
    >>> def dropout(x, p, training=True):
    ...     return x * (np.random.random(x.shape) >= p) / (1 - p) if training else x
    >>> result = run(dropout, only=["zero-or-scaled", "nothing-left-at-one"])
    >>> [outcome.name for outcome in result.faults]
    ['nothing-left-at-one']
    """
    name = target if isinstance(target, str) else name_of(target)
    target = load(target) if isinstance(target, str) else target
    if not callable(target):
        raise ValueError(f"a layer is a class or a function, got {name}, of {type(target)}")
    short = name.rpartition(":")[2]
    kind = guess_kind(short) if kind is None else kind
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got kind={kind!r}")
    if not 0.02 <= p <= 0.98:  # so that 1600 units have dropped and kept ones, but for 1e-14
        raise ValueError(f"p must lie between 0.02 and 0.98, got p={p!r}")
    if seed < 0 or (spatial is not None and spatial < 0):
        raise ValueError(f"seed and spatial are not negative, got {seed=}, {spatial=}")
    chosen = _chosen(kind, only)
    if kind == "block":
        options = {"block_size": 3, **(options or {})}
    chosen_adapter = adapter_class(target, adapter, kind)
    found = chosen_adapter(target, argument=argument, keep=keep, options=options)
    spatial = guess_spatial(short) if spatial is None else spatial
    subject = Subject(found, kind, p, seed, share(), spatial, name)
    start = _spent()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a layer that warns is asked for what it does
        try:
            subject.layer(p)
        except Raised as error:
            told = "say with argument (--argument) and options (--set) what it takes"
            raise ValueError(f"{name} cannot be built with p={p:g}: {error}; {told}") from error
        subject.start()
        outcomes = []
        for entry in chosen:
            if progress is not None:
                progress(entry.name)
            outcomes.append(_outcome(entry, subject))
        runs = _runs(subject)
    if not runs:  # so that an error is no proof that the layer refuses what it should
        outcomes = [replace(outcome, raised=True) for outcome in outcomes]
    return Result(
        target=name,
        kind=kind,
        p=p,
        framework=found.framework,
        versions=_versions(target, found.distributions),
        seed=seed,
        seconds=round(_spent() - start, 1),
        outcomes=tuple(outcomes),
    )


def _chosen(kind: str, only: Iterable[str] | None) -> list[Check]:
    """The checks to run, of those that are for this kind."""
    names = [entry.name for entry in ordered()] if only is None else list(only)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise ValueError(f"there is no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
    return [CHECKS[name] for name in names if kind in CHECKS[name].kinds]


def _runs(subject: Subject) -> bool:
    """Whether the layer gives an output for plain numbers, in training or in evaluation."""
    for training in (True, False):
        try:
            subject.run(subject.layer(subject.p), subject.input(8, 50), training=training)
        except (NotOffered, Raised):
            continue
        return True
    return False


def _outcome(entry: Check, subject: Subject) -> Outcome:
    """What one check found, also when the layer raised an error in it."""
    start = _spent()
    raised = False
    try:
        finding = entry.function(subject)
    except NotOffered as reason:
        finding = Finding(status="not run", seen=str(reason))
    except Raised as error:
        finding, raised = fault(f"raises {error}"), True
    except Exception as error:  # of the adapter, or of an output that is no array
        told = f"raises {type(error).__name__}: {' '.join(str(error).split())[:160]}"
        finding, raised = fault(told), True
    return Outcome(
        name=entry.name,
        group=entry.group,
        title=entry.title,
        misses=entry.misses,
        status=finding.status,
        seen=finding.seen,
        false_alarm=finding.false_alarm,
        power=finding.power,
        seconds=round(_spent() - start, 2),
        raised=raised,
    )


def _spent() -> float:
    """Seconds of processor time so far, with those of ended child processes but on Windows."""
    return sum(os.times()[:4])


def _versions(target: Any, distributions: tuple[str, ...]) -> dict[str, str]:
    """Versions of what was examined, as far as they are installed, the layer's own first."""
    found = {}
    package = getattr(target, "__module__", "").partition(".")[0]
    own = metadata.packages_distributions().get(package, [])
    for name in dict.fromkeys(name.replace("_", "-") for name in (*own, *distributions)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
