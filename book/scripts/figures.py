"""Stored pictures: an SVG file of Matplotlib without what differs each time.

Matplotlib writes the time, its version, random names and six digits of each number. `compact`
leaves of this what is seen, in half of the bytes, the same each time. Letters are paths, so that
they are seen whatever fonts there are.
"""

import base64
import hashlib
import itertools
import re
from xml.etree import ElementTree

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
REMARKS = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"}
SVG = "http://www.w3.org/2000/svg"
LINK = "href"
OLD_LINK = "{http://www.w3.org/1999/xlink}href"  # as Matplotlib names it
EMBEDDED = "data:image/png;base64,"
DIGITS = 2  # behind the point: a hundredth of 1/72 inch
NUMBER = re.compile(r"(?<![#\w.])-?\d*\.?\d+(?:e[-+]?\d+)?")
COMMAND = re.compile(r"([MLQCZz])([^A-Za-z]*)", re.IGNORECASE)
COORDINATE = re.compile(r"-?\d*\.?\d+(?:e[-+]?\d+)?")
PLACE = re.compile(r"translate\(([-\d.]+) ([-\d.]+)\)")
REFERENCE = re.compile(r"(?<=url\(#)[^)]+|(?<=^#).+")
FEW = 3  # neighbours that are alike, from which on a group for them is shorter
STEP = {"M": 1, "L": 1, "Q": 2, "C": 3}  # points that each command of a path takes

ElementTree.register_namespace("", SVG)


def compact(svg):
    """Return the SVG text of a picture by Matplotlib without what is not seen, named by content."""
    root = ElementTree.fromstring(svg)
    _drop_remarks(root)
    _drop_groups(root, {name for tag in root.iter() for name in _references(tag)})
    _drop_repeats(root)
    for tag in [root, *root.iter(f"{{{SVG}}}g")]:
        _share(tag)
    for tag in root.iter():
        _shift_letter(tag)
        tag.tail = None
        tag.text = tag.text.strip() if tag.text and tag.text.strip() else None
        for key, value in tag.attrib.items():
            tag.set(key, _shorter(key, value))
    _rename(root)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>") + "\n"


def _drop_remarks(root):
    for remark in root.findall(f"{{{SVG}}}metadata"):
        root.remove(remark)
    for tag in root.iter():
        if OLD_LINK in tag.attrib:
            tag.set(LINK, tag.attrib.pop(OLD_LINK))
        for key in ("version", "type"):  # of the picture and of its style sheet
            tag.attrib.pop(key, None)


def _drop_repeats(root):
    """Drop the style of a mark, such as a tick, where the shape that it shows has the same."""
    looks = {f"#{tag.get('id')}": tag.get("style") for tag in root.iter() if "id" in tag.attrib}
    for use in root.iter(f"{{{SVG}}}use"):
        if "style" in use.attrib and use.get("style") == looks.get(use.get(LINK)):
            del use.attrib["style"]


def _share(parent):
    """Give what neighbours have in common, such as the bars of a plot, to a group around them."""
    children = list(parent)
    parent[:] = []
    for look, run in itertools.groupby(children, key=_look):
        alike = list(run)
        if look is None or len(alike) < FEW:
            parent.extend(alike)
            continue
        group = ElementTree.SubElement(parent, f"{{{SVG}}}g", dict(look))
        group.extend(alike)
        for tag in alike:
            for key, _ in look:
                del tag.attrib[key]


def _look(tag):
    """What an element has that a group can have for it, None if nothing."""
    if tag.tag not in (f"{{{SVG}}}path", f"{{{SVG}}}use") or "transform" in tag.attrib:
        return None
    return tuple((key, tag.get(key)) for key in ("clip-path", "style") if key in tag.attrib) or None


def _references(tag):
    return (name for value in tag.attrib.values() for name in REFERENCE.findall(value))


def _drop_groups(parent, used):
    """Take out the names that nothing refers to, and the groups that then say nothing."""
    kept = []
    for child in parent:
        if child.get("id") not in used:
            child.attrib.pop("id", None)
        _drop_groups(child, used)
        kept += child if child.tag == f"{{{SVG}}}g" and not child.attrib else [child]
    parent[:] = kept


def _shift_letter(tag):
    """Say where a letter stands by its place, which is shorter than a transformation."""
    if tag.tag == f"{{{SVG}}}use" and (place := PLACE.fullmatch(tag.get("transform", ""))):
        del tag.attrib["transform"]
        for key, value in zip("xy", place.groups(), strict=True):
            if float(value):
                tag.set(key, value)


