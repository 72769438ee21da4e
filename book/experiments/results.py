"""Stored results: one small JSON file for each experiment and version."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["FOLDER", "Results", "load", "path_of", "read", "save"]

FOLDER = Path(__file__).resolve().parent / "results"
DIGITS = 8  # significant ones of a stored number: more than another machine gives again


def path_of(id, version, folder=FOLDER):
    """Where the results of a version of an experiment are stored."""
    return Path(folder) / version / f"{id}.json"


@dataclass(kw_only=True)
class Results:
    """What the runs of one version of an experiment gave.

    Parameters
    ----------
    id, title, version : str
        Which experiment.
    settings : dict
        With which settings all of the records were made.
    data : dict
        For each set that was read, its licence and citation.
    environments : list of dict
        Versions of the programs; a record names its own by its position.
    records : list of dict
        For each seed and arm: ``seed``, ``arm``, ``seconds``, ``environment``, ``metrics``.
    registered : str or None
        Digest of the file in which the study was registered before it was run in full.
    """

    id: str
    title: str
    version: str
    settings: dict
    data: dict = field(default_factory=dict)
    environments: list = field(default_factory=list)
    records: list = field(default_factory=list)
    registered: str | None = None

    @property
    def seeds(self):
        """Seeds for which every arm that occurs has a record, ascending."""
        arms = {record["arm"] for record in self.records}
        by_arm = [{r["seed"] for r in self.records if r["arm"] == arm} for arm in arms]
        return sorted(set.intersection(*by_arm)) if by_arm else []

    @property
    def seconds(self):
        """Processor seconds that all records took."""
        return sum(record["seconds"] for record in self.records)

    def values(self, arm, metric):
        """Return the metric of an arm for each of `seeds`, in their order.

        Returns
        -------
        ndarray, shape (seeds,), or (seeds, k) for a metric that is a list of fixed length; a
        list of lists if the lengths differ.

        Raises
        ------
        KeyError
            For an arm or a metric that is not stored.
        """
        found = {r["seed"]: r["metrics"][metric] for r in self.records if r["arm"] == arm}
        if not found:
            raise KeyError(f"{self.id} has no arm {arm!r}")
        rows = [found[seed] for seed in self.seeds]
        if isinstance(rows[0], list) and len({len(row) for row in rows}) > 1:
            return rows
        return np.array(rows)

    def add(self, seed, arm, metrics, seconds, environment):
        """Put a record in its place, instead of an older one of the same seed and arm."""
        if environment not in self.environments:
            self.environments.append(environment)
        self.records = [r for r in self.records if (r["arm"], r["seed"]) != (arm, seed)]
        self.records.append(
            {
                "arm": arm,
                "seed": seed,
                "seconds": round(seconds, 2),
                "environment": self.environments.index(environment),
                "metrics": {name: _short(value) for name, value in metrics.items()},
            }
        )
        self.records.sort(key=lambda record: (record["arm"], record["seed"]))


def _short(value):
    """Return a number, or the numbers of nested lists, with few digits."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def load(id, version="full", folder=FOLDER):
    """Return the stored `Results` of an experiment.

    Raises
    ------
    FileNotFoundError
        If it has not been run; the message says how to.
    """
    results = read(id, version, folder)
    if results is None:
        raise FileNotFoundError(
            f"{id} ({version}) has no results: run  "
            f"python -m book.experiments {id} --version {version}"
        )
    return results


def read(id, version, folder=FOLDER):
    """Return the stored `Results`, or None if there are none."""
    path = path_of(id, version, folder)
    if not path.exists():
        return None
    return Results(**json.loads(path.read_text(encoding="utf-8")))


def save(results, folder=FOLDER):
    """Write the file at once or, whatever interrupts it, not at all; one line a record."""
    path = path_of(results.id, results.version, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {name: value for name, value in vars(results).items() if name != "records"}
    if results.registered is None:
        del head["registered"]
    lines = ",\n".join(f"  {json.dumps(r, ensure_ascii=False)}" for r in results.records)
    text = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    text += f',\n "records": [\n{lines}\n ]\n}}\n'
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
