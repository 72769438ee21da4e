"""Complete MNIST and Fashion-MNIST: IDX files in a local folder, their contents verified."""

import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

import numpy as np

from .dataset import DatasetNotFoundError, classification
from .packaged import DIGIT_NAMES, MNIST_SOURCE, MNIST_TERMS

__all__ = ["FOLDER_VARIABLE", "fashion_mnist", "fetch", "mnist"]

FOLDER_VARIABLE = "DROPOUTLIB_DATA"
PARTS = ("train", "t10k")
ROWS = (slice(60000), slice(60000, None))  # of the two parts in OpenML's one table
# SHA-256 of the files unpacked: how they were packed does not matter.
CHECKSUMS = {
    "mnist": {
        "train-images-idx3-ubyte": (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        "train-labels-idx1-ubyte": (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        "t10k-images-idx3-ubyte": (
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        "t10k-labels-idx1-ubyte": (
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        "t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    },
}
OPENML_IDS = {"mnist": 554, "fashion_mnist": 40996}
GARMENTS = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def mnist(folder=None):
    """Complete MNIST, 60000 digits and 10000 test digits of 28 x 28 pixels, 0 to 255.

    Parameters
    ----------
    folder : path, optional
        Folder with a subfolder ``mnist``; by default what the environment variable
        ``DROPOUTLIB_DATA`` names.

    Returns
    -------
    Dataset
        Its last 10000 rows are the test set.

    Raises
    ------
    DatasetNotFoundError
        If the folder or a file is not there.
    ValueError
        If a file is not what was published.
    """
    facts = {"licence": MNIST_TERMS, "citation": MNIST_SOURCE}
    return _load("mnist", folder, DIGIT_NAMES, facts)


def fashion_mnist(folder=None):
    """Complete Fashion-MNIST, in the form of `mnist`, from the subfolder ``fashion_mnist``.

    Parameters, return value and errors as for `mnist`.
    """
    citation = "Xiao, Rasul and Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747"
    return _load("fashion_mnist", folder, GARMENTS, {"licence": "MIT", "citation": citation})


def _load(name, folder, class_names, facts):
    place = _place(name, folder)
    images = [_read(name, place, f"{part}-images-idx3-ubyte") for part in PARTS]
    labels = [_read(name, place, f"{part}-labels-idx1-ubyte") for part in PARTS]
    features = np.concatenate(images).reshape(-1, 28 * 28)
    targets = np.concatenate(labels)
    return classification(name, features, targets, class_names, test_rows=len(labels[1]), **facts)


def _place(name, folder):
    folder = folder or os.environ.get(FOLDER_VARIABLE)
    if not folder:
        raise DatasetNotFoundError(
            f"the complete set {name!r} is read from the folder that the environment variable "
            f"{FOLDER_VARIABLE} names: set it, and fill the folder with its IDX files or with "
            f"book.data.fetch({name!r}, folder)"
        )
    return Path(folder) / name


def _read(name, place, file):
    """Contents of an IDX file, packed by gzip or not, as an array."""
    path = next((p for p in (place / f"{file}.gz", place / file) if p.exists()), None)
    if path is None:
        raise DatasetNotFoundError(
            f"{place / file}.gz is missing: put the four IDX files of {name} there, or call "
            f"book.data.fetch({name!r}, {str(place.parent)!r}) on a connected machine"
        )
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path} is damaged, get it again: {error}") from error
    _verify(name, file, content, path)
    rank = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)


def _verify(name, file, content, where):
    found, wanted = hashlib.sha256(content).hexdigest(), CHECKSUMS[name][file]
    if found != wanted:
        raise ValueError(f"{where} is not the published {file}: SHA-256 {found}, not {wanted}")


def fetch(name, folder):
    """Download a complete set from OpenML into a folder, where `load` finds it.

    scikit-learn checks OpenML's md5 sum of what it downloads; what is written is the published
    IDX files, byte by byte, or nothing: each is verified and put in place at once.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist"}
        Which set.
    folder : path
        Where its subfolder is made; let ``DROPOUTLIB_DATA`` name it.

    Returns
    -------
    pathlib.Path
        The subfolder.

    Raises
    ------
    ValueError
        For another name, or if OpenML's rows are not the published ones.
    OSError
        Without a connection.
    """
    if name not in OPENML_IDS:
        raise ValueError(f"fetch knows {sorted(OPENML_IDS)}, got name={name!r}")
    from sklearn.datasets import fetch_openml

    found = fetch_openml(data_id=OPENML_IDS[name], as_frame=False, parser="auto")
    images = np.asarray(found.data).reshape(-1, 28, 28).astype(np.uint8)
    labels = np.asarray(found.target).astype(np.uint8)
    contents = {}
    for part, rows in zip(PARTS, ROWS, strict=True):
        contents[f"{part}-images-idx3-ubyte"] = _idx(images[rows])
        contents[f"{part}-labels-idx1-ubyte"] = _idx(labels[rows])
    for file, content in contents.items():
        _verify(name, file, content, f"OpenML's set {OPENML_IDS[name]}")
    place = Path(folder) / name
    place.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        _write(place / f"{file}.gz", gzip.compress(content, mtime=0))
    return place


def _idx(array):
    """The IDX file of an array of bytes."""
    magic = bytes((0, 0, 8, array.ndim))
    return magic + np.array(array.shape, dtype=">u4").tobytes() + array.tobytes()


def _write(path, content):
    """Write a file at once or, whatever interrupts it, not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
