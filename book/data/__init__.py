"""Real data behind one interface: `load` a set by name, with its licence and its source.

Nothing is downloaded unless `fetch` is called. Most sets arrive inside packages that
the extra ``data`` of the book brings; complete MNIST and Fashion-MNIST are read from the
folder that the environment variable ``DROPOUTLIB_DATA`` names. What is missing is said in one
sentence, with what to install.
"""

from . import idx, packaged, uci
from .dataset import Dataset, DatasetNotFoundError
from .idx import fetch
from .uci import published_splits

__all__ = ["Dataset", "DatasetNotFoundError", "fetch", "load", "names", "published_splits"]

LOADERS = {
    function.__name__: function
    for function in (
        *(getattr(packaged, name) for name in packaged.__all__),
        *(getattr(uci, name) for name in uci.__all__ if name != "published_splits"),
        idx.mnist,
        idx.fashion_mnist,
    )
}


def names():
    """Names of all sets, sorted."""
    return sorted(LOADERS)


def load(name):
    """Load a set of data.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Dataset
        Features, targets, names, licence and citation.

    Raises
    ------
    ValueError
        For an unknown name, or if a file is not what was published.
    DatasetNotFoundError
        If the set is not on this machine; the message says how to get it.

    Examples
    --------
    >>> names()[:4]
    ['airfoil', 'breast_cancer', 'co2', 'concrete']
    """
    if name not in LOADERS:
        raise ValueError(f"load knows {', '.join(names())}, got name={name!r}")
    return LOADERS[name]()
