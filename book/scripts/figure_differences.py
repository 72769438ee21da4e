"""How far two stored pictures differ by more than another machine's rounding."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from book.scripts.figures import (
    COORDINATE,
    EMBEDDED,
    LINK,
    compact,
    path_kinds,
    path_lines,
    replace_names,
)

# The largest shift of a point of a line, in points of 1/72 inch. Measured: other roundings of the
# same lines stay below 0.06, another seed of a Monte Carlo curve gives 1. Another digit, another
# colour or one line more is no question of distance.
TOLERANCE = 0.25
# The largest root mean square difference, of 255, in any tile of 16 x 16 pixels of an image within.
TOLERANCE_OF_PIXELS = 8.0
TILE = 16
PLACES = ("x", "y", "width", "height", "viewBox")  # which another rounding may shift
MOVED = re.compile(r"translate\([^)]*\)")


def difference(one, other):
    """Say how two SVG pictures differ by more than their rounding; None if they do not."""
    first, second = _parts(one), _parts(other)
    if [part[:2] for part in first] != [part[:2] for part in second]:
        return "other elements, styles, kinds of lines or letters"
    shift = pixels = 0.0
    for (_, _, lines, image), (_, _, other_lines, other_image) in zip(first, second, strict=True):
        shift = max(shift, _shift(lines, other_lines))
        if image:
            pixels = max(pixels, pixel_distance(image, other_image))
    if shift > TOLERANCE:
        return f"a point is shifted by {shift:.2g} of 1/72 inch, tolerance {TOLERANCE}"
    if pixels > TOLERANCE_OF_PIXELS:
        return f"its pixels differ by {pixels:.2g} of 255, tolerance {TOLERANCE_OF_PIXELS}"
    return None


def _parts(svg):
    """Of each element its name, what must be equal, the points of its lines, and its image."""
    root = ElementTree.fromstring(compact(svg))
    names = {tag.get("id"): str(number) for number, tag in enumerate(root.iter()) if tag.get("id")}
    replace_names(root, names)
    parts = []
    for tag in root.iter():
        values = dict(tag.attrib)
        image = values.pop(LINK) if values.get(LINK, "").startswith(EMBEDDED) else ""
        lines = path_lines(values.get("d", ""))
        values["d"] = path_kinds(values.get("d", ""))
        places = [values.pop(key) for key in PLACES if key in values]
        if moved := MOVED.search(values.get("transform", "")):
            places.append(moved[0])
            values["transform"] = MOVED.sub("", values["transform"])
        numbers = [float(number) for place in places for number in COORDINATE.findall(place)]
        lines.append(np.array([[number, 0.0] for number in numbers]).reshape(-1, 2))
        parts.append((tag.tag, (sorted(values.items()), tag.text), lines, image))
    return parts


def _shift(one, other):
    """Return the largest distance of a point of some lines from the other lines."""
    if len(one) != len(other) or len(one[-1]) != len(other[-1]):
        return float("inf")
    shift = 0.0
    for line, other_line in zip(one, other, strict=True):
        if len(line) == len(other_line):
            found = np.abs(line - other_line).max(initial=0.0)
        else:  # another machine may leave out other points of a line that is nearly straight
            found = max(_from_line(line, other_line), _from_line(other_line, line))
        shift = max(shift, float(found))
    return shift


def _from_line(points, line):
    """Return the largest distance of points from a line through others."""
    start, step = line[:-1], np.diff(line, axis=0)
    if not len(step):
        return float("inf")
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    worst = 0.0
    for point in points:
        along = np.clip(((point - start) * step).sum(axis=1) / length, 0, 1)
        nearest = start + along[:, None] * step
        worst = max(worst, float(np.hypot(*(point - nearest).T).min()))
    return worst


def pixel_distance(one, other):
    """Largest difference of two base64 PNG pictures in any tile, of 255; inf if sizes differ."""
    first, second = _pixels(one), _pixels(other)
    if first.shape != second.shape:
        return float("inf")
    square = ((first - second) ** 2).mean(axis=2)
    square = np.pad(square, [(0, -size % TILE) for size in square.shape])
    rows, columns = (size // TILE for size in square.shape)
    tiles = square.reshape(rows, TILE, columns, TILE).mean(axis=(1, 3))
    return float(np.sqrt(tiles.max()))


def _pixels(png):
    data = base64.b64decode(png.removeprefix(EMBEDDED))
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=float)
