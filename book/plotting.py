"""The one figure style of the book, and the colours it gives to what recurs."""

import re
from pathlib import Path

__all__ = [
    "COLORS",
    "DARK",
    "VERDICTS",
    "draw_effects",
    "draw_panels",
    "draw_verdicts",
    "on_dark",
    "pixels_on_dark",
    "use_book_style",
]

#: Okabe and Ito (2008); the names say what a colour stands for in every figure.
COLORS = {
    "kept": "#0072B2",
    "dropped": "#BBBBBB",
    "mean": "#000000",
    "train": "#D55E00",
    "inference": "#009E73",
    "reference": "#666666",
}
#: What each colour of the style becomes on a dark ground, brighter and as far from the others.
DARK = {
    "#0072b2": "#5cb8f2",
    "#d55e00": "#ff9147",
    "#009e73": "#3fcf9b",
    "#cc79a7": "#e39cc6",
    "#e69f00": "#ffd866",
    "#56b4e9": "#9fb4ff",
}
#: Ground and letters of the pages in the dark, to which white and black go, and grey between them.
DARK_GROUND, DARK_TEXT = "#121212", "#ced6dd"
#: How far a colour may be rounded where dots are half seen, of 255.
ROUNDING = 4
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


def draw_panels(panels_of, **shared):
    """Draw verdicts side by side, a panel for each label of an x axis.

    Parameters
    ----------
    panels_of : dict of str to list
        Of each label what `draw_verdicts` takes.
    **shared
        As for `matplotlib.pyplot.subplots`, such as ``sharey=True``.
    """
    import matplotlib.pyplot as plt

    height = max(map(len, panels_of.values()))
    _, panels = plt.subplots(
        1,
        len(panels_of),
        figsize=(7.2, 1 + 0.32 * height),
        squeeze=False,
        layout="constrained",
        **shared,
    )
    for axes, (label, effects) in zip(panels[0], panels_of.items(), strict=True):
        draw_verdicts(axes, effects)
        axes.locator_params(axis="x", nbins=3)
        axes.set_xlabel(label, fontsize=8)


def _draw_rows(axes, rows):
    """Draw rows of name, colour, marker and interval with its middle."""
    axes.axvline(0, color=COLORS["mean"], linewidth=0.8)
    for row, (_, colour, marker, (low, estimate, high)) in enumerate(rows):
        axes.plot([low, high], [row, row], color=colour)
        axes.plot(estimate, row, marker, color=colour, markersize=5)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)


def on_dark(svg):
    """Return a figure for a dark page: the colours of the style, white, black and greys changed.

    Other colours stay, such as those of a scale, whose order is its meaning.

    Parameters
    ----------
    svg : str
        A figure in the book's style, drawn for a white ground.

    Returns
    -------
    str
    """
    ground, text = (_parts(colour) for colour in (DARK_GROUND, DARK_TEXT))

    def changed(match):
        colour = match[0].lower()
        red, green, blue = _parts(colour)
        if not red == green == blue:
            return DARK.get(colour, colour)
        light = red / 255
        mixed = (light * g + (1 - light) * t for g, t in zip(ground, text, strict=True))
        return "#" + "".join(f"{round(part):02x}" for part in mixed)

    svg = re.sub(r"(?<=:)#[0-9a-fA-F]{6}\b", changed, svg)
    return svg.replace("<svg ", f'<svg fill="{DARK_TEXT}" ', 1)  # letters say no colour


def pixels_on_dark(pixels):
    """Return an image for a dark page: dots in a colour of the style get that of the dark.

    Parameters
    ----------
    pixels : numpy.ndarray
        Array (height, width, 4) of bytes.

    Returns
    -------
    numpy.ndarray
        Like `pixels`, in which all other colours stay.
    """
    changed = pixels.copy()
    for colour, dark in DARK.items():
        away = abs(pixels[..., :3].astype(int) - _parts(colour)).max(axis=-1)
        changed[away <= ROUNDING, :3] = _parts(dark)
    return changed


def _parts(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