def _shorter(key, value):
    if key == LINK:
        if value.startswith(EMBEDDED):
            return EMBEDDED + without_remarks("".join(value.removeprefix(EMBEDDED).split()))
        return value
    if key in ("id", "clip-path"):
        return value
    if key == "d":
        return _written(_commands(value))
    value = " ".join(value.split())
    if key == "transform":  # its scale is multiplied
        return NUMBER.sub(lambda match: f"{float(match[0]):.5g}", value)
    value = NUMBER.sub(lambda match: _rounded(float(match[0]) * 10**DIGITS), value)
    return re.sub(r"([:;]) ", r"\1", value)


def _rounded(hundredths):
    text = f"{hundredths / 10**DIGITS:.{DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _commands(path):
    """Yield the commands of a path as letters with their points, in whole hundredths."""
    at = start = (0, 0)
    for letter, numbers in COMMAND.findall(path):
        values = [round(float(number) * 10**DIGITS) for number in COORDINATE.findall(numbers)]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        step = STEP.get(letter.upper(), 1)
        for first in range(0, max(len(pairs), 1), step):
            points = pairs[first : first + step]
            if letter.islower():  # from where the last command ended
                points = [(at[0] + x, at[1] + y) for x, y in points]
            at = points[-1] if points else start
            start = at if letter in "Mm" else start
            yield letter.upper(), points


def path_lines(path):
    """Return the lines of a path as arrays of points; those that steer a curve count as well."""
    lines = []
    for letter, points in _commands(path):
        if letter == "M":
            lines.append([])
        if points:
            lines[-1] += points
    return [np.array(line) / 10**DIGITS for line in lines]


def path_kinds(path):
    """Return the letters of a path's commands, straight pieces in a row as one: "MLCZ".

    A line that is back at its start is told as closed, "MLZ". There a Z draws nothing, and whether
    Matplotlib writes one for a ring of a contour depends on the last bit of two points.
    """
    letters, at, start = "", None, None
    for letter, points in [*_commands(path), ("M", [None])]:
        if letter == "M" and at is not None and at == start and letters[-1] not in "MZ":
            letters += "Z"
        letters += letter
        at = points[-1] if points else start
        start = at if letter == "M" else start
    return re.sub("L+", "L", letters[:-1])


def _written(commands):
    """Return a path of commands whose points are told from where the last command ended."""
    parts, before = [], ""
    at = start = (0, 0)
    for letter, points in commands:
        origin = (0, 0) if letter == "M" else at
        numbers = [
            _rounded(end - start)
            for pair in points
            for end, start in zip(pair, origin, strict=True)
        ]
        name = letter if letter == "M" else letter.lower()
        parts.append(("" if name == before else name) + " ".join(numbers))
        if name == before:
            parts[-1] = f" {parts[-1]}"
        before = name
        at = points[-1] if points else start
        start = at if letter == "M" else start
    return re.sub(r" (?=-)", "", "".join(parts))


def _rename(root):
    """Number the names, behind a mark of the picture: two pictures in a page share no name."""
    order = [tag.get("id") for tag in root.iter() if "id" in tag.attrib]
    numbers = {name: str(number) for number, name in enumerate(order)}
    replace_names(root, numbers)
    mark = hashlib.sha256(ElementTree.tostring(root)).hexdigest()[:6]
    replace_names(root, {number: f"f{mark}-{number}" for number in numbers.values()})


def replace_names(root, names):
    """Give the elements of a picture, and what refers to them, other names."""
    for tag in root.iter():
        for key, value in tag.attrib.items():
            if key == "id":
                tag.set(key, names[value])
            else:
                tag.set(key, REFERENCE.sub(lambda match: names.get(match[0], match[0]), value))


def without_remarks(png):
    """Drop from a base64 PNG picture what names the program, its version or the time."""
    data = base64.b64decode(png)
    if not data.startswith(SIGNATURE):
        raise ValueError("this is not a PNG picture")
    kept, position = [SIGNATURE], len(SIGNATURE)
    while position < len(data):  # a chunk: length, kind, content, check sum
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] not in REMARKS:
            kept.append(data[position:end])
        position = end
    return base64.b64encode(b"".join(kept)).decode()
