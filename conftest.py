"""What `pytest --nbval chapters` needs beyond nbval: the build's kernel, and figures compared.

nbval leaves images out of its comparison, so a stale or replaced figure would pass. Here each
stored figure is held against the one that the run has just drawn.
"""

import base64
import io
import os

import pytest
from notebooks import KERNEL_ENVIRONMENT

# Root mean square of the difference, of 255. Anti-aliasing differs between builds of the font
# renderer by less than 1; changes of one number in a chapter moved its figures by 11 and more.
FIGURE_TOLERANCE = 2.0


def pytest_configure(config):
    """Give the kernels of nbval the environment that the notebooks were built in."""
    if config.getoption("--nbval", default=False):
        os.environ.update(KERNEL_ENVIRONMENT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """After a cell's text has passed, compare its figures."""
    result = yield
    if hasattr(item, "test_outputs"):  # an nbval cell
        stored, fresh = _figures(item.cell.outputs), _figures(item.test_outputs)
        if len(stored) != len(fresh):
            item.raise_cell_error(f"{len(stored)} figures are stored, {len(fresh)} were drawn")
        for number, (one, other) in enumerate(zip(stored, fresh, strict=True), start=1):
            distance = figure_distance(one, other)
            if not distance <= FIGURE_TOLERANCE:
                item.raise_cell_error(
                    f"figure {number} is not what the code draws: difference {distance:.2g}, "
                    f"tolerance {FIGURE_TOLERANCE}; rebuild with `make notebooks`"
                )
    return result


def _figures(outputs):
    data = [output.get("data", {}) for output in outputs]
    return [entry["image/png"] for entry in data if "image/png" in entry]


def figure_distance(one, other):
    """Root mean square difference of two PNG pictures in base64, of 255; inf if sizes differ."""
    import numpy as np
    from PIL import Image

    pixels = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=float)
        for png in (one, other)
    ]
    if pixels[0].shape != pixels[1].shape:
        return float("inf")
    return float(np.sqrt(np.mean((pixels[0] - pixels[1]) ** 2)))
