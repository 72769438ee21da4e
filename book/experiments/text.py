"""Texts as experiments use them: rows of characters for each seed, and a model that only counts.

A row is a window of a text; each of its characters but the first is predicted from those before.
"""

import functools
import string

import numpy as np
from scipy import sparse

from book import data

from .dealing import own_rows
from .networks import stream

__all__ = ["LENGTH", "counted", "rows_of"]

LENGTH = 64  # characters of a row
PIECE = 32  # rows that stay together, so that few rows have a neighbour in another part
ALPHABET = "\n !&',-.:;?[]" + string.ascii_letters


@functools.cache
def _shuffled(name):
    """All rows of a set as numbers of symbols, in an order that is the same for every seed."""
    found = data.load(name)
    if found.features.ndim == 2:
        rows = found.features.reshape(len(found.features), -1)[:, :LENGTH]
        return rows[stream(0, f"rows of {name}").permutation(len(rows))].astype(np.int64)
    # Lines end in two blanks in Markdown; its other marks are not in the alphabet.
    text = "".join(found.features.tolist()).replace("  \n", "\n")
    number = {symbol: i for i, symbol in enumerate(ALPHABET)}
    symbols = np.array([number[symbol] for symbol in text if symbol in number])
    size = PIECE * LENGTH
    pieces = symbols[: len(symbols) // size * size].reshape(-1, PIECE, LENGTH)
    order = stream(0, f"pieces of {name}").permutation(len(pieces))
    return pieces[order].reshape(-1, LENGTH)


def rows_of(name, seeds, sizes):
    """Rows of characters for each seed, which no other seed has.

    The text is cut into pieces of `PIECE` rows, which are shuffled once and dealt out.

    Parameters
    ----------
    name : str
        A set of texts in `book.data`, or ``"digits"``, whose grey values are read pixel by pixel.
    seeds : sequence of int
        As for `dealing.own_rows`.
    sizes : sequence of int
        Rows for training, validation and test.

    Returns
    -------
    rows : ndarray of int64, shape (S, N, LENGTH)
        The parts one after the other.
    symbols : int
        How many symbols there are.

    Raises
    ------
    ValueError
        If the text has too few rows for a seed to have its own.
    """
    rows = _shuffled(name)
    return rows[own_rows(name, len(rows), seeds, sizes)], int(rows.max()) + 1


def counted(rows, judged, symbols, longest):
    """Log probabilities of an interpolated model of n-grams (Witten and Bell 1991).

    Behind a context that was followed n times, by d different symbols, the symbols have their
    counts and d more, shared out as behind the context without its first symbol; behind the
    empty context they are shared out evenly. No context goes beyond the row.

    Parameters
    ----------
    rows, judged : ndarray of int, shapes (N, T) and (M, T)
        Rows to count in, and rows to predict.
    symbols, longest : int
        How many symbols there are, and how many the longest context has.

    Returns
    -------
    ndarray, shape (M, T - 1, symbols)
        Of the second and each later symbol of a row.
    """
    length = rows.shape[1]
    found = np.full((len(judged), length - 1, symbols), 1 / symbols)
    for context in range(longest + 1):
        seen, asked = (_contexts(each, context, symbols) for each in (rows, judged))
        known, place = np.unique(seen, return_inverse=True)
        following = rows[:, max(context, 1) :].ravel()
        counts = sparse.coo_array((np.ones(len(following)), (place.ravel(), following)))
        counts = counts.tocsr()
        counts.resize(len(known), symbols)
        at = np.searchsorted(known, asked).clip(max=len(known) - 1)
        hit = known[at] == asked
        own = counts[at[hit]]
        total, kinds = own.sum(axis=1)[:, None], (own > 0).sum(axis=1)[:, None]
        tail = found[:, max(context, 1) - 1 :].reshape(-1, symbols)
        tail[hit] = (own.toarray() + kinds * tail[hit]) / (total + kinds)
        found[:, max(context, 1) - 1 :] = tail.reshape(len(judged), -1, symbols)
    return np.log(found)


def _contexts(rows, context, symbols):
    """Numbers of the contexts of that many symbols in front of each symbol that has one."""
    ends = rows.shape[1]
    first = max(context, 1)
    codes = np.zeros((len(rows), ends - first), dtype=np.int64)
    for back in range(1, context + 1):
        codes = codes * symbols + rows[:, first - back : ends - back]
    return codes.ravel()
