"""torchvision's and timm's layers, also beside a torch without torchvision's own operators.

A build of torchvision for another torch stops at its import, because it looks for operators that
its compiled part would have brought. These layers use none of them: names are enough.
"""

import contextlib

import torch

library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):  # it is there
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from timm.layers import DropPath  # noqa: E402
from torchvision.ops import DropBlock2d, StochasticDepth  # noqa: E402

__all__ = ["DropBlock2d", "DropPath", "StochasticDepth"]
