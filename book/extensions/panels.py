"""Stack the panels of a wide figure, for a page too narrow to show them beside each other.

A figure is parted where nothing is drawn from its top to its bottom, between two panels. A panel
that reads its heights from the numbers of another gets a copy of these to its left. All parts show
the same drawing, each a strip of it, so that nothing is drawn anew.
"""

import itertools
import re
from xml.etree import ElementTree

import numpy as np

from book.scripts.figures import COORDINATE, LINK, REFERENCE, SVG, path_lines

# In points of 1/72 inch.
GAP = 4  # at least, between what stands left and right of where a figure is parted
BAR = 30  # a frame that is narrower is the scale of colours of the panel left of it
TICK = 4  # the marks of an axis reach so far out of its frame
FOOT = 5  # the lowest number of an axis reaches so far below its frame
ROW = 350  # panels that need no more stand beside each other, also on a phone
SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
TRANSFORM = re.compile(r"(\w+)\(([^)]*)\)")


def _matrix(transform):
    """Return what the `transform` of an element does, as an array (3, 3)."""
    whole = np.eye(3)
    for name, numbers in TRANSFORM.findall(transform):
        given = [float(number) for number in COORDINATE.findall(numbers)]
        part = np.eye(3)
        if name == "translate":
            part[:2, 2] = [*given, 0][:2]
        elif name == "scale":
            part[0, 0], part[1, 1] = (*given, given[0])[:2]
        elif name == "rotate":  # about a point, the origin by default
            turn, (x, y) = np.radians(given[0]), (*given[1:], 0, 0)[:2]
            part[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
            part[:2, 2] = np.array([x, y]) - part[:2, :2] @ [x, y]
        else:
            part[:2] = np.reshape(given, (3, 2)).T
        whole = whole @ part
    return whole


def _is_text(tag):
    return tag.tag == f"{{{SVG}}}g" and "scale" in tag.get("transform", "")


def _extents(tag, outer, named, axis=0):
    """Yield from where to where each part of an element reaches across the figure, or down it."""
    inner = outer @ _matrix(tag.get("transform", ""))
    kind = tag.tag.removeprefix(f"{{{SVG}}}")
    x, y = float(tag.get("x", 0)), float(tag.get("y", 0))
    found = []
    if kind == "path":
        points = np.concatenate([*path_lines(tag.get("d", "")), np.empty((0, 2))])
        found = [(inner[:2, :2] @ points.T)[axis] + inner[axis, 2]] if len(points) else []
    elif kind in ("rect", "image"):
        corners = np.array([[x, y], [x + float(tag.get("width")), y + float(tag.get("height"))]])
        found = [(inner[:2, :2] @ corners.T)[axis] + inner[axis, 2]]
    elif kind == "use":
        moved = inner @ _matrix(f"translate({x} {y})")
        yield from _extents(named[tag.get(LINK)[1:]], moved, named, axis)
    elif kind in ("svg", "g", "clipPath"):
        inside = [extent for child in tag for extent in _extents(child, inner, named, axis)]
        found = [np.array(extent) for extent in inside]
        if found and _is_text(tag):  # the room between two words parts nothing
            found = [np.concatenate(found)]
    limits = REFERENCE.findall(tag.get("clip-path", ""))
    low, high = -np.inf, np.inf
    if limits:
        low, high = next(_extents(named[limits[0]], outer, named, axis))
    for across in found:
        if across.max() >= low and across.min() <= high:
            yield max(across.min(), low), min(across.max(), high)


def _panels(root):
    """Return of each panel that can be parted from the last its start and its frame's left edge.

    Beside them stands whether there are letters left of the frame, and marks of an axis at it.
    """
    named = {tag.get("id"): tag for tag in root.iter() if tag.get("id")}
    ground = root.find(f"{{{SVG}}}path")
    drawn, frames, letters = [], [], []
    for tag in root:
        if tag is not ground:
            found = list(_extents(tag, np.eye(3), named))
            drawn += found
            letters += found if _is_text(tag) else []
            frames += found if "fill:#ffffff" in tag.get("style", "") else []
    frames = sorted(frame for frame in frames if frame[1] - frame[0] > BAR)
    gaps, end = [], 0.0
    for low, high in sorted(drawn):
        gaps.append((float(low - end), round(float(low + end) / 2, 2)))
        end = max(end, high)
    starts = [(0.0, frames[0][0])] if frames else []
    for (_, left), (right, _) in itertools.pairwise(frames):
        size, middle = max((gap for gap in gaps if left < gap[1] < right), default=(0, None))
        if size >= GAP:
            starts.append((middle, right))
    marks = [(low, high) for low, high in drawn if TICK - 1 < high - low < TICK]
    return [
        (
            at,
            edge,
            any(at < low and high < edge for low, high in letters),
            any(abs(high - edge) < 1 for _, high in marks),
        )
        for at, edge in starts
    ]


def _foot(root):
    """Return how far down the numbers of axes that stand left of a frame may reach."""
    _, *frames = (tag for tag in root if "fill:#ffffff" in tag.get("style", ""))  # after the ground
    ends = [high for tag in frames for _, high in _extents(tag, np.eye(3), {}, axis=1)]
    return round(float(max(ends, default=0)) + FOOT, 2)


def rows(svg):
    """Return which strips of a figure a narrow page shows, or None if it cannot be parted.

    Returns
    -------
    list of list of (float, float, float), or None
        Of each row the strips from left to right, as their ends in units of the figure, and how
        far down each is shown: a copy of numbers ends above those of the axis below.
    """
    root = ElementTree.fromstring(svg)
    width, height = map(float, root.get("viewBox").split()[2:])
    panels = _panels(root)
    ends = [at for at, *_ in panels[1:]] + [width]
    found, names = [], []
    for (at, edge, labelled, marked), end in zip(panels, ends, strict=False):
        if labelled:
            names = [(at, round(float(edge) - TICK, 2), _foot(root))]
        strip = (at, end, height)
        if found and _broad([*found[-1], strip]) <= ROW:
            found[-1].append(strip)
        else:
            found.append([*names, strip] if marked and not labelled else [strip])
    return found if len(found) > 1 else None


def _broad(strips):
    return sum(high - low for low, high, _ in strips)


def stacked(svg, rows):
    """Return a figure whose strips stand in rows, as `rows` names them."""
    _, height = (float(side) for side in SIZE.search(svg).groups())
    head, content = re.match(r"(<svg\b[^>]*>)(.*)</svg>", svg, re.DOTALL).groups()
    head = re.sub(r' (?:width|height|viewBox)="[^"]*"', "", head)
    broad, high = max(map(_broad, rows)), len(rows) * height
    shown, parts = f'<g id="whole">{content}</g>', []
    for row, strips in enumerate(rows):
        x = 0.0
        for low, end, down in strips:
            place = f'x="{x:g}" y="{row * height:g}" width="{end - low:g}" height="{down:g}"'
            box = f'viewBox="{low:g} 0 {end - low:g} {down:g}"'
            parts.append(f"<svg {place} {box}>{shown}</svg>")
            shown = '<use href="#whole"/>'
            x += end - low
    size = f'width="{broad:g}pt" height="{high:g}pt" viewBox="0 0 {broad:g} {high:g}"'
    return f"{head[:-1]} {size}>{''.join(parts)}</svg>\n"
