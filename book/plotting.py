"""The one figure style of the book, and the colours it gives to what recurs."""

from pathlib import Path

__all__ = ["COLORS", "use_book_style"]

#: Okabe and Ito (2008); the names say what a colour stands for in every figure.
COLORS = {
    "kept": "#0072B2",
    "dropped": "#BBBBBB",
    "mean": "#000000",
    "train": "#D55E00",
    "inference": "#009E73",
    "reference": "#666666",
}


def use_book_style():
    """Give Matplotlib the book's style, for all figures drawn afterwards.

    Raises
    ------
    ImportError
        If Matplotlib is missing.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("use_book_style() needs Matplotlib: pip install matplotlib") from error
    plt.style.use(Path(__file__).with_name("book.mplstyle"))
