"""What an experiment is, and which there are."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["VERSIONS", "Experiment", "Version", "experiment", "experiments"]

VERSIONS = ("full", "small", "pilot")
_known = {}


@dataclass(frozen=True, kw_only=True)
class Version:
    """Settings of a run and its seeds; the setting ``data`` names the sets it needs."""

    settings: dict
    seeds: tuple[int, ...]

    @property
    def data(self):
        """Names of the sets of `book.data` that it reads."""
        named = self.settings.get("data", ())
        return (named,) if isinstance(named, str) else tuple(named)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment: a function of seed and arm, and the versions in which it is run.

    Parameters
    ----------
    id : str
        Such as ``"R1"``; the name of its file of results.
    title : str
        What it asks, in a few words.
    function : callable
        ``function(seed, arm, **settings)`` gives a dictionary of metrics: numbers, or lists of
        them. With ``batch > 1`` it takes a tuple of seeds and gives a list, one for each.
    arms : tuple of str
        What is compared. Arms share the seed's subset, initial weights and order of rows.
    versions : dict of Version
        ``full`` is what is asserted, ``small`` what a chapter and the tests run, and ``pilot``
        what sets margins and settings, with seeds that neither of the others has.
    batch : int
        Seeds that a call takes at most.
    tolerance : float
        How far a metric may be from the stored one on another machine, relative to it.
    """

    id: str
    title: str
    function: Callable
    arms: tuple[str, ...]
    versions: dict
    batch: int = 1
    tolerance: float = 0.05

    def __post_init__(self):
        if set(self.versions) != set(VERSIONS):
            raise ValueError(f"{self.id}: versions must be {VERSIONS}")
        for name, version in self.versions.items():
            if len(set(version.seeds)) != len(version.seeds) or not version.seeds:
                raise ValueError(f"{self.id}: the {name} version needs seeds, each once")
        if set(self.versions["pilot"].seeds) & set(self.versions["full"].seeds):
            raise ValueError(f"{self.id}: a seed that sets the margin cannot test it")

    def run(self, seeds, arm, version):
        """Return the metrics of some seeds of a version, a list of dictionaries."""
        settings = self.versions[version].settings
        if self.batch > 1:
            return self.function(tuple(seeds), arm, **settings)
        return [self.function(seed, arm, **settings) for seed in seeds]


def experiment(
    id,
    *,
    title,
    arms,
    seeds,
    settings,
    small,
    small_seeds=(0,),
    pilot=None,
    pilot_seeds=(1000,),
    batch=1,
    tolerance=0.05,
):
    """Register the decorated function as an experiment; see `Experiment`.

    Parameters
    ----------
    seeds, small_seeds, pilot_seeds : iterable of int
        Seeds of the three versions.
    settings : dict
        Keyword arguments of the full version, such that JSON can hold them.
    small, pilot : dict
        What differs from `settings` in the other two; a pilot that chooses settings must also
        name a validation set here.

    Raises
    ------
    ValueError
        If the id is taken, or as `Experiment`.
    """

    def register(function):
        if id in _known and _known[id].function.__module__ != function.__module__:
            raise ValueError(f"experiment {id} is already in {_known[id].function.__module__}")
        _known[id] = Experiment(
            id=id,
            title=title,
            function=function,
            arms=tuple(arms),
            versions={
                "full": Version(settings=dict(settings), seeds=tuple(seeds)),
                "small": Version(settings={**settings, **small}, seeds=tuple(small_seeds)),
                "pilot": Version(settings={**settings, **(pilot or {})}, seeds=tuple(pilot_seeds)),
            },
            batch=batch,
            tolerance=tolerance,
        )
        return function

    return register


@functools.cache
def _import_studies():
    from . import studies

    for module in pkgutil.iter_modules(studies.__path__, f"{studies.__name__}."):
        importlib.import_module(module.name)


def experiments():
    """Return all experiments by id: R1, R2, …, S6."""
    _import_studies()
    return {id: _known[id] for id in sorted(_known, key=lambda id: (id[0], int(id[1:])))}
