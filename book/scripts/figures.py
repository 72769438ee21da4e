"""Stored pictures: how far two of them differ, and what a PNG file says besides its pixels."""

import base64
import io

import numpy as np
from PIL import Image

# The largest root mean square difference, of 255, in any tile of 16 x 16 pixels. Measured: other
# roundings of the same lines stay below 4; one dot of 200 moved gives 47, and another seed of a
# Monte Carlo curve 30, where the mean over the whole picture is below 2 and notices neither.
TOLERANCE = 8.0
TILE = 16
SIGNATURE = b"\x89PNG\r\n\x1a\n"
REMARKS = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"}


def distance(one, other):
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
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=float)


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
