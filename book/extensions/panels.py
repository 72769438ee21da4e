"""Stack the two panels of a wide figure, for a page too narrow to show them beside each other.

A figure is parted where nothing is drawn from its top to its bottom, near the middle, if the right
panel has numbers of its own: without those of the left one, a shared axis could not be read. Both
halves show the same drawing, each a part of it, so that nothing is drawn anew.
"""

import re
from xml.etree import ElementTree

import numpy as np

from book.scripts.figures import COORDINATE, LINK, REFERENCE, SVG, path_lines

NEAR_MIDDLE = (0.4, 0.6)  # of the width, where a figure may be parted
GAP = 4  # points of 1/72 inch at least between what stands left and right
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


def _extents(tag, outer, named):
    """Yield from where to where each part of an element reaches across the figure."""
    inner = outer @ _matrix(tag.get("transform", ""))
    kind = tag.tag.removeprefix(f"{{{SVG}}}")
    x, y = float(tag.get("x", 0)), float(tag.get("y", 0))
    found = []
    if kind == "path":
        points = np.concatenate([*path_lines(tag.get("d", "")), np.empty((0, 2))])
        found = [(inner[:2, :2] @ points.T).T[:, 0] + inner[0, 2]] if len(points) else []
    elif kind in ("rect", "image"):
        corners = np.array([[x, y], [x + float(tag.get("width")), y + float(tag.get("height"))]])
        found = [(inner[:2, :2] @ corners.T).T[:, 0] + inner[0, 2]]
    elif kind == "use":
        moved = inner @ _matrix(f"translate({x} {y})")
        yield from _extents(named[tag.get(LINK)[1:]], moved, named)
    elif kind in ("svg", "g", "clipPath"):
        inside = [extent for child in tag for extent in _extents(child, inner, named)]
        found = [np.array(extent) for extent in inside]
        if found and _is_text(tag):  # the room between two words parts nothing
            found = [np.concatenate(found)]
    limits = REFERENCE.findall(tag.get("clip-path", ""))
    low, high = next(_extents(named[limits[0]], outer, named)) if limits else (-np.inf, np.inf)
    for across in found:
        if across.max() >= low and across.min() <= high:
            yield max(across.min(), low), min(across.max(), high)


def _is_labelled(root, at, named):
    """Whether letters stand right of `at` and left of the first frame that follows."""
    frames, letters = [], []
    for tag in root:
        is_frame = "fill:#ffffff" in tag.get("style", "")
        if _is_text(tag) or is_frame:
            (frames if is_frame else letters).extend(_extents(tag, np.eye(3), named))
    edge = min((low for low, _ in frames if low > at), default=-np.inf)
    return any(at < low and high < edge for low, high in letters)


def parting(svg):
    """Return where a figure can be parted, as x in its own units, or None if it cannot be."""
    root = ElementTree.fromstring(svg)
    width = float(root.get("viewBox").split()[2])
    named = {tag.get("id"): tag for tag in root.iter() if tag.get("id")}
    ground = root.find(f"{{{SVG}}}path")
    drawn = (tag for tag in root if tag is not ground)
    extents = sorted(part for tag in drawn for part in _extents(tag, np.eye(3), named))
    gaps, end = [], 0.0
    for low, high in extents:
        gaps.append((low - end, (low + end) / 2))
        end = max(end, high)
    inside = [gap for gap in gaps if NEAR_MIDDLE[0] < gap[1] / width < NEAR_MIDDLE[1]]
    size, middle = max(inside, default=(0, None))
    if size < GAP or not _is_labelled(root, middle, named):
        return None
    return round(middle, 2)


def stacked(svg, at):
    """Return a figure whose part right of `at` stands below the rest."""
    width, height = (float(side) for side in SIZE.search(svg).groups())
    broad = max(at, width - at)
    head, rest = re.match(r"(<svg\b[^>]*>)(.*)</svg>", svg, re.DOTALL).groups()
    head = re.sub(r' (?:width|height|viewBox)="[^"]*"', "", head)
    return (
        f'{head[:-1]} width="{broad:g}pt" height="{2 * height:g}pt" '
        f'viewBox="0 0 {broad:g} {2 * height:g}">'
        f'<svg width="{at:g}" height="{height:g}"><g id="whole">{rest}</g></svg>'
        f'<svg y="{height:g}" width="{width - at:g}" height="{height:g}" '
        f'viewBox="{at:g} 0 {width - at:g} {height:g}"><use href="#whole"/></svg></svg>\n'
    )
