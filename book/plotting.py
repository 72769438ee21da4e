"""The one figure style of the book, and the colours it gives to what recurs."""

from pathlib import Path

__all__ = ["COLORS", "VERDICTS", "draw_effects", "draw_verdicts", "use_book_style"]

#: Okabe and Ito (2008); the names say what a colour stands for in every figure.
COLORS = {
    "kept": "#0072B2",
    "dropped": "#BBBBBB",
    "mean": "#000000",
    "train": "#D55E00",
    "inference": "#009E73",
    "reference": "#666666",
}
#: Colour and marker of each verdict; the marker tells them apart without colour.
VERDICTS = {
    "supported": (COLORS["kept"], "o"),
    "contradicted": (COLORS["train"], "X"),
    "equivalent": (COLORS["inference"], "s"),
    "undecided": (COLORS["reference"], "d"),
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


def draw_effects(axes, effects):
    """Draw effects with their intervals as rows beside a line at zero, the first on top.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    effects : dict of str to (float, float, float)
        Of each name the lower end of the interval, the estimate and the upper end.
    """
    _draw_rows(axes, [(name, COLORS["kept"], "o", ends) for name, ends in effects.items()])


def draw_verdicts(axes, effects):
    """Draw effects as `draw_effects` does, each in the colour and marker of its verdict.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    effects : list of (str, str, tuple)
        Name and verdict of each, and what `draw_effects` takes. A name may come again.
    """
    _draw_rows(axes, [(name, *VERDICTS[verdict], ends) for name, verdict, ends in effects])


def _draw_rows(axes, rows):
    """Draw rows of name, colour, marker and interval with its middle."""
    axes.axvline(0, color=COLORS["mean"], linewidth=0.8)
    for row, (_, colour, marker, (low, estimate, high)) in enumerate(rows):
        axes.plot([low, high], [row, row], color=colour)
        axes.plot(estimate, row, marker, color=colour, markersize=5)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
