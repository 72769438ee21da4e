"""What a study asks, written down before it is run in full, and the verdicts that follow from it.

``registered/ID.yml`` names every contrast with its measure, the margins of equivalence, the
seeds, the stopping rule, the tuning and the controls. It is committed before any full result;
the stored result carries the file's digest, and a test compares the order of the commits. What
is not registered is not asserted.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from . import results, statistics

__all__ = ["FOLDER", "Contrast", "Judged", "digest", "judge", "path_of", "read"]

FOLDER = Path(__file__).resolve().parent / "registered"
ALPHA = 0.05
LEVEL = 0.98  # of the intervals of single contrasts, both sides together


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two arms in one measure; the gain is positive if the second is better.

    Parameters
    ----------
    study, question, text : str
        The study, which of its questions, and what is claimed, such that it is gained.
    worse, better : (str, str)
        Arm and metric of each; the metrics differ where one remedy is set beside another
        reading of the same networks.
    margin : float
        The difference that would matter, for "equivalent".
    overlap : float
        As for `statistics.interval`; the file names its two numbers of rows if seeds share any.
    beyond : (str, str), optional
        Two further arms, such as those of fewer rows, whose gain is taken off.
    """

    study: str
    question: str
    text: str
    worse: tuple[str, str]
    better: tuple[str, str]
    margin: float
    overlap: float = 0.0
    beyond: tuple[str, str] | None = None

    @property
    def measure(self):
        """What is counted, such as ``"error"``, at the best moment or the last."""
        return measure_of(self.better[1])

    @property
    def name(self):
        """Measure and moment in words, such as ``"error best"``; both where they differ."""
        names = dict.fromkeys(
            metric.replace("_", " ") for metric in (self.worse[1], self.better[1])
        )
        return " against ".join(names)

    def gain(self, version="full"):
        """Return the gain of each seed."""
        found = results.load(self.study, version)

        def between(worse, better):
            return found.values(worse, self.worse[1]) - found.values(better, self.better[1])

        gain = between(self.worse[0], self.better[0])
        return gain if self.beyond is None else gain - between(*self.beyond)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A contrast with its verdict, its mean gain, and the interval of that alone.

    Parameters
    ----------
    contrast : Contrast
    word : str
        One of `verdicts.WORDS`.
    estimate : float
    interval : tuple of float
    seeds : int
    """

    contrast: Contrast
    word: str
    estimate: float
    interval: tuple[float, float]
    seeds: int


def measure_of(metric):
    """Measure of a metric: ``"nll"`` of ``"nll_last"`` and of ``"mended_nll_best"``."""
    return metric.removeprefix("mended_").rpartition("_")[0]


def path_of(id, folder=FOLDER):
    """Where the registration of an experiment is."""
    return Path(folder) / f"{id}.yml"


def digest(id, folder=FOLDER):
    """SHA-256 of the registration, or None if the experiment has none."""
    path = path_of(id, folder)
    if not path.exists():
        return None
    # A checkout may end lines in another way.
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def read(id, folder=FOLDER):
    """Return the registration, a dictionary; its contrasts are those of `contrasts`."""
    return yaml.safe_load(path_of(id, folder).read_text(encoding="utf-8"))


def contrasts(id):
    """Return every registered `Contrast` of a study, in order.

    A question of the file names two arms and the measures they are compared in; a measure that
    is a pair names the metric of each arm. It may name two arms more whose gain is taken off.
    """
    registered = read(id)
    tested, learnt = registered.get("overlap", (0, 1))
    found = []
    for question, entry in registered["questions"].items():
        for measure in entry["measures"]:
            first, second = (measure, measure) if isinstance(measure, str) else measure
            found.append(
                Contrast(
                    study=id,
                    question=question,
                    text=entry["claim"],
                    worse=(entry["worse"], first),
                    better=(entry["better"], second),
                    margin=registered["margins"][measure_of(second)],
                    overlap=tested / learnt,
                    beyond=tuple(entry["beyond"]) if "beyond" in entry else None,
                )
            )
    return found


@functools.cache
def judge(id):
    """Return a `Judged` for every registered contrast, all of a study judged together.

    Each contrast could be asserted in three ways: that something is gained, that something is
    lost, and that the difference is below the margin. Holm's method goes over all of them, so
    that with probability of at least 95 % none is asserted falsely, as far as differences over
    seeds are normal. What is left decides the word; none is "undecided".
    """
    asked = [(contrast, contrast.gain(), contrast.overlap) for contrast in contrasts(id)]
    gained = [statistics.greater(gain, 0.0, 0.0, overlap=shared) for _, gain, shared in asked]
    lost = [statistics.greater(-gain, 0.0, 0.0, overlap=shared) for _, gain, shared in asked]
    same = [
        statistics.equivalent(gain, 0.0, contrast.margin, overlap=shared)
        for contrast, gain, shared in asked
    ]
    asserted = statistics.holm([*gained, *lost, *same], ALPHA)[1].reshape(3, -1).T
    return tuple(
        Judged(
            contrast=contrast,
            word=word(*which),
            estimate=float(np.mean(gain)),
            interval=statistics.interval(gain, LEVEL, shared),
            seeds=len(gain),
        )
        for (contrast, gain, shared), which in zip(asked, asserted.tolist(), strict=True)
    )


def word(gained, lost, same):
    """Return the verdict of what is asserted; a gain below the margin is a gain all the same."""
    if gained:
        return "supported"
    if lost:
        return "contradicted"
    return "equivalent" if same else "undecided"
